/** Access for an incident: which one it is for, what is kept about it, and that it ends with that one. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { anIncident, grace, onDuty, responder, withIncident } from './duty-world.ts';
import { granted, hour, minute, onCall, refused, role, rule, user } from './world.ts';

const thrown = (run: Promise<unknown>) =>
  run.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => error,
  );

describe('the incident that a request is for', () => {
  it('is looked for where none is named: the only one that is theirs is used, and recorded', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(
      anIncident('4711'),
      anIncident('4712', { assigned: ['sam@acme.dev'] }),
      anIncident('4713', { live: false }),
    );
    const { request } = granted(await duty.request('maria'));
    expect(request).toMatchObject({ incident: '4711', decision: { incident: { roster: 'pagerduty', ref: '4711' } } });
    expect((await duty.as('maria').status({ of: request.id })).requests).toMatchObject([{ incident: '4711' }]);
  });

  it('has to be named where several are theirs: each is listed with its title, and nothing is given', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident('4711', { title: 'Replica lag' }), anIncident('4712'));
    expect(await thrown(duty.request('maria'))).toMatchObject({
      ...{ code: 'which-incident', exit: 2 },
      ...{ message: 'you have 2 live incidents that count for responder', why: '4711  Replica lag\n4712' },
      next: 'say which it is for, as it ends with that one: oncall request responder --incident 4711',
    });
    expect(duty.world.okta.in('db')).toEqual([]);
    expect(granted(await duty.request('maria', { incident: '4712' })).request.incident).toBe('4712');
  });

  it('is recorded in the spelling of its roster', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident('4711'));
    expect(granted(await duty.request('maria', { incident: '#4711' })).request.incident).toBe('4711');
  });

  it('is recorded as it was typed where no rule asks for one', async () => {
    const duty = await onDuty([role('responder', { allow: [rule(user('maria'))] })]);
    expect(granted(await duty.request('maria', { incident: '#4711' })).request.incident).toBe('#4711');
    expect(duty.asked).toEqual([]);
  });

  it.each([
    ['is none', '4799', 'pagerduty has no incident 4799'],
    ['is over', '4712', 'incident 4712 is over since 2026-11-22T02:00:00Z'],
    ["is somebody else's", '4713', 'not assigned to incident 4713: sam@acme.dev is'],
    ['is another roster’s', 'elsewhere/4711', 'elsewhere/4711 is an incident of another roster than pagerduty'],
  ])('does not count where it %s, although another is theirs', async (_, incident, because) => {
    const duty = await onDuty([responder()], ['pagerduty', 'elsewhere']);
    duty.incidents.pagerduty?.push(
      anIncident('4711'),
      anIncident('4712', { live: false, endedAt: duty.world.now - hour }),
      anIncident('4713', { assigned: ['sam@acme.dev'] }),
    );
    const refusal = refused(await duty.request('maria', { incident }));
    expect(refusal).toMatchObject({ exit: 3, error: { message: `you cannot have responder now: ${because}` } });
  });

  it('is said not to be what the access is held for, where another one is', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident('4711'));
    const { request } = granted(await duty.request('maria', { incident: '4711' }));
    expect(granted(await duty.request('maria', { incident: '4799' }))).toMatchObject({
      ...{ result: 'held', request: { incident: '4711', expiresAt: request.expiresAt } },
      notExtended: '4799 is not what it is held for; pagerduty has no incident 4799',
    });
    expect(granted(await duty.request('maria', { incident: '#4711' }))).not.toHaveProperty('notExtended');
  });

  it('does not count where the rule filters it out, and it says by what', async () => {
    const duty = await onDuty([responder({ allow: [withIncident({ severities: ['critical', 'P1'] })] })]);
    duty.incidents.pagerduty?.push(anIncident('4711', { severities: ['major', 'high'] }));
    const because = 'incident 4711 has severity major, high, and this rule counts critical or P1';
    expect(refused(await duty.request('maria', { incident: '4711' })).error.message).toBe(`you cannot have responder now: ${because}`);
    expect(refused(await duty.request('maria')).error.why).toContain(because);
  });

  it('need not be named where something else lets them in: that is what it rests on', async () => {
    const shift = rule(onCall, { name: 'responder.allow[1]', until: 'shift' });
    const duty = await onDuty([responder({ allow: [withIncident(), shift] })]);
    duty.incidents.pagerduty?.push(anIncident('4711'), anIncident('4712'));
    duty.shifts.push({ schedule: 'PDB', email: 'maria@acme.dev', start: 0, end: duty.world.now + 2 * hour });
    const { request, decision } = granted(await duty.request('maria'));
    expect(decision).toMatchObject({ heldBy: ['responder.allow[1]'], limitedBy: 'shift' });
    expect(request.incident).toBeUndefined();
    expect(decision.findings[0]).toMatchObject({ holds: false, change: 'say which: --incident 4711' });
    expect(refused(await duty.request('sam')).exit).toBe(3);
  });

  it('has to be named where they want to be in until it ends', async () => {
    const shift = rule(onCall, { name: 'responder.allow[1]' });
    const duty = await onDuty([responder({ allow: [withIncident(), shift] })]);
    duty.incidents.pagerduty?.push(anIncident('4711'), anIncident('4712'));
    duty.shifts.push({ schedule: 'PDB', email: 'maria@acme.dev', start: 0, end: null });
    expect(await thrown(duty.request('maria', { asked: { until: 'incident' } }))).toMatchObject({ code: 'which-incident' });
    const { decision } = granted(await duty.request('maria', { asked: { until: 'incident' }, incident: '4711' }));
    expect(decision.endsWith.map(({ name }) => name)).toEqual(['responder.allow[0]']);
  });

  it('is the one that needs nobody’s yes, where another is of their own making', async () => {
    const duty = await onDuty([responder({ approvers: [rule(user('sam'))] })]);
    duty.incidents.pagerduty?.push(anIncident('4711', { openedBy: 'maria@acme.dev' }), anIncident('4712'));
    expect(granted(await duty.request('maria')).request).toMatchObject({ state: 'approved', incident: '4712' });
  });
});

describe('two rosters with incidents', () => {
  const both = responder({
    allow: [withIncident(), withIncident({ roster: 'elsewhere' }, { name: 'responder.allow[1]' })],
  });

  it('may have one reference each: it is asked which', async () => {
    const duty = await onDuty([both], ['pagerduty', 'elsewhere']);
    duty.incidents.pagerduty?.push(anIncident('123'));
    duty.incidents.elsewhere?.push(anIncident('123'));
    expect(await thrown(duty.request('maria', { incident: '123' }))).toMatchObject({ why: 'pagerduty/123\nelsewhere/123' });
    duty.asked.length = 0;
    const { request, decision } = granted(await duty.request('maria', { incident: 'elsewhere/123' }));
    expect(request.incident).toBe('elsewhere/123');
    expect(decision.heldBy).toEqual(['responder.allow[1]']);
    expect(duty.asked).toEqual(['elsewhere incident 123']);
  });

  it('do not stand for one another where both were asked', async () => {
    const deny = [rule({ kind: 'all', conditions: [withIncident().condition, user('sam')] }, { name: 'responder.deny[0]' })];
    const duty = await onDuty([{ ...both, deny }], ['pagerduty', 'elsewhere']);
    duty.incidents.pagerduty?.push(anIncident('123'));
    duty.incidents.elsewhere?.push(anIncident('123'));
    const { decision } = granted(await duty.request('maria', { incident: 'elsewhere/123' }));
    expect(decision.heldBy).toEqual(['responder.allow[1]']);
    expect(duty.asked).toContain('pagerduty incidents');
  });

  it('do not stand for one another at the end', async () => {
    const duty = await onDuty([both], ['pagerduty', 'elsewhere']);
    duty.incidents.pagerduty?.push(anIncident('123', { assigned: ['sam@acme.dev'] }));
    duty.incidents.elsewhere?.push(anIncident('123'));
    expect(granted(await duty.request('maria', { incident: '123' })).request.incident).toBe('elsewhere/123');
    duty.change('123', { live: false });
    duty.incidents.pagerduty = [anIncident('123')];
    await duty.sweepAfter(5 * minute);
    expect((await duty.sweepAfter(grace)).ended).toBe(1);
  });
});

describe('an incident that speaks against somebody', () => {
  const denied = responder({ deny: [withIncident({ types: ['security'] }, { name: 'responder.deny[0]' })] });

  it('does so whichever other is named', async () => {
    const duty = await onDuty([denied]);
    duty.incidents.pagerduty?.push(anIncident('4711'), anIncident('4712', { type: 'security' }));
    expect(refused(await duty.request('maria', { incident: '4711' }))).toMatchObject({ exit: 3, decision: { outcome: 'deny' } });
    duty.change('4712', { type: 'default' });
    expect(granted(await duty.request('maria', { incident: '4711' })).result).toBe('granted');
  });

  /** So that all of theirs are looked at, whichever is named. */
  const looking = [rule({ kind: 'all', conditions: [withIncident().condition, user('sam')] }, { name: 'responder.deny[0]' })];
  const also = (): ReturnType<typeof withIncident> => {
    const { condition } = withIncident();
    const nobody: typeof condition = { kind: 'not', condition: { kind: 'all', conditions: [condition, user('sam')] } };
    return { ...withIncident(), condition: { kind: 'all', conditions: [condition, nobody] } };
  };

  it('is seen, and lets nobody in in place of the one that was named', async () => {
    const duty = await onDuty([responder({ deny: looking })]);
    duty.incidents.pagerduty?.push(anIncident('4711'), anIncident('4712', { live: false }));
    expect(refused(await duty.request('maria', { incident: '4712' })).error.message).toContain('incident 4712 is over');
    expect(duty.asked.sort()).toEqual(['pagerduty incident 4712', 'pagerduty incidents']);
    duty.incidents.pagerduty?.push(anIncident('4713'));
    expect(granted(await duty.request('maria', { incident: '4713' })).decision.incident).toMatchObject({ ref: '4713' });
  });

  it('is seen, and keeps nobody in in place of the one that it was given for', async () => {
    const duty = await onDuty([responder({ allow: [also()] })]);
    duty.incidents.pagerduty?.push(anIncident('4711'));
    granted(await duty.request('maria'));
    duty.change('4711', { live: false });
    duty.incidents.pagerduty?.push(anIncident('4712'));
    await duty.sweepAfter(5 * minute);
    expect((await duty.sweepAfter(grace)).ended).toBe(1);
  });

  it('does so behind a not as well', async () => {
    const clean = rule({
      kind: 'all',
      conditions: [withIncident().condition, { kind: 'not', condition: withIncident({ types: ['security'] }).condition }],
    });
    const duty = await onDuty([responder({ allow: [clean] })]);
    duty.incidents.pagerduty?.push(anIncident('4711'), anIncident('4712', { type: 'security' }));
    expect(refused(await duty.request('maria', { incident: '4711' })).exit).toBe(3);
  });
});

describe('an incident of one’s own making', () => {
  const made = [
    ['opened by them', { openedBy: 'maria@acme.dev' }],
    ['assigned by them', { assignedBy: 'maria@acme.dev' }],
    ['opened by nobody knows whom', { openedBy: undefined }],
    ['assigned by nobody knows whom', { assignedBy: undefined }],
  ] as const;
  const approvers = [rule(user('sam'))];
  const without = ({ openedBy, assignedBy, ...rest }: ReturnType<typeof anIncident>, over: object) =>
    JSON.parse(JSON.stringify({ ...rest, openedBy, assignedBy, ...over })) as typeof rest;

  it.each(made.flatMap(([what, over]) => (['ask', 'deny', 'allow'] as const).map((selfMade) => [what, selfMade, over] as const)))(
    '%s counts by selfMade: %s',
    async (_, selfMade, over) => {
      const duty = await onDuty([responder({ allow: [withIncident({ selfMade })], approvers })]);
      duty.incidents.pagerduty?.push(without(anIncident('4711'), over));
      const result = await duty.request('maria', { reason: 'replica lag' });
      expect(result.result).toBe({ ask: 'pending', deny: 'denied', allow: 'granted' }[selfMade]);
      expect(result.decision.incident).toEqual(selfMade === 'deny' ? undefined : { roster: 'pagerduty', ref: '4711' });
    },
  );

  it('is said to be that, or that nobody can tell', async () => {
    const duty = await onDuty([responder({ approvers })]);
    duty.incidents.pagerduty?.push(anIncident('4711', { openedBy: 'maria@acme.dev' }));
    const because = async () =>
      (await duty.as('maria').explain({ role: 'responder', asked: { byDefault: true } })).decision.findings[0]?.because;
    expect(await because()).toBe('assigned to 4711, an incident that maria@acme.dev opened or assigned to themselves');
    duty.incidents.pagerduty = [without(anIncident('4711'), { assignedBy: undefined })];
    expect(await because()).toBe('assigned to 4711, and it is not told whether maria@acme.dev opened it or assigned themselves');
  });

  it('lets in once somebody said yes, and ends with it', async () => {
    const duty = await onDuty([responder({ approvers })]);
    duty.incidents.pagerduty?.push(anIncident('4711', { openedBy: 'maria@acme.dev' }), anIncident('4712', { assigned: ['ana@acme.dev'] }));
    const { request } = granted(await duty.request('maria', { reason: 'replica lag' }));
    expect(request).toMatchObject({ state: 'pending', incident: '4711' });
    expect(granted(await duty.as('sam').approve({ id: request.id })).request).toMatchObject({ state: 'approved', incident: '4711' });
    expect((await duty.sweepAfter(5 * minute)).ended).toBe(0);
    duty.change('4711', { live: false });
    await duty.sweepAfter(5 * minute);
    expect((await duty.sweepAfter(grace)).ended).toBe(1);
  });
});

it('is the one that was found at the yes, where there was none before', async () => {
  const asking = responder({ ask: [rule(user('maria'), { name: 'responder.ask[0]' })], approvers: [rule(user('sam'))] });
  const duty = await onDuty([asking]);
  const { request } = granted(await duty.request('maria', { reason: 'replica lag' }));
  expect(request.incident).toBeUndefined();
  duty.incidents.pagerduty?.push(anIncident('4711'));
  expect(granted(await duty.as('sam').approve({ id: request.id })).request).toMatchObject({ incident: '4711' });
});

describe('access for an incident ends', () => {
  const inWith = async (ref = '4711') => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident(ref));
    const { request } = granted(await duty.request('maria'));
    return { duty, id: request.id };
  };

  it.each([
    ['it is resolved', { live: false }],
    ['they are taken off it', { assigned: ['sam@acme.dev'] }],
  ])('when %s, after its grace, although another is theirs by then', async (_, over) => {
    const { duty } = await inWith();
    expect((await duty.sweepAfter(5 * minute)).ended).toBe(0);
    duty.change('4711', over);
    duty.incidents.pagerduty?.push(anIncident('4712'));
    expect((await duty.sweepAfter(5 * minute)).ended).toBe(0);
    expect((await duty.sweepAfter(grace - 1)).ended).toBe(0);
    expect(duty.world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect((await duty.sweepAfter(1)).ended).toBe(1);
    expect(duty.world.okta.in('db')).toEqual([]);
    // Of all that the rule counts, the trail names the one.
    expect((await duty.as('boss').accesses({})).accesses).toMatchObject([
      { how: 'expired', because: 'no longer assigned to a live incident in pagerduty: 4711' },
    ]);
  });

  it('not while another rule of the decision holds', async () => {
    const shift = rule(onCall, { name: 'responder.allow[1]', until: 'shift' });
    const duty = await onDuty([responder({ allow: [withIncident(), shift] })]);
    duty.incidents.pagerduty?.push(anIncident('4711'));
    duty.shifts.push({ schedule: 'PDB', email: 'maria@acme.dev', start: 0, end: duty.world.now + 5 * hour });
    granted(await duty.request('maria'));
    duty.change('4711', { live: false });
    for (let run = 0; run < 4; run++) expect((await duty.sweepAfter(10 * minute)).ended).toBe(0);
    duty.shifts.length = 0;
    await duty.sweepAfter(5 * minute);
    expect((await duty.sweepAfter(grace)).ended).toBe(1);
  });

  it('with their hours at the latest where nobody can tell, which the sweep and status show until somebody can', async () => {
    const { duty, id } = await inWith();
    duty.down.set('pagerduty', new ProviderError('pagerduty', 'unavailable', 'PagerDuty answered 503'));
    const since = duty.world.now + 10 * minute;
    const swept = await duty.sweepAfter(10 * minute);
    expect(swept).toMatchObject({
      ended: 0,
      steps: [
        {
          action: 'recheck',
          outcome: 'later',
          because: 'PagerDuty answered 503; what ends with that stays until its own end at the latest',
        },
      ],
    });
    for (let run = 0; run < 3; run++) expect((await duty.sweepAfter(10 * minute)).ended).toBe(0);
    const shown = async () => (await duty.as('maria').status({ of: id })).requests[0]?.unknownSince;
    expect(await shown()).toBe(since);
    duty.down.clear();
    await duty.sweepAfter(10 * minute);
    expect(await shown()).toBeUndefined();
    duty.down.set('pagerduty', new ProviderError('pagerduty', 'unavailable', 'PagerDuty answered 503'));
    expect((await duty.sweepAfter(4 * hour)).ended).toBe(1);
    expect(duty.world.okta.in('db')).toEqual([]);
  });

  it('does not need to know who opened it, once it is given', async () => {
    const { duty } = await inWith();
    duty.asked.length = 0;
    await duty.sweepAfter(5 * minute);
    expect(duty.asked).toEqual(['pagerduty incident 4711']);
  });
});

describe('asking again', () => {
  it('for another incident stays with the one that it began with while another user is in by it, who would be kept in as well', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident('4711'), anIncident('4712'));
    Object.assign(duty.world.policy, { people: { 'maria@acme.dev': { okta: 'sam@acme.dev' } } });
    await duty.request('maria', { incident: '4711' });
    Object.assign(duty.world.policy, { people: {} });
    const again = granted(await duty.request('maria', { incident: '4712' }));
    expect(again.request.incident).toBe('4711');
    expect(again.notExtended).toContain('oncall release responder and ask again');
    expect(duty.world.okta.in('db')).toEqual(['maria@acme.dev', 'sam@acme.dev']);
    duty.change('4711', { live: false });
    for (let run = 0; run < 4; run++) await duty.sweepAfter(5 * minute);
    expect(duty.world.okta.in('db')).toEqual([]);
  });

  it('for another incident goes over to that one, with the end as it was where it is no later', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident('4711'));
    const first = granted(await duty.request('maria', { asked: { untilMs: duty.world.now + 4 * hour } })).request;
    duty.change('4711', { live: false });
    await duty.sweepAfter(5 * minute);
    duty.incidents.pagerduty?.push(anIncident('4712'));
    const again = granted(await duty.request('maria', { asked: { untilMs: first.expiresAt ?? 0 } }));
    expect(again).toMatchObject({ result: 'held', request: { id: first.id, incident: '4712', expiresAt: first.expiresAt } });
    expect(again.request.unheldSince).toBeUndefined();
    for (let run = 0; run < 4; run++) expect((await duty.sweepAfter(10 * minute)).ended).toBe(0);
    expect((await duty.as('boss').audit({ of: first.id })).findLast(({ type }) => type === 'request.extended')?.data).toMatchObject({
      incident: '4712',
      from: first.expiresAt,
      to: first.expiresAt,
    });
  });

  it('without naming one stays with the one it is for, while that is live', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident('4711'));
    granted(await duty.request('maria'));
    duty.incidents.pagerduty?.unshift(anIncident('4710'));
    await duty.sweepAfter(5 * minute);
    expect(granted(await duty.request('maria'))).toMatchObject({ result: 'extended', request: { incident: '4711' } });
  });

  it('says that nothing holds it any more before a sweep has noted it, and moves no end by that', async () => {
    const duty = await onDuty();
    duty.incidents.pagerduty?.push(anIncident('4712'));
    const first = granted(await duty.request('maria'));
    duty.incidents.pagerduty?.push(anIncident('4711', { openedBy: 'maria@acme.dev' }));
    const again = async (incident?: string) =>
      granted(await duty.request('maria', { ...(incident && { incident }), asked: { forMs: minute } }));
    expect((await again()).unheld).toBeUndefined();
    duty.change('4712', { live: false });
    for (const incident of [undefined, '4712']) expect(await again(incident)).toMatchObject({ result: 'held', unheld: true });
    expect((await again('4711')).unheld, 'its own was not asked about').toBeUndefined();
    const { requests } = await duty.as('maria').status({ of: first.request.id });
    expect(requests).toMatchObject([{ expiresAt: first.request.expiresAt, version: first.request.version }]);
    duty.change('4712', { live: true });
    expect((await again()).unheld).toBeUndefined();
    duty.down.set('pagerduty', new ProviderError('pagerduty', 'unavailable', 'PagerDuty answered 503'));
    expect((await again()).unheld).toBeUndefined();
  });

  it('does not bind to an incident what nothing ended early', async () => {
    const always = rule(user('maria'), { name: 'responder.allow[1]' });
    const duty = await onDuty([responder({ allow: [withIncident(), always] })]);
    granted(await duty.request('maria'));
    duty.incidents.pagerduty?.push(anIncident('4711'));
    const again = granted(await duty.request('maria', { asked: { forMs: hour } }));
    expect(again.request.decision.endsWith).toEqual([]);
    expect(again.request.incident).toBeUndefined();
  });
});

describe('what is kept as evidence', () => {
  it('is the incident with who opened and assigned it, and the shift with its bounds and level, in the request and in the audit', async () => {
    const shift = rule(onCall, { name: 'responder.allow[1]', until: 'shift' });
    const duty = await onDuty([responder({ allow: [withIncident(), shift] })]);
    const { now } = duty.world;
    duty.incidents.pagerduty?.push(anIncident('4711', { title: 'Replica lag', openedAt: now - minute }));
    duty.shifts.push({ schedule: 'PDB', email: 'maria@acme.dev', start: now - hour, end: now + 2 * hour, level: 1 });
    const { request } = granted(await duty.request('maria'));
    const findings = [
      {
        source: 'pagerduty',
        fetchedAt: now,
        evidence: [
          {
            ...{ kind: 'incident', roster: 'pagerduty', ref: '4711', title: 'Replica lag', severities: ['major'], openedAt: now - minute },
            ...{ openedBy: 'Database monitor', assignedBy: 'Database Primary' },
          },
        ],
      },
      {
        evidence: [{ kind: 'shift', roster: 'pagerduty', schedule: 'PDB', level: 1, startsAt: now - hour, endsAt: now + 2 * hour }],
      },
    ];
    expect(request.decision.findings).toMatchObject(findings);
    const events = await duty.as('boss').audit({ of: request.id });
    expect(events.find(({ type }) => type === 'request.approved')?.data).toMatchObject({ findings });
    duty.incidents.pagerduty = [];
    duty.shifts.length = 0;
    const then = await duty.as('maria').explain({ role: request.id, asked: { byDefault: true } });
    expect(then).toMatchObject({ exit: 0, decision: { findings }, decided: { id: request.id, at: now } });
  });

  it('is short, whatever people wrote in the roster', async () => {
    const duty = await onDuty();
    const long = 'x'.repeat(100_000);
    duty.incidents.pagerduty?.push(
      anIncident('4711', { title: long, openedBy: long, assignedBy: long, severities: Array(1000).fill(long) }),
    );
    const { request } = granted(await duty.request('maria'));
    expect(JSON.stringify(request.decision).length).toBeLessThan(5_000);
  });

  it('of an incident that was not chosen is none', async () => {
    const duty = await onDuty([responder({ approvers: [rule(user('sam'))] })]);
    duty.incidents.pagerduty?.push(anIncident('4711', { openedBy: 'maria@acme.dev' }), anIncident('4712'));
    expect(granted(await duty.request('maria')).request.decision.findings[0]?.evidence).toMatchObject([{ ref: '4712' }]);
  });
});
