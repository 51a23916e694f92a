/** What must be true once faults have stopped and everything has had its time: nobody is left in, nothing is left open, and the trail is whole. */

import type { Database } from '../../src/ledger/database.ts';
import { eventHash, firstPrev } from '../../src/ledger/events.ts';
import { count, violate, type World } from './world.ts';

/** `undefined`: all is over. */
export function leftOver(world: World): string | undefined {
  const { rows } = world;
  for (const [key, members] of world.members) {
    const standing = world.standing.get(key) ?? new Set();
    const over = [...members].find((userId) => !standing.has(userId));
    if (over !== undefined) return `${over} is still in ${key}`;
    const gone = [...standing].find((userId) => !members.has(userId));
    if (gone !== undefined) return `${gone}, who was in ${key} for good, is gone`;
  }
  const grant = [...rows.grants.values()].find((one) => one.state !== 'ended');
  if (grant) return `grant ${grant.id} is still ${grant.state}`;
  const request = [...rows.requests.values()].find((one) => one.open === 1);
  if (request) return `request ${request.id} (${request.state}) is still open`;
  if (rows.slots.length > 0) return `the place of ${rows.slots[0]?.role} is still taken`;
  return undefined;
}

type Body = { readonly seq: number; readonly type: string; readonly grantId?: string };

/** I6: the chain verifies from first to last, and each move of each grant has its one event. */
export async function checkTrail(world: World, database: Database): Promise<void> {
  const events = await database.read((connection) => connection.all('SELECT seq, body, prev, hash FROM events ORDER BY seq', []));
  let prev = firstPrev;
  const seen = new Map<string, number>();
  for (const [index, { seq, body, prev: claimed, hash }] of events.entries()) {
    const event = JSON.parse(String(body)) as Body;
    const whole = seq === index + 1 && event.seq === seq && claimed === prev && hash === eventHash(prev, String(body));
    if (!whole) violate(world, `I6: the chain of events breaks at ${seq}`);
    prev = String(hash);
    count(world, `event ${event.type}`);
    if (event.grantId !== undefined) seen.set(`${event.grantId} ${event.type}`, (seen.get(`${event.grantId} ${event.type}`) ?? 0) + 1);
  }
  for (const { id } of world.rows.grants.values()) {
    const of = (type: string): number => seen.get(`${id} ${type}`) ?? 0;
    const once = of('grant.activating') + of('member.adopted') === 1 && of('grant.ended') === 1 && of('grant.active') <= 1;
    if (!once || of('grant.revoking') + of('member.adopted') !== 1)
      violate(world, `I6: the trail does not tell the life of grant ${id} once`);
  }
}
