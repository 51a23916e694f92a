/** `oncall audit verify`: whether the record of what happened is still the one that was written. */

import type { VerifyResult } from '../operations/types.ts';
import { count } from '../terminal/text.ts';
import { showAgo, showRecord } from '../terminal/time.ts';
import { type Args, type Command, type Context, type Outcome, text, usage } from './command.ts';
import { labelled } from './lines.ts';

export const auditVerify: Command = {
  name: 'audit verify',
  group: 'Operating',
  summary: 'check that nobody changed what happened',
  options: [{ flags: '--head <hash>', summary: 'a head written down earlier: it must still be part of the chain' }],
  examples: [
    ['oncall audit verify', 'every event, against the head that this user last saw'],
    ['oncall audit verify --head 5f0c…', 'also against one that was kept elsewhere'],
  ],
  notes: 'Exit 0: whole. 1: broken, with the first row that is. 2: could not be checked. docs/audit.md says what a chain cannot prove.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const head = text(args, 'head');
  if (head !== undefined && !/^[0-9a-f]{64}$/i.test(head))
    throw usage(`--head ${head}: not a hash of 64 hexadecimal digits`, 'oncall audit verify prints the head; write it down whole');
  const result = await (await context.operations()).verify(head === undefined ? {} : { head });
  const { rows, firstAt, lastAt, head: reached, foundSeq, kept, recovered, breach } = result;
  const times = { ...(firstAt === undefined ? {} : { firstAt }), ...(lastAt === undefined ? {} : { lastAt }) };
  const document = {
    whole: breach === undefined,
    rows,
    ...times,
    head: reached,
    kept: kept ?? null,
    ...(recovered === undefined ? {} : { recovered }),
    ...(foundSeq === undefined ? {} : { foundSeq }),
  };
  const lines = report(result, context);
  if (breach === undefined) return { exit: 0, document, text: lines.join('\n'), brief: reached.hash };
  const error = {
    message: `the audit trail is broken at event ${breach.seq}: ${breach.kind}`,
    why: breach.because,
    next: nextFor(breach.kind),
  };
  return {
    exit: 1,
    document: { ...document, breach, error: { code: 'audit-broken', ...error } },
    text: lines.join('\n'),
    brief: '',
    error,
  };
}

function report({ rows, firstAt, lastAt, head, foundSeq, kept, recovered, breach }: VerifyResult, context: Context): string[] {
  const clock = context.clock();
  const span = firstAt === undefined || lastAt === undefined ? '' : `, ${showRecord(firstAt, clock)} to ${showRecord(lastAt, clock)}`;
  const whole = breach === undefined ? `${count(rows, 'event')}: the chain is whole` : `${count(rows, 'event')} are right`;
  return [
    `${whole}${span}`,
    ...(rows === 0 ? [] : labelled('head', [`${head.hash} (event ${head.seq})`], context)),
    ...labelled('kept', [keptText({ kept, recovered, breach }, clock)], context),
    ...(foundSeq === undefined ? [] : labelled('given', [`event ${foundSeq} has it; ${rows - foundSeq} followed`], context)),
  ];
}

type Held = { readonly [key in 'kept' | 'recovered' | 'breach']: VerifyResult[key] | undefined };

function keptText({ kept, recovered, breach }: Held, clock: Parameters<typeof showAgo>[1]): string {
  if (kept === undefined) return 'no head outside the ledger for this user: events cut off its end are not noticed';
  const seen = `event ${kept.seq}, seen ${showAgo(kept.at, clock)}`;
  if (recovered !== undefined) return `${seen}, was lost; ${recovered.by} has recovered the ledger since (event ${recovered.seq})`;
  return breach === undefined ? `${seen}, is part of it` : seen;
}

function nextFor(kind: NonNullable<VerifyResult['breach']>['kind']): string {
  if (kind === 'truncation' || kind === 'behind' || kind === 'fork')
    return 'find out who put a copy back, or changed it; then an admin decides who stays: oncall ledger recover';
  return 'keep a copy of the ledger as evidence, put back a backup that verifies; then: oncall ledger recover';
}
