/** Who may approve, revoke and override. Asked at the moment of the act; an unknown answer never allows. */

import { OncallError } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import { describeCondition, positiveLeaves } from '../policy/conditions.ts';
import { judge } from '../policy/evaluate.ts';
import { clientOf } from '../policy/machine.ts';
import type { Finding, Role, Rule } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { gatherFacts } from './facts.ts';
import { type Lookups, lookups } from './lookups.ts';

type Right = {
  readonly may: boolean;
  readonly findings: readonly Finding[];
  /** Whom the rules name, in words. */
  readonly named: readonly string[];
};

async function has(
  deps: Deps,
  actor: Actor,
  rules: readonly Rule[],
  effect: 'approver' | 'admin',
  world: Lookups = lookups(deps),
): Promise<Right> {
  if (deps.policy.blocked.includes(actor.email)) {
    return { may: false, findings: [{ rule: 'blocked', effect, holds: false, because: `${actor.email} is blocked` }], named: [] };
  }
  const facts = await gatherFacts(deps, world, rules, { email: actor.email, at: deps.now() });
  const findings = judge(rules, effect, { email: actor.email, client: clientOf(actor), now: deps.now(), facts });
  const named = rules.map((rule) => describeCondition(rule.condition));
  return { may: findings.some((finding) => finding.holds === true), findings, named };
}

function refuse({ findings, named }: Right, what: string, next: string): never {
  const unknown = findings.find((finding) => finding.holds === 'unknown');
  const because =
    unknown || named.length === 0 ? findings.map((finding) => finding.because).join('; ') : `none of these is you: ${named.join('; ')}`;
  throw new OncallError(unknown ? 'undecided' : 'forbidden', unknown ? `could not decide whether you may ${what}` : `you may not ${what}`, {
    exit: unknown ? 1 : 3,
    why: because === '' ? 'the policy names nobody who may' : because,
    next,
  });
}

export async function requireAdmin(deps: Deps, actor: Actor, what: string): Promise<void> {
  const right = await has(deps, actor, deps.policy.admins, 'admin');
  if (!right.may) refuse(right, what, askAdmin(deps.policy, actor));
}

/** Who may look at what somebody did in an emergency; where the policy no longer says who, an admin. */
export async function requireReviewer(deps: Deps, actor: Actor, role: Role | undefined, what: string): Promise<void> {
  const rules = role?.breakGlass?.review.by;
  if (rules === undefined) return requireAdmin(deps, actor, what);
  const right = await has(deps, actor, rules, 'approver');
  const people = byName(rules);
  if (!right.may) refuse(right, what, `ask one of those who may: ${people === '' ? right.named.join('; ') : people}`);
}

/** Where there is none, whoever keeps the policy can change that, and nobody else can help. */
function askAdmin({ admins }: Deps['policy'], { email }: Actor): string {
  if (admins.length === 0) return `add to the policy, where you are to be one: admins: [{ user: ${email} }]`;
  const people = byName(admins);
  return people === '' ? 'ask somebody whom the policy lists under admins' : `ask an admin: ${people}`;
}

/** Up to three whom the rules name by e-mail: nobody can ring a group at night. */
export function byName(rules: readonly Rule[]): string {
  const leaves = rules.flatMap(({ condition }) => positiveLeaves(condition));
  const people = [...new Set(leaves.flatMap((leaf) => (leaf.kind === 'user' ? [leaf.email] : [])))];
  return `${people.slice(0, 3).join(', ')}${people.length > 3 ? ' or another' : ''}`;
}

/** A role's approvers may revoke on that role; admins may revoke any. */
export async function requireRevoker(
  deps: Deps,
  actor: Actor,
  role: Role | undefined,
  what: string,
  next = 'ask an admin, or the holder to release it',
): Promise<void> {
  const [admin, approver] = await Promise.all([
    has(deps, actor, deps.policy.admins, 'admin'),
    role && has(deps, actor, role.approvers, 'approver'),
  ]);
  if (admin.may || approver?.may) return;
  const findings = [...admin.findings, ...(approver?.findings ?? [])];
  const named = [...new Set([...admin.named, ...(approver?.named ?? [])])];
  refuse({ may: false, findings, named }, what, next);
}

/** The roles about which they may read everything; admins may about all, and what belongs to none. Throws where that could not be found out: a list must not come out shorter for it. */
export async function requireReadable(deps: Deps, actor: Actor, what: string, next: string): Promise<'all' | ReadonlySet<string>> {
  const world = lookups(deps);
  const admin = await has(deps, actor, deps.policy.admins, 'admin', world);
  if (admin.may) return 'all';
  const roles = Object.values(deps.policy.roles);
  const rights = await Promise.all(roles.map((role) => has(deps, actor, role.approvers, 'approver', world)));
  const unknown = [admin, ...rights].find(({ may, findings }) => !may && findings.some(({ holds }) => holds === 'unknown'));
  if (unknown) refuse(unknown, what, next);
  return new Set(roles.filter((_, index) => rights[index]?.may).map(({ name }) => name));
}
