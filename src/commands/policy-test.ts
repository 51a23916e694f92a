/** `oncall policy test`: whether a policy still answers what a file of cases says that it answers. */

import type { Tried } from '../policy/fixture-types.ts';
import { count, wrap } from '../terminal/text.ts';
import type { Args, Command, Context, Outcome } from './command.ts';
import { findingLine, labelled } from './lines.ts';

export const policyTest: Command = {
  name: 'policy test',
  group: 'Policy',
  summary: 'whether a policy answers what a file of cases says',
  argument: { syntax: '[file]', summary: 'the cases; left out: oncall.test.yaml beside the policy', words: 'files' },
  examples: [
    ['oncall policy test', 'the cases beside the policy that would be used here'],
    ['oncall policy test --policy ./oncall.yaml', 'those beside this policy, before it is put in force'],
    ['oncall policy test cases.yaml --verbose', 'other cases, and those that pass as well'],
  ],
  notes: 'Needs no sign-in and no credentials: nothing but the two files is read. How cases are written: docs/policy.md.',
  leavesNothing: true,
  run,
};

async function run({ argument }: Args, context: Context): Promise<Outcome> {
  const { policy, tests, issues, tried, untried } = await context.testPolicy(argument[0]);
  const failed = tried.filter(({ differences }) => differences.length > 0);
  const passed = tried.length - failed.length;
  const titled = (one: Tried): string => `${tests}:${one.case.line} ${one.case.name}`;
  const shown = context.globals.verbose ? tried : failed;
  const text = [
    ...shown.flatMap((one) =>
      failed.includes(one) ? [`not as expected  ${titled(one)}`, ...diffLines(one, context)] : [`as expected  ${titled(one)}`],
    ),
    ...issues.map(
      ({ line, column, severity, code, message, hint }) =>
        `${tests}:${line}:${column} ${severity} ${code} ${message}${hint === undefined ? '' : ` (${hint})`}`,
    ),
    `${count(tried.length, 'case')}, ${failed.length === 0 ? 'all as expected' : `${failed.length} not as expected`} (${policy})`,
    ...note('no case asks for', untried.roles, context),
    ...note('no case made these hold', untried.rules, context),
  ].join('\n');
  return {
    exit: failed.length === 0 ? 0 : 1,
    document: { policy, tests, passed, failed: failed.length, cases: tried.map(documentOf), untried, issues },
    text,
    brief: failed.map(titled).join('\n'),
  };
}

const note = (what: string, names: readonly string[], context: Context): string[] =>
  names.length === 0 ? [] : labelled('note', [`${what}: ${names.join(', ')}`], context);

function documentOf(one: Tried): object {
  const { world: _, ...said } = one.case;
  const { found, differences, findings } = one;
  return { ...said, passed: differences.length === 0, differences, found, findings, several: severalOf(one) };
}

const severalOf = (one: Tried): readonly string[] => ('several' in one ? one.several : []);

/** What differs, then why it came out so. */
function diffLines(one: Tried, context: Context): string[] {
  const lines = bothOf(one).map(([what, wanted, is]) => wrap(`  ${what}: expected ${wanted}, found ${is}`, context.screen.width, 4));
  const candidates = severalOf(one);
  const several = candidates.length === 0 ? [] : [`  which incident it is for has to be said: ${candidates.join(', ')}`];
  return [...lines, ...several, ...one.findings.map((finding) => findingLine(finding, context))];
}

/** Of each difference what was expected, and what was found. */
function bothOf(one: Tried): readonly (readonly [what: string, wanted: string, is: string])[] {
  if (!('several' in one))
    return one.differences.map((what) => [what, listText(one.case.expected.in, 'nobody'), listText(one.found.in, 'nobody')]);
  const {
    found,
    case: { expected, at },
  } = one;
  const both = {
    outcome: [expected.outcome, found.outcome],
    end: [endText(expected.expiresAt, at), endText(found.expiresAt, at)],
    limitedBy: [expected.limitedBy ?? '', found.limitedBy],
    endsWith: [listText(expected.endsWith, 'nothing'), listText(found.endsWith, 'nothing')],
    rule: [listText(expected.rules), listText(found.rules)],
    approvers: [listText(expected.approvers, 'nobody'), listText(found.approvers, 'nobody')],
    quorum: [`${expected.quorum}`, `${found.quorum ?? 'none'}`],
    maxHolders: [`${expected.maxHolders}`, `${found.maxHolders ?? 'no limit'}`],
  } as const;
  return one.differences.map((what) => [what, ...both[what]]);
}

const listText = (names: readonly string[] = [], none = 'none'): string => (names.length === 0 ? none : names.join(' and '));

/** As it is written in such a file: by the instant, and by how long after the moment of the case. */
function endText(expiresAt: number | undefined, at: number): string {
  if (expiresAt === undefined) return 'none';
  const instant = new Date(expiresAt).toISOString().replace(/\.\d+Z$/, 'Z');
  return expiresAt > at ? `${lengthText(expiresAt - at)} (${instant})` : instant;
}

/** To the second, unlike what people are told: two ends that differ must not look the same. */
function lengthText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts.flatMap(([number, unit]) => (number === 0 ? [] : [`${number}${unit}`])).join('');
}
