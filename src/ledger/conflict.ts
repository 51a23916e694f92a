/** A compare-and-swap that found another version: somebody else was faster. */

import { OncallError } from '../errors.ts';

export function conflict(what: string, id: string): never {
  throw new OncallError('changed-meanwhile', `${what} ${id} was changed by another process at the same moment`, { next: 'try again' });
}
