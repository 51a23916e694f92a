/** What the rotation that a role follows says about one person. */

import { planRotation } from '../lifecycle/rotation.ts';
import { describeCondition } from '../policy/conditions.ts';
import { instant } from '../policy/end.ts';
import type { Role, Truth } from '../policy/types.ts';
import { refusedSince } from './by-policy.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { deniedAmong } from './rotate.ts';
import { askRotation } from './rotation-answer.ts';
import { rotationNow } from './rotation-now.ts';

export type ExplainRotation = {
  readonly onCall: Truth;
  readonly because: string;
  readonly held?: { readonly id: string; readonly expiresAt: number };
  /** The end with which the next sweep lets them in. */
  readonly until?: number;
  /** Why it does not, although they are on call. */
  readonly keptOut?: string;
};

export async function explainRotation(deps: Deps, world: Lookups, role: Role, email: string): Promise<ExplainRotation | undefined> {
  const { follows } = role;
  if (follows === undefined) return undefined;
  const following = { ...role, follows };
  const answer = await askRotation(deps, world, follows);
  const own = 'duties' in answer ? answer.duties.filter((one) => one.email === email) : undefined;
  const denied = (await deniedAmong(deps, world, role, own ?? [])).get(email);
  const ledger = await deps.ledger();
  return ledger.read(async (q, now) => {
    const { holders, ...seen } = await rotationNow(q, now, following, own);
    const holder = holders.find((one) => one.email === email);
    const held = holder && { held: { id: holder.requestId, expiresAt: holder.expiresAt } };
    if ('unanswered' in answer) return { onCall: 'unknown', because: answer.unanswered.because, ...held };
    const [duty] = own ?? [];
    if (duty === undefined) {
      const others = [...new Set(answer.duties.map((one) => one.email))].slice(0, 3);
      const because = `not ${describeCondition(follows.rule.condition)}; ${others.length === 0 ? 'nobody is' : `${others.join(', ')} ${others.length === 1 ? 'is' : 'are'}`}`;
      return { onCall: false, because, ...held };
    }
    const { enter } = planRotation({ ...seen, holders: holder ? [holder] : [], isTried: false });
    const [until] = enter.map((one) => one.until);
    const no = seen.away.includes(email) ? await q.lastByPolicy(email, role.name, 'rotation') : undefined;
    const keptOut = denied?.because ?? (no && whyAway(no, email));
    const next = keptOut !== undefined ? { keptOut } : until === undefined ? {} : { until };
    return { onCall: true, because: duty.finding.because, ...held, ...next };
  });
}

function whyAway(request: Parameters<typeof refusedSince>[0] & { readonly asked: object }, email: string): string {
  const no = refusedSince(request);
  const how = no?.by.email === email ? 'given back' : `taken away by ${no?.by.email}`;
  return `${how}, for this shift${'untilMs' in request.asked ? `, until ${instant(Number(request.asked.untilMs))}` : ''}`;
}
