/** Approvers who are away: who says yes in their place, and until when. Pure; it never chains, as only a right of one's own is passed on. */

import { foldEmail } from './fields.ts';
import type { Path, Report } from './issue.ts';
import type { WrittenDelegation } from './schema.ts';

export type Delegation = {
  /** Case-folded, as everywhere. */
  readonly from: string;
  readonly to: readonly string[];
  /** Epoch ms; left out: begun already. */
  readonly startsAt?: number;
  readonly endsAt: number;
};

/** In whose place somebody may say yes at that moment. */
export function delegatedTo(email: string, delegations: readonly Delegation[], now: number): readonly Delegation[] {
  return delegations.filter(({ to, startsAt = 0, endsAt }) => to.includes(email) && startsAt <= now && now < endsAt);
}

type DelegationCheck = {
  /** Service accounts by the names under which directories know them. */
  readonly machines: readonly string[];
  /** Left out where nobody asks what is over by now. */
  readonly now: number | undefined;
  readonly report: Report;
};

/** A day is read as the instant at which it is over. */
const dayMs = 86_400_000;

export function resolveDelegations(
  written: Readonly<Record<string, WrittenDelegation>>,
  { machines, now, report }: DelegationCheck,
): readonly Delegation[] {
  return Object.entries(written).flatMap(([person, { to, from: firstDay, until: endsAt }]) => {
    const startsAt = firstDay === undefined ? undefined : firstDay - dayMs;
    const path: Path = ['delegate', person];
    const from = foldEmail(person);
    if (from === undefined) {
      report({ code: 'bad-email', message: `${JSON.stringify(person)} is not an e-mail address`, path, on: 'key' });
      return [];
    }
    if (to.includes(from)) report({ code: 'delegate-self', message: `${from} cannot stand in for ${from}`, path: [...path, 'to'] });
    for (const machine of to.filter((one) => machines.includes(one))) {
      report({ code: 'delegate-machine', message: `${machine} is a service account, and stands in for nobody`, path: [...path, 'to'] });
    }
    if (startsAt !== undefined && startsAt >= endsAt) {
      report({ code: 'delegate-never', message: 'it ends before it begins', path: [...path, 'until'] });
    } else if (now !== undefined && endsAt <= now) {
      const hint = 'take it out, or give it a later day';
      report({ severity: 'warning', code: 'delegate-over', message: 'this is over', hint, path: [...path, 'until'] });
    }
    return [{ from, to, ...(startsAt === undefined ? {} : { startsAt }), endsAt }];
  });
}
