/** `oncall approve`: says yes to requests, or lists those that wait for me. */

import { describeError } from '../terminal/report-error.ts';
import { widthOf } from '../terminal/text.ts';
import { type Args, type Command, type Context, type Outcome, text } from './command.ts';
import { waitingText } from './pending.ts';
import { requestOutcome } from './request-outcome.ts';

export const approve: Command = {
  name: 'approve',
  group: 'Approving',
  summary: 'say yes to requests; without an id: list what waits for me',
  argument: { syntax: '[id...]', summary: 'requests, as oncall approve lists them', words: 'waiting' },
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
  const brief = outcomes.flatMap((outcome) => outcome.brief ?? []).join('\n');
  if (failed.length === 0) return { exit: worst, document, text, brief };
  const error = {
    message: `${failed.length} of ${ids.length} could not be approved: ${failed.map(({ id }) => id).join(', ')}`,
    why: failed.map(({ id, message, why }) => `${id}: ${message}${why === '' ? '' : ` (${why})`}`).join('\n'),
    next: failed[0]?.next ?? '',
  };
  return { exit: worst, document: { ...document, error: { code: 'some-not-approved', ...error } }, text, brief, error };
}

async function listWaiting(context: Context): Promise<Outcome> {
  const { requests } = await (await context.operations()).waiting();
  const brief = requests.map(({ id }) => id).join('\n');
  if (requests.length === 0) return { exit: 0, document: { requests }, text: 'nothing waits for you', brief };
  const hints = ['say yes: oncall approve <id>', 'say no: oncall deny <id> --reason "…"'];
  const oneLine = hints.join('        ');
  // What is to be copied is not broken.
  const how = widthOf(oneLine) <= context.screen.width ? oneLine : hints.join('\n');
  const text = [...requests.map((request) => waitingText(request, context)), how].join('\n\n');
  return { exit: 0, document: { requests }, text, brief };
}
