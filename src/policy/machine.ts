/** Service accounts: how one is told from a person, and which rules are for it. */

import type { Condition, Rule } from './types.ts';

/** In the subject, because all that is kept of somebody has one: neither the ledger nor a policy that was changed meanwhile can make a person of a machine. */
const MARK = 'client:';

type Who = { readonly issuer: string; readonly subject: string };

export const machineSubject = (client: string): string => `${MARK}${client}`;

/** The client id, where it is a service account. Who is taken at their word may call themselves anything, and is none. */
export function clientOf({ issuer, subject }: Who): string | undefined {
  return issuer !== 'local' && subject.startsWith(MARK) ? subject.slice(MARK.length) : undefined;
}

/** Rules that let somebody in are for people, unless every way to meet one goes through `client`: a machine must not get in as a member of a group. */
export function isForSubject({ condition }: Pick<Rule, 'condition'>, { client }: { readonly client: string | undefined }): boolean {
  return client === undefined || needsClient(condition);
}

function needsClient(condition: Condition): boolean {
  if (condition.kind === 'all') return condition.conditions.some(needsClient);
  if (condition.kind === 'any') return condition.conditions.every(needsClient);
  return condition.kind === 'client';
}
