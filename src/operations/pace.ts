/** How fast a run asks a directory: a token bucket for each, a share of the provider's limit left to requests, and silence for as long as the provider wants it. */

import type { Call, Directory, Turn } from '../directories/directory.ts';
import { isProviderError, ProviderError } from '../errors.ts';
import { longestSilenceMs } from '../lifecycle/backoff.ts';

/** Of the provider's limit; the rest is for those who wait for access. */
const share = 0.8;
/** How much of a second's calls may go at once after a lull. With the share it stays below the limit in every second. */
const burstMs = 125;
const mostInFlight = 64;
/** What would wait longer for its turn is left to a later try: its row is taken meanwhile, and the time to send a removal runs. */
const longestWaitMs = 20_000;
/** Where the provider says that it was asked too often, and not for how long. */
const pauseMs = 1000;
/** Until calls have been timed. */
const firstGuessMs = 250;
/** What a refusal makes of the rate, what each second without one does, and where that ends. */
const [down, upEachSecond, slowest] = [0.7, 1.05, 5];

/** `now` never goes back. */
export type Time = { readonly now: () => number; readonly sleep: (ms: number) => Promise<void> };

export type Pace = {
  /** The same directory, each request of which waits for its turn. */
  readonly paced: (directory: Directory) => Directory;
  /** How much may be under way: by Little's law what it takes to use the rate up, and one more. */
  readonly inFlight: () => number;
  /** Nothing is sent before this instant. */
  readonly pausedUntil: () => number;
};

/** `callsPerSecond`: the provider's limit. Left out, nothing is held back until the provider refuses; then it is what was answered in the second before, and tries for more. */
export function makePace(name: string, callsPerSecond: number | undefined, time: Time): Pace {
  const most = callsPerSecond === undefined ? Number.POSITIVE_INFINITY : callsPerSecond * share;
  const answers = recentAnswers();
  let [rate, nextAt, pausedUntil, slowedAt, raisedAt] = [most, 0, 0, 0, 0];

  const reserve = (): number => {
    const now = time.now();
    const from = Math.max(now, pausedUntil);
    if (rate < most) rate = Math.min(most, rate * upEachSecond ** ((from - raisedAt) / 1000));
    raisedAt = from;
    const at = Math.max(from, nextAt - burstMs);
    if (at - now > longestWaitMs) {
      const more = { applied: 'no' as const, retryAfterMs: at - now };
      throw new ProviderError(name, 'rate-limited', `${name} is not asked for now, so that it can keep to its limit`, more);
    }
    nextAt = Math.max(nextAt, from) + 1000 / rate;
    return at;
  };
  const heed = (error: unknown, sentAt: number): void => {
    if (!isProviderError(error) || error.fault !== 'rate-limited') return;
    const now = time.now();
    // Of what was under way together many are refused together: one reason to slow down, not many.
    if (sentAt >= slowedAt) {
      rate = Math.max(Math.min(most, slowest), Math.min(rate, answers.since(now - 1000)) * down);
      slowedAt = now;
    }
    pausedUntil = Math.max(pausedUntil, now + Math.min(error.retryAfterMs ?? pauseMs, longestSilenceMs));
  };
  const turn: Turn = async (request) => {
    // Somebody else may have been refused while this one waited.
    for (let at = reserve(); ; at = reserve()) {
      await wait(name, at, time);
      if (at >= pausedUntil) break;
    }
    const sentAt = time.now();
    try {
      const answer = await request();
      answers.add(sentAt, time.now());
      return answer;
    } catch (error) {
      heed(error, sentAt);
      throw error;
    }
  };
  return {
    paced: (directory) => inTurns(directory, turn),
    inFlight: () => Math.min(mostInFlight, Math.ceil((rate * answers.p99()) / 1000) + 1),
    pausedUntil: () => pausedUntil,
  };
}

async function wait(name: string, at: number, { now, sleep }: Time): Promise<void> {
  const ms = Math.ceil(at - now());
  if (ms <= 0) return;
  await sleep(ms).catch((cause: unknown) => {
    throw new ProviderError(name, 'unavailable', `stopped before ${name} was asked`, { applied: 'no', cause });
  });
}

const verbs = [
  'findUser',
  'findGroup',
  'read',
  'members',
  'add',
  'remove',
  'hasLeft',
  'endSessions',
] as const satisfies readonly (keyof Directory)[];

function inTurns(directory: Directory, turn: Turn): Directory {
  const wrapped = verbs.flatMap((verb) => {
    const run = directory[verb] as ((about: unknown, call: Call) => Promise<unknown>) | undefined;
    return run ? [[verb, (about: unknown, call: Call) => run(about, { ...call, turn })]] : [];
  });
  return { ...directory, ...Object.fromEntries(wrapped) };
}

const timed = 100;

function recentAnswers() {
  const took: number[] = [];
  const cameAt: number[] = [];
  return {
    add: (sentAt: number, now: number): void => {
      took.push(now - sentAt);
      if (took.length > timed) took.shift();
      cameAt.push(now);
      while ((cameAt[0] ?? now) < now - 1000) cameAt.shift();
    },
    since: (at: number): number => cameAt.filter((one) => one >= at).length,
    p99: (): number => Math.max(1, took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? firstGuessMs),
  };
}
