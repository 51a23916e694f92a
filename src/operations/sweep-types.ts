/** What a sweep takes and gives. */

import type { Target } from '../policy/types.ts';

export type SweepInput = {
  readonly dryRun?: boolean;
  /** The role of whose rotation those may go whom the last run has refused to take out. */
  readonly accept?: string;
};
export type SweepStep = {
  readonly action:
    | 'end'
    | 'undo'
    | 'expire'
    | 'offer'
    | 'move-end'
    | 'adopt'
    | 'drift'
    | 'baseline'
    | 'heartbeat'
    | 'recheck'
    | 'ledger'
    | 'policy'
    | 'give'
    | 'kept-out'
    | 'escalate'
    | 'review'
    | 'rotate';
  readonly outcome: 'done' | 'planned' | 'later' | 'failed';
  readonly requestId?: string;
  readonly role?: string;
  readonly holder?: string;
  readonly target?: Target;
  readonly because: string;
  /** What somebody can do about it. */
  readonly next?: string;
  /** The grant has ended; its holder is in all the same: by the request of this id, or `before`, as nobody let them in. */
  readonly stays?: string;
  /** Of a rotation: who comes in, whose end moves, who goes; and until when they are in then. */
  readonly change?: 'in' | 'moved' | 'out';
  readonly until?: number;
};
export type SweepResult = {
  readonly steps: readonly SweepStep[];
  readonly ended: number;
  /** Stuck, late beyond the allowance, or misconfigured; what passes by itself counts only once the sweep is late for it. */
  readonly failed: number;
  /** Grants that are due and will be tried again. */
  readonly remaining: number;
};
