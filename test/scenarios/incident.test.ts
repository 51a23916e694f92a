/** The night of an incident, as it is typed: which one it is for, why, and that it ends with that one. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Door, Stage } from './stage.ts';
import { brokers, openStage } from './through-broker.ts';

const minute = 60_000;
const policy = `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: boss@acme.dev } ]
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
roles:
  responder:
    targets: { local: db-admins }
    ttl: { default: 2h, max: 4h }
    allow: [ { incident: file, severities: [major], until: incident }, { onCall: file/db, until: shift } ]
`;

const incident = (over: string): string => `{ severity: major, openedBy: ana@acme.dev, assignedBy: ana@acme.dev, ${over} }`;
const mine = 'status: live, assigned: [maria@acme.dev]';
const schedule = (...incidents: readonly string[]): string => {
  const start = new Date(Date.now() + 30 * 3_600_000).toISOString();
  const shifts = `schedules:\n  db: [ { user: maria@acme.dev, start: ${start} }, { user: ghost@acme.dev, start: ${start} } ]\n`;
  return `${shifts}incidents:\n${incidents.map((one, index) => `  INC-${index + 1}: ${one}\n`).join('')}`;
};

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

describe.each<Door>(['main()', 'a broker on SQLite'])('an incident, through %s', (door) => {
  let s: Stage;
  const members = (): unknown => JSON.parse(s.read('groups.json')).groups['db-admins'];

  beforeEach(async () => {
    const groups = JSON.stringify({ users: ['maria@acme.dev', 'sam@acme.dev'], groups: { 'db-admins': [] } });
    const files = { 'oncall.yaml': policy, 'groups.json': groups, 'schedule.yaml': schedule(incident(mine)) };
    s = await openStage(door, files, { through });
    const opened = s;
    onTestFinished(() => opened.remove());
    expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
  }, 60_000);

  it('is found where none is named, and what was found is shown afterwards as it was', async () => {
    const asked = await s.json('maria', 'request', 'responder');
    expect(asked).toMatchObject({ exit: 0, document: { request: { incident: 'INC-1' } } });
    expect(members()).toEqual(['maria@acme.dev']);
    s.write('schedule.yaml', schedule(incident('status: resolved')));
    const { id } = asked.document.request as { readonly id: string };
    const found = /file\/INC-1, major, opened by ana@acme\.dev, assigned by ana@acme\.dev/;
    expect((await s.run('maria', 'status', id)).out).toMatch(found);
    expect((await s.run('boss', 'explain', id)).out).toMatch(found);
    expect((await s.run('sam', 'explain', id)).exit).toBe(3);
  });

  it('is asked for where there are several, in three lines that say how to go on', async () => {
    s.write('schedule.yaml', schedule(incident(`title: Replica lag, ${mine}`), incident(mine)));
    const { exit, err } = await s.run('maria', 'request', 'responder');
    expect(exit).toBe(2);
    expect(err).toBe(`error: you have 2 live incidents that count for responder
  why:  INC-1  Replica lag
        INC-2
  next: say which it is for, as it ends with that one: oncall request responder --incident INC-1
`);
    expect(await s.run('maria', 'explain', 'responder')).toMatchObject({ exit: 2 });
    expect(await s.run('maria', 'request', 'responder', '--incident', 'INC-2')).toMatchObject({ exit: 0 });
    expect((await s.run('maria', 'status')).exit).toBe(0);
  });

  it('takes them out when it is over, its grace having passed', async () => {
    expect(await s.run('maria', 'request', 'responder')).toMatchObject({ exit: 0 });
    s.write('schedule.yaml', schedule(incident('status: resolved'), incident(mine)));
    for (const past of [5, 14]) {
      await s.pass(past * minute);
      expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
      expect(members()).toEqual(['maria@acme.dev']);
    }
    expect((await s.run('maria', 'status')).out).toContain('no longer assigned to INC-1');
    await s.pass(2 * minute);
    expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
    expect(members()).toEqual([]);
  });

  it('says who is not in it what would change that, to themselves and to an admin', async () => {
    s.write('schedule.yaml', schedule(incident('status: live, assigned: [sam@acme.dev]')));
    const own = await s.run('maria', 'explain', 'responder');
    expect(own).toMatchObject({ exit: 3, out: expect.stringMatching(/be on call for file\/db; your next shift starts \d{4}-\d\d-\d\d/) });
    expect(await s.run('boss', 'explain', 'responder', '--user', 'maria@acme.dev')).toMatchObject({ exit: 3 });
    expect(await s.run('boss', 'explain', 'responder', '--user', 'sam@acme.dev')).toMatchObject({ exit: 0 });
    expect(await s.run('sam', 'explain', 'responder', '--user', 'maria@acme.dev')).toMatchObject({ exit: 3, out: '' });
    expect((await s.run('boss', 'doctor')).out).toMatch(
      /ghost@acme\.dev: local has no such user; on call for file\/db from \d{4}-\d\d-\d\d/,
    );
  });
});
