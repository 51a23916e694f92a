/**
 * `audit list --csv`: each access with why, who said yes and how it ended. Made from the trail alone, which is what can be checked, and not from
 * the tables, which say only what is to be done next.
 */

import { type Access, foldAccesses } from '../lifecycle/accesses.ts';
import type { AccessInput, AccessResult } from './audit-types.ts';
import type { Deps } from './deps.ts';
import { callsRole } from './names.ts';
import { requireReadable } from './rights.ts';

/** In one answer of a broker. */
const mostAtOnce = 20_000;
/** Of the trail that are looked through in one transaction: for some milliseconds nobody else gets a turn. */
const piece = 2_000;

/** How every type begins that the fold needs. */
const texts = ['request', 'grant', 'member', 'rotation', 'standing'].map((what) => `"type":"${what}.`);

export async function accesses(deps: Deps, { since = 0, until, user, role, limit, after = 0 }: AccessInput): Promise<AccessResult> {
  const actor = await deps.actor();
  const roles = await requireReadable(deps, actor, 'read all of the audit', 'your own requests, one by one: oncall audit list ID');
  if (roles !== 'all') deps.progress('only what concerns you, or a role that you approve; admins read all of it');
  const isIt = role === undefined ? () => true : callsRole(role);
  const email = user?.toLowerCase();
  const isOver = ({ seq, endedAt }: Access): boolean => seq <= after || (endedAt !== undefined && endedAt < since);
  const isWanted = (access: Access): boolean =>
    !isOver(access) &&
    (until === undefined || (access.beganAt ?? access.askedAt) < until) &&
    (email === undefined || access.holder === email) &&
    isIt(access.role) &&
    (roles === 'all' || roles.has(access.role) || access.holder === actor.email);

  const fold = foldAccesses();
  const ledger = await deps.ledger();
  const { seq: last } = await ledger.read((q) => q.head());
  // Events are only ever added: read piece by piece they are what they are read at once.
  for (let from = 1; from <= last; from += piece) {
    deps.signal.throwIfAborted();
    const events = await ledger.read((q) => q.eventsWith({ from, before: Math.min(from + piece, last + 1), limit: piece, texts }));
    for (const event of [...events].reverse()) fold.add(event);
    // Each time all of them are looked at.
    if (from % (50 * piece) === 1 && since + after > 0) fold.drop(isOver);
  }
  const found = [...fold.all()].filter(isWanted);
  const page = found.slice(0, Math.min(limit ?? Number.POSITIVE_INFINITY, deps.throughBroker ? mostAtOnce : Number.POSITIVE_INFINITY));
  const lastOne = page.at(-1);
  return { accesses: page, ...(lastOne === undefined || page.length === found.length ? {} : { more: lastOne.seq }) };
}
