/** `oncall revoke`: ends somebody's access now: one request, or everything of a person, of a role, or at all. */

import type { RevokeInput } from '../operations/types.ts';
import { count, wrap } from '../terminal/text.ts';
import { type Args, type Command, type Context, flag, type Outcome, text, usage } from './command.ts';
import { endedOutcome } from './ended-outcome.ts';

export const revoke: Command = {
  name: 'revoke',
  group: 'Operating',
  summary: "end somebody's access now",
  argument: { syntax: '[id]', summary: 'one request; or one of the options instead', words: 'open' },
  options: [
    { flags: '--holder <email>', summary: 'everything this person has' },
    { flags: '--role <role>', summary: 'everybody who has this role', words: 'roles' },
    { flags: '--all', summary: 'everything that oncall gave' },
    { flags: '--reason <text>', summary: 'for the holder and the audit' },
  ],
  examples: [
    ['oncall revoke k7m2xq --reason "incident closed"', 'one request'],
    ['oncall revoke --holder maria@acme.dev --yes', 'a lost laptop: everything she has'],
  ],
  notes:
    '--holder, --role and --all ask first; --yes answers. Open sessions end only where the role has onEnd: { endSessions: true } (oncall roles). Whoever is named under blocked: in the policy cannot ask again.',
  run,
};

type Chosen = { readonly input: RevokeInput; readonly what: string; readonly isOne: boolean };

async function run(args: Args, context: Context): Promise<Outcome> {
  const { input, what, isOne } = chosenFrom(args);
  const reason = text(args, 'reason');
  const operations = await context.operations();
  if (!isOne && !context.globals.yes && !(await confirm(input, what, context))) {
    const error = { message: 'nothing was changed', why: 'you did not say yes', next: 'the same command with --yes does not ask' };
    // A no is an answer, not an error: as apt and terraform do, one line and exit 1.
    return { exit: 1, document: { error: { code: 'not-confirmed', ...error } }, text: error.message };
  }
  const result = await operations.revoke({ ...input, ...(reason === undefined ? {} : { reason }) });
  const outcome = endedOutcome(result, 'revoked', context);
  if (result.requests.length === 0) return { ...outcome, text: wrap(nothing(input), context.screen.width, 2) };
  return 'holder' in input
    ? { ...outcome, text: [outcome.text, wrap(askAgain(input.holder), context.screen.width, 2)].filter((line) => line !== '').join('\n') }
    : outcome;
}

function chosenFrom(args: Args): Chosen {
  const [id, holder, role] = [args.argument[0], text(args, 'holder'), text(args, 'role')];
  const chosen: Chosen[] = [
    ...(id === undefined ? [] : [{ input: { id }, what: id, isOne: true }]),
    ...(holder === undefined ? [] : [{ input: { holder }, what: `everything ${holder} has`, isOne: false }]),
    ...(role === undefined ? [] : [{ input: { role }, what: `${role} from everybody`, isOne: false }]),
    ...(flag(args, 'all') ? [{ input: { all: true } as const, what: 'everything that oncall gave', isOne: false }] : []),
  ];
  const [first, second] = chosen;
  if (first === undefined)
    throw usage('what to revoke is missing', 'oncall revoke <id>, or --holder, --role or --all; what there is: oncall status');
  if (second !== undefined) throw usage('only one of <id>, --holder, --role and --all can be given', 'keep one of them');
  return first;
}

/** Whoever may not revoke is told so before they are asked. */
async function confirm(input: RevokeInput, what: string, context: Context): Promise<boolean> {
  if (context.prompts === undefined)
    throw usage(`revoking ${what} needs --yes here`, 'add --yes', 'no question can be asked: not a terminal, or --no-input or CI is set');
  const { requests, grants } = await (await context.operations()).revoke({ ...input, dryRun: true });
  if (requests.length === 0) return true;
  const people = new Set(requests.map(({ requester }) => requester.email));
  const sizes = [
    count(requests.length, 'request'),
    ...(people.size > 1 ? [`${people.size} people`] : []),
    count(grants.length, 'membership'),
  ];
  return (await context.prompts()).confirm(`Revoke ${what} (${sizes.join(', ')})?`);
}

const nothing = (input: RevokeInput): string =>
  'holder' in input
    ? `nothing to revoke: ${input.holder} has nothing, and waits for nothing; who has what: oncall status`
    : 'nothing to revoke';

/** The brake of a lost laptop does not hold by itself. */
const askAgain = (holder: string): string => `${holder} may ask again; to stop that, name them under blocked: in the policy`;
