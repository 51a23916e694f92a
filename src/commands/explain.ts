/** `oncall explain`: what `request` would answer right now, with every rule and every fact; changes nothing. */

import type { ExplainResult } from '../operations/types.ts';
import { toldTo } from '../policy/end.ts';
import type { Decision, Finding, Part, Truth } from '../policy/types.ts';
import { wrap } from '../terminal/text.ts';
import { localInstants, showAgo, showInstant, showRemaining } from '../terminal/time.ts';
import { askedFrom, askedOptions } from './asked.ts';
import { type Args, type Command, type Context, named, type Outcome, text } from './command.ts';
import { becameLines, becameText } from './explain-became.ts';
import { evidenceText, findingText, heldWhat, labelled, nameOf, sessionLines } from './lines.ts';

export const explain: Command = {
  name: 'explain',
  group: 'Access',
  summary: 'what request would answer now, rule by rule',
  argument: { syntax: '<role|id> [param=value...]', summary: 'a role, or a request to look at again', words: 'roles-and-open' },
  options: [
    ...askedOptions,
    { flags: '--incident <ref>', summary: 'as if asked for this incident' },
    { flags: '--user <email>', summary: 'admins and approvers: as if this person asked' },
  ],
  examples: [
    ['oncall explain db-admin', 'would I get it, and if not, why not'],
    ['oncall explain db-admin --hours 12', 'and until when'],
    ['oncall explain k7m2xq', 'what became of a request, who said yes, and what was found then'],
    ['oncall explain db-admin --user maria@acme.dev', 'why maria does not get in'],
  ],
  notes:
    'Exits as request would: 0 given or held, 8 not yet (somebody must say yes, or a place is taken), 3 denied, 1 undecided. With an id as what became of it: 0 given, also where it has ended since; 8 it still waits; 3 denied; 1 not given.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const [incident, user] = [text(args, 'incident'), text(args, 'user')];
  const asked = askedFrom(args, context.clock().now);
  const result = await (await context.operations()).explain({
    ...{ role: named(args), asked, soon: true },
    ...(incident === undefined ? {} : { incident }),
    ...(user === undefined ? {} : { user }),
  });
  const { exit, ...document } = result;
  return {
    exit,
    document,
    text: explainText(result, context),
    brief: result.refusal?.code ?? result.became?.state ?? (result.held ? 'held' : result.decision.outcome),
  };
}

function explainText(result: ExplainResult, context: Context): string {
  const isOwn = result.ofOther !== true;
  const decision = isOwn ? result.decision : toldToOthers(result.decision);
  const { role, requester, targets, sessions, refusal, held, decided, became, rotation, standing } = result;
  const { width, paint } = context.screen;
  const isOpen = refusal?.code === 'which-incident';
  const answer = isOpen
    ? 'it depends on the incident'
    : became !== undefined
      ? becameText(became, isOwn, context.clock())
      : held === undefined
        ? verdict(decision, context)
        : `${isOwn ? 'you have' : 'they have'} ${heldText(held, decision, context)}`;
  const unasked = (rotation && inByRotation(rotation, context)) ?? (standing?.held && `in as standing (${standing.held})`);
  return [
    wrap(
      `${paint.bold(role)} for ${requester}: ${unasked === undefined ? '' : `${unasked}; asked for besides: `}${answer}${refusal === undefined || isOpen ? '' : ', but not now'}`,
      width,
      2,
    ),
    ...(became === undefined ? [] : becameLines(became, context)),
    ...(decided === undefined ? [] : [wrap(decidedLine(decided, decision, became, context), width, 5)]),
    wrap(`  in ${targets.map(nameOf).join(', ')}`, width, 5),
    ...(decision.endsSessionsIn === undefined ? [] : [`  then signed out of ${decision.endsSessionsIn.join(' and ')}, everywhere`]),
    ...sessionLines(sessions).map((line) => wrap(`  ${line}`, width, 4)),
    ...branches.flatMap(([title, effects]) =>
      branch(
        title,
        decision.findings.filter(({ effect }) => effects.includes(effect)),
        context,
      ),
    ),
    ...(rotation === undefined ? [] : rotationLines(rotation, context)),
    ...(standing === undefined ? [] : standingLine(standing, context)),
    ...(refusal === undefined ? [] : refusalLines(refusal, context)),
  ].join('\n');
}

/** Of standing access the end is one that the sweep keeps moving. */
function decidedLine(
  { id, at }: NonNullable<ExplainResult['decided']>,
  decision: Decision,
  became: ExplainResult['became'],
  context: Context,
): string {
  const when = `  as it was decided ${showInstant(at, context.clock())}, ${showAgo(at, context.clock())} (${id})`;
  if (became === undefined) return when;
  const { expiresAt: _, ...endless } = decision;
  return `${when}: ${verdict(became.reviewAt === undefined ? decision : endless, context, became.state !== 'pending')}`;
}

const toldToOthers = (decision: Decision): Decision => ({
  ...decision,
  ...(decision.limitedBecause === undefined ? {} : { limitedBecause: toldTo(false, decision.limitedBecause) }),
  findings: decision.findings.map((one) => (one.change === undefined ? one : { ...one, change: toldTo(false, one.change) })),
});

/** A source that did not answer, or a group or schedule that it does not have. */
const unsettled = ', because not everything could be found out';

/** `isPast`: what is left of it by now is told of what became of it. */
function verdict(
  { outcome, undecided, expiresAt, limitedBecause, approvers, quorum = 1 }: Decision,
  context: Context,
  isPast = false,
): string {
  const clock = context.clock();
  const left = expiresAt === undefined || isPast ? '' : `, ${showRemaining(expiresAt, clock)}`;
  const end = expiresAt === undefined ? '' : ` until ${showInstant(expiresAt, clock)}${left}`;
  const limit = limitedBecause === undefined ? '' : ` (${limitedBecause})`;
  if (outcome === 'allow') return `allowed${end}${limit}`;
  const because = undecided ? unsettled : '';
  const who = quorum === 1 ? 'somebody' : `${quorum} people`;
  if (outcome === 'ask')
    return `${who} ${isPast ? 'had to' : 'must'} say yes${because}: ${approvers.join(', or ')}${end === '' ? '' : `; then${end}${limit}`}`;
  return undecided ? `denied${unsettled}` : 'denied';
}

/** What is held is never shortened; asked again, its end may move, and what is missing of it is tried. */
function heldText(held: NonNullable<ExplainResult['held']>, decision: Decision, context: Context): string {
  const clock = context.clock();
  const has = `${heldWhat(held)} until ${showInstant(held.expiresAt, clock)}, ${showRemaining(held.expiresAt, clock)} (${held.id})`;
  // Asked for again at once the end moves by seconds, and both ends would read the same.
  const later = decision.outcome === 'allow' && decision.expiresAt !== undefined && decision.expiresAt - held.expiresAt >= 60_000;
  const limit = decision.limitedBecause === undefined ? '' : ` (${decision.limitedBecause})`;
  if (later) return `${has}; asking again moves that to ${showInstant(decision.expiresAt, clock)}${limit}`;
  if (held.missing.length === 0) return `${has}; asking again changes nothing`;
  return `${has}; asking again for the rest: ${verdict(decision, context)}`;
}

type Rotation = NonNullable<ExplainResult['rotation']>;

/** Whoever is on call need not ask. */
function inByRotation({ held, until }: Rotation, context: Context): string | undefined {
  const clock = context.clock();
  if (held) return `in by the rotation until ${showInstant(held.expiresAt, clock)}, ${showRemaining(held.expiresAt, clock)} (${held.id})`;
  return until === undefined ? undefined : `let in by the next sweep, until ${showInstant(until, clock)}`;
}

function rotationLines({ onCall, because, keptOut }: Rotation, context: Context): string[] {
  const said = onCall === 'unknown' ? `it is not known who is on call: ${because}` : because;
  const out = keptOut === undefined ? '' : `; kept out: ${keptOut}`;
  return labelled('rotation', [localInstants(`${said}${out}`, context.clock())], context);
}

/** Whoever is named need not ask. */
function standingLine({ why, review, held, keptOut }: NonNullable<ExplainResult['standing']>, context: Context): string[] {
  const now = held !== undefined ? `in (${held})` : keptOut === undefined ? 'let in by the next sweep' : `kept out: ${keptOut}`;
  return labelled('standing', [`named: ${why}; ${now}; to be reviewed by ${review}`], context);
}

/** The rules let them in, and something else does not. */
function refusalLines({ message, why, next }: NonNullable<ExplainResult['refusal']>, context: Context): string[] {
  return [...labelled('but', [message], context), ...labelled('why', [why], context), ...labelled('next', [next], context)];
}

/** In the order in which they are decided. */
const branches: readonly (readonly [title: string, effects: readonly Finding['effect'][]])[] = [
  ['keeps out, where one of these holds', ['deny']],
  ['lets in, where one of these holds', ['allow']],
  ['lets ask somebody, where one of these holds', ['ask']],
];

function branch(title: string, findings: readonly Finding[], context: Context): string[] {
  return findings.length === 0 ? [] : [`  ${title}:`, ...findings.flatMap((finding) => findingLines(finding, context))];
}

/** In a sign and in words, never by colour alone. */
function markOf(holds: Truth, { screen: { paint } }: Context): string {
  if (holds === 'unknown') return paint.yellow('? unknown');
  return holds ? paint.green('✓ yes    ') : paint.red('✗ no     ');
}

/** Below a rule: its conditions, what was found, and what would change it. */
function findingLines(finding: Finding, context: Context): string[] {
  const { holds, effect, change, evidence = [], parts = [] } = finding;
  const { width } = context.screen;
  const clock = context.clock();
  const showChange = change !== undefined && holds !== true && (effect === 'allow' || effect === 'ask');
  const below = ' '.repeat(13);
  return [
    wrap(`  ${markOf(holds, context)}  ${finding.rule}: ${findingText(finding, clock)}`, width, 13),
    ...parts.flatMap((part, index) => partLines(part, below, index === parts.length - 1, context)),
    ...evidence.map((one) => wrap(`${below}found: ${evidenceText(one, clock)}`, width, 20)),
    ...(showChange ? [wrap(`${below}to change that: ${change}`, width, 15)] : []),
  ];
}

function partLines(part: Part, indent: string, isLast: boolean, context: Context): string[] {
  const { what, holds, because, parts = [] } = part;
  const reason = because === undefined ? '' : `: ${findingText({ ...part, because }, context.clock())}`;
  const line = `${indent}${isLast ? '└' : '├'} ${markOf(holds, context)}  ${what}${reason}`;
  const inner = `${indent}${isLast ? ' ' : '│'} `;
  return [
    wrap(line, context.screen.width, inner.length + 4),
    ...parts.flatMap((one, index) => partLines(one, inner, index === parts.length - 1, context)),
  ];
}
