/** A company that tells somebody: channels in memory, and work in the background that a test waits for. */

import { ProviderError, type ProviderFault } from '../../src/errors.ts';
import type { EventBatch, Notice } from '../../src/lifecycle/notice.ts';
import type { Sender } from '../../src/notices/notice.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { Channel } from '../../src/policy/notices.ts';
import { company, type World } from './world.ts';

export type Fake = {
  readonly sender: Sender;
  readonly told: (Notice | EventBatch)[];
  /** What the next ones meet; it was asked for each of them. */
  fault: ((asked: Notice | EventBatch) => Promise<void> | void) | undefined;
  asked: number;
};

export function fakeChannel(): Fake {
  const fake: Fake = {
    told: [],
    fault: undefined,
    asked: 0,
    sender: {
      ready: async () => 'memory',
      send: (notice, { signal }) => take(notice, signal),
      stream: (batch, { signal }) => take(batch, signal),
    },
  };
  const take = async (what: Notice | EventBatch, signal: AbortSignal | undefined): Promise<void> => {
    fake.asked += 1;
    await fake.fault?.(what);
    if (signal?.aborted) throw new ProviderError('slack', 'unavailable', 'stopped before slack answered', { applied: 'no' });
    fake.told.push(what);
  };
  return fake;
}

export const failing =
  (fault: ProviderFault, more: ConstructorParameters<typeof ProviderError>[3] = {}) =>
  (): never => {
    throw new ProviderError('slack', fault, `slack was not told: ${fault}`, more);
  };

export const channel = (name: string, over: Partial<Channel> = {}): Channel => ({ name, kind: 'fake', settings: {}, ...over });

export type ToldWorld = World & {
  readonly channels: Readonly<Record<string, Fake>>;
  readonly notices: (name: string) => readonly Notice[];
  readonly over: (more?: Partial<Deps>) => Partial<Deps>;
  /** Runs what was put into the background, and what comes of that. */
  readonly settle: () => Promise<void>;
  /** As a command or a sweep runs, and what it has told then. */
  readonly lines: string[];
};

/** Each channel of the policy with a fake of its own. */
export async function tellingCompany(
  channels: readonly Channel[],
  options: Parameters<typeof company>[0] = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<ToldWorld> {
  const fakes = Object.fromEntries(channels.map(({ name }) => [name, fakeChannel()]));
  const works: Promise<void>[] = [];
  const lines: string[] = [];
  const world = await company({ ...options, swept: false });
  const plain = world.as;
  const policy = { ...world.policy, notify: Object.fromEntries(channels.map((one) => [one.name, one])) };
  const over = (more: Partial<Deps> = {}): Partial<Deps> => ({
    policy,
    sender: async (name) => (fakes[name] as Fake).sender,
    background: (work) => void works.push(work(signal)),
    progress: (line) => void lines.push(line),
    ...more,
  });
  const settle = async (): Promise<void> => {
    while (works.length > 0) await works.shift();
  };
  const as: World['as'] = (name, more) => plain(name, over(more));
  const told: ToldWorld = Object.assign(world, {
    as,
    over,
    channels: fakes,
    lines,
    settle,
    notices: (name: string) => (fakes[name]?.told ?? []) as readonly Notice[],
    sweepAfter: async (ms: number) => {
      world.now += ms;
      const result = await as('cron').sweep({});
      await settle();
      return result;
    },
  });
  if (options.swept !== false) await told.sweepAfter(0);
  return told;
}
