/** Safeguards that can be taken out, one at a time, to see that the simulation would notice. */

import type { Directory, Member } from '../../src/directories/directory.ts';
import { isProviderError } from '../../src/errors.ts';
import type { Queries } from '../../src/ledger/ledger.ts';
import type { Membership } from '../../src/lifecycle/types.ts';
import type { Anchor } from '../../src/operations/deps.ts';
import type { Config } from './config.ts';

export type Ablation = {
  /** What goes wrong without it. */
  readonly about?: string;
  /** Where what it guards against is rare otherwise. */
  readonly config?: Partial<Config>;
  readonly queries?: (queries: Queries) => Queries;
  readonly directory?: (directory: Directory) => Directory;
  readonly anchor?: Anchor;
};

type Asked = Parameters<Queries['changeMembership']>[1];

const membership =
  (changes: (asked: Asked) => Asked) =>
  (q: Queries): Queries => ({
    ...q,
    changeMembership: (row, asked) => q.changeMembership(row, { ...asked, ...changes(asked) }),
  });

/** What is read of a row is changed; what is written goes to the row as it is. */
const seenAs =
  (changes: (row: Membership) => Partial<Membership>) =>
  (q: Queries): Queries => {
    const real = new WeakMap<Membership, Membership>();
    const seen = <T extends Membership | undefined>(row: T): T => {
      if (!row) return row;
      const changed = { ...row, ...changes(row) };
      real.set(changed, row);
      return changed;
    };
    return {
      ...q,
      membership: async (id) => seen(await q.membership(id)),
      changeMembership: async (row, asked) => q.changeMembership(real.get(row) ?? row, asked),
    };
  };

/** Much happens to few, so that they meet. */
const crowd: Partial<Config> = { calm: false, users: 1, roles: ['viewer'], started: 40, steps: 400 };
const noRare: Partial<Config> = { churn: 0, clockStep: 0, restore: 0, ledgerFault: 0, staleReads: 0, hollow: 0, policyChange: 0 };

const oftenLost: Config['faults'] = {
  'time-out-before': 0.1,
  'time-out-after': 0.2,
  late: 0.2,
  refused: 0,
  'rate-limited': 0,
  '5xx-before': 0,
  '5xx-after': 0.1,
};

export const ablations = {
  'no-quiet': {
    about: 'a removal that was read back is called the end, though an add that was never answered may still land',
    queries: membership(() => ({ quietUntil: 0 })),
  },
  'no-ownership': {
    about: 'whoever is found in the group already is taken out as if we had put them there',
    queries: (q) => ({
      ...q,
      changeMembership: async (row, asked) => {
        const changed = await q.changeMembership(row, asked.owned === false ? { ...asked, owned: true } : asked);
        return asked.owned === false ? { ...changed, owned: false } : changed;
      },
    }),
  },
  'no-other-grants': {
    about: 'a removal does not care whether another grant stands on the membership',
    config: noRare,
    queries: (q) => ({
      ...q,
      grantsOfMembership: async (id) => (await q.grantsOfMembership(id)).filter((grant) => grant.state === 'revoking'),
    }),
  },
  'no-deadline': {
    about: 'a write is sent however late it is',
    directory: (directory) => ({
      ...directory,
      add: (pin, { signal: _, ...call }) => directory.add(pin, { ...call, beforeWrite: () => {} }),
    }),
  },
  'no-adoption': {
    about: 'whole groups are read, but an add that was never answered is forgotten',
    config: { ...crowd, ...noRare, crash: 0, suspend: 0.03 },
    queries: (q) => ({
      ...q,
      markClean: async () => {},
      membershipsOfGroup: async (...group) => (await q.membershipsOfGroup(...group)).map((row) => ({ ...row, unansweredUntil: 0 })),
    }),
  },
  'error-ends': {
    about: 'an activation that met an error is closed at once, as if the error meant that nothing was added',
    queries: (q) => {
      const ended = new Set<string>();
      return {
        ...q,
        record: async (event) => (event.type === 'grant.ended' && ended.has(event.grantId ?? '') ? undefined : q.record(event)),
        changeGrant: async (grant, changes) => {
          if (grant.state === 'ended') return grant;
          const changed = await q.changeGrant(grant, changes);
          if (grant.state !== 'activating' || changed.state !== 'revoking' || changed.endReason !== 'failed') return changed;
          await q.record({ type: 'grant.ended', actor: 'sweep', grantId: grant.id });
          ended.add(grant.id);
          const closed = await q.changeGrant(changed, { state: 'ended', endedAt: changes.nextAttemptAt ?? 0 });
          await q.closeRequest(grant.requestId);
          return closed;
        },
      };
    },
  },
  'no-just-removed': {
    about: 'who was taken out a moment ago, and is still seen by a read that lags behind, is taken for somebody who was in before',
    config: { ...noRare, calm: false, staleReads: 0.8, lagMs: 10_000 },
    queries: membership(() => ({ removeBy: 0 })),
  },
  'no-read-back': {
    about: 'a removal that was acknowledged is believed',
    config: { ...noRare, calm: false, hollow: 0.3 },
    directory: (directory) => ({ ...directory, read: async (pin, call) => (call.signal ? directory.read(pin, call) : 'absent') }),
  },
  'no-turns': {
    about: 'two processes call the directory about one membership at once',
    queries: seenAs(() => ({ busyUntil: 0 })),
  },
  'no-versions': {
    about: 'a process goes by what it saw of a row, whatever others made of it since',
    config: noRare,
    queries: (q) => {
      const fresh = async (row: Membership): Promise<Membership> => (await q.membership(row.id)) ?? row;
      const blind = <T extends Membership | undefined>(row: T): T => (row ? { ...row, version: 0 } : row);
      return {
        ...q,
        membership: async (id) => blind(await q.membership(id)),
        membershipAt: async (...at) => blind(await q.membershipAt(...at)),
        insertMembership: async (...row) => blind(await q.insertMembership(...row)),
        changeMembership: async (row, asked) => blind(await q.changeMembership(await fresh(row), asked)),
      };
    },
  },
  'no-memory-of-lost-adds': {
    about: 'a later add that was answered makes an earlier one forgotten that was not, and its quiet time with it',
    config: { ...crowd, ...noRare, roles: ['viewer', 'two-groups', 'operator'], faults: oftenLost, suspend: 0.02, crash: 0 },
    queries: membership(({ unansweredUntil, quietUntil, owned }) =>
      owned === undefined && unansweredUntil !== undefined && quietUntil !== undefined ? { unansweredUntil: 0, quietUntil: 0 } : {},
    ),
  },
  'no-lost-adds-of-ours': {
    about: 'a member whom an unanswered add of ours put there counts as one who was in before us',
    config: { ...crowd, ...noRare, suspend: 0.03, crash: 0 },
    queries: seenAs(() => ({ unansweredUntil: 0 })),
  },
  'no-heartbeat': {
    about: 'access is given though nothing runs that would take it back',
    queries: (q) => ({
      ...q,
      directories: async () => (await q.directories()).map((row) => ({ ...row, heartbeatAt: Number.MAX_SAFE_INTEGER })),
    }),
  },
  'no-account': {
    about: 'a directory may be another account today',
    config: { ...noRare, calm: false, outage: 0.02 },
    queries: (q) => ({ ...q, directories: async () => (await q.directories()).map((row) => ({ ...row, account: '' })) }),
  },
  'no-ids': {
    about: 'a user or group of the same name is taken for the one that was meant',
    config: { ...noRare, calm: false, churn: 0.04 },
    directory: (directory) => ({
      ...directory,
      remove: async (pin, call) => {
        const user = await directory.findUser(pin.userName, {});
        return directory.remove(user ? { ...pin, userId: user.userId } : pin, call);
      },
    }),
  },
  'no-places': {
    about: 'a role with one place is given to whoever asks',
    queries: (q) => ({ ...q, openHolders: async () => [], placesTaken: async () => [], takePlace: async () => {} }),
  },
  'no-clean-reading': {
    about: 'in a group that has just become exclusive, whoever was in it before is taken out',
    config: { ...noRare, calm: false, policyChange: 0.03 },
    queries: (q) => ({
      ...q,
      managedGroup: async (...at) => {
        const group = await q.managedGroup(...at);
        return group && { ...group, cleanAt: group.cleanAt ?? group.firstReadAt };
      },
    }),
  },
  'no-whole-lists': {
    about: 'a list of members that broke off is taken for all of it',
    config: { ...noRare, calm: false, policyChange: 0.03, readFault: 0.2 },
    directory: (directory) => ({
      ...directory,
      members: async (group, call): Promise<readonly Member[] | 'gone'> => {
        try {
          return await directory.members(group, call);
        } catch (error) {
          if (isProviderError(error) && error.fault === 'malformed') return [];
          throw error;
        }
      },
    }),
  },
  'no-anchor': {
    about: 'a ledger that was put back from an older copy is believed',
    config: { ...noRare, calm: false, restore: 0.01 },
    anchor: { read: async () => undefined, keep: async () => {} },
  },
  'gives-up': {
    about: 'a removal that failed six times is not tried again',
    config: { stuck: true, calm: false },
    queries: (q) => ({
      ...q,
      changeGrant: (grant, changes) =>
        q.changeGrant(grant, (changes.attempts ?? 0) >= 6 ? { ...changes, nextAttemptAt: Number.MAX_SAFE_INTEGER } : changes),
    }),
  },
  'never-departed': {
    about: 'who has left keeps what they have',
    config: { ...noRare, calm: false, churn: 0.06, crash: 0, suspend: 0, readFault: 0 },
    directory: (directory) => ({
      ...directory,
      hasLeft: async () => false,
    }),
  },
  unannounced: {
    about: 'a write is sent that the trail does not tell of',
    queries: (q) => ({ ...q, record: async (event) => (event.type === 'membership.add' ? undefined : q.record(event)) }),
  },
} as const satisfies Readonly<Record<string, Ablation & { readonly about: string }>>;

export type AblationName = keyof typeof ablations;
