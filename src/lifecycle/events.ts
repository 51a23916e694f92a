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
    | 'grant.activating'
    | 'membership.add'
    | 'grant.active'
    | 'grant.revoking'
    | 'membership.remove'
    | 'membership.remove-failed'
    | 'grant.ended'
    | 'member.adopted'
    | 'member.drift'
    | 'member.baseline'
    | 'sweep.overridden';
  /** Who decided it; `oncall` for what the tool did to carry that out, `sweep` for what time or a sweep brought about. */
  readonly actor: Actor | 'oncall' | 'sweep';
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

export type RecordedEvent = LedgerEvent & {
  readonly seq: number;
  readonly at: number;
  readonly ledger: string;
  readonly prev: string;
  readonly hash: string;
};
