/** Opens the ledger that a policy names, with the driver that it needs and no other. */

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Database } from '../ledger/database.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Deps } from '../operations/deps.ts';
import type { Policy } from '../policy/types.ts';
import { fileAnchor } from './anchor.ts';
import type { Env } from './find-policy.ts';
import { type LedgerPlace, ledgerPlace } from './ledger-place.ts';
import { once } from './once.ts';

/** At each Ctrl-Z hands over how to stop; returns how to stop listening. */
export type OnSuspend = (listener: (stop: () => void) => void) => () => void;

export type LedgerAround = {
  readonly env: Env;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly onSuspend?: OnSuspend | undefined;
  /** For `sweep` and `serve`: to make or upgrade the tables that several hosts share. */
  readonly mayMigrate?: boolean | undefined;
  /** Version of this program. */
  readonly version?: string | undefined;
};

/** Everything about the ledger that an operation may touch; nothing is opened, and no secret read, before one does. */
export function ledgerOf(policy: Policy, around: LedgerAround) {
  const { env, log } = around;
  const place = once(() => ledgerPlace(policy, around));
  const name = async (): Promise<string> => (await place()).name;
  const opened = once(async () => openLedgerAt(await place(), around));
  const ledger = Object.assign(async () => (await opened()).ledger, {
    opened: (): Promise<Ledger> | undefined => opened.opened()?.then((both) => both.ledger),
  });
  return {
    ledger,
    ledgerPlace: name,
    ledgerFacts: async () => (await import('../ledger/facts.ts')).ledgerFacts((await opened()).database),
    // Whether there is one in a database, only the database can say.
    ledgerExists: (): boolean => !('sqlite' in policy.ledger) || policy.ledger.sqlite === ':memory:' || existsSync(policy.ledger.sqlite),
    anchor: fileAnchor({ ledger: 'sqlite' in policy.ledger ? policy.ledger.sqlite : name, env, log }),
  } satisfies Partial<Deps>;
}

export type OpenLedger = { readonly ledger: Ledger; readonly database: Database };

/** `id` names a new one. */
export async function openLedgerAt(place: LedgerPlace, around: LedgerAround, id: string = randomUUID()): Promise<OpenLedger> {
  const { database, over } = await openDatabase(place, around);
  const { openLedger } = await import('../ledger/ledger.ts');
  const { now, mayMigrate, version } = around;
  const program = version === undefined ? {} : { program: version };
  const ledger = await openLedger(database, { now, id, mayMigrate, host: hostname(), ...program });
  const close = async (): Promise<void> => {
    await ledger.close();
    over();
  };
  return { database, ledger: { ...ledger, close } };
}

/** `over`: to be called once it is closed. */
export async function openDatabase(
  place: LedgerPlace,
  { log, onSuspend }: Pick<LedgerAround, 'log' | 'onSuspend'>,
): Promise<{ readonly database: Database; readonly over: () => void }> {
  if ('postgres' in place) {
    const { openPostgres } = await import('../ledger/postgres.ts');
    return { database: await openPostgres(place.postgres, { application: 'oncall', log }), over: () => undefined };
  }
  const { openSqlite } = await import('../ledger/sqlite.ts');
  const database = await openSqlite(place.sqlite);
  // Stopped in the middle of a transaction, it would keep every sweep from ending anything. A server of its own sees to that by itself.
  const stopListening = onSuspend?.((stop) => void database.between(stop));
  return { database, over: () => stopListening?.() };
}
