/** `oncall adopt`: an admin takes over people who are in a group already, so that they leave like anybody who came through oncall. */

import type { AdoptInput, AdoptMember, AdoptResult } from '../operations/take-over-types.ts';
import type { Operations } from '../operations/types.ts';
import { count, pad, widthOf, wrap } from '../terminal/text.ts';
import { type Clock, showInstant } from '../terminal/time.ts';
import { askedFrom } from './asked.ts';
import { type Args, type Command, type Context, flag, type Outcome, only, text, usage } from './command.ts';
import { nameOf } from './lines.ts';

export const adopt: Command = {
  name: 'adopt',
  group: 'Operating',
  summary: 'take over who is in a group already, as standing or with an end',
  argument: { syntax: '<directory/group>', summary: 'a group that a role gives, as the policy calls it' },
  options: [
    { flags: '--for <duration>', summary: 'an end for those whom the role does not name as standing: 30d', words: ['7d', '30d', '90d'] },
    { flags: '--until <instant>', summary: 'the same, as an instant: 2027-01-31T00:00Z' },
    { flags: '--only <who...>', summary: 'these alone: by e-mail, or as listed' },
    { flags: '--role <role>', summary: 'where several roles give the group: as which', words: 'roles' },
    { flags: '--reason <text>', summary: 'for the audit' },
    { flags: '-n, --dry-run', summary: 'say who would be taken over, change nothing' },
  ],
  examples: [
    ["oncall adopt 'okta/Prod Read' --dry-run", 'who is in without oncall, and what would become of them'],
    ["oncall adopt 'okta/Prod Read' --for 30d", 'named ones as standing, the others for 30 days'],
    ['oncall adopt okta/db-admins --only sam@acme.dev --for 7d --yes', 'one person, from a script'],
  ],
  notes:
    'For admins; asks first. It lets nobody in and takes nobody out: who is taken over stays, until their end or until the policy names them no longer, and then is removed although oncall never added them.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const operations = await context.operations();
  const names = namedIn(args);
  const called = names.filter((name) => name.includes('@'));
  const input: AdoptInput = {
    ...targetFrom(only(args)),
    ...endFrom(args),
    ...optionsFrom(args),
    ...(called.length === 0 ? {} : { called }),
  };
  const listed = await operations.adopt(input);
  const chosen = chosenFrom(listed, names);
  const taken = chosen.filter(({ as }) => as !== 'left');
  const plan = listing(listed, chosen, context);
  if (flag(args, 'dryRun')) return { exit: 0, document: { ...listed, members: chosen }, text: plan };
  if (taken.length === 0) return nobody(listed, chosen, plan);
  if (!context.globals.yes) {
    if (context.prompts === undefined)
      throw usage(
        'taking over members needs --yes here',
        'look first (--dry-run), then add --yes',
        'no question can be asked: not a terminal, or --no-input or CI is set',
      );
    context.note(plan);
    if (!(await (await context.prompts()).confirm(question(listed, taken)))) {
      const error = { message: 'nothing was changed', why: 'you did not say yes', next: 'the same command with --yes does not ask' };
      return { exit: 1, document: { error: { code: 'not-confirmed', ...error } }, text: error.message };
    }
  }
  return adopted(operations, { ...input, decided: decidedOf(taken) }, context);
}

const namedIn = (args: Args): readonly string[] => (Array.isArray(args.options.only) ? (args.options.only as string[]) : []);

function targetFrom(written: string): Pick<AdoptInput, 'directory' | 'group'> {
  const slash = written.indexOf('/');
  if (slash > 0 && slash < written.length - 1) return { directory: written.slice(0, slash), group: written.slice(slash + 1) };
  throw usage(`"${written}" is not a group in a directory`, "write it as in the policy, for example 'okta/Prod Read'");
}

const longestMs = 366 * 86_400_000;

function endFrom(args: Args): Pick<AdoptInput, 'end'> {
  const asked = askedFrom(args);
  if ('byDefault' in asked) return {};
  if ('until' in asked) throw usage(`--until ${asked.until} has no meaning here`, 'write an instant, or --for 30d');
  if ('forMs' in asked && asked.forMs > longestMs)
    throw usage('an end more than a year away is none', 'name them under standing in the policy, with a review');
  return { end: asked };
}

function optionsFrom(args: Args): Pick<AdoptInput, 'role' | 'reason'> {
  const [role, reason] = [text(args, 'role'), text(args, 'reason')];
  return { ...(role === undefined ? {} : { role }), ...(reason === undefined ? {} : { reason }) };
}

const isCalled = ({ id, holder, people }: AdoptMember, name: string): boolean =>
  [id, holder, ...people].some((one) => one.toLowerCase() === name.toLowerCase());

/** A name that is mistyped must not become somebody who stays unseen. */
function chosenFrom({ members }: AdoptResult, names: readonly string[]): readonly AdoptMember[] {
  const unknown = names.filter((name) => !members.some((member) => isCalled(member, name)));
  if (unknown.length > 0)
    throw usage(`nobody on the list is called ${unknown.join(', ')}`, 'without --only everybody is listed; --dry-run changes nothing');
  if (names.length === 0) return members;
  return members.map((member) =>
    names.some((name) => isCalled(member, name)) ? member : { ...member, as: 'left', why: 'not among those of --only' },
  );
}

const decidedOf = (taken: readonly AdoptMember[]): NonNullable<AdoptInput['decided']> => {
  const ids = (as: AdoptMember['as']) => taken.filter((member) => member.as === as).map(({ id }) => id);
  return { standing: ids('standing'), ending: ids('ending') };
};

const question = ({ role, target }: AdoptResult, taken: readonly AdoptMember[]): string =>
  `Take over ${count(taken.length, 'member')} of ${nameOf(target)} as ${role}, to be removed at their end?`;

function listing({ role, target, exclusive, covered }: AdoptResult, members: readonly AdoptMember[], context: Context): string {
  const { width } = context.screen;
  const clock = context.clock();
  const widest = Math.max(0, ...members.map(({ id }) => widthOf(id)));
  const kind = exclusive ? ', which is exclusive' : '';
  return [
    wrap(`in ${nameOf(target)}${kind}: ${count(members.length, 'member')} without a grant, ${covered} with one (${role})`, width, 2),
    ...members.map((member) => wrap(`  ${pad(member.id, widest)}  ${fateText(member, clock)}; ${member.because}`, width, 4)),
  ].join('\n');
}

function fateText({ as, why = '', until }: AdoptMember, clock: Clock): string {
  if (as === 'left') return `stays as it is: ${why}`;
  return as === 'standing' ? 'standing, as the policy says' : `until ${until === undefined ? 'its end' : showInstant(until, clock)}`;
}

function nobody(listed: AdoptResult, members: readonly AdoptMember[], plan: string): Outcome {
  const { target, role } = listed;
  const document = { ...listed, members };
  if (members.length === 0) return { exit: 0, document, text: `everybody in ${nameOf(target)} has a grant: there is nobody to take over` };
  const error = {
    message: 'nobody was taken over',
    why: `${count(members.length, 'member')} without a grant, and none of them can be as it was asked`,
    next: `say an end for them (--for 30d), or name them under standing of ${role} in the policy`,
  };
  return { exit: 1, document: { ...document, error: { code: 'nobody-taken-over', ...error } }, text: plan, error };
}

async function adopted(operations: Pick<Operations, 'adopt'>, input: AdoptInput, context: Context): Promise<Outcome> {
  const result = await operations.adopt(input);
  const { members, gone, role, target, exclusive } = result;
  const clock = context.clock();
  const { width } = context.screen;
  const done = members.filter(({ requestId }) => requestId !== undefined);
  const left = members.filter(({ requestId }) => requestId === undefined);
  const lines = [
    ...done.map((member) => `${member.requestId}  ${role} of ${member.people[0] ?? member.holder}: ${fateText(member, clock)}`),
    ...left.map((member) => `left    ${member.people[0] ?? member.holder}: ${member.why ?? ''}`),
    ...gone.map((id) => `gone    ${id}: no longer in the group`),
    ...(exclusive && left.length > 0
      ? [`nobody gets into ${nameOf(target)} before those who are left are taken over too, or taken out`]
      : []),
  ];
  return {
    exit: 0,
    document: { ...result },
    text: lines.map((line) => wrap(line, width, 8)).join('\n'),
    brief: done.map(({ requestId }) => requestId).join('\n'),
  };
}
