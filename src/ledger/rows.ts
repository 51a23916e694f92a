/** How rows become values and back; the only place that knows column names on the way in and out. */

import type { Rotation } from '../lifecycle/rotation.ts';
import type { Approval, Grant, GrantView, Membership, Request } from '../lifecycle/types.ts';
import type { Asked, Decision, Target } from '../policy/types.ts';
import type { Row, Value } from './database.ts';

const text = (row: Row, column: string): string => String(row[column]);
const number = (row: Row, column: string): number => Number(row[column]);

/** What cannot be read (an edit by hand, a bad disk) must not keep the sweep from ending this and everything else; `audit verify` finds it. */
function json<T>(row: Row, column: string, unreadable: T): T {
  try {
    return JSON.parse(text(row, column)) as T;
  } catch {
    return unreadable;
  }
}

const noDecision: Decision = {
  outcome: 'deny',
  heldBy: [],
  endsWith: [],
  undecided: true,
  approvers: [],
  findings: [],
  policyDigest: '',
};

/** Leaves a key out where the column is NULL. */
function optional<K extends string, T>(key: K, value: Value | undefined, as: (value: string | number) => T): { readonly [P in K]?: T } {
  return value === null || value === undefined ? {} : ({ [key]: as(value) } as { [P in K]: T });
}

export function toRequest(row: Row): Request {
  return {
    id: text(row, 'id'),
    requester: { issuer: text(row, 'issuer'), subject: text(row, 'subject'), email: text(row, 'email') },
    origin: text(row, 'origin') as Request['origin'],
    role: text(row, 'role'),
    targets: json<readonly Target[]>(row, 'targets', []),
    ...optional('reason', row.reason, String),
    ...optional('incident', row.incident, String),
    asked: json<Asked>(row, 'asked', { byDefault: true }),
    state: (row.line ?? row.state) as Request['state'],
    requestedAt: number(row, 'requested_at'),
    ...optional('pendingUntil', row.pending_until, Number),
    ...optional('startsAt', row.starts_at, Number),
    ...optional('expiresAt', row.expires_at, Number),
    decision: json(row, 'decision', noDecision),
    approvals: json<readonly Approval[]>(row, 'approvals', []),
    ...optional('unheldSince', row.unheld_since, Number),
    ...optional('unknownSince', row.unknown_since, Number),
    version: number(row, 'version'),
  };
}

export function toGrant(row: Row): Grant {
  return {
    id: text(row, 'id'),
    requestId: text(row, 'request_id'),
    membershipId: text(row, 'membership_id'),
    target: json<Target>(row, 'target', { directory: String(row.directory ?? ''), group: String(row.group_name ?? '') }),
    state: text(row, 'state') as Grant['state'],
    ...optional('endReason', row.end_reason, (value) => String(value) as NonNullable<Grant['endReason']>),
    attempts: number(row, 'attempts'),
    nextAttemptAt: number(row, 'next_attempt_at'),
    ...optional('lastError', row.last_error, String),
    ...optional('next', row.next_step, String),
    createdAt: number(row, 'created_at'),
    ...optional('activatedAt', row.activated_at, Number),
    ...optional('endedAt', row.ended_at, Number),
    version: number(row, 'version'),
  };
}

/** From a join of grants with memberships and requests, see `grantViewColumns`. */
export function toGrantView(row: Row): GrantView {
  return {
    ...toGrant(row),
    role: text(row, 'role'),
    holder: text(row, 'holder'),
    ...optional('owned', row.owned, (value) => value === 1),
    ...optional('startsAt', row.starts_at, Number),
    ...optional('expiresAt', row.expires_at, Number),
  };
}

export const grantViewColumns =
  'grants.*, memberships.holder, memberships.owned, memberships.directory, memberships.group_name, requests.role, requests.starts_at, requests.expires_at';

export function toMembership(row: Row): Membership {
  return {
    id: text(row, 'id'),
    directory: text(row, 'directory'),
    account: text(row, 'account'),
    holder: text(row, 'holder'),
    userId: text(row, 'user_id'),
    userName: text(row, 'user_name'),
    groupId: text(row, 'group_id'),
    groupName: text(row, 'group_name'),
    ...optional('owned', row.owned, (value) => value === 1),
    ...optional('addBy', row.add_by, Number),
    unansweredUntil: number(row, 'unanswered_until'),
    endSessions: row.end_sessions === 1,
    busyUntil: number(row, 'busy_until'),
    quietUntil: number(row, 'quiet_until'),
    removeBy: number(row, 'remove_by'),
    ...optional('toldUntil', row.told_until, Number),
    version: number(row, 'version'),
  };
}

export function toRotation(row: Row): Rotation {
  return {
    role: text(row, 'role'),
    answeredAt: number(row, 'answered_at'),
    ...(row.unanswered == null ? {} : { unanswered: json(row, 'unanswered', { since: 0, because: 'unreadable' }) }),
    ...(row.refused == null ? {} : { refused: json(row, 'refused', { since: 0, goes: [], of: 0, isEmpty: true }) }),
  };
}

export const bit = (value: boolean | undefined): Value => (value === undefined ? null : value ? 1 : 0);

/** Those who read together are given the same rows, of which each is made into a value once. */
function once<T>(to: (row: Row) => T): (rows: readonly Row[]) => readonly T[] {
  const known = new WeakMap<readonly Row[], readonly T[]>();
  return (rows) => {
    const values = known.get(rows) ?? rows.map(to);
    known.set(rows, values);
    return values;
  };
}

export const toRequests = once(toRequest);
export const toGrantViews = once(toGrantView);
