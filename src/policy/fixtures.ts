/** From the text of a test file and the policy it is for to cases that can be tried, or to every fault in it at once. What a case does not say is not so. */

import { factConditions } from './conditions.ts';
import { type PolicyDocument, readDocument } from './document.ts';
import { foldEmail } from './fields.ts';
import { emailsOf, expectedOf, refuseIdle } from './fixture-expected.ts';
import { refuseIn } from './fixture-in.ts';
import { fixtureFile, type When, type WrittenCase, type WrittenDuty, type WrittenIncident, type WrittenWorld } from './fixture-schema.ts';
import type { Asking, Case, Duty, FixtureIncident, Fixtures, FixtureWorld } from './fixture-types.ts';
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
  const shared = worldOf(written, [], reader);
  const cases = written.cases.flatMap((one, index) => readCase(one, ['cases', index], { at: written.at, shared }, reader) ?? []);
  return {
    cases,
    people: [
      ...new Set([...peopleOf(shared), ...cases.flatMap((one) => [...('email' in one ? [one.email] : []), ...peopleOf(one.world)])]),
    ],
  };
}

type Reader = FixtureInput & {
  readonly document: PolicyDocument;
  /** What the rules of the policy want to know. */
  readonly asked: readonly FactCondition[];
  readonly report: Report;
};

const rulesOf = ({ roles }: Policy) =>
  Object.values(roles).flatMap(({ deny, allow, ask, approvers, follows, breakGlass }) => [
    ...[...deny, ...allow, ...ask, ...approvers, ...(breakGlass?.when ?? [])],
    ...(follows === undefined ? [] : [follows.rule]),
  ]);

const peopleOf = ({ members, duties }: FixtureWorld): string[] => [...members, ...duties].map(({ email }) => email);

/** `at`: of the file, or of a case. */
function worldOf(written: WrittenWorld, at: Path, reader: Reader): FixtureWorld {
  const each = Object.entries(written.people ?? {}).map(([person, about]) => {
    const path = [...at, 'people', person];
    const email = foldEmail(person);
    if (email === undefined)
      reader.report({ code: 'bad-email', message: `${JSON.stringify(person)} is not an e-mail address`, path, on: 'key' });
    return aboutPerson(about, email ?? person, path, reader);
  });
  return {
    members: each.flatMap(({ members }) => members),
    duties: each.flatMap(({ duties }) => duties),
    incidents: incidentsOf(written.incidents, [...at, 'incidents'], reader),
    down: downOf(written.down, [...at, 'down'], reader),
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
  const { schedule, escalationPolicy, level = 1, from, until } = typeof written === 'string' ? { schedule: written } : written;
  const onSchedule =
    schedule === undefined ? undefined : sourceAt('roster', schedule, typeof written === 'string' ? path : [...path, 'schedule'], reader);
  const onPolicy = escalationPolicy === undefined ? undefined : sourceAt('policy', escalationPolicy, [...path, 'escalationPolicy'], reader);
  const roster = onSchedule?.name ?? onPolicy?.name ?? '';
  if (onSchedule === undefined && onPolicy === undefined)
    reader.report({ code: 'missing-key', message: 'on call where? "schedule" or "escalationPolicy" is missing', path });
  if (onSchedule !== undefined && onPolicy !== undefined && onSchedule.name !== onPolicy.name)
    reader.report({ code: 'bad-source', message: 'a schedule and an escalation policy of one shift belong to one roster', path });
  if (from !== undefined && until !== undefined && isOver(from, until))
    reader.report({ code: 'bad-instant', message: 'the shift ends before it begins', path: [...path, 'until'] });
  return {
    ...{ email, roster, level },
    ...(onSchedule === undefined ? {} : { schedule: onSchedule.thing }),
    ...(onPolicy === undefined ? {} : { escalationPolicy: onPolicy.thing }),
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  };
}

/** Of an instant and a length of time it is not known before the moment is. */
function isOver(from: When, until: When): boolean {
  if ('at' in from) return 'at' in until && until.at <= from.at;
  return 'afterMs' in until && until.afterMs <= from.afterMs;
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
  if (at === undefined) report({ code: 'missing-key', message: 'at which moment? "at" is missing, here and at the top', path });
  if (!Object.hasOwn(policy.roles, written.role)) undeclared('role', written.role, Object.keys(policy.roles), [...path, 'role'], reader);
  const own = worldOf(written, path, reader);
  const replaced = new Set(own.incidents.map(({ roster, ref }) => `${roster}/${ref}`));
  const world = {
    members: [...shared.members, ...own.members],
    duties: [...shared.duties, ...own.duties],
    incidents: [...shared.incidents.filter(({ roster, ref }) => !replaced.has(`${roster}/${ref}`)), ...own.incidents],
    down: [...shared.down, ...own.down],
  };
  const row = { line: document.locate({ code: '', message: '', path }).line, role: written.role };
  if (written.in === undefined) {
    const asking = readAsking(written, path, at, reader);
    if (at === undefined || asking === undefined) return undefined;
    const { about, ...who } = asking;
    const both = { ...world, members: [...world.members, ...about.members], duties: [...world.duties, ...about.duties] };
    return { name: written.name ?? `${who.client ?? who.email}, ${written.role}`, ...row, ...who, at, world: both };
  }
  refuseIn(written, policy.roles[written.role], world.down, path, report);
  const people = emailsOf(written.in, [...path, 'in'], report);
  return at === undefined ? undefined : { name: written.name ?? `${written.role}, who is in`, ...row, at, world, expected: { in: people } };
}

type Asker = Pick<Asking, 'email' | 'client' | 'asked' | 'incident' | 'breakGlass' | 'expected'> & {
  readonly about: ReturnType<typeof aboutPerson>;
};

/** Who asks for what, what is so of them, and what is to come of it. */
function readAsking(written: WrittenCase, path: Path, at: number | undefined, reader: Reader): Asker | undefined {
  const { report } = reader;
  const who = whoIs(written, path, reader);
  const { expect } = written;
  if (expect === undefined)
    report({ code: 'missing-key', message: 'what is expected? write "expect", or "in" for who is in without asking', path });
  if (written.for !== undefined && written.until !== undefined)
    report({ code: 'orphan-key', message: '"for" and "until" exclude each other', path: [...path, 'until'], on: 'key' });
  refuseIdle(written, path, report);
  if (at === undefined || who === undefined || expect === undefined) return undefined;
  return {
    ...who,
    asked: askedOf(written),
    ...(written.incident === undefined ? {} : { incident: written.incident }),
    ...(written.breakGlass === undefined ? {} : { breakGlass: written.breakGlass }),
    about: aboutPerson(written, who.email, path, reader),
    expected: expectedOf({ ...written, expect }, at, path, report),
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
