/** Builders for what operations answer, and a wiring over operations that a test makes up. */

import type { Wiring } from '../../src/commands/context.ts';
import type { GrantView, Request } from '../../src/lifecycle/types.ts';
import type { WaitingRequest, WaitingResult } from '../../src/operations/approval-types.ts';
import type { Operations, RequestResult, StatusResult } from '../../src/operations/types.ts';
import type { Issue } from '../../src/policy/issue.ts';
import type { Decision, Target } from '../../src/policy/types.ts';
import { noon } from './io.ts';

export const minute = 60_000;
export const hour = 60 * minute;

export const oktaTarget: Target = { directory: 'okta', group: 'On-Call Database Admin' };
export const awsTarget: Target = { directory: 'aws-prod', group: 'db-admins' };

export function aDecision(changes: Partial<Decision> = {}): Decision {
  return {
    outcome: 'allow',
    expiresAt: noon + 2 * hour + 47 * minute,
    heldBy: ['db-admin.allow[0]'],
    endsWith: [],
    undecided: false,
    approvers: [],
    findings: [
      {
        rule: 'db-admin.allow[0]',
        effect: 'allow',
        holds: true,
        because: 'on call for "Database Primary"',
        source: 'PagerDuty',
        fetchedAt: noon - 1000,
      },
    ],
    policyDigest: 'd1',
    ...changes,
  };
}

export const maria = { issuer: 'local', subject: 'maria@acme.dev', email: 'maria@acme.dev' };
export const ana = { issuer: 'local', subject: 'ana@acme.dev', email: 'ana@acme.dev' };

export function aRequest(changes: Partial<Request> = {}): Request {
  return {
    id: 'k7m2xq',
    requester: maria,
    origin: 'asked',
    role: 'db-admin',
    targets: [oktaTarget, awsTarget],
    asked: { forMs: 12 * hour },
    state: 'approved',
    requestedAt: noon,
    startsAt: noon,
    expiresAt: noon + 2 * hour + 47 * minute,
    decision: aDecision(),
    approvals: [],
    version: 1,
    ...changes,
  };
}

export const aPending = (): Request => {
  const {
    startsAt: _,
    expiresAt: __,
    ...request
  } = aRequest({ decision: aDecision({ outcome: 'ask', heldBy: [], approvers: ['on call for pagerduty/PMGR567'] }) });
  return { ...request, state: 'pending', pendingUntil: noon + hour };
};

/** What waits for whoever asks. */
export function aWaiting(changes: Partial<WaitingRequest> = {}): WaitingResult {
  const yes = { by: [], of: 1, dropped: [] };
  return { requests: [{ ...aPending(), digest: 'a1'.repeat(32), yes, ...changes }], unknown: [], reviews: [] };
}

export function aGrant(target: Target, changes: Partial<GrantView> = {}): GrantView {
  return {
    id: `g-${target.directory}`,
    requestId: 'k7m2xq',
    membershipId: `m-${target.directory}`,
    state: 'active',
    attempts: 0,
    nextAttemptAt: noon + 2 * hour,
    createdAt: noon,
    version: 1,
    role: 'db-admin',
    target,
    holder: maria.email,
    owned: true,
    startsAt: noon,
    expiresAt: noon + 2 * hour + 47 * minute,
    ...changes,
  };
}

export function aGranted(changes: Partial<RequestResult> = {}): RequestResult {
  return {
    result: 'granted',
    request: aRequest(),
    grants: [aGrant(oktaTarget), aGrant(awsTarget)],
    missing: [],
    decision: aDecision(),
    ...changes,
  };
}

export function aStatus(changes: Partial<StatusResult> = {}): StatusResult {
  const { request, grants } = aGranted();
  return {
    requests: [request],
    grants,
    sweep: { lastAt: noon - 2 * minute, late: false },
    faults: [],
    drift: [],
    standing: { reviews: [], notIn: [] },
    emergencies: [],
    lines: [],
    courtesy: false,
    now: noon,
    ...changes,
  };
}

export type FakeWiring = Wiring & { readonly calls: { verb: string; input: unknown }[]; closed: number };

/** Operations that a test does not name must not be called. */
export function fakeWiring(answers: Partial<Operations>, issues: readonly Issue[] = []): FakeWiring {
  const calls: FakeWiring['calls'] = [];
  const verbs = [
    'request',
    'status',
    'roles',
    'explain',
    'release',
    'approve',
    'waiting',
    'follow',
    'deny',
    'revoke',
    'sweep',
    'audit',
    'accesses',
    'adopt',
    'verify',
    'recover',
    'doctor',
  ] as const;
  const operations = Object.fromEntries(
    verbs.map((verb) => [
      verb,
      async (input: never) => {
        calls.push({ verb, input });
        const answer = answers[verb];
        if (answer === undefined) throw new Error(`${verb} was not expected`);
        return answer(input);
      },
    ]),
  ) as Operations;
  const fake: FakeWiring = {
    calls,
    closed: 0,
    wire: async () => ({ operations, issues, policy: { path: '/etc/oncall/oncall.yaml' }, close: async () => void (fake.closed += 1) }),
    signIn: async () => {
      throw new Error('signing in was not expected');
    },
    serve: async () => {
      throw new Error('serving was not expected');
    },
    copyLedger: async () => {
      throw new Error('copying the ledger was not expected');
    },
    draft: async () => {
      throw new Error('a draft of a policy was not expected');
    },
    testPolicy: async () => {
      throw new Error('testing the policy was not expected');
    },
    checkFiles: async () => [],
    checkPolicy: async () => ({ path: '/etc/oncall/oncall.yaml', whyThisOne: 'the system-wide policy', issues, courtesy: false }),
  };
  return fake;
}
