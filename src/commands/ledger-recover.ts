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
    { flags: '--end <who...>', summary: 'take these out: a person everywhere by e-mail, one membership as listed; keep the others' },
    { flags: '--end-unknown', summary: 'take out all but those known to have been in without oncall' },
    { flags: '--keep-all', summary: 'take nobody out' },
  ],
  examples: [
    ['oncall ledger recover', 'list who is in without a grant, choose, confirm'],
    ['oncall ledger recover --end-unknown --yes', 'from a script'],
    ['oncall ledger recover --end sam@acme.dev --yes', 'take out sam, keep the others'],
  ],
  notes:
    'For admins, as the user of the sweep. Nothing is granted from the moment a loss is noticed until this has come to its end. Whoever is kept has standing access: no end takes them out.',
  run,
};

type Wish = (member: Uncovered) => boolean;

/** `unknown` and `holder`: who has come in through oncall, or by nobody knows what. */
const isSuspect = ({ known }: Uncovered): boolean => known !== 'before';

async function run(args: Args, context: Context): Promise<Outcome> {
  requireOneMeaning(args);
  const operations = await context.operations();
  const emails = namedIn(args).filter((name) => name.includes('@'));
  const called = emails.length === 0 ? {} : { called: emails };
  const before = await operations.recover(called);
  const { fault, uncovered } = before;
  const wish = wishFrom(args, uncovered);
  const isAsked = wish !== undefined || (context.prompts !== undefined && uncovered.length > 0);
  if (fault === undefined && !isAsked) return { exit: 0, document: { ...before }, text: listing(before, context) };
  if (wish !== undefined) requireMeant(args, uncovered);

  const asks = context.prompts !== undefined && !(context.globals.yes && (wish !== undefined || uncovered.length === 0));
  if (!asks && (!context.globals.yes || (wish === undefined && uncovered.length > 0))) return undecided(before, context);
  if (asks) context.note(listing(before, context));
  const end = await chosen(uncovered, wish, context);
  const keep = uncovered.filter((member) => !end.includes(member));
  for (const line of halves(end, keep)) context.note(wrap(line, context.screen.width, 2));
  if (!context.globals.yes && !(await confirmed(end.length, keep.length, context))) {
    const error = { message: 'nothing was changed', why: 'you did not say yes', next: 'oncall ledger recover' };
    return { exit: 1, document: { error: { code: 'not-confirmed', ...error } }, text: error.message };
  }
  const ids = (members: readonly Uncovered[]) => members.map(({ id }) => id);
  return recovered(await operations.recover({ ...called, decided: { end: ids(end), keep: ids(keep) } }), context);
}

const namedIn = (args: Args): readonly string[] => (Array.isArray(args.options.end) ? (args.options.end as string[]) : []);

function requireOneMeaning(args: Args): void {
  if (flag(args, 'keepAll') && (flag(args, 'endUnknown') || namedIn(args).length > 0))
    throw usage('--keep-all takes nobody out', 'leave it away, or --end and --end-unknown');
}

/** `undefined`: nothing was said. */
function wishFrom(args: Args, uncovered: readonly Uncovered[]): Wish | undefined {
  const named = namedIn(args);
  const unknown = flag(args, 'endUnknown');
  if (!flag(args, 'keepAll') && !unknown && named.length === 0) return undefined;
  const meant = new Set(named.flatMap((name) => meantBy(name, uncovered)));
  return (member) => meant.has(member) || (unknown && isSuspect(member));
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** As listed: that membership alone. By a name: the person, under whatever other name a directory knows them. */
function meantBy(name: string, uncovered: readonly Uncovered[]): readonly Uncovered[] {
  const listed = uncovered.filter(({ id }) => id === name);
  if (listed.length > 0) return listed;
  const called = uncovered.filter(({ holder, people }) => isSame(holder, name) || people.some((email) => isSame(email, name)));
  // Of a name that could be either's, only what has that very name.
  const surely = new Set(called.flatMap(({ people }) => (people.length === 1 ? people : [])));
  return uncovered.filter((member) => called.includes(member) || (member.people.length === 1 && surely.has(member.people[0] ?? '')));
}

/** Somebody who is taken out of one group and keeps another must not be taken for gone. */
function halves(end: readonly Uncovered[], keep: readonly Uncovered[]): readonly string[] {
  const persons = [...new Set(end.map(whoIs))].filter((person) => keep.some((member) => whoIs(member) === person));
  const places = (members: readonly Uncovered[], person: string): string =>
    members
      .filter((member) => whoIs(member) === person)
      .map(({ target }) => nameOf(target))
      .join(', ');
  return persons.map((person) => `${person} stays in ${places(keep, person)}, and is taken out of ${places(end, person)} alone`);
}

const whoIs = ({ people, holder }: Uncovered): string => (people.length === 0 ? holder : people.join(' or '));

/** A name that is mistyped must not become somebody who stays. */
function requireMeant(args: Args, uncovered: readonly Uncovered[]): void {
  const unknown = namedIn(args).filter((name) => meantBy(name, uncovered).length === 0);
  if (unknown.length > 0) throw usage(`nobody on the list is called ${unknown.join(', ')}`, 'oncall ledger recover lists them');
}

async function chosen(uncovered: readonly Uncovered[], wish: Wish | undefined, context: Context): Promise<readonly Uncovered[]> {
  if (wish !== undefined) return uncovered.filter(wish);
  if (uncovered.length === 0 || context.prompts === undefined) return [];
  const choices = uncovered.map((member) => ({
    value: member,
    short: member.id,
    name: `${member.id}  ${member.because}`,
    checked: isSuspect(member),
  }));
  return (await context.prompts()).checkbox('Whom to take out? Who is not marked keeps standing access.', choices);
}

async function confirmed(ends: number, stays: number, context: Context): Promise<boolean> {
  if (context.prompts === undefined) return false;
  return (await context.prompts()).confirm(
    `Take out ${count(ends, 'member')}, leave ${stays} with standing access, and believe the ledger from here on?`,
  );
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

const healthy = 'nothing shows here that the ledger has lost anything; go on where you know that it was put back from a copy';

function listing({ fault, uncovered, passedOver }: RecoverResult, { screen }: Context): string {
  const widest = Math.max(0, ...uncovered.map(({ id }) => widthOf(id)));
  return [
    wrap(fault ?? healthy, screen.width, 2),
    ...(uncovered.length === 0 ? ['nobody is in a managed group without a grant'] : []),
    ...uncovered.flatMap((member, index) => {
      const { id, known, because } = member;
      const [who, before] = [whoIs(member), uncovered[index - 1]];
      const heading = before !== undefined && whoIs(before) === who ? [] : [who];
      return [...heading, wrap(`  ${pad(id, widest)}  ${pad(words[known], 11)}  ${because}`, screen.width, 4)];
    }),
    ...passedOver.map((name) => wrap(`not looked at: ${name}, which the policy names no longer`, screen.width, 2)),
  ].join('\n');
}

function recovered(result: RecoverResult, { screen }: Context): Outcome {
  const { uncovered, head } = result;
  const fates = { ended: 'out', ending: 'not yet', kept: 'stays' } as const;
  const lines = uncovered.map((member) => {
    const { holder, target, fate = 'kept' } = member;
    const who = whoIs(member) === holder ? holder : `${whoIs(member)} (${holder})`;
    return wrap(`${pad(fates[fate], 7)}  ${who} in ${nameOf(target)}`, screen.width, 9);
  });
  const stays = uncovered.filter(({ fate }) => fate === 'kept').length;
  const standing = stays === 0 ? [] : [`${stays} with standing access: no end takes them out`];
  const text = [
    ...lines,
    ...standing,
    screen.toCopy(
      `recovered: the ledger is believed from event ${head.seq} on; requests are answered again after the next sweep: oncall sweep`,
    ),
  ].join('\n');
  const left = uncovered.filter(({ fate }) => fate === 'ending');
  if (left.length === 0) return { exit: 0, document: { ...result }, text };
  const error = {
    message: `not out yet: ${left.map(({ id }) => id).join(', ')}`,
    why: 'the directory has not confirmed it',
    next: 'the sweep tries again until it is confirmed; watch it with: oncall status',
  };
  return { exit: 1, document: { ...result, error: { code: 'not-removed-yet', ...error } }, text, error };
}
