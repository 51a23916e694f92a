/** `login`, `logout`, `whoami` where commands go to a broker, or are about to; else as the policy says. */

import { brokerIdentities } from '../broker/client-metadata.ts';
import { originOf } from '../broker/client-origin.ts';
import type { Person, SignIn } from '../commands/command.ts';
import { logout } from '../sign-in/session.ts';
import { type ChosenBroker, chosenBroker, type KnownBroker, knownBrokers } from './broker.ts';
import { atBroker, brokerContext, issuersOf } from './broker-wire.ts';
import type { Env } from './find-policy.ts';
import { localActor } from './identity.ts';
import { signInAt } from './sign-in.ts';

type Options = {
  /** This program's. */
  readonly version: string;
  readonly policyPath?: string;
  readonly env: Env;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
};
type How = Parameters<SignIn['login']>[0];

/** `direct`: by the policy file, which is not looked for before it is needed. */
export function signInAnywhere(options: Options, direct: () => Promise<SignIn>): SignIn {
  return {
    login: async (how) => {
      const origin = how.broker === undefined ? chosenBroker(options)?.origin : originOf(how.broker);
      return origin === undefined ? (await direct()).login(how) : loginTo(origin, how, options);
    },
    logout: async (how) => {
      const broker = chosenBroker(options);
      return broker === undefined ? (await direct()).logout(how) : logoutOf(broker, how.say, options);
    },
    whoami: async () => {
      const broker = chosenBroker(options);
      if (broker === undefined) return (await direct()).whoami();
      return { ...(await atBroker(broker.origin, signInTo(broker, options).whoami())), broker: broker.origin };
    },
  };
}

const signInTo = (broker: KnownBroker, options: Options): SignIn =>
  signInAt({
    issuers: issuersOf(broker),
    where: broker.origin,
    env: options.env,
    context: async () => brokerContext(broker, options),
    local: () => localActor({ people: {} }, options.env),
  });

async function loginTo(origin: string, how: How, options: Options): Promise<Person> {
  how.say(`signing in to the broker ${origin}`);
  const broker: KnownBroker = { origin, identities: await brokerIdentities({ origin, ...options }) };
  const person = await provedTo(broker, how, options);
  const { rememberBroker } = await import('./broker-file.ts');
  await forsake(broker, options);
  await rememberBroker(options.env, broker);
  for (const line of otherwiseUsed(origin, options)) how.say(line);
  return { ...person, broker: origin };
}

/** Where there is nobody to prove anything to, it is only found out whether a name is known. */
async function provedTo(broker: KnownBroker, how: How, options: Options): Promise<Person> {
  const issuers = issuersOf(broker);
  if (issuers.length === 0) return { ...localActor({ people: {} }, options.env), proof: 'word' };
  how.say(`it takes sign-ins of ${[...new Set(issuers.map(({ issuer }) => issuer))].join(' or ')}`);
  return atBroker(broker.origin, signInTo(broker, options).login(how));
}

/** Of an issuer or a client that the broker takes no more, nothing is left lying about. */
async function forsake({ origin, identities }: KnownBroker, options: Options): Promise<void> {
  const before = knownOrNone(options.env).find((one) => one.origin === origin);
  const isKept = (issuer: string, clientId: string) =>
    identities.some((one) => one.kind === 'oidc' && one.issuer === issuer && one.clientId === clientId);
  const gone = before === undefined ? [] : issuersOf(before).filter(({ issuer, clientId }) => !isKept(issuer, clientId));
  await logout(gone, brokerContext({ origin }, options));
}

/** A file that cannot be read is written anew. */
function knownOrNone(env: Env): readonly KnownBroker[] {
  try {
    return knownBrokers(env);
  } catch {
    return [];
  }
}

/** What still counts before the broker that was just signed in to. */
function otherwiseUsed(origin: string, { policyPath, env }: Options): readonly string[] {
  const policy = policyPath === undefined ? (env.ONCALL_POLICY ? 'ONCALL_POLICY' : undefined) : '--policy';
  if (policy !== undefined)
    return [`${policy} names a policy file, which counts before the broker: commands go to ${origin} only without it`];
  const other = env.ONCALL_BROKER && originOf(env.ONCALL_BROKER) !== origin;
  return other ? [`ONCALL_BROKER names another broker, which counts: commands go to ${origin} only without it`] : [];
}

async function logoutOf(broker: ChosenBroker, say: (line: string) => void, options: Options): ReturnType<SignIn['logout']> {
  const done = await signInTo(broker, options).logout({ say });
  const { forgetBroker } = await import('./broker-file.ts');
  await forgetBroker(options.env, broker.origin);
  const next = knownBrokers(options.env).at(-1);
  say(
    `the broker ${broker.origin} is forgotten; ${next === undefined ? 'commands go by a policy file again' : `commands now go to ${next.origin}`}`,
  );
  // Where nobody had to prove anything there is nothing to take back.
  return issuersOf(broker).length === 0 ? [{ issuer: broker.origin, outcome: 'nothing-to-revoke' }] : done;
}
