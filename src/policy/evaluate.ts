/** Holds rules against facts and says of each whether it holds, why, and what would change it. */

import { describeCondition, describeDuring, isFactCondition } from './conditions.ts';
import { boundOf, instant } from './end.ts';
import { isForSubject } from './machine.ts';
import { partsOf } from './parts.ts';
import { countedOf, factOf, incidentsBehind, isSelfMade, type Subject, truthOf } from './truth.ts';
import type { Condition, Fact, Finding, IncidentCondition, Rule, Truth } from './types.ts';

export function evaluate(condition: Condition, subject: Subject): Truth {
  return truthOf(condition, subject, { favours: true, selfMade: false });
}

/** For the sweep: any of the rules that a grant ends with. A self-made incident counts, because somebody said yes to it. */
export function stillHolds(rules: readonly Rule[], subject: Subject): Truth {
  const truths = rules
    .filter((rule) => isForSubject(rule, subject))
    .map((rule) => truthOf(rule.condition, subject, { favours: true, selfMade: true }));
  if (truths.includes(true)) return true;
  return truths.includes('unknown') ? 'unknown' : false;
}

export function judge(rules: readonly Rule[], effect: Finding['effect'], subject: Subject): Finding[] {
  return rules.map((rule) => judgeOne(rule, effect, subject));
}

function judgeOne(rule: Rule, effect: Finding['effect'], subject: Subject): Finding {
  const favours = effect !== 'deny';
  if (favours && !isForSubject(rule, subject)) return { rule: rule.name, effect, holds: false, ...forPeople(subject) };
  const strict = truthOf(rule.condition, subject, { favours, selfMade: effect === 'ask' });
  // An allow that only a self-made incident stands behind is a question to an approver.
  const asked = effect === 'allow' && strict !== true ? truthOf(rule.condition, subject, { favours, selfMade: true }) : strict;
  const holds = strict === false || asked === true ? asked : strict;
  const becomes = holds === strict ? effect : 'ask';
  const reasons = reasonsOf(rule.condition, subject, holds, favours);
  const reasonOf = (leaf: Condition, inFavour: boolean): string => leafReason(leaf, subject, inFavour);
  const parts = partsOf(rule.condition, favours, { subject, selfMade: becomes === 'ask', reasonOf });
  const finding = { rule: rule.name, effect: becomes, holds, ...reasons, ...(parts === undefined ? {} : { parts }) };
  if (holds === true && favours && rule.until === 'shift' && boundOf(rule, subject) === 'unknown') {
    return { ...finding, holds: 'unknown', because: `${reasons.because}, but it is not known until when` };
  }
  const own = becomes === effect ? '' : `, ${selfMadeIn(rule, subject)}`;
  const change = holds === favours ? undefined : wish(rule.condition, favours, subject);
  return { ...finding, because: `${reasons.because}${own}`, ...(change === undefined ? {} : { change }) };
}

function selfMadeIn(rule: Rule, subject: Subject): string {
  const counted = incidentsBehind(rule, subject);
  const isUntold = counted.length > 0 && counted.every((incident) => incident.untold);
  // Approvers and auditors read it, too.
  const { email } = subject;
  return isUntold
    ? `and it is not told whether ${email} opened it or assigned themselves`
    : `an incident that ${email} opened or assigned to themselves`;
}

const forPeople = ({ client }: Subject) => ({
  because: 'is a service account, and this rule is for people',
  change: `have "client: ${client}" written into a rule of the policy`,
});

type Reasons = Pick<Finding, 'because' | 'detail' | 'source' | 'fetchedAt' | 'evidence'>;

/** One decision is kept in a row and in every event of it. */
const mostEvidence = 10;

/** The leaves that decided: those that hold where the whole holds, those that do not where it does not. */
function reasonsOf(condition: Condition, subject: Subject, truth: Truth, favours: boolean): Reasons {
  const leaves = decisive(condition, truth, subject, favours);
  const facts = leaves.map((leaf) => factOf(leaf, subject)).filter((fact) => fact !== undefined);
  const sources = [...new Set(facts.map(({ source }) => source))].filter((source) => source !== undefined);
  const details = [...new Set(facts.map(({ detail }) => detail))].filter((detail) => detail !== undefined);
  const times = facts.map(({ fetchedAt }) => fetchedAt).filter((at) => at !== undefined);
  const evidence = leaves.flatMap((leaf) => evidenceOf(leaf, subject, favours)).slice(0, mostEvidence);
  return {
    because: [...new Set(leaves.map((leaf) => leafReason(leaf, subject, favours)))].join('; '),
    ...(details.length === 0 ? {} : { detail: details.join('; ') }),
    ...(sources.length === 0 ? {} : { source: sources.join(', ') }),
    ...(times.length === 0 ? {} : { fetchedAt: Math.min(...times) }),
    ...(evidence.length === 0 ? {} : { evidence }),
  };
}

/** In favour of somebody only what counts for them is evidence. */
function evidenceOf(leaf: Condition, subject: Subject, favours: boolean): NonNullable<Finding['evidence']> {
  const fact = factOf(leaf, subject);
  const all = fact?.evidence ?? [];
  if (leaf.kind !== 'incident' || !favours || fact === undefined) return all;
  const refs = countedOf(leaf, fact, subject).map(({ ref }) => ref);
  return all.filter((one) => one.kind !== 'incident' || refs.includes(one.ref));
}

function decisive(condition: Condition, truth: Truth, subject: Subject, favours: boolean): readonly Condition[] {
  if (condition.kind === 'not') return decisive(condition.condition, truth === 'unknown' ? truth : !truth, subject, !favours);
  if (condition.kind !== 'all' && condition.kind !== 'any') return [condition];
  const same = condition.conditions.filter((one) =>
    [true, false].some((selfMade) => truthOf(one, subject, { favours, selfMade }) === truth),
  );
  return (same.length === 0 ? condition.conditions : same).flatMap((one) => decisive(one, truth, subject, favours));
}

function leafReason(leaf: Condition, subject: Subject, favours: boolean): string {
  if (leaf.kind === 'user') return `${leaf.email === subject.email.toLowerCase() ? 'is' : 'is not'} ${leaf.email}`;
  if (leaf.kind === 'client') return `${leaf.id === subject.client ? 'is' : 'is not'} ${describeCondition(leaf)}`;
  if (leaf.kind === 'during')
    return `${truthOf(leaf, subject, { favours, selfMade: false }) === true ? 'within' : 'outside'} ${describeDuring(leaf)}`;
  const fact = factOf(leaf, subject);
  if (fact === undefined) return `it is not known who is ${describeCondition(leaf)}`;
  return leaf.kind === 'incident' && favours && fact.holds === true ? incidentReason(leaf, fact, subject) : fact.because;
}

/** Where some incident is theirs, and which of them may speak for them is another question. */
function incidentReason(leaf: IncidentCondition, fact: Fact, subject: Subject): string {
  const counted = countedOf(leaf, fact, subject);
  if (subject.incidents !== undefined && counted.length === 0)
    return fact.uncounted ?? `${fact.because}, and which of these it is for was not said`;
  const because = subject.incidents === undefined ? fact.because : `assigned to ${counted.map(({ ref }) => ref).join(', ')}`;
  if (leaf.selfMade !== 'deny' || !isSelfMade(counted)) return because;
  return counted.some(({ untold }) => !untold) || counted.length === 0
    ? `${because}, but whoever opens or assigns an incident themselves does not count`
    : `${because}, but it is not told whether ${subject.email} opened it or assigned themselves, so it does not count`;
}

/** What somebody would have to do or be for the condition to come out as `wanted`. */
function wish(condition: Condition, wanted: boolean, subject: Subject): string | undefined {
  if (condition.kind === 'not') return wish(condition.condition, !wanted, subject);
  if (condition.kind === 'all' || condition.kind === 'any') {
    const open = condition.conditions.filter((one) => truthOf(one, subject, { favours: wanted, selfMade: false }) !== wanted);
    const wishes = open.map((one) => wish(one, wanted, subject)).filter((one) => one !== undefined);
    const everyOne = (condition.kind === 'all') === wanted;
    return wishes.length === 0 ? undefined : [...new Set(wishes)].join(everyOne ? ' and ' : ', or ');
  }
  const fact = factOf(condition, subject);
  if (isFactCondition(condition) && (fact === undefined || fact.holds === 'unknown'))
    return fact?.next ?? `ask again when ${fact?.source ?? sourceOf(condition)} answers`;
  if (condition.kind === 'during') return wanted ? `ask ${describeDuring(condition)}` : `ask outside ${describeDuring(condition)}`;
  if (condition.kind === 'incident' && fact?.holds === true && wanted) {
    const isCounted = subject.incidents === undefined || countedOf(condition, fact, subject).length > 0;
    if (isCounted) return 'be assigned to it by somebody else';
    return fact.uncounted === undefined ? `say which: --incident ${fact.incidents?.[0]?.ref ?? 'REF'}` : 'name an incident that counts';
  }
  const article = condition.kind === 'member' ? 'a ' : '';
  const soon = wanted && fact?.nextAt !== undefined ? `; your next shift starts ${instant(fact.nextAt)}` : '';
  return `${wanted ? 'be' : 'no longer be'} ${article}${describeCondition(condition)}${soon}`;
}

const sourceOf = (condition: Condition): string =>
  condition.kind === 'member' ? condition.directory : 'roster' in condition ? condition.roster : 'the source';
