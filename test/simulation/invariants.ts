/** What must hold at every instant, told by the directories and the ledger's rows alone, whatever the code believes. */

import type { Pin } from '../../src/lifecycle/types.ts';
import { exclusiveGroup, groupIdOf, keyOf } from './company.ts';
import { isElsewhere, keepsEnds, lettingIn } from './places.ts';
import type { MembershipRow, RequestRow, Rows } from './rows.ts';
import { ledgerTime, type Process, violate, type World } from './world.ts';

const isLive = (state: string): boolean => state !== 'ended';

export function checkInstant(world: World): void {
  if (!world.dirty) return;
  world.dirty = false;
  if (world.rows.slots.filter((slot) => slot.role === 'solo').length > 1) violate(world, 'I2: a role with one place has two taken');
  checkCovered(world);
  checkActive(world);
  checkOneHolder(world);
  checkTold(world);
}

/** I1: every member who is not standing has a grant that has not ended, so that something will take them out. */
function checkCovered(world: World): void {
  const covered = new Set<string>();
  for (const grant of world.rows.grants.values()) {
    const row = isLive(grant.state) ? world.rows.memberships.get(grant.membershipId) : undefined;
    if (row) covered.add(`${keyOf(row.directory, row.groupId)} ${row.userId}`);
  }
  for (const [key, members] of world.members) {
    for (const userId of lettingIn(world, key, members)) {
      if (world.standing.get(key)?.has(userId) || covered.has(`${key} ${userId}`) || world.wild.has(`${key} ${userId}`)) continue;
      violate(world, `I1: ${userId} is in ${key}, and no grant that has not ended stands for it`);
    }
  }
}

/** I13: the end that a directory keeps is the one that the ledger takes it to have been told. */
function checkTold(world: World): void {
  for (const { directory, groupId, userId, owned, toldUntil } of world.rows.memberships.values()) {
    const member = `${keyOf(directory, groupId)} ${userId}`;
    const until = world.ends.get(member);
    if (owned !== 1 || !toldUntil || until === undefined || until === toldUntil || world.strayEnds.has(member)) continue;
    violate(world, `I13: ${userId} is let into ${groupId} until ${until}, and the ledger takes it to be ${toldUntil}`);
  }
}

/** I7: who has an active grant is in the group, until its end, a release or a revocation is committed; unless somebody takes them out by hand. */
function checkActive(world: World): void {
  for (const grant of world.rows.grants.values()) {
    if (grant.state !== 'active') continue;
    const row = world.rows.memberships.get(grant.membershipId);
    const key = row && keyOf(row.directory, row.groupId);
    if (!row || !key || world.members.get(key)?.has(row.userId) || isGone(world, row, key)) continue;
    violate(world, `I7: grant ${grant.id} is active, but ${row.userId} is not in ${row.groupId}`);
  }
}

function isGone(world: World, { directory, userId }: MembershipRow, key: string): boolean {
  if (world.takenOut.has(`${key} ${userId}`) || !world.members.has(key)) return true;
  const both = world.accounts.get(directory);
  return !both?.own.users.has(userId) && !both?.other.users.has(userId);
}

/** I2: in fact, too, nobody is in beside the one who has the place. One person may be two users: renamed, and made anew. */
function checkOneHolder(world: World): void {
  const { directory, group } = exclusiveGroup;
  const holders = new Set<string>();
  for (const [key, members] of world.members) {
    if (members.size === 0 || key.split('.')[0] !== keyOf(directory, groupIdOf(group))) continue;
    const rows = [...world.rows.memberships.values()].filter((row) => keyOf(row.directory, row.groupId) === key);
    for (const userId of members)
      if (!world.intruders.has(`${key} ${userId}`)) holders.add(rows.find((row) => row.userId === userId)?.holder ?? userId);
  }
  if (holders.size > 1) violate(world, `I2: ${[...holders].join(' and ')} are in the group of a role with one place`);
}

/** I3 and I4, at the moment a write is sent. Gives whether the clock was set forward since its row was taken: then its time was up before it knew. */
export function checkSent(world: World, process: Process, directory: string, kind: 'add' | 'remove', pin: Pin, until?: number): boolean {
  const { rows } = world;
  const now = ledgerTime(world);
  const row = [...rows.memberships.values()].find(
    (one) => one.directory === directory && one.userId === pin.userId && one.groupId === pin.groupId,
  );
  if (row && world.jumpedAt >= (process.took.get(row.id) ?? world.now + 1)) return true;
  if (!row || now >= row.busyUntil || world.takenBy.get(row.id) !== process) {
    violate(world, `I3: ${process.name} is about to ${kind} ${pin.userId} (${pin.groupId}) without having taken the membership`);
    return false;
  }
  if (world.announced.get(`${kind} ${row.id}`) !== process) {
    violate(world, `I6: ${process.name} is about to ${kind} ${pin.userId} (${pin.groupId}), and no event has announced it`);
  }
  if (isElsewhere(pin.groupId)) violate(world, `I11: ${process.name} is about to ${kind} ${pin.userId} in an account that is not ours`);
  if (kind === 'add') {
    if (row.owned !== 1) violate(world, `I3: an add of ${pin.userId} to ${pin.groupId} is sent, and the ledger does not call it ours`);
    else if (now >= (row.addBy ?? 0)) violate(world, `I3: an add of ${pin.userId} to ${pin.groupId} is sent after the last moment for it`);
    else if (!isGivenEnd(world, row, until))
      violate(world, `I13: ${pin.userId} is to be let into ${pin.groupId} until an end that nobody gave them`);
    else if (!isJustified(rows, row)) violate(world, `I3: an add of ${pin.userId} to ${pin.groupId} is sent that nobody allowed`);
    return false;
  }
  if (world.standing.get(keyOf(row.directory, pin.groupId))?.has(pin.userId)) {
    violate(world, `I4: a removal of ${pin.userId} from ${pin.groupId} is sent, who is in it for good`);
  }
  const active = [...rows.grants.values()].find((grant) => grant.membershipId === row.id && grant.state === 'active');
  if (active) violate(world, `I4: a removal of ${pin.userId} from ${pin.groupId} is sent while grant ${active.id} is active`);
  return false;
}

/** What a directory that keeps ends is told: not later than some end that they were given there. The longest may have been given back meanwhile, which the next sweep tells. */
function isGivenEnd({ rows, latestEnds }: World, row: MembershipRow, until = Number.POSITIVE_INFINITY): boolean {
  const own = [...rows.grants.values()].filter((grant) => grant.membershipId === row.id);
  return !keepsEnds(row.directory) || until <= Math.max(...own.map(({ requestId }) => latestEnds.get(requestId) ?? 0));
}

/** Some grant on the membership, not ended, was allowed by a rule or by somebody else. */
function isJustified({ grants, requests }: Rows, row: MembershipRow): boolean {
  const standing = [...grants.values()].filter((grant) => grant.membershipId === row.id && isLive(grant.state));
  return standing.some((grant) => {
    const request = requests.get(grant.requestId);
    return request?.state === 'approved' && (JSON.parse(request.decision).outcome === 'allow' || hasYes(request));
  });
}

const hasYes = (request: RequestRow): boolean =>
  (JSON.parse(request.approvals) as { by: { email: string } }[]).some(({ by }) => by.email !== request.email);
