/** `Operations` at the broker that was chosen, and what is said of it where a policy file would be looked at. */

import { type BrokerClient, brokerOperations } from '../broker/client.ts';
import { otherVersion } from '../broker/client-errors.ts';
import { isOncallError, OncallError } from '../errors.ts';
import type { Check, Operations } from '../operations/types.ts';
import type { Issue } from '../policy/issue.ts';
import type { SignInContext } from '../sign-in/context.ts';
import { currentToken } from '../sign-in/session.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';
import { brokersFolder, type ChosenBroker, type KnownBroker } from './broker.ts';
import type { Env } from './find-policy.ts';
import { localActor } from './identity.ts';
import { machineSecret } from './machine.ts';

type Options = {
  /** This program's. */
  readonly version: string;
  readonly env: Env;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly progress: (line: string) => void;
};

type Wired = {
  readonly operations: Operations;
  /** The broker's address, where the path of a policy would be. */
  readonly policy: { readonly path: string };
  readonly issues: readonly Issue[];
  close(): Promise<void>;
  readonly causeOf: (fault: unknown) => unknown;
};

export function wireBroker(broker: ChosenBroker, options: Options): Wired {
  const { origin } = broker;
  const { version, signal } = options;
  let theirs: string | undefined;
  const onAnswer = (said: string) => {
    theirs = said;
  };
  const operations = brokerOperations({ ...clientTo(broker, options), onAnswer });
  return {
    operations: { ...operations, ...toldHere(operations, broker, options) },
    policy: { path: origin },
    issues: [],
    close: async () => undefined,
    // The parts of an answer are believed to be there: one without them shows where it is used, in whatever way.
    causeOf: (fault) => {
      if (theirs === undefined || isOncallError(fault) || signal.aborted) return fault;
      return otherVersion({ origin, version }, theirs, 'what it answered is not of the form that this program knows', fault);
    },
  };
}

type Calling = Omit<Options, 'progress'>;

/** As whom, and whom to. */
export const clientTo = (broker: KnownBroker, options: Calling): BrokerClient => ({
  origin: broker.origin,
  version: options.version,
  authorization: () => authorization(broker, options),
  now: options.now,
  signal: options.signal,
  log: options.log,
});

/** What its contract or its meaning wants said by this side. */
function toldHere(
  { doctor, verify }: Operations,
  { origin }: ChosenBroker,
  { progress, signal }: Options,
): Pick<Operations, 'doctor' | 'verify'> {
  return {
    // Never throws for what it finds.
    doctor: () =>
      doctor().catch((error: unknown) => {
        if (!isOncallError(error) || signal.aborted) throw error;
        // By its exit it is told from a provider that lets the broker's own credentials do too little.
        if (error.code === 'forbidden' && error.exit === 3) return { checks: [brokerCheck(origin, 'skipped', forAdmins, error.next)] };
        return {
          checks: [brokerCheck(origin, 'fault', error.why === undefined ? error.message : `${error.message}: ${error.why}`, error.next)],
        };
      }),
    verify: (input) => {
      progress(
        `checked by ${origin}, against the head that it keeps; nothing is kept on this machine: compare a head written down elsewhere with --head`,
      );
      return verify(input);
    },
  };
}

const forAdmins = 'it takes your sign-in; what it rests on is for admins to look at, and you are none';

/** Nobody is proved by a broker that takes people at their word. */
async function authorization(broker: KnownBroker, options: Calling): Promise<string> {
  const issuers = issuersOf(broker);
  if (issuers.length === 0) return `Local ${localActor({ people: {} }, options.env).email}`;
  return `Bearer ${await atBroker(broker.origin, currentToken(issuers, brokerContext(broker, options)))}`;
}

export const issuersOf = ({ identities }: KnownBroker): readonly OidcIdentity[] =>
  identities.filter((one): one is OidcIdentity => one.kind === 'oidc');

/** What is got for this origin is found for no other. */
export function brokerContext(
  { origin }: Pick<KnownBroker, 'origin'>,
  { env, now, signal, log }: Omit<Options, 'progress' | 'version'>,
): SignInContext {
  return { folder: brokersFolder(env), origin, now, signal, log, machineSecret: machineSecret(env) };
}

/** The sign-in's own words name the policy, which is elsewhere, and a login without the address. */
export async function atBroker<T>(origin: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isOncallError(error)) throw error;
    const { code, message, exit, why, next, cause } = error;
    throw new OncallError(code, message, {
      exit,
      ...(why === undefined ? {} : { why: why.replace(/\bthe policy (wants|accepts|names|allows)\b/g, 'the broker $1') }),
      ...(next === undefined ? {} : { next: next.replace(/\boncall login\b(?! http)/g, `oncall login ${origin}`) }),
      cause,
    });
  }
}

export function policyAtBroker({ origin, why }: ChosenBroker): OncallError {
  return new OncallError('policy-at-broker', `there is no policy file to check here: commands go to ${origin}`, {
    exit: 2,
    why: `it is ${why}, and its policy is checked where it runs`,
    next: 'name the file: --policy FILE',
  });
}

/** In place of the checks of files. */
export const brokerInUse = ({ origin, why }: ChosenBroker): readonly Check[] => [
  brokerCheck(
    origin,
    'ok',
    `in use because it is ${why}; the policy and the ledger are the broker's, and their files are looked at where it runs`,
  ),
];

const brokerCheck = (origin: string, outcome: Check['outcome'], because: string, next?: string): Check => ({
  area: 'broker',
  what: origin,
  outcome,
  because,
  ...(next === undefined ? {} : { next }),
});
