/** A list of AWS's, page by page: all of it or an error, as a list read in part would say of somebody that they are not there. */

import { malformed } from './aws-errors.ts';

export type Page<T> = {
  readonly items: readonly T[] | undefined;
  /** Where it goes on, if it does. */
  readonly next: string | undefined;
};

const maxPages = 1_000;

export async function* pages<T>(name: string, read: (from: string | undefined) => Promise<Page<T>>): AsyncGenerator<readonly T[]> {
  let from: string | undefined;
  for (let count = 0; count < maxPages; count++) {
    const { items, next } = await read(from);
    if (items === undefined) throw malformed(name, 'AWS answered a list without its items');
    yield items;
    if (next === undefined) return;
    if (next === '' || next === from) throw malformed(name, 'AWS says that a list goes on, but not where');
    from = next;
  }
  throw malformed(name, `AWS answered a list of more than ${maxPages} pages`);
}
