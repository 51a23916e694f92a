/** Where the ledger of a policy is, and what that place is called: a database without the user and password of its address. */

import { dirname } from 'node:path';
import type { Policy } from '../policy/types.ts';
import type { Env } from './find-policy.ts';

export type LedgerPlace =
  | { readonly name: string; readonly sqlite: string }
  /** `postgres`: the whole address, password and all; for the driver alone. */
  | { readonly name: string; readonly postgres: string };

type Around = { readonly env: Env; readonly signal?: AbortSignal };

export async function ledgerPlace({ ledger, path }: Pick<Policy, 'ledger' | 'path'>, { env, signal }: Around): Promise<LedgerPlace> {
  if ('sqlite' in ledger) return { name: ledger.sqlite, sqlite: ledger.sqlite };
  const { resolveSecret } = await import('../secrets.ts');
  const { readUrl } = await import('../ledger/postgres-url.ts');
  const postgres = await resolveSecret(ledger.postgres, 'the address of the ledger', { baseDir: dirname(path), env, signal });
  return { name: `postgres://${readUrl(postgres).name}`, postgres };
}
