/** `login`, `logout`, `whoami` where commands go to a broker, or are about to; else as the policy says. */

import { brokerIdentities } from '../broker/client-metadata.ts';
import { originOf } from '../broker/client-origin.ts';
import type { Person, SignIn } from '../commands/command.ts';
import { isOncallError, OncallError } from '../errors.ts';
import { logout } from '../sign-in/session.ts';
import { type ChosenBroker, chosenBroker, type KnownBroker, knownBrokers } from './broker.ts';
import { atBroker, brokerContext, clientTo, issuersOf } from './broker-wire.ts';
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
      const work = origin === undefined ? direct().then((signIn) => signIn.login(how)) : loginTo(origin, how, options);
      return work.catch((error: unknown) => {
        throw mistaken(error, how.domain);
      });
    },
    logout: async (how) => {
      const broker = chosenBroker(options);
      if (broker !== undefined) return logoutOf(broker, how.say, options);
      const signIn = await direct().catch((error: unknown) => {
        if (isOncallError(error) && error.code === 'no-policy' && !options.policyPath && !options.env.ONCALL_POLICY) return undefined;
        throw error;
      });
      return (await signIn?.logout(how)) ?? [];
    },
    whoami: async () => {
      const broker = chosenBroker(options);
      if (broker === undefined) return (await direct()).whoami();
      return { ...(await atBroker(broker.origin, signInTo(broker, options).whoami())), broker: broker.origin };
    },
  };
}

/** The name of a broker's host, without `https://`, is read as a domain. */
function mistaken(error: unknown, domain: string | undefined): unknown {
  if (!isOncallError(error) || !['no-policy', 'no-issuer', 'which-issuer'].includes(error.code)) return error;
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(domain ?? '')) return error;
  const { code, message, exit, why } = error;
  const next = `oncall login https://${domain}`;
  return new OncallError(code, message, { exit, why: `${why}; the address of a broker begins with https://`, next });
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
  const overriddenBy = otherwiseUsed(origin, options);
  how.say(`signing in to the broker ${origin}`);
  const broker: KnownBroker = { origin, identities: await brokerIdentities({ origin, ...options }) };
  const person = await provedTo(broker, how, options);
  const { rememberBroker } = await import('./broker-file.ts');
  await forsake(broker, options);
  await accepted(broker, how, options);
  await rememberBroker(options.env, broker);
  return { ...person, broker: origin, ...(overriddenBy === undefined ? {} : { overriddenBy }) };
}

/** One cheap call: a sign-in that the broker does not accept is told now, not by the first command at night. */
async function accepted(broker: KnownBroker, how: How, options: Options): Promise<void> {
  const { brokerOperations } = await import('../broker/client.ts');
  try {
    await brokerOperations(clientTo(broker, options)).roles();
  } catch (error) {
    if (!isOncallError(error) || options.signal.aborted) throw error;
    const { message, why, exit } = error;
    if (exit === 3 || exit === 4) {
      await logout(issuersOf(broker), brokerContext(broker, options));
      throw error;
    }
    how.say(
      `warning: the broker does not answer as it should just now, the sign-in is kept all the same: ${message}${why === undefined ? '' : `: ${why}`}`,
    );
  }
}

/** Where there is nobody to prove anything to, it is only found out whether a name is known. */
async function provedTo(broker: KnownBroker, how: How, options: Options): Promise<Person> {
  const issuers = issuersOf(broker);
  if (issuers.length === 0) {
    if (how.domain === undefined && how.client === undefined) return { ...localActor({ people: {} }, options.env), proof: 'word' };
    const why = `${broker.origin} takes people at their word, whatever ${how.domain === undefined ? 'client' : 'domain'} is named`;
    throw new OncallError('no-issuer', 'there is nothing to sign in to', { exit: 2, why, next: `oncall login ${broker.origin}` });
  }
  for (const { issuer, clientId, audience } of issuers) {
    const meantFor = audience === undefined ? 'that client itself (an ID token)' : audience;
    how.say(`it takes sign-ins of ${issuer} by the client ${how.client ?? clientId}, meant for ${meantFor}`);
  }
  const issuer = how.client === undefined ? undefined : issuerFor(how.client, how.issuer, broker, options.env);
  return atBroker(broker.origin, signInTo(broker, options).login({ ...how, ...(issuer === undefined ? {} : { issuer }) }));
}

/** A broker could name any issuer, and its own would be given the secret: which one it is has to be known on this side. */
function issuerFor(client: string, said: string | undefined, { origin, identities }: KnownBroker, env: Env): string {
  const before = knownOrNone(env).find((one) => one.origin === origin);
  const known = before === undefined ? [] : issuersOf(before).filter(({ machines = {} }) => Object.hasOwn(machines, client));
  const issuers = [...new Set(known.map(({ issuer }) => issuer))];
  const found = said ?? (env.ONCALL_CLIENT_ISSUER || undefined) ?? (issuers.length === 1 ? issuers[0] : undefined);
  if (found !== undefined) return found;
  const named = [...new Set(issuersOf({ origin, identities }).map(({ issuer }) => issuer))];
  throw new OncallError('which-issuer-of-client', `it is not said here to whom the secret of ${client} may go`, {
    exit: 2,
    why: `${origin} names ${named.join(' and ')}, but a false broker could name an issuer of its own, which would get the secret; nothing was sent`,
    next: `set ONCALL_CLIENT_ISSUER to your issuer, or where ${named[0]} is it: oncall login ${origin} --client ${client} --issuer ${named[0]}`,
  });
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

/** What still counts before the broker that is signed in to. */
function otherwiseUsed(origin: string, { policyPath, env }: Options): Person['overriddenBy'] {
  if (policyPath !== undefined) return '--policy';
  if (env.ONCALL_POLICY) return 'ONCALL_POLICY';
  return env.ONCALL_BROKER && originOf(env.ONCALL_BROKER, 'ONCALL_BROKER') !== origin ? 'ONCALL_BROKER' : undefined;
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
