/** Whether two are one person: strictly, for what is theirs; and whether they could be, for what they must not do themselves. */

import type { Actor } from '../lifecycle/types.ts';
import type { Policy } from '../policy/types.ts';
import { nameIn } from './names.ts';

/** The same person is the same subject at the same issuer; the e-mail is compared as well, so that a second sign-in under it does not count. */
export const isSame = (a: Actor, b: Actor): boolean => (a.issuer === b.issuer && a.subject === b.subject) || a.email === b.email;

/** Also one whose e-mail is only spelled otherwise, and who goes by one name somewhere under `people`. */
export function couldBeOne(policy: Policy, a: Actor, b: Actor): boolean {
  if (isSame(a, b)) return true;
  const elsewhere = [a, b].flatMap(({ email }) => Object.keys(policy.people[email] ?? {}));
  const sources = new Set([...Object.keys(policy.directories), ...Object.keys(policy.rosters), ...elsewhere]);
  return [...sources].some((source) => plain(nameIn(policy, source, a.email)) === plain(nameIn(policy, source, b.email)));
}

/** Without what a reader does not see, and what only looks like another letter's form: case, full width, joiners. */
const plain = (name: string): string =>
  name
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .toUpperCase()
    .toLowerCase();
