/** What a policy must not say although every part of it is well formed: one small rule each, all of them always run. */

import { breakGlassHolds } from './break-glass.ts';
import { approvalChecks } from './checks-approval.ts';
import { notExclusive } from './checks-exclusive.ts';
import { lineChecks } from './checks-line.ts';
import { standingChecks } from './checks-standing.ts';
import { positiveLeaves } from './conditions.ts';
import { foldEmail } from './fields.ts';
import { followsChecks } from './follows.ts';
import { titleOf } from './iam-role.ts';
import { iamRolesCanBeGiven } from './iam-role-checks.ts';
import type { Path, Report } from './issue.ts';
import { suggest } from './nearest.ts';
import { slackName } from './notices.ts';
import type { EndsSessions, GivesIamRole } from './sources.ts';
import type { Role } from './types.ts';

type KeysAt = (path: Path) => readonly string[];

export type RoleCheck = {
  readonly role: Role;
  readonly path: Path;
  /** The keys that the file has for this role, those with faults included. */
  readonly keys: readonly string[];
  readonly defaultKeys: readonly string[];
  readonly directories: readonly string[];
  /** Undefined where the directory is faulty, so that nobody can tell. */
  readonly exclusive: (directory: string) => readonly string[] | undefined;
  readonly endsSessions: (directory: string) => EndsSessions;
  readonly givesIamRole: (directory: string) => GivesIamRole | undefined;
  readonly blocked: readonly string[];
  /** For what is said of a day; left out: nothing is. */
  readonly now?: number | undefined;
  readonly report: Report;
};

/** Ways to get a role, besides `allow` and `ask`. */
export const otherWaysIn = ['follows', 'standing', 'breakGlass'] as const;

export const roleChecks: readonly ((check: RoleCheck) => void)[] = [
  targetsAreThere,
  nobodyCanGetIt,
  targetsAreDeclared,
  targetsDiffer,
  defaultFitsMaximum,
  breakGlassHolds,
  placesAreCountable,
  sessionsCanEnd,
  iamRolesCanBeGiven,
  askNeedsApprovers,
  ...approvalChecks,
  ...lineChecks,
  unknownNeedsApprovers,
  approversAreOfUse,
  ...followsChecks,
  ...standingChecks,
];

function targetsAreThere({ path, keys, report }: RoleCheck): void {
  if (!keys.includes('targets'))
    report({ code: 'missing-key', message: '"targets" is missing', hint: 'write targets: { directory: Group }', path, on: 'key' });
}

function nobodyCanGetIt({ role, path, keys, report }: RoleCheck): void {
  if (['allow', 'ask', ...otherWaysIn].some((key) => keys.includes(key))) return;
  report({
    code: 'nobody-can-get',
    message: `nobody can get ${role.name}`,
    hint: 'say under "allow" who gets it at once, or under "ask" who may ask an approver',
    path,
    on: 'key',
  });
}

function targetsAreDeclared({ role, path, directories, report }: RoleCheck): void {
  for (const directory of new Set(role.targets.map((target) => target.directory))) {
    if (directories.includes(directory)) continue;
    const hint = suggest(directory, directories) ?? 'declare it under "directories"';
    report({
      code: 'undeclared-directory',
      message: `there is no directory "${directory}"`,
      hint,
      path: [...path, 'targets', directory],
      on: 'key',
    });
  }
}

function targetsDiffer({ role, path, report }: RoleCheck): void {
  const seen = new Set<string>();
  for (const { directory, group } of role.targets) {
    const key = JSON.stringify([directory, titleOf(group)]);
    if (seen.has(key))
      report({ code: 'same-target', message: `"${titleOf(group)}" is a target twice`, path: [...path, 'targets', directory] });
    seen.add(key);
  }
}

function defaultFitsMaximum({ role, path, report }: RoleCheck): void {
  if (role.ttl.defaultMs <= role.ttl.maxMs) return;
  report({ code: 'ttl-default-over-max', message: 'the default is longer than the maximum', path: [...path, 'ttl', 'default'] });
}

function placesAreCountable(check: RoleCheck): void {
  if (check.role.maxHolders !== undefined) notExclusive(check, 'maxHolders', 'places cannot be counted');
}

function sessionsCanEnd({ role, path, endsSessions, report }: RoleCheck): void {
  if (role.endsSessionsIn === undefined) return;
  const at = [...path, 'onEnd', 'endSessions'];
  const targets = [...new Set(role.targets.map(({ directory }) => directory))].map((name) => ({ name, can: endsSessions(name) }));
  for (const { name, can } of targets) {
    if (typeof can === 'string') report({ code: 'no-sessions', message: `sessions in ${name} could not be ended`, hint: can, path: at });
  }
  if (targets.length === 0 || targets.some(({ can }) => can !== false)) return;
  const message = `none of its directories can end sessions: ${targets.map(({ name }) => name).join(', ')}`;
  report({ code: 'no-sessions', message, hint: 'take "onEnd" out: leaving a group is all that ends there', path: at });
}

const hasApprovers = ({ keys, defaultKeys }: RoleCheck): boolean => keys.includes('approvers') || defaultKeys.includes('approvers');

function askNeedsApprovers(check: RoleCheck): void {
  const { keys, path, report } = check;
  if (!keys.includes('ask') || hasApprovers(check)) return;
  report({
    code: 'ask-without-approvers',
    message: '"ask" is there, but nobody who could say yes',
    hint: 'say who under "approvers"',
    path: [...path, 'ask'],
    on: 'key',
  });
}

function unknownNeedsApprovers(check: RoleCheck): void {
  const { role, keys, path, report } = check;
  if (role.whenUnknown !== 'ask' || hasApprovers(check)) return;
  const at = keys.includes('whenUnknown') ? [...path, 'whenUnknown'] : ['defaults', 'whenUnknown'];
  report({
    code: 'ask-without-approvers',
    message: `"whenUnknown: ask" asks nobody: ${role.name} has no approvers`,
    hint: 'say who under "approvers"',
    path: at,
  });
}

/** They are of use where something can be asked of them: an `ask`, an answer that fails to come, an incident that somebody opened themselves. */
function approversAreOfUse({ role, path, keys, report }: RoleCheck): void {
  if (!keys.includes('approvers') || keys.includes('ask') || !keys.includes('allow')) return;
  const leaves = role.allow.flatMap((rule) => positiveLeaves(rule.condition));
  const needsWorld =
    role.allow.some((rule) => rule.condition.kind === 'not') || leaves.some(({ kind }) => !['user', 'client', 'during'].includes(kind));
  const selfMade = leaves.some((leaf) => leaf.kind === 'incident' && leaf.selfMade === 'ask');
  if ((needsWorld && role.whenUnknown === 'ask') || selfMade) return;
  report({
    severity: 'warning',
    code: 'approvers-unused',
    message: 'nothing is ever asked of these approvers',
    hint: 'say under "ask" who may ask them',
    path: [...path, 'approvers'],
    on: 'key',
  });
}

export type FileCheck = {
  readonly keysAt: KeysAt;
  /** Undefined where a directory's settings are faulty. */
  readonly isLocal: ReadonlyMap<string, boolean | undefined>;
  /** By directory: its kind, and where its settings lead; undefined where nobody can tell. */
  readonly places: ReadonlyMap<string, string | undefined>;
  /** Whether the file takes people at their word. */
  readonly provesNothing: boolean;
  /** Those for which some issuer speaks. */
  readonly domains: ReadonlySet<string>;
  /** Directories whose user names are what stands before the `@`. */
  readonly byLocalPart: readonly string[];
  readonly report: Report;
};

export const fileChecks: readonly ((check: FileCheck) => void)[] = [
  nothingIsMissing,
  namesAreLegal,
  sourcesHaveTheirOwnNames,
  directoriesAreOnePlaceEach,
  identityIsProved,
  localPartsAreOnePersons,
  peopleAreKnownSomewhere,
];

function nothingIsMissing({ keysAt, report }: FileCheck): void {
  for (const key of ['version', 'ledger', 'directories', 'roles'].filter((one) => !keysAt([]).includes(one))) {
    report({ code: 'missing-key', message: `"${key}" is missing`, path: [key] });
  }
}

function namesAreLegal({ keysAt, report }: FileCheck): void {
  for (const section of ['directories', 'rosters', 'notify', 'conditions', 'roles']) {
    for (const name of keysAt([section])) {
      if (/^[a-z0-9][a-z0-9-]*$/.test(name)) continue;
      report({
        code: 'bad-name',
        message: `${JSON.stringify(name)} is not a name here`,
        hint: 'names have small letters, digits and hyphens, and begin with a letter or digit',
        path: [section, name],
        on: 'key',
      });
    }
  }
}

function sourcesHaveTheirOwnNames({ keysAt, report }: FileCheck): void {
  const directories = new Set(keysAt(['directories']));
  for (const name of keysAt(['rosters']).filter((one) => directories.has(one))) {
    report({
      code: 'same-name',
      message: `"${name}" is a directory already`,
      hint: 'call the roster otherwise and say its kind',
      path: ['rosters', name],
      on: 'key',
    });
  }
}

/** What one gives, the other would take for somebody who came without oncall. Not told of the directory, as with local parts below. */
function directoriesAreOnePlaceEach({ places, report }: FileCheck): void {
  const first = new Map<string, string>();
  for (const [name, place] of places) {
    if (place === undefined) continue;
    const other = first.get(place);
    if (other === undefined) first.set(place, name);
    else {
      const message = `${other} and ${name} lead to the same place, and each would take out whom the other lets in`;
      report({
        code: 'same-place',
        message,
        hint: 'make one directory of them; a role has as many of its groups as it needs',
        path: ['directories'],
        on: 'key',
      });
    }
  }
}

function identityIsProved({ keysAt, isLocal, provesNothing, report }: FileCheck): void {
  if (!provesNothing) return;
  const outside = [...isLocal].find(([, local]) => local === false)?.[0];
  if (outside === undefined) return;
  const reason = `the directory ${outside} is not on this machine, and who asks for access to it must be proved`;
  if (keysAt([]).includes('identity'))
    report({ code: 'identity-not-local', message: `{ kind: local } proves nothing: ${reason}`, path: ['identity'] });
  else report({ code: 'identity-missing', message: `"identity" is missing: ${reason}`, path: ['identity'] });
}

/** Not told of the directory: a faulty one is left out by the sweep, and access that was given there has to end. */
function localPartsAreOnePersons({ domains, byLocalPart, report }: FileCheck): void {
  if (domains.size < 2) return;
  const [one, other] = domains;
  for (const directory of byLocalPart) {
    report({
      code: 'shared-local-part',
      message: `maria@${one} and maria@${other} would be one user in ${directory}, whose userName is local-part`,
      hint: `take userName out there and write names under "people", or leave one domain to the issuers`,
      path: ['identity'],
    });
  }
}

function peopleAreKnownSomewhere({ keysAt, report }: FileCheck): void {
  const sources = [...keysAt(['directories']), ...keysAt(['rosters'])];
  const known = new Set([...sources, slackName]);
  const seen = new Set<string>();
  for (const person of keysAt(['people'])) {
    const path = ['people', person];
    const email = foldEmail(person);
    if (email === undefined) report({ code: 'bad-email', message: `${JSON.stringify(person)} is not an e-mail address`, path, on: 'key' });
    else if (seen.has(email)) report({ code: 'duplicate-key', message: `"${email}" stands here a second time`, path, on: 'key' });
    else seen.add(email);
    for (const name of keysAt(path).filter((one) => !known.has(one))) undeclaredSource(name, [...path, name], sources, report);
  }
}

function undeclaredSource(name: string, path: Path, sources: readonly string[], report: Report): void {
  const hint = suggest(name, sources) ?? 'declare it under "directories" or "rosters"';
  report({ code: 'undeclared-source', message: `there is no directory or roster "${name}"`, hint, path, on: 'key' });
}
