/** What an operation may touch, made for one command, one call or one sweep: directories and rosters remember within it and never beyond. */

import { randomInt } from 'node:crypto';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ledger } from '../ledger/ledger.ts';
import type { Deps } from '../operations/deps.ts';
import type { Policy } from '../policy/types.ts';
import { sources } from './open-source.ts';

/** What differs between those three. */
export type DepsOf = Pick<
  Deps,
  | 'policy'
  | 'ledger'
  | 'ledgerPlace'
  | 'ledgerFacts'
  | 'ledgerExists'
  | 'anchor'
  | 'actor'
  | 'now'
  | 'signal'
  | 'log'
  | 'progress'
  | 'courtesy'
  | 'throughBroker'
  | 'policyRejected'
  | 'background'
> & {
  readonly fault?: string | undefined;
  readonly meter?: Deps['meter'] | undefined;
  /** Where it is open already: then the time is the ledger's from the first question on. */
  readonly opened?: Ledger;
};

/** Uniform in [0, 1). */
export const random = (): number => randomInt(2 ** 32) / 2 ** 32;

/** Where the ledger's time is a database's, that is what ends access: this host may be off, and neither grants nor is kept from it by its own clock. */
export const offsetOf = ({ ledger: settings }: Pick<Policy, 'ledger'>, ledger: Ledger): number =>
  'sqlite' in settings ? 0 : ledger.offsetMs();

export function depsOf({ fault, meter, opened, ...given }: DepsOf): Deps {
  const { policy, now, log, signal } = given;
  let ledger = opened;
  const offsetMs = (): number => (ledger === undefined ? 0 : offsetOf(policy, ledger));
  let ahead: readonly number[] = [];
  const onServerDate = (ms: number): void => {
    const by = ms - now();
    ahead = [Math.min(by, ...ahead), Math.max(by, ...ahead)];
  };
  return {
    ...given,
    ...(fault === undefined ? {} : { policyFault: fault }),
    ...(meter === undefined ? {} : { meter }),
    ledger: async () => (ledger = await given.ledger()),
    ...sources(policy, { now, log, onServerDate, baseDir: dirname(policy.path) }),
    now: () => now() + offsetMs(),
    random,
    sleep: (ms) => delay(ms, undefined, { signal }),
    clockSkew: () => (ahead.length === 0 ? undefined : Math.max(...ahead.map((by) => Math.abs(by - offsetMs())))),
  };
}
