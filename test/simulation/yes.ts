/** A1 to A3: access that takes the word of others begins by the yes of different people, each of whom may give it, to exactly what was asked. Judged by what is true, and what each was told counts for nothing. */

import type { Actor } from '../../src/lifecycle/types.ts';
import type { Condition, Policy, Role, Rule, Target } from '../../src/policy/types.ts';
import { deputies, familyOf, leads, logins, personOf } from './approvers.ts';
import { everybodyOf, groupIdOf, keyOf, userIdOf } from './company.ts';
import { longestLagMs, minute } from './config.ts';
import { isOff, isOnSince } from './duty.ts';
import type { GrantRow, RequestRow, Rows } from './rows.ts';
import { count, type Process, violate, type World } from './world.ts';

export type YesBook = {
  /** Since when each request waits, until when it may, by which policy it was asked, and whether the roster named somebody who could say yes. */
  readonly asks: Map<string, { readonly at: number; readonly until: number; readonly policyDigest: string; readonly isSomebody: boolean }>;
  /** What was said yes to, by the yes. */
  readonly said: Map<string, string>;
  /** Yeses by which somebody got in. */
  readonly used: Set<string>;
  /** What was shown of a request to those who looked at what waits for them. */
  readonly shown: Map<string, { readonly digest: string; readonly what: string }>;
};
export const newYesBook = (): YesBook => ({ asks: new Map(), said: new Map(), used: new Set(), shown: new Map() });

type Yes = { readonly by: Actor; readonly at: number; readonly answer: string; readonly digest?: string; readonly inPlaceOf?: string };
/** By what is true for as long as the process has run; `unsure`: it has changed meanwhile. */
type Truth = boolean | 'unsure';

export const takesYes = ({ role, origin }: RequestRow): boolean =>
  origin === 'asked' && (role === 'four-eyes' || role === 'two-keys' || familyOf(role) !== undefined);

const inLine: readonly string[] = ['queued', 'offered'];

const yesesOf = ({ approvals }: RequestRow): readonly Yes[] => (JSON.parse(approvals) as Yes[]).filter(({ answer }) => answer === 'yes');
/** Who says it again at the same instant says it to something else. */
const nameOf = (id: string, { by, at, digest }: Yes): string => `${id} ${by.issuer} ${by.subject} ${by.email} ${at} ${digest}`;

/** All that a yes is to. */
export function exactly(
  { roles }: Policy,
  { role, email, asked, targets }: Pick<RequestRow, 'role' | 'email' | 'asked' | 'targets'>,
): string {
  return JSON.stringify([email, role, asked, stillOf(roles[role], targets), roles[role]?.ttl]);
}

const stillOf = (role: Role | undefined, targets: string | null): readonly string[] =>
  (JSON.parse(targets ?? '[]') as Target[]).map(groupKey).filter((one) => role?.targets.some((target) => groupKey(target) === one));
const groupKey = ({ directory, group }: Target): string => keyOf(directory, groupIdOf(group));

/** What one transaction has made of it. Gives what the trail must say of it, beside what it says of any request. */
export function checkYeses(
  world: World,
  process: Process,
  before: RequestRow | undefined,
  after: Rows,
  request: RequestRow,
): readonly string[] {
  const { yes: book, rows } = world;
  const { id, state } = request;
  const role = process.policy.roles[request.role];
  const had = before === undefined ? [] : yesesOf(before);
  const has = yesesOf(request);
  const isBack = state === 'pending' && inLine.includes(before?.state ?? '');
  if (isBack) checkSentBack(world, process, request, had);
  if (state === 'pending' && before?.state !== 'pending') {
    const heard = process.heard.get('deputy') ?? 'nothing';
    const isSomebody = heard !== 'nothing' && [...heard].some((email) => email !== request.email);
    book.asks.set(id, { at: rows.clock, until: rows.clock + (role?.withinMs ?? 0), policyDigest: process.policy.digest, isSomebody });
  }
  const names = had.map((yes) => nameOf(id, yes));
  const fresh = has.filter((yes) => !names.includes(nameOf(id, yes)));
  for (const yes of fresh) checkYes(world, process, before, request, yes);
  // Who has come into the line needs no more of them, but those still.
  if (state === 'approved' || (state === 'queued' && before?.state === 'pending')) checkEnough(world, process, request, has);
  if (state === 'approved') checkBegins(world, process, after, request, has);
  if (before?.state === 'offered' && state === 'approved') count(world, 'a place was taken that others had said yes to');
  if (!isBack && ['pending', 'approved', ...inLine].includes(state))
    for (const yes of had) if (!has.some((one) => nameOf(id, one) === nameOf(id, yes))) checkDropped(world, process, request, yes);
  // Nothing else about a request that waits is ever changed.
  if (state !== 'pending' || before?.state !== 'pending') return [];
  count(world, 'a yes that others must follow');
  return [`${id} request.approval`];
}

/** A2: what nobody has said yes to in the same transaction never begins, nor anything more of it. */
export function checkBegun(world: World, before: Rows, { id, requestId }: GrantRow): void {
  const request = world.rows.requests.get(requestId);
  if (request === undefined || !takesYes(request)) return;
  if (request.state !== 'approved' || before.requests.get(requestId)?.state === 'approved')
    violate(world, `A2: grant ${id} begins, and nobody has said yes to it`);
}

/** A1: one yes more, by whoever gives it. */
function checkYes(world: World, process: Process, before: RequestRow | undefined, request: RequestRow, yes: Yes): void {
  const { id } = request;
  const { actor, seen, policy } = process;
  const ask = world.yes.asks.get(id);
  const now = world.rows.clock;
  if (before?.state !== 'pending' || ask === undefined) violate(world, `A2: a yes to ${id}, which does not wait for one`);
  else if (now >= ask.until) violate(world, `A1: a yes to ${id} after its time`);
  if (yes.by.email !== actor.email || yes.by.subject !== actor.subject)
    violate(world, `A1: ${actor.email} says yes to ${id} as ${yes.by.email}`);
  const why = whyNot(world, process, request, yes, true);
  if (why !== undefined) violate(world, `A1: ${yes.by.email} says yes to ${id}, and ${why}`);
  const what = exactly(policy, request);
  if (seen !== undefined && seen !== what) violate(world, `A1: ${yes.by.email} says yes to ${id}, and was shown something else`);
  world.yes.said.set(nameOf(id, yes), what);
  if (yes.inPlaceOf !== undefined) count(world, 'a yes in the place of somebody');
}

/** A1: by those of enough different people, who may say it to exactly this. */
function checkEnough(world: World, process: Process, request: RequestRow, yeses: readonly Yes[]): void {
  const { id, state } = request;
  const people = yeses.map((yes) => behind(world, process, yes));
  const twice = people.find((some, index) => people.slice(0, index).some((others) => some.some((one) => others.includes(one))));
  if (twice) violate(world, `A1: ${id} is ${state} by two yeses of ${twice.join(' for ')}`);
  if (yeses.length < (process.policy.roles[request.role]?.quorum ?? 1)) violate(world, `A1: ${id} is ${state} by ${yeses.length} yes`);
  for (const yes of yeses) {
    const why = whyNot(world, process, request, yes, false);
    if (why !== undefined) violate(world, `A1: ${id} is ${state} by the yes of ${yes.by.email}, and ${why}`);
    if (world.yes.said.get(nameOf(id, yes)) !== exactly(process.policy, request))
      violate(world, `A1: ${id} is ${state}, and ${yes.by.email} said yes to something else`);
  }
}

/** A1 and A2: each counts once; for how long it begins, and what of. */
function checkBegins(world: World, process: Process, after: Rows, request: RequestRow, yeses: readonly Yes[]): void {
  const { yes: book } = world;
  const { id, email, asked, startsAt, expiresAt } = request;
  const role = process.policy.roles[request.role];
  for (const yes of yeses) {
    const name = nameOf(id, yes);
    if (book.used.has(name)) violate(world, `A2: ${id} has begun by a yes of ${yes.by.email} by which it had begun before`);
    book.used.add(name);
  }
  const mayAsk = role !== undefined && !process.policy.blocked.includes(email) && anyOf(world, process, role.ask, email) !== false;
  if (!mayAsk) violate(world, `A1: ${id} has begun, and ${email} may not even ask for it any more`);
  const wanted = JSON.parse(asked) as { forMs?: number; untilMs?: number };
  const lasts = Math.min(wanted.forMs ?? (wanted.untilMs ?? Number.POSITIVE_INFINITY) - (startsAt ?? 0), role?.ttl.maxMs ?? 0);
  if ((expiresAt ?? 0) - (startsAt ?? 0) > lasts) violate(world, `A1: ${id} lasts longer than what was said yes to`);
  const still = stillOf(role, request.targets);
  for (const grant of after.grants.values()) {
    const row = after.memberships.get(grant.membershipId);
    // Of another account, or made anew, it is another group of the same name, which others see to.
    const group = row && keyOf(row.directory, row.groupId.replace(/^X|\..*/g, ''));
    if (grant.requestId === id && group !== undefined && !still.includes(group))
      violate(world, `A1: ${id} gives ${group}, to which nobody said yes`);
  }
  count(world, `begun by the yes of ${yeses.length}`);
}

/** A3: a yes that was taken down counts on, unless there is something against it. */
function checkDropped(world: World, process: Process, request: RequestRow, yes: Yes): void {
  count(world, 'a yes was dropped');
  // Where enough are left without it, one of which nothing could be found out is not waited for.
  if (yesesOf(request).length >= (process.policy.roles[request.role]?.quorum ?? 1)) return;
  if (stands(world, process, request, yes))
    violate(world, `A3: the yes of ${yes.by.email} to ${request.id} is lost, and nothing is against it`);
}

/** A3: who stands in line by the yes of enough people need not ask again. */
function checkSentBack(world: World, process: Process, request: RequestRow, yeses: readonly Yes[]): void {
  count(world, 'somebody in line had to ask again');
  const still = yeses.filter((yes) => stands(world, process, request, yes));
  if (still.length >= (process.policy.roles[request.role]?.quorum ?? 1))
    violate(world, `A3: ${request.email} has to ask for ${request.id} again, and ${still.length} still say yes to it`);
}

/** Whether nothing is against it. */
function stands(world: World, process: Process, request: RequestRow, yes: Yes): boolean {
  const { churn, clockStep } = world.config;
  const { policy, startedAt } = process;
  const email = yes.by.email;
  const items = rulesFor(world, process, policy.roles[request.role], email, [true]);
  // What may have been against it cannot be told; in another account they may be somebody else, who has left.
  if (churn + clockStep + process.elsewhere.size > 0 || yes.inPlaceOf !== undefined || policy.blocked.includes(email) || items.length === 0)
    return false;
  const isOther = world.yes.said.get(nameOf(request.id, yes)) !== exactly(policy, request);
  return !isOther && turnOf(world, process, request, items, 'latest') <= startedAt;
}

/** What is against somebody's yes now; `isMine`: it is being said. */
function whyNot(world: World, process: Process, request: RequestRow, yes: Yes, isMine: boolean): string | undefined {
  const requester = personOf(request.email);
  const { by, inPlaceOf } = yes;
  if (behind(world, process, yes).includes(requester)) return 'it is their own request';
  const names = [by.email, ...(inPlaceOf === undefined ? [] : [inPlaceOf])];
  const asleep = names.find((email) => isInactive(world, process, email, whereKnown(process.policy.roles[request.role])));
  if (asleep !== undefined) return `${asleep} is not active`;
  if (process.policy.blocked.includes(by.email)) return 'they are blocked';
  const role = process.policy.roles[request.role];
  const isNow = (endsAt: number): boolean =>
    isMine ? world.rows.clock < endsAt : world.config.clockStep > 0 || process.startedAt < endsAt;
  const lent = (process.policy.delegations ?? []).filter(
    ({ from, to, endsAt }) =>
      to.includes(by.email) && isNow(endsAt) && personOf(from) !== requester && !process.policy.blocked.includes(from),
  );
  const own = isMine && inPlaceOf !== undefined ? [] : [by.email];
  const items = [...own, ...(isMine && inPlaceOf === undefined ? [] : lent.map(({ from }) => from))].flatMap((email) =>
    rulesFor(world, process, role, email, [true, 'unsure']),
  );
  if (items.length === 0) return 'the policy does not let them';
  return world.rows.clock < turnOf(world, process, request, items, 'earliest') ? 'their turn has not come' : undefined;
}

/** Where those who say yes are looked up for sure: where the policy knows some of them by their group, else where the role lets in. */
const whereKnown = ({ approvers = [], targets = [] }: Partial<Role> = {}): string | undefined =>
  approvers.map(({ condition }) => (condition.kind === 'member' ? condition.directory : undefined)).find(Boolean) ?? targets[0]?.directory;

/** Those who stand behind a yes. Who has a second login is known only as long as the directories have that user. */
function behind({ config }: World, { elsewhere }: Process, { by, inPlaceOf }: Yes): readonly string[] {
  const isKnown = config.churn === 0 && elsewhere.size === 0;
  return [by.email, ...(inPlaceOf === undefined ? [] : [inPlaceOf])].map((email) =>
    email in logins && !isKnown ? email : personOf(email),
  );
}

const rulesFor = (world: World, process: Process, role: Role | undefined, email: string, truths: readonly Truth[]): readonly string[] =>
  (role?.approvers ?? []).filter(({ condition }) => truths.includes(holds(world, process, condition, email))).map(({ name }) => name);

function anyOf(world: World, process: Process, rules: readonly Rule[], email: string): Truth {
  const truths = rules.map(({ condition }) => holds(world, process, condition, email));
  return truths.includes(true) || (truths.includes('unsure') ? 'unsure' : false);
}

export function holds(world: World, process: Process, condition: Condition, email: string): Truth {
  if (condition.kind === 'user') return condition.email === email;
  if (condition.kind === 'member') return isLead(world, process, email);
  if (condition.kind === 'onCall') return condition.schedule === deputies.schedule ? isDeputy(world, process, email) : 'unsure';
  if (condition.kind !== 'any') return 'unsure';
  const truths = condition.conditions.map((one) => holds(world, process, one, email));
  return truths.includes(true) || (truths.includes('unsure') ? 'unsure' : false);
}

/** Since when what a process goes by was asked: it has begun since then, and nobody goes by what was heard long ago. */
const askedSince = ({ now, config }: World, { startedAt }: Process): number =>
  config.clockStep > 0 ? startedAt : Math.max(startedAt, now - 6 * minute);

function isDeputy(world: World, process: Process, email: string): Truth {
  // Much can be at one instant, and a host's clock may be a minute off, by which the roster is asked.
  const since = askedSince(world, process) - minute - 1;
  return isOff(world, 'deputy', email, since) ? false : isOnSince(world, 'deputy', email, since) || 'unsure';
}

/** It may have been a moment old when it was read. */
function isLead(world: World, process: Process, email: string): Truth {
  const { members, changedAt, config } = world;
  const { elsewhere } = process;
  const login = logins[email] ?? email;
  const since = askedSince(world, process) - longestLagMs;
  if (!everybodyOf(config).includes(login)) return false;
  const [group, user] = [keyOf(leads.directory, groupIdOf(leads.group)), userIdOf(login)];
  // Users and groups that were made anew have a number behind their id.
  const isIt = (key: string, userId: string): boolean => key.split('.')[0] === group && userId.split('.')[0] === user;
  const isFresh = [...changedAt].some(([member, at]) => isIt(...(member.split(' ') as [string, string])) && at > since);
  if (isFresh || elsewhere.has(leads.directory)) return 'unsure';
  const isIn = [...members].some(([key, userIds]) => [...userIds].some((userId) => isIt(key, userId)));
  return isIn && config.churn > 0 ? 'unsure' : isIn;
}

export function isInactive(world: World, process: Process, email: string, directory: string = leads.directory): boolean {
  const user = [...(world.accounts.get(directory)?.own.users.values() ?? [])].find((one) => one.email === (logins[email] ?? email));
  return !process.elsewhere.has(directory) && user !== undefined && !user.active && (user.inactiveSince ?? 0) < askedSince(world, process);
}

/** When the turn of the first of these rules comes. A group that nobody could find when it was asked for takes no time of its own. */
function turnOf(
  { yes, config }: World,
  { policy }: Process,
  request: RequestRow,
  items: readonly string[],
  which: 'earliest' | 'latest',
): number {
  const role = policy.roles[request.role];
  const ask = yes.asks.get(request.id);
  const mayBeSkipped = ({ kind }: Condition): boolean =>
    which === 'earliest' &&
    ask?.policyDigest === policy.digest &&
    ((kind === 'member' && !config.calm) || (kind === 'onCall' && !ask.isSomebody));
  let at = ask?.at ?? 0;
  for (const { name, condition } of role?.approvers ?? []) {
    if (items.includes(name)) return at;
    if (!mayBeSkipped(condition)) at += role?.escalateMs ?? 0;
  }
  return at;
}
