/** What every directory must do, whoever keeps it. An adapter's test file calls `directoryContract` with a world in which things can happen behind the adapter's back. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Call, Directory } from '../../src/directories/directory.ts';
import { isProviderError, ProviderError } from '../../src/errors.ts';
import type { GroupPin, Pin } from '../../src/lifecycle/types.ts';
import { type DirectoryTraits, type DirectoryWorld, expectFault } from './directory-world.ts';

export function directoryContract(name: string, make: () => Promise<DirectoryWorld>, traits: DirectoryTraits): void {
  const { user, otherUser, group } = traits;
  describe.skipIf(traits.skip)(`${name} keeps the directory contract${traits.skip ? ` (skipped: ${traits.skip})` : ''}`, () => {
    let world: DirectoryWorld;
    /** Of a group that keeps the end of what it gives. */
    const far = 4_000_000_000_000;
    const call: Call & { readonly until?: number } = traits.isIamRole ? { until: far } : {};

    beforeEach(async () => {
      world = await make();
      await world.addUser(user);
      await world.addUser(otherUser);
      await world.addGroup(group);
    });
    afterEach(() => world.close());

    async function pinned(): Promise<Pin> {
      const [foundUser, foundGroup] = [await world.directory.findUser(user, call), await world.directory.findGroup(group, call)];
      if (!foundUser || !foundGroup) throw new Error('the world is not as arranged');
      return { ...foundGroup, userId: foundUser.userId, userName: foundUser.userName };
    }

    describe('finding', () => {
      it('finds one user and one group, and gives them ids and an account', async () => {
        const pin = await pinned();
        expect(pin).toMatchObject({ userName: user, groupName: group });
        expect([pin.userId, pin.groupId, pin.account].every((text) => text.length > 0)).toBe(true);
        expect(await world.directory.findUser(user, call)).toMatchObject({ active: true });
      });

      it('finds a group by its id, too', async () => {
        const pin = await pinned();
        expect(await world.directory.findGroup(pin.groupId, call)).toMatchObject({
          account: pin.account,
          groupId: pin.groupId,
          groupName: group,
        });
      });

      it('finds nobody where there is nobody, and takes no part of a name for the whole', async () => {
        for (const wrong of [user.slice(0, -1), `${user}x`, '', ' ', '*', `${user}/..`, 'x'.repeat(500)]) {
          expect(await world.directory.findUser(wrong, call), wrong).toBeUndefined();
        }
        for (const wrong of [group.slice(0, -1), `${group}x`, '', '__proto__', 'constructor', 'x'.repeat(500)]) {
          expect(await world.directory.findGroup(wrong, call), wrong).toBeUndefined();
        }
      });

      it.runIf(traits.twins)('refuses to choose between two users of one name', async () => {
        await world.twin?.(user);
        await expectFault(world.directory.findUser(user, call), 'ambiguous');
      });
    });

    describe('turns', () => {
      it('sends nothing before its turn, whatever it is asked', async () => {
        const pin = await pinned();
        world.passTime();
        const refused = new ProviderError(name, 'rate-limited', 'not now', { applied: 'no' });
        const never = { ...call, turn: () => Promise.reject(refused) };
        const { directory } = world;
        const before = await world.writes();
        const asked = [
          () => directory.findUser(user, never),
          () => directory.findGroup(group, never),
          () => directory.read(pin, never),
          () => directory.members(pin, never),
          () => directory.add(pin, never),
          () => directory.remove(pin, never),
        ];
        for (const ask of asked) await expectFault(ask(), 'rate-limited', 'no');
        expect(await world.writes()).toBe(before);
        expect(await world.isMember(user, group)).toBe(false);
      });

      it('looks whether it is too late after the wait for its turn, not before', async () => {
        const pin = await pinned();
        await world.directory.add(pin, call);
        let waited = false;
        const turn: Call['turn'] = async (request) => {
          await new Promise((done) => setTimeout(done, 5));
          waited = true;
          return request();
        };
        const beforeWrite = () => {
          if (waited) throw new ProviderError(name, 'too-late', 'too late', { applied: 'no' });
        };
        await expectFault(world.directory.remove(pin, { turn, beforeWrite }), 'too-late', 'no');
        expect(await world.isMember(user, group)).toBe(true);
      });
    });

    describe('adding and removing', () => {
      it('adds once, however often it is asked', async () => {
        const pin = await pinned();
        expect(await world.directory.read(pin, call)).toBe('absent');
        expect(await world.directory.add(pin, call)).toBe('added');
        expect(await world.directory.read(pin, call)).toBe('member');
        expect(await world.isMember(user, group)).toBe(true);
        expect(await world.directory.add(pin, call)).toBe(traits.tellsAlready ? 'already' : 'added');
        expect(await world.directory.members(pin, call)).toEqual([{ userId: pin.userId, userName: user }]);
      });

      it('removes once, and says so when there was nothing left to remove', async () => {
        const pin = await pinned();
        await world.join(user, group);
        expect(await world.directory.remove(pin, call)).toBe('removed');
        expect(await world.isMember(user, group)).toBe(false);
        expect(await world.directory.read(pin, call)).toBe('absent');
        expect(await world.directory.remove(pin, call)).toBe('already');
      });

      it('touches nobody else', async () => {
        const pin = await pinned();
        await world.join(otherUser, group);
        await world.directory.add(pin, call);
        await world.directory.remove(pin, call);
        expect(await world.isMember(otherUser, group)).toBe(true);
      });

      it('sees what others did a moment ago', async () => {
        const pin = await pinned();
        await world.directory.add(pin, call);
        await world.leave(user, group);
        expect(await world.directory.read(pin, call)).toBe('absent');
        await world.join(user, group);
        expect(await world.directory.read(pin, call)).toBe('member');
      });

      it('sends one writing request for one write', async () => {
        const pin = await pinned();
        const before = await world.writes();
        await world.directory.add(pin, call);
        expect(await world.writes()).toBe(before + 1);
        await world.directory.remove(pin, call);
        expect(await world.writes()).toBe(before + 2);
      });
    });

    describe('members', () => {
      it('is empty for an empty group', async () => {
        expect(await world.directory.members(await pinned(), call)).toEqual([]);
      });

      it('lists all of many, each once', async () => {
        const names = Array.from({ length: 23 }, (_, i) => `m${i}-${user}`);
        for (const each of names) {
          await world.addUser(each);
          await world.join(each, group);
        }
        const found = await world.directory.members(await pinned(), call);
        if (found === 'gone') throw new Error('the group is there');
        expect(found.map((member) => member.userName).sort()).toEqual(names.sort());
        expect(new Set(found.map((member) => member.userId)).size).toBe(23);
      });
    });

    describe('what no longer exists', () => {
      it('knows a membership to be gone with its user', async () => {
        const pin = await pinned();
        await world.join(user, group);
        await world.removeUser(user);
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('gone');
        expect(await world.directory.remove(pin, call)).toBe('already');
        await expectFault(world.directory.add(pin, call), 'not-found', 'no');
      });

      it.skipIf(traits.isIamRole)('knows a membership to be gone with its group', async () => {
        const pin = await pinned();
        await world.join(user, group);
        await world.removeGroup(group);
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('gone');
        expect(await world.directory.members(pin, call)).toBe('gone');
        expect(await world.directory.remove(pin, call)).toBe('already');
        await expectFault(world.directory.add(pin, call), 'not-found', 'no');
      });
    });

    describe.runIf(traits.isIamRole)('an end that the directory keeps', () => {
      const minute = 60_000;
      const clock = (): number => world.now?.() ?? 0;

      it('lets in until then and not after it, and has to be taken away all the same', async () => {
        const pin = await pinned();
        expect(world.directory.keepsEnd?.(pin)).toBe(true);
        await world.directory.add(pin, { until: clock() + minute });
        expect(await world.directory.read(pin, call)).toBe('member');
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('absent');
        expect(await world.directory.members(pin, call)).toEqual([]);
        expect(await world.isMember(user, group)).toBe(true);
        expect(await world.directory.remove(pin, call)).toBe('removed');
        expect(await world.isMember(user, group)).toBe(false);
      });

      it('is moved by adding who is in already: later, and earlier', async () => {
        const pin = await pinned();
        await world.directory.add(pin, { until: clock() + minute });
        await world.directory.add(pin, { until: clock() + 3 * minute });
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('member');
        await world.directory.add(pin, { until: clock() + minute });
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('absent');
      });

      it('is never later than it was told, be it within a second', async () => {
        const pin = await pinned();
        await world.directory.add(pin, { until: clock() + minute + 999 });
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('absent');
      });

      it('must be said: nothing is given for ever', async () => {
        const pin = await pinned();
        const before = await world.writes();
        await expectFault(world.directory.add(pin, {}), 'refused', 'no');
        expect(await world.writes()).toBe(before);
      });

      it('is there, and is taken away, also where the role is not any more; but nobody is given it', async () => {
        const pin = await pinned();
        await world.directory.add(pin, call);
        await world.removeGroup(group);
        world.passTime();
        expect(await world.directory.findGroup(group, call)).toBeUndefined();
        expect(await world.directory.read(pin, call)).toBe('member');
        expect(await world.directory.members(pin, call)).toEqual([{ userId: pin.userId, userName: user }]);
        await expectFault(world.directory.add(pin, call), 'not-found', 'no');
        expect(await world.directory.remove(pin, call)).toBe('removed');
        expect(await world.directory.read(pin, call)).toBe('absent');
      });
    });

    it.skipIf(traits.isIamRole)('keeps no end by itself', async () => {
      expect(world.directory.keepsEnd?.(await pinned()) ?? false).toBe(false);
    });

    describe.skipIf(traits.namesAreIds)('names that changed hands', () => {
      it('never touches a new user of the old name', async () => {
        const pin = await pinned();
        await world.removeUser(user);
        await world.addUser(user);
        await world.join(user, group);
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('gone');
        const before = await world.writes();
        expect(await world.directory.remove(pin, call)).toBe('already');
        await expectFault(world.directory.add(pin, call), 'not-found', 'no');
        expect(await world.writes()).toBe(before);
        expect(await world.isMember(user, group)).toBe(true);
      });

      it.skipIf(traits.isIamRole)('never touches a new group of the old name', async () => {
        const pin = await pinned();
        await world.removeGroup(group);
        await world.addGroup(group);
        await world.join(user, group);
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('gone');
        expect(await world.directory.members(pin, call)).toBe('gone');
        const before = await world.writes();
        expect(await world.directory.remove(pin, call)).toBe('already');
        await expectFault(world.directory.add(pin, call), 'not-found', 'no');
        expect(await world.writes()).toBe(before);
        expect(await world.isMember(user, group)).toBe(true);
      });

      it('follows a user who was renamed, though another took the name', async () => {
        const pin = await pinned();
        await world.directory.add(pin, call);
        await world.renameUser?.(user, `renamed-${user}`);
        await world.addUser(user);
        await world.join(user, group);
        world.passTime();
        expect(await world.directory.read(pin, call)).toBe('member');
        expect(await world.directory.remove(pin, call)).toBe('removed');
        expect(await world.directory.read(pin, call)).toBe('absent');
        expect(await world.isMember(`renamed-${user}`, group)).toBe(false);
        expect(await world.isMember(user, group)).toBe(true);
        await world.directory.add(pin, call);
        expect(await world.isMember(`renamed-${user}`, group)).toBe(true);
      });

      it.skipIf(traits.isIamRole)('follows a group that was renamed, though another took the name', async () => {
        const pin = await pinned();
        await world.directory.add(pin, call);
        await world.renameGroup?.(group, `renamed-${group}`);
        await world.addGroup(group);
        await world.join(user, group);
        world.passTime();
        expect(await world.directory.members(pin, call)).toEqual([{ userId: pin.userId, userName: user }]);
        expect(await world.directory.read(pin, call)).toBe('member');
        expect(await world.directory.remove(pin, call)).toBe('removed');
        expect(await world.isMember(user, `renamed-${group}`)).toBe(false);
        expect(await world.isMember(user, group)).toBe(true);
      });
    });

    describe('another account', () => {
      const everything = (pin: Pin): [string, (directory: Directory) => Promise<unknown>][] => [
        ['read', (directory) => directory.read(pin, call)],
        ['members', (directory) => directory.members(pin as GroupPin, call)],
        ['add', (directory) => directory.add(pin, call)],
        ['remove', (directory) => directory.remove(pin, call)],
      ];

      it('answers nothing about a membership where its user and group do not exist', async () => {
        const pin = await pinned();
        for (const [, act] of everything(pin)) await expectFault(act(world.elsewhere.directory), 'wrong-account', 'no');
      });

      it('answers nothing about a membership where others have its names, and leaves those alone', async () => {
        const pin = await pinned();
        await world.elsewhere.addUser(user);
        await world.elsewhere.addGroup(group);
        await world.elsewhere.join(user, group);
        for (const [, act] of everything(pin)) await expectFault(act(world.elsewhere.directory), 'wrong-account', 'no');
        expect(await world.elsewhere.isMember(user, group)).toBe(true);
      });
    });

    describe('writing in time', () => {
      const tooLate = new ProviderError('test', 'too-late', 'the time to add has passed', { applied: 'no' });
      const late: typeof call = {
        ...call,
        beforeWrite: () => {
          throw tooLate;
        },
      };

      it('writes nothing where it is too late, and passes on why', async () => {
        const pin = await pinned();
        const before = await world.writes();
        expect(await world.directory.add(pin, late).catch((error: unknown) => error)).toBe(tooLate);
        await world.join(user, group);
        const joined = await world.writes();
        expect(await world.directory.remove(pin, late).catch((error: unknown) => error)).toBe(tooLate);
        expect(await world.isMember(user, group)).toBe(true);
        expect([before, joined]).toEqual([before, await world.writes()]);
      });

      it('asks once for each write, last of all', async () => {
        const pin = await pinned();
        const before = await world.writes();
        const atGate: Promise<number>[] = [];
        await world.directory.add(pin, { ...call, beforeWrite: () => void atGate.push(world.writes()) });
        expect(await Promise.all(atGate)).toEqual([before]);
        expect(await world.writes()).toBe(before + 1);
      });

      it('writes nothing after it was stopped', async () => {
        const pin = await pinned();
        const before = await world.writes();
        const stopped = { ...call, signal: AbortSignal.abort() };
        await expectFault(world.directory.add(pin, stopped), 'unavailable', 'no');
        await expectFault(world.directory.remove(pin, stopped), 'unavailable', 'no');
        await expectFault(world.directory.read(pin, stopped), 'unavailable', 'no');
        expect(await world.writes()).toBe(before);
        expect(await world.isMember(user, group)).toBe(false);
      });

      it('says that nothing was written where it has no right to write', async () => {
        const pin = await pinned();
        await world.join(user, group);
        await world.denyWrites();
        const error = await world.directory.remove(pin, call).catch((thrown: unknown) => thrown);
        expect(isProviderError(error) && ['forbidden', 'refused'].includes(error.fault) && error.applied).toBe('no');
        expect(await world.isMember(user, group)).toBe(true);
        expect(await world.directory.read(pin, call)).toBe('member');
      });
    });
  });
}
