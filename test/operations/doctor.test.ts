/** `doctor` on the real operations and SQL, with a directory and a roster that can be made to fail. */

import { describe, expect, it } from 'vitest';
import { OncallError, ProviderError } from '../../src/errors.ts';
import type { Deps } from '../../src/operations/deps.ts';
import { doctor } from '../../src/operations/doctor.ts';
import type { Check } from '../../src/operations/types.ts';
import type { Policy, Role } from '../../src/policy/types.ts';
import type { Shift } from '../../src/rosters/roster.ts';
import { memoryDirectory } from '../fakes/memory-directory.ts';
import { company, minute, onCall, role, rule, user, type World } from './world.ts';

const onCallRole = role('db-admin', { allow: [rule(onCall, { name: 'db-admin.allow[0]' })] });
const shiftOf = (world: World, email: string): Shift => ({
  schedule: 'Database',
  email,
  start: world.now - minute,
  end: world.now + minute,
});

/** `outcome area what`, which is what a reader looks for first. */
const lines = (checks: readonly Check[]) => checks.map(({ outcome, area, what }) => `${outcome} ${area} ${what}`);
const bad = (checks: readonly Check[]) => checks.filter(({ outcome }) => outcome !== 'ok');
const about = (checks: readonly Check[], area: Check['area']) => checks.filter((check) => check.area === area);
const withPolicy = (world: World, changes: Partial<Policy>): Partial<Deps> => ({ policy: { ...world.policy, ...changes } });

async function onDuty(options: Parameters<typeof company>[0] = {}, email = 'maria@acme.dev') {
  const world = await company({ roles: [onCallRole], ...options });
  world.shifts = [shiftOf(world, email)];
  return world;
}
const look = async (world: World, over: Partial<Deps> = {}) => (await doctor(world.deps('maria', over))).checks;

describe('doctor', () => {
  it('has a line for everything that access rests on, and nothing to say where all is well', async () => {
    const world = await onDuty();
    expect(lines(await look(world))).toEqual([
      'ok sign-in maria@acme.dev',
      'ok directory okta',
      'ok roster pagerduty',
      'ok identity people',
      'ok ledger :memory:',
      'ok clock this host',
      'ok sweep okta',
      'ok grants all',
      'ok members okta/db',
    ]);
  });

  it('only reads: nothing is added, removed or written down', async () => {
    const world = await onDuty({ members: { db: ['standing@acme.dev'] } });
    world.okta.put('sam@acme.dev', 'db');
    world.okta.calls.length = 0;
    const events = async () => world.ledger.read((q) => q.lastEvents(undefined));
    const before = await events();
    await look(world);
    expect(new Set(world.okta.calls.map(({ verb }) => verb))).toEqual(new Set(['findGroup', 'members', 'findUser']));
    expect(await events()).toEqual(before);
    expect(world.okta.in('db')).toEqual(['sam@acme.dev', 'standing@acme.dev']);
  });

  it('says that a direct run is no control', async () => {
    const world = await onDuty();
    expect(bad(await look(world, { courtesy: true }))).toMatchObject([{ area: 'policy', outcome: 'warning' }]);
  });

  it('says through a broker which policy is in force, and that its file is not where it was rejected', async () => {
    const world = await onDuty();
    const checks = async (over: Partial<Deps>) =>
      about((await doctor(world.deps('boss', { throughBroker: true, ...over }))).checks, 'policy');
    const which = `/policy.yaml, SHA-256 ${'d'.repeat(64)}`;
    expect(await checks({})).toEqual([{ area: 'policy', what: 'in force', outcome: 'ok', because: which }]);
    expect(await checks({ policyRejected: 'the policy has 2 faults' })).toEqual([
      {
        area: 'policy',
        what: "the broker's file",
        outcome: 'fault',
        because: `the broker's file is not in force (the policy has 2 faults); the policy before it is: ${which}`,
        next: expect.stringContaining('oncall policy check'),
      },
    ]);
  });

  it('calls the host by what it is to whoever asks through a broker', async () => {
    const world = await onDuty();
    const clocks = async (over: Partial<Deps>) =>
      about((await doctor(world.deps('boss', { clockSkew: () => 3_600_000, ...over }))).checks, 'clock').map(({ what, next }) => [
        what,
        next,
      ]);
    expect(await clocks({})).toEqual([['this host', 'set the clock of this host: timedatectl set-ntp true']]);
    expect(await clocks({ throughBroker: true })).toEqual([
      ["the broker's host", "set the clock of the broker's host: timedatectl set-ntp true"],
    ]);
  });

  it('sends whoever asks through a broker to its log where it has not swept, and everybody else to their cron', async () => {
    const never = await onDuty({ swept: false });
    const late = await onDuty();
    late.now += 60 * minute;
    const nexts = async (over: Partial<Deps>) =>
      Promise.all([never, late].map(async (world) => about((await doctor(world.deps('boss', over))).checks, 'sweep')[0]?.next));
    const looked = 'look at the log of the broker, or of what sweeps for it; here: oncall sweep';
    expect(await nexts({ throughBroker: true })).toEqual([looked, looked]);
    expect(await nexts({})).toEqual([expect.stringContaining('from cron every 5 minutes'), expect.stringContaining('cron line')]);
  });

  it('finds the directory that is another account than the ledger knows, before anybody asks', async () => {
    const world = await onDuty();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    const other = memoryDirectory('okta', { users: ['maria@acme.dev'], groups: { db: [], web: [] }, account: 'another' });
    await world.as('maria').release({ id: 'db-admin' });
    const told = about(await look(world, { directory: async () => other }), 'directory');
    expect(told).toContainEqual({
      area: 'directory',
      what: 'okta',
      outcome: 'fault',
      because: expect.stringContaining('okta is now account another, but this ledger knows it as okta-account'),
      next: expect.stringContaining('a name of its own'),
    });
  });

  it('warns where nobody is signed in, and looks at the rest', async () => {
    const world = await onDuty();
    const actor = async () => {
      throw new OncallError('not-signed-in', 'you are not signed in', { exit: 4, next: 'oncall login' });
    };
    expect(bad(await look(world, { actor }))).toEqual([
      { area: 'sign-in', what: 'you', outcome: 'warning', because: 'you are not signed in', next: 'oncall login' },
    ]);
  });

  it('ends at Ctrl-C instead of telling what the interrupt broke', async () => {
    const world = await onDuty();
    const stop = new AbortController();
    stop.abort();
    await expect(look(world, { signal: stop.signal })).rejects.toMatchObject({ exit: 130 });
  });

  it('tells a fault of its own as a finding', async () => {
    const world = await onDuty();
    const directory = async () => {
      throw new TypeError('x is not a function');
    };
    expect(about(await look(world, { directory }), 'directory')).toMatchObject([
      { outcome: 'fault', because: expect.stringContaining('a fault in oncall itself: x is not a function') },
    ]);
  });
});

describe('a directory', () => {
  it('that is down costs its own line, and what nobody can know without it', async () => {
    const world = await onDuty();
    const down = new ProviderError('okta', 'unavailable', 'okta could not be reached');
    const aws = memoryDirectory('aws', { users: ['maria@acme.dev'], groups: { db: [] } });
    const both = role('both', {
      targets: [
        { directory: 'okta', group: 'db' },
        { directory: 'aws', group: 'db' },
      ],
      allow: onCallRole.allow,
    });
    const source = { name: 'aws', kind: 'local', settings: {}, exclusive: [], userName: 'email' } as const;
    const checks = await look(world, {
      ...withPolicy(world, { roles: { both }, directories: { ...world.policy.directories, aws: source } }),
      directory: async (name) => {
        if (name === 'okta') throw down;
        return aws;
      },
    });
    expect(about(checks, 'directory')).toMatchObject([
      { what: 'okta', outcome: 'fault', next: 'oncall doctor again in a minute' },
      { what: 'aws', outcome: 'ok' },
    ]);
    expect(about(checks, 'identity')).toEqual([
      { area: 'identity', what: 'okta', outcome: 'skipped', because: expect.stringContaining('it has maria@acme.dev') },
    ]);
    expect(about(checks, 'roster')).toMatchObject([{ outcome: 'ok' }]);
  });

  it('that fails every call in other words is one line, with how much it stopped', async () => {
    const world = await onDuty();
    world.okta.fail('findGroup', new ProviderError('okta', 'unavailable', 'okta cannot be reached for GetGroup'));
    world.okta.fail('findUser', new ProviderError('okta', 'unavailable', 'okta cannot be reached for GetUser'));
    expect(about(await look(world), 'directory')).toMatchObject([
      { outcome: 'fault', because: 'okta cannot be reached for GetGroup (looking for the group db and 1 more)' },
    ]);
  });

  it('whose credentials lack several rights is told each', async () => {
    const world = await onDuty();
    world.okta.fail('findGroup', new ProviderError('okta', 'forbidden', 'okta refuses to show groups'));
    world.okta.fail('findUser', new ProviderError('okta', 'forbidden', 'okta refuses to show users'));
    expect(about(await look(world), 'directory')).toHaveLength(2);
  });

  it('whose credentials lack a right is told which', async () => {
    const world = await onDuty();
    world.okta.fail('members', new ProviderError('okta', 'forbidden', 'okta refuses to list members'));
    expect(bad(await look(world))).toEqual([
      {
        ...{ area: 'directory', what: 'okta', outcome: 'fault' },
        because: 'okta refuses to list members (reading the members of db)',
        next: 'give the credentials of okta the right to do that',
      },
    ]);
  });

  it('without a group that the policy names is a fault, be it a target or asked for by a condition', async () => {
    const world = await onDuty();
    const member = { kind: 'member', directory: 'okta', group: 'engineers' } as const;
    const roles = { db: role('db', { targets: [{ directory: 'okta', group: 'gone' }], ask: [rule(member)] }) };
    const checks = await look(world, withPolicy(world, { roles }));
    expect(lines(bad(about(checks, 'directory')))).toEqual(['fault directory okta/gone', 'fault directory okta/engineers']);
  });

  it('into one group of which two roles lead by its name and by its id is a fault where one of them counts places', async () => {
    const world = await onDuty();
    const leading = (name: string, group: string, over: Partial<Role> = {}) =>
      role(name, { targets: [{ directory: 'okta', group }], ...over });
    const checks = async (...roles: readonly Role[]) =>
      bad(about(await look(world, withPolicy(world, { roles: Object.fromEntries(roles.map((one) => [one.name, one])) })), 'directory'));
    const found = await checks(leading('db', 'db', { maxHolders: 1 }), leading('db-too', 'g-db'), leading('web', 'web'));
    expect(lines(found)).toEqual(['fault directory okta/db']);
    expect(found[0]?.because).toMatch(/^shared-places: db, db-too lead into this one group \(g-db\)/);
    expect(await checks(leading('db', 'db'), leading('db-too', 'g-db'))).toEqual([]);
    expect(await checks(leading('db', 'db', { maxHolders: 1 }), leading('web', 'web'))).toEqual([]);
    const twice = ['db', 'g-db'].map((group) => ({ directory: 'okta', group }));
    expect(await checks(leading('db', 'db', { maxHolders: 1, targets: twice }))).toEqual([]);
  });

  it('is not asked for the members of a group that only a condition names', async () => {
    const world = await onDuty();
    const roles = { db: role('db', { ask: [rule({ kind: 'member', directory: 'okta', group: 'web' })] }) };
    world.okta.calls.length = 0;
    await look(world, withPolicy(world, { roles }));
    expect(world.okta.calls.filter(({ verb }) => verb === 'members')).toEqual([{ verb: 'members', group: 'db' }]);
  });

  it('that does not answer is given up at the deadline, whether or not it listens', async () => {
    const world = await onDuty();
    const deadline = new AbortController();
    const deaf = { ...world.okta, findGroup: () => new Promise<never>(() => setImmediate(() => deadline.abort())) };
    const { checks } = await doctor(world.deps('maria', { directory: async () => deaf }), deadline.signal);
    expect(about(checks, 'directory')).toMatchObject([{ outcome: 'fault', because: 'no answer came in time' }]);
    expect(about(checks, 'sweep')).toMatchObject([{ outcome: 'ok' }]);
  });

  it('says for a role with onEnd that ending sessions was not tried, and what it needs', async () => {
    const world = await onDuty({ roles: [{ ...onCallRole, endsSessionsIn: ['okta'] }] });
    const knowing = { ...world.okta, endSessionsNeeds: 'a right' };
    expect(bad(await look(world, { directory: async () => knowing }))).toEqual([
      {
        ...{ area: 'directory', what: 'okta', outcome: 'skipped' },
        because: 'ending sessions was not tried; onEnd of db-admin wants it, and it needs a right',
      },
    ]);
  });

  it('that the policy no longer has, but access stands on, is told', async () => {
    const world = await onDuty();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    const checks = await look(world, {
      ...withPolicy(world, { directories: {}, roles: {} }),
      directory: async (name) => {
        throw new OncallError('no-directory', `the policy has no directory "${name}"`, { exit: 2, next: 'put the directory back' });
      },
    });
    expect(about(checks, 'directory')).toMatchObject([{ what: 'okta', outcome: 'fault', next: 'put the directory back' }]);
  });
});

describe('a roster', () => {
  it('that does not answer is a fault, and its people are not looked for', async () => {
    const world = await onDuty();
    world.shifts = new ProviderError('PagerDuty', 'credentials', 'PagerDuty does not accept the token');
    const checks = await look(world);
    expect(bad(checks)).toMatchObject([
      { area: 'roster', what: 'pagerduty', outcome: 'fault', next: 'check the credentials that the policy names for pagerduty' },
      { area: 'identity', outcome: 'skipped' },
    ]);
  });

  it('with nobody on a schedule is a warning', async () => {
    const world = await onDuty();
    world.shifts = [];
    expect(about(await look(world), 'roster')).toMatchObject([
      { outcome: 'ok' },
      { outcome: 'warning', because: 'nobody is on call for pagerduty/PDB now' },
    ]);
  });

  it('that no rule asks is asked all the same', async () => {
    const world = await company();
    world.shifts = new ProviderError('PagerDuty', 'timeout', 'PagerDuty did not answer within 5 s');
    expect(about(await look(world), 'roster')).toMatchObject([{ outcome: 'fault' }]);
  });

  it('is asked for incidents where a rule counts them', async () => {
    const world = await company();
    const incident = {
      kind: 'incident',
      roster: 'pagerduty',
      services: [],
      severities: [],
      types: [],
      anyIncident: true,
      selfMade: 'ask',
    } as const;
    const roster = async () => ({
      ...{ title: 'PagerDuty', onCall: async () => [] },
      incidents: async () => {
        throw new ProviderError('PagerDuty', 'forbidden', 'PagerDuty refuses to list incidents');
      },
    });
    const checks = await look(world, { ...withPolicy(world, { roles: { db: role('db', { allow: [rule(incident)] }) } }), roster });
    expect(about(checks, 'roster')).toMatchObject([{ outcome: 'fault', because: expect.stringContaining('listing the live incidents') }]);
  });
});

describe('people who will be on call', () => {
  const ahead = async (shifts: readonly Shift[], over: object = {}) => {
    const world = await onDuty();
    const roster = async () => ({
      title: 'PagerDuty',
      onCall: async () => [shiftOf(world, 'maria@acme.dev')],
      shifts: async (_: object, { from, to }: { readonly from: number; readonly to: number }) =>
        shifts.filter(({ start, end }) => (start ?? 0) < to && from < (end ?? Number.POSITIVE_INFINITY)),
      ...over,
    });
    return look(world, { roster });
  };
  const day = 24 * 60 * minute;
  const from = Date.parse('2026-11-22T03:00:00Z');
  const later = (email: string, days: number): Shift => ({
    schedule: 'Database',
    email,
    start: from + days * day,
    end: from + (days + 1) * day,
  });

  it('in the next two weeks and are not in a directory of their role are a fault, with the day, once each', async () => {
    const checks = await ahead([
      later('ghost@acme.dev', 3),
      later('ghost@acme.dev', 2),
      later('ghost@acme.dev', 5),
      later('sam@acme.dev', 4),
      later('far@acme.dev', 15),
    ]);
    expect(bad(checks)).toEqual([
      {
        ...{ area: 'identity', what: 'ghost@acme.dev', outcome: 'fault' },
        because: 'okta has no such user; on call for pagerduty/PDB from 2026-11-24T03:00:00Z on, for db-admin',
        next: expect.stringContaining('under people:'),
      },
    ]);
  });

  it('are looked up the soonest first, where there are too many', async () => {
    const many = Array.from({ length: 13 * 20 }, (_, index) => later(`p${index}@acme.dev`, 13 - index / 20));
    const told = about(await ahead(many), 'identity');
    expect(told.at(-1)).toMatchObject({ because: 'only the first 200 of 261 lookups were made' });
    expect(told.map(({ what }) => what)).toContain('p259@acme.dev');
    expect(told.map(({ what }) => what)).not.toContain('p0@acme.dev');
  });

  it('cannot be told by every roster, which is said, and one that fails to is a fault', async () => {
    for (const unable of [undefined, async () => undefined])
      expect(bad(await ahead([], { shifts: unable }))).toMatchObject([
        { area: 'roster', outcome: 'skipped', because: expect.stringContaining('does not tell who will be on call') },
      ]);
    const shifts = () => Promise.reject(new ProviderError('PagerDuty', 'forbidden', 'PagerDuty refuses to look ahead'));
    expect(bad(await ahead([], { shifts }))).toMatchObject([
      {
        ...{ area: 'roster', outcome: 'fault' },
        because: 'PagerDuty refuses to look ahead (who will be on call for pagerduty/PDB in the next 14 days)',
      },
    ]);
  });
});

describe('people', () => {
  it('on call who are not in a directory of their role are a fault', async () => {
    const world = await onDuty({}, 'stranger@acme.dev');
    expect(bad(await look(world))).toEqual([
      {
        ...{ area: 'identity', what: 'stranger@acme.dev', outcome: 'fault' },
        because: 'okta has no such user; on call for pagerduty/PDB, for db-admin',
        next: expect.stringContaining('under people:'),
      },
    ]);
  });

  it('on call are looked for under the names that people: gives them, both ways', async () => {
    const world = await onDuty({}, 'm.silva@pager.example');
    const known = { people: { 'maria@acme.dev': { pagerduty: 'M.Silva@pager.example' } } };
    expect(bad(await look(world, withPolicy(world, known)))).toEqual([]);
    const moved = { people: { 'maria@acme.dev': { pagerduty: 'm.silva@pager.example', okta: 'maria.silva' } } };
    expect(bad(await look(world, withPolicy(world, moved)))).toMatchObject([
      { what: 'maria@acme.dev (maria.silva)', outcome: 'fault', because: expect.stringContaining('for db-admin') },
    ]);
  });

  it('on call under an address that people: says is not theirs there count for nobody', async () => {
    const world = await onDuty();
    const people = { 'maria@acme.dev': { pagerduty: 'm.silva@pager.example' } };
    expect(bad(about(await look(world, withPolicy(world, { people })), 'identity'))).toMatchObject([
      { what: 'maria@acme.dev', outcome: 'fault', because: expect.stringContaining('no rule counts this shift') },
    ]);
  });

  it('who are no longer active are told as such', async () => {
    const world = await onDuty();
    const left = { ...world.okta, findUser: async () => ({ userId: 'u1', userName: 'maria@acme.dev', active: false }) };
    expect(bad(about(await look(world, { directory: async () => left }), 'identity'))).toMatchObject([
      { outcome: 'fault', because: expect.stringContaining('not active in okta') },
    ]);
  });

  it('whom a directory has twice are a fault', async () => {
    const world = await onDuty();
    const twice = { ...world.okta, findUser: () => Promise.reject(new ProviderError('okta', 'ambiguous', 'okta has 2 users maria')) };
    expect(about(await look(world, { directory: async () => twice }), 'identity')).toMatchObject([
      { outcome: 'fault', because: expect.stringContaining('okta has 2 users maria') },
    ]);
  });

  it('named under people: and unknown there are a fault where the name is written out, else a warning', async () => {
    const world = await onDuty();
    const people = { 'gone@acme.dev': { pagerduty: 'gone' }, 'sam@acme.dev': { okta: 'sam.typo' } };
    expect(lines(bad(await look(world, withPolicy(world, { people }))))).toEqual([
      'warning identity gone@acme.dev',
      'fault identity sam@acme.dev (sam.typo)',
    ]);
  });

  it('are looked up 200 at most, and the rest is said', async () => {
    const world = await onDuty();
    const people = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`p${index}@acme.dev`, { pagerduty: `p${index}` }]));
    const checks = await look(world, withPolicy(world, { people }));
    expect(about(checks, 'identity').at(-1)).toMatchObject({ outcome: 'skipped', because: 'only the first 200 of 251 lookups were made' });
    expect(world.okta.calls.filter(({ verb }) => verb === 'findUser')).toHaveLength(200);
  });
});

describe('what the ledger remembers', () => {
  it('a sweep that never ran is a fault, and so is one that is late', async () => {
    const never = await onDuty({ swept: false });
    expect(bad(about(await look(never), 'sweep'))).toMatchObject([{ what: 'okta', outcome: 'fault' }]);
    const late = await onDuty();
    late.now += 16 * minute;
    expect(about(await look(late), 'sweep')).toMatchObject([
      { what: 'okta', outcome: 'fault', because: 'it last did its work there 16 min ago; after 15 min nobody is let in' },
    ]);
  });

  it('a ledger that is not there is not made by looking', async () => {
    const world = await onDuty();
    let opened = false;
    const ledger = async () => {
      opened = true;
      return world.ledger;
    };
    const checks = await look(world, { ledger, ledgerExists: () => false });
    expect(opened).toBe(false);
    expect(lines(bad(checks))).toEqual(['warning ledger :memory:', 'fault sweep every directory']);
    expect(about(checks, 'directory')).toMatchObject([{ outcome: 'ok' }]);
  });

  it('a ledger that cannot be opened costs what only it knows', async () => {
    const world = await onDuty();
    const ledger = async () => {
      throw new OncallError('ledger-corrupt', 'the ledger is not sound', { why: 'NOTADB', next: 'put back a backup' });
    };
    const checks = await look(world, { ledger });
    expect(about(checks, 'ledger')).toMatchObject([
      { outcome: 'fault', because: 'the ledger is not sound: NOTADB', next: 'put back a backup' },
    ]);
    expect(lines(bad(checks)).slice(1)).toEqual(['skipped sweep every directory', 'skipped grants all', 'skipped members all']);
    expect(about(checks, 'directory')).toMatchObject([{ outcome: 'ok' }]);
  });

  it('a grant past its end, and one that is stuck', async () => {
    const world = await onDuty();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'okta is down'), 'before', 100);
    for (let hours = 0; hours < 12; hours += 1) await world.sweepAfter(3 * 60 * minute);
    const told = about(await look(world), 'grants');
    expect(told.map(({ what, outcome }) => `${outcome} ${what}`)).toEqual(['fault past its end', 'fault stuck']);
    expect(told[1]?.because).toContain('maria@acme.dev in okta/db');
  });

  it('a grant that does not end until somebody changes something, at the first try', async () => {
    const world = await onDuty();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    const next = 'grant the app the scope okta.groups.manage';
    world.okta.fail('remove', new ProviderError('okta', 'forbidden', 'okta does not let these credentials change groups', { next }));
    await world.sweepAfter(60 * minute);
    expect(about(await look(world), 'grants')).toEqual([
      {
        ...{ area: 'grants', what: 'not ended', outcome: 'fault', next },
        because: expect.stringMatching(/^still in: maria@acme.dev in okta\/db \(\w{6}\): okta does not let/),
      },
    ]);
  });

  it('a clock that is off', async () => {
    const world = await onDuty();
    expect(about(await look(world, { clockSkew: () => 61_000 }), 'clock')).toMatchObject([{ outcome: 'fault' }]);
    expect(about(await look(world, { clockSkew: () => 11_000 }), 'clock')).toMatchObject([{ outcome: 'warning' }]);
    expect(about(await look(world, { clockSkew: () => undefined }), 'clock')).toMatchObject([
      { outcome: 'skipped', because: 'no provider told the time to compare it with' },
    ]);
    world.now -= 2 * minute;
    expect(about(await look(world, { clockSkew: () => undefined }), 'clock')).toMatchObject([
      { outcome: 'fault', because: expect.stringContaining('behind what the ledger has seen') },
    ]);
  });
});

describe('members whom no grant explains', () => {
  it('were there before: nothing to do', async () => {
    const world = await onDuty({ members: { db: ['standing@acme.dev'] } });
    expect(about(await look(world), 'members')).toMatchObject([
      { outcome: 'ok', because: expect.stringContaining('1 of them from before') },
    ]);
  });

  it('came in since are drift, whether a sweep has seen them yet or not', async () => {
    const world = await onDuty();
    world.okta.put('sam@acme.dev', 'db');
    const unseen = about(await look(world), 'members');
    expect(unseen).toMatchObject([{ outcome: 'warning', because: 'came in without oncall: sam@acme.dev' }]);
    await world.sweepAfter(16 * minute);
    expect(about(await look(world), 'members')).toEqual(unseen);
  });

  it('and have left since the last sweep are not told any more', async () => {
    const world = await onDuty();
    world.okta.put('sam@acme.dev', 'db');
    await world.sweepAfter(16 * minute);
    world.okta.take('sam@acme.dev', 'db');
    expect(about(await look(world), 'members')).toMatchObject([{ outcome: 'ok', because: '0 members' }]);
  });

  it('are none while a grant stands for them', async () => {
    const world = await onDuty();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    expect(about(await look(world), 'members')).toMatchObject([{ outcome: 'ok', because: '1 member' }]);
  });

  it('keep an exclusive group closed until they are out', async () => {
    const world = await onDuty({ exclusive: ['db'], members: { db: ['standing@acme.dev'] } });
    expect(about(await look(world), 'members')).toMatchObject([
      { outcome: 'fault', because: 'exclusive, but no grant explains standing@acme.dev, so nobody is let in' },
    ]);
  });

  it('are taken out by the next sweep where the group is known to be ours alone', async () => {
    const world = await onDuty({ exclusive: ['db'] });
    world.okta.put('sam@acme.dev', 'db');
    expect(about(await look(world), 'members')).toMatchObject([
      { outcome: 'warning', because: expect.stringContaining('the next sweep takes out sam@acme.dev') },
    ]);
  });
});

describe('a policy with faults', () => {
  it('leaves the ledger, the sources and the groups that access stands on to be looked at', async () => {
    const world = await onDuty();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    world.okta.calls.length = 0;
    const salvaged = { ...withPolicy(world, { roles: {}, admins: [], identity: [] }), policyFault: 'the policy has a fault' };
    const checks = await look(world, salvaged);
    expect(lines(bad(checks))).toEqual(['skipped sign-in you', 'skipped identity people']);
    expect(world.okta.calls).toContainEqual({ verb: 'members', group: 'db' });
    expect(about(checks, 'roster')).toMatchObject([{ outcome: 'ok' }]);
  });
});

it('asks each person once, however many roles and schedules name them', async () => {
  const world = await onDuty({ roles: [onCallRole, role('second', { allow: onCallRole.allow, ask: [rule(user('sam'))] })] });
  world.okta.calls.length = 0;
  await look(world);
  expect(world.okta.calls.filter(({ verb }) => verb === 'findUser')).toEqual([{ verb: 'findUser', user: 'maria@acme.dev' }]);
});
