/** `oncall status`: who has what until when, what waits, and whether the sweep does its work. */

import type { GrantView, Request } from '../lifecycle/types.ts';
import type { Line } from '../operations/line-types.ts';
import type { StatusResult, SweepAge } from '../operations/types.ts';
import { reviewCommand } from '../policy/break-glass.ts';
import { reviewDay, reviewText } from '../policy/standing.ts';
import { table } from '../terminal/table.ts';
import { type Clock, showAgo, showInstant, showRemaining, withoutUtc } from '../terminal/time.ts';
import { type Args, type Command, type Context, flag, named, type Outcome } from './command.ts';
import { ordinal } from './line.ts';
import { endedText, evidenceText, labelled, nameOf, newestOf, unheldText } from './lines.ts';
import { reasons } from './request-outcome.ts';

export const status: Command = {
  name: 'status',
  leavesNothing: true,
  group: 'Access',
  summary: 'who has what, until when, and what waits',
  argument: { syntax: '[id|role] [param=value...]', summary: 'only this request, or only this role', words: 'roles-and-open' },
  options: [
    { flags: '--mine', summary: 'only my own' },
    { flags: '--check', summary: 'exit 1 where it shows a fault (for monitoring)' },
  ],
  examples: [
    ['oncall status', 'everything open'],
    ['oncall status k7m2xq', 'one request: what failed, or who ended it'],
    ['oncall status --check --quiet', 'for monitoring: only the exit code matters'],
  ],
  notes:
    'A fault: a sweep that is late; access past its end, stuck, or ending only once somebody changes something; somebody in an exclusive group without oncall; standing access whose review was missed, an emergency whose review is overdue; a wrong clock; a ledger that lost something. Somebody who came into another group without oncall is a note.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const of = args.argument.length === 0 ? undefined : named(args);
  const operations = await context.operations();
  const result = await operations.status({ ...(of === undefined ? {} : { of }), ...(flag(args, 'mine') ? { mine: true } : {}) });
  const { requests, grants, sweep, faults, drift, ended, courtesy } = result;
  return {
    exit: flag(args, 'check') && faults.length > 0 ? 1 : 0,
    document: {
      requests,
      grants,
      sweep,
      faults,
      drift,
      lines: result.lines,
      standing: result.standing,
      emergencies: result.emergencies,
      ...(ended === undefined ? {} : { ended }),
      courtesy,
    },
    text: statusText(result, of, context),
    brief: requests.length === 0 ? '' : requestsTable(result, { ...context.clock(), now: result.now }, context),
  };
}

function statusText(result: StatusResult, of: string | undefined, context: Context): string {
  const clock = { ...context.clock(), now: result.now };
  return [
    ...(result.requests.length === 0 ? ['nothing open'] : [requestsTable(result, clock, context)]),
    ...result.requests.flatMap((request) => missingLines(request, result, context)),
    ...result.requests.flatMap((request) => unheldLine(request, result.grants, context)),
    ...result.requests.flatMap((request) => unknownLine(request, result.grants, context)),
    ...result.requests.flatMap((request) => (request.id === of ? restsOn(request, context) : [])),
    ...endedLine(result, clock, context),
    ...reviewedLine(result, of, clock, context),
    ...faultLines(result, context),
    ...labelled('note', notes(result, clock), context),
    ...sweepLine(result.sweep, clock),
  ].join('\n');
}

function faultLines({ faults }: StatusResult, context: Context): readonly string[] {
  return faults.flatMap(({ message, next }) => {
    const [line = ''] = labelled('fault', [message], context);
    return [line.replace('fault:', context.screen.paint.red('fault:')), ...labelled('next', next === undefined ? [] : [next], context)];
  });
}

function notes({ drift, standing, emergencies, courtesy }: StatusResult, clock: Clock): readonly string[] {
  const named = (userNames: readonly string[]): string =>
    userNames.length <= 5 ? userNames.join(', ') : `${userNames.slice(0, 5).join(', ')} and ${userNames.length - 5} more`;
  return [
    ...drift.map(({ target, userNames }) => `came into ${nameOf(target)} without oncall, and stays: ${named(userNames)}`),
    ...standing.reviews
      .filter(({ state, ifMissed }) => state === 'due' || ifMissed === 'end')
      .map((review) => `${review.role}: ${reviewText(review)}`),
    ...standing.notIn.map(({ role, holder, because }) => `${holder} is named under standing of ${role}, and is not in: ${because}`),
    // What is overdue is a fault.
    ...emergencies
      .filter(({ dueAt, reviewedAt }) => reviewedAt === undefined && dueAt >= clock.now)
      .map(({ requestId, role, holder, dueAt }) => {
        const by = `${showInstant(dueAt, clock)}, ${showRemaining(dueAt, clock)} left`;
        return `${holder} broke the glass of ${role}; to be reviewed by ${by}: ${reviewCommand(requestId)}`;
      }),
    ...(courtesy ? ['direct mode: a courtesy, not a control (README)'] : []),
  ];
}

function reviewedLine({ emergencies }: StatusResult, of: string | undefined, clock: Clock, context: Context): readonly string[] {
  const seen = emergencies.filter(({ requestId, reviewedAt }) => requestId === of && reviewedAt !== undefined);
  return labelled(
    'seen',
    seen.map(({ reviewedAt = 0 }) => `reviewed ${showInstant(reviewedAt, clock)}, ${showAgo(reviewedAt, clock)}`),
    context,
  );
}

/** Of one request that is over, or being taken back. */
function endedLine({ ended, requests }: StatusResult, clock: Clock, context: Context): readonly string[] {
  if (ended === undefined || requests.length !== 1) return [];
  return labelled('end', [endedText(ended, clock)], context);
}

function requestsTable({ requests, grants, lines }: StatusResult, clock: Clock, context: Context): string {
  const columns = [
    { title: 'id' },
    { title: 'role', least: 8 },
    { title: 'holder', least: 10 },
    { title: 'in' },
    { title: 'state' },
    { title: 'left' },
    { title: 'until', short: withoutUtc },
  ];
  const rows = requests.map((request) => {
    const own = newestOf(request, grants);
    const end = endOf(request);
    const inside = request.state === 'approved' ? `${insideOf(own)} of ${request.targets.length}` : '-';
    const left = end === undefined ? '-' : leftOf(end, request, own, clock);
    return [
      request.id,
      request.role,
      request.requester.email,
      inside,
      stateOf(request, own, lines),
      left,
      request.state === 'queued'
        ? `since ${showInstant(request.requestedAt, clock)}`
        : isStanding(request)
          ? `review ${reviewDay(end ?? 0)}`
          : end === undefined
            ? '-'
            : showInstant(end, clock),
    ];
  });
  // On a narrow screen the holder's name needs the room more than a column that says the same in every row.
  const tells = rows.some(
    ([, , , inside = '-', state]) => state === 'ending' || state === handingOver || (inside !== '-' && !/^(\d+) of \1$/.test(inside)),
  );
  const kept = <T>(cells: readonly T[]): T[] => cells.filter((_, index) => tells || context.screen.width > 90 || index !== 3);
  return table(kept(columns), rows.map(kept), context.screen);
}

const isStanding = ({ origin, asked }: Request): boolean => origin === 'standing' && 'untilMs' in asked;

/** Of standing access not the end that the sweep keeps moving, but the day on which somebody has to look at it. */
function endOf({ state, pendingUntil, expiresAt, origin, asked }: Request): number | undefined {
  if (origin === 'standing' && 'untilMs' in asked) return asked.untilMs;
  return state === 'pending' || state === 'offered' ? pendingUntil : expiresAt;
}

/** What is being taken back has no time left, whatever its end was. */
function leftOf(end: number, request: Request, grants: readonly GrantView[], clock: Clock): string {
  const { state } = request;
  const isOpen = state === 'pending' || state === 'offered';
  if (!isOpen && grants.every((grant) => grant.state === 'ended')) return '-';
  if (end <= clock.now) return isStanding(request) ? '-' : 'over';
  return isOpen || grants.some(isLasting) ? showRemaining(end, clock) : '-';
}

const isLasting = ({ state }: GrantView): boolean => state === 'active' || state === 'activating';

/** Until the directory has confirmed a removal, the person counts as in. */
function insideOf(grants: readonly GrantView[]): number {
  return grants.filter(({ state, owned }) => state === 'active' || (state === 'revoking' && owned === true)).length;
}

/** Its holder is being taken out, and somebody waits for the place. */
const handingOver = 'handing over';

/** One word for a request and its grants: the one that somebody must know first. */
function stateOf(request: Request, grants: readonly GrantView[], lines: readonly Line[]): string {
  const { waiting = [] } = lines.find(({ role }) => role === request.role) ?? {};
  if (request.state === 'queued') return `${ordinal(waiting.indexOf(request.id) + 1)} in line`;
  if (request.state !== 'approved') return request.state;
  const states = grants.map(({ state }) => state);
  if (states.includes('revoking')) return waiting.length > 0 ? handingOver : 'ending';
  if (states.includes('activating')) return 'starting';
  if (states.includes('active')) return isStanding(request) ? 'standing' : (actives[request.origin] ?? 'active');
  return grants.at(-1)?.endReason ?? 'approved';
}

/** What is given otherwise than by asking says so. */
const actives: { readonly [Key in Request['origin']]?: string } = { rotation: 'rotation', 'break-glass': 'emergency' };

/** Why a target is not as it should be. What a fault tells is not said twice, and what is over is no trouble. */
function missingLines(request: Request, { grants, faults }: StatusResult, context: Context): string[] {
  const own = newestOf(request, grants);
  const isOver = own.every(({ state }) => state === 'ended');
  const lines = own.flatMap(({ id, target, state, endReason, lastError }) => {
    if (lastError === undefined || state === 'active' || faults.some(({ grantId }) => grantId === id)) return [];
    if (state !== 'ended') return [`${nameOf(target)} ${state === 'revoking' ? 'ending' : 'starting'}: ${lastError}`];
    return endReason === 'failed' && !isOver ? [`${nameOf(target)} was not given: ${lastError}`] : [];
  });
  return labelled(request.id, lines, context);
}

/** The sweep found that nothing holds it any more, and lets the grace run out. */
function unheldLine(request: Request, grants: readonly GrantView[], context: Context): string[] {
  const what = unheldText(request, context.clock());
  const isIn = grants.some((one) => one.requestId === request.id && isLasting(one));
  return what === undefined || request.unknownSince !== undefined || !isIn ? [] : labelled(request.id, [what], context);
}

/** Nobody could say whether it still holds: it goes on, and ends when its time is up at the latest. */
function unknownLine({ id, unheldSince, unknownSince, decision }: Request, grants: readonly GrantView[], context: Context): string[] {
  if (unknownSince === undefined || !grants.some((one) => one.requestId === id && isLasting(one))) return [];
  const clock = context.clock();
  const ends = [...new Set(decision.endsWith.map(({ until }) => until ?? 'rule'))].join(' or the ');
  const since = `${showInstant(unknownSince, clock)}, ${showAgo(unknownSince, clock)}`;
  const before = unheldSince === undefined ? '' : ' (the last answer was no)';
  const what = `not known since ${since}, whether the ${ends} still lasts${before}: stays until its own end at the latest`;
  return labelled(id, [what], context);
}

/** Of one request: what it was given for, and what the rosters answered then. */
function restsOn(request: Request, context: Context): string[] {
  const clock = context.clock();
  const evidence = request.decision.findings.filter(({ holds }) => holds === true).flatMap((finding) => finding.evidence ?? []);
  return [
    ...labelled('why', reasons(request, request.decision, clock), context),
    ...labelled('found', [...new Set(evidence.map((one) => evidenceText(one, clock)))], context),
  ];
}

/** Where it is late, the fault says so, and where. */
function sweepLine({ lastAt, late }: SweepAge, clock: Clock): readonly string[] {
  return late || lastAt === undefined ? [] : [`swept ${showAgo(lastAt, clock)}`];
}
