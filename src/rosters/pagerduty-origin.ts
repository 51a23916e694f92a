/** Who opened an incident of PagerDuty and who put a person on it, read from its log: the incident itself does not say. */

import * as z from 'zod/mini';
import { isProviderError, ProviderError } from '../errors.ts';
import { instant } from './interval.ts';
import { provider, type Session } from './pagerduty-client.ts';
import { type Known, lookUp } from './pagerduty-incidents.ts';
import type { Incident, Origin } from './roster.ts';

const agent = z.object({ id: z.string(), type: z.string(), summary: z.nullish(z.string()) });
const entry = z.object({
  type: z.string(),
  created_at: instant,
  agent: z.nullish(agent),
  assignees: z.nullish(z.array(z.object({ id: z.string() }))),
});

type Agent = z.output<typeof agent>;
type Entry = z.output<typeof entry>;

export async function originOf(session: Session, known: Known, incident: Incident, email: string): Promise<Origin> {
  // Without this PagerDuty gives the entries that it holds for important, and an assignment may not be among them.
  const params = { is_overview: 'false' };
  const path = `/incidents/${known.ids.get(incident) ?? encodeURIComponent(incident.ref)}/log_entries`;
  const entries = await session.list(path, 'log_entries', params, entry).catch((error: unknown) => {
    if (!isProviderError(error) || error.fault !== 'not-found') throw error;
    throw new ProviderError(provider, 'not-found', `${provider} has no incident ${incident.ref} any more`, { applied: 'no' });
  });
  const mine = [...known.emails].filter(([, one]) => one === email).map(([id]) => id);
  const opener = entries.find(({ type }) => type === 'trigger_log_entry')?.agent;
  const assigner = assignerOf(oldestFirst(entries), mine);
  const users = [opener, assigner].flatMap((who) => (who && isUser(who) ? [who.id] : []));
  await lookUp(session, known, users);
  const [openedBy, assignedBy] = [nameOf(opener, known), nameOf(assigner, known)];
  return openedBy === undefined || assignedBy === undefined ? {} : { openedBy, assignedBy };
}

/** The log comes newest first; what happened in the same second stays in its order. */
function oldestFirst(entries: readonly Entry[]): readonly Entry[] {
  return [...entries].reverse().sort((a, b) => a.created_at - b.created_at);
}

/**
 * The one who put them on it when they were not on it yet, or who confirmed it since. An assignment names everybody who is on it from then on.
 * Whoever acknowledges what nobody had assigned to them has put themselves there.
 */
function assignerOf(entries: readonly Entry[], mine: readonly string[]): Agent | undefined {
  const isMe = (id: string | undefined): boolean => id !== undefined && mine.includes(id);
  let by: Agent | undefined;
  for (const { type, agent: who, assignees } of entries) {
    if (type === 'acknowledge_log_entry' && isMe(who?.id)) by ??= who ?? undefined;
    if (!assignees || assignees.length === 0) continue;
    if (!assignees.some(({ id }) => isMe(id))) by = undefined;
    else if (by === undefined || !isMe(who?.id)) by = who ?? undefined;
  }
  return by;
}

const isUser = ({ type }: Agent): boolean => type.startsWith('user');

/** The e-mail of a person, else the name of the service or integration that did it. A person without an e-mail may be anybody. */
function nameOf(who: Agent | null | undefined, { emails }: Known): string | undefined {
  if (!who) return undefined;
  return isUser(who) ? (emails.get(who.id) ?? undefined) : (who.summary ?? who.id);
}
