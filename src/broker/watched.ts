/** How the broker stands, for those who ask without proving anybody: the ledger is asked every few seconds at most, however often they ask. */

import type { Health, Host } from './host.ts';

export type Watched = { readonly health?: Health; readonly why?: string };

const FRESH_MS = 2_000;
const PATIENCE_MS = 5_000;

export function watched({ health, log }: Pick<Host, 'health' | 'log'>): () => Promise<Watched> {
  let last: { readonly soon: Promise<Watched>; readonly at: number } | undefined;
  let hangs = false;
  let told: string | undefined;

  const look = async (): Promise<Watched> => {
    hangs = true;
    const found = health().finally(() => {
      hangs = false;
    });
    const seen = await soonEnough(found).catch((error: Error) => ({ error }));
    const error = seen === undefined ? `no answer for ${PATIENCE_MS / 1000} s` : 'error' in seen ? seen.error.message : undefined;
    if (error !== undefined && error !== told) log(`not ready: the ledger cannot be asked: ${error}`);
    told = error;
    if (seen === undefined || 'error' in seen) return { why: 'the ledger cannot be asked' };
    return { health: seen, ...(seen.ready ? {} : { why: seen.why ?? 'not ready' }) };
  };

  return () => {
    // One that does not end is waited for, not asked again.
    if (last === undefined || (!hangs && performance.now() - last.at >= FRESH_MS)) last = { soon: look(), at: performance.now() };
    return last.soon;
  };
}

/** `undefined`: no answer in time. */
function soonEnough(work: Promise<Health>): Promise<Health | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
