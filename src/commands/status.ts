/** `oncall status`: who has what until when, what waits, and whether the sweep does its work. */

import type { GrantView, Request } from '../lifecycle/types.ts';
import type { StatusResult, SweepAge } from '../operations/types.ts';
import { table } from '../terminal/table.ts';
import { type Clock, showAgo, showInstant, showRemaining } from '../terminal/time.ts';
import { type Args, type Command, type Context, flag, type Outcome } from './command.ts';
import { labelled, nameOf } from './lines.ts';

export const status: Command = {
  name: 'status',
  group: 'Access',
  summary: 'who has what, until when, and what waits',
  argument: { syntax: '[id|role]', summary: 'only this request, or only this role', words: 'roles-and-open' },
  options: [
    { flags: '--mine', summary: 'only my own' },
    { flags: '--check', summary: 'exit 1 where something is overdue, stuck or unexplained (for monitoring)' },
  ],
  examples: [
    ['oncall status', 'everything open'],
    ['oncall status k7m2xq', 'one request, with what failed'],
    ['oncall status --check --quiet', 'for monitoring: exit code only matters'],
  ],
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const of = args.argument[0];
  const operations = await context.operations();
  const result = await operations.status({ ...(of === undefined ? {} : { of }), ...(flag(args, 'mine') ? { mine: true } : {}) });
  const { requests, grants, sweep, faults, courtesy } = result;
  return {
    exit: flag(args, 'check') && faults.length > 0 ? 1 : 0,
    document: { requests, grants, sweep, faults, courtesy },
    text: statusText(result, context),
    brief: requests.length === 0 ? '' : requestsTable(result, { ...context.clock(), now: result.now }, context),
  };
}

function statusText(result: StatusResult, context: Context): string {
  const { paint } = context.screen;
  const clock = { ...context.clock(), now: result.now };
  const faults = result.faults.map(({ message }) =>
    labelled('fault', [message], context).join('\n').replace('fault:', paint.red('fault:')),
  );
  return [
    ...(result.requests.length === 0 ? ['nothing open'] : [requestsTable(result, clock, context)]),
    ...result.requests.flatMap((request) => missingLines(request, result.grants, context)),
    ...result.requests.flatMap((request) => unheldLine(request, result.grants, context)),
    ...faults,
    ...(result.courtesy ? labelled('note', ['direct mode: a courtesy, not a control (README)'], context) : []),
    sweepLine(result.sweep, clock),
  ].join('\n');
}

function requestsTable({ requests, grants }: StatusResult, clock: Clock, context: Context): string {
  const columns = [
    { title: 'id' },
    { title: 'role', least: 8 },
    { title: 'holder', least: 10 },
    { title: 'in' },
    { title: 'state' },
    { title: 'left' },
    { title: 'until' },
  ];
  const rows = requests.map((request) => {
    const own = grants.filter(({ requestId }) => requestId === request.id);
    const end = request.state === 'pending' ? request.pendingUntil : request.expiresAt;
    const inside = request.state === 'approved' ? `${insideOf(request, own)} of ${request.targets.length}` : '-';
    const left = end === undefined ? '-' : leftOf(end, request, own, clock);
    return [
      request.id,
      request.role,
      request.requester.email,
      inside,
      stateOf(request, own),
      left,
      end === undefined ? '-' : showInstant(end, clock),
    ];
  });
  // On a narrow screen the holder's name needs the room more than a column that says the same in every row.
  const tells = rows.some(([, , , inside = '-', state]) => state === 'ending' || (inside !== '-' && !/^(\d+) of \1$/.test(inside)));
  const kept = <T>(cells: readonly T[]): T[] => cells.filter((_, index) => tells || context.screen.width > 90 || index !== 3);
  return table(kept(columns), rows.map(kept), context.screen);
}

/** What is being taken back has no time left, whatever its end was. */
function leftOf(end: number, { state }: Request, grants: readonly GrantView[], clock: Clock): string {
  if (state !== 'pending' && grants.every((grant) => grant.state === 'ended')) return '-';
  if (end <= clock.now) return 'over';
  return state === 'pending' || grants.some(isLasting) ? showRemaining(end, clock) : '-';
}

const isLasting = ({ state }: GrantView): boolean => state === 'active' || state === 'activating';

/** Until the directory has confirmed a removal, the person counts as in. */
function insideOf({ targets }: Request, grants: readonly GrantView[]): number {
  const isIn = ({ state, owned }: GrantView) => state === 'active' || (state === 'revoking' && owned !== false);
  return targets.filter((target) => grants.some((grant) => nameOf(grant.target) === nameOf(target) && isIn(grant))).length;
}

/** One word for a request and its grants: the one that somebody must know first. */
function stateOf(request: Request, grants: readonly GrantView[]): string {
  if (request.state !== 'approved') return request.state;
  const states = grants.map(({ state }) => state);
  if (states.includes('revoking')) return 'ending';
  if (states.includes('activating')) return 'starting';
  if (states.includes('active')) return 'active';
  return grants.at(-1)?.endReason ?? 'approved';
}

function missingLines(request: Request, grants: readonly GrantView[], context: Context): string[] {
  const failed = grants.filter(
    ({ requestId, lastError, state }) => requestId === request.id && lastError !== undefined && state !== 'active',
  );
  return labelled(
    request.id,
    failed.map(({ target, state, lastError }) => `${nameOf(target)} ${state}: ${lastError}`),
    context,
  );
}

/** The sweep found that nothing holds it any more, and lets the grace run out. */
function unheldLine({ id, unheldSince, decision }: Request, grants: readonly GrantView[], context: Context): string[] {
  if (unheldSince === undefined || !grants.some((one) => one.requestId === id && isLasting(one))) return [];
  const clock = context.clock();
  const ending = decision.endsWith.map(({ name }) => name);
  const held = decision.findings.filter(({ rule, holds }) => holds === true && ending.includes(rule)).map(({ because }) => because);
  const end = unheldSince + Math.max(0, ...decision.endsWith.map(({ graceMs }) => graceMs));
  const when = end <= clock.now ? 'ends with the next sweep' : `ends within ${showRemaining(end, clock)}`;
  return labelled(id, [`no longer ${(held.length === 0 ? ending : held).join(', ')}: ${when}, unless it is so again`], context);
}

function sweepLine({ lastAt, late, directory }: SweepAge, clock: Clock): string {
  const where = directory === undefined ? '' : ` (${directory})`;
  if (lastAt === undefined) return `never swept${where}: no role is given before the first sweep        next: oncall sweep`;
  const age = `swept ${showAgo(lastAt, clock)}`;
  return late ? `${age}${where}, which is late: no role is given until it runs        next: oncall sweep` : age;
}
