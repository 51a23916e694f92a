/** A directory that answers, refuses, times out, and applies what it was sent: at once, late, or never. */

import type { Call, Directory } from '../../src/directories/directory.ts';
import { ProviderError } from '../../src/errors.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { boss, emailOf, groupIdOf, groupsOf, keyOf, standing, userIdOf, userNames } from './company.ts';
import { type WriteFault, writeFaults } from './config.ts';
import { checkSent } from './invariants.ts';
import { happens, push } from './scheduler.ts';
import { count, note, type Process, type World } from './world.ts';

const people: readonly string[] = [...userNames, standing, boss];

export function directoryFor(world: World, process: Process, name: string): Directory {
  const { callMs } = world.config;
  const membersOf = (groupId: string): Set<string> => world.members.get(keyOf(name, groupId)) ?? new Set();
  const read = <T>(label: string, answer: () => T): Promise<T> =>
    happens(world, process, `${name} ${label}`, callMs, () => {
      failRead(world, name);
      return answer();
    });
  return {
    findUser: (email) =>
      read(`find ${email}`, () => (people.includes(email) ? { userId: userIdOf(email), userName: email, active: true } : undefined)),
    findGroup: (group) => {
      const pin = { account: `${name}-org`, groupId: groupIdOf(group), groupName: group };
      return read(`find ${group}`, () => (groupsOf[name]?.includes(group) ? pin : undefined));
    },
    read: (pin) => read(`read ${pin.userId} in ${pin.groupId}`, () => (membersOf(pin.groupId).has(pin.userId) ? 'member' : 'absent')),
    members: ({ groupId }) =>
      read(`list ${groupId}`, () => [...membersOf(groupId)].map((userId) => ({ userId, userName: emailOf(userId) }))),
    add: (pin, call) => write(world, process, name, { kind: 'add', pin, call }) as Promise<'added' | 'already'>,
    remove: (pin, call) => write(world, process, name, { kind: 'remove', pin, call }) as Promise<'removed' | 'already'>,
  };
}

function failRead(world: World, name: string): void {
  if (!world.faults || !world.random.chance(world.config.readFault)) return;
  count(world, 'fault: read');
  note(world, '  … no answer');
  const fault = world.random.pick(['timeout', 'timeout', 'unavailable', 'forbidden'] as const);
  throw new ProviderError(name, fault, 'no answer', { applied: 'no' });
}

type Sent = { readonly kind: 'add' | 'remove'; readonly pin: Pin; readonly call: Call };

/** The call is the sending; what the directory makes of it, and when the answer is heard, the scheduler decides. */
function write(world: World, process: Process, name: string, { kind, pin, call }: Sent): Promise<string> {
  call.beforeWrite?.();
  checkSent(world, process, kind, pin);
  const label = `${name} ${kind} ${pin.userId} ${kind === 'add' ? 'to' : 'from'} ${pin.groupId}`;
  const sentAt = world.now;
  note(world, `${process.name}  sends ${label}`);
  const apply = (): string => applied(world, keyOf(name, pin.groupId), pin.userId, kind);
  const lands = (): void => {
    count(world, 'a write landed late');
    const last = Math.max(sentAt, process.resumedAt) + world.config.landMs;
    const at = world.random.chance(0.3) ? last : world.random.between(world.now, Math.max(world.now, last));
    push(world, { label: `${label}: lands late`, notBefore: at, due: at, run: () => void apply() });
  };
  return new Promise((resolve, reject) => {
    const answer = (said: string, settle: () => void): void =>
      push(world, { process, label: `${label}: ${said}`, due: Math.max(world.now, sentAt + world.config.callMs), run: settle });
    const timesOut = (): void => reject(new ProviderError(name, 'timeout', 'no answer in time'));
    const arrive = (): void => {
      const fault = world.faults ? drawFault(world) : undefined;
      if (fault === undefined) {
        const result = apply();
        answer(result, () => resolve(result));
        return;
      }
      count(world, `fault: ${fault}`);
      if (fault === 'time-out-after' || fault === '5xx-after') apply();
      if (fault === 'late') lands();
      const error = errorOf(world, name, fault);
      answer(fault, () => reject(error));
    };
    push(world, { process, label: `${label}: arrives`, due: sentAt + world.config.callMs, run: arrive, write: { lands, timesOut } });
  });
}

function applied(world: World, key: string, userId: string, kind: Sent['kind']): string {
  const members = world.members.get(key);
  if (!members) throw new Error(`no group ${key}`);
  world.dirty = true;
  if (kind === 'add') {
    if (members.has(userId)) return 'already';
    members.add(userId);
    return 'added';
  }
  // A suspended process may send a removal hours after it was right; nothing on our side can call it back.
  if (world.suspended && world.standing.get(key)?.delete(userId)) count(world, 'a standing member removed by a suspended process');
  return members.delete(userId) ? 'removed' : 'already';
}

function drawFault(world: World): WriteFault | undefined {
  let draw = world.random.next();
  for (const fault of writeFaults) {
    draw -= world.config.faults[fault];
    if (draw < 0) return fault;
  }
  return undefined;
}

function errorOf(world: World, name: string, fault: WriteFault): ProviderError {
  if (fault === 'refused') return new ProviderError(name, 'forbidden', 'not allowed to', { applied: 'no' });
  if (fault === 'rate-limited') {
    const retryAfterMs = world.random.between(1000, 90_000);
    return new ProviderError(name, 'rate-limited', 'too many calls', { applied: 'no', retryAfterMs });
  }
  return new ProviderError(name, fault.startsWith('5xx') ? 'unavailable' : 'timeout', fault);
}
