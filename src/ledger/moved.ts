/** What a ledger says that takes no writes: it was copied elsewhere, or is itself a copy that is not finished. */

import { OncallError } from '../errors.ts';

const unfinished = 'unfinished copy of ';

/** Stands in place of where it was moved to. */
export const unfinishedFrom = (place: string): string => `${unfinished}${place}`;

export const whyClosed = (to: string): string => (to.startsWith(unfinished) ? `it is an ${to}` : `it was copied to ${to}`);

/** The place stands in the message: of what a sweep meets that is all that is shown. */
export function moved(to: string): OncallError {
  if (to.startsWith(unfinished)) {
    return new OncallError('ledger-moved', `nothing is written to this ledger yet: ${whyClosed(to)}`, {
      why: 'what copied it was stopped before it came to its end',
      next: 'with the policy of before, once more: oncall ledger copy --to a policy that names this ledger',
    });
  }
  return new OncallError('ledger-moved', `nothing is written to this ledger any more: ${whyClosed(to)}`, {
    why: 'two ledgers must not act on the same groups',
    next: 'name the other one under `ledger` in the policy of this host',
  });
}
