/** What each operation takes and gives; the commands print it, the broker sends it. Times are epoch milliseconds here and RFC 3339 in JSON. */

import type { Chain, Head } from '../lifecycle/events.ts';
import type { EndReason, GrantView, Request } from '../lifecycle/types.ts';
import type { Asked, Decision, RoleFamily, Target } from '../policy/types.ts';
import type { ApproveInput, DenyInput, WaitingResult, Yes } from './approval-types.ts';
import type { AccessInput, AccessResult, AuditInput, EventView } from './audit-types.ts';
import type { ExplainRotation } from './explain-rotation.ts';
import type { ExplainStanding } from './explain-standing.ts';
import type { Became } from './explain-then.ts';
import type { InLine, Line, PlaceHolder } from './line-types.ts';
import type { StandingStatus } from './standing-status.ts';
import type { SweepInput, SweepResult } from './sweep-types.ts';
import type { AdoptInput, AdoptResult } from './take-over-types.ts';

export type RequestInput = {
  readonly role: string;
  readonly asked: Asked;
  readonly reason?: string;
  readonly incident?: string;
  readonly despiteLateSweep?: boolean;
  /** Past rosters, approvers and a late sweep, where the role has `breakGlass`. */
  readonly breakGlass?: boolean;
  /** Where no place is free: stand in line for one. */
  readonly queue?: boolean;
};

/** `granted`: in, on every target. `partial`: in on some, see each grant. `pending`: waits for an approver. `held`: had it already, end unchanged. `extended`: had it, end moved. `again`: it was being taken back, and is given anew. */
export type RequestResult = {
  readonly result: 'granted' | 'extended' | 'again' | 'held' | 'partial' | 'failed' | 'pending' | 'queued' | 'offered' | 'reviewed';
  readonly request: Request;
  readonly grants: readonly GrantView[];
  /** Targets that could not be looked up, so that no grant stands for them, or that could not be given just now. */
  readonly missing: readonly TargetFailure[];
  readonly decision: Decision;
  /** For `approve`: whose yes there is by now. */
  readonly yes?: Yes;
  /** For `queued` and `offered`. */
  readonly line?: InLine;
  /** For `held`, where more was asked than is held and was not given: why not. */
  readonly notExtended?: string;
  /** For `held`: none of what it ends with holds any more, which no sweep has noted yet (`unheldSince`). */
  readonly unheld?: true;
  /** Where the end was moved: what it was before. */
  readonly movedFrom?: number;
  /** Targets whose directory keeps the end itself and could not be told the one that holds now: it may end sooner there. */
  readonly unmoved?: readonly TargetFailure[];
  readonly sessions?: readonly LateSession[];
};

/** What is begun before the end in a target that is an IAM role lasts that much longer at most; without `longestMs`, why that is not known. */
export type LateSession = { readonly target: Target } & ({ readonly longestMs: number } | { readonly because: string });

export type TargetFailure = { readonly target: Target; readonly message: string; readonly next?: string };

/** A refusal by policy, by `maxHolders`, or because what was given before is still being taken back: not an exception, because it has a document of its own. */
export type Refusal = {
  readonly result: 'denied' | 'taken' | 'undecided' | 'ending';
  readonly role: string;
  readonly requester: string;
  readonly decision: Decision;
  readonly error: { readonly code: string; readonly message: string; readonly why: string; readonly next: string };
  readonly exit: 1 | 3 | 8;
  /** For `taken`: who has it, until when. */
  readonly heldBy?: readonly PlaceHolder[];
};

export type SweepAge = {
  /** Oldest heartbeat among the directories in question; absent: never swept. */
  readonly lastAt?: number;
  readonly late: boolean;
  /** Name of the directory whose heartbeat is the oldest or missing. */
  readonly directory?: string;
};

export type StatusFault = {
  readonly code:
    | 'action-needed'
    | 'clock'
    | 'ledger-behind'
    | 'ledger-moved'
    | 'late-sweep'
    | 'not-told'
    | 'past-end'
    | 'review-missed'
    | 'review-overdue'
    | 'rotation'
    | 'stuck'
    | 'uncovered';
  readonly message: string;
  readonly next?: string;
  /** The grant it is about. */
  readonly grantId?: string;
};

export type Ended = {
  /** An e-mail, or `oncall`, `sweep`. */
  readonly by: string;
  readonly at: number;
  readonly how: EndReason | 'denied' | 'withdrawn';
  readonly because?: string;
};

/** What somebody else owes for it. */
export type Emergency = {
  readonly requestId: string;
  readonly role: string;
  readonly holder: string;
  readonly dueAt: number;
  readonly reviewedAt?: number;
};

export type StatusInput = { readonly of?: string; readonly mine?: boolean };
export type StatusResult = {
  readonly requests: readonly Request[];
  readonly grants: readonly GrantView[];
  readonly sweep: SweepAge;
  /** What `status --check` exits 1 for. */
  readonly faults: readonly StatusFault[];
  /** Worth a look, and no fault: members who came into a group that others may use without this program. */
  readonly drift: readonly { readonly target: Target; readonly userNames: readonly string[] }[];
  /** With an id, once nothing of it stands: who ended it. */
  readonly ended?: Ended;
  /** Of every role for whose places somebody waits. */
  readonly lines: readonly Line[];
  readonly standing: StandingStatus;
  /** Each time that the glass was broken and nobody has looked yet; with an id, also once somebody has. */
  readonly emergencies: readonly Emergency[];
  /** Set where users of this host can read the directory's credentials. */
  readonly courtesy: boolean;
  readonly now: number;
};

/** `release <id|role>`, `revoke <id>`, `deny <id>`, `approve <id>` all end in a request and its grants. */
export type OneInput = { readonly id: string; readonly reason?: string };
export type OneResult = { readonly request: Request; readonly grants: readonly GrantView[]; readonly ended: number; readonly left: number };
/** Without a request: of the role that was named there was nothing to give back. */
export type ReleaseResult = Omit<OneResult, 'request'> & { readonly request?: Request };

export type RevokeInput = ({ readonly id: string } | { readonly holder: string } | { readonly role: string } | { readonly all: true }) & {
  readonly reason?: string;
  /** Tells what it would end, and changes nothing. */
  readonly dryRun?: boolean;
};
export type RevokeResult = {
  readonly requests: readonly Request[];
  readonly grants: readonly GrantView[];
  readonly ended: number;
  readonly left: number;
};

/** `version`: as the last answer gave it, or that of a request without grants. Left out, or another: answered at once. */
export type FollowInput = { readonly id: string; readonly version?: number; readonly forMs: number };
/** `version`: of the request and its grants together. */
export type FollowResult = { readonly request: Request; readonly grants: readonly GrantView[]; readonly version: number };

export type { SweepInput, SweepResult, SweepStep } from './sweep-types.ts';

export type ExplainInput = {
  readonly role: string;
  readonly asked: Asked;
  readonly incident?: string;
  /** As if this person asked: for admins and the role's approvers. */
  readonly user?: string;
  /** Also when the next shift begins of who is on none now, where the roster can tell. */
  readonly soon?: boolean;
};
/** `refusal`: what would stop the request although the rules do not: a late sweep, a place that is taken, an end that is not confirmed, several incidents of which one must be named. */
export type ExplainResult = {
  readonly role: string;
  readonly requester: string;
  /** Set where whoever reads it is somebody else. */
  readonly ofOther?: true;
  readonly decision: Decision;
  readonly targets: readonly Target[];
  readonly sessions?: readonly LateSession[];
  readonly refusal?: Refusal['error'];
  /** With the refusal `which-incident`: those of which one must be named, as `incident` takes it. */
  readonly incidents?: readonly { readonly ref: string; readonly title?: string }[];
  /** What the person has of the role now. */
  readonly held?: { readonly id: string; readonly expiresAt: number; readonly missing: readonly Target[] };
  /** Of a role that follows a rotation. */
  readonly rotation?: ExplainRotation;
  /** Of somebody whom the role names as standing. */
  readonly standing?: ExplainStanding;
  /** Of a request by its id: it is what was found then. */
  readonly decided?: { readonly id: string; readonly at: number };
  /** Likewise: what became of it. */
  readonly became?: Became;
  readonly exit: 0 | 1 | 2 | 3 | 8;
};

export type RoleView = {
  readonly name: string;
  readonly family?: RoleFamily;
  readonly description?: string;
  readonly targets: readonly Target[];
  readonly ttl: { readonly defaultMs: number; readonly maxMs: number };
  /** Where its holder is signed out when it ends. */
  readonly endsSessionsIn?: readonly string[];
  readonly maxHolders?: number;
  /** Whether one has to be given; `when-asked`: where a person decides. */
  readonly reason?: 'required' | 'when-asked';
  /** Where it takes more than one yes. */
  readonly quorum?: number;
  /** What each list says, for people: `allow: on call for pagerduty/PDB1234 (until shift)`. */
  readonly rules: readonly string[];
};

/** `head`: a hash written down elsewhere. */
export type VerifyInput = { readonly head?: string };
export type VerifyResult = Chain & {
  /** The head that this user's runs kept outside the ledger, where there is one. */
  readonly kept?: Head;
  /** Set where `kept` is no part of the chain, and an admin has recovered the ledger since. */
  readonly recovered?: { readonly seq: number; readonly at: number; readonly by: string };
};

/**
 * Without `decided` it only lists. With it, every uncovered member must be in one of the two, by `Uncovered.id`.
 * `called`: people whom somebody named by their e-mail; they are recognised in directories that know them by another name.
 */
export type RecoverInput = {
  readonly called?: readonly string[];
  readonly decided?: { readonly end: readonly string[]; readonly keep: readonly string[] };
};
/** A member of a managed group on whom no live grant stands. */
export type Uncovered = {
  /** `maria@acme.dev@okta/db-admins` */
  readonly id: string;
  /** The name in the directory. */
  readonly holder: string;
  /** Whose name that is: their e-mail. Several where it could be either's, none where nobody is known by it. */
  readonly people: readonly string[];
  readonly target: Target;
  /** `before`: recorded as in without a grant, before the loss. `holder`: had it once, through oncall. */
  readonly known: 'before' | 'holder' | 'unknown';
  readonly because: string;
  readonly fate?: 'ended' | 'ending' | 'kept';
};
export type RecoverResult = {
  readonly result: 'listed' | 'recovered';
  /** What the ledger had lost; absent where nothing shows that it lost anything, as on a host where no head of it was kept. */
  readonly fault?: string;
  readonly uncovered: readonly Uncovered[];
  /** Directories that only ended grants name, and the policy does not: nobody could be looked for there. */
  readonly passedOver: readonly string[];
  readonly head: Head;
};

/** One thing that `doctor` looked at. */
export type Check = {
  readonly area:
    | 'policy'
    | 'broker'
    | 'files'
    | 'ledger'
    | 'sign-in'
    | 'directory'
    | 'roster'
    | 'notices'
    | 'clock'
    | 'identity'
    | 'sweep'
    | 'grants'
    | 'members';
  readonly what: string;
  readonly outcome: 'ok' | 'warning' | 'fault' | 'skipped';
  readonly because: string;
  readonly next?: string;
};
export type DoctorResult = { readonly checks: readonly Check[] };

export type Operations = {
  request(input: RequestInput): Promise<RequestResult | Refusal>;
  status(input: StatusInput): Promise<StatusResult>;
  roles(): Promise<readonly RoleView[]>;
  explain(input: ExplainInput): Promise<ExplainResult>;
  release(input: OneInput): Promise<ReleaseResult>;
  /** Approves, activates, and gives what `request` would. */
  approve(input: ApproveInput): Promise<RequestResult | Refusal>;
  waiting(): Promise<WaitingResult>;
  /** Answers when something about it has changed, or after `forMs`, 25 s at most. */
  follow(input: FollowInput): Promise<FollowResult>;
  deny(input: DenyInput): Promise<OneResult>;
  revoke(input: RevokeInput): Promise<RevokeResult>;
  sweep(input: SweepInput): Promise<SweepResult>;
  audit(input: AuditInput): Promise<readonly EventView[]>;
  /** One entry for each time that somebody was to be let into a group. */
  accesses(input: AccessInput): Promise<AccessResult>;
  /** Throws with exit 2 where it cannot be checked. */
  verify(input: VerifyInput): Promise<VerifyResult>;
  recover(input: RecoverInput): Promise<RecoverResult>;
  /** Takes over who is in a group already. */
  adopt(input: AdoptInput): Promise<AdoptResult>;
  /** Never throws for what it finds, only at an interrupt. */
  doctor(): Promise<DoctorResult>;
};
