/** What the broker's server is handed: for each call the operations as a command has them, on the policy as it is at that moment. */

import type { Host, Inside } from '../broker/host.ts';
import type { LogEntry } from '../commands/command.ts';
import { OncallError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { answersIn } from '../operations/answers.ts';
import { health } from '../operations/health.ts';
import { createOperations } from '../operations/index.ts';
import { recordRefusedCall } from '../operations/refused-call.ts';
import type { Operations } from '../operations/types.ts';
import type { Policy } from '../policy/types.ts';
import { privateFolder } from '../private-file.ts';
import { anchorFile } from './anchor.ts';
import { type DepsOf, depsOf, offsetOf, random } from './deps.ts';
import type { Env } from './find-policy.ts';
import type { ledgerOf } from './open-ledger.ts';
import { insideOf } from './serve-inside.ts';

export type HostOf = {
  readonly version: string;
  readonly origin: string;
  readonly policy: () => Policy;
  /** Why the file, where it has changed, is not used. */
  readonly rejected: () => string | undefined;
  /** It is open. */
  readonly ledger: Ledger;
  readonly remembers: ReturnType<typeof ledgerOf>;
  readonly env: Env;
  readonly now: () => number;
  readonly tell: (entry: LogEntry) => void;
  /** Nothing runs any more. */
  readonly stopped: AbortSignal;
  readonly background: NonNullable<DepsOf['background']>;
};

/** For one call, or one sweep. */
export function operationsOn(of: HostOf, call: Pick<DepsOf, 'actor' | 'signal' | 'throughBroker'>): Operations {
  const { policy, ledger, remembers, now, tell, background } = of;
  const policyRejected = of.rejected();
  return createOperations(
    depsOf({
      policy: policy(),
      ...(policyRejected === undefined ? {} : { policyRejected }),
      ...remembers,
      opened: ledger,
      ...call,
      now,
      background,
      log: (message) => tell({ level: 'debug', event: 'detail', message }),
      progress: (message, more) => tell({ level: more?.alsoOffTerminal ? 'info' : 'debug', event: 'progress', message }),
      // Whoever calls cannot read what this process reads.
      courtesy: false,
    }),
  );
}

export function hostOf(of: HostOf): Host {
  const { version, origin, policy, ledger, remembers, now, tell, stopped } = of;
  let inside: { readonly of: Policy; readonly found: Inside } | undefined;
  return {
    ...{ version, origin, random, signal: stopped },
    // What tokens are held against is what access is.
    now: () => now() + offsetOf(policy(), ledger),
    identities: () => policy().identity,
    isBlocked: ({ email }) => policy().blocked.includes(email),
    operationsFor: (actor, signal) => operationsOn(of, { actor: async () => actor, signal, throughBroker: true }),
    answers: answersIn(async () => ledger),
    inside: async () => {
      const now = policy();
      if (inside?.of !== now) inside = { of: now, found: insideOf(now, await remembers.ledgerPlace(), keysFolder(of.env)) };
      return inside.found;
    },
    refused: (call) => recordRefusedCall(ledger, call),
    health: async () => ({ ...(await health(ledger, policy())), policyRejected: of.rejected() !== undefined }),
    folder: keysFolder(of.env),
    // Nothing is said there while all is well.
    log: (message) => tell({ level: 'warning', event: 'server', message }),
  };
}

/** Where the head of the ledger is kept: the settings of a service are often read-only. */
const keysFolder = (env: Env): string => anchorFile({ ledger: '', env }).folder;

/** At the start, so that nobody finds out by being refused. */
export function makeKeysFolder(env: Env): void {
  const loose = (path: string, because: string, next: string): OncallError =>
    new OncallError('folder-loose', 'the folder for what a broker keeps is not used', { why: `${path} ${because}`, next });
  privateFolder(keysFolder(env), loose, { what: 'what a broker keeps', variable: 'XDG_STATE_HOME' }).make();
}
