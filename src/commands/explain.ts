/** `oncall explain`: what `request` would answer right now, with every rule and every fact; changes nothing. */

import type { ExplainResult } from '../operations/types.ts';
import type { Decision, Finding } from '../policy/types.ts';
import { wrap } from '../terminal/text.ts';
import { showInstant, showRemaining } from '../terminal/time.ts';
import { askedFrom, askedOptions } from './asked.ts';
import { type Args, type Command, type Context, type Outcome, only, text } from './command.ts';
import { findingLine, heldWhat, labelled, nameOf } from './lines.ts';

export const explain: Command = {
  name: 'explain',
  group: 'Access',
  summary: 'what request would answer now, rule by rule',
  argument: { syntax: '<role|id>', summary: 'a role, or a request to look at again', words: 'roles-and-open' },
  options: [...askedOptions, { flags: '--incident <ref>', summary: 'as if asked for this incident' }],
  examples: [
    ['oncall explain db-admin', 'would I get it, and if not, why not'],
    ['oncall explain db-admin --hours 12', 'and until when'],
  ],
  notes: 'Exits as request would: 0 given or held, 8 not yet (somebody must say yes, or a place is taken), 3 denied, 1 undecided.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const incident = text(args, 'incident');
  const asked = askedFrom(args, context.clock().now);
  const result = await (await context.operations()).explain({ role: only(args), asked, ...(incident === undefined ? {} : { incident }) });
  const { exit, ...document } = result;
  return {
    exit,
    document,
    text: explainText(result, context),
    brief: result.refusal?.code ?? (result.held ? 'held' : result.decision.outcome),
  };
}

function explainText(result: ExplainResult, context: Context): string {
  const { role, requester, decision, targets, refusal, held } = result;
  const { width, paint } = context.screen;
  const answer = held === undefined ? verdict(decision, context) : heldText(held, decision, context);
  return [
    wrap(`${paint.bold(role)} for ${requester}: ${answer}${refusal === undefined ? '' : ', but not now'}`, width, 2),
    wrap(`  in ${targets.map(nameOf).join(', ')}`, width, 5),
    ...(decision.endsSessionsIn === undefined ? [] : [`  then signed out of ${decision.endsSessionsIn.join(' and ')}, everywhere`]),
    ...decision.findings.flatMap((finding) => findingLines(finding, context)),
    ...(refusal === undefined ? [] : refusalLines(refusal, context)),
  ].join('\n');
}

/** A source that did not answer, or a group or schedule that it does not have. */
const unsettled = ', because not everything could be found out';

function verdict({ outcome, undecided, expiresAt, limitedBecause, approvers }: Decision, context: Context): string {
  const clock = context.clock();
  const end = expiresAt === undefined ? '' : ` until ${showInstant(expiresAt, clock)}, ${showRemaining(expiresAt, clock)}`;
  const limit = limitedBecause === undefined ? '' : ` (${limitedBecause})`;
  if (outcome === 'allow') return `allowed${end}${limit}`;
  const because = undecided ? unsettled : '';
  if (outcome === 'ask') return `somebody must say yes${because}: ${approvers.join(', or ')}${end === '' ? '' : `; then${end}${limit}`}`;
  return undecided ? `denied${unsettled}` : 'denied';
}

/** What is held is never shortened; asked again, its end may move, and what is missing of it is tried. */
function heldText(held: NonNullable<ExplainResult['held']>, decision: Decision, context: Context): string {
  const clock = context.clock();
  const has = `you have ${heldWhat(held)} until ${showInstant(held.expiresAt, clock)}, ${showRemaining(held.expiresAt, clock)} (${held.id})`;
  const later = decision.outcome === 'allow' && decision.expiresAt !== undefined && decision.expiresAt > held.expiresAt;
  const limit = decision.limitedBecause === undefined ? '' : ` (${decision.limitedBecause})`;
  if (later) return `${has}; asking again moves that to ${showInstant(decision.expiresAt, clock)}${limit}`;
  if (held.missing.length === 0) return `${has}; asking again changes nothing`;
  return `${has}; asking again for the rest: ${verdict(decision, context)}`;
}

/** The rules let them in, and something else does not. */
function refusalLines({ message, why, next }: NonNullable<ExplainResult['refusal']>, context: Context): string[] {
  return [...labelled('but', [message], context), ...labelled('why', [why], context), ...labelled('next', [next], context)];
}

function findingLines(finding: Finding, context: Context): string[] {
  const line = findingLine(finding, context);
  const showChange = finding.change !== undefined && finding.holds !== true && (finding.effect === 'allow' || finding.effect === 'ask');
  return showChange ? [line, wrap(`       to change that: ${finding.change}`, context.screen.width, 9)] : [line];
}
