/** What the policy language has and this version does not act on. It is refused, because a restriction that is ignored is an allowance. */

import type { Path } from './issue.ts';

const topKeys = new Set(['notify', 'delegate']);
const roleKeys = new Set([
  'follows',
  'overlap',
  'holdOver',
  'standing',
  'review',
  'ifMissed',
  'breakGlass',
  'params',
  'escalate',
  'quorum',
  'offerFor',
  'notify',
]);
/** Names under `people` that belong to no directory or roster but to something else that is to come. */
const peopleKeys = new Set(['slack']);

/** Other ways to get a role than `allow` and `ask`. */
export const otherWaysIn = ['follows', 'standing', 'breakGlass'] as const;

/** `path` is where the key stands, without the key. */
export function isNotYet(path: Path, key: string): boolean {
  const [top] = path;
  if (path.length === 0) return topKeys.has(key);
  if ((top === 'roles' && path.length === 2) || (top === 'defaults' && path.length === 1)) return roleKeys.has(key);
  return top === 'people' && peopleKeys.has(key);
}

export function notYet(what: string): { readonly code: 'not-yet'; readonly message: string; readonly hint: string } {
  return {
    code: 'not-yet',
    message: `${what} belongs to the policy language, but this version does not act on it`,
    hint: 'take it out; a policy is never followed in part',
  };
}
