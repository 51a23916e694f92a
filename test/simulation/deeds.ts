/** What people, cron and administrators do, drawn by the seed. */

import type { Asked } from '../../src/policy/types.ts';
import { boss, emailOf, exclusiveGroup, groupIdOf, keyOf, standing, userIdOf, userNames } from './company.ts';
import { type Deed, deeds, minute, type RoleName } from './config.ts';
import { launch, type Storage } from './process.ts';
import type { RequestRow } from './rows.ts';
import { count, note, type World } from './world.ts';

/** Starts one process, or two where sweeps meet. */
export function startOne(world: World, storage: Storage): void {
  const { random, config, rows } = world;
  const open = [...rows.requests.values()].filter((row) => row.open === 1 && row.role !== 'adopted');
  const pending = open.filter((row) => row.state === 'pending');
  const deed = draw(world, open.length > 0, pending.length > 0);
  if (deed === 'sweep' || deed === 'sweep-twice') {
    sweep(world, storage);
    if (deed === 'sweep-twice') sweep(world, storage);
  } else if (deed === 'request') {
    const email = random.chance(0.1) ? standing : random.pick(userNames.slice(0, config.users));
    request(world, storage, email, random.pick(config.roles), asked(world));
  } else if (deed === 'approve' || deed === 'deny') {
    const { id, email } = random.pick(pending);
    const actor = random.chance(0.1) ? email : boss;
    launch(world, storage, { what: `${deed} ${id}`, email: actor }, (operations) => operations[deed]({ id }));
  } else if (deed === 'release') {
    const { email, role } = random.pick(open);
    launch(world, storage, { what: `release ${role}`, email }, (operations) => operations.release({ id: role }));
  } else if (deed === 'revoke') revoke(world, storage, random.pick(open));
  else repeat(world, storage, random.pick(open));
}

/** Cron is a little more reliable than chance, or most requests would be refused for a late sweep; and what a sleeper left is swept before it wakes. */
function draw({ random, config, now, sweptAt, processes }: World, open: boolean, pending: boolean): Deed {
  const asleep = processes.some((process) => process.state === 'suspended');
  if (now - sweptAt > (asleep ? 1 : 10) * minute && random.chance(0.6)) return 'sweep';
  const possible = deeds.filter((deed) =>
    ['approve', 'deny'].includes(deed) ? pending : open || ['request', 'sweep', 'sweep-twice'].includes(deed),
  );
  return random.pick(possible.flatMap((deed) => Array.from({ length: config.weights[deed] }, () => deed)));
}

export function sweep(world: World, storage: Storage): void {
  world.sweptAt = world.now;
  launch(world, storage, { what: 'sweep', email: 'cron@acme.dev' }, (operations) => operations.sweep({}));
}

function request(world: World, storage: Storage, email: string, role: RoleName, wanted: Asked): void {
  const what = `request ${role} ${JSON.stringify(wanted)}`;
  launch(world, storage, { what, email }, (operations) => operations.request({ role, asked: wanted, reason: 'simulated' }));
}

/** For the role that somebody has already: held, extended, or what is missing of it tried again. */
function repeat(world: World, storage: Storage, { email, role }: RequestRow): void {
  request(world, storage, email, role as RoleName, world.random.chance(0.5) ? { forMs: world.config.longestMs } : asked(world));
}

function revoke(world: World, storage: Storage, { id, email: holder, role }: RequestRow): void {
  const input = world.random.pick([{ id }, { id }, { holder }, { role }, { all: true as const }]);
  launch(world, storage, { what: `revoke ${JSON.stringify(input)}`, email: boss }, (operations) => operations.revoke(input));
}

function asked({ random, config, now }: World): Asked {
  const forMs = random.between(minute, config.longestMs);
  return random.pick<Asked>([{ byDefault: true }, { forMs }, { forMs }, { untilMs: now + forMs }]);
}

/**
 * Somebody adds a member by hand. Not one who holds, asks for or is being taken out of the same membership through us: no directory can tell
 * the two apart, so that such a member goes out with the grant (documented). And not to the exclusive group, which is promised to us.
 */
export function adminAdds(world: World): void {
  const { random, rows } = world;
  const exclusive = keyOf(exclusiveGroup.directory, groupIdOf(exclusiveGroup.group));
  const had = [...rows.memberships.values()].map((one) => ({ key: keyOf(one.directory, one.groupId), userId: one.userId }));
  const any = [...world.members.keys()].flatMap((key) => [...userNames, standing].map((email) => ({ key, userId: userIdOf(email) })));
  const { key, userId } = random.pick(had.length > 0 && random.chance(0.7) ? had : any);
  if (key === exclusive) return;
  const row = [...rows.memberships.values()].find((one) => keyOf(one.directory, one.groupId) === key && one.userId === userId);
  const live = [...rows.grants.values()].some((grant) => grant.membershipId === row?.id && grant.state !== 'ended');
  const uncovered = world.members.get(key)?.has(userId) && !world.standing.get(key)?.has(userId);
  if (live || uncovered || (row?.unansweredUntil ?? 0) > 0) return;
  world.members.get(key)?.add(userId);
  world.standing.get(key)?.add(userId);
  world.dirty = true;
  count(world, 'an administrator added a member');
  note(world, `an administrator adds ${emailOf(userId)} to ${key}`);
}
