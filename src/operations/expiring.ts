/** Records once of each access that its end is near, so that there is something to tell; only where somebody is told. */

import type { Queries } from '../ledger/ledger.ts';
import type { Request } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';

const topic = 'expiring';
const mostMs = 15 * 60_000;

/** A quarter of an hour ahead; of what is given for less than an hour, the last quarter. */
const isNear = ({ startsAt = 0, expiresAt = 0 }: Request, now: number): boolean =>
  now < expiresAt && now >= expiresAt - Math.min(mostMs, (expiresAt - startsAt) / 4);

/** What the policy gives is given on, or ends with a shift that its holder knows. */
const asksAgain = ({ origin }: Request): boolean => origin === 'asked' || origin === 'break-glass';

export async function tellExpiring({ policy, ledger }: Pick<Deps, 'policy' | 'ledger'>): Promise<void> {
  if (policy.notify === undefined) return;
  const { read, write } = await ledger();
  const found = await read(near);
  if (found.due.length + found.over.length === 0) return;
  await write(async (q, now) => {
    const { due, over } = await near(q, now);
    for (const subject of over) await q.untell(topic, subject);
    for (const { id: requestId, role, requester, expiresAt = 0 } of due) {
      await q.tell({ topic, subject: requestId, what: String(expiresAt), at: now });
      await q.record({ type: 'request.expiring', actor: 'sweep', requestId, role, holder: requester.email, data: { expiresAt } });
    }
  });
}

/** `over`: what was told of access that is no longer there. */
async function near(q: Queries, now: number): Promise<{ readonly due: readonly Request[]; readonly over: readonly string[] }> {
  const told = new Map((await q.toldOf(topic)).map(({ subject, what }) => [subject, what]));
  const ending = (await q.endingBetween(now, now + mostMs)).filter((request) => asksAgain(request) && isNear(request, now));
  const due: Request[] = [];
  for (const request of ending) {
    if (told.get(request.id) === String(request.expiresAt)) continue;
    if ((await q.grantsOfRequest(request.id)).some(({ state }) => state === 'active')) due.push(request);
  }
  const open = new Set(ending.map(({ id }) => id));
  return { due, over: [...told.keys()].filter((id) => !open.has(id)) };
}
