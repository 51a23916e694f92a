/** One connection of somebody who calls: kept open as long as it lasts, and every call is sent again with the same key until it is answered. */

import { randomUUID } from 'node:crypto';
import { Agent, type RequestOptions, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationName } from '../../../src/broker/api.ts';
import type { StormWorld } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: an answer is looked at field by field
type Document = any;
/** `isAgain`: the broker asks to be asked again. */
export type Answered = { readonly status: number; readonly document: Document; readonly isAgain: boolean };
export type Call = { readonly who: string; readonly name: OperationName; readonly input: unknown; readonly key: string };

export type Tally = {
  /** Sent, each try for itself. */
  calls: number;
  retried: number;
  readonly statuses: Map<string, number>;
  /** Of each person: requests that were answered by an outage and sent again. What failed may have been done, and is done anew. */
  readonly failedRequests: Map<string, number>;
  /** What should not have been answered. */
  readonly wrong: string[];
};

export const newTally = (): Tally => ({ calls: 0, retried: 0, statuses: new Map(), failedRequests: new Map(), wrong: [] });

export type Connection = {
  /** `undefined`: it is under way somewhere, or nothing but silence came. */
  call(who: string, name: OperationName, input?: unknown): Promise<{ readonly call: Call; readonly answered: Answered | undefined }>;
  again(call: Call, patience?: { readonly tries?: number; readonly timeoutMs?: number }): Promise<Answered | undefined>;
  close(): void;
};

export function connection(world: StormWorld, tally: Tally, first: number): Connection {
  const agents = world.seats.map(() => new Agent({ keepAlive: true, maxSockets: 1, ca: world.ca, servername: 'localhost' }));
  let at = first % agents.length;
  const again: Connection['again'] = async (call, { tries = 12, timeoutMs = 20_000 } = {}) => {
    for (let tried = 0; tried < tries; tried++) {
      const seat = world.seats[at];
      if (tried > 0) tally.retried += 1;
      tally.calls += 1;
      const sentAt = performance.now();
      const answered = await send(call, { port: seat?.port ?? 0, agent: agents[at] as Agent, timeoutMs }).catch(() => undefined);
      const status = answered?.status ?? 0;
      const code: string = answered?.document?.error?.code ?? '';
      const what = answered === undefined ? 'no answer' : status >= 500 ? `${status} ${code}` : String(status);
      tally.statuses.set(what, (tally.statuses.get(what) ?? 0) + 1);
      // 503 is also what a command's exit 1 is called: a request that was answered meanwhile, a target that could not be given just now.
      const isOutage = status === 503 && (answered?.isAgain || code.startsWith('ledger'));
      const isExcused = status === 503 && (world.wasDown(sentAt) || !isOutage);
      if (status >= 500 && !isExcused) tally.wrong.push(`${status} to ${call.name}: ${JSON.stringify(answered?.document).slice(0, 400)}`);
      // Under way at a broker that was killed: that is only known when the claim is old.
      if (code === 'same-call-running') return undefined;
      if (answered !== undefined && status !== 429 && !isOutage) return answered;
      if (isOutage && call.name === 'request') tally.failedRequests.set(call.who, (tally.failedRequests.get(call.who) ?? 0) + 1);
      // A balancer would send it to the other one.
      if (answered === undefined || status === 503) at = (at + 1) % agents.length;
      await sleep(100 + 150 * tried);
    }
    return undefined;
  };
  const send = (
    call: Call,
    { port, agent, timeoutMs }: { readonly port: number; readonly agent: Agent; readonly timeoutMs: number },
  ): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const options: RequestOptions = {
        host: '127.0.0.1',
        port,
        agent,
        method: 'POST',
        path: `/v1/${call.name}`,
        timeout: timeoutMs,
        headers: {
          host: new URL(world.seats[0]?.origin ?? '').host,
          'content-type': 'application/json',
          authorization: `Bearer ${world.token(call.who)}`,
          'idempotency-key': call.key,
        },
      };
      const outgoing = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('end', () => {
          try {
            resolve({
              status: response.statusCode ?? 0,
              document: JSON.parse(text),
              isAgain: response.headers['retry-after'] !== undefined,
            });
          } catch (error) {
            reject(error);
          }
        });
      });
      outgoing.once('error', reject);
      outgoing.once('timeout', () => outgoing.destroy());
      outgoing.end(JSON.stringify(call.input));
    });
  return {
    call: async (who, name, input = {}) => {
      const call: Call = { who, name, input, key: randomUUID() };
      return { call, answered: await again(call) };
    },
    again,
    close: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}
