/** What a sweep and `status` say about rotations. */

import type { EndMove, GoesRefused, Holder } from '../lifecycle/rotation.ts';
import { describeCondition } from '../policy/conditions.ts';
import { instant } from '../policy/end.ts';
import type { Unanswered } from './rotation-answer.ts';
import type { Following } from './rotation-now.ts';
import type { SweepStep } from './types.ts';

export const longerBecause = 'on call for longer';
export const soonerBecause = 'the shift ends sooner';
export const heldBecause = 'it is not known who is on call';
export const offBecause = ({ follows }: Following): string => `no longer ${describeCondition(follows.rule.condition)}`;

export const movedStep = ({ name }: Following, { holder, until }: EndMove, because: string): Omit<SweepStep, 'outcome'> => ({
  ...{ action: 'rotate', change: 'moved', requestId: holder.requestId, role: name, holder: holder.email, until },
  because: `${because}, not until ${instant(holder.expiresAt)}`,
});

export const acceptCommand = (role: string): string => `oncall sweep --accept ${role.includes(' ') ? `'${role}'` : role}`;

const mostNamed = 5;

/** One clause: `3 of 3 would go with nobody in their place (ana@acme.dev, …), as nobody is on call for pagerduty/PSUP890` */
export function refusedText({ follows }: Following, { goes, of, isEmpty }: GoesRefused): string {
  const who = `${goes.slice(0, mostNamed).join(', ')}${goes.length > mostNamed ? `, and ${goes.length - mostNamed} more` : ''}`;
  const why = isEmpty ? `nobody is ${describeCondition(follows.rule.condition)}` : 'too few come in their place';
  return `${goes.length} of ${of} would go before their shift was to end (${who}), and ${why}: nobody is taken out`;
}

export const refusedNext = (role: string): string => `correct the schedule, or, where it is right, an admin: ${acceptCommand(role)}`;

export const refusedStep = (role: Following, refused: GoesRefused, wasAccepted: boolean): SweepStep => ({
  ...{ action: 'rotate', outcome: 'failed', role: role.name, next: refusedNext(role.name) },
  because: `${wasAccepted ? 'not as it was when that was accepted: ' : ''}${refusedText(role, refused)}`,
});

export function unansweredStep(
  { name }: Following,
  { because, next }: Unanswered,
  { isLoud, until, holders }: { readonly isLoud: boolean; readonly until: number; readonly holders: readonly Holder[] },
): SweepStep {
  const stay = holders.length === 0 ? '' : `; who is in stays, past their end until ${instant(until)} at the latest`;
  return {
    ...{ action: 'rotate', outcome: isLoud ? 'failed' : 'later', role: name },
    because: `who is on its rotation is not known: ${because}${stay}`,
    ...(next === undefined ? {} : { next }),
  };
}
