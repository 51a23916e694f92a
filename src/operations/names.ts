/** Finding what people name: a role of the policy, a request by id or role, a person's name in a directory. */

import { OncallError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import { nearest } from '../policy/nearest.ts';
import { canonicalName } from '../policy/params.ts';
import type { Policy, Role, Target } from '../policy/types.ts';
import type { Deps } from './deps.ts';

/** Tells of a role's name whether somebody called it `typed`: by its own name, or by that of its whole family. */
export function callsRole(typed: string): (role: string) => boolean {
  const name = canonicalName(typed);
  // Also of values that the policy no longer has: no role of the file has a space in its name.
  return (role) => role === name || role.startsWith(`${name} `);
}

/** Whether the policy has a role, or a family of roles, of that name. */
export const isRole = (policy: Pick<Policy, 'roles'>, typed: string): boolean => Object.keys(policy.roles).some(callsRole(typed));

export function roleNamed(policy: Policy, typed: string): Role {
  const name = canonicalName(typed);
  const role = Object.hasOwn(policy.roles, name) ? policy.roles[name] : undefined;
  if (role) return role;
  throw unknownRole(policy, name);
}

export function unknownRole(policy: Policy, name: string): OncallError {
  const [family = ''] = name.split(' ');
  const members = Object.values(policy.roles).filter((role) => role.family?.name === family);
  if (members.length > 0) return whichMember(family, name, members);
  const guess = nearest(name, Object.keys(policy.roles));
  return new OncallError('unknown-role', `there is no role "${name}"`, {
    exit: 2,
    why: `${policy.path} has ${Object.keys(policy.roles).join(', ') || 'no roles'}`,
    next: guess === undefined ? 'oncall roles' : `did you mean "${guess}"?`,
  });
}

function whichMember(family: string, name: string, members: readonly Role[]): OncallError {
  const params = Object.keys(members[0]?.family?.values ?? {});
  const valuesOf = (param: string) => [...new Set(members.flatMap((role) => role.family?.values[param] ?? []))];
  const listed = params.map((param) => {
    const values = valuesOf(param);
    const more = values.length > mostValues ? `, … (${values.length})` : '';
    return `${param} is one of ${values.slice(0, mostValues).join(', ')}${more}`;
  });
  const guess = nearest(
    name,
    members.map((role) => role.name),
  );
  const needs = params.map((param) => `${param}=…`).join(' ');
  return new OncallError('which-role', name === family ? `${family} needs ${needs}` : `there is no role "${name}"`, {
    exit: 2,
    why: listed.join('; '),
    next: name !== family && guess !== undefined ? `did you mean "${guess}"?` : `for example: ${members[0]?.name}`,
  });
}

const mostValues = 10;

/** A request by its id, or the actor's one open request for the role of that name. */
export async function requestNamed(ledger: Ledger, actor: Actor, name: string, next = 'oncall status --mine'): Promise<Request> {
  const found = await ledger.read(
    async (q) => (await q.request(name)) ?? (await q.openRequest(actor, name)) ?? (await q.openRequestsOf(actor.email, name))[0],
  );
  if (found) return found;
  throw unknownRequest(name, ', and you have none open for a role of that name', next);
}

export function unknownRequest(name: string, more = '', next = 'oncall status'): OncallError {
  return new OncallError('unknown-request', `there is no request "${name}"${more}`, {
    exit: 2,
    next,
  });
}

/** What could be either is most often a role that was mistyped. */
export function neither(policy: Pick<Policy, 'roles'>, typed: string): OncallError {
  const roles = Object.values(policy.roles).flatMap(({ name, family }) => [name, ...(family === undefined ? [] : [family.name])]);
  const guess = nearest(canonicalName(typed), [...new Set(roles)]);
  return unknownRequest(typed, ', and no role of that name', guess === undefined ? undefined : `did you mean "${guess}"?`);
}

/** Whether everybody in the group came through this tool. Folded, because IAM's names are the same whatever their case. */
export function isExclusive(policy: Policy, directory: string, groupName: string): boolean {
  const folded = groupName.toLowerCase();
  return policy.directories[directory]?.exclusive.some((name) => name.toLowerCase() === folded) ?? false;
}

/** Folded, as IAM's names are the same whatever their case. */
export const foldedGroup = (directory: string, group: string): string => JSON.stringify([directory, group.toLowerCase()]);

/** Groups that some role of the policy gives. */
export const groupsGiven = ({ roles }: Policy): ReadonlySet<string> =>
  new Set(Object.values(roles).flatMap(({ targets }) => targets.map(({ directory, group }) => foldedGroup(directory, group))));

/** As it is typed in a shell. */
export const adoptCommand = ({ directory, group }: Target): string => {
  const name = `${directory}/${group}`;
  return `oncall adopt ${/^[\w.@:/+-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`}`;
};

/** How a directory or roster knows the person. */
export function nameIn(policy: Policy, source: string, email: string): string {
  const mapped = policy.people[email]?.[source];
  if (mapped !== undefined) return mapped;
  return policy.directories[source]?.userName === 'local-part' ? email.slice(0, email.indexOf('@')) : email;
}

/** For whom a directory does not have by the name that `nameIn` gives. */
export const whereRenamed = (email: string): string => `where ${email} has another name there, it belongs under people: in the policy`;

/** The other way round: whom `people:` gives that name there, else whoever has that address. */
export function peopleKnownAs(policy: Policy, source: string, known: string): readonly string[] {
  const isKnownAs = (email: string): boolean => nameIn(policy, source, email).toLowerCase() === known.toLowerCase();
  const named = Object.keys(policy.people).filter(isKnownAs);
  return named.length > 0 ? named : [known].filter(isKnownAs);
}

/** Whose name in the directory it is, among these e-mails. Folded, because that of a user in IAM or Okta is the same whatever its case. */
export function ownersOf(policy: Policy, source: string, userName: string, emails: readonly string[]): readonly string[] {
  const folded = userName.toLowerCase();
  return emails.filter((email) => email.includes('@') && nameIn(policy, source, email).toLowerCase() === folded);
}

/** What people call the ledger. Where the address of a database cannot be read, that is told by whoever opens it. */
export async function ledgerNamed({ policy: { ledger }, ledgerPlace }: Pick<Deps, 'policy' | 'ledgerPlace'>): Promise<string> {
  if ('sqlite' in ledger) return ledger.sqlite;
  return (await ledgerPlace?.().catch(() => undefined)) ?? 'PostgreSQL';
}

/** Where this runs, to whoever reads it: behind a broker that is not where they are. */
export const hostNamed = ({ throughBroker }: Pick<Deps, 'throughBroker'>): string => (throughBroker ? "the broker's host" : 'this host');

/** Whose clock the ledger goes by. */
export const ledgerClock = ({ policy: { ledger }, ...deps }: Pick<Deps, 'policy' | 'throughBroker'>): string =>
  'sqlite' in ledger ? hostNamed(deps) : 'the database';
