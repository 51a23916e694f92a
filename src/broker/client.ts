/** `Operations` through a broker: one call each, to one origin, with the same key however often it has to be sent. */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Operations } from '../operations/types.ts';
import { idempotencyHeader, type OperationName, operationNames, versionHeader } from './api.ts';
import { type Missed, resultOf, versionOf } from './client-answer.ts';
import { type About, noAnswer } from './client-errors.ts';
import { exchange } from './client-http.ts';

export type BrokerClient = {
  readonly origin: string;
  /** This program's. */
  readonly version: string;
  /** What proves who calls: `Bearer …`. Renewed in silence where it can be. */
  readonly authorization: () => Promise<string>;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** At each answer: the version that it says the broker is of, or nothing. */
  readonly onAnswer?: (theirs: string) => void;
};

/** What only looks into the ledger; everything else may wait for directories and rosters. */
const looks: ReadonlySet<OperationName> = new Set<OperationName>(['status', 'roles', 'waiting', 'audit']);
const reads: ReadonlySet<OperationName> = new Set<OperationName>([...looks, 'accesses', 'explain', 'verify', 'doctor', 'follow']);
const timeoutMs = (name: OperationName): number => (looks.has(name) ? 30_000 : name === 'follow' ? 45_000 : 150_000);
/** A whole audit may come. */
const maxBytes = 128 * 1024 * 1024;
const pausesMs = [200, 800];
/** Longer than that nobody is kept waiting without a word. */
const longestPauseMs = 5_000;

/** `performance` takes a millisecond of a command's start to load. */
const elapsedMs = (): number => process.uptime() * 1000;

/** Made from the names alone: no schema is loaded. */
export function brokerOperations(client: BrokerClient): Operations {
  const made = operationNames.map((name) => [name, (input: unknown) => call(client, name, input)]);
  return Object.fromEntries(made) as Operations;
}

async function call(client: BrokerClient, name: OperationName, input: unknown): Promise<unknown> {
  const { origin, version, now, signal } = client;
  const about: About = { origin, version, now, writes: !reads.has(name), timeoutMs: timeoutMs(name) };
  const question = {
    url: new URL(`/v1/${name}`, origin),
    method: 'POST' as const,
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      authorization: await client.authorization(),
      [versionHeader]: version,
      // One for all tries: what was done by one whose answer was lost is not done again.
      [idempotencyHeader]: randomUUID(),
    },
    body: JSON.stringify(input ?? {}),
    maxBytes,
    signal,
  };
  const deadline = elapsedMs() + about.timeoutMs;
  for (let tried = 0; ; tried += 1) {
    const found = await attempt({ ...question, timeoutMs: Math.max(1, deadline - elapsedMs()) }, name, about, client.onAnswer);
    if ('result' in found) return found.result;
    const pauseMs = pauseBefore(found, tried);
    if (pauseMs === undefined || elapsedMs() + pauseMs >= deadline) throw found.error;
    client.log(`${found.error.message}: ${found.error.why}; again in ${pauseMs} ms`);
    await delay(pauseMs, undefined, { signal }).catch(() => {
      throw noAnswer({ failed: 'stopped' }, about).error;
    });
  }
}

async function attempt(
  question: Parameters<typeof exchange>[0],
  name: OperationName,
  about: About,
  onAnswer: BrokerClient['onAnswer'],
): Promise<{ readonly result: unknown } | Missed> {
  const reply = await exchange(question);
  if ('failed' in reply) return noAnswer(reply, about);
  onAnswer?.(versionOf(reply));
  return resultOf(reply, name, question.headers.authorization ?? '', about);
}

function pauseBefore({ again, waitMs, running }: Missed, tried: number): number | undefined {
  if (running) return Math.max(waitMs ?? 0, 1_000);
  if (tried >= pausesMs.length || !again) return undefined;
  const pauseMs = Math.max(waitMs ?? 0, pausesMs[tried] ?? 0);
  return pauseMs > longestPauseMs ? undefined : pauseMs;
}
