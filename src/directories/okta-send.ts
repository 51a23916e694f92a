/** The executor under Okta's SDK: to the org's own origin only, in bounded time and size, redirects never followed; reads are tried again, writes sent once. */

import type { IncomingMessage } from 'node:http';
import { isProviderError, ProviderError } from '../errors.ts';
import { requester } from '../http.ts';
import { type AdapterContext, type Call, inTurn } from './directory.ts';
import { type About, type Answer, broken, type Need, refusal, unreached } from './okta-errors.ts';

export type Outgoing = {
  readonly method: 'GET' | 'PUT' | 'DELETE' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly need: Need;
};

export type Headers = Readonly<Record<string, string>>;
/** Gives the headers that a request is let in with; asked anew for each try. */
export type Authorize = (request: Outgoing) => Promise<Headers>;

export type Sender = {
  /** The answer, whatever its status. Tried again where that may help. */
  readonly exchange: (request: Outgoing, authorize: Authorize, call: Call) => Promise<Answer>;
  /** Resolves with status 200 only, however often it takes. */
  readonly read: (request: Outgoing, authorize: Authorize, call: Call) => Promise<Answer>;
  /** Resolves with status 204 only; sent once, `beforeWrite` right before. */
  readonly write: (request: Outgoing, authorize: Authorize, call: Call) => Promise<void>;
};

const readTries = 3;
/** A longer pause is reported instead of waited for: whoever waits here was paged. */
const longestPauseMs = 2_000;
const mostBytes = 16 * 1024 * 1024;

type Org = { readonly origin: string; readonly timeoutMs: number; readonly context: AdapterContext };
type Try = { readonly request: Outgoing; readonly headers: Headers; readonly call: Call; readonly ms: number; readonly gate?: () => void };

export function openSender(orgUrl: string, timeoutMs: number, context: AdapterContext): Sender {
  const org: Org = { origin: new URL(orgUrl).origin, timeoutMs, context };
  return {
    exchange: async (request, authorize, call) => (await exchange(org, request, authorize, call)).answer,
    read: async (request, authorize, call) => {
      const { answer, about } = await exchange(org, request, authorize, call);
      if (answer.status === 200) return answer;
      throw refusal(answer, about);
    },
    write: (request, authorize, call) => write(org, request, authorize, call),
  };
}

async function exchange(org: Org, request: Outgoing, authorize: Authorize, call: Call): Promise<{ answer: Answer; about: About }> {
  let leftMs = 2 * org.timeoutMs;
  for (let tried = 1; ; tried++) {
    const headers = await stoppable(authorize(request), call, aboutOf(org, request, false, {}));
    const about = aboutOf(org, request, false, headers);
    const answer = await inTurn(call, async () => {
      const startedAt = performance.now();
      const said = await attempt(org, { request, headers, call, ms: Math.min(org.timeoutMs, leftMs) }).finally(() => {
        leftMs -= performance.now() - startedAt;
      });
      if (passing(said)) throw refusal(said, about);
      return said;
    }).catch(caught);
    if (!isProviderError(answer)) return { answer, about };
    const pauseMs = pauseBefore(answer, tried);
    if (tried === readTries || pauseMs === undefined || pauseMs >= leftMs) throw answer;
    leftMs -= pauseMs;
    org.context.log(`${answer.message}; asking again in ${Math.round(pauseMs)} ms`);
    await pause(pauseMs, call, about);
  }
}

async function write(org: Org, request: Outgoing, authorize: Authorize, call: Call): Promise<void> {
  const headers = await stoppable(authorize(request), call, aboutOf(org, request, false, {}));
  await inTurn(call, async () => {
    const answer = await attempt(org, { request, headers, call, ms: org.timeoutMs, gate: () => call.beforeWrite?.() });
    if (answer.status !== 204) throw refusal(answer, aboutOf(org, request, true, headers));
  });
}

const passing = ({ status }: Answer): boolean => status === 429 || status === 408 || status >= 500;

function caught(error: unknown): ProviderError {
  if (isProviderError(error)) return error;
  throw error;
}

/** A time-out would be the same the second time. */
function pauseBefore(error: ProviderError, tried: number): number | undefined {
  if (error.fault !== 'rate-limited' && error.fault !== 'unavailable') return undefined;
  const ms = error.retryAfterMs ?? 100 * 2 ** (tried - 1) * (0.75 + Math.random() / 2);
  return ms <= longestPauseMs ? ms : undefined;
}

async function attempt(org: Org, { request, headers, call, ms, gate }: Try): Promise<Answer> {
  const before = aboutOf(org, request, false, headers);
  // Here and not where lists are paged, so that no request whatever can take the token elsewhere.
  if (new URL(request.url).origin !== org.origin) {
    throw broken(before, 'malformed', `${before.name} points to ${new URL(request.url).host}, and the credentials are not sent there`);
  }
  const late = AbortSignal.timeout(Math.max(1, Math.ceil(ms)));
  const signal = call.signal ? AbortSignal.any([late, call.signal]) : late;
  let sent = false;
  let kept: { readonly reason: unknown } | undefined;
  const pass = (): void => {
    // It may have come while modules were loaded.
    signal.throwIfAborted();
    try {
      gate?.();
    } catch (reason) {
      kept = { reason };
      throw reason;
    }
    sent = gate !== undefined;
  };
  try {
    const response = await send(request, headers, signal, pass);
    const date = Date.parse(response.headers.date ?? '');
    if (!Number.isNaN(date)) org.context.onServerDate(date);
    return { status: response.statusCode ?? 0, headers: flat(response), text: await bodyOf(response, { ...before, sent }) };
  } catch (error) {
    if (kept) throw kept.reason;
    if (isProviderError(error)) throw error;
    const over = call.signal?.aborted ? 'stopped' : signal.aborted ? 'late' : undefined;
    throw unreached(error, over, { ...before, sent });
  }
}

async function send(request: Outgoing, headers: Headers, signal: AbortSignal, pass: () => void): Promise<IncomingMessage> {
  const open = await requester(new URL(request.url));
  const all = { accept: 'application/json', ...request.headers, 'user-agent': 'oncall', ...headers };
  return new Promise((resolve, reject) => {
    const outgoing = open({ method: request.method, headers: all, signal });
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
    try {
      pass();
    } catch (reason) {
      outgoing.destroy();
      throw reason;
    }
    // Nothing leaves before this.
    outgoing.end(request.body);
  });
}

async function bodyOf(response: IncomingMessage, about: About): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) {
      response.destroy();
      throw new ProviderError(about.name, 'malformed', `${about.name} answered with more than ${mostBytes} bytes`, {
        applied: about.sent ? 'unknown' : 'no',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function flat({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

function aboutOf({ origin, timeoutMs, context }: Org, request: Outgoing, sent: boolean, headers: Headers): About {
  const secrets = [...Object.values(headers), ...(request.body === undefined ? [] : [request.body])];
  return { name: context.name, host: new URL(origin).host, need: request.need, sent, timeoutMs, secrets };
}

async function pause(ms: number, call: Call, about: About): Promise<void> {
  const { setTimeout: sleep } = await import('node:timers/promises');
  await sleep(ms, undefined, { signal: call.signal }).catch(() => {
    throw unreached(undefined, 'stopped', about);
  });
}

/** What others wait for, too, is not stopped with one of them; only this waiting is. */
export function stoppable<T>(work: Promise<T>, { signal }: Call, about: About): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(unreached(undefined, 'stopped', about));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
