/** `oncall sweep`: ends what is due and finishes what a crash left. Meant for cron: silent where there was nothing to do. */

import type { SweepResult, SweepStep } from '../operations/types.ts';
import type { Issue } from '../policy/issue.ts';
import { count, pad } from '../terminal/text.ts';
import { type Args, type Command, type Context, flag, type Outcome } from './command.ts';
import { nameOf } from './lines.ts';

export const sweep: Command = {
  name: 'sweep',
  group: 'Operating',
  summary: 'end what is due (run it from cron, every 5 minutes)',
  options: [{ flags: '-n, --dry-run', summary: 'say what would be done, change nothing' }],
  examples: [
    ['oncall sweep', 'end what is due; prints nothing where nothing is'],
    ['oncall sweep --dry-run', 'what would it do'],
  ],
  notes: 'Safe to repeat and to run twice at once. Exit 1: stuck, late or misconfigured; it is tried again.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const dryRun = flag(args, 'dryRun');
  const { operations, issues, policyPath } = await context.salvaged({ mayMigrate: !dryRun });
  const result = await operations.sweep({ dryRun });
  const faults = issues.filter(({ severity }) => severity === 'error');
  const { steps, ended, failed, remaining } = result;
  const document = { steps, ended, failed, remaining, ...(faults.length === 0 ? {} : { issues: faults }) };
  const told = toldSteps(result);
  const lines = told.map((step) => `${pad(wordFor(step), 8)} ${stepText(step)}`);
  const text = [...lines, ...totalLine(result, told)].join('\n');
  const error = failure(result, faults, policyPath);
  const common = { text, brief: lines.join('\n') };
  return error === undefined ? { exit: 0, document, ...common } : { exit: 1, document: { ...document, error }, ...common, error };
}

/** Heartbeats and steps that only looked are not news; what failed is told on stderr instead. */
const toldSteps = ({ steps }: SweepResult): readonly SweepStep[] =>
  steps.filter(({ action, outcome }) => outcome !== 'failed' && (action !== 'heartbeat' || outcome !== 'done'));

function totalLine({ steps, ended: grants, remaining }: SweepResult, told: readonly SweepStep[]): string[] {
  const ended = grants - steps.filter(({ stays }) => stays !== undefined).length;
  if (told.every(({ outcome }) => outcome === 'planned') || ended + remaining === 0) return [];
  return [`${count(ended, 'membership')} ended${remaining === 0 ? '' : `, ${remaining} will be tried again`}`];
}

/** A step on one line; what failed has a word of its own. */
export const stepLine = (step: SweepStep): string => `${step.outcome === 'failed' ? 'failed' : wordFor(step)}: ${stepText(step)}`;

const words: Record<SweepStep['action'], string> = {
  expire: 'ended',
  end: 'ended',
  undo: 'undone',
  adopt: 'adopted',
  drift: 'drift',
  baseline: 'noted',
  heartbeat: 'read',
  ledger: 'ledger',
  recheck: 'asked',
  policy: 'policy',
};

const wordFor = ({ action, outcome, stays }: SweepStep): string =>
  outcome === 'planned' ? 'would end' : outcome === 'later' ? 'later' : stays === undefined ? words[action] : 'stays';

function stepText({ requestId, role, holder, target, because, stays }: SweepStep): string {
  const where = [holder, target === undefined ? undefined : nameOf(target)].filter((part) => part !== undefined).join(' in ');
  const which = [requestId, role].filter((part) => part !== undefined).join(' ');
  const what = [where, which === '' ? '' : `(${which})`].filter((part) => part !== '').join(' ');
  const still = stays === undefined ? '' : stays === 'before' ? '; in as before the request' : `; still in by ${stays}`;
  return [what, `${because}${still}`].filter((part) => part !== '').join(': ');
}

function failure({ steps, failed }: SweepResult, faults: readonly Issue[], policyPath: string) {
  if (failed === 0 && faults.length === 0) return undefined;
  const failures = steps.filter(({ outcome }) => outcome === 'failed');
  // The faults of the policy are listed one by one below; their step only sums them up.
  const own = failures.filter(({ action }) => action !== 'policy');
  const overdue = Math.max(0, failed - failures.length);
  const inPolicy = faults.map(({ line, column, code, message }) => `${policyPath}:${line}:${column} ${code} ${message}`);
  const why = [...own.map(stepText), ...(overdue === 0 ? [] : [`${count(overdue, 'grant')} overdue or stuck`]), ...inPolicy].join('\n');
  if (own.length + overdue === 0) {
    const message = `the policy has ${count(faults.length, 'fault')}; what it still says clearly was swept all the same`;
    return { code: 'policy-faults', message, why, next: 'oncall policy check' };
  }
  const message = `the sweep left ${count(own.length + overdue, 'fault')} behind`;
  const advice = [...new Set(own.flatMap(({ next }) => (next === undefined ? [] : [next])))];
  return { code: 'sweep-failed', message, why, next: [...advice, 'the next sweep tries again; more: oncall status --check'].join('\n') };
}
