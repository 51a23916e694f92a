/** What the composition root hands to the broker's server. The server knows HTTP and who calls; everything else is in here. */

import type { Actor } from '../lifecycle/types.ts';
import type { Operations } from '../operations/types.ts';
import type { Identity } from '../policy/types.ts';

/** A call that was refused before or by an operation: who (where a token proved it), what, why. */
export type RefusedCall = {
  readonly actor?: Actor;
  readonly operation: string;
  readonly code: string;
  readonly why: string;
  /** Where the call came from. */
  readonly address: string;
};

/** What became of a call with this key: `new`: it is the caller's to do; `running`: somebody does it now; `done`: the answer that was given. */
export type Claim =
  | { readonly state: 'new' }
  | { readonly state: 'running' }
  | { readonly state: 'other' }
  | { readonly state: 'done'; readonly status: number; readonly body: string };

/** Answers by idempotency key and person, kept in the ledger, so that every broker of it knows them. */
export type Answers = {
  /** `digest`: of operation and input; the same key with another digest is `other`. */
  claim(actor: Actor, key: string, digest: string): Promise<Claim>;
  keep(actor: Actor, key: string, answer: { readonly status: number; readonly body: string }): Promise<void>;
  /** Nothing was done: the same call may come again. */
  drop(actor: Actor, key: string): Promise<void>;
};

/** For `/readyz` and `/metrics`; no names of people. */
export type Health = {
  readonly ready: boolean;
  /** One line for people where it is not. */
  readonly why?: string;
  readonly sweeps: readonly { readonly directory: string; readonly lastAt?: number; readonly late: boolean }[];
  readonly grants: readonly { readonly role: string; readonly state: string; readonly count: number }[];
  readonly pastEnd: number;
  readonly stuck: number;
  readonly drift: number;
  readonly now: number;
};

export type Host = {
  readonly version: string;
  /** The broker's own origin, as its clients write it: `https://oncall.acme.dev`. */
  readonly origin: string;
  /** Of the policy as it is now. */
  readonly identities: () => readonly Identity[];
  readonly isBlocked: (actor: Actor) => boolean;
  /** For one call, on the policy as it is at this moment; `signal`: the caller has gone, or the broker stops. */
  readonly operationsFor: (actor: Actor, signal: AbortSignal) => Operations;
  readonly answers: Answers;
  readonly refused: (call: RefusedCall) => Promise<void>;
  readonly health: () => Promise<Health>;
  /** Where tokens' keys are kept; absolute, private to this process's user. */
  readonly folder: string;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
};
