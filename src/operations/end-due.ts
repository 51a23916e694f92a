/** Ends what is due: each directory at its own pace, each grant on its own, until the run's time is over. */

import { isOncallError, isProviderError, nextStep } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { stuckAfter } from '../lifecycle/limits.ts';
import { type PlannedStep, planSweep } from '../lifecycle/plan.ts';
import type { GrantView } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import { beginEnd, endGrant } from './end.ts';
import { makePace, type Pace } from './pace.ts';
import { inParallel } from './parallel.ts';
import type { SweepStep } from './types.ts';

export const dueAtOnce = 500;

export type Run = {
  /** Its directories are asked at their pace. */
  readonly deps: Deps;
  readonly pace: (directory: string) => Pace;
  /** An instant of the ledger's clock after which nothing is begun. */
  readonly until: number;
};

export async function startRun(deps: Deps): Promise<Run> {
  const { now } = await deps.ledger();
  const paces = new Map<string, Pace>();
  const pace = (name: string): Pace => {
    const known = paces.get(name) ?? makePace(name, deps.policy.directories[name]?.callsPerSecond, { now, sleep: deps.sleep });
    paces.set(name, known);
    return known;
  };
  const directory: Deps['directory'] = async (name) => pace(name).paced(await deps.directory(name));
  return { deps: { ...deps, directory }, pace, until: now() + deps.policy.sweep.deadlineMs };
}

export type EndingDue = {
  /** Steps of this run already told, so that a grant that stays is told once. */
  readonly before?: readonly SweepStep[];
  /** Requests whose end this run has still to look at; what of them is being ended is ended. */
  readonly leave?: ReadonlySet<string>;
};

export async function endAllDue(run: Run, { before = [], leave = new Set() }: EndingDue = {}): Promise<readonly SweepStep[]> {
  const { deps } = run;
  const ledger = await deps.ledger();
  const { due, counts } = await ledger.read(async (q, now) => {
    const first = await q.dueGrants(now, dueAtOnce);
    return { due: first, counts: first.length < dueAtOnce ? undefined : await q.dueByDirectory(now) };
  });
  const names = counts?.map(({ directory }) => directory) ?? [...new Set(due.map(({ target }) => target.directory))];
  const total = counts?.reduce((sum, { due: many }) => sum + many, 0) ?? due.length;
  const told = new Set(before.filter(({ outcome }) => outcome !== 'done').map(keyOf));
  const steps: SweepStep[] = [];
  let done = 0;
  const report = (step: SweepStep | undefined): void => {
    deps.meter?.show(++done, total);
    if (!step || (step.outcome !== 'done' && told.has(keyOf(step)))) return;
    told.add(keyOf(step));
    steps.push(step);
  };
  try {
    // Side by side: a directory that is slow, or silent, holds up no other.
    const isDue = ({ requestId, state }: GrantView): boolean => state !== 'active' || !leave.has(requestId);
    await Promise.all(names.map((name) => endIn(run, name, counts ? undefined : due, isDue, report)));
  } finally {
    deps.meter?.over();
  }
  return steps;
}

/** What failed at first and was done later in the same run is done. */
export function settled(steps: readonly SweepStep[]): readonly SweepStep[] {
  const done = new Set(steps.filter(({ outcome, target }) => outcome === 'done' && target !== undefined).map(keyOf));
  return steps.filter((step) => step.outcome === 'done' || step.requestId === undefined || !done.has(keyOf(step)));
}

const keyOf = ({ requestId, target }: SweepStep): string => `${requestId} ${target?.directory}/${target?.group}`;

type Report = (step: SweepStep | undefined) => void;

/** Batch by batch, as long as a whole batch was due and something of it ended. `all`: everything that is due, where that is not much. */
async function endIn(
  run: Run,
  name: string,
  all: readonly GrantView[] | undefined,
  isDue: (grant: GrantView) => boolean,
  report: Report,
): Promise<void> {
  const ledger = await run.deps.ledger();
  const pace = run.pace(name);
  for (;;) {
    const due =
      all?.filter(({ target }) => target.directory === name) ?? (await ledger.read((q, now) => q.dueGrants(now, dueAtOnce, name)));
    let ended = 0;
    await inParallel(planSweep(due.filter(isDue), ledger.now()), pace.inFlight, async (chain) => {
      if (!(await mayBegin(run, pace))) return;
      for (const planned of chain) {
        const step = await endOne(run.deps, planned);
        if (step?.outcome === 'done') ended++;
        report(step);
      }
    });
    if (due.length < dueAtOnce || ended < dueAtOnce / 2 || isOver(run, ledger.now())) return;
  }
}

export const isOver = ({ deps, until }: Run, now: number): boolean => deps.signal.aborted || now >= until;

/** Waits here while the provider wants silence, where nothing is taken yet. */
async function mayBegin(run: Run, pace: Pace): Promise<boolean> {
  const { now } = await run.deps.ledger();
  while (!isOver(run, now()) && pace.pausedUntil() < run.until) {
    const silentMs = pace.pausedUntil() - now();
    if (silentMs <= 0) return true;
    await run.deps.sleep(silentMs).catch(() => undefined);
  }
  return false;
}

/** Each on its own: whatever one meets, the others are still ended. */
async function endOne(deps: Deps, planned: PlannedStep): Promise<SweepStep | undefined> {
  const { grant } = planned;
  try {
    const ledger = await deps.ledger();
    await ledger.write((q, now) => claim(q, now, grant));
    const { outcome, error, removed } = await endGrant(deps, grant.id);
    if (outcome === 'ended') {
      const by = removed === undefined ? await ledger.read((q) => whoKeepsIn(q, grant)) : undefined;
      return { ...described(planned), outcome: 'done', ...(by === undefined ? {} : { stays: by }) };
    }
    if (outcome !== 'failed') return undefined;
    const stuck = grant.attempts + 1 >= stuckAfter || (error !== undefined && !error.retryable);
    const told = { ...described(planned), outcome: stuck ? ('failed' as const) : ('later' as const) };
    return error === undefined ? told : { ...told, because: error.message, next: nextStep(error) };
  } catch (error) {
    if (!isOncallError(error) && !isProviderError(error)) throw error;
    if (isOncallError(error) && error.code === 'changed-meanwhile') return undefined;
    return { ...described(planned), outcome: 'failed', because: error.message, ...(error.next === undefined ? {} : { next: error.next }) };
  }
}

/** Where the directory was not asked: the request that the holder is in by all the same, or `before`. */
async function whoKeepsIn(q: Queries, { membershipId }: GrantView): Promise<string | undefined> {
  const others = await q.grantsOfMembership(membershipId);
  const other = others.find(({ state }) => state === 'active' || state === 'activating');
  return other?.requestId ?? ((await q.membership(membershipId))?.owned === false ? 'before' : undefined);
}

/** From `activating` or `active` to `revoking`, unless it has moved on or its end has, meanwhile. */
async function claim(q: Queries, now: number, seen: GrantView): Promise<void> {
  const grant = await q.grant(seen.id);
  if (!grant || grant.nextAttemptAt > now || (grant.state !== 'activating' && grant.state !== 'active')) return;
  const undo = grant.state === 'activating';
  await beginEnd(q, now, grant, {
    reason: undo ? 'failed' : 'expired',
    actor: 'sweep',
    ...(undo ? { because: 'its activation was left half-done' } : {}),
  });
}

export function described({ action, grant, because }: PlannedStep): Omit<SweepStep, 'outcome'> {
  return { action, requestId: grant.requestId, role: grant.role, holder: grant.holder, target: grant.target, because };
}
