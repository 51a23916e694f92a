/** A call that is sent again because its answer was lost: it gets the answer that was given, and nothing is done twice. */

import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Actor } from '../lifecycle/types.ts';
import { idempotencyHeader, type OperationName } from './api.ts';
import { valuesOf } from './from.ts';
import type { Host } from './host.ts';
import { httpError, type Reply } from './reply.ts';

const LOOK_EVERY_MS = 200;

export function keyOf(request: IncomingMessage): string | undefined {
  const given = valuesOf(request, idempotencyHeader);
  if (given.length === 0) return undefined;
  if (given.length === 1 && /^[\x21-\x7e]{1,64}$/.test(given[0] ?? '')) return given[0];
  throw httpError({ status: 400 }, 'bad-key', `${idempotencyHeader} is not 1 to 64 visible ASCII characters`, { exit: 2 });
}

/** Of the input as the schema gives it: spaces and the order of fields in what was sent do not make another call. */
export const digestOf = (name: OperationName, input: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify([name, input]))
    .digest('hex');

export type Same = { readonly actor: Actor; readonly key: string; readonly digest: string };

/** The answer that was given; `undefined`: it is the caller's to do now. */
export async function answered(
  { answers }: Pick<Host, 'answers'>,
  { actor, key, digest }: Same,
  patience: { readonly ms: number; readonly response: ServerResponse },
): Promise<Reply | undefined> {
  const until = performance.now() + patience.ms;
  for (;;) {
    const claim = await answers.claim(actor, key, digest);
    if (claim.state === 'new') return undefined;
    if (claim.state === 'done') return { status: claim.status, body: claim.body };
    if (claim.state === 'other') throw otherCall();
    if (performance.now() >= until || patience.response.destroyed) throw stillRunning();
    await delay(LOOK_EVERY_MS);
  }
}

/** What is refused stays so under this key; what failed may come again. */
export async function remember(
  { answers, log }: Pick<Host, 'answers' | 'log'>,
  { actor, key }: Same,
  { status, body }: Reply,
): Promise<void> {
  const written = status < 500 ? answers.keep(actor, key, { status, body }) : answers.drop(actor, key);
  // Done is done: without the answer a call that is sent again finds what stands.
  await written.catch((error: Error) => log(`the answer to a call was not kept: ${error.message}`));
}

const otherCall = () =>
  httpError({ status: 422 }, 'key-reused', 'this idempotency key belongs to another call', {
    exit: 2,
    why: 'the same key came before with another operation or another input',
    next: 'send it with a key of its own',
  });

const stillRunning = () =>
  httpError({ status: 409, retryAfterMs: 1_000 }, 'same-call-running', 'the same call is still under way', {
    exit: 8,
    next: 'send it again in a moment',
  });
