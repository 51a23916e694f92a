/** What the audit trail can say. Attempted and done are different events: `membership.add` is the intent, `grant.active` the effect. */

import type { Actor, EndReason } from './types.ts';

export type LedgerEvent = {
  readonly type:
    | 'request.refused'
    | 'request.pending'
    | 'request.approved'
    | 'request.denied'
    | 'request.withdrawn'
    | 'request.expired'
    | 'request.extended'
    | 'request.approval'
    | 'request.escalated'
    | 'request.queued'
    | 'request.offered'
    | 'request.expiring'
    | 'request.broken-glass'
    | 'request.reviewed'
    | 'request.review-overdue'
    | 'grant.activating'
    | 'membership.add'
    | 'grant.active'
    | 'grant.revoking'
    | 'membership.remove'
    | 'membership.remove-failed'
    | 'sessions.end'
    | 'sessions.end-failed'
    | 'sessions.ended'
    | 'grant.ended'
    | 'member.adopted'
    | 'member.drift'
    | 'member.baseline'
    | 'member.taken-over'
    | 'grant.stuck'
    | 'rotation.changed'
    | 'rotation.refused'
    | 'rotation.accepted'
    | 'rotation.held-over'
    | 'standing.changed'
    | 'standing.review-due'
    | 'standing.review-missed'
    | 'ledger.behind'
    | 'ledger.recovered'
    | 'ledger.copied'
    | 'sweep.overridden'
    | 'policy.loaded'
    | 'policy.rejected'
    | 'call.refused';
  /** Who decided it; `oncall` for what the tool did to carry that out, `sweep` for what time or a sweep brought about; `nobody` where a call proved nobody. */
  readonly actor: Actor | 'oncall' | 'sweep' | 'nobody';
  readonly requestId?: string;
  readonly grantId?: string;
  readonly role?: string;
  readonly holder?: string;
  readonly target?: { readonly directory: string; readonly group: string };
  readonly reason?: string;
  readonly endReason?: EndReason;
  readonly policyDigest?: string;
  readonly data?: unknown;
};

/** The last event of a ledger's chain: whoever keeps it elsewhere can tell later whether the ledger has still come that far. */
export type Head = {
  /** The ledger's own id. */
  readonly ledger: string;
  /** 0 where nothing has been recorded. */
  readonly seq: number;
  readonly hash: string;
  /** When it was seen; epoch ms. */
  readonly at: number;
};

/** What a chain is held against, besides itself. */
export type Expected = {
  readonly kept?: Head | undefined;
  /** A hash that some event must have. */
  readonly given?: string | undefined;
};

/** The first row that is not right, and in what way. */
export type Breach = {
  readonly kind: 'edit' | 'gap' | 'reorder' | 'fork' | 'truncation' | 'behind';
  readonly seq: number;
  readonly because: string;
};

/** A chain as far as it was found sound. */
export type Chain = {
  readonly rows: number;
  /** When the first and the last of them were recorded. */
  readonly firstAt?: number;
  readonly lastAt?: number;
  readonly head: Omit<Head, 'at'>;
  /** Where the given hash was found. */
  readonly foundSeq?: number;
  readonly breach?: Breach;
};

export type RecordedEvent = LedgerEvent & {
  readonly seq: number;
  readonly at: number;
  readonly ledger: string;
  /** All of it, as it was hashed. */
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
};
