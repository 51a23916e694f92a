/** `oncall approve`: says yes to requests, or lists those that wait for me. */

import type { ApproveInput } from '../operations/approval-types.ts';
import type { Refusal, RequestResult } from '../operations/types.ts';
import { describeError } from '../terminal/report-error.ts';
import { widthOf, wrap } from '../terminal/text.ts';
import { type Args, type Command, type Context, type Outcome, text, usage } from './command.ts';
import { labelled } from './lines.ts';
import { deadline, reviewText, unknownText, waitingText } from './pending.ts';
import { isRefusal, requestOutcome } from './request-outcome.ts';

export const approve: Command = {
  name: 'approve',
  group: 'Approving',
  summary: 'say yes to requests; without an id: list what waits for me',
  argument: { syntax: '[id...]', summary: 'requests, as oncall approve lists them', words: 'waiting' },
  options: [
    { flags: '--reason <text>', summary: 'for the audit' },
    { flags: '--seen <digest>', summary: 'only if it is still what approve --json showed' },
  ],
  examples: [
    ['oncall approve', 'what waits for me'],
    ['oncall approve k7m2xq', 'say yes; with the last yes that it takes they are in'],
  ],
  notes: 'Of an emergency (request --break-glass) it says that somebody has looked at it: --reason then is what was found.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const ids = [...new Set(args.argument)];
  if (ids.length === 0) return listWaiting(context);
  const outcomes: Outcome[] = [];
  const [reason, seen] = [text(args, 'reason'), text(args, 'seen')];
  if (seen !== undefined && ids.length > 1) throw usage('--seen is about one request', 'name one id');
  const more = { ...(reason === undefined ? {} : { reason }), ...(seen === undefined ? {} : { seen }) };
  for (const id of ids) outcomes.push(await approveOne({ id, ...more }, context, ids.length > 1));
  const [first] = outcomes;
  if (first !== undefined && outcomes.length === 1) return first;
  return together(ids, outcomes);
}

/** One yes of several: it was given, though nobody is in by it yet. */
function yesOutcome(result: RequestResult | Refusal, context: Context): Outcome {
  const outcome = requestOutcome(result, context, 'approver');
  if (isRefusal(result) || result.yes === undefined) return outcome;
  const { request, yes } = result;
  const document = { ...outcome.document, yes };
  const dropped = labelled(
    'note',
    yes.dropped.map(({ by, because }) => `the yes of ${by} no longer counts: ${because}`),
    context,
  );
  const more = dropped.length === 0 ? '' : `\n${dropped.join('\n')}`;
  if (result.result !== 'pending') return { ...outcome, document, text: `${outcome.text}${outcome.text === '' ? '' : more}` };
  const missing = yes.of - yes.by.length;
  const told = `${context.screen.paint.bold(request.id)}  ${request.role} for ${request.requester.email}: ${yes.by.length} of ${yes.of} have said yes`;
  const still = `it waits for ${missing === 1 ? 'one' : missing} more${deadline(request, context)}`;
  return { exit: 0, document, text: `${wrap(`${told}; ${still}`, context.screen.width, 8)}${more}`, brief: request.id };
}

/** Among several, one that cannot be approved does not stop the others. */
async function approveOne(input: ApproveInput, context: Context, isOneOfMany: boolean): Promise<Outcome> {
  try {
    return yesOutcome(await (await context.operations()).approve(input), context);
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
  const found = await (await context.operations()).waiting();
  const { requests, unknown, reviews } = found;
  const brief = [...requests, ...reviews].map(({ id }) => id).join('\n');
  if (requests.length + unknown.length + reviews.length === 0) return { exit: 0, document: found, text: 'nothing waits for you', brief };
  const hints = ['say yes: oncall approve <id>', 'say no: oncall deny <id> --reason "…"'].map(context.screen.toCopy);
  const oneLine = hints.join('        ');
  // What is to be copied is not broken.
  const how = widthOf(oneLine) <= context.screen.width ? oneLine : hints.join('\n');
  const text = [
    ...requests.map((request) => waitingText(request, context)),
    ...(reviews.length === 0 ? [] : [reviews.map((request) => reviewText(request, context)).join('\n')]),
    ...(unknown.length === 0 ? [] : [unknown.map((request) => unknownText(request, context)).join('\n')]),
    ...(requests.length === 0 ? [] : [how]),
  ].join('\n\n');
  return { exit: 0, document: found, text, brief };
}
