/** A rotation that a role follows: the sweep lets in whoever is on call there, and takes out whoever is no longer. */

import type { RoleCheck } from './checks.ts';
import { notExclusive } from './checks-exclusive.ts';
import { positiveLeaves } from './conditions.ts';
import type { Path } from './issue.ts';
import { combine, resolveCondition, resolveSchedule, type Scope } from './resolve-condition.ts';
import type { OnCallCondition, Rule } from './types.ts';

export type Follows = {
  /** Whom it lets in. */
  readonly rule: Rule;
  /** How long before their shift somebody is let in, and stays after it. */
  readonly overlapMs: number;
  /** How long who is in stays past their end while nobody can say who is on call. */
  readonly holdOverMs: number;
};

/** As `onCall` is written in a condition, or such a condition itself. */
export type WrittenFollows =
  | string
  | readonly string[]
  | { readonly onCall?: readonly string[]; readonly escalationPolicy?: readonly string[]; readonly levels?: readonly number[] };

type Written = { readonly follows?: WrittenFollows; readonly overlap?: number; readonly holdOver?: number };

const dayMs = 86_400_000;

export function resolveFollows({ follows, overlap, holdOver }: Written, role: string, path: Path, scope: Scope): Follows | undefined {
  if (follows === undefined) return undefined;
  const at = [...path, 'follows'];
  const condition =
    typeof follows === 'string'
      ? resolveSchedule(follows, [], at, scope)
      : isList(follows)
        ? combine(
            'any',
            follows.map((one, index) => resolveSchedule(one, [], [...at, index], scope)),
          )
        : resolveCondition(follows, at, scope);
  if (condition === undefined) return undefined;
  return { rule: { name: `${role}.follows`, condition, graceMs: 0 }, overlapMs: overlap ?? 0, holdOverMs: holdOver ?? dayMs };
}

const isList = (follows: Exclude<WrittenFollows, string>): follows is readonly string[] => Array.isArray(follows);

export const schedulesIn = ({ rule }: Follows): readonly OnCallCondition[] =>
  positiveLeaves(rule.condition).filter((leaf) => leaf.kind === 'onCall');

export const followsChecks: readonly ((check: RoleCheck) => void)[] = [nothingToFollow, rotationIsItsOwn, placesAreEnough];

function nothingToFollow({ path, keys, report }: RoleCheck): void {
  if (keys.includes('follows')) return;
  for (const key of ['overlap', 'holdOver'].filter((one) => keys.includes(one)))
    report({ code: 'orphan-key', message: `"${key}" means nothing without "follows"`, path: [...path, key], on: 'key' });
}

/** Elsewhere nobody could tell who came by the rotation, and who is off it would stay by the other way. */
function rotationIsItsOwn(check: RoleCheck): void {
  if (check.keys.includes('follows')) notExclusive(check, 'follows', 'who is in by this rotation cannot be told');
}

function placesAreEnough({ role, path, report }: RoleCheck): void {
  if (role.follows === undefined || role.maxHolders === undefined) return;
  report({
    severity: 'warning',
    code: 'places-on-rotation',
    message: `whoever comes on call waits while ${role.maxHolders === 1 ? 'the place is' : 'all places are'} taken, also by whoever goes`,
    hint: 'take "maxHolders" out: the rotation itself says how many',
    path: [...path, 'maxHolders'],
  });
}
