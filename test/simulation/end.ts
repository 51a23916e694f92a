/** What must be true once faults have stopped and everything has had its time: nobody is left in, and nothing is left open. */

import { lettingIn } from './places.ts';
import type { World } from './world.ts';

/** `undefined`: all is over. */
export function leftOver(world: World): string | undefined {
  const { rows } = world;
  for (const [key, members] of world.members) {
    const standing = world.standing.get(key) ?? new Set();
    const over = lettingIn(world, key, members).find((userId) => !standing.has(userId));
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
