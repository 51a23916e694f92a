/** Who has said yes to a request already: whether each still counts, and that nobody counts twice or says yes to their own. */

import { OncallError } from '../errors.ts';
import type { Actor, Approval, Request } from '../lifecycle/types.ts';
import type { Policy, Role, Target } from '../policy/types.ts';
import { type Accounts, type ApproverRight, accountsOf, approverRight, behind } from './approver.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { turnComesAt } from './may-approve.ts';
import type { Pins } from './pins.ts';
import { couldBeOne } from './same-person.ts';

/** A yes as it stands now. `counts: 'unknown'`: it may, and nobody could find out. */
export type Earlier = {
  readonly yes: Approval;
  readonly counts: boolean | 'unknown';
  /** Why it does not, or what is not known. */
  readonly because: string;
  readonly users: readonly string[];
};

export const yesOf = ({ approvals }: Pick<Request, 'approvals'>): readonly Approval[] => approvals.filter(({ answer }) => answer === 'yes');

type About = {
  readonly pending: Request;
  /** Of what is asked now. */
  readonly digest: string;
  readonly inside: readonly Target[];
  readonly at: number;
};

/** A yes is worth what its giver's right is worth at the last one. */
export function earlierYes(deps: Deps, world: Lookups, role: Role, about: About): Promise<readonly Earlier[]> {
  return Promise.all(yesOf(about.pending).map((yes) => standing(deps, world, role, yes, about)));
}

async function standing(deps: Deps, world: Lookups, role: Role, yes: Approval, { pending, digest, inside, at }: About): Promise<Earlier> {
  const { requester } = pending;
  const no = (because: string): Earlier => ({ yes, counts: false, because, users: [] });
  if (yes.digest !== digest) return no('what is asked is no longer what it was');
  // By the right that it was given by: another one is worth another yes.
  const suits = ({ inPlaceOf }: ApproverRight): boolean => inPlaceOf?.from === yes.inPlaceOf;
  const right = await approverRight(deps, world, yes.by, role, { requester, at, suits });
  if (right.may === false) return no(right.isNamed ? right.because : 'is no longer an approver');
  if (right.may === true && !suits(right)) return no('no longer has the right by which it was said');
  const emails = behind({ by: yes.by, inPlaceOf: right.inPlaceOf?.from }).map(({ email }) => email);
  const { users, inactive, unknown } = await accountsOf(world, emails, role, inside);
  if (inactive !== undefined) return no(inactive);
  if (right.may === 'unknown') return { yes, counts: 'unknown', because: right.because, users };
  if (unknown !== undefined) return { yes, counts: 'unknown', because: unknown.because, users };
  if (turnComesAt(deps.policy, role, pending, right, at) !== undefined) return no('their turn has not come');
  return { yes, counts: true, because: '', users };
}

/** One person counts once, whatever they are called; and so does the right of one, whoever stands in for them. */
export function requireOnlyOnce(
  policy: Policy,
  request: Request,
  mine: { readonly yes: Pick<Approval, 'by' | 'inPlaceOf'>; readonly users: readonly string[] },
  earlier: readonly Earlier[],
): void {
  const same = earlier.find(
    ({ yes, counts, users }) =>
      counts !== false &&
      (users.some((user) => mine.users.includes(user)) ||
        behind(yes).some((one) => behind(mine.yes).some((other) => couldBeOne(policy, one, other)))),
  );
  if (same === undefined) return;
  const { by, inPlaceOf } = same.yes;
  const as = inPlaceOf === undefined ? by.email : `${by.email} in the place of ${inPlaceOf}`;
  throw new OncallError('said-yes-already', `you have said yes to request ${request.id} already`, {
    exit: 8,
    why: `as ${as}; it waits for somebody else`,
    next: `oncall status ${request.id}`,
  });
}

/** Two names here may be one user where the access is. Who has no user there is not that one; of whom it is not known may be. */
export function requireOtherAccount(request: Request, { users, inactive, unknown }: Accounts, { pinned }: Pick<Pins, 'pinned'>): void {
  if (pinned.some(({ target, pin }) => users.includes(`${target.directory}/${pin.userId}`))) throw ownRequest(request);
  if (inactive !== undefined) {
    throw new OncallError('forbidden', `you may not approve ${request.id}`, {
      exit: 3,
      why: `${inactive}, and only who is active says yes`,
      next: `ask an approver of ${request.role}: oncall explain ${request.role}`,
    });
  }
  if (unknown === undefined) return;
  throw new OncallError('undecided', `could not decide whether request ${request.id} is your own`, {
    why: unknown.because,
    next: unknown.next ?? `oncall approve ${request.id}`,
    cause: unknown.cause,
  });
}

export function ownRequest({ role }: Request): OncallError {
  return new OncallError('own-request', 'nobody approves their own request', {
    exit: 3,
    next: `ask an approver of ${role}: oncall explain ${role}`,
  });
}

type Asked = { readonly request: Request; readonly actor: Actor; readonly now: number };

/** Whether a right is worth a yes now: nobody has said one by it, and its turn has come. */
export const isOpen =
  (policy: Policy, role: Role, { request, actor, now }: Asked) =>
  (right: ApproverRight): boolean =>
    !isUsed(policy, request, actor, right) && turnComesAt(policy, role, request, right, now) === undefined;

export const isUsed = (policy: Policy, request: Request, actor: Actor, { inPlaceOf }: Pick<ApproverRight, 'inPlaceOf'>): boolean =>
  behind({ by: actor, inPlaceOf: inPlaceOf?.from })
    .slice(-1)
    .some((whose) => hasSaidYes(policy, whose, request));

/** Whether this person has a yes among them that is not theirs to give again. */
export const hasSaidYes = (policy: Policy, actor: Actor, request: Request): boolean =>
  yesOf(request).some((yes) => behind(yes).some((one) => couldBeOne(policy, one, actor)));
