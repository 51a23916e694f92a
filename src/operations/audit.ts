/**
 * `audit list`: the events as they were written, oldest first; with `of` only those of one request, with `limit` only the last ones.
 * Everybody reads what concerns themselves, approvers what concerns their roles, admins all of it.
 */

import { OncallError } from '../errors.ts';
import type { Ledger, Queries } from '../ledger/ledger.ts';
import type { RecordedEvent } from '../lifecycle/events.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import type { Finding } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { requireReadable, requireRevoker } from './rights.ts';
import type { AuditInput, EventView } from './types.ts';

export async function audit(deps: Deps, { of, limit }: AuditInput): Promise<readonly EventView[]> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const last = (events: readonly RecordedEvent[]): readonly RecordedEvent[] => (limit === undefined ? events : events.slice(-limit));
  if (of !== undefined) return last(await eventsOf(deps, ledger, actor, of)).map(view);
  const own = 'for one of your own requests: oncall audit list ID';
  const roles = await requireReadable(deps, actor, 'read all of the audit', own);
  if (roles === 'all') return (await ledger.read((q) => q.lastEvents(limit))).map(view);
  deps.progress('only what concerns you, or a role that you approve; admins read all of it');
  return last(await ledger.read((q) => readableEvents(q, actor, roles))).map(view);
}

async function eventsOf(deps: Deps, ledger: Ledger, actor: Actor, of: string): Promise<readonly RecordedEvent[]> {
  const { request, events } = await ledger.read(async (q) => ({ request: await q.request(of), events: await q.lastEvents(undefined) }));
  const found = events.filter(({ requestId }) => requestId === of);
  if (found.length === 0)
    throw new OncallError('unknown-request', `there is no request "${of}"`, { exit: 2, next: 'oncall audit list shows every id there is' });
  if (request?.requester.email !== actor.email) {
    const role = request && Object.hasOwn(deps.policy.roles, request.role) ? deps.policy.roles[request.role] : undefined;
    await requireRevoker(deps, actor, role, `read what concerns request ${of}`, 'ask its requester, an approver of the role, or an admin');
  }
  return found;
}

async function readableEvents(q: Queries, actor: Actor, roles: ReadonlySet<string>): Promise<readonly RecordedEvent[]> {
  const requests = new Map<string, Request | undefined>();
  const readable: RecordedEvent[] = [];
  for (const event of await q.lastEvents(undefined)) {
    const { requestId: id } = event;
    if (id !== undefined && !requests.has(id)) requests.set(id, await q.request(id));
    const request = id === undefined ? undefined : requests.get(id);
    const about = [event.holder, typeof event.actor === 'string' ? undefined : event.actor.email, request?.requester.email];
    if (about.includes(actor.email) || roles.has(event.role ?? request?.role ?? '')) readable.push(event);
  }
  return readable;
}

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
    ...(target === undefined ? {} : { target: `${target.directory}/${target.group}` }),
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
