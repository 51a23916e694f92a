/** Looks at a policy file as a whole: all that is right with it, and all that is wrong. */

import { dirname, isAbsolute, join } from 'node:path';
import { fileChecks, roleChecks } from './checks.ts';
import { placesAreNotShared } from './checks-places.ts';
import { usersOf } from './conditions.ts';
import { resolveDelegations } from './delegation.ts';
import { type PolicyDocument, readDocument } from './document.ts';
import { foldEmail } from './fields.ts';
import { iamRoleFaults } from './iam-role-checks.ts';
import type { Fault, Path, Report } from './issue.ts';
import { pathText } from './issue.ts';
import { noticeFaults } from './notices.ts';
import { familyOf, notReplaced } from './params.ts';
import { namesAreOnePersons } from './people.ts';
import { resolveDefaults, resolveRole, resolveSweep } from './resolve.ts';
import type { Scope } from './resolve-condition.ts';
import { nameConditions, resolveRules } from './resolve-rules.ts';
import { file, type WrittenFile, type WrittenLedger } from './schema.ts';
import { shape } from './shape.ts';
import { type Kinds, readChannel, readDirectory, readIdentities, readRoster } from './sources.ts';
import type { LedgerSettings, Policy } from './types.ts';

export type PolicyInput = {
  /** The file's absolute path. */
  readonly path: string;
  /** SHA-256 of the file's bytes, hex. */
  readonly digest: string;
  readonly kinds: Kinds;
  /** For what is said of a day; left out: nothing is. */
  readonly now?: number;
};

export type Examined = {
  readonly document: PolicyDocument;
  /** Only where there is no error. */
  readonly policy: Policy | undefined;
  readonly faults: readonly Fault[];
};

export function examine(text: string, input: PolicyInput): Examined {
  const document = readDocument(text);
  const faults: Fault[] = [...document.faults];
  // Where brackets do not match, everything after them would be misread, and its faults would hide the one that matters.
  if (!document.wellFormed) return { document, policy: undefined, faults };
  const { value: written, faults: misshapen } = shape(file, document.data);
  const refused = new Set(document.faults.flatMap(({ path }) => (path.length === 0 ? [] : [pathText(path)])));
  const isRefused = (path: Path) => path.some((_, index) => refused.has(pathText(path.slice(0, index + 1))));
  for (const fault of misshapen) if (!isRefused(fault.path)) faults.push(fault);
  const policy = written && resolveFile(written, document, input, (fault) => faults.push(fault));
  return { document, policy: faults.some(({ severity }) => severity === undefined) ? undefined : policy, faults };
}

function resolveFile(written: WrittenFile, { keysAt }: PolicyDocument, { path, digest, kinds, now }: PolicyInput, report: Report): Policy {
  const directories = new Map(
    Object.entries(written.directories ?? {}).map(([name, one]) => [
      name,
      readDirectory(name, one, ['directories', name], kinds.directories),
    ]),
  );
  const rosters = new Map(
    Object.entries(written.rosters ?? {}).map(([name, one]) => [name, readRoster(name, one, ['rosters', name], kinds.rosters)]),
  );
  const channels = Object.entries(written.notify ?? {}).map(
    ([name, one]) => [name, readChannel(name, one, ['notify', name], kinds.channels)] as const,
  );
  for (const { faults } of [...directories.values(), ...rosters.values(), ...channels.map(([, known]) => known)]) faults.forEach(report);
  const { identity, faults: unproved } = readIdentities(written.identity, kinds.oidc);
  unproved.forEach(report);
  const provesNothing = identity.some(({ kind }) => kind === 'local');
  const isLocal = new Map([...directories].map(([name, known]) => [name, known.isLocal]));
  const domains = new Set(identity.flatMap((one) => (one.kind === 'oidc' ? kinds.oidc.domains(one.settings) : [])));
  const byLocalPart = Object.entries(written.directories ?? {}).flatMap(([name, one]) => (one.userName === 'local-part' ? [name] : []));
  const machines = identity.flatMap((one) => (one.kind === 'oidc' ? Object.entries(kinds.oidc.machines(one.settings)) : []));
  // What an identity with a fault in it names is not known: no fault of the conditions.
  const clients = identity.length === (written.identity ?? identity).length ? machines.map(([id]) => id) : undefined;
  const places = new Map(
    [...directories].map(([name, { source, place }]) => [name, source && place && JSON.stringify([source.kind, place])]),
  );
  for (const check of fileChecks) check({ keysAt, isLocal, places, provesNothing, domains, byLocalPart, report });

  const scopeWith = (named: Scope['named']): Scope => ({
    directories: keysAt(['directories']),
    rosters: keysAt(['rosters']),
    clients,
    domains: provesNothing || clients === undefined ? undefined : domains,
    knowsIncidents: (roster) => rosters.get(roster)?.knowsIncidents,
    lacks: (roster) => rosters.get(roster)?.lacks ?? {},
    conditionNames: keysAt(['conditions']),
    named,
    keysAt,
    report,
  });
  const scope = scopeWith(nameConditions(written.conditions ?? {}, keysAt(['conditions']), scopeWith));
  const defaults = resolveDefaults(written.defaults ?? {}, scope);
  const endsSessions = (name: string) => directories.get(name)?.endsSessions;
  for (const key of ['defaults', 'conditions'] as const) notReplaced(written[key], [key], report);
  const members = Object.entries(written.roles ?? {}).flatMap(([name, one]) => familyOf(name, one, keysAt(['roles', name]), report));
  const roles = members.map((member) => resolveRole(member, defaults, scope, endsSessions));
  const exclusive = (name: string) => directories.get(name)?.source?.exclusive;
  const givesIamRole = (name: string) => directories.get(name)?.givesIamRole;
  for (const [name, { source }] of directories) {
    const path: Path = ['directories', name, 'exclusive'];
    for (const fault of iamRoleFaults(name, source?.exclusive ?? [], givesIamRole(name))) report({ ...fault, path });
  }
  const blocked = written.blocked ?? [];
  for (const role of roles) {
    const at: Path = ['roles', role.family?.name ?? role.name];
    for (const check of roleChecks) {
      const keys = { keys: keysAt(at), defaultKeys: keysAt(['defaults']) };
      check({ role, path: at, ...keys, directories: scope.directories, exclusive, endsSessions, givesIamRole, blocked, now, report });
    }
  }
  placesAreNotShared(roles, report);
  const admins = resolveRules(written.admins ?? [], 'admins', 'admins', ['admins'], defaults.graceMs, scope);
  const people = written.people ?? {};
  const delegations = resolveDelegations(written.delegate ?? {}, { machines: machines.map(([, name]) => name), now, report });
  const rules = [admins, ...roles.flatMap(({ deny, allow, ask, approvers }) => [deny, allow, ask, approvers])].flat();
  const folded = Object.keys(people).flatMap((person) => foldEmail(person) ?? []);
  const inPlace = delegations.flatMap(({ from, to }) => [from, ...to]);
  const named = [...blocked, ...inPlace, ...roles.flatMap(({ standing }) => standing?.people.map(({ email }) => email) ?? [])];
  const emails = new Set([...folded, ...usersOf(rules), ...machines.map(([, name]) => name), ...named]);
  namesAreOnePersons({ people, emails, byLocalPart, report });
  noticeFaults({ keysAt, people, roles, defaults: written.defaults?.notify, report });
  return {
    path,
    digest,
    ledger: ledgerAt(written.ledger ?? '', path),
    identity,
    admins,
    sweep: resolveSweep(written.sweep),
    directories: recordOf([...directories].map(([name, { source }]) => [name, source])),
    rosters: recordOf([...rosters].map(([name, { source }]) => [name, source])),
    ...(written.notify === undefined ? {} : { notify: recordOf(channels.map(([name, { source }]) => [name, source])) }),
    people: recordOf(Object.entries(people).map(([person, names]) => [foldEmail(person) ?? person, recordOf(Object.entries(names))])),
    blocked,
    ...(delegations.length === 0 ? {} : { delegations }),
    roles: recordOf(roles.map((role) => [role.name, role])),
  };
}

/** Where a file's path is relative, it is to the policy's folder; the reference to a secret stays as it is written. */
export function ledgerAt(written: WrittenLedger, policyPath: string): LedgerSettings {
  if (typeof written !== 'string') return written;
  return { sqlite: isAbsolute(written) ? written : join(dirname(policyPath), written) };
}

/** Without a prototype, so that no name that somebody asks for finds what is not in the file. */
export function recordOf<T>(entries: readonly (readonly [string, T | undefined])[]): Record<string, T> {
  return Object.assign(Object.create(null), Object.fromEntries(entries.filter(([, value]) => value !== undefined)));
}
