/** Whether commands go to a broker, and to which: of those that somebody signed in to, the last one or the one that `ONCALL_BROKER` names. */

import { join } from 'node:path';
import type { BrokerIdentity } from '../broker/client-metadata.ts';
import { originOf } from '../broker/client-origin.ts';
import { OncallError } from '../errors.ts';
import { signInFiles, signInFolder } from '../sign-in/context.ts';
import { type Env, userFolder } from './find-policy.ts';
import { throughSudo } from './identity.ts';

/** As it was at the last login there. */
export type KnownBroker = { readonly origin: string; readonly identities: readonly BrokerIdentity[] };

/** `why`: for people, behind "because it is". */
export type ChosenBroker = KnownBroker & { readonly why: string };

type Options = { readonly policyPath?: string; readonly env: Env };

/** Without ending, as conf adds it. */
export const brokersName = 'brokers';

/** Beside the tokens: what is in it says where they are sent. */
export const brokersFolder = (env: Env): string =>
  signInFolder(userFolder(env, 'XDG_CONFIG_HOME', '.config'), throughSudo(env) ? env.SUDO_UID : undefined);

/** `undefined`: a policy file counts. */
export function chosenBroker({ policyPath, env }: Options): ChosenBroker | undefined {
  if (policyPath !== undefined || env.ONCALL_POLICY) return undefined;
  const known = knownBrokers(env);
  if (!env.ONCALL_BROKER) {
    const last = known.at(-1);
    return last && { ...last, why: 'the broker that you signed in to last' };
  }
  const origin = originOf(env.ONCALL_BROKER, 'ONCALL_BROKER');
  const named = known.find((one) => one.origin === origin);
  if (named !== undefined) return { ...named, why: 'the broker that ONCALL_BROKER names' };
  throw new OncallError('not-signed-in', `you are not signed in to the broker ${origin}`, {
    exit: 4,
    why: 'ONCALL_BROKER names it, and that chooses only among brokers that you signed in to; nothing was sent',
    next: `oncall login ${origin}`,
  });
}

/** In the order of their logins. This file decides where a token goes, so one that is not as it was written ends the command. */
export function knownBrokers(env: Env): readonly KnownBroker[] {
  const folder = brokersFolder(env);
  const text = signInFiles(folder).read(`${brokersName}.json`);
  if (text === undefined) return [];
  const found = brokersIn(text);
  if (found !== undefined) return found;
  throw new OncallError('broker-file-broken', `which broker you signed in to cannot be read from ${join(folder, `${brokersName}.json`)}`, {
    exit: 4,
    why: 'it is not what this program wrote there',
    next: 'oncall login https://HOST, which writes it anew',
  });
}

function brokersIn(text: string): readonly KnownBroker[] | undefined {
  try {
    const { brokers } = Object(JSON.parse(text)) as { readonly brokers?: readonly KnownBroker[] };
    const isWhole =
      Array.isArray(brokers) && brokers.every(({ origin, identities }) => originOf(origin) === origin && identities.every(isSound));
    return isWhole ? brokers : undefined;
  } catch {
    return undefined;
  }
}

const isSound = (one: BrokerIdentity): boolean =>
  one.kind === 'local' || [one.issuer, one.clientId].every((part) => typeof part === 'string');
