/** One request to a broker and its whole answer: bounded in time and size, through the proxy where there is one, redirected nowhere. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { requester } from '../http.ts';

export type Question = {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the first attempt to connect to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
};

export type Reply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string };

/** No answer, or none that was read to its end. `error` is Node's, which is never shown nor kept: some carry what was sent. */
export type Failed = { readonly failed: 'stopped' | 'unconnected' | 'late' | 'too-large' | 'error'; readonly error?: unknown };

export const connectMs = 5_000;

export async function exchange(question: Question): Promise<Reply | Failed> {
  const { url, method, headers, body, timeoutMs, maxBytes, signal } = question;
  let cut: Failed['failed'] | undefined;
  const timers: NodeJS.Timeout[] = [];
  // Throws where the proxy that is named cannot be used.
  const open = await requester(url);
  try {
    const outgoing = open({ method, headers, signal });
    const end = (because: Failed['failed']) => () => {
      cut ??= because;
      outgoing.destroy();
    };
    const connecting = setTimeout(end('unconnected'), Math.min(connectMs, timeoutMs));
    timers.push(connecting, setTimeout(end('late'), timeoutMs));
    const connected = (): void => clearTimeout(connecting);
    outgoing.once('socket', (socket) => {
      if (outgoing.reusedSocket) connected();
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', connected);
    });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.on('error', reject);
      outgoing.once('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
      outgoing.end(body);
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) end('too-large')();
      else chunks.push(chunk);
    }
    if (cut !== undefined || !response.complete) return { failed: cut ?? 'error' };
    return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') };
  } catch (error) {
    return { failed: signal.aborted ? 'stopped' : (cut ?? 'error'), error };
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}
