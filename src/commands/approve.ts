/** `oncall approve`: says yes to requests, or lists those that wait for me. */

import type { Request } from '../lifecycle/types.ts';
import { describeError } from '../terminal/report-error.ts';
import { table } from '../terminal/table.ts';
import { showInstant } from '../terminal/time.ts';
import { type Args, type Command, type Context, type Outcome, text } from './command.ts';
import { requestOutcome } from './request-outcome.ts';

export const approve: Command = {
  name: 'approve',
  group: 'Approving',
  summary: 'say yes to requests; without an id: list what waits for me',
  argument: { syntax: '[id...]', summary: 'requests, as oncall approve lists them' },
  options: [{ flags: '--reason <text>', summary: 'for the audit' }],
  examples: [
    ['oncall approve', 'what waits for me'],
    ['oncall approve k7m2xq', 'say yes; they are in at once'],
  ],
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const ids = [...new Set(args.argument)];
  if (ids.length === 0) return listWaiting(context);
  const outcomes: Outcome[] = [];
  for (const id of ids) outcomes.push(await approveOne(id, text(args, 'reason'), context, ids.length > 1));
  const [first] = outcomes;
  if (first !== undefined && outcomes.length === 1) return first;
  return together(ids, outcomes);
}

/** Among several, one that cannot be approved does not stop the others. */
async function approveOne(id: string, reason: string | undefined, context: Context, isOneOfMany: boolean): Promise<Outcome> {
  try {
    return requestOutcome(
      await (await context.operations()).approve({ id, ...(reason === undefined ? {} : { reason }) }),
      context,
      'approver',
    );
  } catch (error) {
    const { isBug, exit, ...parts } = describeError(error);
    if (!isOneOfMany || isBug) throw error;
    return { exit, document: { error: parts }, text: '', error: parts };
  }
}

function together(ids: readonly string[], outcomes: readonly Outcome[]): Outcome {
  const failed = outcomes.flatMap(({ error }, index) => (error === undefined ? [] : [{ id: ids[index], ...error }]));
  const worst = outcomes.find(({ exit }) => exit !== 0)?.exit ?? 0;
  const document = { results: outcomes.map((outcome, index) => ({ id: ids[index], ...outcome.document })) };
  const text = outcomes.flatMap((outcome) => (outcome.text === '' ? [] : [outcome.text])).join('\n');
  if (failed.length === 0) return { exit: worst, document, text };
  const error = {
    message: `${failed.length} of ${ids.length} could not be approved: ${failed.map(({ id }) => id).join(', ')}`,
    why: failed.map(({ id, message, why }) => `${id}: ${message}${why === '' ? '' : ` (${why})`}`).join('\n'),
    next: failed[0]?.next ?? '',
  };
  return { exit: worst, document: { ...document, error: { code: 'some-not-approved', ...error } }, text, error };
}

async function listWaiting(context: Context): Promise<Outcome> {
  const { requests } = await (await context.operations()).waiting();
  return { exit: 0, document: { requests }, text: requests.length === 0 ? 'nothing waits for you' : waitingTable(requests, context) };
}

function waitingTable(requests: readonly Request[], context: Context): string {
  const columns = [
    { title: 'id' },
    { title: 'role', least: 8 },
    { title: 'requester', least: 10 },
    { title: 'waits until' },
    { title: 'reason', least: 6 },
  ];
  const clock = context.clock();
  const rows = requests.map(({ id, role, requester, pendingUntil, reason, incident }) => [
    id,
    role,
    requester.email,
    pendingUntil === undefined ? '-' : showInstant(pendingUntil, clock),
    [incident, reason].filter((part) => part !== undefined).join(': ') || '-',
  ]);
  return `${table(columns, rows, context.screen)}\n\nsay yes: oncall approve <id>        say no: oncall deny <id> --reason "…"`;
}
