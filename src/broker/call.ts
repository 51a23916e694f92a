/** The life of one call: who, how often, what; then the operation, and what is answered and recorded. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { OncallError } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import { inputs } from '../operations/inputs.ts';
import type { Identity } from '../policy/types.ts';
import type { OperationName } from './api.ts';
import { readInput } from './body.ts';
import { addressKey, buckets } from './buckets.ts';
import type { Origins } from './from.ts';
import type { Host } from './host.ts';
import type { Identify } from './identity.ts';
import type { Metrics } from './metrics.ts';
import { errorOutward, resultOutward } from './outward.ts';
import type { Refusals } from './refusals.ts';
import { errorReply, faultReply, httpError, type Reply, resultReply } from './reply.ts';
import { answered, digestOf, keyOf, remember } from './same-call.ts';
import type { Limits } from './settings.ts';
import { stopping, type UnderWay } from './under-way.ts';
import { unread } from './unread.ts';

export type Parts = {
  readonly host: Host;
  readonly limits: Limits;
  readonly origins: Origins;
  readonly identify: Identify;
  readonly refusals: Refusals;
  readonly metrics: Metrics;
  readonly running: UnderWay;
  readonly isStopping: () => boolean;
};

export type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

export type Call = (name: OperationName, exchange: Exchange) => Promise<Reply>;

/** Never rejects. */
export function caller(parts: Parts): Call {
  const { host, limits, origins, identify, refusals, metrics } = parts;
  const people = buckets(limits.perPerson);
  const sent = unread(limits.unreadBytesPerPerson);
  const addresses = buckets(limits.perAddress);

  /** Whoever proves who they are is not held up by a flood from the same address. */
  const proven = async ({ request }: Exchange, address: string): Promise<Actor> => {
    try {
      origins.require(request, 'call');
      return await identify(request);
    } catch (error) {
      const waitMs = addresses.take(addressKey(address));
      throw waitMs > 0 ? tooMany(waitMs) : error;
    }
  };

  return async (name, exchange) => {
    const startedAt = performance.now();
    const address = origins.addressOf(exchange.request);
    let actor: Actor | undefined;
    let person: string | undefined;
    let answer: Reply;
    try {
      if (parts.isStopping()) throw stopping();
      const identities = host.identities();
      actor = await proven(exchange, address);
      person = JSON.stringify([actor.issuer, actor.subject]);
      const waitMs = people.take(person);
      if (waitMs > 0) throw tooMany(waitMs);
      if (host.isBlocked(actor)) throw blocked();
      sent.require(person);
      answer = await perform(parts, name, { actor, person, identities }, exchange);
    } catch (error) {
      answer = await failureReply(host, name, error);
    }
    if (answer.refused !== undefined) {
      metrics.refused(answer.refused.code);
      if (isForAudit(name, answer)) {
        const { code, why } = answer.refused;
        await refusals.note({ ...(actor === undefined ? {} : { actor }), operation: name, code, why, address });
      }
    }
    metrics.called(name, answer.status, (performance.now() - startedAt) / 1000);
    if (person !== undefined) sent.add(person, answer.body, exchange);
    return answer;
  };
}

/** Not what failed, nor what is only not yet; and not what the operation records by itself: a request that the policy does not grant. */
function isForAudit(name: OperationName, { status, refused, isResult }: Reply): boolean {
  if ((name === 'request' && isResult) || refused?.code === 'too-many-at-once') return false;
  return refused?.code === 'undecided' || (status >= 400 && status < 500 && status !== 409);
}

/** `identities`: by which it was found out who calls. */
type Caller = { readonly actor: Actor; readonly person: string; readonly identities: readonly Identity[] };

async function perform(
  { host, limits, identify, running, isStopping }: Parts,
  name: OperationName,
  caller: Caller,
  { request, response }: Exchange,
): Promise<Reply> {
  /** The policy may be another one by now: somebody can take long to send a body, or to be answered. */
  const stillAdmitted = async (): Promise<Actor> => {
    const actor = host.identities() === caller.identities ? caller.actor : await identify(request);
    if (host.isBlocked(actor)) throw blocked();
    return actor;
  };
  const { readsOnly } = inputs[name];
  const key = readsOnly ? undefined : keyOf(request);
  const input = await readInput(request, name, limits.bodyBytes);
  // It may have begun to stop since the call came.
  if (isStopping()) throw stopping();
  const actor = await stillAdmitted();
  return running.run({ name, person: caller.person, readsOnly, response }, async (signal) => {
    const operate = async (): Promise<Reply> => {
      const result = await host.operationsFor(await stillAdmitted(), signal)[name](input as never);
      // What is done is done, and told.
      if (readsOnly) await stillAdmitted();
      const answer = resultReply(result);
      return { ...answer, body: resultOutward(name, answer.body, await host.inside()) };
    };
    if (key === undefined) return operate();
    const same = { actor, key, digest: digestOf(name, input) };
    const before = await answered(host, same, { ms: limits.sameCallMs, response });
    if (before !== undefined) return before;
    try {
      const answer = await operate();
      await remember(host, same, answer);
      return answer;
    } catch (error) {
      const inside = await host.inside();
      await remember(host, same, errorReply(error, (told) => errorOutward(told, inside)) ?? faultReply(''));
      throw error;
    }
  });
}

async function failureReply(host: Host, name: OperationName, error: unknown): Promise<Reply> {
  const whole = errorReply(error);
  if (whole === undefined) return fault(host, name, error);
  const inside = await host.inside();
  const answer = errorReply(error, (told) => errorOutward(told, inside)) ?? whole;
  if (answer.body !== whole.body && answer.status >= 500) host.log(`${name} failed: ${whole.refused?.code}: ${whole.refused?.why}`);
  return answer;
}

export function fault(host: Host, what: string, error: unknown): Reply {
  const id = Math.floor(host.random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0');
  host.log(`fault ${id} in ${what}: ${error instanceof Error ? error.stack : String(error)}`);
  return faultReply(id);
}

const tooMany = (waitMs: number) =>
  httpError({ status: 429, retryAfterMs: waitMs }, 'too-many-calls', 'too many calls', {
    next: `run the same command again in ${Math.max(1, Math.ceil(waitMs / 1000))} s`,
  });

const blocked = () =>
  new OncallError('blocked', 'you are refused everything here', {
    exit: 3,
    why: 'the policy lists you under blocked',
    next: 'ask an admin',
  });
