/** `audit verify`: whether the chain of events is whole, reaches the head that was kept outside the ledger, and has the one that was given. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Head } from '../lifecycle/events.ts';
import { readNow } from './anchor.ts';
import type { Deps } from './deps.ts';
import type { VerifyInput, VerifyResult } from './types.ts';

export async function verify(deps: Deps, { head }: VerifyInput): Promise<VerifyResult> {
  const anchor = readNow(deps.anchor);
  const kept = await anchor.read().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const known = 'value' in kept ? kept.value : undefined;
  // Looking must not be what makes a ledger.
  if (deps.ledgerExists?.() === false) return withoutLedger(deps, known);
  const chain = await look(deps, { kept: known, given: head });
  // What is known to be broken is told first; else nothing is called sound that could not be held against what was kept.
  if (chain.breach === undefined && 'error' in kept) throw cannot(kept.error);
  return { ...chain, ...(known === undefined ? {} : { kept: known }) };
}

async function look(deps: Deps, expected: { readonly kept: Head | undefined; readonly given: string | undefined }) {
  try {
    const ledger = await deps.ledger();
    // Rejects at an interrupt.
    return await ledger.read((q) => q.verifyChain(expected, () => deps.sleep(0)));
  } catch (error) {
    throw cannot(error);
  }
}

function withoutLedger(deps: Deps, kept: Head | undefined): VerifyResult {
  const { sqlite } = deps.policy.ledger;
  if (kept === undefined)
    throw new OncallError('no-ledger', `there is no ledger ${sqlite} to check`, {
      exit: 2,
      next: 'the first sweep makes one: oncall sweep',
    });
  const because = `the ledger ${sqlite} is gone, and event ${kept.seq} was seen in it`;
  return { rows: 0, head: { ledger: kept.ledger, seq: 0, hash: '' }, kept, breach: { kind: 'truncation', seq: 1, because } };
}

/** Broken is one thing, not to know another: scripts tell them by the exit code. */
function cannot(error: unknown): unknown {
  if (!isOncallError(error) || error.exit !== 1) return error;
  const { code, message, why, next } = error;
  return new OncallError(code, message, {
    exit: 2,
    ...(why === undefined ? {} : { why }),
    ...(next === undefined ? {} : { next }),
    cause: error,
  });
}
