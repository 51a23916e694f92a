/** Everything an operation may touch, handed in. The simulation hands in its own. */

import type { Directory } from '../directories/directory.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Head } from '../lifecycle/events.ts';
import type { Actor } from '../lifecycle/types.ts';
import type { Sender } from '../notices/notice.ts';
import type { Policy } from '../policy/types.ts';
import type { Roster } from '../rosters/roster.ts';

/** The head of the ledger as this user's last run left it, kept where an older copy of the ledger does not bring back an older head. */
export type Anchor = {
  /** Also asked inside transactions: answers at once. Throws `OncallError` where what is kept cannot be read or trusted. */
  read(): Promise<Head | undefined>;
  /** Replaces what is kept. Called only for what is committed; where nothing can be kept, says so in the log and goes on. */
  keep(head: Head): Promise<void>;
};

export type LedgerFacts = {
  readonly schema: number;
  /** Who made its tables what they are, as far as they said. */
  readonly upgraded?: { readonly at: number; readonly host: string; readonly program: string };
  /** Why nothing is written to it any more, or yet. */
  readonly closed?: string;
  readonly server?: {
    readonly version: string;
    readonly user: string;
    readonly isSuperuser: boolean;
    /** Functions, for one: one of a name that this program uses would run with its rights. */
    readonly anybodyMayCreate: boolean;
    /** `TLSv1.3`; absent: not encrypted, which is accepted on this machine alone. */
    readonly tls?: string;
    /** `INSERT on events` */
    readonly missing: readonly string[];
  };
};

export type Meter = { readonly show: (done: number, total: number) => void; readonly over: () => void };

export type Deps = {
  readonly policy: Policy;
  /** Set where the policy file has faults and only what a sweep needs could be read from it: the first fault, for people. */
  readonly policyFault?: string;
  /** Why the broker's policy file, as it is now, is not the policy in force; one line. */
  readonly policyRejected?: string;
  readonly ledger: () => Promise<Ledger>;
  /** Asked by `doctor`, which must not be what makes a ledger; left out where there is one for certain. */
  readonly ledgerExists?: () => boolean;
  /** What people call the ledger's place, where that is not the path of a file. Throws where it cannot be found out. */
  readonly ledgerPlace?: () => Promise<string>;
  /** For `doctor`: what the ledger says about itself. */
  readonly ledgerFacts?: () => Promise<LedgerFacts>;
  readonly anchor: Anchor;
  /** Opens a directory of the policy by its name; throws `OncallError` where the policy has none, `ProviderError` where it cannot be opened. */
  readonly directory: (name: string) => Promise<Directory>;
  readonly roster: (name: string) => Promise<Roster>;
  /** A channel of `notify`, likewise; left out where nobody is told anything. */
  readonly sender?: (name: string) => Promise<Sender>;
  /** Does what nobody waits for longer than `forMs` after everything else is done; `signal` ends it then. */
  readonly background?: (work: (signal: AbortSignal) => Promise<void>, forMs: number) => void;
  /** Throws exit 4 where nobody is signed in. */
  readonly actor: () => Promise<Actor>;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly log: (line: string) => void;
  /** Aborted by Ctrl-C; what is under way is finished or left to the sweep. */
  readonly signal: AbortSignal;
  /** The largest difference seen so far between a provider's clock and the one that the ledger goes by, ms; `undefined`: no provider has told the time. */
  readonly clockSkew: () => number | undefined;
  /** Says something about work under way, to people; off a terminal only what must not go unsaid. */
  readonly progress: (line: string, more?: { readonly alsoOffTerminal: true }) => void;
  /** Shows how much of much work is done, until it is over. Left out where nobody looks. */
  readonly meter?: Meter;
  /** Whether whoever runs this can also read the directories' credentials; `status` says so. */
  readonly courtesy: boolean;
  /** Set for calls to a broker: they come from people who cannot run this program on its host. What looks into that host, or asks every provider, is for admins then. */
  readonly throughBroker?: true;
};
