/** What is told of each kind of event: the words, whom it mentions, what is no news any more, and that nobody's words are more than words. */

import { describe, expect, it } from 'vitest';
import type { LedgerEvent, RecordedEvent } from '../../src/lifecycle/events.ts';
import type { EndReason, Request } from '../../src/lifecycle/types.ts';
import { noticeOf } from '../../src/operations/notice-of.ts';
import type { Policy } from '../../src/policy/types.ts';
import { hour, minute, role, rule, user } from './world.ts';

const now = Date.parse('2026-11-22T03:00:00Z');
const maria = { issuer: 'local', subject: 'maria@acme.dev', email: 'maria@acme.dev' };
const ana = { issuer: 'local', subject: 'ana@acme.dev', email: 'ana@acme.dev' };
const boss = { issuer: 'local', subject: 'boss@acme.dev', email: 'boss@acme.dev' };
const onDuty = { kind: 'onCall', roster: 'pagerduty', schedule: 'PMGR567', levels: [] } as const;

const dbAdmin = role('db-admin', {
  approvers: [rule(user('boss'), { name: 'db-admin.approvers[0]' }), rule(onDuty, { name: 'db-admin.approvers[1]' })],
  breakGlass: { when: [rule(user('maria'))], ttl: { defaultMs: hour, maxMs: hour }, review: { by: [rule(user('boss'))], withinMs: hour } },
});
const policy = (over: Partial<Policy> = {}): Policy =>
  ({
    digest: 'd',
    roles: { 'db-admin': dbAdmin },
    people: { 'boss@acme.dev': { slack: 'U0BOSS' } },
    ...over,
  }) as unknown as Policy;

const request = (over: Partial<Request> = {}): Request => ({
  id: 'k7m2xq',
  requester: maria,
  origin: 'asked',
  role: 'db-admin',
  targets: [{ directory: 'okta', group: 'db' }],
  reason: 'replica lag',
  asked: { byDefault: true },
  state: 'approved',
  requestedAt: now - minute,
  startsAt: now,
  expiresAt: now + hour,
  decision: {
    outcome: 'allow',
    expiresAt: now + hour,
    heldBy: [],
    endsWith: [],
    undecided: false,
    approvers: [],
    findings: [],
    policyDigest: 'd',
  },
  approvals: [],
  version: 1,
  ...over,
});
const pending = request({ state: 'pending', pendingUntil: now + hour });

const event = (type: LedgerEvent['type'], over: Partial<RecordedEvent> = {}): RecordedEvent => ({
  type,
  actor: maria,
  requestId: 'k7m2xq',
  role: 'db-admin',
  holder: 'maria@acme.dev',
  seq: 17,
  at: now,
  ledger: 'ledger-1',
  body: '',
  prev: '',
  hash: '',
  ...over,
});
const told = (one: RecordedEvent, of: Request | undefined = request(), over: Partial<Policy> = {}, end?: RecordedEvent) =>
  noticeOf(one, { policy: policy(over), request: of, now, end });
const at = (ms: number) => new Date(ms).toISOString();

describe('what is told', () => {
  it('of a request that waits: who asks, why, who may say yes, and how', () => {
    expect(told(event('request.pending', { reason: 'replica lag' }), pending)).toEqual({
      id: 'ledger-1/17',
      kind: 'waiting',
      at: now,
      title: 'maria@acme.dev asks for db-admin',
      lines: [
        'reason: replica lag',
        'for: 1 h 1 min from the yes on',
        'who may say yes: boss@acme.dev; on call for pagerduty/PMGR567',
        `it waits until: ${at(now + hour)}`,
      ],
      commands: ['oncall approve k7m2xq', 'oncall deny k7m2xq'],
      to: [{ email: 'boss@acme.dev', slack: 'U0BOSS' }],
      request: 'k7m2xq',
      role: 'db-admin',
      holder: 'maria@acme.dev',
      until: now + hour,
    });
  });

  it('mentions approvers who were on call when it came, where it is their turn', () => {
    const data = { onCall: { 'db-admin.approvers[1]': ['lea@acme.dev', 'maria@acme.dev'], 'db-admin.approvers[7]': ['sam@acme.dev'] } };
    const told = noticeOf(event('request.pending', { data }), { policy: policy(), request: pending, now });
    expect(told?.to.map(({ email }) => email)).toEqual(['boss@acme.dev', 'lea@acme.dev']);
    const turns = role('db-admin', { ...dbAdmin, escalateMs: 10 * minute });
    const later = { policy: policy({ roles: { 'db-admin': turns } }), request: { ...pending, requestedAt: now }, now };
    expect(noticeOf(event('request.pending', { data }), later)?.to.map(({ email }) => email)).toEqual(['boss@acme.dev']);
  });

  it('of a request that waits for one approver after the other: whose turn it is', () => {
    const inTurn = { ...dbAdmin, escalateMs: 10 * minute, approvers: [...dbAdmin.approvers].reverse() };
    const escalating = { roles: { 'db-admin': inTurn } };
    const first = told(event('request.pending'), { ...pending, requestedAt: now }, escalating);
    expect(first?.lines).toContain('who may say yes: on call for pagerduty/PMGR567');
    expect(first?.to).toEqual([]);
    const turns = [{ rule: 'db-admin.approvers[0]', who: 'boss@acme.dev' }];
    const second = told(event('request.escalated', { actor: 'sweep', data: { turns } }), pending, escalating);
    expect(second).toMatchObject({
      kind: 'waiting',
      title: 'maria@acme.dev still waits for a yes: db-admin',
      to: [{ email: 'boss@acme.dev' }],
    });
    expect(second?.lines).toContain('who may say yes: boss@acme.dev');
  });

  it('to whoever stands in for an approver as well, while they do', () => {
    const delegations = [{ from: 'boss@acme.dev', to: ['ana@acme.dev'], endsAt: now + hour }];
    expect(told(event('request.pending'), pending, { delegations })?.to.map(({ email }) => email)).toEqual([
      'boss@acme.dev',
      'ana@acme.dev',
    ]);
    const over = [{ from: 'boss@acme.dev', to: ['ana@acme.dev'], endsAt: now }];
    expect(told(event('request.pending'), pending, { delegations: over })?.to.map(({ email }) => email)).toEqual(['boss@acme.dev']);
  });

  it.each<[string, RecordedEvent, Request | undefined, object]>([
    [
      'granted, by the rule that holds',
      event('request.approved', {
        data: {
          expiresAt: now + hour,
          by: 'policy',
          findings: [{ effect: 'allow', holds: true, because: 'on call for "Database Primary"' }],
        },
      }),
      request(),
      {
        kind: 'granted',
        title: `maria@acme.dev has db-admin until ${at(now + hour)}`,
        lines: ['why: on call for "Database Primary"'],
        commands: ['oncall release db-admin'],
        to: [{ email: 'maria@acme.dev' }],
      },
    ],
    [
      'granted, by whoever said yes',
      event('request.approved', { actor: boss, data: { expiresAt: now + hour, by: 'approver', findings: [] } }),
      request(),
      { kind: 'granted', lines: ['why: boss@acme.dev said yes'] },
    ],
    [
      'granted, by everybody who said yes',
      event('request.approved', {
        actor: boss,
        data: { expiresAt: now + hour, by: 'approver', yes: { by: ['ana@acme.dev', 'boss@acme.dev'], of: 2 }, findings: [] },
      }),
      request(),
      { kind: 'granted', lines: ['why: ana@acme.dev and boss@acme.dev said yes'] },
    ],
    [
      'granted, to whoever took a place that a yes had let them wait for',
      event('request.approved', { data: { expiresAt: now + hour, by: 'approver', findings: [] } }),
      request({
        approvals: [
          { by: ana, at: now, answer: 'yes' },
          { by: boss, at: now, answer: 'yes' },
        ],
      }),
      { kind: 'granted', lines: ['why: ana@acme.dev and boss@acme.dev said yes'] },
    ],
    [
      'longer',
      event('request.extended', { data: { from: now + hour, to: now + 2 * hour } }),
      request({ expiresAt: now + 2 * hour }),
      { kind: 'granted', title: `maria@acme.dev has db-admin until ${at(now + 2 * hour)}, longer than before` },
    ],
    [
      'denied, by whom and why',
      event('request.denied', { actor: boss, reason: 'not now' }),
      request({ state: 'denied' }),
      { kind: 'denied', title: 'maria@acme.dev does not get db-admin: boss@acme.dev said no', lines: ['reason: not now'] },
    ],
    [
      'denied by the policy, in line',
      event('request.denied', { actor: 'oncall', data: { by: 'policy' } }),
      request({ state: 'denied' }),
      { kind: 'denied', title: 'maria@acme.dev does not get db-admin: the policy no longer allows it' },
    ],
    [
      'not answered',
      event('request.expired', { actor: 'sweep' }),
      request({ state: 'expired' }),
      { kind: 'denied', title: 'maria@acme.dev does not get db-admin: nobody answered in time' },
    ],
    [
      'not taken',
      event('request.expired', { actor: 'sweep', data: { because: 'the offer was not taken in time' } }),
      request({ state: 'expired' }),
      { kind: 'denied', title: 'maria@acme.dev does not get db-admin: the offer was not taken in time' },
    ],
    [
      'expiring',
      event('request.expiring', { actor: 'sweep', data: { expiresAt: now + hour } }),
      request(),
      {
        kind: 'expiring',
        title: `db-admin of maria@acme.dev ends ${at(now + hour)}`,
        commands: ['oncall request db-admin'],
        until: now + hour,
      },
    ],
    [
      'ended, and how',
      event('grant.ended', { actor: 'oncall', endReason: 'revoked', data: { removed: true, last: true } }),
      request(),
      { kind: 'ended', title: 'maria@acme.dev no longer has db-admin: revoked' },
    ],
    [
      'ended, where the event does not say of which role',
      (({ role: _, ...rest }) => rest)(event('grant.ended', { endReason: 'expired', data: { last: true } })) as RecordedEvent,
      request(),
      { kind: 'ended', title: 'maria@acme.dev no longer has db-admin: its time was up', role: 'db-admin' },
    ],
    [
      'stuck',
      event('grant.stuck', {
        actor: 'oncall',
        target: { directory: 'okta', group: 'db' },
        data: { attempts: 6, error: 'okta is not available (503)' },
      }),
      request(),
      {
        kind: 'stuck',
        title: 'maria@acme.dev cannot be taken out of okta/db: 6 tries failed',
        lines: ['role: db-admin', 'why: okta is not available (503)', 'it is still tried; see to the cause:'],
        target: 'okta/db',
      },
    ],
    [
      'break-glass, to the reviewers',
      event('request.broken-glass', { reason: 'everything is down', data: { expiresAt: now + hour, reviewDueAt: now + 2 * hour } }),
      request({ origin: 'break-glass' }),
      {
        kind: 'break-glass',
        title: `BREAK-GLASS: maria@acme.dev took db-admin until ${at(now + hour)}`,
        lines: ['reason: everything is down', `somebody else has to look at it until: ${at(now + 2 * hour)}`],
        commands: ['oncall explain k7m2xq', 'oncall approve k7m2xq --reason "…"'],
        to: [{ email: 'boss@acme.dev', slack: 'U0BOSS' }],
      },
    ],
    [
      'a review that is overdue',
      event('request.review-overdue', { actor: 'sweep', data: { dueAt: now } }),
      request({ origin: 'break-glass' }),
      {
        kind: 'review',
        title: `nobody has looked at the break-glass of maria@acme.dev on db-admin, due ${at(now)}`,
        to: [{ email: 'boss@acme.dev', slack: 'U0BOSS' }],
      },
    ],
    [
      'your turn',
      event('request.offered', { actor: 'oncall', data: { until: now + 10 * minute } }),
      request({ state: 'offered' as Request['state'], pendingUntil: now + 10 * minute }),
      {
        kind: 'your-turn',
        title: `it is the turn of maria@acme.dev: a place of db-admin is free until ${at(now + 10 * minute)}`,
        commands: ['oncall request db-admin'],
      },
    ],
    [
      'a rotation that is not followed',
      event('rotation.refused', { actor: 'sweep', data: { because: '4 of 5 would go' } }),
      undefined,
      {
        kind: 'rotation',
        lines: ['why: 4 of 5 would go', 'correct the schedule; where it is right, an admin says so:'],
        commands: ['oncall sweep --accept db-admin'],
      },
    ],
    [
      'a rotation without its roster',
      event('rotation.held-over', { actor: 'sweep', data: { because: 'PagerDuty is not available', to: now + hour } }),
      undefined,
      {
        kind: 'rotation',
        title: `db-admin of maria@acme.dev goes on without its roster, until ${at(now + hour)}`,
        lines: ['why: PagerDuty is not available'],
      },
    ],
    [
      'standing access that is to be reviewed',
      event('standing.review-due', { actor: 'sweep', data: { reviewAt: Date.parse('2027-01-31T00:00:00Z'), ifMissed: 'alert' } }),
      undefined,
      { kind: 'review', title: expect.stringMatching(/^db-admin: its standing access is to be reviewed by 2027-01-3/) },
    ],
    [
      'standing access that was not',
      event('standing.review-missed', { actor: 'sweep', data: { reviewAt: Date.parse('2027-01-31T00:00:00Z'), ifMissed: 'end' } }),
      undefined,
      { kind: 'review', title: expect.stringMatching(/^db-admin: its standing access was to be reviewed by .*, and has ended$/) },
    ],
    [
      'a ledger that lost something',
      event('ledger.behind', { actor: 'sweep', data: { because: 'its last event is number 3' } }),
      undefined,
      { kind: 'ledger', lines: ['why: its last event is number 3'], commands: ['oncall ledger recover'] },
    ],
  ])('of what is %s', (_, one, of, expected) => {
    expect(told(one, of)).toMatchObject(expected);
  });
});

describe('of what has ended', () => {
  const endOf = (endReason: EndReason, actor: LedgerEvent['actor'], because?: string) =>
    told(
      event('grant.ended', { actor: 'oncall', endReason, data: { last: true } }),
      request(),
      {},
      {
        ...event('grant.revoking', { actor, endReason }),
        ...(because === undefined ? {} : { data: { because } }),
      },
    );

  it.each<[EndReason, LedgerEvent['actor'], string | undefined, string, string[]]>([
    ['expired', 'sweep', undefined, 'its time was up', []],
    ['expired', 'sweep', 'no longer on call for pagerduty/PDB1234', 'no longer on call for pagerduty/PDB1234', []],
    // Which rule keeps somebody out, and what it rests on, is no news for a channel.
    ['revoked', 'sweep', 'prod.deny[0] under-investigation: a member of okta/web', 'revoked', []],
    ['revoked', 'sweep', 'blocked by the policy', 'revoked', []],
    ['superseded', 'oncall', 'asked for otherwise', 'another grant took its place', []],
    ['revoked', boss, 'lost laptop', 'revoked by boss@acme.dev', ['reason: lost laptop']],
    ['revoked', boss, undefined, 'revoked by boss@acme.dev', []],
    ['failed', 'oncall', 'okta refuses: no right', 'it could not be given', ['why: okta refuses: no right']],
  ])('%s by %j, because of %s: how, by whom and why', (reason, actor, because, how, lines) => {
    expect(endOf(reason, actor, because)).toMatchObject({ title: `maria@acme.dev no longer has db-admin: ${how}`, lines });
  });

  it('the reason of whoever gave it back is theirs', () => {
    const notice = endOf('released', maria, 'about the lay-offs');
    expect(notice).toMatchObject({ title: 'maria@acme.dev no longer has db-admin: given back', lines: [] });
  });
});

describe('what is no news', () => {
  it.each<[string, RecordedEvent, Request | undefined]>([
    ['a request that was answered meanwhile', event('request.pending'), request({ state: 'approved' })],
    ['a request whose time to be answered is over', event('request.pending'), { ...pending, pendingUntil: now }],
    ['access that is over', event('request.approved', { data: { expiresAt: now } }), request()],
    ['an end that has moved', event('request.expiring', { data: { expiresAt: now + hour } }), request({ expiresAt: now + 2 * hour })],
    ['an end that has come', event('request.expiring', { data: { expiresAt: now } }), request({ expiresAt: now })],
    ['an offer that has lapsed', event('request.offered', { data: { until: now } }), request({ state: 'offered' as Request['state'] })],
    ['an offer that was taken', event('request.offered', { data: { until: now + hour } }), request({ state: 'approved' })],
    ['one target of several', event('grant.ended', { endReason: 'expired', data: { removed: true } }), request()],
    ['what a rotation goes on with', event('request.extended', { data: { to: now + hour } }), request({ origin: 'rotation' })],
    [
      'the grant of an emergency, which has a notice of its own',
      event('request.approved', { data: { expiresAt: now + hour } }),
      request({ origin: 'break-glass' }),
    ],
    ['an attempt', event('membership.add'), request()],
    ['a refusal', event('request.refused'), undefined],
  ])('is %s', (_, one, of) => {
    expect(told(one, of)).toBeUndefined();
  });
});

describe("people's words", () => {
  it('are one line without control and bidi characters, and not longer than somebody reads', () => {
    const reason = `first\r\nsecond\u2028third \u202eevil\u202c \u200b\u0007\u001b[31mred${'x'.repeat(2000)}`;
    const line = told(event('request.pending'), { ...pending, reason })?.lines[0] ?? '';
    expect(line.startsWith('reason: first second third evil [31mred')).toBe(true);
    expect(line).toMatch(/^[\x20-\x7e]*…$/);
    expect(line.length).toBeLessThanOrEqual(501);
  });

  it('are in a notice only where somebody has to judge by them', () => {
    const secretive = request({ reason: 'about the lay-offs' });
    for (const one of [
      event('request.approved', { reason: 'about the lay-offs', data: { expiresAt: now + hour } }),
      event('request.expiring', { data: { expiresAt: now + hour } }),
      event('grant.ended', { endReason: 'expired', data: { last: true } }),
      event('grant.stuck', { data: { attempts: 6, error: 'x' } }),
    ]) {
      expect(JSON.stringify(told(one, secretive))).not.toContain('lay-offs');
    }
  });

  it('of a name that is called like what every object has find nobody', () => {
    const odd = event('request.approved', { role: 'constructor', holder: '__proto__', data: { expiresAt: now + hour, findings: [] } });
    expect(told(odd, request({ role: 'constructor' }))?.to).toEqual([{ email: '__proto__' }]);
  });
});
