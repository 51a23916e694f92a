/**
 * `audit list`: the events as they were written, oldest first; with `of` only those of one request. Only the last ones, and of what was `before` only.
 * Everybody reads what concerns themselves, approvers what concerns their roles, admins all of it.
 */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { RecordedEvent } from '../lifecycle/events.ts';
import type { Actor } from '../lifecycle/types.ts';
import { nameOf } from '../policy/iam-role.ts';
import type { Finding } from '../policy/types.ts';
import type { AuditInput, EventView } from './audit-types.ts';
import type { Deps } from './deps.ts';
import { callsRole } from './names.ts';
import { requireReadable, requireRevoker } from './rights.ts';

const usualLimit = 500;
const mostAtOnce = 5_000;
/** Of the trail that are looked through in one transaction: for some milliseconds nobody else gets a turn. */
const piece = 2_000;

type Wanted = {
  /** Any of these stands in every event that is wanted; none: all of them. */
  readonly texts: readonly string[];
  /** Which of them are. */
  readonly pick: (q: Queries, events: readonly RecordedEvent[]) => Promise<readonly RecordedEvent[]>;
  /** Nothing from before is. */
  readonly since?: number;
};

/** Who may read what is found out first: nobody has the trail read for nothing. */
export async function audit(deps: Deps, { of, limit = usualLimit, before, ...filter }: AuditInput): Promise<readonly EventView[]> {
  const actor = await deps.actor();
  const wanted = of === undefined ? await readable(deps, actor) : await ofRequest(deps, actor, of);
  return (await lastOf(deps, await filtered(deps, wanted, filter), Math.min(limit, mostAtOnce), before)).map(view);
}

async function lastOf(
  deps: Deps,
  { texts, pick, since = 0 }: Wanted,
  limit: number,
  before: number | undefined,
): Promise<readonly RecordedEvent[]> {
  const ledger = await deps.ledger();
  const found: RecordedEvent[] = [];
  // Events are only ever added: read piece by piece they are what they are read at once.
  for (let top = Math.min(before ?? Number.POSITIVE_INFINITY, (await ledger.read((q) => q.head())).seq + 1); top > 1; ) {
    deps.signal.throwIfAborted();
    const [from, room] = [Math.max(1, top - piece), limit - found.length];
    const { events, picked } = await ledger.read(async (q) => {
      const events = await q.eventsWith({ before: top, from, limit: room, texts });
      return { events, picked: await pick(q, events) };
    });
    found.push(...picked);
    if (found.length >= limit || (events.at(-1)?.at ?? since) < since) break;
    top = events.length < room ? from : (events.at(-1)?.seq ?? from);
  }
  return found.reverse();
}

async function filtered(deps: Deps, { texts, pick }: Wanted, { since = 0, until, user, role }: AuditInput): Promise<Wanted> {
  const ledger = await deps.ledger();
  const email = user?.toLowerCase();
  const names = email === undefined ? [] : [email, ...(await ledger.read((q) => q.alsoHeldAs(email)))];
  const isIt = role === undefined ? undefined : callsRole(role);
  return {
    texts,
    since,
    pick: async (q, events) => {
      const picked = (await pick(q, events)).filter(({ at }) => at >= since && (until === undefined || at < until));
      if (user === undefined && isIt === undefined) return picked;
      const requestOf = await requestsOf(q, picked);
      return picked.filter((event) => {
        const request = requestOf(event);
        const isTheirs = user === undefined || peopleIn(event, request).some((one) => names.includes(one));
        return isTheirs && (isIt === undefined || isIt(event.role ?? request?.role ?? ''));
      });
    },
  };
}

type Named = { readonly email: string; readonly role: string };

/** What says nothing of a role, or of whom it is for, belongs to its request. */
async function requestsOf(q: Queries, events: readonly RecordedEvent[]): Promise<(event: RecordedEvent) => Named | undefined> {
  const ids = new Set(events.flatMap(({ requestId }) => requestId ?? []));
  const requests = new Map((await q.requestsNamed([...ids])).map((request) => [request.id, request]));
  return ({ requestId }) => requests.get(requestId ?? '');
}

/** Who did it, and to whom it was done. */
const peopleIn = ({ holder, actor }: RecordedEvent, request: Named | undefined): readonly string[] =>
  [holder, typeof actor === 'string' ? undefined : actor.email, request?.email].filter((one) => one !== undefined);

async function ofRequest(deps: Deps, actor: Actor, of: string): Promise<Wanted> {
  const ledger = await deps.ledger();
  const request = await ledger.read((q) => q.request(of));
  if (request === undefined)
    throw new OncallError('unknown-request', `there is no request "${of}"`, { exit: 2, next: 'oncall audit list shows every id there is' });
  if (request.requester.email !== actor.email) {
    const role = Object.hasOwn(deps.policy.roles, request.role) ? deps.policy.roles[request.role] : undefined;
    await requireRevoker(deps, actor, role, `read what concerns request ${of}`, 'ask its requester, an approver of the role, or an admin');
  }
  return { texts: [field('requestId', of)], pick: async (_, events) => events.filter(({ requestId }) => requestId === of) };
}

async function readable(deps: Deps, actor: Actor): Promise<Wanted> {
  const own = 'for one of your own requests: oncall audit list ID';
  const roles = await requireReadable(deps, actor, 'read all of the audit', own);
  if (roles === 'all') return { texts: [], pick: async (_, events) => events };
  deps.progress('only what concerns you, or a role that you approve; admins read all of it');
  const { email } = actor;
  const ledger = await deps.ledger();
  const names = [email, ...(await ledger.read((q) => q.alsoHeldAs(email)))];
  return {
    texts: [...names.map((name) => field('holder', name)), field('email', email), ...(roles.size === 0 ? [] : ['"requestId":', '"role":'])],
    pick: async (q, events) => {
      const requestOf = await requestsOf(q, events);
      return events.filter((event) => {
        const request = requestOf(event);
        return peopleIn(event, request).includes(email) || roles.has(event.role ?? request?.role ?? '');
      });
    },
  };
}

/** As it stands in canonical JSON. */
const field = (name: string, value: string): string => `"${name}":${JSON.stringify(value)}`;

function view(event: RecordedEvent): EventView {
  const { seq, at, type, actor, requestId, role, holder, target, reason, endReason, data, body, prev, hash } = event;
  const why = type === 'request.refused' ? whyRefused(data) : undefined;
  return {
    seq,
    at,
    type,
    actor: typeof actor === 'string' ? actor : actor.email,
    ...(requestId === undefined ? {} : { requestId }),
    ...(role === undefined ? {} : { role }),
    ...(holder === undefined ? {} : { holder }),
    ...(target === undefined ? {} : { target: nameOf(target) }),
    ...(reason === undefined ? {} : { reason }),
    ...(endReason === undefined ? {} : { endReason }),
    ...(why === undefined ? {} : { why }),
    data: data ?? null,
    body,
    prev,
    hash,
  };
}

/** What denied it, else every rule that did not let them in. */
function whyRefused(data: unknown): string | undefined {
  const { findings = [] } = Object(data) as { readonly findings?: readonly Finding[] };
  const denying = findings.filter(({ effect, holds }) => effect === 'deny' && holds !== false);
  const said = denying.length > 0 ? denying : findings.filter(({ effect, holds }) => effect !== 'deny' && holds !== true);
  return said.length === 0 ? undefined : said.map(({ because }) => because).join('; ');
}
