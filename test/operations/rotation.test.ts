/** A role that follows a rotation: who is in sweep by sweep, what is told, and what happens when the roster is down or says something odd. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { outsideTopic } from '../../src/operations/rotation-now.ts';
import type { SweepResult } from '../../src/operations/types.ts';
import { type Rota, rotation, support, unavailable } from './rotation-world.ts';
import { granted, hour, minute, refused, role, rule, user } from './world.ts';

const silent = new ProviderError('okta', 'timeout', 'okta did not answer', { applied: 'no' });
const halfHour = 30 * minute;
const asked = { role: 'support', asked: { byDefault: true } } as const;

const events = (rota: Rota, ...types: readonly string[]) =>
  rota.world.ledger.read(async (q) => (await q.lastEvents(undefined)).filter(({ type }) => types.includes(type)));
const failures = ({ steps }: SweepResult): readonly string[] =>
  steps.flatMap(({ outcome, because }) => (outcome === 'failed' ? [because] : []));
const calls = ({ world }: Rota, ...verbs: readonly string[]): readonly string[] =>
  world.okta.calls
    .filter(({ verb }) => verbs.includes(verb))
    .map(({ verb, user: who = '' }) => `${verb} ${who.slice(0, who.indexOf('@'))}`);
const thrown = (promise: Promise<unknown>) => promise.then(() => undefined).catch((error: unknown) => error);

describe('a week of shifts', () => {
  it('has whoever is on call in, with the overlap at both ends, and nobody else', async () => {
    const rota = await rotation([support({}, halfHour)]);
    const names = ['maria', 'sam', 'ana'];
    for (let shift = 0; shift < 14; shift++) rota.shift(names[shift % 3] ?? '', shift * 12, (shift + 1) * 12);
    const start = rota.world.now;
    const onCall = (at: number): Set<string> =>
      new Set(
        rota.shifts.flatMap(({ email, start: from, end }) =>
          (from ?? 0) - halfHour <= at && at < (end ?? 0) + halfHour ? [email.slice(0, email.indexOf('@'))] : [],
        ),
      );
    await rota.sweep();
    for (let at = start; at < start + 14 * 12 * hour; at += 10 * minute) {
      rota.world.now = at;
      await rota.sweep();
      expect(new Set(rota.in()), new Date(at).toISOString()).toEqual(onCall(at));
    }
    await rota.until(14 * 12 + 1);
    expect(rota.in()).toEqual([]);
    expect(await rota.as('boss').status({})).toMatchObject({ requests: [], faults: [] });
  }, 60_000);

  it('lets in before it takes out, also where there is no overlap', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('sam', 8, 16);
    await rota.until(10);
    expect(calls(rota, 'add', 'remove')).toEqual(['add maria', 'add sam', 'remove maria']);
    expect(rota.in()).toEqual(['sam']);
  });

  it('leaves in without a gap whose next shift is theirs as well', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('maria', 8, 16);
    await rota.until(15.9);
    expect(calls(rota, 'add', 'remove')).toEqual(['add maria']);
    expect(await events(rota, 'request.extended')).toHaveLength(1);
  });

  it('leaves in whose shift goes on where letting the others in took so long that the answer is old', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('maria', 8, 16);
    rota.shift('sam', 8, 16);
    await rota.sweep();
    rota.world.now += 8 * hour;
    const slow = { ...rota.world.okta };
    slow.add = async (...asked) => {
      const added = await rota.world.okta.add(...asked);
      rota.world.now += 4 * minute;
      return added;
    };
    await rota.as('cron', { directory: async () => slow }).sweep({});
    expect(rota.in()).toEqual(['maria', 'sam']);
    await rota.sweep();
    expect(calls(rota, 'add', 'remove')).toEqual(['add maria', 'add sam']);
  });

  it('leaves in whose shift ends while a sweep is at it, and who has the next one', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('maria', 8, 16);
    await rota.sweep();
    rota.world.now += 8 * hour - 1;
    const { roster } = rota.deps('cron');
    const slow = async () => {
      const asked = await roster('pagerduty');
      return {
        ...asked,
        onCall: async (...question: Parameters<typeof asked.onCall>) => {
          const answer = await asked.onCall(...question);
          rota.world.now += 1000;
          return answer;
        },
      };
    };
    await rota.as('cron', { roster: slow }).sweep({});
    expect(rota.in()).toEqual(['maria']);
    await rota.sweep();
    expect(calls(rota, 'add', 'remove')).toEqual(['add maria']);
  });

  it('ends with a shift that nobody takes over, as was known', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    await rota.until(8.2);
    expect(rota.in()).toEqual([]);
    expect(await events(rota, 'rotation.refused')).toEqual([]);
  });

  it('moves the end with the shift, to and fro', async () => {
    const rota = await rotation([support({}, halfHour)]);
    const shift = rota.shift('maria', 0, 8);
    await rota.sweep();
    const end = async () => (await rota.as('boss').status({})).requests[0]?.expiresAt;
    const first = (shift.end ?? 0) + halfHour;
    expect(await end()).toBe(first);
    Object.assign(shift, { end: first + hour });
    expect(await rota.sweep()).toMatchObject({ steps: [{ action: 'rotate', change: 'moved', until: first + hour + halfHour }] });
    expect(await end()).toBe(first + hour + halfHour);
    Object.assign(shift, { end: first - hour });
    await rota.sweep();
    expect(await end()).toBe(first - halfHour);
    expect((await rota.as('boss').accesses({})).accesses).toMatchObject([{ origin: 'rotation', plannedEnd: first - halfHour }]);
    expect((await events(rota, 'request.extended', 'rotation.changed')).map(({ type }) => type)).toEqual([
      'request.extended',
      'rotation.changed',
    ]);
  });

  it('takes over an override within one run, and gives who is off one overlap', async () => {
    const rota = await rotation([support({}, halfHour)]);
    const shift = rota.shift('maria', 0, 100);
    await rota.until(5);
    Object.assign(shift, { email: 'sam@acme.dev' });
    await rota.until(5.1);
    expect(rota.in()).toEqual(['maria', 'sam']);
    await rota.until(5.7);
    expect(rota.in()).toEqual(['sam']);
  });

  it('is as long as it lasts where no shift has an end, renewed long before a week is over', async () => {
    const rota = await rotation();
    rota.shift('maria', null, null);
    await rota.sweep();
    for (let day = 0; day < 30; day++) {
      rota.world.now += 24 * hour;
      await rota.sweep();
      expect(rota.in()).toEqual(['maria']);
    }
    expect((await events(rota, 'request.extended')).length).toBeLessThan(10);
    // Nobody sweeps any more: the last end stands, a week ahead at most.
    const [request] = (await rota.as('boss').status({})).requests;
    expect((request?.expiresAt ?? 0) - rota.world.now).toBeLessThanOrEqual(7 * 24 * hour);
  });

  it('begins with the very first sweep of a ledger', async () => {
    const rota = await rotation([support()], { swept: false });
    rota.shift('maria', 0, 8);
    expect(await rota.sweep()).toMatchObject({ failed: 0 });
    expect(rota.in()).toEqual(['maria']);
  });
});

describe('while the roster is down', () => {
  it('whoever is in stays past their end for the hold-over, loudly, and then goes', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('sam', 8, 16);
    await rota.until(7.5);
    rota.down = unavailable;
    await rota.until(7.9);
    expect((await rota.sweep()).failed).toBe(1);
    await rota.until(9);
    expect(rota.in()).toEqual(['maria']);
    const told = await rota.sweep();
    expect(failures(told)).toEqual([
      expect.stringMatching(/not known: PagerDuty did not answer within 5 s; who is in stays, past their end until 2026-11-23T10:30/),
    ]);
    expect((await rota.as('boss').status({})).faults).toMatchObject([
      { code: 'rotation', message: expect.stringContaining('PagerDuty did not answer') },
    ]);
    await rota.until(31.4);
    expect(rota.in()).toEqual(['maria']);
    await rota.until(31.6);
    expect(rota.in()).toEqual([]);
    // One event, not one a run.
    expect(await events(rota, 'rotation.held-over')).toMatchObject([{ holder: 'maria@acme.dev' }]);
  });

  it('and is on call again when it answers, the others take over as if nothing had been', async () => {
    const rota = await rotation([support({}, halfHour)]);
    rota.shift('maria', 0, 8);
    rota.shift('sam', 8, 16);
    await rota.until(7);
    rota.down = unavailable;
    await rota.until(10);
    rota.down = undefined;
    await rota.until(10.1);
    expect(rota.in()).toEqual(['maria', 'sam']);
    await rota.until(10.7);
    expect(rota.in()).toEqual(['sam']);
    expect((await rota.as('boss').status({})).faults).toEqual([]);
  });

  it('a fault that lasts is loud at once, and one that passes is not', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    await rota.sweep();
    rota.down = unavailable;
    expect(await rota.sweep()).toMatchObject({ failed: 0, steps: expect.arrayContaining([expect.objectContaining({ outcome: 'later' })]) });
    rota.down = new ProviderError('PagerDuty', 'credentials', 'PagerDuty refuses the key');
    expect(failures(await rota.sweep())).toEqual([expect.stringContaining('PagerDuty refuses the key')]);
  });

  it('nobody is let in who was not in, and no roster was ever needed to end what is due elsewhere', async () => {
    const rota = await rotation([support(), role('db-admin')]);
    rota.shift('sam', 0, 8);
    rota.down = unavailable;
    granted(await rota.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    await rota.until(2);
    expect(rota.in()).toEqual([]);
    expect(rota.world.okta.in('db')).toEqual([]);
  });

  it('nobody comes or goes by an answer about another time, where the clock is off, nor by one that is old', async () => {
    const rota = await rotation();
    const shift = rota.shift('maria', 0, 8);
    await rota.sweep();
    Object.assign(shift, { email: 'sam@acme.dev' });
    const off = await rota.as('cron', { clockSkew: () => 2 * minute }).sweep({});
    expect(off.steps.map(({ because }) => because).join()).toContain('who is on its rotation is not known');
    expect(rota.in()).toEqual(['maria']);

    const asleep = async () => ({
      title: 'PagerDuty',
      onCall: async () => {
        rota.world.now += 4 * minute;
        return [shift];
      },
    });
    await rota.as('cron', { roster: asleep }).sweep({});
    expect(rota.in()).toEqual(['maria']);
    await rota.sweep();
    expect(rota.in()).toEqual(['sam']);
  });

  it('nobody’s end moves on where nobody may be let in, as the directory has not been read for long', async () => {
    const rota = await rotation();
    const { end } = rota.shift('maria', 0, 8);
    await rota.sweep();
    Object.assign(rota.shifts[0] ?? {}, { end: (end ?? 0) + hour });
    rota.world.now += 20 * minute;
    rota.world.okta.fail('findGroup', silent, 'before', 10);
    await rota.sweep();
    const expiresAt = async () => (await rota.as('boss').status({})).requests[0]?.expiresAt;
    expect(await expiresAt()).toBe(end);
    for (let run = 0; run < 10; run++) await rota.sweep();
    expect(await expiresAt()).toBe((end ?? 0) + hour);
  });

  it('somebody whose end a run did not come to for long goes like anybody else', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('sam', 8, 16);
    await rota.sweep();
    rota.down = unavailable;
    rota.world.now += 9 * hour;
    await rota.sweep();
    expect(rota.in()).toEqual([]);
  });
});

describe('nobody goes without somebody in their place', () => {
  const four = async (): Promise<Rota> => {
    const rota = await rotation([support()]);
    for (const name of ['maria', 'sam', 'ana', 'boss']) rota.shift(name, 0, 100);
    await rota.until(1);
    return rota;
  };

  it('where the schedule is suddenly empty: refused at every run, told once, until an admin accepts', async () => {
    const rota = await four();
    rota.shifts.length = 0;
    await rota.until(3);
    expect(rota.in()).toHaveLength(4);
    const told = await rota.sweep();
    expect(failures(told)).toEqual([
      expect.stringMatching(/^4 of 4 would go before their shift was to end .*nobody is on call for pagerduty\/PSUP/),
    ]);
    expect(told.steps.find(({ outcome }) => outcome === 'failed')?.next).toContain('oncall sweep --accept support');
    expect(await events(rota, 'rotation.refused')).toHaveLength(1);
    expect((await rota.as('boss').status({})).faults).toMatchObject([
      { code: 'rotation', next: expect.stringContaining('--accept support') },
    ]);

    expect(await thrown(rota.as('sam').sweep({ accept: 'support' }))).toMatchObject({ code: 'forbidden', exit: 3 });
    expect(rota.in()).toHaveLength(4);
    expect(await rota.sweep({ accept: 'support' })).toMatchObject({ failed: 0, ended: 4 });
    expect(rota.in()).toEqual([]);
    expect(await events(rota, 'rotation.accepted')).toMatchObject([
      { actor: { email: 'boss@acme.dev' }, data: { goes: expect.arrayContaining(['ana@acme.dev']) } },
    ]);
    expect((await rota.as('boss').status({})).faults).toEqual([]);
    expect(await thrown(rota.sweep({ accept: 'support' }))).toMatchObject({ code: 'nothing-refused', exit: 2 });
  });

  it('and that word is for those about whom it was said', async () => {
    const rota = await four();
    const [maria] = rota.shifts.splice(0, 4, ...rota.shifts.slice(0, 1));
    await rota.until(1.1);
    expect(rota.in()).toHaveLength(4);
    rota.shifts.splice(rota.shifts.indexOf(maria as never), 1);
    expect(failures(await rota.sweep({ accept: 'support' }))).toEqual([
      expect.stringMatching(/^not as it was when that was accepted: 4 of 4/),
    ]);
    expect(rota.in()).toHaveLength(4);
    expect(await events(rota, 'rotation.refused')).toHaveLength(2);
    await rota.sweep({ accept: 'support' });
    expect(rota.in()).toEqual([]);
  });

  it('goes on by itself once the schedule is as it was', async () => {
    const rota = await four();
    const all = rota.shifts.splice(0);
    await rota.until(2);
    rota.shifts.push(...all);
    // Then there is nothing to accept, whoever says so.
    expect(await rota.sweep({ accept: 'support' })).toMatchObject({ failed: 0 });
    expect(await events(rota, 'rotation.accepted')).toEqual([]);
    expect((await rota.as('boss').status({})).faults).toEqual([]);
  });

  it('but others may go at their own end meanwhile, and nobody stays past it for longer than the hold-over', async () => {
    const rota = await four();
    for (const shift of rota.shifts.slice(0, 2)) Object.assign(shift, { end: rota.world.now + hour });
    await rota.until(1.5);
    rota.shifts.length = 0;
    await rota.until(3);
    expect(rota.in()).toHaveLength(4);
    await rota.until(25.4);
    expect(rota.in()).toHaveLength(4);
    await rota.until(25.6);
    expect(rota.in()).toHaveLength(2);
  });

  it('and who cannot be let in is nobody’s successor', async () => {
    const rota = await four();
    for (const shift of rota.shifts) Object.assign(shift, { email: `other-${shift.email}` });
    expect(failures(await rota.sweep()).join()).toContain('4 of 4 would go');
    expect(rota.in()).toHaveLength(4);
    for (const shift of rota.shifts) rota.world.okta.addUser(shift.email);
    expect(await rota.sweep()).toMatchObject({ failed: 0, ended: 4 });
    expect(rota.in()).toHaveLength(4);
  });
});

describe('whoever is on call and must not, or cannot, be let in', () => {
  it('is told once where the policy or the directory wants it so, and the others are let in', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('sam', 0, 8);
    rota.shift('ana', 0, 8);
    Object.assign(rota.world.policy, { blocked: ['maria@acme.dev'] });
    rota.world.okta.deactivate('sam@acme.dev');
    const first = await rota.sweep();
    expect(first.steps.filter(({ action }) => action === 'kept-out')).toMatchObject([
      { holder: 'maria@acme.dev', because: expect.stringContaining('blocked by the policy') },
      { holder: 'sam@acme.dev', because: expect.stringContaining('not active') },
    ]);
    expect(rota.in()).toEqual(['ana']);
    expect((await rota.sweep()).steps.filter(({ action }) => action === 'kept-out')).toEqual([]);
    expect((await rota.as('boss').status({})).faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('maria@acme.dev'),
      expect.stringContaining('sam@acme.dev'),
    ]);
    // Through a broker anybody reads it: not what was found out about others.
    const throughBroker = { throughBroker: true as const };
    expect((await rota.as('ana', throughBroker).status({})).faults[0]?.message).toBe(
      'maria@acme.dev is on the rotation of support, and not in',
    );
    await rota.until(9);
    expect((await rota.as('boss').status({})).faults).toEqual([]);
    expect(await rota.world.ledger.read((q) => q.toldOf(outsideTopic))).toEqual([]);
  });

  it('is told at every run where somebody has to mend it', async () => {
    const rota = await rotation();
    rota.shift('nobody', 0, 8);
    rota.shift('mapped', 0, 8);
    Object.assign(rota.world.policy.people, { 'mapped@acme.dev': { pagerduty: 'other@acme.dev' } });
    for (let run = 1; run <= 2; run++)
      expect(failures(await rota.sweep())).toEqual([
        expect.stringContaining('another name there'),
        expect.stringContaining('has no user "nobody@acme.dev"'),
      ]);
  });

  const denied = support({ deny: [rule(user('maria'), { name: 'support.deny[0]' })] });

  it('goes by "deny" as a request does', async () => {
    const rota = await rotation([denied]);
    rota.shift('maria', 0, 8);
    rota.shift('sam', 0, 8);
    await rota.sweep();
    expect(rota.in()).toEqual(['sam']);
  });

  it('goes out when it is denied later, and stays where that cannot be found out', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    await rota.sweep();
    Object.assign(rota.world.policy.roles, {
      support: support({ deny: [rule({ kind: 'member', directory: 'okta', group: 'db' }, { name: 'support.deny[0]' })] }),
    });
    rota.world.okta.fail('read', silent, 'before', 1);
    await rota.sweep();
    expect(rota.in()).toEqual(['maria']);
    rota.world.okta.put('maria@acme.dev', 'db');
    await rota.sweep();
    expect(rota.in()).toEqual([]);
  });

  it('goes out when it is denied while the roster is silent, too', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('sam', 0, 8);
    await rota.sweep();
    rota.down = unavailable;
    Object.assign(rota.world.policy.roles, { support: denied });
    await rota.sweep();
    expect(rota.in()).toEqual(['sam']);
    await rota.until(9);
    expect(rota.in()).toEqual(['sam']);
  });

  it('is in as the user to whom the name leads: after a slip under "people" the right one comes with the next run, then the other goes', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    const { people } = rota.world.policy;
    Object.assign(rota.world.policy, { people: { 'maria@acme.dev': { okta: 'sam@acme.dev' } } });
    await rota.sweep();
    expect(rota.in()).toEqual(['sam']);
    Object.assign(rota.world.policy, { people });
    rota.world.okta.fail('findUser', silent);
    await rota.sweep();
    expect(rota.in(), 'nobody knows who it is').toEqual(['sam']);
    rota.world.okta.fail('add', new ProviderError('okta', 'forbidden', 'okta does not let us', { applied: 'no' }));
    expect(failures(await rota.sweep())).toEqual(['okta does not let us']);
    expect(rota.in(), 'nobody goes before the other is in').toEqual(['sam']);
    await rota.until(1);
    expect(rota.in()).toEqual(['maria']);
    expect(calls(rota, 'add', 'remove').slice(-2)).toEqual(['add maria', 'remove sam']);
    await rota.until(7.9);
    expect(rota.in()).toEqual(['maria']);
    await rota.until(9);
    expect(rota.in()).toEqual([]);
  });

  it('and the other stays while that one is only on the way in', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    const { people } = rota.world.policy;
    Object.assign(rota.world.policy, { people: { 'maria@acme.dev': { okta: 'sam@acme.dev' } } });
    await rota.sweep();
    Object.assign(rota.world.policy, { people });
    const meanwhile: (readonly string[])[] = [];
    const slow = { ...rota.world.okta };
    slow.add = async (...asked) => {
      await rota.sweep();
      meanwhile.push(rota.in());
      return rota.world.okta.add(...asked);
    };
    await rota.as('cron', { directory: async () => slow }).sweep({});
    expect([meanwhile, rota.in()]).toEqual([[['sam']], ['maria']]);
  });

  it('counts as one person however many users a slip has led to: nobody is missing when all of them are corrected at once', async () => {
    const rota = await rotation();
    const names = ['maria', 'sam', 'ana'];
    for (const name of names) rota.shift(name, 0, 8);
    const { people } = rota.world.policy;
    const slip = Object.fromEntries(names.map((name, index) => [`${name}@acme.dev`, { okta: `${names[(index + 1) % 3]}@acme.dev` }]));
    Object.assign(rota.world.policy, { people: slip });
    await rota.sweep();
    Object.assign(rota.world.policy, { people });
    await rota.until(1);
    expect(await events(rota, 'rotation.refused')).toEqual([]);
    expect(rota.ever).toEqual(rota.ever.map(() => new Set(names)));
    const held = (await rota.as('boss').status({})).grants.filter(({ state }) => state === 'active');
    expect(held.map(({ holder }) => holder).sort()).toEqual(names.map((name) => `${name}@acme.dev`).sort());
    expect(calls(rota, 'remove')).toEqual([]);
  });

  it('comes in with the next run where an add failed', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    const refusal = new ProviderError('okta', 'forbidden', 'okta does not let us', { applied: 'no' });
    rota.world.okta.fail('add', refusal);
    expect(failures(await rota.sweep())).toEqual(['okta does not let us']);
    expect(rota.in()).toEqual([]);
    await rota.sweep();
    expect(rota.in()).toEqual(['maria']);
  });

  it('comes into the other group of the role with the next run, where one failed', async () => {
    const targets = [
      { directory: 'okta', group: 'web' },
      { directory: 'okta', group: 'db' },
    ];
    const rota = await rotation([support({ targets })], { exclusive: ['web', 'db'] });
    rota.shift('maria', 0, 8);
    rota.world.okta.fail('add', new ProviderError('okta', 'forbidden', 'okta does not let us', { applied: 'no' }));
    expect((await rota.sweep()).failed).toBe(1);
    await rota.sweep();
    expect([rota.in(), rota.world.okta.in('db')]).toEqual([['maria'], ['maria@acme.dev']]);
    Object.assign(rota.world.policy.roles, { support: support() });
    await rota.sweep();
    expect([rota.in(), rota.world.okta.in('db')]).toEqual([['maria'], []]);
  });
});

describe('beside the rotation', () => {
  const open = support({ allow: [rule(user('sam'), { name: 'support.allow[0]' }), rule(user('maria'), { name: 'support.allow[1]' })] });

  it('whoever is off it may ask for the role, and who is on it as well', async () => {
    const rota = await rotation([open]);
    rota.shift('maria', 0, 1);
    await rota.sweep();
    granted(await rota.as('sam').request(asked));
    granted(await rota.as('maria').request({ role: 'support', asked: { forMs: 3 * hour } }));
    expect(rota.in()).toEqual(['maria', 'sam']);
    await rota.until(2);
    expect(rota.in()).toEqual(['maria']);
    expect((await rota.as('boss').status({})).requests).toMatchObject([{ origin: 'asked', requester: { email: 'maria@acme.dev' } }]);
    expect(refused(await (await rotation([support()])).as('sam').request(asked)).exit).toBe(3);
  });

  it.each(['release', 'revoke'] as const)('who is out by %s stays out for this shift, and comes in with the next', async (verb) => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    rota.shift('maria', 20, 28);
    await rota.sweep();
    const [request] = (await rota.as('boss').status({})).requests;
    if (verb === 'release') await rota.as('maria').release({ id: 'support' });
    else await rota.as('boss').revoke({ id: request?.id ?? '' });
    await rota.until(7.9);
    expect(rota.ever.every((names) => !names.has('maria'))).toBe(true);
    await rota.until(21);
    expect(rota.in()).toEqual(['maria']);
  });

  it('what the policy no longer follows ends, and with a policy that has faults nothing does', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    await rota.sweep();
    rota.shifts.length = 0;
    await rota.as('cron', { policyFault: 'a fault', policy: { ...rota.world.policy, roles: {} } }).sweep({});
    expect(rota.in()).toEqual(['maria']);
    const { follows: _follows, ...unfollowed } = support();
    Object.assign(rota.world.policy.roles, { support: unfollowed });
    expect(await rota.sweep()).toMatchObject({ ended: 1, failed: 0 });
    expect(rota.in()).toEqual([]);
    expect(await rota.world.ledger.read((q) => q.rotations())).toEqual([]);
  });

  it('two sweeps at once let nobody in twice', async () => {
    const rota = await rotation();
    rota.shift('maria', 0, 8);
    await Promise.all([rota.sweep(), rota.sweep(), rota.sweep()]);
    expect((await rota.as('boss').status({})).requests).toHaveLength(1);
    expect(calls(rota, 'add')).toEqual(['add maria']);
  });

  it('a slow sweep does not act on an answer that is older than the one acted on', async () => {
    const rota = await rotation();
    const shift = rota.shift('maria', 0, 8);
    await rota.sweep();
    let asks: () => void = () => undefined;
    const asking = new Promise<void>((resolve) => {
      asks = resolve;
    });
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const sleeper = rota.as('cron', {
      roster: async () => ({
        title: 'PagerDuty',
        onCall: async () => {
          asks();
          await answered;
          return [{ ...shift, email: 'maria@acme.dev' }];
        },
      }),
    });
    const slow = sleeper.sweep({});
    await asking;
    Object.assign(shift, { email: 'sam@acme.dev' });
    rota.world.now += minute;
    await rota.sweep();
    expect(rota.in()).toEqual(['sam']);
    answer();
    await slow;
    expect(rota.in()).toEqual(['sam']);
  });
});

it('doctor says who is on the rotation and could not be let in, and what of it waits for an admin', async () => {
  const rota = await rotation();
  rota.shift('maria', 0, 8);
  await rota.sweep();
  rota.shifts.length = 0;
  await rota.sweep();
  rota.shift('nobody', 0, 8);
  const told = (await rota.as('boss').doctor()).checks.flatMap(({ area, outcome, because }) =>
    outcome === 'fault' ? [`${area}: ${because}`] : [],
  );
  expect(told).toEqual([
    expect.stringMatching(/^identity: okta has no such user; on call for pagerduty\/PSUP, for support/),
    expect.stringMatching(/^grants: support: 1 of 1 would go/),
  ]);
});

describe('sweep --dry-run', () => {
  it('tells who comes, whose end moves and who goes, and changes nothing', async () => {
    const rota = await rotation([support({}, halfHour)]);
    const maria = rota.shift('maria', 0, 8);
    const sam = rota.shift('sam', 0, 8);
    await rota.sweep();
    Object.assign(maria, { email: 'ana@acme.dev' });
    Object.assign(sam, { end: (sam.end ?? 0) + hour });
    const before = JSON.stringify([await rota.as('boss').status({}), calls(rota, 'add', 'remove')]);
    const { steps } = await rota.sweep({ dryRun: true });
    expect(steps.map(({ change, holder, until = 0 }) => `${change} ${holder} ${(until - rota.world.now) / hour}`)).toEqual([
      'in ana@acme.dev 8.5',
      'moved sam@acme.dev 9.5',
      'out maria@acme.dev 0.5',
    ]);
    expect(JSON.stringify([await rota.as('boss').status({}), calls(rota, 'add', 'remove')])).toBe(before);
    rota.shifts.length = 0;
    expect((await rota.sweep({ dryRun: true })).steps).toMatchObject([
      { action: 'rotate', because: expect.stringContaining('2 of 2 would go') },
    ]);
    rota.down = unavailable;
    expect((await rota.sweep({ dryRun: true })).steps).toMatchObject([
      { action: 'rotate', because: expect.stringContaining('not known: PagerDuty') },
    ]);
  });
});

describe('explain and the rotation', () => {
  const explain = async (rota: Rota, name: string) => {
    const { rotation: found } = await rota.as(name).explain({ role: 'support', asked: { byDefault: true } });
    return found;
  };

  it('tells whoever is on call that they are let in, are in, or why not', async () => {
    const rota = await rotation();
    const { end } = rota.shift('maria', 0, 8);
    rota.shift('sam', 0, 8);
    expect(await explain(rota, 'maria')).toEqual({ onCall: true, because: 'on call for "PSUP"', until: end });
    expect(await explain(rota, 'ana')).toEqual({
      onCall: false,
      because: 'not on call for pagerduty/PSUP; maria@acme.dev, sam@acme.dev are',
    });
    await rota.sweep();
    expect(await explain(rota, 'maria')).toMatchObject({ onCall: true, held: { expiresAt: end } });
    await rota.as('maria').release({ id: 'support' });
    expect(await explain(rota, 'maria')).toMatchObject({ onCall: true, keptOut: 'given back, for this shift, until 2026-11-22T11:00:00Z' });
    await rota.as('boss').revoke({ holder: 'sam@acme.dev' });
    expect(await explain(rota, 'sam')).toMatchObject({ keptOut: expect.stringContaining('taken away by boss@acme.dev') });
    Object.assign(rota.world.policy, { blocked: ['ana@acme.dev'] });
    rota.shift('ana', 0, 8);
    expect(await explain(rota, 'ana')).toMatchObject({ onCall: true, keptOut: 'blocked by the policy' });
    rota.down = unavailable;
    expect(await explain(rota, 'maria')).toEqual({ onCall: 'unknown', because: 'PagerDuty did not answer within 5 s' });
  });
});
