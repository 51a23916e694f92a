/** What the list of standing access of a role says about one person. */

import type { Queries } from '../ledger/ledger.ts';
import { namedIn } from '../lifecycle/standing.ts';
import { reviewDay } from '../policy/standing.ts';
import type { Role } from '../policy/types.ts';
import { policyFor } from './by-policy.ts';
import { fromSubject, notInTopic } from './standing-told.ts';

export type ExplainStanding = {
  /** As the policy says it. */
  readonly why: string;
  /** The day of the review. */
  readonly review: string;
  /** The request that stands for it. */
  readonly held?: string;
  /** Why they are not in, as the last sweep found it. */
  readonly keptOut?: string;
};

/** Nothing where the role does not name them, or a missed review has ended it. */
export async function explainStanding(q: Queries, now: number, role: Role, email: string): Promise<ExplainStanding | undefined> {
  const named = namedIn(role, email, now);
  if (named === undefined) return undefined;
  const open = await q.openRequest(policyFor(email), role.name, 'standing');
  const grants = open === undefined ? [] : await q.grantsOfRequest(open.id);
  const told = (await q.toldOf(notInTopic)).find(({ subject }) => {
    const of = fromSubject(subject);
    return of.role === role.name && of.email === email;
  });
  return {
    why: named.why,
    review: reviewDay(named.reviewAt),
    ...(open !== undefined && grants.some(({ state }) => state === 'active') ? { held: open.id } : {}),
    ...(told === undefined ? {} : { keptOut: told.what }),
  };
}
