/** `oncall login`, `logout`, `whoami`: who somebody is, proved at the issuer of the policy. */

import { wrap } from '../terminal/text.ts';
import { showInstant, showRemaining } from '../terminal/time.ts';
import { type Args, type Command, type Context, flag, type Outcome, type Person } from './command.ts';

export const login: Command = {
  name: 'login',
  leavesNothing: true,
  group: 'Access',
  summary: 'prove who you are, for the commands that follow',
  argument: { syntax: '[domain]', summary: 'where the policy has several issuers: the one for this domain' },
  options: [{ flags: '--device', summary: 'by a code that you type on another device' }],
  examples: [
    ['oncall login', 'in the browser'],
    ['oncall login --device', 'where there is no browser, over SSH for one'],
  ],
  notes: 'Never type a code that somebody else sent you: it would sign them in as you.',
  run: async (args, context) => {
    const [domain] = args.argument;
    const say = (line: string): void => context.note(line);
    const signIn = await context.signIn();
    const person = await signIn.login({ device: flag(args, 'device'), say, ...(domain === undefined ? {} : { domain }) });
    return {
      exit: 0,
      document: { person },
      text: wrap(`signed in as ${described(person, context)}`, context.screen.width, 2),
      brief: person.email,
    };
  },
};

export const logout: Command = {
  name: 'logout',
  leavesNothing: true,
  group: 'Access',
  summary: 'forget the sign-in, here and at the issuer',
  examples: [['oncall logout', 'the token is deleted, and revoked where the issuer can do that']],
  run: signOut,
};

async function signOut(_: Args, context: Context): Promise<Outcome> {
  const issuers = await (await context.signIn()).logout();
  const lines = issuers.map(({ issuer, outcome }) => `signed out of ${issuer}${endings[outcome]}`);
  const text = lines.map((line) => wrap(line, context.screen.width, 2)).join('\n');
  return { exit: 0, document: { issuers }, text: text === '' ? 'nobody was signed in' : text, brief: '' };
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

function described({ email, issuer, proof, expiresAt, renewable }: Person, context: Context): string {
  if (proof === 'word') return `${email}, taken at your word (ONCALL_USER, or the user of the system): nothing is proved`;
  const clock = context.clock();
  const end = expiresAt === undefined ? '' : ` until ${showInstant(expiresAt, clock)}, ${showRemaining(expiresAt, clock)}`;
  return `${email}, by ${issuer}${end}${renewable ? ', renewed by itself' : ''}`;
}
