/** `oncall ledger recover`: after the ledger was deleted or put back from a copy, an admin decides about everybody whom it does not know. */

import type { RecoverResult, Uncovered } from '../operations/types.ts';
import { count, pad, widthOf, wrap } from '../terminal/text.ts';
import { type Args, type Command, type Context, flag, type Outcome, usage } from './command.ts';
import { nameOf } from './lines.ts';

export const ledgerRecover: Command = {
  name: 'ledger recover',
  group: 'Operating',
  summary: 'after a ledger was lost or put back: decide who stays',
  options: [
    { flags: '--end <who...>', summary: 'take these out, by name (everywhere) or as listed; keep the others' },
    { flags: '--end-unknown', summary: 'take out all but those known to have been in without oncall' },
    { flags: '--keep-all', summary: 'take nobody out' },
  ],
  examples: [
    ['oncall ledger recover', 'list who is in without a grant, choose, confirm'],
    ['oncall ledger recover --end-unknown --yes', 'from a script'],
    ['oncall ledger recover --end sam@acme.dev --yes', 'take out sam, keep the others'],
  ],
  notes: 'For admins, as the user of the sweep. Nothing is granted from the moment a loss is noticed until this has come to its end.',
  run,
};

type Wish = (member: Uncovered) => boolean;

async function run(args: Args, context: Context): Promise<Outcome> {
  const wish = wishFrom(args);
  const operations = await context.operations();
  const before = await operations.recover({});
  const { fault, uncovered } = before;
  const isAsked = wish !== undefined || (context.prompts !== undefined && uncovered.length > 0);
  if (fault === undefined && !isAsked) return { exit: 0, document: { ...before }, text: listing(before, context) };
  if (wish !== undefined) requireMeant(args, uncovered);

  const asks = context.prompts !== undefined && !(context.globals.yes && (wish !== undefined || uncovered.length === 0));
  if (!asks && (!context.globals.yes || (wish === undefined && uncovered.length > 0))) return undecided(before, context);
  if (asks) context.note(listing(before, context));
  const end = await chosen(uncovered, wish, context);
  const keep = uncovered.filter((member) => !end.includes(member));
  if (!context.globals.yes && !(await confirmed(end.length, keep.length, context))) {
    const error = { message: 'nothing was changed', why: 'you did not say yes', next: 'oncall ledger recover' };
    return { exit: 1, document: { error: { code: 'not-confirmed', ...error } }, text: error.message };
  }
  const ids = (members: readonly Uncovered[]) => members.map(({ id }) => id);
  return recovered(await operations.recover({ decided: { end: ids(end), keep: ids(keep) } }), context);
}

const namedIn = (args: Args): readonly string[] => (Array.isArray(args.options.end) ? (args.options.end as string[]) : []);

/** `undefined`: nothing was said. */
function wishFrom(args: Args): Wish | undefined {
  const named = namedIn(args);
  const [unknown, all] = [flag(args, 'endUnknown'), flag(args, 'keepAll')];
  if (all && (unknown || named.length > 0)) throw usage('--keep-all takes nobody out', 'leave it away, or --end and --end-unknown');
  if (!all && !unknown && named.length === 0) return undefined;
  return ({ id, holder, known }) => named.includes(id) || named.includes(holder) || (unknown && known !== 'before');
}

/** A name that is mistyped must not become somebody who stays. */
function requireMeant(args: Args, uncovered: readonly Uncovered[]): void {
  const unknown = namedIn(args).filter((name) => !uncovered.some(({ id, holder }) => id === name || holder === name));
  if (unknown.length > 0) throw usage(`nobody on the list is called ${unknown.join(', ')}`, 'oncall ledger recover lists them');
}

async function chosen(uncovered: readonly Uncovered[], wish: Wish | undefined, context: Context): Promise<readonly Uncovered[]> {
  if (wish !== undefined) return uncovered.filter(wish);
  if (uncovered.length === 0 || context.prompts === undefined) return [];
  const choices = uncovered.map((member) => ({ value: member, short: member.id, name: `${member.id}  ${member.because}` }));
  return (await context.prompts()).checkbox('Whom to take out? Everybody else stays.', choices);
}

async function confirmed(ends: number, stays: number, context: Context): Promise<boolean> {
  if (context.prompts === undefined) return false;
  return (await context.prompts()).confirm(`Take out ${count(ends, 'member')}, keep ${stays}, and believe the ledger from here on?`);
}

function undecided(before: RecoverResult, context: Context): Outcome {
  const none = before.uncovered.length === 0;
  const error = {
    message: none ? 'nothing was accepted yet, so nothing is granted' : 'nothing was decided, so nothing is granted',
    why: none ? 'nobody is in without a grant; it needs your yes' : `${count(before.uncovered.length, 'member')} in without a grant`,
    next: none ? 'oncall ledger recover --yes' : 'the same with --yes and one of --end <who>, --end-unknown, --keep-all',
  };
  return { exit: 1, document: { ...before, error: { code: 'not-decided', ...error } }, text: listing(before, context), error };
}

const words: Record<Uncovered['known'], string> = { before: 'from before', holder: 'had it once', unknown: 'unknown' };

function listing({ fault, uncovered, passedOver }: RecoverResult, { screen }: Context): string {
  const widest = Math.max(0, ...uncovered.map(({ id }) => widthOf(id)));
  return [
    fault ?? 'nothing shows here that the ledger has lost anything; go on where you know that it was put back from a copy',
    ...(uncovered.length === 0 ? ['nobody is in a managed group without a grant'] : []),
    ...uncovered.map(({ id, known, because }) => wrap(`  ${pad(id, widest)}  ${pad(words[known], 11)}  ${because}`, screen.width, 4)),
    ...passedOver.map((name) => `not looked at: ${name}, which the policy names no longer`),
  ].join('\n');
}

function recovered(result: RecoverResult, { screen }: Context): Outcome {
  const { uncovered, head } = result;
  const fates = { ended: 'out', ending: 'not yet', kept: 'stays' } as const;
  const lines = uncovered.map(({ holder, target, fate = 'kept' }) =>
    wrap(`${pad(fates[fate], 7)}  ${holder} in ${nameOf(target)}`, screen.width, 9),
  );
  const text = [...lines, `recovered: the ledger is believed from event ${head.seq} on`].join('\n');
  const left = uncovered.filter(({ fate }) => fate === 'ending');
  if (left.length === 0) return { exit: 0, document: { ...result }, text };
  const error = {
    message: `not out yet: ${left.map(({ id }) => id).join(', ')}`,
    why: 'the directory has not confirmed it',
    next: 'the sweep tries again until it is confirmed; watch it with: oncall status',
  };
  return { exit: 1, document: { ...result, error: { code: 'not-removed-yet', ...error } }, text, error };
}
