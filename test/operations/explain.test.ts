/** `explain`: what request would answer, part by part; for somebody else; and of a request as it was decided. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import type { ExplainResult } from '../../src/operations/types.ts';
import type { Condition, Role } from '../../src/policy/types.ts';
import { anIncident, onDuty, responder, withIncident } from './duty-world.ts';
import { company, granted, hour, minute, onCall, role, rule, user } from './world.ts';

const now = { asked: { byDefault: true } } as const;
const member = (group: string): Condition => ({ kind: 'member', directory: 'okta', group });

describe('explain', () => {
  it('shows the conditions of a rule each with its own answer, and keeps them with the request', async () => {
    const condition: Condition = {
      kind: 'all',
      conditions: [onCall, { kind: 'not', condition: { kind: 'any', conditions: [member('web'), user('sam')] } }],
    };
    const duty = await onDuty([responder({ allow: [rule(condition, { name: 'responder.allow[0]' })] })]);
    duty.shifts.push({ schedule: 'PDB', email: 'maria@acme.dev', start: 0, end: null });
    const at = duty.world.now;
    const parts = [
      { what: 'on call for pagerduty/PDB', holds: true, because: 'on call for "PDB"', source: 'pagerduty', fetchedAt: at },
      {
        what: 'none of these',
        holds: true,
        parts: [
          { what: 'member of okta/web', holds: false, because: 'not a member of okta/web', source: 'okta', fetchedAt: at },
          { what: 'sam@acme.dev', holds: false, because: 'is not sam@acme.dev' },
        ],
      },
    ];
    expect((await duty.as('maria').explain({ role: 'responder', ...now })).decision.findings).toMatchObject([{ holds: true, parts }]);
    const { request } = granted(await duty.request('maria'));
    duty.shifts.length = 0;
    expect((await duty.as('maria').explain({ role: request.id, ...now })).decision.findings).toMatchObject([{ holds: true, parts }]);
  });

  it('leaves the parts out where they are more than anybody reads: they are kept with every event', async () => {
    const all = Array.from({ length: 60 }, (_, index) => user(`user${index}`));
    const duty = await onDuty([responder({ allow: [rule({ kind: 'any', conditions: all }, { name: 'responder.allow[0]' })] })]);
    expect((await duty.as('maria').explain({ role: 'responder', ...now })).decision.findings[0]).not.toHaveProperty('parts');
  });

  describe('to who is on no shift', () => {
    const shift = responder({ allow: [rule(onCall, { name: 'responder.allow[0]' })] });
    const explained = async (soon: boolean, duty: Awaited<ReturnType<typeof onDuty>>) =>
      (await duty.as('maria').explain({ role: 'responder', ...now, soon })).decision.findings[0];

    it('says when the next one starts, where it is asked to look ahead', async () => {
      const duty = await onDuty([shift]);
      for (const days of [20, 3, 1]) {
        const start = duty.world.now + days * 24 * hour;
        const email = days === 1 ? 'sam@acme.dev' : 'maria@acme.dev';
        duty.shifts.push({ schedule: 'PDB', email, start, end: start + 8 * hour });
      }
      expect((await explained(true, duty))?.change).toBe('be on call for pagerduty/PDB; your next shift starts 2026-11-25T03:00:00Z');
      expect(duty.asked).toEqual(['pagerduty onCall PDB', 'pagerduty shifts PDB']);
      duty.asked.length = 0;
      expect((await explained(false, duty))?.change).toBe('be on call for pagerduty/PDB');
      expect(duty.asked).toEqual(['pagerduty onCall PDB']);
    });

    it('says what it can where the roster can tell nothing of later', async () => {
      const duty = await onDuty([shift]);
      const deps = duty.deps('maria');
      const failing = { shifts: () => Promise.reject(new ProviderError('pagerduty', 'forbidden', 'no right to look ahead')) };
      const { now: at } = duty.world;
      const begun = { shifts: async () => [{ schedule: 'PDB', email: 'maria@acme.dev', start: at - hour, end: at + hour }] };
      for (const over of [failing, { shifts: undefined }, begun]) {
        const roster = async (name: string) => ({ ...(await deps.roster(name)), ...over }) as Awaited<ReturnType<typeof deps.roster>>;
        const { decision } = await duty.world.as('maria', { roster }).explain({ role: 'responder', ...now, soon: true });
        expect(decision.findings[0]).toMatchObject({ holds: false, change: 'be on call for pagerduty/PDB' });
      }
    });
  });

  it('lists the incidents of which one must be named, and exits as request would', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident('4711'), anIncident('4712', { title: 'Disk full' }));
    expect(await duty.as('maria').explain({ role: 'responder', ...now })).toMatchObject({
      exit: 2,
      refusal: { code: 'which-incident', why: '4711; 4712  Disk full' },
      incidents: [{ ref: '4711' }, { ref: '4712', title: 'Disk full' }],
    });
    const named = await duty.as('maria').explain({ role: 'responder', ...now, incident: '4712' });
    expect(named).not.toHaveProperty('incidents');
    expect(named).toMatchObject({
      exit: 0,
      decision: { incident: { ref: '4712' } },
    });
  });
});

describe('explain for somebody else', () => {
  const guarded = responder({
    allow: [rule(onCall, { name: 'responder.allow[0]', until: 'shift' }), withIncident({}, { name: 'responder.allow[1]' })],
    approvers: [rule(user('ana'))],
  });
  const withShift = async () => {
    const duty = await onDuty([guarded, role('other')]);
    duty.shifts.push({ schedule: 'PDB', email: 'maria@acme.dev', start: 0, end: duty.world.now + 2 * hour });
    return duty;
  };

  it.each(['boss', 'ana'])('decides as if that person asked, for %s who may', async (name) => {
    const duty = await withShift();
    const asked = { role: 'responder', asked: { forMs: 9 * hour } } as const;
    expect(await duty.as(name).explain({ ...asked, user: 'Maria@acme.dev' })).toMatchObject({
      ...{ requester: 'maria@acme.dev', exit: 0 },
      decision: { outcome: 'allow', limitedBy: 'shift' },
    });
    expect(await duty.as(name).explain({ ...asked, user: 'sam@acme.dev' })).toMatchObject({ requester: 'sam@acme.dev', exit: 3 });
  });

  it('sees what that person has', async () => {
    const duty = await withShift();
    const { request } = granted(await duty.request('maria'));
    expect(await duty.as('boss').explain({ role: 'responder', ...now, user: 'maria@acme.dev' })).toMatchObject({
      held: { id: request.id },
      exit: 0,
    });
    expect(await duty.as('boss').explain({ role: 'responder', ...now, user: 'sam@acme.dev' })).not.toHaveProperty('held');
  });

  it('is refused to everybody else, whatever the role, before any source is asked', async () => {
    const duty = await withShift();
    await expect(duty.as('sam').explain({ role: 'responder', ...now, user: 'maria@acme.dev' })).rejects.toMatchObject({
      code: 'forbidden',
      exit: 3,
    });
    await expect(duty.as('ana').explain({ role: 'other', ...now, user: 'maria@acme.dev' })).rejects.toMatchObject({ exit: 3 });
    expect(duty.asked).toEqual([]);
    expect((await duty.as('sam').explain({ role: 'responder', ...now, user: 'sam@acme.dev' })).requester).toBe('sam@acme.dev');
  });

  it('needs a role, and an e-mail', async () => {
    const duty = await withShift();
    const { request } = granted(await duty.request('maria'));
    await expect(duty.as('boss').explain({ role: request.id, ...now, user: 'sam@acme.dev' })).rejects.toMatchObject({
      code: 'usage',
      exit: 2,
    });
    await expect(duty.as('boss').explain({ role: 'responder', ...now, user: 'sam' })).rejects.toMatchObject({ code: 'usage', exit: 2 });
  });
});

describe('explain of a request by its id', () => {
  const asking = responder({
    ...{
      allow: [],
      ask: [rule(user('maria'), { name: 'responder.ask[0]' })],
      approvers: [rule(user('ana')), rule(user('sam'))],
      quorum: 2,
    },
  });
  const explained = async (duty: Awaited<ReturnType<typeof onDuty>>, id: string, who = 'maria') => {
    const { exit, became, decision } = await duty.as(who).explain({ role: id, ...now });
    return { exit, state: became?.state, who: became?.approvals.map(({ by }) => by.email), outcome: decision.outcome };
  };
  const askedFor = async (over: Partial<Role> = {}) => {
    const duty = await onDuty([{ ...asking, ...over }]);
    return { duty, ...granted(await duty.request('maria', { reason: 'page 4711' })).request };
  };

  it('says each yes, and that it is given, while the findings stay as they were', async () => {
    const { duty, id } = await askedFor();
    expect(await explained(duty, id)).toEqual({ exit: 8, state: 'pending', who: [], outcome: 'ask' });
    await duty.as('ana').approve({ id, reason: 'go ahead' });
    expect(await explained(duty, id)).toEqual({ exit: 8, state: 'pending', who: ['ana@acme.dev'], outcome: 'ask' });
    duty.world.now += minute;
    await duty.as('sam').approve({ id });
    expect(await explained(duty, id)).toEqual({ exit: 0, state: 'approved', who: ['ana@acme.dev', 'sam@acme.dev'], outcome: 'ask' });
    expect((await duty.as('boss').explain({ role: id, ...now })).became).toMatchObject({
      ...{ quorum: 2, expiresAt: duty.world.now + 4 * hour, grants: [{ state: 'active' }] },
      approvals: [{ at: duty.world.now - minute, reason: 'go ahead' }, { at: duty.world.now }],
    });
  });

  it('says how it ended, and that it had been given', async () => {
    const { duty, id } = await askedFor({ quorum: 1 });
    await duty.as('ana').approve({ id });
    await duty.as('boss').revoke({ id, reason: 'lost laptop' });
    const { exit, became } = await duty.as('maria').explain({ role: id, ...now });
    expect([exit, became]).toMatchObject([
      0,
      { state: 'approved', grants: [{ state: 'ended' }], ended: { by: 'boss@acme.dev', how: 'revoked', because: 'lost laptop' } },
    ]);
  });

  it.each<[string, (duty: Awaited<ReturnType<typeof onDuty>>, id: string) => Promise<unknown>, object]>([
    ['denied', (duty, id) => duty.as('ana').deny({ id, reason: 'not today' }), { exit: 3, became: { ended: { by: 'ana@acme.dev' } } }],
    ['withdrawn', (duty, id) => duty.as('maria').release({ id }), { exit: 1, became: { ended: { how: 'withdrawn' } } }],
    ['expired', async (duty) => void (duty.world.now += 2 * hour), { exit: 1 }],
    ['expired', (duty) => duty.sweepAfter(2 * hour), { exit: 1, became: { ended: { how: 'expired' } } }],
  ])('says that it was not given: %s', async (state, end, told) => {
    const { duty, id } = await askedFor();
    await end(duty, id);
    expect(await duty.as('maria').explain({ role: id, ...now })).toMatchObject({ ...told, decision: { outcome: 'ask' } });
    expect((await explained(duty, id)).state).toBe(state);
  });

  it('exits 1 where it was approved, and could not be given', async () => {
    const { duty, id } = await askedFor({ quorum: 1 });
    duty.world.okta.fail('add', new ProviderError('okta', 'forbidden', 'no right to add', { applied: 'no' }), 'before', 1);
    await duty.as('ana').approve({ id });
    expect(await explained(duty, id)).toMatchObject({ exit: 1, state: 'approved' });
  });

  it('exits 8 where it was approved, and is still being given', async () => {
    const { duty, id } = await askedFor({ quorum: 1 });
    const { okta } = duty.world;
    const { add } = okta;
    const during: ExplainResult[] = [];
    const slow: typeof add = async (...asked) => {
      during.push(await duty.as('boss').explain({ role: id, ...now }));
      return add(...asked);
    };
    Object.assign(okta, { add: slow });
    await duty.as('ana').approve({ id });
    expect(during).toMatchObject([{ exit: 8, became: { state: 'approved', grants: [{ state: 'activating' }] } }]);
    expect(await explained(duty, id)).toMatchObject({ exit: 0, state: 'approved' });
  });

  it('tells of standing access the review, and no end that the sweep moves on', async () => {
    const reviewAt = Date.parse('2027-02-01T00:00:00Z');
    const standing = { people: [{ email: 'maria@acme.dev', why: 'owns it' }], reviewAt, ifMissed: 'alert' as const };
    const world = await company({ roles: [role('prod', { allow: [], standing })], exclusive: ['db'] });
    await world.sweepAfter(0);
    const [request] = (await world.as('boss').status({})).requests;
    expect(await world.as('boss').explain({ role: request?.id ?? '', ...now })).toMatchObject({ exit: 0, became: { reviewAt } });
  });
});
