/** What is told of each kind of event, in words, and to whom; of the others nothing. Pure. */

import type { LedgerEvent, RecordedEvent } from '../lifecycle/events.ts';
import type { EndReason, Request } from '../lifecycle/types.ts';
import { reviewCommand } from '../policy/break-glass.ts';
import { positiveLeaves } from '../policy/conditions.ts';
import { formatDuration } from '../policy/duration.ts';
import { nameOf } from '../policy/iam-role.ts';
import type { NoticeKind } from '../policy/notices.ts';
import { reviewText } from '../policy/standing.ts';
import { type Turn, turnsOf } from '../policy/turns.ts';
import type { Finding, Policy, Rule } from '../policy/types.ts';
import { acceptCommand } from './rotation-words.ts';

/** `request`: the one that the event names, as it is now. `end`: of access that has ended, the event by which that began. */
export type Around = {
  readonly policy: Policy;
  readonly request: Request | undefined;
  readonly end?: RecordedEvent | undefined;
  readonly now: number;
};

type Told = {
  readonly kind: NoticeKind;
  readonly title: string;
  readonly lines?: readonly (string | undefined)[];
  readonly commands?: readonly string[];
  /** E-mails. */
  readonly to?: readonly string[];
  readonly until?: number | undefined;
};

export type Event = RecordedEvent & { readonly data?: Data };
export type Data = { readonly [key: string]: unknown };
type Tell = (event: Event, around: Around & { readonly role: string; readonly holder: string; readonly id: string }) => Told | undefined;

/** In texts instants are RFC 3339; each medium shows them in its own way. */
const instant = (at: unknown): string => (typeof at === 'number' ? new Date(at).toISOString() : 'an unknown time');
const text = (data: Data | undefined, key: string): string | undefined => {
  const found = data?.[key];
  return typeof found === 'string' ? found : undefined;
};
const number = (data: Data | undefined, key: string): number | undefined => {
  const found = data?.[key];
  return typeof found === 'number' ? found : undefined;
};
const labelled = (label: string, value: string | undefined): string | undefined => (value === undefined ? undefined : `${label}: ${value}`);
const who = ({ actor }: LedgerEvent): string => (typeof actor === 'string' ? 'oncall' : actor.email);

/** Whether that is still to be done: a notice that comes late must not call anybody to what is over. */
const isPending = ({ request, now }: Around): boolean => request?.state === 'pending' && now < (request.pendingUntil ?? 0);
const stillHas = ({ request, now }: Around): boolean => request?.state === 'approved' && now < (request.expiresAt ?? 0);

/** A length counts from the yes on, so that nobody knows its end before. */
function lengthIn(request: Request | undefined): readonly (string | undefined)[] {
  const until = request?.decision.expiresAt;
  if (request === undefined || until === undefined) return [];
  if (!('forMs' in request.asked || 'byDefault' in request.asked)) return [labelled('until', instant(until))];
  return [labelled('for', `${formatDuration(until - request.requestedAt)} from the yes on`)];
}

const waiting: Tell = (event, around) => {
  if (!isPending(around)) return undefined;
  const { request, policy, role, holder, id } = around;
  const asked = askedIn(event, around);
  const { quorum = 1 } = request?.decision ?? {};
  return {
    kind: 'waiting',
    title: event.type === 'request.escalated' ? `${holder} still waits for a yes: ${role}` : `${holder} asks for ${role}`,
    lines: [
      labelled('reason', request?.reason),
      ...lengthIn(request),
      labelled('who may say yes', asked.map(({ who }) => who).join('; ') || undefined),
      labelled('it takes', quorum > 1 ? `${quorum} people` : undefined),
      labelled('it waits until', instant(request?.pendingUntil)),
    ],
    commands: [`oncall approve ${id}`, `oncall deny ${id}`],
    to: withStandIns(
      [...usersOf(approversIn(policy, role).filter(({ name }) => asked.some(({ rule }) => rule === name))), ...onCallIn(event, asked)],
      around,
    ).filter((email) => email !== holder),
    until: request?.pendingUntil,
  };
};

/** Those of them who were on call when it came. */
function onCallIn({ data }: Event, asked: readonly Pick<Turn, 'rule'>[]): readonly string[] {
  const byRule = Object(data?.onCall) as Readonly<Record<string, unknown>>;
  return asked.flatMap(({ rule }) => (Array.isArray(byRule[rule]) ? byRule[rule] : [])).filter((one) => typeof one === 'string');
}

/** Whose turn it is; of an escalation, whose it is besides those who were asked before. */
function askedIn({ type, data }: Event, { policy, request, role, now }: Parameters<Tell>[1]): readonly Pick<Turn, 'rule' | 'who'>[] {
  if (type === 'request.escalated' && Array.isArray(data?.turns)) return data.turns as readonly Turn[];
  const own = Object.hasOwn(policy.roles, role) ? policy.roles[role] : undefined;
  return own === undefined || request === undefined ? [] : turnsOf(own, policy.digest, request).filter(({ at }) => at <= now);
}

const granted: Tell = ({ data, ...event }, { request, role, holder, now }) => {
  // Of break-glass there is a notice of its own; what a rotation goes on with is no news.
  if (request?.origin === 'break-glass') return undefined;
  const isLonger = event.type === 'request.extended';
  if (isLonger && request?.origin !== 'asked') return undefined;
  const until = number(data, isLonger ? 'to' : 'expiresAt');
  if (until !== undefined && until <= now) return undefined;
  return {
    kind: 'granted',
    title: `${holder} has ${role} until ${instant(until)}${isLonger ? ', longer than before' : ''}`,
    lines: [
      labelled(
        'why',
        text(data, 'by') === 'approver'
          ? `${saidYes({ data, ...event } as Event, request).join(' and ')} said yes`
          : because(data?.findings),
      ),
    ],
    commands: [`oncall release ${role}`],
    to: [holder],
    until,
  };
};

/** Whose yes counted, in the event; whoever then waited in line has taken the place by themselves. */
function saidYes(event: Event, request: Request | undefined): readonly string[] {
  const { by } = Object(event.data?.yes) as { readonly by?: unknown };
  const counted = Array.isArray(by) ? by : (request?.approvals ?? []).filter(({ answer }) => answer === 'yes').map((one) => one.by.email);
  return counted.length === 0 ? [who(event)] : counted;
}

const review =
  (state: 'due' | 'missed'): Tell =>
  ({ data }, { role }) => ({
    kind: 'review',
    title: `${role}: ${reviewText({ reviewAt: number(data, 'reviewAt') ?? 0, state, ifMissed: text(data, 'ifMissed') === 'end' ? 'end' : 'alert' })}`,
    lines: ['look at who is named under "standing", then move "review" in the policy'],
    commands: [`oncall status ${role}`],
  });

/** A shift, an incident or a review that is over is how it ended; of somebody who took it away the reason is told as theirs. Why the policy took it away, a channel must not read: it says what a rule found out about the holder. */
function endingOf({ end, holder, way }: Pick<Around, 'end'> & { readonly holder: string; readonly way: EndReason }) {
  const because = text(end?.data as Data | undefined, 'because');
  if (end === undefined || (typeof end.actor !== 'string' && end.actor.email === holder)) return { how: ways[way], lines: [] };
  if (typeof end.actor !== 'string') return { how: `${ways[way]} by ${end.actor.email}`, lines: [labelled('reason', because)] };
  if (way === 'failed') return { how: ways[way], lines: [labelled('why', because)] };
  return { how: (way === 'expired' ? because : undefined) ?? ways[way], lines: [] };
}

const ways: Readonly<Record<EndReason, string>> = {
  expired: 'its time was up',
  released: 'given back',
  revoked: 'revoked',
  superseded: 'another grant took its place',
  failed: 'it could not be given',
};

export const tells: Readonly<Partial<Record<LedgerEvent['type'], Tell>>> = {
  'request.pending': waiting,
  'request.escalated': waiting,
  'request.approved': granted,
  'request.extended': granted,
  'request.denied': (event, { role, holder }) => ({
    kind: 'denied',
    title: `${holder} does not get ${role}: ${text(event.data, 'by') === 'policy' ? 'the policy no longer allows it' : `${who(event)} said no`}`,
    lines: [labelled('reason', event.reason)],
    commands: [`oncall explain ${role}`],
    to: [holder],
  }),
  'request.expired': ({ data }, { role, holder }) => ({
    kind: 'denied',
    title: `${holder} does not get ${role}: ${text(data, 'because') ?? 'nobody answered in time'}`,
    commands: [`oncall request ${role}`],
    to: [holder],
  }),
  'request.expiring': ({ data }, around) => {
    const { role, holder, request } = around;
    // It may be over, or longer, meanwhile.
    const at = number(data, 'expiresAt');
    if (!stillHas(around) || at !== request?.expiresAt) return undefined;
    return {
      kind: 'expiring',
      title: `${role} of ${holder} ends ${instant(at)}`,
      lines: ['to keep it, ask again:'],
      commands: [`oncall request ${role}`],
      to: [holder],
      until: at,
    };
  },
  // Of a request with several targets: the last one.
  'grant.ended': ({ data, endReason }, { role, holder, end }) => {
    if (data?.last !== true) return undefined;
    const { how, lines } = endingOf({ end, holder, way: endReason ?? 'expired' });
    return { kind: 'ended', title: `${holder} no longer has ${role}: ${how}`, lines, to: [holder] };
  },
  'grant.stuck': ({ data, target }, { role, holder, id }) => ({
    kind: 'stuck',
    title: `${holder} cannot be taken out${target === undefined ? '' : ` of ${nameOf(target)}`}: ${number(data, 'attempts')} tries failed`,
    lines: [labelled('role', role), labelled('why', text(data, 'error')), 'it is still tried; see to the cause:'],
    commands: [`oncall status ${id}`, 'oncall doctor'],
  }),
  'request.broken-glass': ({ data, reason }, { role, holder, id, policy }) => ({
    kind: 'break-glass',
    title: `BREAK-GLASS: ${holder} took ${role} until ${instant(number(data, 'expiresAt'))}`,
    lines: [labelled('reason', reason), labelled('somebody else has to look at it until', instant(number(data, 'reviewDueAt')))],
    commands: [`oncall explain ${id}`, reviewCommand(id)],
    to: reviewers(policy, role, holder),
    until: number(data, 'expiresAt'),
  }),
  'request.review-overdue': ({ data }, { role, holder, id, policy }) => ({
    kind: 'review',
    title: `nobody has looked at the break-glass of ${holder} on ${role}, due ${instant(number(data, 'dueAt'))}`,
    lines: [`until then nobody breaks the glass of ${role} again`],
    commands: [`oncall explain ${id}`, reviewCommand(id)],
    to: reviewers(policy, role, holder),
  }),
  'standing.review-due': review('due'),
  'standing.review-missed': review('missed'),
  'request.offered': ({ data }, { role, holder, request, now }) => {
    const until = number(data, 'until') ?? request?.pendingUntil;
    const isOver = until !== undefined && until <= now;
    if (isOver || (request !== undefined && ['approved', 'denied', 'withdrawn', 'expired'].includes(request.state))) return undefined;
    return {
      kind: 'your-turn',
      title: `it is the turn of ${holder}: a place of ${role} is free${until === undefined ? '' : ` until ${instant(until)}`}`,
      commands: [`oncall request ${role}`],
      to: [holder],
      until,
    };
  },
  'rotation.refused': ({ data }, { role }) => ({
    kind: 'rotation',
    title: `the rotation of ${role} is not followed: too many would go`,
    lines: [labelled('why', text(data, 'because')), 'correct the schedule; where it is right, an admin says so:'],
    commands: [acceptCommand(role)],
  }),
  'rotation.held-over': ({ data }, { role, holder }) => ({
    kind: 'rotation',
    title: `${role} of ${holder} goes on without its roster, until ${instant(number(data, 'to'))}`,
    lines: [labelled('why', text(data, 'because'))],
    commands: ['oncall doctor'],
  }),
  'ledger.behind': ({ data }) => ({
    kind: 'ledger',
    title: 'the ledger has lost what it knew, and nothing is granted',
    lines: [labelled('why', text(data, 'because'))],
    commands: ['oncall ledger recover'],
  }),
};

const usersOf = (rules: readonly Rule[]): readonly string[] =>
  rules.flatMap(({ condition }) => positiveLeaves(condition)).flatMap((leaf) => (leaf.kind === 'user' ? [leaf.email] : []));

/** Who is away may have somebody say yes in their place. */
const withStandIns = (emails: readonly string[], { policy, now }: Around): readonly string[] => [
  ...emails,
  ...(policy.delegations ?? []).flatMap(({ from, to, startsAt = 0, endsAt }) =>
    emails.includes(from) && startsAt <= now && now < endsAt ? to : [],
  ),
];

const approversIn = ({ roles }: Policy, role: string): readonly Rule[] =>
  Object.hasOwn(roles, role) ? (roles[role]?.approvers ?? []) : [];

const reviewers = ({ roles }: Policy, role: string, holder: string): readonly string[] =>
  usersOf(Object.hasOwn(roles, role) ? (roles[role]?.breakGlass?.review.by ?? []) : []).filter((email) => email !== holder);

function because(findings: unknown): string | undefined {
  if (!Array.isArray(findings)) return undefined;
  const found = (findings as readonly Partial<Finding>[]).find(({ holds, effect }) => holds === true && effect !== 'deny');
  return typeof found?.because === 'string' ? found.because : undefined;
}
