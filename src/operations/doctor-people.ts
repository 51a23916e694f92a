/** `doctor` on identities: whoever is on call, or soon will be, must be found where their roles would put them, before the night it matters. */

import { isProviderError } from '../errors.ts';
import { describeCondition, factKey, positiveLeaves } from '../policy/conditions.ts';
import { instant } from '../policy/end.ts';
import type { OnCallCondition, Policy, Role } from '../policy/types.ts';
import { attempt, check, each, some, valuesOf } from './doctor-check.ts';
import type { DirectoryReport } from './doctor-directory.ts';
import type { RosterReport } from './doctor-roster.ts';
import { nameIn, peopleKnownAs } from './names.ts';
import type { Check } from './types.ts';

type Reports = { readonly directories: ReadonlyMap<string, DirectoryReport>; readonly rosters: ReadonlyMap<string, RosterReport> };

/** Somebody who must be known in a directory; `must` where a role depends on it. */
type Wanted = { readonly email: string; readonly directory: string; readonly because: string; readonly must: boolean };

/** Each is a call, and a directory may allow few of them a minute. */
const mostLookups = 200;

export async function checkPeople(policy: Policy, { directories, rosters }: Reports): Promise<readonly Check[]> {
  const { wanted, nameless } = peopleOnCall(policy, rosters);
  const everybody = unique([...wanted, ...peopleNamed(policy)]);
  const looked = everybody.slice(0, mostLookups);
  const found = await each(looked, (one) => attempt(one.directory, async () => lookFor(policy, one, directories.get(one.directory))));
  const mismatches = valuesOf(found).flatMap((line) => (line === undefined ? [] : [line]));
  const unknown = new Map<string, string[]>();
  for (const [index, one] of found.entries())
    if ('error' in one) unknown.set(one.doing, [...(unknown.get(one.doing) ?? []), looked[index]?.email ?? '']);
  const sound = looked.length - mismatches.length - [...unknown.values()].flat().length;
  return [
    ...(mismatches.length + nameless.length + unknown.size === 0 ? [allKnown(sound)] : []),
    ...nameless,
    ...mismatches,
    ...[...unknown].map(([directory, emails]) =>
      check('identity', directory, 'skipped', `${directory} could not say whether it has ${some(emails)}`),
    ),
    ...(everybody.length > looked.length
      ? [check('identity', 'the others', 'skipped', `only the first ${mostLookups} of ${everybody.length} lookups were made`)]
      : []),
  ];
}

const allKnown = (count: number): Check =>
  count === 0
    ? check('identity', 'people', 'skipped', 'nobody is on call for a role, and people: names nobody')
    : check('identity', 'people', 'ok', 'everybody on call, now or soon, or named under people:, is known where it matters');

/** `undefined`: all is well. Throws where the directory could not say. */
async function lookFor(policy: Policy, { email, directory, because, must }: Wanted, report: DirectoryReport | undefined) {
  const name = nameIn(policy, directory, email);
  const what = name === email ? email : `${email} (${name})`;
  const tell = (problem: string, next: string): Check =>
    check('identity', what, must ? 'fault' : 'warning', `${problem}; ${because}`, next);
  try {
    const user = await report?.user(email);
    if (user === undefined)
      return tell(`${directory} has no such user`, `write their name there under people: in the policy, or correct it`);
    if (!user.active) return tell(`not active in ${directory}`, `activate them in ${directory}, or take them off the schedule`);
    return undefined;
  } catch (error) {
    if (!isProviderError(error) || error.fault !== 'ambiguous') throw error;
    return tell(error.message, error.next ?? `leave one of them in ${directory}`);
  }
}

/** Who is on call now comes first, then who will be, the soonest first: it is they whom the first lookups are for. */
function peopleOnCall(policy: Policy, rosters: Reports['rosters']): { wanted: readonly Wanted[]; nameless: readonly Check[] } {
  const wanted: (Wanted & { readonly from: number })[] = [];
  const nameless = new Map<string, Check>();
  for (const role of Object.values(policy.roles)) {
    for (const condition of schedulesOf(role)) {
      for (const { email: known, from } of onSchedule(condition, rosters.get(condition.roster))) {
        const people = peopleKnownAs(policy, condition.roster, known);
        const begins = from === 0 ? '' : ` from ${instant(from)} on`;
        const because = `${describeCondition(condition)}${begins}, for ${role.name}`;
        if (people.length === 0 && !nameless.has(known)) {
          const problem = `people: gives them another name in ${condition.roster}, so no rule counts this shift; ${because}`;
          nameless.set(known, check('identity', known, 'fault', problem, 'correct people: in the policy'));
        }
        const directories = new Set(role.targets.map((target) => target.directory));
        for (const directory of directories) for (const email of people) wanted.push({ email, directory, because, must: true, from });
      }
    }
  }
  return { wanted: wanted.sort((a, b) => a.from - b.from), nameless: [...nameless.values()] };
}

/** Everybody once; `from` is 0 for who is on call now. */
function onSchedule(condition: OnCallCondition, report: RosterReport | undefined) {
  const key = factKey(condition);
  const people = new Map((report?.onCall.get(key) ?? []).map(({ email }) => [email, 0]));
  for (const { email, start } of report?.upcoming.get(key) ?? []) {
    const from = start ?? 0;
    people.set(email, Math.min(from, people.get(email) ?? from));
  }
  return [...people].map(([email, from]) => ({ email, from }));
}

const schedulesOf = (role: Role): readonly OnCallCondition[] =>
  [...role.allow, ...role.ask, ...(role.follows ? [role.follows.rule] : [])]
    .flatMap((rule) => positiveLeaves(rule.condition))
    .filter((leaf) => leaf.kind === 'onCall');

/** An entry of `people:` says that this person is in that directory under that name. */
function peopleNamed({ people, directories }: Policy): readonly Wanted[] {
  return Object.entries(people).flatMap(([email, names]) =>
    Object.keys(directories).map((directory) => ({
      email,
      directory,
      because: names[directory] === undefined ? 'people: names them' : 'people: gives this name',
      must: names[directory] !== undefined,
    })),
  );
}

/** Once for each person and directory; that a role depends on it comes first. */
function unique(all: readonly Wanted[]): readonly Wanted[] {
  const byKey = new Map<string, Wanted>();
  for (const one of all) {
    const key = JSON.stringify([one.email, one.directory]);
    if (!byKey.has(key)) byKey.set(key, one);
  }
  return [...byKey.values()];
}
