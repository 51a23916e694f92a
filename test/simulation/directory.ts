/** A directory that answers, lags behind, refuses, times out, and applies what it was sent: at once, late, or never. */

import { type Call, type Directory, inTurn } from '../../src/directories/directory.ts';
import { ProviderError } from '../../src/errors.ts';
import type { GroupPin, Pin } from '../../src/lifecycle/types.ts';
import { logins } from './approvers.ts';
import { keyOf } from './company.ts';
import { type WriteFault, writeFaults } from './config.ts';
import { checkSent } from './invariants.ts';
import { accountOf, isOver, keepsEnds, lettingIn, membersAt, outageOf, setMember } from './places.ts';
import { happens, push } from './scheduler.ts';
import { count, note, type Process, type World } from './world.ts';

export function directoryFor(world: World, process: Process, name: string): Directory {
  const { callMs } = world.config;
  const read = <T>(label: string, answer: () => T): Promise<T> =>
    happens(world, process, `${name} ${label}`, callMs, () => {
      failRead(world, name, label.startsWith('list'));
      return answer();
    });
  return {
    findUser: (email) =>
      read(`find ${email}`, () => {
        const userName = logins[email] ?? email;
        const found = [...accountOf(world, process, name).users].find(([, user]) => user.email === userName);
        return found && { userId: found[0], userName, active: found[1].active };
      }),
    findGroup: (group) =>
      read(`find ${group}`, () => {
        const { id, groups } = accountOf(world, process, name);
        const found = [...groups].find(([, groupName]) => groupName === group);
        return found && { account: id, groupId: found[0], groupName: group };
      }),
    read: (pin) =>
      read(`read ${pin.userId} in ${pin.groupId}`, () => {
        if (!exists(world, process, name, pin)) return 'gone';
        const isIn = seen(world, name, pin).has(pin.userId) && !isOver(world, keyOf(name, pin.groupId), pin.userId);
        return isIn ? 'member' : 'absent';
      }),
    members: (group) =>
      read(`list ${group.groupId}`, () => {
        const { users } = reached(world, process, name, group);
        if (!world.members.has(keyOf(name, group.groupId))) return 'gone';
        const members = lettingIn(world, keyOf(name, group.groupId), seen(world, name, group, process));
        return members.map((userId) => ({ userId, userName: users.get(userId)?.email ?? userId }));
      }),
    add: (pin, call) => inTurn(call, () => write(world, process, name, { kind: 'add', pin, call })) as Promise<'added' | 'already'>,
    remove: (pin, call) => inTurn(call, () => write(world, process, name, { kind: 'remove', pin, call })) as Promise<'removed' | 'already'>,
    keepsEnd: () => keepsEnds(name),
    ...(name === 'okta'
      ? {
          hasLeft: (pin: Pin) =>
            read(`ask whether ${pin.userId} has left`, () => reached(world, process, name, pin).users.get(pin.userId)?.active === false),
        }
      : {}),
  };
}

/** The account that the call reaches; throws where the pin belongs to another. */
function reached(world: World, process: Process, name: string, pin: Pick<GroupPin, 'account'>) {
  const account = accountOf(world, process, name);
  if (account.id === pin.account) return account;
  throw new ProviderError(name, 'wrong-account', `${name} is ${account.id}, not ${pin.account}`, { applied: 'no' });
}

function exists(world: World, process: Process, name: string, pin: Pin): boolean {
  const { users, groups } = reached(world, process, name, pin);
  return users.has(pin.userId) && groups.has(pin.groupId);
}

/** The members as of now, or of a moment ago. */
function seen(world: World, name: string, { groupId }: GroupPin, listing?: Process): ReadonlySet<string> {
  const { config, random, now, faults } = world;
  const key = keyOf(name, groupId);
  const stale = faults && world.lately.length > 0 && random.chance(config.staleReads);
  if (stale) count(world, 'fault: stale read');
  const asOf = now - (stale ? random.between(1, config.lagMs) : 0);
  listing?.listed.set(key, asOf);
  return membersAt(world, key, asOf);
}

function failRead(world: World, name: string, isList: boolean): void {
  const outage = outageOf(world, name);
  if (outage === 'forbidden') throw forbidden(world, name);
  if (!world.faults || !world.random.chance(world.config.readFault)) return;
  const fault = world.random.pick(['timeout', 'timeout', 'unavailable', 'forbidden', 'malformed'] as const);
  // An adapter throws rather than answer in part: the second page of a list has not come, or is not what was promised.
  count(world, isList && fault === 'malformed' ? 'fault: truncated list' : 'fault: read');
  note(world, '  … no answer');
  throw new ProviderError(name, fault, 'no answer', { applied: 'no' });
}

function forbidden(world: World, name: string): ProviderError {
  count(world, 'fault: forbidden for long');
  note(world, '  … not allowed to');
  return new ProviderError(name, 'forbidden', 'not allowed to', { applied: 'no' });
}

type Sent = { readonly kind: 'add' | 'remove'; readonly pin: Pin; readonly call: Call & { readonly until?: number } };

/** The call is the sending; what the directory makes of it, and when the answer is heard, the scheduler decides. */
function write(world: World, process: Process, name: string, { kind, pin, call }: Sent): Promise<string> {
  call.beforeWrite?.();
  const overtaken = checkSent(world, process, name, kind, pin, call.until);
  const label = `${name} ${kind} ${pin.userId} ${kind === 'add' ? 'to' : 'from'} ${pin.groupId}`;
  const sentAt = world.now;
  note(world, `${process.name}  sends ${label}`);
  const hasSlept = (): boolean => process.resumedAt > sentAt;
  // Since when a sweep must have read the group before anything is promised again; of what was sent before a restore no row may know.
  const outOfHand = (wild: boolean): number | undefined => {
    if (world.restoredAt >= sentAt) return Number.POSITIVE_INFINITY;
    return wild || world.jumpedAt >= sentAt ? world.now : undefined;
  };
  const apply = (wild = hasSlept()): string => applied(world, name, { ...pin, until: call.until }, kind, outOfHand(wild || overtaken));
  const lands = (): void => {
    count(world, 'a write landed late');
    const last = Math.max(sentAt, process.resumedAt) + world.config.landMs;
    const at = world.random.chance(0.3) ? last : world.random.between(world.now, Math.max(world.now, last));
    const wild = hasSlept();
    push(world, { label: `${label}: lands late`, notBefore: at, due: at, run: () => void apply(wild) });
  };
  return new Promise((resolve, reject) => {
    const answer = (said: string, settle: () => void): void =>
      push(world, { process, label: `${label}: ${said}`, due: Math.max(world.now, sentAt + world.config.callMs), run: settle });
    const timesOut = (): void => reject(new ProviderError(name, 'timeout', 'no answer in time'));
    const refused = (error: unknown): void => answer('refused', () => reject(error));
    const arrive = (): void => {
      try {
        reached(world, process, name, pin);
        const outage = outageOf(world, name);
        if (outage === 'forbidden' || outage === 'read-only') throw forbidden(world, name);
        if (kind === 'add' && !exists(world, process, name, pin)) throw missing(name, pin);
      } catch (error) {
        if (process.elsewhere.has(name)) count(world, 'fault: wrong account');
        refused(error);
        return;
      }
      if (kind === 'remove' && world.faults && world.random.chance(world.config.hollow)) {
        count(world, 'fault: acknowledged in vain');
        answer('says that it removed', () => resolve('removed'));
        return;
      }
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

const missing = (name: string, pin: Pin): ProviderError =>
  new ProviderError(name, 'not-found', `${pin.userName} or ${pin.groupName} no longer exists`, { applied: 'no' });

type Written = Pin & { readonly until?: number | undefined };

function applied(world: World, name: string, written: Written, kind: Sent['kind'], wild: number | undefined): string {
  const { account, groupId, userId, until } = written;
  const key = keyOf(name, groupId);
  const both = world.accounts.get(name);
  const there = [both?.own, both?.other].find((one) => one?.id === account)?.users.has(userId);
  const members = world.members.get(key);
  if (!members || !there) return 'already';
  if (kind === 'add') {
    world.takenOut.delete(`${key} ${userId}`);
    const isIn = members.has(userId);
    if (!isIn) setMember(world, key, userId, true);
    // Whoever stays for good has no end.
    if (keepsEnds(name) && until !== undefined && !world.standing.get(key)?.has(userId)) {
      world.ends.set(`${key} ${userId}`, until);
      world.strayEnds[wild === undefined ? 'delete' : 'add'](`${key} ${userId}`);
    }
    world.dirty = true;
    if (isIn) return 'already';
    if (wild === undefined) return 'added';
    world.wild.set(`${key} ${userId}`, wild);
    world.intruders.add(`${key} ${userId}`);
    return 'added';
  }
  if (!members.has(userId)) return 'already';
  if (wild !== undefined) {
    // Right when it was given, hours ago; nothing on our side can call it back.
    world.takenOut.add(`${key} ${userId}`);
    if (world.standing.get(key)?.delete(userId)) count(world, 'a standing member removed by a suspended process');
  }
  setMember(world, key, userId, false);
  return 'removed';
}

function drawFault(world: World): WriteFault | undefined {
  // From the other end: what is drawn as 0 is no fault, so that a history can be made simpler.
  let draw = 1 - world.random.next();
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
