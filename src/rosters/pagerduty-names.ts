/** Finds schedules and escalation policies of PagerDuty by id or by exact name. */

import * as z from 'zod/mini';
import { isProviderError, ProviderError } from '../errors.ts';
import { provider, type Session } from './pagerduty-client.ts';

export type Kind = 'schedule' | 'escalation policy';

export type Named = {
  readonly kind: Kind;
  readonly id: string;
  /** False: it only looks like an id so far. */
  readonly sure: boolean;
  /** A schedule that no escalation policy uses. */
  readonly unattached?: boolean;
};

const item = z.object({
  id: z.string(),
  name: z.nullish(z.string()),
  summary: z.nullish(z.string()),
  escalation_policies: z.nullish(z.array(z.unknown())),
});

const collections = { schedule: 'schedules', 'escalation policy': 'escalation_policies' } as const;

export async function readById(session: Session, { kind, id }: Named): Promise<Named | undefined> {
  const key = kind === 'schedule' ? 'schedule' : 'escalation_policy';
  try {
    const answer = await session.get(`/${collections[kind]}/${encodeURIComponent(id)}`, {}, z.object({ [key]: item }));
    return named(kind, answer[key] as z.output<typeof item>);
  } catch (error) {
    if (isProviderError(error) && error.fault === 'not-found') return undefined;
    throw error;
  }
}

export async function findByName(session: Session, kind: Kind, name: string): Promise<Named> {
  const key = collections[kind];
  // `query` matches parts of names as well.
  const like = await session.list(`/${key}`, key, { query: name }, item);
  const exact = like.filter((one) => (one.name ?? one.summary) === name);
  const [only, ...others] = exact;
  if (only === undefined) {
    throw new ProviderError(provider, 'not-found', `${provider} has no ${kind} "${name}"`, {
      applied: 'no',
      next: `name the ${kind} in the policy by its id or its exact name`,
    });
  }
  if (others.length > 0) {
    const ids = exact.map(({ id }) => id).join(', ');
    throw new ProviderError(provider, 'ambiguous', `${provider} has ${exact.length} of ${key} named "${name}": ${ids}`, {
      applied: 'no',
      next: 'name the one you mean by its id',
    });
  }
  return named(kind, only);
}

function named(kind: Kind, { id, escalation_policies: policies }: z.output<typeof item>): Named {
  return { kind, id, sure: true, ...(kind === 'schedule' && policies?.length === 0 ? { unattached: true } : {}) };
}
