/** What somebody says yes to, to the letter: a yes counts for this and for nothing else. */

import { OncallError } from '../errors.ts';
import type { Request } from '../lifecycle/types.ts';
import type { Role, Target } from '../policy/types.ts';

/** The role as it would be given: of the groups that were asked for, those that it still has. */
export const stillOf = ({ targets }: Pick<Request, 'targets'>, role: Pick<Role, 'targets'>): readonly Target[] =>
  targets.filter(({ directory, group }) => role.targets.some((one) => one.directory === directory && one.group === group));

/** Its digest (`Ledger.digest`) is what a yes is bound to. The id makes it another one for each request, however alike they are. */
export function exactlyAsked(request: Request, role: Pick<Role, 'targets' | 'ttl'>) {
  const { id, requester, asked, reason, incident } = request;
  const { issuer, subject, email } = requester;
  const targets = stillOf(request, role).map(({ directory, group }) => ({ directory, group }));
  // A length that was asked for is one within these: a yes to an hour is none to twelve.
  const { ttl } = role;
  return { v: 'oncall.request.v1', id, requester: { issuer, subject, email }, role: request.role, targets, asked, ttl, reason, incident };
}

/** What somebody has looked at: breaking the glass once more moves the end. */
export function exactlyDone({ id, requester: { issuer, subject, email }, role, reason, expiresAt }: Request) {
  return { v: 'oncall.review.v1', id, requester: { issuer, subject, email }, role, reason, expiresAt };
}

/** `seen`: the digest of what the approver looked at. */
export function requireSeen(seen: string | undefined, digest: string, { id }: Request): void {
  if (seen === undefined || seen === digest) return;
  throw new OncallError('not-as-seen', `request ${id} is not what you looked at`, {
    why: 'it is another one, or the policy gives something else for it by now',
    next: `look at it again: oncall approve`,
  });
}
