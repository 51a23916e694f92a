/** From the trail to what an auditor samples: one entry for each time that somebody was to be let into a group, with why, by whom, and how it ended. Pure. */

import type { Finding, Target } from '../policy/types.ts';
import type { LedgerEvent, RecordedEvent } from './events.ts';
import type { EndReason, Origin } from './types.ts';

export type Access = {
  /** Number of the event by which it began; in their order. */
  readonly seq: number;
  readonly requestId: string;
  readonly origin: Origin;
  readonly holder: string;
  readonly role: string;
  readonly target: Target;
  readonly reason?: string;
  /** The rules it rests on, with what was found then. */
  readonly findings: readonly Finding[];
  /** E-mails of those who said yes to it, or took over whom it is for. */
  readonly approvers: readonly string[];
  readonly askedAt: number;
  /** Left out: nobody was let in by it, or nobody saw when. */
  readonly beganAt?: number;
  /** They were in already when it began. */
  readonly wasIn?: true;
  /** Of standing access: the one that the sweep moves on, which nobody has planned. */
  readonly plannedEnd?: number;
  /** Confirmed by the directory. */
  readonly endedAt?: number;
  readonly how?: EndReason;
  /** An e-mail, or `sweep`, `oncall`. */
  readonly endedBy?: string;
  readonly because?: string;
  /** Of an emergency what somebody else owes for it, or has done; of standing access when it is to be looked at. */
  readonly review?: Review;
};

export type Review = {
  readonly dueAt: number;
  readonly at?: number;
  readonly by?: string;
  readonly reason?: string;
  /** Of standing access: what a missed one does. */
  readonly ifMissed?: 'alert' | 'end';
  /** Likewise: the day before, and by which policy it was moved on, which is how it is seen that somebody has looked. */
  readonly moved?: { readonly from: number; readonly policyDigest?: string };
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<Access>;

/** A request as it was last approved. */
type Asked = Pick<Access, 'holder' | 'role' | 'findings' | 'approvers' | 'askedAt' | 'origin' | 'review'> & {
  readonly reason?: string;
  readonly plannedEnd?: number;
  /** For an approver, or a place. */
  readonly waits: boolean;
};

export type AccessFold = {
  readonly add: (event: RecordedEvent) => void;
  readonly all: () => Iterable<Access>;
  /** What is over is not needed any more. */
  readonly drop: (isOver: (access: Access) => boolean) => void;
};

export function foldAccesses(): AccessFold {
  const requests = new Map<string, Asked>();
  const open = new Map<string, Draft>();
  const accesses = new Map<string, Draft>();

  const begin = (event: RecordedEvent, grantId: string, more: Partial<Access> = {}): void => {
    const { seq, at, requestId = '', holder = '', role = '', target = { directory: '', group: '' } } = event;
    const { waits: _, ...asked } = requests.get(requestId) ?? unknown(at, holder, role);
    const access: Draft = { seq, requestId, target, ...asked, ...more };
    accesses.set(grantId, access);
    open.set(grantId, access);
  };

  const ofRequest = (event: RecordedEvent, id: string): void => {
    const asked = asAfter(requests.get(id) ?? unknown(event.at, event.holder ?? '', event.role ?? ''), event);
    requests.set(id, asked);
    if (!moving.has(event.type) && event.type !== 'request.broken-glass') return;
    for (const access of open.values()) {
      if (access.requestId !== id) continue;
      access.origin = asked.origin;
      // As the policy says it by now; of what was asked for, what was found at first is what let them in.
      if (asked.origin === 'standing')
        Object.assign(access, { findings: asked.findings }, asked.reason === undefined ? {} : { reason: asked.reason });
      if (asked.plannedEnd !== undefined) access.plannedEnd = asked.plannedEnd;
      if (asked.review !== undefined) access.review = asked.review;
    }
  };

  /** Mostly of what has ended since. */
  const reviewed = (event: RecordedEvent, id: string): void => {
    const of = [requests.get(id), ...[...accesses.values()].filter(({ requestId }) => requestId === id)];
    for (const one of of)
      if (one?.review !== undefined && one.review.at === undefined) Object.assign(one, { review: reviewOf(event, one.review) });
  };

  const ofGrant = (event: RecordedEvent, id: string): void => {
    const access = open.get(id);
    if (event.type === 'grant.activating') begin(event, id);
    else if (event.type === 'member.adopted') begin(event, id, adoptedBy(event));
    else if (event.type === 'member.taken-over') begin(event, id, { beganAt: event.at, wasIn: true, approvers: [actorOf(event)] });
    else if (access && event.type === 'grant.active')
      Object.assign(access, { beganAt: event.at }, fieldsOf(event).owned === false ? { wasIn: true } : {});
    else if (access && event.type === 'grant.revoking') Object.assign(access, endOf(event));
    else if (access && event.type === 'grant.ended') {
      access.endedAt = event.at;
      open.delete(id);
    }
  };

  return {
    add: (event) => {
      const { type, grantId, requestId } = event;
      if (grantId !== undefined) ofGrant(event, grantId);
      else if (requestId === undefined || aside.has(type)) return;
      else if (type === 'request.reviewed') reviewed(event, requestId);
      else ofRequest(event, requestId);
    },
    all: () => accesses.values(),
    drop: (isOver) => {
      for (const [id, access] of accesses) if (!open.has(id) && isOver(access)) accesses.delete(id);
    },
  };
}

const fieldsOf = ({ data }: LedgerEvent): Record<string, unknown> => Object(data);

const actorOf = ({ actor }: LedgerEvent): string => (typeof actor === 'string' ? actor : actor.email);

const unknown = (askedAt: number, holder: string, role: string): Asked => ({
  ...{ holder, role, askedAt },
  ...{ origin: 'asked', findings: [], approvers: [], waits: false },
});

/** What is told of a request besides what becomes of it. */
const aside: ReadonlySet<string> = new Set(['request.expiring', 'request.review-overdue'] satisfies LedgerEvent['type'][]);

/** Of access that goes on: its end, or what the policy says of it. */
const moving: ReadonlySet<string> = new Set([
  'request.extended',
  'rotation.changed',
  'rotation.held-over',
  'standing.changed',
] satisfies LedgerEvent['type'][]);

/** Moved to an earlier day, nobody need have looked. */
function standingReview(event: RecordedEvent, before: Review | undefined): Pick<Access, 'review'> {
  const { reviewDueAt, ifMissed } = fieldsOf(event);
  if (typeof reviewDueAt !== 'number' || (ifMissed !== 'alert' && ifMissed !== 'end')) return {};
  const isLater = before !== undefined && reviewDueAt > before.dueAt;
  const { policyDigest } = event;
  const by = policyDigest === undefined ? {} : { policyDigest };
  return {
    review: { ...before, dueAt: reviewDueAt, ifMissed, ...(isLater ? { at: event.at, moved: { from: before.dueAt, ...by } } : {}) },
  };
}

const reviewOf = (event: RecordedEvent, { dueAt }: Review): Review => ({
  ...{ dueAt, at: event.at, by: actorOf(event) },
  ...(event.reason === undefined ? {} : { reason: event.reason }),
});

/** Who was taken on by a sweep, or by an admin after a loss: only its end is ours. */
function adoptedBy(event: RecordedEvent): Partial<Access> {
  const { because } = fieldsOf(event);
  return { origin: 'adopted', how: 'failed', endedBy: actorOf(event), ...(typeof because === 'string' ? { because } : {}) };
}

function endOf(event: RecordedEvent): Partial<Access> {
  const { because } = fieldsOf(event);
  return {
    endedBy: actorOf(event),
    ...(event.endReason === undefined ? {} : { how: event.endReason }),
    ...(typeof because === 'string' ? { because } : {}),
  };
}

function asAfter(before: Asked, event: RecordedEvent): Asked {
  const { type, at, holder = before.holder, role = before.role, reason } = event;
  const { expiresAt, origin, to, reviewDueAt } = fieldsOf(event);
  if (type === 'request.broken-glass') {
    // Once more before anybody has looked: by the day on which they look at the first time.
    const owed = before.review?.at === undefined ? before.review?.dueAt : undefined;
    const due = typeof reviewDueAt === 'number' ? { review: { dueAt: Math.min(owed ?? reviewDueAt, reviewDueAt) } } : {};
    return { ...before, origin: 'break-glass', ...due };
  }
  if (moving.has(type)) {
    const end = typeof to === 'number' ? { plannedEnd: to } : {};
    if (before.origin !== 'standing') return { ...before, ...end };
    const said = { ...(reason === undefined ? {} : { reason }), findings: holding(event) };
    return { ...before, ...end, ...said, ...standingReview(event, before.review) };
  }
  // Of a request that is approved anew under its id nothing of before counts.
  const earlier = before.waits ? before : unknown(at, holder, role);
  const approvers = saidYes(earlier, event);
  // An approver's reason is theirs, and in the trail.
  const why = before.waits && type !== 'request.pending' ? (before.reason ?? reason) : reason;
  const asked = { ...earlier, holder, role, approvers, ...(why === undefined ? {} : { reason: why }) };
  if (type !== 'request.approved') return { ...asked, waits: true };
  return {
    ...asked,
    waits: false,
    origin: typeof origin === 'string' ? (origin as Origin) : 'asked',
    findings: holding(event),
    ...(typeof expiresAt === 'number' ? { plannedEnd: expiresAt } : {}),
    ...(origin === 'standing' ? standingReview(event, undefined) : {}),
  };
}

/** Whose yes counts is in the event where it takes several; else it is whoever acts, and is not the one whom it is for. */
function saidYes({ approvers }: Asked, event: RecordedEvent): readonly string[] {
  const { yes, by } = fieldsOf(event);
  const counted = (Object(yes) as { readonly by?: unknown }).by;
  if (Array.isArray(counted)) return counted.filter((one) => typeof one === 'string');
  const { actor, holder } = event;
  const isYes =
    typeof actor !== 'string' && actor.email !== holder && (event.type !== 'request.approved' || by === 'approver' || by === 'admin');
  return isYes ? [...new Set([...approvers, actor.email])] : approvers;
}

function holding(event: RecordedEvent): readonly Finding[] {
  const { findings } = fieldsOf(event);
  return Array.isArray(findings) ? findings.filter(({ holds, effect }: Finding) => holds === true && effect !== 'deny') : [];
}
