/** What people, cron and administrators do, drawn by the seed. */

import type { Uncovered } from '../../src/operations/types.ts';
import type { Asked } from '../../src/policy/types.ts';
import { approves, looks, reviews } from './answers.ts';
import { accessNames, familyOf } from './approvers.ts';
import { boss, groupIdOf, keyOf, standing, userNames } from './company.ts';
import { type Deed, deeds, dutyRoles, lineRoles, minute, type RoleName } from './config.ts';
import { incidents, onDuty } from './duty.ts';
import { breaksGlass, isBroken } from './glass.ts';
import { adopts } from './named.ts';
import { launch, type Storage } from './process.ts';
import { rota } from './rota.ts';
import type { RequestRow } from './rows.ts';
import type { World } from './world.ts';

/** Starts one process, or two where sweeps meet. */
export function startOne(world: World, storage: Storage): void {
  const { random, config, rows } = world;
  const open = [...rows.requests.values()].filter((row) => row.open === 1 && row.role !== 'adopted');
  const pending = open.filter((row) => row.state === 'pending');
  const offered = open.filter((row) => row.state === 'offered');
  const owed = [...rows.reviews].flatMap(([id, { reviewedAt }]) => (reviewedAt === null ? [id] : []));
  const deed = draw(world, { open: open.length > 0, pending: pending.length > 0, offered: offered.length > 0, owed: owed.length > 0 });
  if (deed === 'sweep' || deed === 'sweep-twice') {
    sweep(world, storage);
    if (deed === 'sweep-twice') sweep(world, storage);
  } else if (deed === 'request') {
    const users = userNames.slice(0, config.users);
    const role = random.pick(config.roles);
    const able = isOfDuty(role) && random.chance(0.7) ? random.pick([undefined, ...onDuty(world, role, users)]) : undefined;
    const email = able?.email ?? (random.chance(0.1) ? standing : random.pick(users));
    const name = role === 'access' ? random.pick(accessNames) : role;
    const waits = isInLine(role) && open.some((one) => one.role === name && one.email === email);
    const wanted: Asked = waits && random.chance(0.7) ? { byDefault: true } : asked(world);
    request(world, storage, email, name, wanted, { incident: able?.incident ?? named(world, role) });
  } else if (deed === 'queue') request(world, storage, random.pick([...userNames, standing]), 'solo', asked(world), { queue: true });
  else if (deed === 'take') {
    const { email, role } = random.pick(offered);
    request(world, storage, email, role, { byDefault: true });
  } else if (deed === 'approve' || deed === 'approve-twice') {
    const one = random.pick(pending);
    approves(world, storage, one);
    if (deed === 'approve-twice') approves(world, storage, one);
  } else if (deed === 'look') looks(world, storage);
  else if (deed === 'deny') {
    const { id, email } = random.pick(pending);
    launch(world, storage, { what: `deny ${id}`, email: random.chance(0.1) ? email : boss }, (operations) => operations.deny({ id }));
  } else if (deed === 'break-glass')
    breaksGlass(world, storage, random.pick([...userNames.slice(0, 2), ...userNames, standing]), { asked: asked(world) });
  else if (deed === 'review') reviews(world, storage, random.pick(owed));
  else if (deed === 'release') {
    // Where others had to say yes first, hardly anybody comes to their turn otherwise.
    const queues = open.filter((row) => row.state === 'queued').map(({ role }) => role);
    const held = open.filter((row) => row.state === 'approved' && row.role !== 'solo' && queues.includes(row.role));
    const { id, email, role, origin } = random.pick(held.length > 0 && random.chance(0.7) ? held : open);
    const which = isBroken({ origin }) ? id : oneOrAll(world, role);
    launch(world, storage, { what: `release ${which}`, email }, (operations) => operations.release({ id: which }));
  } else if (deed === 'adopt') adopts(world, storage);
  else if (deed === 'accept')
    launch(world, storage, { what: 'sweep, accept', email: boss }, (operations) => operations.sweep({ accept: rota.role }));
  else if (deed === 'revoke') revoke(world, storage, random.pick(open));
  else repeat(world, storage, random.pick(open));
}

/** Cron is a little more reliable than chance, or most requests would be refused for a late sweep; and what a sleeper left is swept before it wakes. */
function draw(
  { random, config, now, sweptAt, processes, rows }: World,
  { open, pending, offered, owed }: Readonly<Record<'open' | 'pending' | 'offered' | 'owed', boolean>>,
): Deed {
  const asleep = processes.some((process) => process.state === 'suspended');
  if (now - sweptAt > (asleep ? 1 : 10) * minute && random.chance(0.6)) return 'sweep';
  // Rare, and soon over by itself.
  if (rows.refused && random.chance(0.4)) return 'accept';
  const possible = deeds.filter((deed) => {
    if (['approve', 'approve-twice', 'look', 'deny'].includes(deed)) return pending;
    if (deed === 'break-glass') return config.roles.includes('emergency');
    if (deed === 'review') return owed;
    if (deed === 'queue') return config.roles.includes('solo');
    if (deed === 'take') return offered;
    if (deed === 'accept') return false;
    if (deed === 'adopt') return true;
    return open || ['request', 'sweep', 'sweep-twice'].includes(deed);
  });
  return random.pick(possible.flatMap((deed) => Array.from({ length: config.weights[deed] }, () => deed)));
}

export function sweep(world: World, storage: Storage): void {
  world.sweptAt = world.now;
  launch(world, storage, { what: 'sweep', email: 'cron@acme.dev' }, (operations) => operations.sweep({}));
}

/** The admin ends everybody who is not standing, and accepts the others. */
export function recover(world: World, storage: Storage): void {
  launch(world, storage, { what: 'recover', email: boss }, async (operations) => {
    const listed = await operations.recover({});
    if (listed.result !== 'listed') return listed;
    const stays = ({ holder, target }: Uncovered): boolean => {
      const users = world.accounts.get(target.directory)?.own.users ?? new Map();
      const [userId] = [...users].find(([, user]) => user.email === holder) ?? [];
      return [...world.standing].some(([key, userIds]) => key === keyOf(target.directory, groupIdOf(target.group)) && userIds.has(userId));
    };
    const ids = (keep: boolean): readonly string[] => listed.uncovered.filter((one) => stays(one) === keep).map(({ id }) => id);
    return operations.recover({ decided: { end: ids(false), keep: ids(true) } });
  });
}

export function ask(world: World, storage: Storage, email: string, role: RoleName): void {
  request(world, storage, email, role, { byDefault: true });
}

type How = { readonly queue?: boolean; readonly incident?: string | undefined };

function request(world: World, storage: Storage, email: string, role: string, wanted: Asked, { queue = false, incident }: How = {}): void {
  const what = `request ${role} ${JSON.stringify(wanted)}${queue ? ' in line' : ''}${incident === undefined ? '' : ` for ${incident}`}`;
  const input = { role, asked: wanted, reason: 'simulated', queue, ...(incident === undefined ? {} : { incident }) };
  launch(world, storage, { what, email }, (operations) => operations.request(input));
}

/** For the role that somebody has already: held, extended, or what is missing of it tried again. */
function repeat(world: World, storage: Storage, { email, role, origin }: RequestRow): void {
  const wanted = world.random.chance(0.5) ? { forMs: world.config.longestMs } : asked(world);
  if (isBroken({ origin })) breaksGlass(world, storage, email, { asked: wanted });
  else request(world, storage, email, role, wanted, { incident: named(world, role) });
}

function revoke(world: World, storage: Storage, { id, email: holder, role }: RequestRow): void {
  const input = world.random.pick([{ id }, { id }, { holder }, { role: oneOrAll(world, role) }, { all: true as const }]);
  launch(world, storage, { what: `revoke ${JSON.stringify(input)}`, email: boss }, (operations) => operations.revoke(input));
}

/** By the name of its family, now and then. */
function oneOrAll({ random }: World, role: string): string {
  const family = familyOf(role);
  return family !== undefined && random.chance(0.4) ? family : role;
}

const isInLine = (role: RoleName): boolean => (lineRoles as readonly RoleName[]).includes(role);
const isOfDuty = (role: RoleName): boolean => (dutyRoles as readonly RoleName[]).includes(role);

function named({ random }: World, role: string): string | undefined {
  return (role === 'incident' || role === 'responder') && random.chance(0.6) ? random.pick(incidents) : undefined;
}

function asked({ random, config, now }: World): Asked {
  const forMs = random.between(minute, config.longestMs);
  return random.pick<Asked>([{ byDefault: true }, { forMs }, { forMs }, { untilMs: now + forMs }]);
}
