/** The port to who is on duty. An adapter is one file that has a default export made by `defineRoster` and a line in `index.ts`; the contract suite in `test/contracts/` then covers it. */

import type { z } from 'zod/mini';

export type RosterCall = { readonly signal?: AbortSignal };

/** One person's interval on one schedule or escalation level, overrides applied, as the roster answers it (never computed here). */
export type Shift = {
  /** The roster's name for the schedule or the escalation policy, for people. */
  readonly schedule: string;
  /** E-mail, case-folded. */
  readonly email: string;
  /** Epoch ms; `null`: permanent. */
  readonly start: number | null;
  readonly end: number | null;
  readonly level?: number;
};

export type Incident = {
  readonly ref: string;
  readonly title?: string;
  readonly live: boolean;
  readonly severity?: string;
  readonly type?: string;
  readonly services: readonly string[];
  /** E-mails, case-folded. */
  readonly assigned: readonly string[];
  readonly openedBy?: string;
  readonly assignedBy?: string;
};

/** Every function throws `ProviderError` and nothing else; an unknown schedule throws `not-found`, an answer read in part throws. */
export type Roster = {
  /** What people call it: `PagerDuty`, `schedule.yaml`. */
  readonly title: string;
  /** Everybody on call at the instant `at` (epoch ms). Neither `schedule` nor `escalationPolicy`: on all of them. `levels` empty: every level. */
  onCall(
    query: { readonly schedule?: string; readonly escalationPolicy?: string; readonly levels: readonly number[] },
    at: number,
    call: RosterCall,
  ): Promise<readonly Shift[]>;
  /** One incident by its reference, or `undefined`. */
  incident?(ref: string, call: RosterCall): Promise<Incident | undefined>;
  /** The incidents that are live. */
  incidents?(call: RosterCall): Promise<readonly Incident[]>;
};

export type RosterContext = {
  readonly name: string;
  readonly now: () => number;
  readonly log: (line: string) => void;
  readonly onServerDate: (ms: number) => void;
  readonly baseDir: string;
};

export type RosterKind<S> = {
  readonly settings: z.ZodMiniType<S>;
  readonly isLocal: (settings: S) => boolean;
  /** Whether it can answer `incident` conditions at all; `policy check` asks. */
  readonly knowsIncidents: boolean;
  readonly open: (settings: S, context: RosterContext) => Promise<Roster>;
};

/** Checks an adapter against its own settings type, then forgets that type, so that the registry can hold all of them. */
export function defineRoster<S>(kind: RosterKind<S>): RosterKind<unknown> {
  return kind as unknown as RosterKind<unknown>;
}
