/** `oncall sweep`: ends what is due and finishes what a crash left. Meant for cron: silent where there was nothing to do. */

import type { SweepResult, SweepStep } from '../operations/types.ts';
import type { Issue } from '../policy/issue.ts';
import { count, pad } from '../terminal/text.ts';
import { localInstants } from '../terminal/time.ts';
import { type Args, type Command, type Context, flag, type Outcome, text, usage } from './command.ts';
import { nameOf } from './lines.ts';
import { isInPlan, planTable } from './rotation-plan.ts';

export const sweep: Command = {
  name: 'sweep',
  group: 'Operating',
  summary: 'end what is due (run it from cron, every 5 minutes)',
  options: [
    { flags: '-n, --dry-run', summary: 'say what would be done, change nothing' },
    { flags: '--accept <role>', summary: 'admins: let those go off its rotation whom the last run kept in', words: 'roles' },
  ],
  examples: [
    ['oncall sweep', 'end what is due; prints nothing where nothing is'],
    ['oncall sweep --dry-run', 'what would it do: who comes and goes with each rotation, too'],
    ['oncall sweep --accept support', 'the schedule is right: take out whom it no longer names'],
  ],
  notes: 'Safe to repeat and to run twice at once. Exit 1: stuck, late or misconfigured; it is tried again.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const [dryRun, accept] = [flag(args, 'dryRun'), text(args, 'accept')];
  if (dryRun && accept !== undefined) throw usage('--dry-run changes nothing, and --accept does', 'leave one of them out');
  const { operations, issues, policyPath } = await context.salvaged({ mayMigrate: !dryRun });
  const result = await operations.sweep({ dryRun, ...(accept === undefined ? {} : { accept }) });
  const faults = issues.filter(({ severity }) => severity === 'error');
  const { steps, ended, failed, remaining } = result;
  const document = { steps, ended, failed, remaining, ...(faults.length === 0 ? {} : { issues: faults }) };
  const told = toldSteps(result);
  const clock = context.clock();
  const steady = told.filter((step) => !isInPlan(step)).map((step) => localInstants(`${pad(wordFor(step), 8)} ${stepText(step)}`, clock));
  const lines = [planTable(told, context), ...steady].filter((line) => line !== '');
  const whole = [...lines, ...totalLine(result, told)].join('\n');
  const error = failure(result, faults, policyPath);
  const common = { text: whole, brief: lines.join('\n') };
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
  offer: 'offered',
  escalate: 'asked',
  'move-end': 'moved',
  adopt: 'adopted',
  drift: 'drift',
  baseline: 'noted',
  heartbeat: 'read',
  ledger: 'ledger',
  recheck: 'asked',
  policy: 'policy',
  give: 'let in',
  'kept-out': 'kept out',
  review: 'review',
  rotate: 'rotation',
};

/** What is planned ends something, mostly. */
const plans: Partial<typeof words> = {
  offer: 'would offer',
  'move-end': 'would tell',
  give: 'would let in',
  rotate: 'rotation',
  'kept-out': 'kept out',
  escalate: 'would ask',
};

function wordFor({ action, outcome, stays }: SweepStep): string {
  if (outcome === 'planned') return plans[action] ?? 'would end';
  return outcome === 'later' ? 'later' : stays === undefined ? words[action] : 'stays';
}

function stepText({ requestId, role, holder, target, because, stays, change, until }: SweepStep): string {
  const where = [holder, target === undefined ? undefined : nameOf(target)].filter((part) => part !== undefined).join(' in ');
  const which = [requestId, role].filter((part) => part !== undefined).join(' ');
  const what = [where, which === '' ? '' : `(${which})`].filter((part) => part !== '').join(' ');
  const still = stays === undefined ? '' : stays === 'before' ? '; in as before the request' : `; still in by ${stays}`;
  const end = change === 'moved' && until !== undefined ? `; in until ${new Date(until).toISOString()}` : '';
  return [what, `${because}${end}${still}`].filter((part) => part !== '').join(': ');
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
