/** Whether somebody may say yes to a request, by a right of their own or in the place of somebody who is away. Asked at the moment of the act; an unknown answer never allows. */

import { isOncallError, isProviderError, nextStep } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import { factConditions } from '../policy/conditions.ts';
import { type Delegation, delegatedTo } from '../policy/delegation.ts';
import { judge } from '../policy/evaluate.ts';
import { clientOf } from '../policy/machine.ts';
import type { Finding, Role, Target } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { gatherFacts } from './facts.ts';
import type { Lookups } from './lookups.ts';
import { couldBeOne } from './same-person.ts';

export type ApproverRight = {
  readonly may: boolean | 'unknown';
  /** Names of the items of `approvers` that name them. */
  readonly items: readonly string[];
  readonly inPlaceOf?: Delegation;
  /** Why not, or what is not known. */
  readonly because: string;
  /** Set where it is about them, and not that the rules name others. */
  readonly isNamed?: true;
};

export type AboutRight = {
  readonly requester: Actor;
  /** By the ledger's clock. */
  readonly at: number;
  /** Of several rights the first one that suits is taken; another only where none does. */
  readonly suits?: (right: ApproverRight) => boolean;
};

/** Of a role's `approvers`. Nobody's stand-in may do what they could not do themselves: say yes to their own. */
export async function approverRight(deps: Deps, world: Lookups, actor: Actor, role: Role, about: AboutRight): Promise<ApproverRight> {
  const { policy } = deps;
  const { suits = () => true } = about;
  const client = clientOf(actor);
  const own = await rightOf(deps, world, role, { email: actor.email, client });
  if ((own.may === true && suits(own)) || client !== undefined || policy.blocked.includes(actor.email)) return own;
  let unknown = own.may === 'unknown' ? own : undefined;
  let another = own.may === true ? own : undefined;
  for (const inPlaceOf of delegatedTo(actor.email, policy.delegations ?? [], about.at)) {
    const { from } = inPlaceOf;
    if (couldBeOne(policy, { issuer: '', subject: from, email: from }, about.requester)) continue;
    const right = await rightOf(deps, world, role, { email: from, client: undefined });
    if (right.may === true) {
      const theirs = { ...right, inPlaceOf };
      if (suits(theirs)) return theirs;
      another ??= theirs;
    }
    if (right.may === 'unknown') unknown ??= right;
  }
  return unknown ?? another ?? own;
}

type Who = { readonly email: string; readonly client: string | undefined };

async function rightOf(deps: Deps, world: Lookups, role: Role, who: Who): Promise<ApproverRight> {
  const { email } = who;
  if (deps.policy.blocked.includes(email)) return { may: false, items: [], because: `${email} is blocked`, isNamed: true };
  const facts = await gatherFacts(deps, world, role.approvers, { email, at: deps.now() });
  const findings = judge(role.approvers, 'approver', { ...who, now: deps.now(), facts });
  const held = findings.filter(({ holds }) => holds === true);
  if (held.length > 0) return { may: true, items: held.map(({ rule }) => rule), because: reasonsOf(held) };
  const unknown = findings.filter(({ holds }) => holds === 'unknown');
  if (unknown.length > 0) return { may: 'unknown', items: [], because: reasonsOf(unknown) };
  return { may: false, items: [], because: reasonsOf(findings) };
}

const reasonsOf = (findings: readonly Finding[]): string => [...new Set(findings.map(({ because }) => because))].join('; ');

/** Who somebody is where it counts: in the directories in which something is given, and in those that say who approves. */
export type Accounts = {
  /** `okta/00u1`; also of the person in whose place they act. */
  readonly users: readonly string[];
  /** Who is suspended or deactivated says yes to nothing. */
  readonly inactive?: string;
  /** Where it could not be found out. */
  readonly unknown?: { readonly because: string; readonly next?: string | undefined; readonly cause: unknown };
};

export async function accountsOf(
  world: Lookups,
  emails: readonly string[],
  role: Pick<Role, 'approvers'>,
  targets: readonly Target[],
): Promise<Accounts> {
  const naming = factConditions(role.approvers).flatMap((one) => (one.kind === 'member' ? [one.directory] : []));
  const directories = [...new Set([...targets.map(({ directory }) => directory), ...naming])];
  const asked = emails.flatMap((email) => directories.map((directory) => ({ email, directory })));
  const found = await Promise.allSettled(asked.map(({ email, directory }) => world.user(directory, email)));
  const users: string[] = [];
  let inactive: string | undefined;
  let unknown: Accounts['unknown'];
  for (const [index, one] of found.entries()) {
    const directory = asked[index]?.directory ?? '';
    if (one.status === 'rejected') unknown ??= failed(one.reason);
    else if (one.value !== undefined) {
      users.push(`${directory}/${one.value.userId}`);
      if (!one.value.active) inactive ??= `${one.value.userName} is not active in ${directory}`;
    }
  }
  return { users, ...(inactive === undefined ? {} : { inactive }), ...(unknown === undefined ? {} : { unknown }) };
}

function failed(error: unknown): NonNullable<Accounts['unknown']> {
  if (!isOncallError(error) && !isProviderError(error)) throw error;
  return { because: error.message, next: isProviderError(error) ? nextStep(error) : error.next, cause: error };
}

/** All that stands behind a yes. */
export const behind = ({ by, inPlaceOf }: { readonly by: Actor; readonly inPlaceOf?: string | undefined }): readonly Actor[] =>
  inPlaceOf === undefined ? [by] : [by, { issuer: '', subject: inPlaceOf, email: inPlaceOf }];
