/** What a channel has still to be told, up to some hundred events at once. */

import type { Queries } from '../ledger/ledger.ts';
import type { RecordedEvent } from '../lifecycle/events.ts';
import type { ChannelRow, EventBatch, Notice, WrittenEvent } from '../lifecycle/notice.ts';
import type { Channel } from '../policy/notices.ts';
import type { Policy } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { isTold, missedNotice, noticeOf } from './notice-of.ts';

/** `seq`: what the channel has been told of once this was sent. */
export type Piece = { readonly seq: number } & (
  | { readonly kind: 'notice' | 'missed'; readonly notice: Notice }
  | { readonly kind: 'events'; readonly batch: EventBatch }
);

export type Plan = {
  readonly pieces: readonly Piece[];
  /** The last event that was looked at. */
  readonly through: number;
  readonly hasMore: boolean;
  /** Notices too old to be of use: as if told up to there, and how many that makes. */
  readonly skipTo?: number;
  readonly missed?: number;
};

const eventsAtOnce = 100;
const batchBytes = 256 * 1024;
/** Nobody is helped by hearing in the morning of two days' worth of places that were free. */
const tooOldMs = 24 * 3_600_000;
/** A channel begins with what has only just happened, not with all that ever did. */
const beginsBeforeMs = 60_000;

export async function planDelivery(
  deps: Pick<Deps, 'policy' | 'log' | 'ledger'>,
  q: Queries,
  now: number,
  channel: Channel,
  row: ChannelRow,
): Promise<Plan> {
  const events = await q.eventsAfter(row.seq, eventsAtOnce);
  const through = events.at(-1)?.seq ?? row.seq;
  const hasMore = events.length === eventsAtOnce;
  const { ledger } = await q.head();
  if (channel.events === 'all') {
    const some = fitting(events);
    const last = some.at(-1)?.seq ?? row.seq;
    const pieces: readonly Piece[] = some.length === 0 ? [] : [{ kind: 'events', seq: last, batch: { ledger, events: some } }];
    return { pieces, through: last, hasMore: hasMore || last < through };
  }
  const notices = (await Promise.all(events.map((event) => read(deps, q, now, channel, event)))).flat();
  const old = notices.filter(({ notice }) => notice.at < now - tooOldMs);
  const due = notices.filter((one) => !old.includes(one));
  const skipTo = old.at(-1)?.seq ?? row.seq;
  const missed = row.missed + old.length;
  const told: readonly Piece[] = missed === 0 ? [] : [{ kind: 'missed', seq: skipTo, notice: missedNotice(ledger, skipTo, now, missed) }];
  // Told once all that was missed has been passed over.
  const pieces = missed > 0 && due.length === 0 && hasMore ? [] : [...told, ...due];
  return { pieces, through, hasMore, ...(old.length === 0 ? {} : { skipTo, missed }) };
}

/** At least one, and not more than a receiver takes in one piece. */
function fitting(events: readonly WrittenEvent[]): readonly WrittenEvent[] {
  let bytes = 0;
  const end = events.findIndex(({ body }, index) => {
    bytes += body.length;
    return index > 0 && bytes > batchBytes;
  });
  return end < 0 ? events : events.slice(0, end);
}

type Found = Extract<Piece, { readonly notice: Notice }>;

async function read(
  { policy, log }: Pick<Deps, 'policy' | 'log'>,
  q: Queries,
  now: number,
  channel: Channel,
  written: WrittenEvent,
): Promise<readonly Found[]> {
  try {
    const event = { ...JSON.parse(written.body), ...written } as RecordedEvent;
    if (!isTold(event)) return [];
    const request = event.requestId === undefined ? undefined : await q.request(event.requestId);
    const notice = noticeOf(event, { policy, request, now, end: await endBehind(q, event) });
    return notice !== undefined && isFor(channel, notice, policy) ? [{ kind: 'notice', seq: written.seq, notice }] : [];
  } catch (error) {
    // One that somebody changed must not be what silences a channel; `audit verify` finds it.
    log(`nothing is told of event ${written.seq}: ${(error as Error).message}`);
    return [];
  }
}

/** Who or what ended it. Once the last grant has ended nothing of the request begins or ends any more. */
const endBehind = async (q: Queries, { type, requestId }: RecordedEvent): Promise<RecordedEvent | undefined> =>
  type === 'grant.ended' && requestId !== undefined ? q.lastEventOf(requestId, ['grant.revoking']) : undefined;

function isFor({ name, about }: Channel, { kind, role = '' }: Notice, { roles }: Policy): boolean {
  const channels = Object.hasOwn(roles, role) ? roles[role]?.notify : undefined;
  return (about === undefined || kind === 'missed' || about.includes(kind)) && (channels === undefined || channels.includes(name));
}

/** Where a channel begins. */
export async function firstSeq(q: Queries, now: number): Promise<number> {
  const { seq: head } = await q.head();
  const recent = await q.eventsAfter(Math.max(0, head - eventsAtOnce), eventsAtOnce);
  return (recent.find((event) => recordedAt(event) >= now - beginsBeforeMs)?.seq ?? head + 1) - 1;
}

function recordedAt({ body }: WrittenEvent): number {
  try {
    return Number((JSON.parse(body) as { readonly at?: unknown }).at);
  } catch {
    return Number.NaN;
  }
}
