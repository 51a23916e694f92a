/** From a condition as written to what must be true: names looked up, sources split, every fault reported. */

import { iamRoleIn } from './iam-role.ts';
import type { Fault, Path, Report } from './issue.ts';
import { suggest } from './nearest.ts';
import type { WrittenCondition, WrittenConditionMap, WrittenDuring } from './schema.ts';
import type { Lacks } from './sources.ts';
import type { Condition } from './types.ts';

export type Scope = {
  readonly directories: readonly string[];
  readonly rosters: readonly string[];
  /** Service accounts of all identities; undefined where one of those is faulty. */
  readonly clients: readonly string[] | undefined;
  /** Those for which some issuer speaks; undefined where people are taken at their word, or an identity is faulty. */
  readonly domains: ReadonlySet<string> | undefined;
  /** Undefined where the roster's kind is not known. */
  readonly knowsIncidents: (roster: string) => boolean | undefined;
  readonly lacks: (roster: string) => Lacks;
  /** `faulty`: it is declared and reported already. */
  readonly named: (name: string, path: Path) => Condition | 'faulty' | 'undeclared';
  readonly conditionNames: readonly string[];
  /** The keys that the file has there, those with faults included: what is faulty is not missing. */
  readonly keysAt: (path: Path) => readonly string[];
  readonly report: Report;
};

/** Keys of a rule, not of a condition. */
const ruleKeys = ['until', 'grace'];
const onCallOnly = ['levels'];
const incidentOnly = ['services', 'severities', 'types', 'anyIncident', 'selfMade'];

/** Undefined where nothing is left of it; why has been reported. */
export function resolveCondition(written: WrittenCondition, path: Path, scope: Scope): Condition | undefined {
  if (typeof written === 'string') return lookUp(written, path, scope);
  if (isList(written)) return combine('any', resolveEach(written, path, scope));
  checkKeys(path, scope);
  const parts = [
    anyOf(written.user?.map((email, index) => resolveUser(email, [...path, 'user', index], scope))),
    anyOf(written.client?.map((id, index) => resolveClient(id, [...path, 'client', index], scope))),
    anyOf(written.member?.map((source, index) => resolveMember(source, [...path, 'member', index], scope))),
    resolveOnCall(written, path, scope),
    resolveIncident(written, path, scope),
    resolveDuring(written.during, [...path, 'during'], scope),
    written.not === undefined ? undefined : negate(resolveCondition(written.not, [...path, 'not'], scope)),
    written.all === undefined ? undefined : combine('all', resolveEach(written.all, [...path, 'all'], scope)),
  ];
  return combine('all', parts);
}

function resolveUser(email: string, path: Path, { domains, report }: Scope): Condition {
  foreign(email, domains, (fault) => report({ ...fault, path }));
  return { kind: 'user', email };
}

/** Nobody is ever proved to be them. */
export function foreign(email: string, domains: Scope['domains'], report: (fault: Omit<Fault, 'path'>) => void): void {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  if (domains === undefined || domains.has(domain)) return;
  const hint = suggest(domain, [...domains]) ?? `the issuers under "identity" speak for ${[...domains].join(', ')}`;
  report({ severity: 'warning', code: 'foreign-domain', message: `nobody signs in as ${email}`, hint });
}

const isList = (written: WrittenCondition): written is readonly WrittenCondition[] => Array.isArray(written);

function resolveEach(written: readonly WrittenCondition[], path: Path, scope: Scope): (Condition | undefined)[] {
  return written.map((one, index) => {
    const at = [...path, index];
    refuseRuleKeys(at, scope);
    return resolveCondition(one, at, scope);
  });
}

export function refuseRuleKeys(path: Path, scope: Scope): void {
  for (const key of scope.keysAt(path).filter((one) => ruleKeys.includes(one))) {
    scope.report({
      code: 'until-misplaced',
      message: `"${key}" belongs to a whole rule of "allow" or "ask", not here`,
      path: [...path, key],
      on: 'key',
    });
  }
}

export function combine(kind: 'all' | 'any', parts: readonly (Condition | undefined)[]): Condition | undefined {
  const conditions = parts.filter((part) => part !== undefined);
  return conditions.length <= 1 ? conditions[0] : { kind, conditions };
}

const anyOf = (parts: readonly (Condition | undefined)[] | undefined): Condition | undefined => parts && combine('any', parts);

const negate = (condition: Condition | undefined): Condition | undefined => condition && { kind: 'not', condition };

function checkKeys(path: Path, scope: Scope): void {
  const keys = scope.keysAt(path);
  if (keys.every((key) => ruleKeys.includes(key))) {
    scope.report({
      code: 'empty-condition',
      message: 'no condition stands here',
      hint: 'write for example { onCall: roster/schedule } or { member: directory/Group }',
      path,
    });
  }
  const orphans = [
    ...(keys.includes('onCall') || keys.includes('escalationPolicy') ? [] : onCallOnly.map((key) => [key, 'onCall'] as const)),
    ...(keys.includes('incident') ? [] : incidentOnly.map((key) => [key, 'incident'] as const)),
  ];
  for (const [key, owner] of orphans.filter(([one]) => keys.includes(one))) {
    scope.report({ code: 'orphan-key', message: `"${key}" means nothing without "${owner}" beside it`, path: [...path, key], on: 'key' });
  }
  if (keys.includes('not')) refuseRuleKeys([...path, 'not'], scope);
}

function lookUp(name: string, path: Path, scope: Scope): Condition | undefined {
  const found = scope.named(name, path);
  if (found === 'undeclared') {
    const meant = name.includes('@') ? `{ user: ${name} }` : name.includes('/') ? `{ member: ${name} } or { onCall: ${name} }` : undefined;
    const hint = meant === undefined ? (suggest(name, scope.conditionNames) ?? 'name it under "conditions"') : `write ${meant}`;
    scope.report({ code: 'undeclared-condition', message: `there is no condition "${name}"`, hint, path });
  }
  return typeof found === 'string' ? undefined : found;
}

/** At the first slash: names of groups and schedules may have more of them. */
export function splitSource(source: string): { name: string; thing: string | undefined } {
  const slash = source.indexOf('/');
  return slash === -1 ? { name: source, thing: undefined } : { name: source.slice(0, slash), thing: source.slice(slash + 1) };
}

function isDeclared(what: 'directory' | 'roster', name: string, path: Path, scope: Scope): boolean {
  const declared = what === 'directory' ? scope.directories : scope.rosters;
  if (declared.includes(name)) return true;
  const section = what === 'directory' ? 'directories' : 'rosters';
  const hint = suggest(name, declared) ?? `declare it under "${section}"`;
  scope.report({ code: `undeclared-${what}`, message: `there is no ${what} "${name}"`, hint, path });
  return false;
}

function resolveClient(id: string, path: Path, { clients, report }: Scope): Condition {
  if (clients?.includes(id) === false) {
    const hint = suggest(id, clients) ?? 'name it under "machines" of the identity that gives it its tokens';
    report({ code: 'undeclared-client', message: `no identity has a service account ${JSON.stringify(id)}, so nobody is it`, hint, path });
  }
  return { kind: 'client', id };
}

function resolveMember(source: string, path: Path, scope: Scope): Condition | undefined {
  const { name, thing } = splitSource(source);
  const declared = isDeclared('directory', name, path, scope);
  if (thing !== undefined && iamRoleIn(thing) !== undefined) {
    scope.report({ code: 'bad-source', message: 'an IAM role has no members to ask for', hint: 'name a group', path });
    return undefined;
  }
  if (thing !== undefined && thing.trim() !== '') return declared ? { kind: 'member', directory: name, group: thing } : undefined;
  scope.report({ code: 'bad-source', message: 'names no group', hint: 'write directory/Group', path });
  return undefined;
}

function resolveOnCall({ onCall, escalationPolicy, levels }: WrittenConditionMap, path: Path, scope: Scope): Condition | undefined {
  if (escalationPolicy !== undefined) return resolveEscalation(escalationPolicy, onCall, levels ?? [1], path, scope);
  if (levels !== undefined)
    for (const source of onCall ?? []) refuseLacking('levels', splitSource(source).name, [...path, 'levels'], scope);
  return anyOf(onCall?.map((source, index) => resolveSchedule(source, levels ?? [], [...path, 'onCall', index], scope)));
}

/** Such a rule would hold for nobody, and behind a `not` for everybody. */
function refuseLacking(key: keyof Lacks, roster: string, path: Path, { lacks, report }: Scope): void {
  const lacking = lacks(roster)[key];
  if (lacking !== undefined) report({ code: 'unanswerable', message: lacking.message, hint: lacking.next, path });
}

export function resolveSchedule(source: string, levels: readonly number[], path: Path, scope: Scope): Condition | undefined {
  const { name, thing } = splitSource(source);
  if (!isDeclared('roster', name, path, scope)) return undefined;
  if (thing === undefined) {
    scope.report({
      severity: 'warning',
      code: 'any-schedule',
      message: `this counts whoever is on call on any schedule of ${name}`,
      hint: `write ${name}/schedule unless that is meant`,
      path,
    });
    return { kind: 'onCall', roster: name, levels };
  }
  if (thing.trim() !== '') return { kind: 'onCall', roster: name, schedule: thing, levels };
  scope.report({ code: 'bad-source', message: 'names no schedule', hint: 'write roster/schedule', path });
  return undefined;
}

/** Either `escalationPolicy: roster/policy`, or `onCall: roster` with `escalationPolicy: policy` beside it. */
function resolveEscalation(
  policies: readonly string[],
  onCall: readonly string[] | undefined,
  levels: readonly number[],
  path: Path,
  scope: Scope,
): Condition | undefined {
  const [roster, more] = onCall ?? [];
  if (more !== undefined || roster?.includes('/') === true) {
    const hint = 'write two rules, or a list of two conditions';
    scope.report({
      code: 'bad-source',
      message: 'a schedule and an escalation policy cannot stand in one condition',
      hint,
      path: [...path, 'escalationPolicy'],
      on: 'key',
    });
    return undefined;
  }
  if (roster !== undefined && !isDeclared('roster', roster, [...path, 'onCall'], scope)) return undefined;
  const parts = policies.map((policy, index): Condition | undefined => {
    const at = [...path, 'escalationPolicy', index];
    const { name, thing } = roster === undefined ? splitSource(policy) : { name: roster, thing: policy };
    if (roster === undefined && !isDeclared('roster', name, at, scope)) return undefined;
    refuseLacking('escalationPolicy', name, at, scope);
    if (thing !== undefined && thing.trim() !== '') return { kind: 'onCall', roster: name, escalationPolicy: thing, levels };
    scope.report({ code: 'bad-source', message: 'names no escalation policy', hint: 'write roster/policy', path: at });
    return undefined;
  });
  return combine('any', parts);
}

function resolveIncident(written: WrittenConditionMap, path: Path, scope: Scope): Condition | undefined {
  const { incident: roster, services = [], severities = [], types = [], anyIncident = false, selfMade = 'ask' } = written;
  if (roster === undefined) return undefined;
  const at = [...path, 'incident'];
  const keys = scope.keysAt(path);
  const filters = ['services', 'severities', 'types'].filter((key) => keys.includes(key));
  if (filters.length === 0 && !keys.includes('anyIncident')) {
    const hint = 'add services, severities or types; or write anyIncident: true if every incident is meant';
    scope.report({ code: 'unfiltered-incident', message: 'this counts every incident, however small', hint, path: at });
  }
  if (filters.length > 0 && keys.includes('anyIncident')) {
    scope.report({
      code: 'any-incident-filtered',
      message: `"anyIncident" and "${filters[0]}" contradict each other`,
      path: [...path, 'anyIncident'],
      on: 'key',
    });
  }
  if (!isDeclared('roster', roster, at, scope)) return undefined;
  if (scope.knowsIncidents(roster) === false)
    scope.report({ code: 'no-incidents', message: `the roster ${roster} knows no incidents`, path: at });
  for (const key of ['services', 'types'] as const) if (keys.includes(key)) refuseLacking(key, roster, [...path, key], scope);
  return { kind: 'incident', roster, services, severities, types, anyIncident, selfMade };
}

const everyDay = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

function resolveDuring(during: WrittenDuring | undefined, path: Path, scope: Scope): Condition | undefined {
  if (during === undefined) return undefined;
  const keys = scope.keysAt(path);
  if (keys.includes('from') !== keys.includes('to')) {
    scope.report({ code: 'half-open', message: '"from" and "to" go together', path });
  } else if (!keys.includes('from') && !keys.includes('days')) {
    scope.report({ code: 'empty-condition', message: 'this is always: name days, or from and to', path });
  }
  return { kind: 'during', days: during.days ?? everyDay, from: during.from ?? 0, to: during.to ?? 0, zone: during.zone };
}
