/** Standing access through the whole tool: who is in already is taken over, who is named gets in, the review is due, and whoever is taken off the list is out. */

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { main } from '../../src/cli.ts';
import type { Prompts } from '../../src/terminal/prompt.ts';
import { parseCsv } from '../fakes/csv.ts';
import { fakeIo } from '../fakes/io.ts';
import { noPostgres } from '../fakes/postgres.ts';
import { type Door, doors, type Stage, stage } from './stage.ts';
import { brokers, openStage } from './through-broker.ts';

const day = 86_400_000;
const dayAfter = (days: number): string => new Date(Date.now() + days * day).toISOString().slice(0, 10);

const policy = (standing: string, review: string): string => `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: boss@acme.dev } ]
directories:
  local: { path: ./groups.json, exclusive: [Prod Read] }
roles:
  prod-read:
    targets: { local: Prod Read }
    ttl: { default: 1h, max: 2h }
    standing: ${standing}
    review: ${review}
    allow: [ { user: [maria@acme.dev, sam@acme.dev] } ]
`;
const both = '{ cto@acme.dev: owns the platform, maria@acme.dev: always on call }';
const people = ['boss', 'cto', 'maria', 'sam', 'old'].map((name) => `${name}@acme.dev`);

describe.each(doors)('standing access, through %s', (door) => {
  let company: Stage;
  beforeAll(() => {
    company = stage(door, {
      'oncall.yaml': policy(both, dayAfter(10)),
      'groups.json': JSON.stringify({ users: people, groups: { 'Prod Read': ['cto@acme.dev', 'old@acme.dev'] } }),
    });
  });
  afterAll(() => company.remove());
  const members = (): readonly string[] => JSON.parse(company.read('groups.json')).groups['Prod Read'];

  it('is let into no group in which somebody is unexplained, and the way out is named', async () => {
    const swept = await company.run('boss', 'sweep');
    expect(swept.exit).toBe(1);
    expect(swept.err).toContain('local/Prod Read is exclusive, but 2 of its members did not come through oncall');
    expect(members()).toEqual(['cto@acme.dev', 'old@acme.dev']);
    const asked = await company.run('sam', 'request', 'prod-read');
    expect([asked.exit, asked.err]).toEqual([1, expect.stringContaining("oncall adopt 'local/Prod Read'")]);
    const { out, exit } = await company.run('boss', 'status', '--check');
    expect([exit, out]).toEqual([1, expect.stringContaining("oncall adopt 'local/Prod Read'")]);
  });

  it('takes over nobody by who is no admin, in no other group, and not without a word', async () => {
    const adopt = (user: string, ...args: readonly string[]) => company.run(user, 'adopt', ...args);
    expect((await adopt('sam', 'local/Prod Read', '--for', '30d', '--yes')).exit).toBe(3);
    const wrong = await adopt('boss', 'local/Prod Write', '--for', '30d', '--yes');
    expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining('no role of the policy gives local/Prod Write')]);
    expect((await adopt('boss', 'Prod Read', '--yes')).exit).toBe(2);
    const unasked = await adopt('boss', 'local/Prod Read', '--for', '30d');
    expect([unasked.exit, unasked.err]).toEqual([2, expect.stringContaining('--yes')]);
    expect((await adopt('boss', 'local/Prod Read', '--only', 'nobody@acme.dev', '--yes')).exit).toBe(2);
    const dry = await adopt('boss', 'local/Prod Read', '--dry-run');
    expect([dry.exit, dry.out]).toEqual([
      0,
      expect.stringMatching(/cto@acme\.dev.*standing, as the policy says[\s\S]*old@acme\.dev.*stays as it is/),
    ]);
    expect((await company.json('boss', 'status')).document.requests).toEqual([]);
  });

  it('takes over who was in: as standing whom the policy names, the others with an end', async () => {
    const named = await company.run('boss', 'adopt', 'local/Prod Read', '--yes', '--reason', 'roll-out');
    expect([named.exit, named.out]).toEqual([0, expect.stringMatching(/prod-read of cto@acme\.dev: standing[\s\S]*left {4}old@acme\.dev/)]);
    const { exit, document } = await company.json('boss', 'adopt', 'local/Prod Read', '--for', '30d', '--yes');
    expect([exit, document.result]).toEqual([0, 'adopted']);
    expect(members()).toEqual(['cto@acme.dev', 'old@acme.dev']);
    const swept = await company.run('boss', 'sweep');
    expect([swept.exit, swept.out]).toEqual([0, expect.stringContaining('let in')]);
    expect(members()).toEqual(['cto@acme.dev', 'old@acme.dev', 'maria@acme.dev']);
  });

  it('is shown with the day of its review, which is near', async () => {
    const { out } = await company.run('boss', 'status');
    expect(out).toMatch(new RegExp(`prod-read +cto@acme\\.dev .*standing .*review ${dayAfter(10)}`));
    expect(out).toContain(`prod-read: its standing access is to be reviewed by ${dayAfter(10)}`);
    expect((await company.run('boss', 'status', '--check')).exit).toBe(0);
    await company.pass(6 * day);
    await company.run('boss', 'sweep');
    await company.pass(6 * day);
    const swept = await company.run('boss', 'sweep');
    expect(swept.out).toContain(`its standing access was to be reviewed by ${dayAfter(10)}, and goes on unreviewed`);
    const late = await company.run('boss', 'status', '--check');
    expect([late.exit, late.out]).toEqual([1, expect.stringContaining('move "review" in the policy')]);
    expect(members()).toEqual(['cto@acme.dev', 'old@acme.dev', 'maria@acme.dev']);
  });

  it('is over with the next sweep for whoever is taken off the list, and one command gets it back', async () => {
    company.write('oncall.yaml', policy('{ cto@acme.dev: owns the platform }', dayAfter(100)));
    const planned = await company.run('boss', 'sweep', '--dry-run');
    expect(planned.out).toContain('no longer named under prod-read.standing');
    const swept = await company.run('boss', 'sweep');
    expect([swept.exit, swept.out]).toEqual([0, expect.stringContaining('no longer named under prod-read.standing')]);
    expect(members()).toEqual(['cto@acme.dev', 'old@acme.dev']);
    expect((await company.run('boss', 'status', '--check')).exit).toBe(0);
    expect((await company.run('maria', 'request', 'prod-read')).exit).toBe(0);
    expect(members()).toContain('maria@acme.dev');
    expect((await company.run('maria', 'release', 'prod-read')).exit).toBe(0);
  });

  it('ends for who was taken over with an end at that end', async () => {
    for (let passed = 0; passed < 20; passed += 4) {
      await company.pass(4 * day);
      await company.run('boss', 'sweep');
    }
    expect(members()).toEqual(['cto@acme.dev']);
  });

  it('is what an auditor samples', async () => {
    const { out, exit } = await company.run('boss', 'audit', 'list', '--csv', '--role', 'prod-read');
    const [titles = [], ...rows] = parseCsv(out);
    const of = (title: string) => rows.map((row) => row[titles.indexOf(title)]);
    expect(exit).toBe(0);
    expect(of('who')).toEqual(['cto@acme.dev', 'old@acme.dev', 'maria@acme.dev', 'maria@acme.dev']);
    expect(of('origin')).toEqual(['standing', 'adopted', 'standing', 'asked']);
    expect(of('approvers')).toEqual(['boss@acme.dev', 'boss@acme.dev', '', '']);
    expect(of('how_ended')).toEqual(['', 'expired', 'revoked', 'released']);
    expect(of('reason')).toEqual(['owns the platform', 'taken over by boss@acme.dev', 'always on call', '']);
    expect((await company.run('boss', 'audit', 'verify')).exit).toBe(0);
  });
});

const through = brokers();
beforeAll(() => through.start(), 120_000);
afterAll(() => through.stop());

describe.each<Door>(['a broker on SQLite', 'a broker on PostgreSQL'])('the same through %s', (door) => {
  it.skipIf(door.includes('PostgreSQL') && noPostgres !== undefined)(
    'is taken over, let in, shown and sampled as it is without one',
    async () => {
      const groups = JSON.stringify({ users: people, groups: { 'Prod Read': ['cto@acme.dev', 'old@acme.dev'] } });
      const company = await openStage(door, { 'oncall.yaml': policy(both, dayAfter(10)), 'groups.json': groups }, { through });
      onTestFinished(() => company.remove());
      const members = (): readonly string[] => JSON.parse(company.read('groups.json')).groups['Prod Read'];
      expect((await company.run('boss', 'sweep')).exit).toBe(1);
      expect((await company.run('sam', 'adopt', 'local/Prod Read', '--for', '30d', '--yes')).exit).toBe(3);
      const dry = await company.run('boss', 'adopt', 'local/Prod Read', '--dry-run');
      expect(dry.out).toMatch(/cto@acme\.dev.*standing, as the policy says[\s\S]*old@acme\.dev.*stays as it is/);
      const { exit, document } = await company.json('boss', 'adopt', 'local/Prod Read', '--for', '30d', '--yes');
      expect([exit, document.result]).toEqual([0, 'adopted']);
      expect((await company.run('boss', 'sweep')).exit).toBe(0);
      expect(members()).toEqual(['cto@acme.dev', 'old@acme.dev', 'maria@acme.dev']);
      expect((await company.run('sam', 'status')).out).toMatch(/prod-read +cto@acme\.dev .*standing .*review /);
      const { out } = await company.run('boss', 'audit', 'list', '--csv');
      expect(parseCsv(out).map((row) => [row[1], row[5]])).toEqual([
        ['who', 'origin'],
        ['cto@acme.dev', 'standing'],
        ['old@acme.dev', 'adopted'],
        ['maria@acme.dev', 'standing'],
      ]);
      expect(parseCsv((await company.run('sam', 'audit', 'list', '--csv')).out)).toHaveLength(1);
      await company.run('boss', 'revoke', '--role', 'prod-read', '--yes');
      expect(members()).toEqual([]);
      expect((await company.run('boss', 'sweep')).exit).toBe(0);
      expect(members()).toEqual([]);
    },
    120_000,
  );
});

describe('adopt, at a terminal', () => {
  const files = (...all: readonly string[]) => ({
    'oncall.yaml': policy('{ cto@acme.dev: owns the platform }', dayAfter(100)),
    'groups.json': JSON.stringify({ users: people, groups: { 'Prod Read': all } }),
  });

  it('shows the plan and asks, and makes nobody ours who has gone or come between that and the yes', async () => {
    const company = stage('main()', files('cto@acme.dev', 'old@acme.dev', 'sam@acme.dev'));
    onTestFinished(() => company.remove());
    await company.run('boss', 'sweep');
    const asked: string[] = [];
    const confirm = async (question: string): Promise<boolean> => {
      asked.push(question);
      company.write('groups.json', files('cto@acme.dev', 'sam@acme.dev', 'maria@acme.dev')['groups.json']);
      return true;
    };
    const io = fakeIo({ tty: true, prompts: { confirm } as unknown as Prompts });
    const argv = ['adopt', 'local/Prod Read', '--only', 'old@acme.dev', 'cto@acme.dev', '--for', '30d'];
    expect(await main(argv, company.env('boss'), { ...io, now: company.now, cwd: company.folder })).toBe(0);
    expect(asked).toEqual(['Take over 2 members of local/Prod Read as prod-read, to be removed at their end?']);
    expect(io.err()).toMatch(/sam@acme\.dev@local\/Prod Read +stays as it is: not among those of --only/);
    expect(io.out()).toMatch(/prod-read of cto@acme\.dev: standing/);
    expect(io.out()).toMatch(/left {4}maria@acme\.dev: was not among those who were confirmed/);
    expect(io.out()).toMatch(/gone {4}old@acme\.dev@local\/Prod Read: no longer in the group/);
    const { document } = await company.json('boss', 'status');
    expect((document.requests as { requester: { email: string } }[]).map(({ requester }) => requester.email)).toEqual(['cto@acme.dev']);
    await company.pass(6 * day);
    await company.run('boss', 'sweep');
    expect(JSON.parse(company.read('groups.json')).groups['Prod Read']).toEqual(['cto@acme.dev', 'sam@acme.dev', 'maria@acme.dev']);
  });

  it('does nothing where the answer is no', async () => {
    const company = stage('main()', files('cto@acme.dev', 'old@acme.dev'));
    onTestFinished(() => company.remove());
    await company.run('boss', 'sweep');
    const io = fakeIo({ tty: true, prompts: { confirm: async () => false } as unknown as Prompts });
    const argv = ['adopt', 'local/Prod Read', '--for', '30d'];
    expect(await main(argv, company.env('boss'), { ...io, now: company.now, cwd: company.folder })).toBe(1);
    expect(io.out()).toBe('nothing was changed\n');
    expect((await company.json('boss', 'status')).document.requests).toEqual([]);
  });
});
