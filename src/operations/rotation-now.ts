/** A role's rotation as the ledger has it: who is in by it, and who for this shift is to stay out. */

import type { Queries } from '../ledger/ledger.ts';
import type { Duty, Holder, Rotation, RotationNow } from '../lifecycle/rotation.ts';
import type { Request } from '../lifecycle/types.ts';
import type { Follows } from '../policy/follows.ts';
import type { Policy, Role, Target } from '../policy/types.ts';
import { refusedSince } from './by-policy.ts';
import type { Deps } from './deps.ts';
import { otherUserBecause } from './other-users.ts';

/** Who is on call and not in, with why. */
export const outsideTopic = 'rotation';

export type Following = Role & { readonly follows: Follows };

export const followingIn = ({ roles }: Pick<Policy, 'roles'>): readonly Following[] =>
  Object.values(roles).filter((role): role is Following => role.follows !== undefined);

/** `lookedAt`: when a run asked who is on call, and about which roles it has acted on what it was told. */
export type Looked = { readonly lookedAt: number; readonly settled: ReadonlySet<string> };

/**
 * Requests of rotations whose end a run has still to look at before it ends them: all of them, or those that it did not come to.
 * One that no run has come to for long is ended like any other.
 */
export async function rotationsToSettle({ policy, policyFault, ledger }: Deps, looked?: Looked): Promise<ReadonlySet<string>> {
  const roles = followingIn(policy).map(({ name }) => name);
  if (policyFault !== undefined || roles.length === 0) return new Set();
  return (await ledger()).read(async (q, now) => {
    const since = now - policy.sweep.refuseWhenLateMs;
    const open = (await q.openByPolicy('rotation')).filter(({ role }) => roles.includes(role));
    const left = open.filter(
      ({ role, expiresAt = 0 }) => expiresAt > (looked?.settled.has(role) ? Math.max(since, looked.lookedAt) : since),
    );
    return new Set(left.map(({ id }) => id));
  });
}

export type Seen = Omit<RotationNow, 'isTried'> & {
  readonly kept: Rotation;
  /** Who is in, and not in all of the role's groups. */
  readonly lacking: readonly Holder[];
  /** Ids of requests that let in another user as yet: what is longer for one is longer for both. */
  readonly astray: ReadonlySet<string>;
  /** Grants for groups that the role has no longer, or of other users. */
  readonly surplus: readonly Surplus[];
};

export type Surplus = { readonly requestId: string; readonly only: readonly string[]; readonly because: string };

/** `answer`: left out where nobody could say. `strays`: ids of grants that let in another user than the one to whom the name leads. */
export async function rotationNow(
  q: Queries,
  now: number,
  role: Following,
  answer: readonly Duty[] | undefined,
  strays: ReadonlySet<string> = new Set(),
): Promise<Seen> {
  const { name, follows, targets } = role;
  const holders: Holder[] = [];
  const lacking: Holder[] = [];
  const surplus: Surplus[] = [];
  const astray = new Set<string>();
  for (const { id, requester, startsAt = 0, expiresAt = 0, asked, ...request } of await q.openByPolicy('rotation')) {
    if (request.role !== name) continue;
    const grants = (await q.grantsOfRequest(id)).filter(({ state }) => state === 'active' || state === 'activating');
    if (grants.length === 0) continue;
    const saidUntil = 'untilMs' in asked ? asked.untilMs : expiresAt;
    const holder = { email: requester.email, requestId: id, startsAt, expiresAt, saidUntil };
    holders.push(holder);
    const [own, others] = [grants.filter((grant) => !strays.has(grant.id)), grants.filter((grant) => strays.has(grant.id))];
    const over = own.filter(({ target }) => !targets.some((one) => isSame(one, target)));
    const lacks = (among: typeof grants): boolean => targets.some((one) => !among.some(({ target }) => isSame(one, target)));
    const active = own.filter(({ state }) => state === 'active');
    // First in, then out: a group that only has another name now is the same membership.
    if (lacks(own)) lacking.push(holder);
    else {
      if (over.length > 0)
        surplus.push({ requestId: id, only: over.map((grant) => grant.id), because: `${name} no longer has this group` });
      // Whoever is only on their way in may not get there.
      if (others.length > 0 && !lacks(active))
        surplus.push({ requestId: id, only: others.map((grant) => grant.id), because: otherUserBecause(holder.email) });
    }
    if (others.length > 0 && lacks(active)) astray.add(id);
  }
  const kept = await q.rotation(name);
  const away = await awayAmong(q, now, name, answer ?? []);
  return { follows, holders, away, answeredAt: kept.answeredAt, now, kept, lacking, surplus, astray, ...(answer && { answer }) };
}

const isSame = (one: Target, other: Target): boolean => one.directory === other.directory && one.group === other.group;

/** Who gave it back, or was taken out of it by somebody, stays out until the end that they had then. */
export const isAway = (last: Request, now: number): boolean =>
  refusedSince(last) !== undefined && 'untilMs' in last.asked && now < last.asked.untilMs;

async function awayAmong(q: Queries, now: number, role: string, answer: readonly Duty[]): Promise<readonly string[]> {
  const away: string[] = [];
  for (const { email } of answer) {
    const last = await q.lastByPolicy(email, role, 'rotation');
    if (last && isAway(last, now)) away.push(email);
  }
  return away;
}
