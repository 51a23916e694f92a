/** One event for a call to a broker that was refused: who, where a token proved it, what, and why. */

import type { Ledger } from '../ledger/ledger.ts';
import type { Actor } from '../lifecycle/types.ts';

export type RefusedCall = {
  readonly actor?: Actor;
  readonly operation: string;
  readonly code: string;
  readonly why: string;
  /** Where the call came from. */
  readonly address: string;
  /** Set where it stands for so many calls, the last of which it tells. */
  readonly count?: number;
};

/** What an operation refuses and records as an event of its own is not recorded here again: whoever calls this knows which those are. */
export async function recordRefusedCall(ledger: Ledger, { actor, operation, code, why, address, count }: RefusedCall): Promise<void> {
  const data = {
    operation: bounded(operation, 40),
    code: bounded(code, 60),
    why: bounded(why, 300),
    address: bounded(address, 64),
    ...(count === undefined ? {} : { count }),
  };
  await ledger.write((q) => q.record({ type: 'call.refused', actor: actor ?? 'nobody', data }));
}

/** Some of it comes from outside: one line, and never long enough to fill a trail with. */
function bounded(text: string, most: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length <= most ? line : `${line.slice(0, most - 1).toWellFormed()}…`;
}
