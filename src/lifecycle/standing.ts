/** What a sweep has to do so that whoever a role names as standing has it, and nobody else has it for that reason; pure. */

import type { Role } from '../policy/types.ts';
import type { GrantView, Request } from './types.ts';

/**
 * Standing access has an end like all access: this far from now, and moved on by the sweep while the policy names the person. So it does not
 * outlive a policy that was lost, or one that nobody mends.
 */
export const standingMs = 7 * 86_400_000;

/** An open request that the policy gave, with those of its grants that give access or are about to. */
export type Held = { readonly request: Request; readonly grants: readonly GrantView[] };

export type Named = {
  readonly role: Role;
  readonly email: string;
  readonly why: string;
  readonly reviewAt: number;
  readonly until: number;
};

/** `give`: nothing, or not all of the role, stands for them. `renew`: its end moves on, or what the policy says of it has changed. `keep`: all is as it should be. */
export type StandingStep =
  | ({ readonly action: 'give'; readonly request?: Request } & Named)
  | ({ readonly action: 'renew' | 'keep'; readonly request: Request } & Named)
  | {
      readonly action: 'end';
      readonly request: Request;
      readonly because: 'not-named' | 'review-missed' | 'not-a-target';
      /** Not all of it: the grants of these ids. */
      readonly only?: readonly string[];
    };

export type StandingNow = {
  readonly roles: readonly Role[];
  readonly blocked: readonly string[];
  readonly held: readonly Held[];
  readonly now: number;
};

/** What the role gives them as standing, and until when; nothing once a missed review has ended it. */
export function namedIn(role: Role, email: string, now: number): Named | undefined {
  const { people = [], reviewAt = 0, ifMissed } = role.standing ?? {};
  const named = people.find((one) => one.email === email);
  if (named === undefined || (ifMissed === 'end' && reviewAt <= now)) return undefined;
  const until = Math.min(now + standingMs, ifMissed === 'end' ? reviewAt : Number.POSITIVE_INFINITY);
  return { role, email, why: named.why, reviewAt, until };
}

export function planStanding({ roles, blocked, held, now }: StandingNow): readonly StandingStep[] {
  const steps: StandingStep[] = [];
  const kept = new Set<string>();
  for (const role of roles) {
    for (const { email } of role.standing?.people ?? []) {
      const named = namedIn(role, email, now);
      if (named === undefined) continue;
      const own = held.find(({ request }) => request.role === role.name && request.requester.email === email);
      if (own) kept.add(own.request.id);
      // What they have ends as that of everybody who is blocked.
      if (!blocked.includes(email)) steps.push(...planNamed(named, own, now));
    }
  }
  for (const { request, grants } of held) {
    if (kept.has(request.id) || grants.length === 0) continue;
    const isNamed = roles.some(
      ({ name, standing }) => name === request.role && standing?.people.some(({ email }) => email === request.requester.email),
    );
    steps.push({ action: 'end', request, because: isNamed ? 'review-missed' : 'not-named' });
  }
  return steps;
}

function planNamed(named: Named, own: Held | undefined, now: number): readonly StandingStep[] {
  if (own === undefined) return [{ action: 'give', ...named }];
  const { request, grants } = own;
  // Being taken back: once that is confirmed it is given anew.
  if (grants.length === 0) return [];
  const { targets } = named.role;
  const lacks = targets.some((target) => !grants.some((grant) => isSame(grant.target, target)));
  const action = lacks ? 'give' : mustRenew(named, request, now) ? 'renew' : 'keep';
  const surplus = grants.filter((grant) => !targets.some((target) => isSame(grant.target, target))).map(({ id }) => id);
  // First in, then out: a group that only has another name now is the same membership.
  const out: StandingStep = { action: 'end', request, because: 'not-a-target', only: surplus };
  return [{ action, request, ...named }, ...(surplus.length > 0 && !lacks ? [out] : [])];
}

const isSame = (one: Role['targets'][number], other: Role['targets'][number]): boolean =>
  one.directory === other.directory && one.group === other.group;

/** Not at every run: half of it is more than any outage that nobody notices. */
function mustRenew(named: Named, request: Request, now: number): boolean {
  const end = request.expiresAt ?? 0;
  return !isAsSaid(named, request) || (named.until > end && end - now < standingMs / 2);
}

/** Whether the policy says of them what it said then. */
export const isAsSaid = ({ why, reviewAt }: Pick<Named, 'why' | 'reviewAt'>, { reason, asked }: Request): boolean =>
  reason === why && 'untilMs' in asked && asked.untilMs === reviewAt;
