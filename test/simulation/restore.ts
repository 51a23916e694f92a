/** An administrator puts back an older copy of the ledger, or deletes it. Whoever runs then is stopped first. */

import { keyOf } from './company.ts';
import { debtsOf } from './glass.ts';
import type { Storage } from './process.ts';
import { readAll } from './rows.ts';
import { crash } from './scheduler.ts';
import { settled } from './settle.ts';
import { noHead } from './trail.ts';
import { count, note, violate, type World } from './world.ts';

/** The first time a copy is made, and later it is put back, or what there was before anything was asked. */
export function restores(world: World, storage: Storage): void {
  const { random } = world;
  if (world.inTransaction) return;
  if (!world.copied && random.chance(0.5)) {
    world.copied = true;
    storage.exec('SAVEPOINT copy');
    note(world, 'the ledger is copied');
    return;
  }
  const deleted = !world.copied || random.chance(0.2);
  for (const process of world.processes) if (process.state === 'running' || process.state === 'suspended') crash(world, process);
  storage.exec(`ROLLBACK TO ${deleted ? 'empty' : 'copy'}`);
  if (deleted) {
    storage.exec(`UPDATE ledger SET id = 'anew-${world.now}', clock = ${world.now}, host = ${world.now}`);
    world.copied = false;
  }
  count(world, deleted ? 'the ledger was deleted' : 'the ledger was put back');
  note(world, deleted ? 'the ledger is DELETED' : 'an older copy of the ledger is PUT BACK');
  world.rows = settled(readAll(storage.database));
  world.head = world.rows.news.at(-1) ?? noHead;
  world.restoredAt = world.now;
  world.sweepCommittedAt = Math.max(world.sweepCommittedAt, world.rows.clock);
  // Which yeses it had taken, and what was owed, it no longer knows.
  world.yes.used.clear();
  world.debts = debtsOf(world.rows);
  settleTruth(world, storage);
}

/** What the ledger has lost it cannot be held to; what it believes again, though it was over, counts as ours. */
function settleTruth(world: World, storage: Storage): void {
  const { rows } = world;
  const kept = settled(storage.anchor.read());
  const whole = kept === undefined || (kept.ledger === rows.ledger && kept.seq <= rows.lastSeq);
  const believed = new Map([...rows.memberships.values()].map((row) => [`${keyOf(row.directory, row.groupId)} ${row.userId}`, row]));
  const live = new Set([...rows.grants.values()].filter((grant) => grant.state !== 'ended').map((grant) => grant.membershipId));
  for (const [key, members] of world.members) {
    for (const userId of members) {
      const row = believed.get(`${key} ${userId}`);
      const covered = row !== undefined && live.has(row.id) && row.owned === 1;
      // Known by an add that was never answered: taken out once the group is read, and by no grant until then.
      const unanswered = row !== undefined && !covered && row.unansweredUntil > rows.clock;
      if (unanswered) {
        world.wild.set(`${key} ${userId}`, world.now);
        world.intruders.add(`${key} ${userId}`);
      }
      const ours = covered || unanswered;
      // What an admin had said of them is lost as well: they are in as they were before that.
      if (!ours && world.takenOver.has(`${key} ${userId}`)) world.standing.get(key)?.add(userId);
      if (ours || rows.clean.has(key)) world.standing.get(key)?.delete(userId);
      if (ours || world.standing.get(key)?.has(userId)) continue;
      world.wild.set(`${key} ${userId}`, Number.POSITIVE_INFINITY);
      world.intruders.add(`${key} ${userId}`);
      if (whole) violate(world, `${userId} is in ${key}, the ledger has forgotten it, and nothing that was kept shows so`);
    }
  }
  for (const row of believed.values()) {
    const member = `${keyOf(row.directory, row.groupId)} ${row.userId}`;
    if (!world.members.get(keyOf(row.directory, row.groupId))?.has(row.userId)) world.takenOut.add(member);
    // The directory keeps an end that it was told since.
    if (!whole && row.toldUntil !== null && world.ends.has(member) && world.ends.get(member) !== row.toldUntil) world.strayEnds.add(member);
  }
  world.lost = whole ? false : (kept?.hash ?? false);
  world.dirty = true;
}
