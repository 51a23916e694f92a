/** The decision: from a role's rules and what is known, whether a person gets it at once, may ask an approver, or does not get it, and until when. */

import { describeCondition } from './conditions.ts';
import { formatDuration } from './duration.ts';
import { type End, endOf } from './end.ts';
import { judge } from './evaluate.ts';
import { incidentsBehind, type Subject } from './truth.ts';
import type { Asked, Decision, Facts, Finding, IncidentRef, Policy, Role, Rule } from './types.ts';

export type DecideInput = {
  readonly role: Role;
  readonly policy: Pick<Policy, 'digest' | 'blocked'>;
  readonly email: string;
  /** Of a service account. */
  readonly client: string | undefined;
  readonly asked: Asked;
  /** Epoch ms. */
  readonly now: number;
  /** When access that is held already began: the maximum counts from there. */
  readonly startedAt?: number;
  readonly facts: Facts;
  /** The only incidents that may let them in; left out: any. `incidents.ts` finds out which. */
  readonly incidents?: readonly IncidentRef[];
};

/** Pure, so that it can be asked again: by `explain`, at approval, and for access that is to last longer. */
export function decide(input: DecideInput): Decision {
  const { role, policy, email, client, now, facts, incidents } = input;
  const subject: Subject = { email, client, now, facts, ...(incidents === undefined ? {} : { incidents }) };
  const findings = [
    ...blockedFinding(policy.blocked, email),
    ...judge(role.deny, 'deny', subject),
    ...judge(role.allow, 'allow', subject),
    ...judge(role.ask, 'ask', subject),
  ];
  const verdict = verdictOf(role, findings);
  const common = { approvers: [], findings, policyDigest: policy.digest, undecided: verdict.undecided };
  if (verdict.outcome === 'deny')
    return { ...common, findings: [...findings, ...(verdict.more ?? [])], outcome: 'deny', heldBy: [], endsWith: [] };

  const rules = rulesBehind(role, findings, verdict.outcome);
  const end = endOf({ role, asked: input.asked, subject, startedAt: input.startedAt, rules });
  const over = overFinding(role, input, end);
  if (over !== undefined) return { ...common, findings: [...findings, over], outcome: 'deny', undecided: false, heldBy: [], endsWith: [] };
  const lasting = rules.every((rule) => rule.until !== undefined);
  const byIncident = rules.filter((rule) => incidentsBehind(rule, subject).length > 0);
  // Asked for by the person, an incident ends access even where no rule insists on it.
  const withIncident = 'until' in input.asked && input.asked.until === 'incident' && byIncident.length > 0;
  const [incident] = byIncident.length > 0 && incidents?.length === 1 ? incidents : [];
  return {
    ...common,
    ...end,
    outcome: verdict.outcome,
    heldBy: rules.map((rule) => rule.name),
    endsWith: withIncident ? byIncident : lasting ? rules : [],
    ...(incident === undefined ? {} : { incident }),
    ...(role.endsSessionsIn === undefined || role.endsSessionsIn.length === 0 ? {} : { endsSessionsIn: role.endsSessionsIn }),
    approvers: verdict.outcome === 'ask' ? [...new Set(role.approvers.map((rule) => describeCondition(rule.condition)))] : [],
    ...(verdict.outcome === 'ask' && role.quorum !== undefined ? { quorum: role.quorum } : {}),
  };
}

type Verdict = { readonly outcome: Decision['outcome']; readonly undecided: boolean; readonly more?: readonly Finding[] };

function verdictOf(role: Role, findings: readonly Finding[]): Verdict {
  const has = (effect: Finding['effect'], holds: Finding['holds']) =>
    findings.some((finding) => finding.effect === effect && finding.holds === holds);
  const couldGetIn = (['allow', 'ask'] as const).some((effect) => has(effect, true) || has(effect, 'unknown'));
  if (has('deny', true)) return { outcome: 'deny', undecided: false };
  if (has('deny', 'unknown')) return { outcome: 'deny', undecided: couldGetIn };
  if (has('allow', true)) return { outcome: 'allow', undecided: false };
  if (has('ask', true)) return askOrDeny(role, has('allow', 'unknown'));
  if (!couldGetIn) return { outcome: 'deny', undecided: false };
  return role.whenUnknown === 'ask' ? askOrDeny(role, true) : { outcome: 'deny', undecided: true };
}

function askOrDeny(role: Role, undecided: boolean): Verdict {
  if (role.approvers.length > 0) return { outcome: 'ask', undecided };
  const because = 'somebody would have to say yes, and the policy names nobody for it';
  return {
    outcome: 'deny',
    undecided,
    more: [{ rule: `${role.name}.approvers`, effect: 'deny', holds: true, because, change: 'have approvers named for it in the policy' }],
  };
}

function blockedFinding(blocked: readonly string[], email: string): Finding[] {
  if (!blocked.includes(email.toLowerCase())) return [];
  return [
    {
      rule: 'blocked',
      effect: 'deny',
      holds: true,
      because: `${email} is blocked from every role`,
      change: 'be taken off the list "blocked" of the policy',
    },
  ];
}

/** What the access would rest on. A question that only an unanswered source raises rests on nothing but the answer of a person. */
function rulesBehind(role: Role, findings: readonly Finding[], outcome: 'allow' | 'ask'): readonly Rule[] {
  const holding = new Set(findings.filter(({ effect, holds }) => effect === outcome && holds === true).map(({ rule }) => rule));
  return [...role.allow, ...role.ask].filter((rule) => holding.has(rule.name));
}

function overFinding(role: Role, { email, asked, now, startedAt }: DecideInput, end: End): Finding | undefined {
  if (end.expiresAt > now) return undefined;
  const finding = { effect: 'deny', holds: true } as const;
  if ('untilMs' in asked && asked.untilMs <= now) {
    return {
      ...finding,
      rule: `${role.name}.until`,
      because: 'the end that was asked for has passed already',
      change: 'ask for a later end',
    };
  }
  if (end.limitedBy === 'max' && startedAt !== undefined) {
    const because = `${email} has had it for ${formatDuration(now - startedAt)}, and ${end.limitedBecause}`;
    return { ...finding, rule: `${role.name}.ttl`, because, change: 'give it back and ask anew' };
  }
  const because = end.limitedBecause ?? 'what it rests on has ended already';
  return {
    ...finding,
    rule: `${role.name}.until`,
    because: `it would have ended already: ${because.replace('your shift', 'the shift')}`,
    change: 'be on a shift that still lasts',
  };
}
