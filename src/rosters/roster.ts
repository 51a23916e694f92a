/** The port to who is on duty. An adapter is one file that has a default export made by `defineRoster` and a line in `index.ts`; the contract suite in `test/contracts/` then covers it. */

import type { z } from 'zod/mini';
import type { Lacks } from '../policy/sources.ts';

export type RosterCall = { readonly signal?: AbortSignal };

/** One person's interval on one schedule or escalation level, overrides applied, as the roster answers it (never computed here). */
export type Shift = {
  /** The roster's name for the schedule or the escalation policy, for people. */
  readonly schedule: string;
  /** E-mail, case-folded. */
  readonly email: string;
  /** Epoch ms; `null`: permanent. Left out: the roster does not say. */
  readonly start?: number | null;
  readonly end?: number | null;
  readonly level?: number;
};

export type Incident = {
  /** What people call it there: a number, `INC-42`. `incident` understands it. */
  readonly ref: string;
  readonly title?: string;
  readonly live: boolean;
  /** Every word the roster has for how grave it is: a condition names any of them. */
  readonly severities: readonly string[];
  readonly type?: string;
  /** By name and, where the roster has them, by id. */
  readonly services: readonly string[];
  /** E-mails, case-folded: who works on it. */
  readonly assigned: readonly string[];
  /** Who opened it and who assigned its people: an e-mail, case-folded, or the name of a monitor or a schedule that did. Left out: not known, so it may have been anybody. */
  readonly openedBy?: string;
  readonly assignedBy?: string;
  /** Epoch ms. */
  readonly openedAt?: number;
  readonly endedAt?: number;
};

export type Origin = Pick<Incident, 'openedBy' | 'assignedBy'>;

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
  /** Everybody's shifts that touch the time from `from` to `to`, each whole: for telling people what comes, never for deciding. Left out, or undefined, where the roster cannot tell. */
  shifts?(
    query: Parameters<Roster['onCall']>[0],
    span: { readonly from: number; readonly to: number },
    call: RosterCall,
  ): Promise<readonly Shift[] | undefined>;
  /** One incident by its reference, or `undefined`. */
  incident?(ref: string, call: RosterCall): Promise<Incident | undefined>;
  /** The incidents that are live. */
  incidents?(call: RosterCall): Promise<readonly Incident[]>;
  /** Who opened it and who put that person on it, where that costs calls of its own: asked only about people who are on it. Both, or neither where either is not known. */
  origin?(incident: Incident, email: string, call: RosterCall): Promise<Origin>;
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
  /** What a condition may ask for and it can never tell, with these settings: `policy check` says it, and so does the roster to who asks all the same. */
  readonly lacks?: (settings: S) => Lacks;
  /** The day on which its vendor ends the service, as `policy check` then says. */
  readonly ends?: string;
  readonly open: (settings: S, context: RosterContext) => Promise<Roster>;
};

/** Checks an adapter against its own settings type, then forgets that type, so that the registry can hold all of them. */
export function defineRoster<S>(kind: RosterKind<S>): RosterKind<unknown> {
  return kind as unknown as RosterKind<unknown>;
}
