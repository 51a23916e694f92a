/** What the composition root hands to the broker's server. The server knows HTTP and who calls; everything else is in here. */

import type { Actor } from '../lifecycle/types.ts';
import type { Answers } from '../operations/answers.ts';
import type { Health } from '../operations/health.ts';
import type { RefusedCall } from '../operations/refused-call.ts';
import type { Operations } from '../operations/types.ts';
import type { Identity } from '../policy/types.ts';

export type { Answers } from '../operations/answers.ts';
export type { Health } from '../operations/health.ts';
export type { RefusedCall } from '../operations/refused-call.ts';

/** What only those who run the broker are to know. */
export type Inside = {
  /** In words `the policy`, `the ledger`. */
  readonly named: readonly { readonly place: string; readonly noun: 'policy' | 'ledger' }[];
  /** Whatever lies there. */
  readonly folders: readonly string[];
};

export type Host = {
  readonly version: string;
  /** The broker's own origin, as its clients write it: `https://oncall.acme.dev`. */
  readonly origin: string;
  /** Of the policy as it is now. */
  readonly identities: () => readonly Identity[];
  readonly isBlocked: (actor: Actor) => boolean;
  /** For one call, on the policy as it is at this moment; `signal`: it took too long, the broker stops, or, where it only reads, the caller has gone. */
  readonly operationsFor: (actor: Actor, signal: AbortSignal) => Operations;
  readonly answers: Answers;
  /** Of the policy as it is now; the same object for as long as that is the same. */
  readonly inside: () => Promise<Inside>;
  /** Called for few enough of them that a flood does not fill the ledger. */
  readonly refused: (call: RefusedCall) => Promise<void>;
  /** For `/readyz` and `/metrics`, every few seconds at most; no names of people. */
  readonly health: () => Promise<Health>;
  /** Where tokens' keys are kept; absolute, private to this process's user. */
  readonly folder: string;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
};
