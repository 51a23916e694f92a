/** What is wrong with rotations, as far as the ledger knows. */

import type { Queries } from '../ledger/ledger.ts';
import { formatDuration } from '../policy/duration.ts';
import type { Deps } from './deps.ts';
import { followingIn, outsideTopic } from './rotation-now.ts';
import { refusedNext, refusedText } from './rotation-words.ts';
import { fromSubject } from './standing-told.ts';
import type { StatusFault } from './types.ts';

export async function rotationFaults(
  { policy, throughBroker }: Pick<Deps, 'policy' | 'throughBroker'>,
  q: Queries,
  now: number,
): Promise<readonly StatusFault[]> {
  const roles = followingIn(policy);
  if (roles.length === 0) return [];
  const open = await q.openByPolicy('rotation');
  const faults: StatusFault[] = [];
  const tell = (message: string, next?: string): void =>
    void faults.push({ code: 'rotation', message, ...(next === undefined ? {} : { next }) });
  for (const role of roles) {
    const { unanswered, refused } = await q.rotation(role.name);
    const isHeld = open.some(
      ({ role: name, asked, expiresAt = 0 }) => name === role.name && 'untilMs' in asked && asked.untilMs < expiresAt,
    );
    if (unanswered && (isHeld || now - unanswered.since > policy.sweep.refuseWhenLateMs)) {
      const since = `for ${formatDuration(Math.max(1000, now - unanswered.since))}`;
      tell(
        `who is on the rotation of ${role.name} has not been known ${since}: ${unanswered.because}; nobody is let in by it${isHeld ? ', and people stay past their end' : ''}`,
      );
    }
    if (refused) tell(`${role.name}: ${refusedText(role, refused)}`, refusedNext(role.name));
  }
  for (const { subject, what } of await q.toldOf(outsideTopic)) {
    const { role, email } = fromSubject(subject);
    // What was found out about somebody is for them, and for who looks after it.
    if (roles.some(({ name }) => name === role))
      tell(`${email} is on the rotation of ${role}, and not in${throughBroker ? '' : `: ${what}`}`);
  }
  return faults;
}
