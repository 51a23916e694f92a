/** A test of a policy: what is so in each case, what the policy has to answer, and what it did. */

import type { When, WrittenIncident } from './fixture-schema.ts';
import type { Asked, Decision, Finding } from './types.ts';

export type Duty = {
  readonly email: string;
  readonly roster: string;
  readonly schedule?: string;
  readonly escalationPolicy?: string;
  readonly level: number;
  /** Left out: since ever, and without an end. */
  readonly from?: When;
  readonly until?: When;
};

export type Membership = { readonly email: string; readonly directory: string; readonly group: string };

export type FixtureIncident = Required<Pick<WrittenIncident, 'live' | 'severities' | 'services' | 'assigned'>> &
  Pick<WrittenIncident, 'type' | 'openedBy' | 'assignedBy'> & { readonly roster: string; readonly ref: string };

/** All there is to know about the world in one case. */
export type FixtureWorld = {
  readonly members: readonly Membership[];
  readonly duties: readonly Duty[];
  readonly incidents: readonly FixtureIncident[];
  /** Directories and rosters that do not answer. */
  readonly down: readonly string[];
};

type Row = {
  readonly name: string;
  readonly line: number;
  readonly role: string;
  /** Epoch ms. */
  readonly at: number;
  readonly world: FixtureWorld;
};

/** What somebody gets who asks. */
export type Asking = Row & {
  readonly email: string;
  readonly client?: string;
  readonly asked: Asked;
  readonly incident?: string;
  /** As with `--break-glass`. */
  readonly breakGlass?: true;
  readonly expected: Expected;
};

/** Who is in without asking. */
export type WhoIsIn = Row & { readonly expected: { readonly in: readonly string[] } };

export type Case = Asking | WhoIsIn;

export type Expected = {
  readonly outcome: Decision['outcome'];
  /** Epoch ms. */
  readonly expiresAt?: number;
  readonly limitedBy?: 'max' | 'shift' | 'incident' | 'nothing';
  readonly endsWith?: readonly ('shift' | 'incident')[];
  /** As written: `allow[0]`. */
  readonly rules?: readonly string[];
  readonly approvers?: readonly string[];
  readonly quorum?: number;
  readonly maxHolders?: number;
};

export type Fixtures = {
  readonly cases: readonly Case[];
  /** Everybody whom the file names. */
  readonly people: readonly string[];
};

/** What came of one case. */
export type Tried = TriedAsking | TriedWhoIsIn;

export type TriedWhoIsIn = {
  readonly case: WhoIsIn;
  readonly found: { readonly in: readonly string[] };
  readonly differences: readonly 'in'[];
  readonly findings: readonly Finding[];
};

export type TriedAsking = {
  readonly case: Asking;
  readonly found: {
    readonly outcome: Decision['outcome'];
    readonly expiresAt?: number;
    readonly limitedBy: 'max' | 'shift' | 'incident' | 'nothing';
    /** What takes it back before its time; empty: nothing does. */
    readonly endsWith: readonly ('shift' | 'incident')[];
    /** Those it rests on; of a refusal, the rules of `deny` that are not known not to hold. */
    readonly rules: readonly string[];
    /** Those of the people in the file who could say yes. */
    readonly approvers: readonly string[];
    /** Where somebody is asked: how many have to say yes. */
    readonly quorum?: number;
    readonly maxHolders?: number;
  };
  /** What is not as expected; empty: it passes. */
  readonly differences: readonly ('outcome' | 'end' | 'limitedBy' | 'endsWith' | 'rule' | 'approvers' | 'quorum' | 'maxHolders')[];
  readonly findings: readonly Finding[];
  /** Incidents of which one has to be named: with any of them it would come out better. */
  readonly several: readonly string[];
};

export type Rehearsal = {
  readonly tried: readonly Tried[];
  /** Roles that no case asks for, and rules of the others that no case made hold. */
  readonly untried: { readonly roles: readonly string[]; readonly rules: readonly string[] };
};
