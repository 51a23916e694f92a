/**
 * Whether the ledger has still come as far as it was seen to. One that was put back from a copy, or deleted, knows nothing of what was granted
 * since, so it grants nothing until `ledger recover` has looked at every member.
 */

import { isOncallError, OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Head, RecordedEvent } from '../lifecycle/events.ts';
import { formatDuration } from '../policy/duration.ts';
import type { Anchor, Deps } from './deps.ts';

/** In what the ledger is not what was seen of it; `undefined` where it has gone on from there, was recovered since, or nothing was kept. */
async function whyBehind(q: Queries, now: number, kept: Head | undefined): Promise<string | undefined> {
  if (kept === undefined) return undefined;
  const because = await whyNotIn(q, now, kept);
  return because === undefined || (await recoveryAfter(q, kept)) ? undefined : because;
}

/**
 * The recovery that makes up for what `kept` stands for: an admin's, which began to read every group after `kept` was seen, so that nobody let
 * in until then was passed over. One that is older than `kept` says nothing about what was lost since.
 */
export async function recoveryAfter(q: Queries, kept: Head): Promise<RecordedEvent | undefined> {
  const last = await q.lastRecovery();
  const { readAt } = Object(last?.data) as { readonly readAt?: unknown };
  return typeof readAt === 'number' && readAt > kept.at ? last : undefined;
}

/** Why the kept event is no part of the chain. */
export async function whyNotIn(q: Queries, now: number, kept: Head): Promise<string | undefined> {
  const head = await q.head();
  const seen = (): string => `seen ${formatDuration(Math.max(0, now - kept.at))} ago`;
  if (head.ledger !== kept.ledger) return `it is not the ledger that was ${seen()} in its place`;
  if (head.seq < kept.seq) return `its last event is number ${head.seq}; number ${kept.seq} was ${seen()}`;
  const hash = head.seq === kept.seq ? head.hash : await q.eventHash(kept.seq);
  return hash === kept.hash ? undefined : `its event number ${kept.seq} is not the one that was ${seen()}`;
}

export const behind = (because: string): OncallError =>
  new OncallError('ledger-behind', 'nothing is granted: the ledger has lost what it knew', {
    why: `${because}; it was put back from a copy, deleted or changed`,
    next: 'an admin lists who is in without it, and decides: oncall ledger recover',
  });

/** Inside the transaction that would grant. */
export async function requireNotBehind({ anchor }: { readonly anchor: Anchor }, q: Queries, now: number): Promise<void> {
  const because = (await whyBehind(q, now, await anchor.read())) ?? (await whyBehind(q, now, q.lost));
  if (because !== undefined) throw behind(because);
}

/** For reports, inside a transaction that only reads: a head that another process keeps meanwhile would look like one that was lost. */
export function readNow(anchor: Anchor): Anchor {
  const kept = anchor.read();
  kept.catch(() => undefined);
  return { ...anchor, read: () => kept };
}

const lostIt = (because: string): string => `the ledger has lost what it knew, and nothing is granted: ${because}`;

export type Standing = {
  readonly head: Head;
  /** Left out where a recovery has made up for it. */
  readonly kept?: Head;
  /** What is wrong with the ledger, or with what is kept of it; one line. */
  readonly fault?: string;
};

export async function standing(anchor: Anchor, q: Queries, now: number): Promise<Standing> {
  const head = { ...(await q.head()), at: now };
  try {
    const kept = await anchor.read();
    const because = kept && (await whyNotIn(q, now, kept));
    if (kept !== undefined && because !== undefined && !(await recoveryAfter(q, kept))) return { head, kept, fault: lostIt(because) };
    const elsewhere = await whyBehind(q, now, q.lost);
    if (q.lost !== undefined && elsewhere !== undefined) return { head, kept: q.lost, fault: lostIt(elsewhere) };
    return { head, ...(kept !== undefined && because === undefined ? { kept } : {}) };
  } catch (error) {
    if (!isOncallError(error)) throw error;
    return { head, fault: error.why === undefined ? error.message : `${error.message}: ${error.why}` };
  }
}

/** Tells the other hosts on this ledger, whose own heads may be older than the loss and are part of the chain. */
export async function tellLoss(deps: Pick<Deps, 'anchor' | 'ledger'>): Promise<void> {
  const ledger = await deps.ledger();
  const kept = await deps.anchor.read().catch(() => undefined);
  if (kept === undefined) return;
  await ledger.write(async (q, now) => {
    const because = await whyBehind(q, now, kept);
    if (because === undefined || (q.lost !== undefined && q.lost.at >= kept.at)) return;
    await q.tellLost(kept);
    await q.record({ type: 'ledger.behind', actor: 'sweep', data: { kept, because } });
  });
}

/** Each time another process has kept what it read a moment later, and saw less of. */
const mostTries = 5;

/** Keeps the head as it is now, where that is further along the same chain, or the one that was recovered. What is wrong is for the caller to tell. */
export async function keepHead(deps: Pick<Deps, 'anchor' | 'ledger'>): Promise<Standing> {
  const ledger = await deps.ledger();
  for (let tries = 1; ; tries++) {
    const anchor = readNow(deps.anchor);
    const found = await ledger.read((q, now) => standing(anchor, q, now));
    if (found.fault !== undefined || found.head.seq <= (found.kept?.seq ?? 0)) return found;
    await deps.anchor.keep(found.head);
    // Where none could ever be kept there is none to rely on; one that stays behind would look like proof.
    if (found.kept === undefined) return found;
    const kept = await deps.anchor.read().catch(() => undefined);
    if (kept?.ledger === found.head.ledger && kept.seq >= found.head.seq) return found;
    if (tries === mostTries)
      return { ...found, fault: 'the head of the ledger could not be kept, so that a loss would not be seen, and nobody is let in' };
  }
}
