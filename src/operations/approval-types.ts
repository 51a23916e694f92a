/** What approving takes and gives. Times are epoch milliseconds. */

import type { Request } from '../lifecycle/types.ts';
import type { Turn } from '../policy/turns.ts';

/** `seen`: the digest of what was looked at, from `waiting`; anything else is refused. */
export type ApproveInput = { readonly id: string; readonly reason?: string; readonly seen?: string };

/** `dryRun`: says whether they may, and changes nothing. */
export type DenyInput = { readonly id: string; readonly reason?: string; readonly dryRun?: boolean };

/** Who has said yes to a request, and how many have to. */
export type Yes = {
  /** E-mails of those whose yes counts. */
  readonly by: readonly string[];
  readonly of: number;
  /** Those that no longer count, and why. */
  readonly dropped: readonly { readonly by: string; readonly because: string }[];
};

export type WaitingRequest = Request & {
  /** Of exactly what is asked: SHA-256 over canonical JSON. */
  readonly digest: string;
  readonly yes: Yes;
  /** Where approvers are asked one after the other. */
  readonly turns?: readonly Turn[];
  /** When the caller's turn comes; left out: it has. */
  readonly yoursAt?: number;
  /** Whose right the caller has, while they are away. */
  readonly inPlaceOf?: { readonly email: string; readonly endsAt: number };
};

/** One of which could not be found out whether it waits for the caller. */
export type UnknownWaiting = { readonly id: string; readonly role: string; readonly requester: string; readonly because: string };

/** An emergency that somebody has to look at; the digest is of what it came to so far. */
export type WaitingReview = Request & { readonly digest: string; readonly dueAt: number };

/** `approve` without an id. */
export type WaitingResult = {
  readonly requests: readonly WaitingRequest[];
  readonly unknown: readonly UnknownWaiting[];
  /** Emergencies that wait for the caller to look at them. */
  readonly reviews: readonly WaitingReview[];
};
