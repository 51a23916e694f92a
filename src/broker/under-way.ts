/** Operations under way: bounded in number and time, told to stop where nobody waits for them, and waited for when the broker stops. */

import type { ServerResponse } from 'node:http';
import { OncallError } from '../errors.ts';
import type { OperationName } from './api.ts';
import { httpError } from './reply.ts';
import type { Limits } from './settings.ts';

type Because = 'gone' | 'late' | 'stopping';
type Of = { readonly name: OperationName; readonly person: string; readonly readsOnly: boolean; readonly response: ServerResponse };
type One = { readonly stop: (because: Because) => void; readonly readsOnly: boolean; readonly ended: Promise<void> };

export type UnderWay = {
  count(): number;
  /** Rejects with what `work` does; a little after its time is over also where it does not end. */
  run<T>(of: Of, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  stop(which: 'reading' | 'all'): void;
  ended(): Promise<void>;
};

/** How long something that was told to stop may take for it before whoever asked is told. */
const LENIENCE_MS = 5_000;

export function underWay(limits: Limits): UnderWay {
  const { operations, operationMs } = limits;
  const all = new Set<One>();
  const counts = new Map<string, number>();
  const count = (key: string, by: 1 | -1): void => {
    const left = (counts.get(key) ?? 0) + by;
    if (left === 0) counts.delete(key);
    else counts.set(key, left);
  };
  return {
    count: () => all.size,
    ended: async () => {
      while (all.size > 0) await Promise.all([...all].map(({ ended }) => ended));
    },
    stop: (which) => {
      for (const one of [...all]) if (which === 'all' || one.readsOnly) one.stop('stopping');
    },
    run: async (of, work) => {
      const { readsOnly, response } = of;
      if (all.size >= operations) throw busy();
      const bounds = boundsOf(of, limits);
      for (const { key, most, because } of bounds) if ((counts.get(key) ?? 0) >= most) throw tooManyAtOnce(because);
      const controller = new AbortController();
      let stopped: Because | undefined;
      const stop = (because: Because): void => {
        stopped ??= because;
        controller.abort();
      };
      // What writes is finished for whoever has gone as well: the ledger and the directories would be left halfway.
      const onClose = (): void => stop('gone');
      if (readsOnly) response.once('close', onClose);
      const timer = setTimeout(stop, operationMs, 'late');
      const done = work(controller.signal).catch((error: unknown) => {
        throw isAbort(error) && stopped !== undefined ? toldToStop(stopped) : error;
      });
      const one: One = { stop, readsOnly, ended: done.then(nothing, nothing) };
      all.add(one);
      for (const { key } of bounds) count(key, 1);
      void one.ended.then(() => {
        clearTimeout(timer);
        response.off('close', onClose);
        all.delete(one);
        for (const { key } of bounds) count(key, -1);
      });
      return within(done, operationMs + LENIENCE_MS, () => toldToStop('late'));
    },
  };
}

type Bound = { readonly key: string; readonly most: number; readonly because: string };

/** Nobody is to fill the broker alone; and what goes through much of the ledger keeps sweeps waiting, whoever asks for it. */
function boundsOf({ name, person }: Pick<Of, 'name' | 'person'>, limits: Limits): readonly Bound[] {
  const { operationsPerPerson, followsPerPerson, verifies, auditsAndDoctors } = limits;
  const bound = (key: string, most: number, because: string): Bound => ({ key, most, because });
  const own =
    name === 'follow'
      ? bound(`follow ${person}`, followsPerPerson, `${followsPerPerson} looks of yours wait for an answer`)
      : bound(`any ${person}`, operationsPerPerson, `${operationsPerPerson} calls of yours are under way`);
  if (name === 'verify') return [own, bound('verify', verifies, 'the trail is being checked just now')];
  if (name === 'audit' || name === 'doctor') return [own, bound('audit', auditsAndDoctors, 'others look through the ledger just now')];
  return [own];
}

const nothing = (): void => undefined;

/** Node's, of timers and `throwIfAborted`; what else an operation makes of it is an error with words of its own. */
const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

async function within<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

export const stopping = () =>
  httpError({ status: 503, retryAfterMs: 1_000, headers: { connection: 'close' } }, 'broker-stopping', 'this broker is stopping', {
    next: 'run the same command again, it is safe to repeat',
  });

const busy = () =>
  httpError({ status: 503, retryAfterMs: 2_000 }, 'broker-busy', 'the broker has too much to do now', {
    next: 'run the same command again in a moment',
  });

const tooManyAtOnce = (why: string) =>
  httpError({ status: 429, retryAfterMs: 1_000 }, 'too-many-at-once', 'too many calls at once', {
    why,
    next: 'run the same command again in a moment',
  });

function toldToStop(because: Because): Error {
  if (because === 'stopping') return stopping();
  return new OncallError('broker-late', 'the broker did not end it in time', {
    why: 'a source or a directory takes long to answer; what was begun is finished or undone by the sweep',
    next: 'oncall status shows how it stands; the same command is safe to repeat',
  });
}
