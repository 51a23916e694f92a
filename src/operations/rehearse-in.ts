/** `policy test`: who is in without asking at the moment of a case, by a rotation or by a list, found out by the code that a sweep goes through. */

import { namedIn } from '../lifecycle/standing.ts';
import { momentOf } from '../policy/fixture-schema.ts';
import type { TriedWhoIsIn, WhoIsIn } from '../policy/fixture-types.ts';
import { standingRule } from '../policy/standing.ts';
import type { Finding, Policy, Role } from '../policy/types.ts';
import { denying } from './by-policy.ts';
import { lookups } from './lookups.ts';
import { roleNamed } from './names.ts';
import { madeUp } from './rehearse-world.ts';
import { whoIsOnDuty } from './rotation-answer.ts';

/** Somebody whom a rule lets in, where nothing keeps them out; `because` stands behind their name. */
type Named = { readonly email: string; readonly rule: string; readonly because: string };

export async function whoIsIn(policy: Policy, one: WhoIsIn): Promise<TriedWhoIsIn> {
  const role = roleNamed(policy, one.role);
  const named = [...listed(role, one.at), ...(await rotating(policy, role, one))];
  const deps = madeUp(policy, one);
  const world = lookups(deps);
  const findings = await Promise.all(
    named.map(async ({ email, rule, because }): Promise<Finding> => {
      const about = (why: string): string => `${email} ${because}${why}`;
      if (policy.blocked.includes(email)) return { rule: 'blocked', effect: 'deny', holds: true, because: about(', but is blocked') };
      const against = await denying(deps, world, { role, email });
      if (against === undefined) return { rule, effect: 'allow', holds: true, because: about('') };
      return { rule: against.rule, effect: 'deny', holds: against.holds, because: about(`, but ${against.because}`) };
    }),
  );
  const found = [...new Set(named.flatMap(({ email }, index) => (findings[index]?.effect === 'allow' ? [email] : [])))].sort();
  const isAsExpected = one.expected.in.toSorted().join() === found.join();
  return { case: one, found: { in: found }, differences: isAsExpected ? [] : ['in'], findings };
}

export const standingRuleOf = ({ name, family }: Role): string => standingRule(family?.name ?? name);

function listed(role: Role, at: number): readonly Named[] {
  const people = role.standing?.people ?? [];
  const stands = people.filter(({ email }) => namedIn(role, email, at) !== undefined);
  return stands.map(({ email, why }) => ({ email, rule: standingRuleOf(role), because: `is named under standing: ${why}` }));
}

/** Whoever is let in one overlap before their shift, and stays one after it: those whom sweeps meet that run one overlap ago, now, and whenever a shift begins or is one overlap ahead. */
async function rotating(policy: Policy, role: Role, one: WhoIsIn): Promise<readonly Named[]> {
  const { follows } = role;
  if (follows === undefined) return [];
  const { at, world } = one;
  const since = at - follows.overlapMs;
  const begin = world.duties.flatMap(({ from }) => (from === undefined ? [] : [momentOf(from, at)]));
  const each = begin.flatMap((from) => [from - follows.overlapMs, from]).filter((moment) => moment > since && moment < at);
  const moments = [since, ...each, at];
  const met = await Promise.all(
    moments.map(async (now) => {
      const deps = madeUp(policy, one, now);
      return (await whoIsOnDuty(deps, lookups(deps), follows)).duties;
    }),
  );
  const last = new Map(met.flat().map((duty) => [duty.email, duty]));
  return [...last.values()].map(({ email, end, finding: { rule, because } }) => {
    const isOver = typeof end === 'number' && end <= at;
    return { email, rule, because: isOver ? `was ${because}, and stays for the overlap` : `is ${because}` };
  });
}
