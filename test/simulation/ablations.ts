/** Safeguards that can be taken out, one at a time, to see that the simulation would notice. */

import type { Directory } from '../../src/directories/directory.ts';
import type { Queries } from '../../src/ledger/ledger.ts';
import type { Config } from './config.ts';

export type Ablation = {
  /** Where what it guards against is rare otherwise. */
  readonly config?: Partial<Config>;
  readonly queries?: (queries: Queries) => Queries;
  readonly directory?: (directory: Directory) => Directory;
};

const membership = (
  changes: (asked: Parameters<Queries['changeMembership']>[1]) => Parameters<Queries['changeMembership']>[1],
): Ablation => ({
  queries: (q) => ({ ...q, changeMembership: (row, asked) => q.changeMembership(row, { ...asked, ...changes(asked) }) }),
});

export const ablations = {
  /** A removal that was read back is called the end, though an add that was never answered may still land. */
  'no-quiet': membership(() => ({ quietUntil: 0 })),
  /** Whoever is found in the group already is taken out as if we had put them there. */
  'no-ownership': {
    queries: (q) => ({
      ...q,
      changeMembership: async (row, asked) => {
        const changed = await q.changeMembership(row, asked.owned === false ? { ...asked, owned: true } : asked);
        return asked.owned === false ? { ...changed, owned: false } : changed;
      },
    }),
  },
  /** A removal does not care whether another grant stands on the membership. */
  'no-other-grants': {
    queries: (q) => ({
      ...q,
      grantsOfMembership: async (id) => (await q.grantsOfMembership(id)).filter((grant) => grant.state === 'revoking'),
    }),
  },
  /** A write is sent however late it is. */
  'no-deadline': {
    directory: (directory) => ({
      ...directory,
      add: (pin, { signal: _, ...call }) => directory.add(pin, { ...call, beforeWrite: () => {} }),
    }),
  },
  /** Whole groups are read, but an add that was never answered is forgotten. */
  'no-adoption': {
    config: { calm: false, users: 1, roles: ['viewer'], started: 40, steps: 400, crash: 0, suspend: 0.03 },
    queries: (q) => ({
      ...q,
      markClean: async () => {},
      membershipsOfGroup: async (...group) => (await q.membershipsOfGroup(...group)).map((row) => ({ ...row, unansweredUntil: 0 })),
    }),
  },
  /** An activation that met an error is closed at once, as if the error meant that nothing was added. */
  'error-ends': {
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
} as const satisfies Readonly<Record<string, Ablation>>;

export type AblationName = keyof typeof ablations;
