/** What a request came to, for people and as a document; the same whether it was asked for, approved or waited for. */

import type { GrantView, Request } from '../lifecycle/types.ts';
import type { LateSession, Refusal, RequestResult, TargetFailure } from '../operations/types.ts';
import { reviewCommand } from '../policy/break-glass.ts';
import { formatDuration } from '../policy/duration.ts';
import { toldTo } from '../policy/end.ts';
import type { Decision, Target } from '../policy/types.ts';
import { widthOf, wrap } from '../terminal/text.ts';
import { type Clock, showAgo, showInstant, showRemaining } from '../terminal/time.ts';
import type { Context, Outcome } from './command.ts';
import { lineText } from './line.ts';
import { findingText, labelled, nameOf, sessionLines, unheldText } from './lines.ts';
import { pendingText } from './pending.ts';

/** So long asking, granting and the way back may have taken. */
const justAskedMs = 15_000;

export function isRefusal(result: RequestResult | Refusal): result is Refusal {
  return result.result === 'denied' || result.result === 'taken' || result.result === 'undecided' || result.result === 'ending';
}

/** `reader`: an approver is told about somebody else's access. */
export function requestOutcome(result: RequestResult | Refusal, context: Context, reader: 'requester' | 'approver' = 'requester'): Outcome {
  if (isRefusal(result)) {
    const { decision, error, exit } = result;
    return { exit, document: { request: null, grants: [], decision, error }, text: '', error };
  }
  const { request, grants, decision } = result;
  const { line, sessions, unmoved, notExtended } = result;
  const more = { ...(line && { line }), ...(sessions && { sessions }), ...(unmoved && { unmoved }), ...(notExtended && { notExtended }) };
  const document = { request, grants, decision, ...more };
  if (result.result === 'reviewed') {
    const told = `${request.id}  reviewed: ${request.requester.email} broke the glass of ${request.role}`;
    return { exit: 0, document, text: wrap(told, context.screen.width, 8), brief: request.id };
  }
  if (result.result === 'pending') return { exit: 8, document, text: pendingText(request, context), brief: request.id };
  if (line) return { exit: 8, document, text: lineText(result, context, reader), brief: request.id };
  const { active, missing } = byTarget(request, grants, result.missing);
  const text = active.length === 0 ? '' : grantedText(result, { active, context, reader });
  const brief = text === '' ? '' : request.id;
  const common = { text, brief };
  if (result.result !== 'partial' && result.result !== 'failed') {
    const error = unmoved && endsSooner(request, unmoved);
    return error ? { exit: 1, document: { ...document, error }, ...common, error } : { exit: 0, document, ...common };
  }
  const error = failure({ request, active, missing, reader });
  return { exit: 1, document: { ...document, error: { code: `request-${result.result}`, ...error } }, ...common, error };
}

/** The end was moved here, and not where the access is. */
function endsSooner({ role }: Request, unmoved: readonly TargetFailure[]) {
  return {
    code: 'end-not-moved',
    message: `${role} may end sooner than that in ${unmoved.map(({ target }) => nameOf(target)).join(', ')}`,
    why: unmoved.map(({ target, message }) => `${nameOf(target)} was not told the new end: ${message}`).join('\n'),
    next: unmoved.find(({ next }) => next !== undefined)?.next ?? `oncall request ${role} tells it again, and so does the next sweep`,
  };
}

/** A target counts by its newest grant: an earlier one of the same request ended, or was superseded. */
export function byTarget(
  request: Request,
  grants: readonly GrantView[],
  unfound: readonly TargetFailure[] = [],
): { active: readonly GrantView[]; missing: readonly TargetFailure[] } {
  const newest = request.targets.map((target) => ({
    target,
    grant: grants
      .filter((grant) => grant.requestId === request.id && nameOf(grant.target) === nameOf(target))
      .reduce<GrantView | undefined>((last, grant) => (last === undefined || grant.createdAt >= last.createdAt ? grant : last), undefined),
  }));
  const failureOf = (target: Target, grant: GrantView | undefined): TargetFailure =>
    unfound.find((one) => nameOf(one.target) === nameOf(target)) ?? { target, message: grant?.lastError ?? 'it was not tried' };
  return {
    active: newest.flatMap(({ grant }) => (grant?.state === 'active' ? [grant] : [])),
    missing: newest.flatMap(({ target, grant }) => (grant?.state === 'active' ? [] : [failureOf(target, grant)])),
  };
}

type Partly = {
  readonly request: Request;
  readonly active: readonly GrantView[];
  readonly missing: readonly TargetFailure[];
  readonly reader: Granted['reader'];
};

function failure({ request, active, missing, reader }: Partly) {
  const { email } = request.requester;
  const [who, runs] = reader === 'requester' ? ['you are', ''] : [`${email} is`, `, where ${email} runs it`];
  const names = missing.map(({ target }) => nameOf(target)).join(', ');
  return {
    message:
      active.length === 0
        ? `${request.role} was not given: ${who} not in ${names}`
        : `only a part of ${request.role} was given: ${who} not in ${names}`,
    why: missing.map(({ target, message }) => `${nameOf(target)}: ${message}`).join('\n'),
    next: missing.find(({ next }) => next !== undefined)?.next ?? `oncall request ${request.role} tries again what is missing${runs}`,
  };
}

type Granted = { readonly active: readonly GrantView[]; readonly context: Context; readonly reader: 'requester' | 'approver' };

function grantedText(result: RequestResult, granted: Granted): string {
  const { request, decision } = result;
  const { width, paint } = granted.context.screen;
  const clock = granted.context.clock();
  const end = request.expiresAt === undefined ? '' : `${untilOf(result, request.expiresAt, clock)}, ${lengthOf(request.expiresAt, clock)}`;
  const unchanged =
    result.result === 'held' || isAsBefore(result)
      ? `, as before${result.notExtended === undefined ? '' : `, and no longer: ${result.notExtended}`}`
      : '';
  const holder = granted.reader === 'requester' ? '' : ` for ${request.requester.email}`;
  const lines = [
    wrap(`${paint.bold(request.id)}  ${request.role}${holder}${end}${unchanged}${shortened(result, granted.reader)}`, width, 8),
    ...labelled('why', reasons(request, decision, clock), granted.context),
    ...toBeReviewed(request, granted),
    ...endsWith(result, granted.context),
    ...thenSignedOut(request, granted),
    ...labelled('then', sessionLines(result.sessions?.filter(isIn(granted))), granted.context),
    ...whereLines(request, granted),
    ...before(request, granted).map((line) => wrap(`        ${line}`, width, 8)),
  ];
  return lines.join('\n');
}

function untilOf(result: RequestResult, expiresAt: number, clock: Clock): string {
  const { movedFrom } = result;
  const until = showInstant(expiresAt, clock);
  if (movedFrom !== undefined && !isAsBefore(result)) return ` moved from ${showInstant(movedFrom, clock)} to ${until}`;
  return `${result.result === 'again' ? ' let in again' : ''} until ${until}`;
}

/** Asked for again at once the end moves by seconds, and both ends would read the same. */
const isAsBefore = ({ movedFrom, request: { expiresAt } }: RequestResult): boolean =>
  movedFrom !== undefined && expiresAt !== undefined && expiresAt - movedFrom < 60_000;

/** What was given a moment ago is as long as it was asked for, though seconds of it are gone. */
function lengthOf(expiresAt: number, clock: Clock): string {
  const whole = Math.ceil((expiresAt - clock.now) / 60_000) * 60_000;
  return whole - (expiresAt - clock.now) <= justAskedMs ? formatDuration(whole) : showRemaining(expiresAt, clock);
}

/** What skipped the rules says so, and what is owed for it. */
const toBeReviewed = ({ id, origin }: Request, { context }: Granted): string[] =>
  origin === 'break-glass' ? labelled('note', [`the glass was broken: somebody else has to review it: ${reviewCommand(id)}`], context) : [];

/** Access that a sweep may end before its hour strikes; a shift that the first line names already is not said twice. */
function endsWith({ request, unheld: isUnheld }: RequestResult, context: Context): string[] {
  const { decision, expiresAt, incident, role } = request;
  const unheld = unheldText(request, context.clock(), isUnheld);
  if (unheld !== undefined) {
    const anew = `to have it by what holds now: oncall release ${role}, then oncall request ${role}`;
    return labelled('ends', [unheld, anew], context);
  }
  const what = [...new Set(decision.endsWith.flatMap(({ until }) => (until === undefined ? [] : [until])))];
  if (what.length === 0 || (what.join() === 'shift' && decision.limitedBy === 'shift')) return [];
  const latest = expiresAt === undefined ? '' : `, at the latest ${showInstant(expiresAt, context.clock())}`;
  const named = decision.incident === undefined || incident === undefined ? 'incident' : `incident ${incident}`;
  return labelled('ends', [`with the ${what.map((one) => (one === 'incident' ? named : one)).join(' or the ')}${latest}`], context);
}

/** Whoever is about to be signed out of everything should know it beforehand; membership that stays signs nobody out. */
function thenSignedOut({ requester, decision: { endsSessionsIn = [] } }: Request, { active, context, reader }: Granted): string[] {
  const names = endsSessionsIn.filter((name) => active.some(({ target, owned }) => target.directory === name && owned !== false));
  if (names.length === 0) return [];
  const who = reader === 'requester' ? 'you are' : `${requester.email} is`;
  return labelled('then', [`${who} signed out of ${names.join(' and ')}, everywhere`], context);
}

const isIn =
  ({ active }: Granted) =>
  ({ target }: LateSession): boolean =>
    active.some((grant) => nameOf(grant.target) === nameOf(target) && grant.owned !== false);

function whereLines(request: Request, { active, context, reader }: Granted): string[] {
  const { width, toCopy } = context.screen;
  const where = `  in:   ${active.map(({ target }) => nameOf(target)).join(', ')}`;
  const back = toCopy(reader === 'requester' ? `give back: oncall release ${request.role}` : `take away: oncall revoke ${request.id}`);
  const oneLine = `${where}        ${back}`;
  return widthOf(oneLine) <= width ? [oneLine] : [wrap(where, width, 8), `        ${back}`];
}

/** Membership that was there before is never removed; whoever has it should know that it does not end. */
function before(request: Request, { active, reader }: Granted): string[] {
  const names = active.filter(({ owned }) => owned === false).map(({ target }) => nameOf(target));
  const who = reader === 'requester' ? 'you were' : `${request.requester.email} was`;
  return names.length === 0 ? [] : [`${who} in ${names.join(', ')} before; that stays`];
}

/** Where the end stayed as it was, `asked` is what was asked for then, not what was asked for now. */
function shortened(
  { result, request: { asked }, decision: { limitedBy, limitedBecause }, notExtended }: RequestResult,
  reader: Granted['reader'],
): string {
  if (limitedBy === undefined || notExtended !== undefined) return '';
  const who = reader === 'requester' ? 'you' : 'they';
  const because = toldTo(reader === 'requester', limitedBecause ?? `limited by ${limitedBy}`);
  if ('byDefault' in asked || result === 'held') return `: ${because}`;
  return 'forMs' in asked ? `, not the ${formatDuration(asked.forMs)} ${who} asked: ${because}` : `, earlier than ${who} asked: ${because}`;
}

export function reasons(request: Request, decision: Decision, clock: Clock): readonly string[] {
  const held = decision.findings.filter(
    ({ effect, holds, rule }) => effect === 'allow' && holds === true && decision.heldBy.includes(rule),
  );
  const approved = request.approvals
    .filter(({ answer }) => answer === 'yes')
    .map(({ by, at, inPlaceOf }) => `approved by ${by.email}${inPlaceOf === undefined ? '' : ` for ${inPlaceOf}`}, ${showAgo(at, clock)}`);
  return [...held.map((finding) => findingText(finding, clock)), ...approved];
}
