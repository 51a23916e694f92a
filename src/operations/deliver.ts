/**
 * Tells every channel of `notify` what was recorded since it was told last: in order, each at least once, one process at a time.
 * Nothing waits for this, and what fails here is nobody else's failure.
 */

import { isOncallError, isProviderError, nextStep, ProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { longestSilenceMs, nextTryAfterMs } from '../lifecycle/backoff.ts';
import { stuckAfter } from '../lifecycle/limits.ts';
import type { ChannelRow } from '../lifecycle/notice.ts';
import type { Sender } from '../notices/notice.ts';
import type { Channel } from '../policy/notices.ts';
import { firstSeq, type Piece, planDelivery } from './deliver-plan.ts';
import type { Deps } from './deps.ts';
import { problem } from './end.ts';

/** `patient`: a sweep or a broker; whoever waits for a prompt is not. */
export type Delivering = Pick<Deps, 'policy' | 'ledger' | 'sender' | 'random' | 'log' | 'progress' | 'sleep' | 'signal'> & {
  readonly patient: boolean;
};

/** Longer than one document takes. A process that was killed holds its channel up for so long. */
const leaseMs = 2 * 60_000;
const longestSendMs = 65_000;
/** After a process that could not wait for the answer: the next ones need not find out the same. */
const leftAloneMs = 60_000;
/** Waited for on the spot. */
const shortWaitMs = 10_000;

/** Never rejects. */
export async function deliver(deps: Delivering): Promise<void> {
  await Promise.all(
    Object.values(deps.policy.notify ?? {}).map((channel) =>
      tell(deps, channel).catch((error: Error) => deps.log(`${channel.name} was not told: ${error.message}`)),
    ),
  );
}

async function tell(deps: Delivering, channel: Channel): Promise<void> {
  for (;;) {
    if (deps.signal.aborted) return;
    const begun = await begin(deps, channel);
    if (begun === undefined || !(await sendAll(deps, channel, begun))) return;
  }
}

type Begun = { readonly row: ChannelRow; readonly pieces: readonly Piece[]; readonly through: number };

/** Takes the channel, where there is something to tell it and nobody else does. */
async function begin(deps: Delivering, { name, ...channel }: Channel): Promise<Begun | undefined> {
  const ledger = await deps.ledger();
  const isFree = (row: ChannelRow, now: number): boolean => row.busyUntil <= now && row.nextAttemptAt <= now;
  const found = await ledger.read(async (q, now) => {
    const row = await q.channel(name);
    if (q.closed !== undefined || (row !== undefined && !isFree(row, now))) return undefined;
    return row === undefined ? 'new' : { row, plan: await planDelivery(deps, q, now, { name, ...channel }, row) };
  });
  if (found === undefined) return undefined;
  if (found === 'new') {
    await ledger.write(async (q, now) => q.beginChannel(name, await firstSeq(q, now)));
    return begin(deps, { name, ...channel });
  }
  const { row, plan } = found;
  if (plan.pieces.length === 0 && !plan.hasMore) return undefined;
  const { skipTo = row.seq, missed = row.missed } = plan;
  const held = await ledger.write((q, now) =>
    q.changeChannel(row, {
      seq: plan.pieces.length === 0 ? plan.through : skipTo,
      missed,
      busyUntil: plan.pieces.length === 0 ? 0 : now + leaseMs,
    }),
  );
  return held && { row: held, pieces: plan.pieces, through: plan.through };
}

/** Whether there may be more. */
async function sendAll(deps: Delivering, channel: Channel, { row: first, pieces, through }: Begun): Promise<boolean> {
  const ledger = await deps.ledger();
  let row = first;
  for (const [index, piece] of pieces.entries()) {
    // Suspended until somebody else took it: they tell the rest.
    if (ledger.now() > row.busyUntil - longestSendMs) return false;
    const error = await sendOne(deps, channel, piece);
    if (error !== undefined) {
      await ledger.write((q, now) => later(deps, q, now, { row, piece, error }));
      return false;
    }
    const isLast = index === pieces.length - 1;
    const told = await ledger.write((q, now) =>
      q.changeChannel(row, {
        seq: isLast ? through : piece.seq,
        busyUntil: isLast ? 0 : now + leaseMs,
        ...{ attempts: 0, nextAttemptAt: 0, failingSince: null, lastError: null, next: null },
        ...(piece.kind === 'missed' ? { missed: 0 } : {}),
      }),
    );
    if (told === undefined) return false;
    row = told;
  }
  return true;
}

async function sendOne(deps: Delivering, { name }: Channel, piece: Piece): Promise<ProviderError | undefined> {
  const first = await attempt(deps, name, piece);
  const waitMs = first?.retryAfterMs;
  if (!deps.patient || waitMs === undefined || waitMs > shortWaitMs || deps.signal.aborted) return first;
  await deps.sleep(waitMs).catch(() => undefined);
  return deps.signal.aborted ? first : attempt(deps, name, piece);
}

async function attempt({ sender, signal }: Delivering, name: string, piece: Piece): Promise<ProviderError | undefined> {
  try {
    const to = await sender?.(name);
    if (to === undefined) throw new ProviderError(name, 'refused', `there is nothing that could tell ${name}`, { applied: 'no' });
    await send(to, piece, signal);
    return undefined;
  } catch (error) {
    if (isProviderError(error)) return error;
    const { message } = error as Error;
    if (!isOncallError(error)) return new ProviderError(name, 'refused', `a fault in oncall itself: ${message}`);
    return new ProviderError(name, 'refused', error.why === undefined ? message : `${message}: ${error.why}`, {
      applied: 'no',
      ...(error.next === undefined ? {} : { next: error.next }),
    });
  }
}

async function send(to: Sender, piece: Piece, signal: AbortSignal): Promise<void> {
  if (piece.kind === 'events') return to.stream?.(piece.batch, { signal });
  return to.send(piece.notice, { signal });
}

type Failed = { readonly row: ChannelRow; readonly piece: Piece; readonly error: ProviderError };

async function later(deps: Delivering, q: Queries, now: number, { row, piece, error }: Failed): Promise<void> {
  // Cut off, or the secret is not for whoever runs this command: that says nothing about the channel.
  const nothingSaid = { busyUntil: 0, nextAttemptAt: deps.signal.aborted ? now + leftAloneMs : now };
  if (deps.signal.aborted || (!deps.patient && error.fault === 'credentials' && error.applied === 'no')) {
    await q.changeChannel(row, nothingSaid);
    return;
  }
  const attempts = row.attempts + 1;
  // One that its receiver will never take must not keep back all that come after it. The trail has no gaps.
  const givesUp = piece.kind !== 'events' && error.fault === 'refused' && error.applied === 'unknown' && attempts >= stuckAfter;
  const waitMs = Math.min(nextTryAfterMs(attempts, deps.random(), error.retryAfterMs), longestSilenceMs);
  await q.changeChannel(row, {
    busyUntil: 0,
    failingSince: row.failingSince ?? now,
    lastError: problem(error),
    next: error.retryable ? null : nextStep(error),
    ...(givesUp
      ? { seq: piece.seq, missed: piece.kind === 'missed' ? 0 : row.missed + 1, attempts: 0, nextAttemptAt: 0 }
      : { attempts, nextAttemptAt: now + waitMs }),
  });
  const line = `${row.channel} was not told, and will be: ${problem(error)}`;
  // What passes by itself within minutes wakes nobody.
  if (deps.patient && (!error.retryable || attempts >= 3)) deps.progress(line, { alsoOffTerminal: true });
  else deps.log(line);
}
