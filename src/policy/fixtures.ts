/** From the text of a test file and the policy it is for to cases that can be tried, or to every fault in it at once. What a case does not say is not so. */

import { factConditions } from './conditions.ts';
import { type PolicyDocument, readDocument } from './document.ts';
import { foldEmail } from './fields.ts';
import {
  fixtureFile,
  type When,
  type WrittenCase,
  type WrittenDuty,
  type WrittenFixtures,
  type WrittenIncident,
} from './fixture-schema.ts';
import type { Case, Duty, Expected, FixtureIncident, Fixtures, FixtureWorld } from './fixture-types.ts';
import type { Fault, Issue, Path, Report } from './issue.ts';
import { editDistance, suggest } from './nearest.ts';
import { splitSource } from './resolve-condition.ts';
import { shape } from './shape.ts';
import type { Asked, FactCondition, Policy } from './types.ts';

/** `machines`: service accounts of the policy by their ids. */
export type FixtureInput = { readonly policy: Policy; readonly machines: Readonly<Record<string, string>> };

export function parseFixtures(text: string, input: FixtureInput): { readonly fixtures?: Fixtures; readonly issues: readonly Issue[] } {
  const document = readDocument(text);
  const faults: Fault[] = document.faults.map(asTestFile);
  const fixtures = document.wellFormed ? readCases(document, input, faults) : undefined;
  const issues = faults.map(document.locate).sort((a, b) => a.line - b.line || a.column - b.column);
  return fixtures === undefined || issues.some(({ severity }) => severity === 'error') ? { issues } : { fixtures, issues };
}

function asTestFile(fault: Fault): Fault {
  return fault.code === 'empty-file' ? { ...fault, hint: 'begin with a copy of examples/quickstart/oncall.test.yaml' } : fault;
}

function readCases(document: PolicyDocument, input: FixtureInput, faults: Fault[]): Fixtures | undefined {
  const { value: written, faults: misshapen } = shape(fixtureFile, document.data);
  faults.push(...misshapen);
  if (written === undefined || misshapen.length > 0) return undefined;
  const reader: Reader = { ...input, document, asked: factConditions(rulesOf(input.policy)), report: (fault) => faults.push(fault) };
  const shared = sharedWorld(written, reader);
  const cases = written.cases.flatMap((one, index) => readCase(one, ['cases', index], { at: written.at, shared }, reader) ?? []);
  return { cases, people: [...new Set([...peopleOf(shared), ...cases.flatMap((one) => [one.email, ...peopleOf(one.world)])])] };
}

type Reader = FixtureInput & {
  readonly document: PolicyDocument;
  /** What the rules of the policy want to know. */
  readonly asked: readonly FactCondition[];
  readonly report: Report;
};

const rulesOf = ({ roles }: Policy) =>
  Object.values(roles).flatMap(({ deny, allow, ask, approvers }) => [...deny, ...allow, ...ask, ...approvers]);

const peopleOf = ({ members, duties }: FixtureWorld): string[] => [...members, ...duties].map(({ email }) => email);

function sharedWorld(written: WrittenFixtures, reader: Reader): FixtureWorld {
  const each = Object.entries(written.people ?? {}).map(([person, about]) => {
    const path = ['people', person];
    const email = foldEmail(person);
    if (email === undefined)
      reader.report({ code: 'bad-email', message: `${JSON.stringify(person)} is not an e-mail address`, path, on: 'key' });
    return aboutPerson(about, email ?? person, path, reader);
  });
  return {
    members: each.flatMap(({ members }) => members),
    duties: each.flatMap(({ duties }) => duties),
    incidents: incidentsOf(written.incidents, ['incidents'], reader),
    down: downOf(written.down, ['down'], reader),
  };
}

type About = Pick<WrittenCase, 'member' | 'onCall'>;

function aboutPerson(
  { member = [], onCall = [] }: About,
  email: string,
  path: Path,
  reader: Reader,
): Pick<FixtureWorld, 'members' | 'duties'> {
  return {
    members: member.map((source, index) => {
      const { name, thing } = sourceAt('directory', source, [...path, 'member', index], reader);
      return { email, directory: name, group: thing };
    }),
    duties: onCall.map((duty, index) => dutyOf(duty, email, [...path, 'onCall', index], reader)),
  };
}

function dutyOf(written: WrittenDuty, email: string, path: Path, reader: Reader): Duty {
  const { schedule, escalationPolicy, level = 1, until } = typeof written === 'string' ? { schedule: written } : written;
  const onSchedule =
    schedule === undefined ? undefined : sourceAt('roster', schedule, typeof written === 'string' ? path : [...path, 'schedule'], reader);
  const onPolicy = escalationPolicy === undefined ? undefined : sourceAt('policy', escalationPolicy, [...path, 'escalationPolicy'], reader);
  const roster = onSchedule?.name ?? onPolicy?.name ?? '';
  if (onSchedule === undefined && onPolicy === undefined)
    reader.report({ code: 'missing-key', message: 'on call where? "schedule" or "escalationPolicy" is missing', path });
  if (onSchedule !== undefined && onPolicy !== undefined && onSchedule.name !== onPolicy.name)
    reader.report({ code: 'bad-source', message: 'a schedule and an escalation policy of one shift belong to one roster', path });
  return {
    ...{ email, roster, level },
    ...(onSchedule === undefined ? {} : { schedule: onSchedule.thing }),
    ...(onPolicy === undefined ? {} : { escalationPolicy: onPolicy.thing }),
    ...(until === undefined ? {} : { until }),
  };
}

/** `what` is what stands behind the slash: a `directory`'s group, a `roster`'s schedule, or an escalation `policy`. */
function sourceAt(what: 'directory' | 'roster' | 'policy', source: string, path: Path, reader: Reader): { name: string; thing: string } {
  const { name, thing = '' } = splitSource(source);
  const [declared, noun, form] =
    what === 'directory'
      ? [Object.keys(reader.policy.directories), 'directory', 'directory/Group']
      : [Object.keys(reader.policy.rosters), 'roster', what === 'roster' ? 'roster/schedule' : 'roster/policy'];
  if (!declared.includes(name)) undeclared(noun, name, declared, path, reader);
  else if (thing.trim() === '') reader.report({ code: 'bad-source', message: `write ${form}`, path });
  else noticeSlip(what, name, thing, path, reader);
  return { name, thing };
}

/** What no rule asks for may well be meant, to show that it lets nobody in. What is one letter off is a slip, and a case that expects a refusal would pass because of it. */
function noticeSlip(what: 'directory' | 'roster' | 'policy', name: string, thing: string, path: Path, { asked, report }: Reader): void {
  const known = asked.flatMap((one) => {
    if (what === 'directory') return one.kind === 'member' && one.directory === name ? [one.group] : [];
    if (one.kind !== 'onCall' || one.roster !== name) return [];
    return (what === 'roster' ? one.schedule : one.escalationPolicy) ?? [];
  });
  if (known.includes(thing)) return;
  const near = known.find((one) => isSlip(thing, one));
  if (near === undefined) return;
  report({
    severity: 'warning',
    code: 'not-asked',
    message: `no rule asks for "${name}/${thing}"`,
    hint: `did you mean "${name}/${near}"?`,
    path,
  });
}

/** Ids, which have digits, differ in a letter from one another. */
const isSlip = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase() || (!/\d/.test(one) && editDistance(one, other) === 1);

function undeclared(noun: string, name: string, declared: readonly string[], path: Path, { report, policy }: Reader): void {
  const hint = suggest(name, declared);
  report({ code: `undeclared-${noun}`, message: `${policy.path} has no ${noun} "${name}"`, path, ...(hint === undefined ? {} : { hint }) });
}

function incidentsOf(written: Readonly<Record<string, WrittenIncident>> = {}, path: Path, reader: Reader): FixtureIncident[] {
  return Object.entries(written).map(([source, incident]) => {
    const { name: roster, thing: ref = '' } = splitSource(source);
    const at = [...path, source];
    const declared = Object.keys(reader.policy.rosters);
    if (!declared.includes(roster)) undeclared('roster', roster, declared, at, reader);
    else if (ref === '') reader.report({ code: 'bad-source', message: 'write roster/reference', path: at, on: 'key' });
    const { live = true, severities = [], services = [], assigned = [], ...rest } = incident;
    return { roster, ref, live, severities, services, assigned, ...rest };
  });
}

function downOf(written: readonly string[] = [], path: Path, reader: Reader): readonly string[] {
  const declared = [...Object.keys(reader.policy.directories), ...Object.keys(reader.policy.rosters)];
  written.forEach((name, index) => {
    if (!declared.includes(name)) undeclared('source', name, declared, [...path, index], reader);
  });
  return written;
}

type Common = { readonly at: number | undefined; readonly shared: FixtureWorld };

function readCase(written: WrittenCase, path: Path, { at: commonAt, shared }: Common, reader: Reader): Case | undefined {
  const { report, policy, document } = reader;
  const at = written.at ?? commonAt;
  const who = whoIs(written, path, reader);
  if (at === undefined) report({ code: 'missing-key', message: 'at which moment? "at" is missing, here and at the top', path });
  if (!Object.hasOwn(policy.roles, written.role)) undeclared('role', written.role, Object.keys(policy.roles), [...path, 'role'], reader);
  if (written.for !== undefined && written.until !== undefined)
    report({ code: 'orphan-key', message: '"for" and "until" exclude each other', path: [...path, 'until'], on: 'key' });
  refuseIdle(written, path, report);
  if (at === undefined || who === undefined) return undefined;
  const own = aboutPerson(written, who.email, path, reader);
  const incidents = incidentsOf(written.incidents, [...path, 'incidents'], reader);
  const replaced = new Set(incidents.map(({ roster, ref }) => `${roster}/${ref}`));
  const { name = `${who.client ?? who.email}, ${written.role}` } = written;
  return {
    name,
    line: document.locate({ code: '', message: '', path }).line,
    role: written.role,
    ...who,
    at,
    asked: askedOf(written),
    ...(written.incident === undefined ? {} : { incident: written.incident }),
    world: {
      members: [...shared.members, ...own.members],
      duties: [...shared.duties, ...own.duties],
      incidents: [...shared.incidents.filter(({ roster, ref }) => !replaced.has(`${roster}/${ref}`)), ...incidents],
      down: [...shared.down, ...downOf(written.down, [...path, 'down'], reader)],
    },
    expected: expectedOf(written, at, path, report),
  };
}

function whoIs({ user, client }: WrittenCase, path: Path, { machines, report }: Reader): { email: string; client?: string } | undefined {
  if (user !== undefined && client === undefined) return { email: user };
  if (user === undefined && client !== undefined) {
    const email = Object.hasOwn(machines, client) ? machines[client] : undefined;
    if (email !== undefined) return { email, client };
    report({
      code: 'undeclared-client',
      message: `no identity of the policy has a service account "${client}"`,
      path: [...path, 'client'],
    });
    return undefined;
  }
  report({ code: 'missing-key', message: 'who asks? write either "user" or "client"', path });
  return undefined;
}

function askedOf({ for: forMs, until }: WrittenCase): Asked {
  if (forMs !== undefined) return { forMs };
  if (until === undefined) return { byDefault: true };
  return typeof until === 'number' ? { untilMs: until } : { until };
}

/** A thing that is expected and never looked at would pass whatever the policy says. */
function refuseIdle(written: WrittenCase, path: Path, report: Report): void {
  const { expect } = written;
  const idle = [...(expect === 'deny' ? (['end', 'limitedBy'] as const) : []), ...(expect === 'ask' ? [] : (['approvers'] as const))];
  for (const key of idle.filter((one) => written[one] !== undefined))
    report({ code: 'orphan-key', message: `"${key}" means nothing beside "expect: ${expect}"`, path: [...path, key], on: 'key' });
}

function expectedOf({ expect, end, limitedBy, rule, approvers }: WrittenCase, at: number, path: Path, report: Report): Expected {
  const isNobody = approvers?.length === 1 && approvers[0] === 'nobody';
  const emails = approvers?.flatMap((one, index) => {
    const email = foldEmail(one);
    if (email === undefined && !isNobody)
      report({
        code: 'bad-email',
        message: 'is not an e-mail address, and not the one word "nobody"',
        path: [...path, 'approvers', index],
      });
    return email ?? [];
  });
  return {
    outcome: expect,
    ...(end === undefined ? {} : { expiresAt: momentOf(end, at) }),
    ...(limitedBy === undefined ? {} : { limitedBy }),
    ...(rule === undefined ? {} : { rules: rule.length === 1 && rule[0] === 'none' ? [] : rule }),
    ...(emails === undefined ? {} : { approvers: emails }),
  };
}

export const momentOf = (when: When, at: number): number => ('at' in when ? when.at : at + when.afterMs);
