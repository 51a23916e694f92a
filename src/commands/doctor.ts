/** `oncall doctor`: everything that access rests on, looked at before the night it matters. */

import { isOncallError } from '../errors.ts';
import type { Check } from '../operations/types.ts';
import { describeError } from '../terminal/report-error.ts';
import { count, pad, widthOf, wrap } from '../terminal/text.ts';
import type { Args, Command, Context, Outcome } from './command.ts';

export const doctor: Command = {
  name: 'doctor',
  leavesNothing: true,
  group: 'Operating',
  summary: 'look for what would fail at 03:00; changes nothing',
  examples: [
    ['oncall doctor', 'policy, ledger, sign-in, providers, people, sweep'],
    ['oncall doctor --json', 'for monitoring: exit 1 where anything is a fault'],
  ],
  notes: 'Only reads: whether groups may be changed is not tried. Run it as the user of the sweep too.',
  run,
};

async function run(_: Args, context: Context): Promise<Outcome> {
  const files = await context.checkFiles();
  const checks = [...files, ...(await otherChecks(files, context))];
  const table = checksTable(checks, context);
  const exit = checks.some(({ outcome }) => outcome === 'fault') ? 1 : 0;
  return { exit, document: { checks }, text: `${table}\n\n${summary(checks)}`, brief: table };
}

/** Where no policy can be used at all, the files have said why. */
async function otherChecks(files: readonly Check[], context: Context): Promise<readonly Check[]> {
  const line = (outcome: Check['outcome'], because: string, next: string): Check => ({
    ...{ area: 'policy', what: 'all else', outcome, because },
    ...(next === '' ? {} : { next }),
  });
  let operations: Awaited<ReturnType<Context['salvaged']>>['operations'];
  try {
    ({ operations } = await context.salvaged());
  } catch (error) {
    if (!isOncallError(error)) throw error;
    if (files.some(({ outcome }) => outcome === 'fault')) return [line('skipped', 'not looked at: no policy can be used', '')];
    const { message, why, next } = describeError(error);
    return [line('fault', why === '' ? message : `${message}: ${why}`, next)];
  }
  return (await operations.doctor()).checks;
}

const words: Record<Check['outcome'], string> = { ok: 'ok', warning: 'warning', fault: 'FAULT', skipped: 'skipped' };

function checksTable(checks: readonly Check[], context: Context): string {
  const { width, paint, toCopy } = context.screen;
  const areas = Math.max(4, ...checks.map(({ area }) => widthOf(area)));
  const colored: Record<Check['outcome'], (text: string) => string> = {
    ...{ ok: paint.green, warning: paint.yellow, fault: paint.red, skipped: paint.dim },
  };
  const indent = 7 + 2 + areas + 2;
  const lines = checks.flatMap(({ area, what, outcome, because, next }) => [
    `${colored[outcome](pad(words[outcome], 7))}  ${wrap(`${pad(area, areas)}  ${what}: ${because}`, width - 9, indent - 9).replaceAll('\n', `\n${' '.repeat(9)}`)}`,
    ...(next === undefined ? [] : [wrap(`${' '.repeat(indent)}next: ${toCopy(next)}`, width, indent + 6)]),
  ]);
  return [paint.dim(`${pad('', 7)}  ${pad('area', areas)}  what was found`), ...lines].join('\n');
}

function summary(checks: readonly Check[]): string {
  const number = (outcome: Check['outcome']) => checks.filter((check) => check.outcome === outcome).length;
  const [faults, warnings, skipped] = [number('fault'), number('warning'), number('skipped')];
  const parts = [
    faults === 0 ? 'no faults' : count(faults, 'fault'),
    ...(warnings === 0 ? [] : [count(warnings, 'warning')]),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
  ];
  return `${parts.join(', ')} in ${count(checks.length, 'check')}`;
}
