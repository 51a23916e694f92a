/** `doctor` on one directory: can it be reached, does it have the groups, may their members and its users be read. Nothing is written. */

import type { FoundGroup, Member } from '../directories/directory.ts';
import type { GroupPin } from '../lifecycle/types.ts';
import { factConditions } from '../policy/conditions.ts';
import { formatDuration } from '../policy/duration.ts';
import { iamRoleIn, nameOf, titleOf } from '../policy/iam-role.ts';
import type { Policy } from '../policy/types.ts';
import { accountFault } from './accounts.ts';
import type { Deps } from './deps.ts';
import { attempt, check, counted, each, everyRule, fault, faults, some, valuesOf, within } from './doctor-check.ts';
import { type Lookups, lookups } from './lookups.ts';
import { nameIn } from './names.ts';
import type { Check } from './types.ts';

export type GroupReading = {
  readonly directory: string;
  readonly group: GroupPin;
  readonly members: readonly Member[];
  /** Right before the reading began. */
  readonly readAt: number;
};

export type DirectoryReport = {
  readonly name: string;
  readonly checks: readonly Check[];
  readonly readings: readonly GroupReading[];
  /** Each person is asked for once. */
  readonly user: (email: string) => ReturnType<Lookups['user']>;
};

export type ToAsk = {
  readonly inUse: readonly GroupPin[];
  /** As the ledger has it. */
  readonly known: readonly { readonly name: string; readonly account: string }[];
  readonly person: string | undefined;
  readonly deadline: AbortSignal;
};

export async function checkDirectory(deps: Deps, name: string, toAsk: ToAsk): Promise<DirectoryReport> {
  const signal = AbortSignal.any([deps.signal, toAsk.deadline]);
  const world = lookups({ ...deps, signal });
  const asked = await attempt('', () => within(signal, askDirectory({ ...deps, signal }, world, name, toAsk)));
  const told = 'value' in asked ? asked.value : { checks: faults('directory', name, [asked]), readings: [] };
  return { name, ...told, user: (email) => within(signal, world.user(name, email)) };
}

async function askDirectory(deps: Deps, world: Lookups, name: string, { inUse, known, person }: ToAsk) {
  const named = groupsNamed(deps.policy, name);
  const wanted = [...new Set([...named.ours, ...named.asked])];
  const [found, user] = await Promise.all([
    each(wanted, (group) =>
      attempt(`looking for the ${nounOf(group)} ${group}`, async () => ({
        group,
        pin: await world.group(name, group, named.ours.includes(group) ? 'change' : 'read'),
      })),
    ),
    person === undefined ? undefined : attempt(`looking for the user ${nameIn(deps.policy, name, person)}`, () => world.user(name, person)),
  ]);
  const pins = valuesOf(found).flatMap(({ group, pin }) => (pin !== undefined && named.ours.includes(group) ? [pin] : []));
  const byId = [...new Map([...inUse, ...pins].map((pin) => [pin.groupId, pin])).values()];
  const read = await each(byId, (group) =>
    attempt(`reading the members of ${titleOf(group.groupName)}`, async () => {
      const readAt = deps.now();
      const members = await (await deps.directory(name)).members(group, { signal: deps.signal });
      return members === 'gone' ? [] : [{ directory: name, group, members, readAt }];
    }),
  );
  const readings = valuesOf(read).flat();
  const account = pins[0] && accountFault(known, name, pins[0].account);
  const failed = [
    ...(account === undefined ? [] : [fault('directory', name, account)]),
    ...faults('directory', name, [...found, ...(user === undefined ? [] : [user]), ...read]),
  ];
  const signsOut = await sessionsLine(deps, name);
  const missing = valuesOf(found).filter(({ pin }) => pin === undefined);
  const tried = wanted.length + byId.length + (user === undefined ? 0 : 1);
  return {
    readings,
    checks: [
      ...(tried === 0 ? [check('directory', name, 'skipped', 'the policy names no group of it')] : []),
      ...(failed.length === 0 && tried > 0
        ? [reached(name, { found: valuesOf(found).flatMap(({ pin }) => pin ?? []), readings, person, user })]
        : []),
      ...failed,
      ...sharedPlaces(deps.policy, name, valuesOf(found)),
      ...signsOut,
      ...pins.flatMap((pin) => sessionsOf(name, pin)),
      ...missing.map(({ group }) =>
        check(
          'directory',
          nameOf({ directory: name, group }),
          'fault',
          `there is no such ${nounOf(group)}`,
          `correct the policy, or make the ${nounOf(group)} in ${name}: oncall never makes one`,
        ),
      ),
    ],
  };
}

/** `policy check` goes by names; a directory may find one group by its name and by its id. */
function sharedPlaces({ roles }: Policy, directory: string, found: readonly Found[]): readonly Check[] {
  const ids = new Map(found.flatMap(({ group, pin }) => (pin === undefined ? [] : [[group, pin.groupId] as const])));
  const pins = new Map(found.flatMap(({ pin }) => (pin === undefined ? [] : [[pin.groupId, pin] as const])));
  return [...pins].flatMap(([groupId, { groupName }]) => {
    const leading = Object.values(roles).filter(({ targets }) =>
      targets.some((target) => target.directory === directory && ids.get(target.group) === groupId),
    );
    if (leading.length < 2 || leading.every(({ maxHolders }) => maxHolders === undefined)) return [];
    const because = `shared-places: ${some(leading.map(({ name }) => name))} lead into this one group (${groupId}), and each counts its own places`;
    return [check('directory', nameOf({ directory, group: groupName }), 'fault', because, 'let one role alone have this group')];
  });
}

type Found = { readonly group: string; readonly pin: FoundGroup | undefined };

type Reached = {
  readonly found: readonly FoundGroup[];
  readonly readings: readonly GroupReading[];
  readonly person: string | undefined;
  readonly user: unknown;
};

const nounOf = (group: string): string => (iamRoleIn(group) === undefined ? 'group' : 'IAM role');

/** No provider ends one early. */
function sessionsOf(directory: string, { groupName, longestSessionMs }: FoundGroup): readonly Check[] {
  if (longestSessionMs === undefined) return [];
  const because = `sessions that are begun before an end last up to ${formatDuration(longestSessionMs)}`;
  return [check('directory', nameOf({ directory, group: groupName }), 'ok', because)];
}

function reached(name: string, { found, readings, person, user }: Reached): Check {
  const roles = found.filter(({ groupName }) => iamRoleIn(groupName) !== undefined).length;
  const groups = found.length - roles;
  const members = readings.reduce((sum, reading) => sum + reading.members.length, 0);
  const parts = [
    `${[...(groups > 0 || roles === 0 ? [counted(groups, 'group')] : []), ...(roles > 0 ? [counted(roles, 'IAM role')] : [])].join(' and ')} found`,
    ...(readings.length === 0 ? [] : [`${counted(members, 'member')} of ${readings.length === 1 ? 'one' : readings.length} read`]),
    ...(person === undefined || user === undefined ? [] : ['users can be looked up']),
  ];
  return check('directory', name, 'ok', `${parts.join(', ')}; adding and removing was not tried`);
}

/** Nothing but signing somebody out would show whether it may. */
async function sessionsLine(deps: Deps, name: string): Promise<readonly Check[]> {
  const roles = Object.values(deps.policy.roles).filter(({ endsSessionsIn = [] }) => endsSessionsIn.includes(name));
  if (roles.length === 0) return [];
  const opened = await attempt('', () => deps.directory(name));
  if ('error' in opened) return [];
  const needs = opened.value.endSessionsNeeds;
  const because = `ending sessions was not tried; onEnd of ${some(roles.map((role) => role.name))} wants it`;
  return [check('directory', name, 'skipped', needs === undefined ? because : `${because}, and it needs ${needs}`)];
}

/** `ours`: groups that people are put into, or that are exclusive. `asked`: groups that conditions ask about. */
function groupsNamed(policy: Policy, name: string): { readonly ours: readonly string[]; readonly asked: readonly string[] } {
  const targets = Object.values(policy.roles)
    .flatMap((role) => role.targets)
    .filter((target) => target.directory === name);
  const conditions = factConditions(everyRule(policy)).filter((condition) => condition.kind === 'member');
  return {
    ours: [...new Set([...targets.map((target) => target.group), ...(policy.directories[name]?.exclusive ?? [])])],
    asked: conditions.filter((condition) => condition.directory === name).map((condition) => condition.group),
  };
}
