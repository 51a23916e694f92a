/** What the ledger keeps: a request by a person, a grant for each target, and the membership that grants share. */

import type { Asked, Decision, Target } from '../policy/types.ts';

/** A membership pinned to the world by ids. The names are those at the time of pinning; the ids decide. */
export type Pin = {
  /** Account, org or file that the ids belong to. */
  readonly account: string;
  readonly userId: string;
  readonly userName: string;
  readonly groupId: string;
  readonly groupName: string;
};

export type GroupPin = Pick<Pin, 'account' | 'groupId' | 'groupName'>;

/** Who acts. `subject` at `issuer` is the identity; the e-mail (case-folded) is how policy and directories know the person. A service account has `client:` and its client id as subject (`policy/machine.ts`). */
export type Actor = { readonly issuer: string; readonly subject: string; readonly email: string };

/** Why it is there. `asked`: by the person; `break-glass`: by the person, past the rules that need others; the rest by the policy (a rotation, a list of names) or an admin who took over members. */
export type Origin = 'asked' | 'break-glass' | 'rotation' | 'standing' | 'adopted';

/** `queued`: waits for a place of a role with `maxHolders`; `offered`: one is kept for them. */
export type RequestState = 'pending' | 'queued' | 'offered' | 'approved' | 'denied' | 'withdrawn' | 'expired';

export type Approval = {
  readonly by: Actor;
  readonly at: number;
  readonly answer: 'yes' | 'no';
  readonly reason?: string;
  /** Of a yes: of exactly what was asked (`exactlyAsked`). */
  readonly digest?: string;
  /** Whose right it was, of somebody who is away. */
  readonly inPlaceOf?: string;
};

export type Request = {
  /** 6 characters without look-alikes; the only id that people see. */
  readonly id: string;
  readonly requester: Actor;
  readonly origin: Origin;
  readonly role: string;
  readonly targets: readonly Target[];
  readonly reason?: string;
  readonly incident?: string;
  readonly asked: Asked;
  readonly state: RequestState;
  readonly requestedAt: number;
  readonly pendingUntil?: number;
  /** The commit of the intent. One start and one end for all targets. */
  readonly startsAt?: number;
  readonly expiresAt?: number;
  readonly decision: Decision;
  readonly approvals: readonly Approval[];
  /** When a sweep first found that none of the rules it ends with holds any more. */
  readonly unheldSince?: number;
  /** Since when no sweep could find out whether one of them holds. */
  readonly unknownSince?: number;
  readonly version: number;
};

export type GrantState = 'activating' | 'active' | 'revoking' | 'ended';
export type EndReason = 'expired' | 'released' | 'revoked' | 'superseded' | 'failed';

export type Grant = {
  readonly id: string;
  readonly requestId: string;
  readonly membershipId: string;
  readonly target: Target;
  readonly state: GrantState;
  readonly endReason?: EndReason;
  /** Tries to end it that did not end it. */
  readonly attempts: number;
  /** When the sweep looks at it next: its end while active, the next try while revoking. */
  readonly nextAttemptAt: number;
  readonly lastError?: string;
  /** What somebody has to do about `lastError`; left out where it passes by itself. */
  readonly next?: string;
  /** The commit of the intent. */
  readonly createdAt: number;
  readonly activatedAt?: number;
  readonly endedAt?: number;
  readonly version: number;
};

/** One row per user and group; several grants may point at it. Ownership lives here. */
export type Membership = Pin & {
  readonly id: string;
  /** E-mail of the holder as the request named it. */
  readonly holder: string;
  readonly directory: string;
  /** Unset: no add was ever sent. True: what is in the directory came from us. False: it was there before us and is never removed. */
  readonly owned?: boolean;
  /** No add for the last intent is sent at or after this instant. */
  readonly addBy?: number;
  /** Until when a member found here may be the doing of an add of ours that was never answered; 0: every add was answered. */
  readonly unansweredUntil: number;
  /** What the holder is signed in to has still to be ended once this is removed: a grant that wanted so let them in. */
  readonly endSessions: boolean;
  /** Until when one process alone may call the directory about this membership. */
  readonly busyUntil: number;
  /** After this instant no unanswered write of ours can land any more (bounded calls; a suspended process is what reconcile is for). */
  readonly quietUntil: number;
  /** No removal of ours was sent at or after this instant; 0: none ever was. */
  readonly removeBy: number;
  /** Where the directory keeps the end itself: the one that it was told and acknowledged; 0: not known, as a call is under way or was never answered. */
  readonly toldUntil?: number;
  readonly version: number;
};

/** A grant as people see it, with the target and the times of its request. */
export type GrantView = Grant & {
  readonly role: string;
  readonly holder: string;
  readonly owned?: boolean;
  readonly startsAt?: number;
  readonly expiresAt?: number;
};
