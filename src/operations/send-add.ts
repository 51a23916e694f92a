/** Sends the add of a membership that was claimed, in time, and says what is known of it: an answer, a member who is there, or a fault. */

import { isProviderError, nextStep, ProviderError } from '../errors.ts';
import { quietMs } from '../lifecycle/limits.ts';
import { isJustRemoved } from '../lifecycle/ownership.ts';
import type { Membership } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';

/** How often one activation sends its add. */
export const tries = 3;

/**
 * The claim set them for an add that might be sent until `addBy`. Now it is known what was sent, and that it was before now: where all of it was
 * answered they go back to what an earlier lost write left, else the quiet time counts from here and the memory of the add stays.
 */
export function fencesAfter({ quietUntil, unansweredUntil }: Membership, lost: boolean, now: number) {
  return lost ? { quietUntil: Math.max(quietUntil, now + quietMs) } : { quietUntil, unansweredUntil };
}

export type Adding = { readonly addBy: number; readonly until: number };

/** `seen`: a try was lost, but the member is there now. */
export async function sendAdd(deps: Deps, row: Membership, { addBy, until }: Adding): Promise<'answered' | 'seen' | ProviderError> {
  const ledger = await deps.ledger();
  const directory = await deps.directory(row.directory);
  const beforeWrite = (): void => {
    if (ledger.now() >= addBy) throw new ProviderError(row.directory, 'too-late', 'the time to add has passed', { applied: 'no' });
  };
  let lost = false;
  for (let attempt = 1; ; attempt++) {
    try {
      await directory.add(row, { signal: deps.signal, beforeWrite, until });
      return lost ? 'seen' : 'answered';
    } catch (error) {
      const fault = toProviderError(row.directory, error);
      lost ||= fault.applied === 'unknown';
      const canBeSeen = lost && !isJustRemoved(row, ledger.now());
      if (canBeSeen && (await directory.read(row, {}).catch(() => 'unread')) === 'member') return 'seen';
      const wait = fault.retryAfterMs ?? 250 * 2 ** attempt * (0.5 + deps.random());
      const again = fault.retryable && attempt < tries && !deps.signal.aborted && ledger.now() + wait < addBy;
      if (!again)
        return lost && fault.applied === 'no'
          ? new ProviderError(fault.provider, fault.fault, fault.message, { applied: 'unknown', next: nextStep(fault), cause: fault })
          : fault;
      deps.log(`${row.directory}: add failed (${fault.message}), trying again in ${Math.round(wait)} ms`);
      await deps.sleep(wait);
    }
  }
}

export function toProviderError(provider: string, error: unknown): ProviderError {
  if (isProviderError(error)) return error;
  if (error instanceof Error && error.name === 'OncallError')
    return new ProviderError(provider, 'refused', error.message, { applied: 'no', cause: error });
  throw error;
}
