/** `oncall status`: who has what until when, what waits, and whether the sweep does its work. */

import type { GrantView, Request } from '../lifecycle/types.ts';
import type { StatusResult, SweepAge } from '../operations/types.ts';
import { table } from '../terminal/table.ts';
import { type Clock, showAgo, showInstant, showRemaining } from '../terminal/time.ts';
import { type Args, type Command, type Context, flag, type Outcome } from './command.ts';
import { byTarget, labelled, nameOf } from './request-outcome.ts';

export const status: Command = {
  name: 'status',
  group: 'Access',
  summary: 'who has what, until when, and what waits',
  argument: { syntax: '[id|role]', summary: 'only this request, or only this role' },
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
    ...faults,
    ...(result.courtesy ? labelled('note', [courtesyNote], context) : []),
    sweepLine(result.sweep, clock),
  ].join('\n');
}

export const courtesyNote = 'a courtesy, not a control: whoever runs this can also read the credentials it uses';

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
    const isOpen = own.some(({ state }) => state !== 'ended') || request.state === 'pending';
    const inside = request.state === 'approved' ? `${byTarget(request, own).active.length} of ${request.targets.length}` : '-';
    const left = end === undefined || !isOpen ? '-' : end <= clock.now ? 'over' : showRemaining(end, clock);
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
  return table(columns, rows, context.screen);
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

function sweepLine({ lastAt, late, directory }: SweepAge, clock: Clock): string {
  const where = directory === undefined ? '' : ` (${directory})`;
  if (lastAt === undefined) return `never swept${where}: no role is given before the first sweep        next: oncall sweep`;
  const age = `swept ${showAgo(lastAt, clock)}`;
  return late ? `${age}${where}, which is late: no role is given until it runs        next: oncall sweep` : age;
}
