/** The policy after parsing: names resolved, defaults filled in, durations in milliseconds. Nothing here is as the file spells it. */

import type { BreakGlass } from './break-glass.ts';
import type { Delegation } from './delegation.ts';
import type { Follows } from './follows.ts';
import type { Channel } from './notices.ts';
import type { Standing } from './standing.ts';
import type { Turn } from './turns.ts';

/** A secret is only ever a reference; it is resolved where it is used and nowhere else. */
export type SecretRef = { readonly env: string } | { readonly file: string } | { readonly command: readonly string[] };

/** One group in one directory. */
export type Target = { readonly directory: string; readonly group: string };

/** What must be true. Leaves that need the world (`member`, `onCall`, `incident`) are answered by facts; the rest is decided from the subject and the clock. */
export type Condition =
  | { readonly kind: 'user'; readonly email: string }
  | { readonly kind: 'client'; readonly id: string }
  | MemberCondition
  | OnCallCondition
  | IncidentCondition
  | {
      readonly kind: 'during';
      readonly days: readonly Weekday[];
      /** Minutes after local midnight; `to` <= `from` means past midnight. */
      readonly from: number;
      readonly to: number;
      readonly zone: string;
    }
  | { readonly kind: 'not'; readonly condition: Condition }
  | { readonly kind: 'all'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'any'; readonly conditions: readonly Condition[] };

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

export type MemberCondition = { readonly kind: 'member'; readonly directory: string; readonly group: string };

export type OnCallCondition = {
  readonly kind: 'onCall';
  readonly roster: string;
  /** Name or id of a schedule. Neither this nor `escalationPolicy`: anybody on call anywhere in that roster. */
  readonly schedule?: string;
  readonly escalationPolicy?: string;
  /** Empty: all levels. */
  readonly levels: readonly number[];
};

export type IncidentCondition = {
  readonly kind: 'incident';
  readonly roster: string;
  /** Empty lists do not filter; `anyIncident` is true only where the file says so. */
  readonly services: readonly string[];
  readonly severities: readonly string[];
  readonly types: readonly string[];
  readonly anyIncident: boolean;
  /** What an incident counts for that the requester opened, or assigned to themselves. */
  readonly selfMade: 'ask' | 'deny' | 'allow';
};

/** The leaves that facts answer. */
export type FactCondition = MemberCondition | OnCallCondition | IncidentCondition;

export type Rule = {
  /** For people: where it stands, `db-admin.allow[0]`, or with the name of a named condition, `db-admin.ask[0] engineers`. */
  readonly name: string;
  readonly condition: Condition;
  readonly until?: 'shift' | 'incident';
  readonly graceMs: number;
};

/** Of a role that is one of many made from `params`: what they are called together, and its own values. */
export type RoleFamily = { readonly name: string; readonly values: Readonly<Record<string, string>> };

export type Role = {
  /** As it is asked for: `support`, or of a family `support customer=acme`. */
  readonly name: string;
  readonly family?: RoleFamily;
  readonly description?: string;
  readonly targets: readonly Target[];
  readonly ttl: { readonly defaultMs: number; readonly maxMs: number };
  readonly deny: readonly Rule[];
  readonly allow: readonly Rule[];
  readonly ask: readonly Rule[];
  readonly approvers: readonly Rule[];
  /** How long a request waits for an approver. */
  readonly withinMs: number;
  /** How many people have to say yes; left out: one. */
  readonly quorum?: number;
  /** Approvers are asked one item of the list after the other, this long apart; left out: all at once. */
  readonly escalateMs?: number;
  /** `when-asked`: only where a person must decide. */
  readonly reason: 'required' | 'optional' | 'when-asked';
  readonly maxHolders?: number;
  /** How long a free place is kept for whoever waits longest; left out: the usual time. */
  readonly offerForMs?: number;
  readonly breakGlass?: BreakGlass;
  /** Whoever is on call there has it without asking. */
  readonly follows?: Follows;
  /** Who has it without asking. */
  readonly standing?: Standing;
  /** Set where `onEnd` says that sessions end with the membership: those directories among the targets that can. */
  readonly endsSessionsIn?: readonly string[];
  readonly whenUnknown: 'ask' | 'deny';
  /** The channels that are told of it; left out: all of them. */
  readonly notify?: readonly string[];
};

/** `postgres`: where the address of the database is, password and all. */
export type LedgerSettings = { readonly sqlite: string } | { readonly postgres: SecretRef };

/** `local` proves nothing. `settings` has passed the schema of the sign-in and is read by it only. */
export type Identity = { readonly kind: 'local' } | { readonly kind: 'oidc'; readonly settings: unknown };

export type Sweep = {
  readonly refuseWhenLateMs: number;
  readonly reconcileMs: number;
  /** A run begins nothing after this, so that the next one takes over. */
  readonly deadlineMs: number;
};

/** One directory or roster of the policy. `settings` has passed the schema of its kind and is read by that adapter only. */
export type Source<S = unknown> = {
  readonly name: string;
  readonly kind: string;
  readonly settings: S;
};

export type DirectorySource = Source & {
  /** Groups in which everybody came through this tool. */
  readonly exclusive: readonly string[];
  /** How an e-mail becomes this directory's user name where `people` says nothing. */
  readonly userName: 'email' | 'local-part';
  /** The provider's limit; the sweep takes a share of it. */
  readonly callsPerSecond?: number;
};

export type Policy = {
  /** The file's absolute path. */
  readonly path: string;
  /** SHA-256 of the file's bytes, hex. */
  readonly digest: string;
  readonly ledger: LedgerSettings;
  readonly identity: readonly Identity[];
  readonly admins: readonly Rule[];
  readonly sweep: Sweep;
  readonly directories: Readonly<Record<string, DirectorySource>>;
  readonly rosters: Readonly<Record<string, Source>>;
  /** Who is told what; left out: nobody. */
  readonly notify?: Readonly<Record<string, Channel>>;
  /** E-mail (case-folded) → name of a directory or roster → that person's name there. */
  readonly people: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** People refused everything; case-folded. */
  readonly blocked: readonly string[];
  readonly delegations?: readonly Delegation[];
  readonly roles: Readonly<Record<string, Role>>;
};

/** Three-valued: an unknown fact is neither. */
export type Truth = boolean | 'unknown';

/** What the world answered to one leaf condition about one person at one moment. */
export type Fact = {
  readonly holds: Truth;
  /** A clause that can stand behind the finding: `on call for "db-primary"`, `PagerDuty did not answer within 5 s`. */
  readonly because: string;
  /** What else the source said that helps the reader: who has the shift instead. */
  readonly detail?: string;
  /** Which source said so, for people: `PagerDuty`, `okta`. */
  readonly source?: string;
  /** Where the source could not be asked: what to do about that. */
  readonly next?: string;
  /** Where the source could not be asked: it stays so until somebody changes something. */
  readonly lasting?: true;
  /** Epoch ms. */
  readonly fetchedAt?: number;
  /** End of the shift that makes it hold, epoch ms; `null`: no end (permanently on call). */
  readonly endsAt?: number | null;
  /** When the person's next shift begins, where that was asked. */
  readonly nextAt?: number;
  /** The incidents that make it hold. */
  readonly incidents?: readonly OwnIncident[];
  /** Where an incident was named that is none of `incidents`: why it does not count. */
  readonly uncounted?: string;
  readonly evidence?: readonly Evidence[];
};

/** An incident by the name of its roster in the policy, and as that roster spells its reference. */
export type IncidentRef = { readonly roster: string; readonly ref: string };

/** A live incident that somebody is assigned to, and that a condition counts. */
export type OwnIncident = {
  readonly ref: string;
  readonly title?: string;
  /** Whether they opened it or assigned it to themselves, or may have. */
  readonly selfMade: boolean;
  /** The roster does not tell who opened it, or who assigned its people. */
  readonly untold?: true;
  /** It is the one that was named. */
  readonly named?: true;
};

/** What a roster answered that speaks for somebody; kept with the decision. Texts are cut, lists are short. */
export type Evidence =
  | {
      readonly kind: 'shift';
      readonly roster: string;
      readonly schedule: string;
      readonly level?: number;
      /** Epoch ms; `null`: permanent; left out: the roster does not say. */
      readonly startsAt?: number | null;
      readonly endsAt?: number | null;
    }
  | {
      readonly kind: 'incident';
      readonly roster: string;
      readonly ref: string;
      readonly title?: string;
      readonly severities: readonly string[];
      readonly openedAt?: number;
      /** An e-mail, or the name of what did it; left out where the roster does not tell. */
      readonly openedBy?: string;
      readonly assignedBy?: string;
    };

/** Facts by `factKey(condition)`. A key that is absent counts as unknown. */
export type Facts = ReadonlyMap<string, Fact>;

export type Finding = {
  /** Name of the rule. */
  readonly rule: string;
  readonly effect: 'deny' | 'allow' | 'ask' | 'approver' | 'admin';
  readonly holds: Truth;
  readonly because: string;
  readonly detail?: string;
  readonly source?: string;
  readonly fetchedAt?: number;
  /** What would make this rule come out differently, for people. */
  readonly change?: string;
  readonly evidence?: readonly Evidence[];
  /** Of a rule with several conditions, and not very many: each of them. */
  readonly parts?: readonly Part[];
};

/** One condition within a rule, or several taken together. */
export type Part = {
  /** `member of okta/Engineering`, `not on call for …`, `any of these` */
  readonly what: string;
  readonly holds: Truth;
  readonly because?: string;
  readonly source?: string;
  readonly fetchedAt?: number;
  readonly parts?: readonly Part[];
};

/** What was asked for: a length, an instant, or the end of what justifies it. */
export type Asked =
  | { readonly forMs: number }
  | { readonly untilMs: number }
  | { readonly until: 'shift' | 'incident' }
  | { readonly byDefault: true };

export type Decision = {
  readonly outcome: 'allow' | 'ask' | 'deny';
  /** `allow` and `ask` only; epoch ms. */
  readonly expiresAt?: number;
  /** Set where the end is earlier than what was asked. */
  readonly limitedBy?: 'max' | 'shift' | 'incident';
  /** One clause for people about `limitedBy`: `your shift ends 2026-11-22T05:45:00Z, plus 15 min`. Instants in texts are RFC 3339 in UTC; the terminal shows them as local. */
  readonly limitedBecause?: string;
  /** Names of the rules it rests on: the allow rules that hold; for `ask` the ask rules, and the allow rules that a self-made incident turned into a question. */
  readonly heldBy: readonly string[];
  /** The rules among `heldBy` that end with a shift or an incident; the sweep asks them again. Empty when some rule that holds has no such end. */
  readonly endsWith: readonly Rule[];
  /** The incident it rests on. */
  readonly incident?: IncidentRef;
  /** Directories in which the holder's sessions are ended when the membership is; absent: none. */
  readonly endsSessionsIn?: readonly string[];
  /** True where the outcome is deny or ask because a source could not be asked. */
  readonly undecided: boolean;
  /** For `ask`: who may say yes, for people (`on call for "PMGR567"`, `member of okta/Eng Managers`). */
  readonly approvers: readonly string[];
  /** For `ask`: how many of them have to; left out: one. */
  readonly quorum?: number;
  /** Of a request that waits for approvers one after the other: whose turn came, or comes, when. */
  readonly turns?: readonly Turn[];
  readonly findings: readonly Finding[];
  readonly policyDigest: string;
};
