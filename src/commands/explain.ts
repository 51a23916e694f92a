/** `oncall explain`: what `request` would answer right now, with every rule and every fact; changes nothing. */

import type { ExplainResult } from '../operations/types.ts';
import type { Decision, Finding } from '../policy/types.ts';
import { wrap } from '../terminal/text.ts';
import { showInstant, showRemaining } from '../terminal/time.ts';
import { askedFrom, askedOptions } from './asked.ts';
import { type Args, type Command, type Context, type Outcome, only, text } from './command.ts';
import { findingText, nameOf } from './request-outcome.ts';

export const explain: Command = {
  name: 'explain',
  group: 'Access',
  summary: 'what request would answer now, rule by rule',
  argument: { syntax: '<role|id>', summary: 'a role, or a request to look at again' },
  options: [...askedOptions, { flags: '--incident <ref>', summary: 'as if asked for this incident' }],
  examples: [
    ['oncall explain db-admin', 'would I get it, and if not, why not'],
    ['oncall explain db-admin --hours 12', 'and until when'],
  ],
  notes: 'Exits as request would: 0 given, 8 somebody must say yes, 3 denied, 1 undecided.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const incident = text(args, 'incident');
  const asked = askedFrom(args);
  const result = await (await context.operations()).explain({ role: only(args), asked, ...(incident === undefined ? {} : { incident }) });
  const { exit, ...document } = result;
  return { exit, document, text: explainText(result, context) };
}

function explainText({ role, requester, decision, targets }: ExplainResult, context: Context): string {
  const { width, paint } = context.screen;
  return [
    wrap(`${paint.bold(role)} for ${requester}: ${verdict(decision, context)}`, width, 2),
    wrap(`  in ${targets.map(nameOf).join(', ')}`, width, 5),
    ...decision.findings.flatMap((finding) => findingLines(finding, context)),
  ].join('\n');
}

function verdict({ outcome, undecided, expiresAt, limitedBecause, approvers }: Decision, context: Context): string {
  const clock = context.clock();
  const end = expiresAt === undefined ? '' : ` until ${showInstant(expiresAt, clock)}, ${showRemaining(expiresAt, clock)}`;
  const limit = limitedBecause === undefined ? '' : ` (${limitedBecause})`;
  if (outcome === 'allow') return `allowed${end}${limit}`;
  const because = undecided ? ', because a source could not be asked' : '';
  if (outcome === 'ask') return `somebody must say yes${because}: ${approvers.join(', or ')}${end === '' ? '' : `; then${end}${limit}`}`;
  return undecided ? 'denied, because a source could not be asked' : 'denied';
}

function findingLines(finding: Finding, context: Context): string[] {
  const { width, paint } = context.screen;
  const mark = finding.holds === 'unknown' ? paint.yellow('?  ') : finding.holds ? paint.green('yes') : paint.red('no ');
  const line = wrap(`  ${mark}  ${finding.rule}: ${findingText(finding, context.clock())}`, width, 7);
  const showChange = finding.change !== undefined && finding.holds !== true && (finding.effect === 'allow' || finding.effect === 'ask');
  return showChange ? [line, wrap(`       to change that: ${finding.change}`, width, 9)] : [line];
}
