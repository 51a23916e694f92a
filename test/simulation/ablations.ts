/** Safeguards that can be taken out, one at a time, to see that the simulation would notice. */

import type { Directory, Member } from '../../src/directories/directory.ts';
import { isProviderError } from '../../src/errors.ts';
import type { Ledger, Queries } from '../../src/ledger/ledger.ts';
import type { Actor, Membership, Request } from '../../src/lifecycle/types.ts';
import type { Anchor } from '../../src/operations/deps.ts';
import type { Policy } from '../../src/policy/types.ts';
import type { Roster } from '../../src/rosters/roster.ts';
import { lineAblations } from './ablations-line.ts';
import { yesAblations } from './ablations-yes.ts';
import { type Config, duty, dutyRoles, hour } from './config.ts';

export type Ablation = {
  /** What goes wrong without it. */
  readonly about?: string;
  /** Where what it guards against is rare otherwise. */
  readonly config?: Partial<Config>;
  readonly queries?: (queries: Queries) => Queries;
  readonly directory?: (directory: Directory) => Directory;
  readonly roster?: (roster: Roster) => Roster;
  readonly anchor?: Anchor;
  /** Of a process by what it does: the policy that it goes by, and whom it takes its user for. */
  readonly policy?: (policy: Policy, what: string) => Policy;
  readonly actor?: (actor: Actor, what: string) => Actor;
  readonly ledger?: (ledger: Ledger) => Ledger;
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

const noFaults = { 'time-out-before': 0, 'time-out-after': 0, late: 0, refused: 0, 'rate-limited': 0, '5xx-before': 0, '5xx-after': 0 };
const peace: Partial<Config> = {
  ...{ calm: true, faults: noFaults, readFault: 0, crash: 0, suspend: 0, outage: 0, stuck: false, scheduledMs: 100, callMs: 2_000 },
  ...{ churn: 0, clockStep: 0, restore: 0, ledgerFault: 0, staleReads: 0, hollow: 0, policyChange: 0, rotaOutage: 0, emptyAnswers: 0 },
};

const withoutToldEnd = (row: Membership | undefined): Membership | undefined => {
  if (!row) return row;
  const { toldUntil: _, ...rest } = row;
  return rest;
};

/** Much happens to few, so that they meet. */
const crowd: Partial<Config> = { calm: false, users: 1, roles: ['viewer'], started: 40, steps: 400 };
const noRare: Partial<Config> = { churn: 0, clockStep: 0, restore: 0, ledgerFault: 0, staleReads: 0, hollow: 0, policyChange: 0 };

/** A rotation about which much is said, and not always the truth. */
const onRota: Partial<Config> = {
  ...noRare,
  calm: false,
  roles: ['rota'],
  rotaEdit: 0.02,
  rotaOutage: 0.01,
  crash: 0,
  suspend: 0,
  outage: 0,
};

const oftenLost: Config['faults'] = {
  'time-out-before': 0.1,
  'time-out-after': 0.2,
  late: 0.2,
  refused: 0,
  'rate-limited': 0,
  '5xx-before': 0,
  '5xx-after': 0.1,
};

/** Nothing ends access but the roster. */
const onDuty: Partial<Config> = {
  ...{ ...noRare, ...duty, calm: false, users: 2, roles: dutyRoles, outage: 0, crash: 0, suspend: 0, duty: 0.03, rosterDown: 0.004 },
  ...{ weights: { ...duty.weights, repeat: 0, release: 0 }, longestMs: 4 * hour },
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
  'no-line': {
    about: 'a place that is free is given to whoever asks, though others wait for it',
    config: { ...noRare, calm: false, roles: ['solo'] },
    queries: (q) => ({ ...q, lineOf: async () => [] }),
  },
  'no-order': {
    about: 'a place is offered to whoever came last',
    config: { ...noRare, calm: false, roles: ['solo'] },
    queries: (q) => ({ ...q, lineOf: async (role) => [...(await q.lineOf(role))].reverse() }),
  },
  'no-kept-place': {
    about: 'a place that is offered to somebody counts as free',
    config: { ...noRare, calm: false, roles: ['solo'] },
    queries: (q) => ({
      ...q,
      openHolders: async (role) => {
        const line = (await q.lineOf(role)).map(({ id }) => id);
        return (await q.openHolders(role)).filter(({ id }) => !line.includes(id));
      },
    }),
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
  'no-moved-ends': {
    about: 'a directory that keeps the end of a membership is not told when that moves',
    config: { ...peace, users: 1, roles: ['shift', 'two-groups'], started: 40, steps: 400, adminAdd: 0, adminRemove: 0 },
    queries: (q) => ({ ...q, untoldEnds: async () => [], membership: async (id) => withoutToldEnd(await q.membership(id)) }),
  },
  'no-own-end': {
    about: 'whoever is let in is let in for ever, as far as the directory knows',
    directory: (directory) => ({ ...directory, add: (pin, call) => directory.add(pin, { ...call, until: Number.MAX_SAFE_INTEGER }) }),
  },
  'no-guard': {
    about: 'whoever is off the rotation goes, also by an answer that names nobody',
    config: { ...onRota, emptyAnswers: 0.3 },
    queries: (q) => ({
      ...q,
      openByPolicy: async (origin) => (await q.openByPolicy(origin)).map((one) => ({ ...one, asked: { untilMs: 0 } })),
    }),
  },
  'no-hold-over': {
    about: 'when the rotation was last answered is forgotten, so that nobody is held over while its roster is silent',
    config: { ...onRota, rotaOutage: 0.03, refuseWhenLateMs: 24 * 3_600_000 },
    queries: (q) => ({ ...q, rotation: async (role) => ({ ...(await q.rotation(role)), answeredAt: 0 }) }),
  },
  'no-patience': {
    about: 'whose time on the rotation is up is taken out before anybody has asked whether their shift goes on',
    config: onRota,
    queries: (q) => ({ ...q, openByPolicy: async (origin) => (await q.openByPolicy(origin)).map((one) => ({ ...one, expiresAt: 0 })) }),
  },
  'no-word-back': {
    about: 'who has given a shift back is let in again by the next sweep',
    config: onRota,
    queries: (q) => ({ ...q, lastByPolicy: async () => undefined }),
  },
  'no-shift-end': {
    about: 'whoever is on call is let in for longer than the shift lasts',
    config: onRota,
    roster: (roster) => ({
      ...roster,
      onCall: async (query, at, call) => (await roster.onCall(query, at, call)).map(({ end: _end, ...shift }) => shift),
    }),
  },
  'silence-is-nobody': {
    about: 'a roster that does not answer is taken for one that says nobody is on call',
    config: { ...onRota, rotaOutage: 0.03, refuseWhenLateMs: 24 * 3_600_000 },
    roster: (roster) => ({ ...roster, onCall: (query, at, call) => roster.onCall(query, at, call).catch(() => []) }),
  },
  'never-unnamed': {
    about: 'who is named no longer stays in until the end that was moved on last',
    config: { ...noRare, calm: false, roles: ['named'], policyChange: 0.03 },
    queries: (q) => ({ ...q, openByPolicy: async () => [] }),
  },
  'given-again': {
    about: 'what was given back is given again by the next sweep',
    config: { ...noRare, calm: false, roles: ['named'] },
    queries: (q) => ({ ...q, lastByPolicy: async () => undefined }),
  },
  'taken-over-in-silence': {
    about: 'who was in before is made ours, and the trail does not tell who said so',
    config: { ...noRare, calm: false },
    queries: (q) => ({ ...q, record: async (event) => (event.type === 'member.taken-over' ? undefined : q.record(event)) }),
  },
  'no-grace': {
    about: 'access ends with the first answer that nobody is on duty for it any more',
    config: onDuty,
    queries: (q) => {
      const seen = (request: Request): Request => (request.decision.endsWith.length === 0 ? request : { ...request, unheldSince: 1 });
      return {
        ...q,
        openRequests: async () => (await q.openRequests()).map(seen),
        request: async (id) => {
          const request = await q.request(id);
          return request && seen(request);
        },
      };
    },
  },
  'unknown-ends': {
    about: 'a roster that does not answer is taken for one that says nobody',
    config: onDuty,
    roster: (roster) => ({
      ...roster,
      onCall: (...asked) => roster.onCall(...asked).catch(() => []),
      incident: async (...asked) => roster.incident?.(...asked).catch(() => undefined),
    }),
  },
  'never-early': {
    about: 'a shift or an incident that is over ends nothing',
    config: onDuty,
    queries: (q) => ({ ...q, markUnheld: async () => {} }),
  },
  'unknown-forgets': {
    about: 'a roster that does not answer once makes the grace begin anew',
    config: { ...onDuty, readFault: 0.3 },
    queries: (q) => ({
      ...q,
      markUnknown: async (id, since) => {
        await q.markUnknown(id, since);
        if (since !== undefined) await q.markUnheld(id, undefined);
      },
    }),
  },
  'never-held-again': {
    about: 'who is on duty again has no grace when that ends',
    config: onDuty,
    queries: (q) => ({ ...q, markUnheld: async (id, since) => (since === undefined ? undefined : q.markUnheld(id, since)) }),
  },
  'unknown-untold': {
    about: 'nobody is told of access that goes on because no roster answers',
    config: onDuty,
    queries: (q) => ({ ...q, markUnknown: async () => {} }),
  },
  'any-incident': {
    about: 'access for an incident that is over goes on by another incident',
    config: { ...onDuty, roles: ['incident'] },
    roster: (roster) => ({
      ...roster,
      incident: async (ref, call) => {
        const [one, all] = [await roster.incident?.(ref, call), (await roster.incidents?.(call)) ?? []];
        const other = all.find(({ assigned }) => assigned.length > 0);
        return one === undefined || one.assigned.length > 0 || other === undefined ? one : { ...other, ref };
      },
    }),
  },
  unannounced: {
    about: 'a write is sent that the trail does not tell of',
    queries: (q) => ({ ...q, record: async (event) => (event.type === 'membership.add' ? undefined : q.record(event)) }),
  },
  ...yesAblations,
  ...lineAblations,
} as const satisfies Readonly<Record<string, Ablation & { readonly about: string }>>;

export type AblationName = keyof typeof ablations;
