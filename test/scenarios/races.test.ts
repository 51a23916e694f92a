/** Many real processes at once on one ledger. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stage, stage } from './stage.ts';

const many = Array.from({ length: 40 }, (_, index) => `p${index}@acme.dev`);

const policy = `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json, exclusive: [migrators] }
roles:
  migration:
    targets: { local: migrators }
    maxHolders: 1
    allow: [ { member: local/everybody } ]
  viewer:
    targets: { local: viewers }
    allow: [ { member: local/everybody } ]
`;

describe('forty processes at once', () => {
  let s: Stage;
  beforeAll(async () => {
    s = stage('the built bundle', {
      'oncall.yaml': policy,
      'groups.json': JSON.stringify({ users: many, groups: { migrators: [], viewers: [], everybody: many } }),
    });
    expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
  });
  afterAll(() => s.remove());
  const groups = (): Record<string, string[]> => JSON.parse(s.read('groups.json')).groups;

  it('asking for one place: one is in, the others are told who holds it', async () => {
    const runs = await Promise.all(many.map((user) => s.run(user, 'request', 'migration')));
    const winners = runs.flatMap((run, index) => (run.exit === 0 ? [many[index]] : []));
    expect(winners.length, runs.map((run) => run.err).join('')).toBe(1);
    expect(groups().migrators).toEqual(winners);
    const others = runs.filter((run) => run.exit !== 0);
    expect(others.map((run) => run.exit)).toEqual(Array.from({ length: 39 }, () => 8));
    for (const run of others)
      expect(run.err).toMatch(
        new RegExp(`^error: migration has one place: ${winners[0]}[^\\n]*\\n {2}why: [^\\n]*\\n {2}next: [^\\n]*\\n$`),
      );
  }, 120_000);

  it('asking for a role without a limit: all are in, and one sweep after the end has them all out', async () => {
    const runs = await Promise.all(many.map((user) => s.run(user, 'request', 'viewer', '--for', '30s')));
    expect(
      runs.map((run) => run.exit),
      runs.map((run) => run.err).join(''),
    ).toEqual(many.map(() => 0));
    expect([...(groups().viewers ?? [])].sort()).toEqual([...many].sort());
    const released = await Promise.all(many.slice(0, 20).map((user) => s.run(user, 'release', 'viewer')));
    expect(
      released.map((run) => run.exit),
      released.map((run) => run.err).join(''),
    ).toEqual(Array.from({ length: 20 }, () => 0));
    expect([...(groups().viewers ?? [])].sort()).toEqual(many.slice(20).sort());
  }, 120_000);

  it('sweeping side by side: every grant that is due is ended once, and nobody stays', async () => {
    const due = many.slice(0, 20);
    const asked = await Promise.all(due.map((user) => s.run(user, 'request', 'viewer', '--for', '3s')));
    expect(
      asked.map((run) => run.exit),
      asked.map((run) => run.err).join(''),
    ).toEqual(due.map(() => 0));
    await s.pass(3100);
    const sweeps = await Promise.all(Array.from({ length: 8 }, () => s.run('cron', 'sweep')));
    expect(
      sweeps.map((run) => run.exit),
      sweeps.map((run) => run.err).join(''),
    ).toEqual(Array.from({ length: 8 }, () => 0));
    // A sweep that met a row in another's hands leaves it for the next run.
    await s.run('cron', 'sweep');
    expect((groups().viewers ?? []).filter((name) => due.includes(name))).toEqual([]);
    const { events } = (await s.json('cron', 'audit', 'list')).document as unknown as {
      events: { type: string; holder?: string; requestId?: string }[];
    };
    const ended = events.filter((event) => event.type === 'grant.ended').map((event) => event.requestId);
    expect(new Set(ended).size).toBe(ended.length);
    for (const user of due) expect(events.filter((event) => event.type === 'grant.ended' && event.holder === user).length, user).toBe(2);
  }, 120_000);
});
