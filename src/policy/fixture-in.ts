/** What must not be said of a case that asks who is in without asking. */

import { factConditions } from './conditions.ts';
import type { WrittenCase } from './fixture-schema.ts';
import { schedulesIn } from './follows.ts';
import type { Path, Report } from './issue.ts';
import type { FactCondition, Role } from './types.ts';

/** All of them are about somebody who asks. */
const ofAsking = [
  'user',
  'client',
  'member',
  'onCall',
  'incident',
  'for',
  'until',
  'breakGlass',
  'expect',
  'end',
  'limitedBy',
  'endsWith',
  'rule',
  'approvers',
  'quorum',
  'maxHolders',
] as const;

const sourceOf = (fact: FactCondition): string => (fact.kind === 'member' ? fact.directory : fact.roster);

/** A thing that is said and never looked at would pass whatever the policy says. */
export function refuseIn(written: WrittenCase, role: Role | undefined, down: readonly string[], path: Path, report: Report): void {
  const idle = (key: string, message: string): void => report({ code: 'orphan-key', message, path: [...path, key], on: 'key' });
  for (const key of ofAsking.filter((one) => written[one] !== undefined)) idle(key, `"${key}" means nothing beside "in"`);
  if (role === undefined) return;
  if (role.follows === undefined && role.standing === undefined)
    idle('in', `nobody has ${role.name} without asking: it has neither "follows" nor "standing"`);
  const silent = role.follows && schedulesIn(role.follows).find(({ roster }) => down.includes(roster));
  const unheard = factConditions(role.deny).find((one) => down.includes(sourceOf(one)));
  if (silent) idle('in', `while ${silent.roster} does not answer nobody comes and nobody goes: who is in depends on who was in before`);
  else if (unheard)
    idle(
      'in',
      `while ${sourceOf(unheard)} does not answer nobody is taken out by "deny", and nobody let in whom it may keep out: who is in depends on who was in before`,
    );
}
