/** `oncall login`, `logout`, `whoami`: who somebody is, proved at the issuer of the policy. */

import { wrap } from '../terminal/text.ts';
import { showInstant, showRemaining } from '../terminal/time.ts';
import { type Args, type Command, type Context, flag, type Outcome, type Person, text, usage } from './command.ts';

export const login: Command = {
  name: 'login',
  leavesNothing: true,
  group: 'Access',
  summary: 'prove who you are, for the commands that follow',
  argument: { syntax: '[broker|domain...]', summary: 'https://…: this broker; of several issuers the one for this domain' },
  options: [
    { flags: '--device', summary: 'by a code that you type on another device' },
    { flags: '--client <id>', summary: 'as this service account; its secret: ONCALL_CLIENT_SECRET or ONCALL_CLIENT_SECRET_FILE' },
    { flags: '--issuer <url>', summary: 'with --client: the only one that its secret may go to; also: ONCALL_CLIENT_ISSUER' },
  ],
  examples: [
    ['oncall login https://oncall.acme.dev', 'to a broker, which commands go to from then on'],
    ['oncall login', 'again, or to what the policy names; in the browser'],
    ['oncall login --device', 'where there is no browser, over SSH for one'],
  ],
  notes: 'Never type a code that somebody else sent you: it would sign them in as you.',
  run: async (args, context) => {
    const { broker, domain } = whereTo(args);
    const client = text(args, 'client');
    if (client !== undefined && flag(args, 'device')) throw usage('a service account has no device', 'leave out --device or --client');
    const issuer = text(args, 'issuer');
    if (issuer !== undefined && client === undefined)
      throw usage('--issuer is for service accounts', 'add --client ID, or leave out --issuer');
    const signIn = await context.signIn();
    const person = await signIn.login({
      device: flag(args, 'device'),
      unattended: !context.globals.input,
      // Under --quiet too: without the page and the code nobody can sign in.
      say: context.say,
      ...(issuer === undefined ? {} : { issuer }),
      ...(client === undefined ? {} : { client }),
      ...(broker === undefined ? {} : { broker }),
      ...(domain === undefined ? {} : { domain }),
    });
    return {
      exit: 0,
      document: { person },
      text: wrap(`signed in as ${described(person, context)}`, context.screen.width, 2),
      brief: person.email,
    };
  },
};

/** An address has a colon; a domain has none. */
function whereTo({ argument }: Args) {
  const brokers = argument.filter((typed) => typed.includes(':'));
  const domains = argument.filter((typed) => !typed.includes(':'));
  if (brokers.length > 1 || domains.length > 1) throw usage('there is one sign-in at a time', 'oncall login [broker] [domain]');
  return { broker: brokers[0], domain: domains[0] };
}

export const logout: Command = {
  name: 'logout',
  leavesNothing: true,
  group: 'Access',
  summary: 'forget the sign-in, here and at the issuer',
  examples: [['oncall logout', 'the token is deleted, and revoked where the issuer can do that']],
  run: signOut,
};

async function signOut(_: Args, context: Context): Promise<Outcome> {
  const issuers = await (await context.signIn()).logout({ say: (line) => context.note(line) });
  const lines = issuers.map(({ issuer, outcome }) => `signed out of ${issuer}${endings[outcome]}`);
  const text = lines.map((line) => wrap(line, context.screen.width, 2)).join('\n');
  return { exit: 0, document: { issuers }, text: text === '' ? 'you are signed in nowhere' : text, brief: '' };
}

const endings = {
  revoked: '',
  'nothing-to-revoke': '',
  'no-endpoint': '; it cannot revoke tokens, so the refresh token lives there until its own end',
  'not-reached': '; it was not reached, so the refresh token lives there until its own end',
};

export const whoami: Command = {
  name: 'whoami',
  leavesNothing: true,
  group: 'Access',
  summary: 'who you are to oncall, and what proves it',
  examples: [['oncall whoami', 'exit 4 where nobody is signed in']],
  run: async (_, context) => {
    const person = await (await context.signIn()).whoami();
    return { exit: 0, document: { person }, text: wrap(described(person, context), context.screen.width, 2), brief: person.email };
  },
};

function described(person: Person, context: Context): string {
  const { email, issuer, proof, expiresAt, renewable, client } = person;
  const to = goingTo(person);
  if (proof === 'word') return `${email}, taken at your word (ONCALL_USER, or the user of the system): nothing is proved${to}`;
  const clock = context.clock();
  const end = expiresAt === undefined ? '' : ` until ${showInstant(expiresAt, clock)}, ${showRemaining(expiresAt, clock)}`;
  const who = client === undefined ? email : `${email}, the service account ${client}`;
  return `${who}, by ${issuer}${end}${renewable ? ', renewed by itself' : ''}${to}`;
}

function goingTo({ broker, overriddenBy }: Person): string {
  if (broker === undefined) return '';
  if (overriddenBy === undefined) return `; commands go to ${broker}`;
  if (overriddenBy === '--policy') return `; commands with --policy go by that file, the others to ${broker}`;
  const where = overriddenBy === 'ONCALL_POLICY' ? 'by the policy that ONCALL_POLICY names' : 'to the broker that ONCALL_BROKER names';
  return `; until ${overriddenBy} is unset, commands go ${where}, then to ${broker}`;
}
