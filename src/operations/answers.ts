/** Answers by idempotency key, kept in the ledger: what was done once for a call is not done again when the call is sent again, whichever broker it reaches. */

import type { Ledger, Queries } from '../ledger/ledger.ts';
import type { Actor } from '../lifecycle/types.ts';

/** What became of a call with this key: `new`: it is the caller's to do; `running`: somebody does it now; `done`: the answer that was given; `other`: it was another call. */
export type Claim =
  | { readonly state: 'new' }
  | { readonly state: 'running' }
  | { readonly state: 'other' }
  | { readonly state: 'done'; readonly status: number; readonly body: string };

export type Answers = {
  /** `digest`: of operation and input; the same key with another digest is `other`. */
  claim(actor: Actor, key: string, digest: string): Promise<Claim>;
  keep(actor: Actor, key: string, answer: { readonly status: number; readonly body: string }): Promise<void>;
  /** Nothing was done: the same call may come again. */
  drop(actor: Actor, key: string): Promise<void>;
};

/** Each in a transaction of its own: the operation in between has others, and a crash leaves the claim to its age. */
export function answersIn(ledger: () => Promise<Ledger>): Answers {
  const write = async <T>(work: (q: Queries) => Promise<T>): Promise<T> => (await ledger()).write(work);
  return {
    claim: (actor, key, digest) => write((q) => q.claimAnswer(actor, key, digest)),
    keep: (actor, key, answer) => write((q) => q.keepAnswer(actor, key, answer)),
    drop: (actor, key) => write((q) => q.dropAnswer(actor, key)),
  };
}
