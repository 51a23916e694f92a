/** `audit verify`: whether the chain of events is whole, reaches the head that was kept outside the ledger, and has the one that was given. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Head, RecordedEvent } from '../lifecycle/events.ts';
import { readNow, recoveryAfter, whyNotIn } from './anchor.ts';
import type { Deps } from './deps.ts';
import { ledgerNamed } from './names.ts';
import type { VerifyInput, VerifyResult } from './types.ts';

export async function verify(deps: Deps, { head }: VerifyInput): Promise<VerifyResult> {
  const anchor = readNow(deps.anchor);
  const kept = await anchor.read().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const known = 'value' in kept ? kept.value : undefined;
  // Looking must not be what makes a ledger.
  if (deps.ledgerExists?.() === false) return withoutLedger(await ledgerNamed(deps), known);
  const { chain, recovery } = await look(deps, { kept: known, given: head });
  // What is known to be broken is told first; else nothing is called sound that could not be held against what was kept.
  if (chain.breach === undefined && 'error' in kept) throw cannot(kept.error);
  const recovered = recovery === undefined ? {} : { recovered: { seq: recovery.seq, at: recovery.at, by: nameOf(recovery) } };
  return { ...chain, ...(known === undefined ? {} : { kept: known }), ...recovered };
}

const nameOf = ({ actor }: RecordedEvent): string => (typeof actor === 'string' ? actor : actor.email);

async function look(deps: Deps, expected: { readonly kept: Head | undefined; readonly given: string | undefined }) {
  try {
    const ledger = await deps.ledger();
    const recovery = await ledger.read((q, now) => madeUpFor(q, now, expected.kept));
    // Rejects at an interrupt.
    const chain = await ledger.verifyChain(recovery === undefined ? expected : { given: expected.given }, () => deps.sleep(0));
    return { chain, recovery };
  } catch (error) {
    throw cannot(error);
  }
}

async function madeUpFor(q: Queries, now: number, kept: Head | undefined): Promise<RecordedEvent | undefined> {
  if (kept === undefined || (await whyNotIn(q, now, kept)) === undefined) return undefined;
  return recoveryAfter(q, kept);
}

function withoutLedger(place: string, kept: Head | undefined): VerifyResult {
  if (kept === undefined)
    throw new OncallError('no-ledger', `there is no ledger ${place} to check`, {
      exit: 2,
      next: 'the first sweep makes one: oncall sweep',
    });
  const because = `the ledger ${place} is gone, and event ${kept.seq} was seen in it`;
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
