/** Who is told, through every door of the whole tool: what arrives, that it arrives once, and that a receiver that is dead holds up nobody. */

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventHash, firstPrev } from '../../src/ledger/events.ts';
import { type Got, type Receiver, startReceiver } from '../fakes/receiver.ts';
import { type Door, doors, type Run, type Stage, stage } from './stage.ts';
import { brokerDoors, brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

const key = 'CANARY-signing-key-of-the-webhook';
const address = 'CANARY-address-of-the-webhook';
const bin = resolve(import.meta.dirname, '../../bin/oncall.js');

let [people, pager, trail]: Receiver[] = [];
const receivers = (): Receiver[] => [people, pager, trail].filter((one) => one !== undefined);
beforeAll(async () => {
  [people, pager, trail] = await Promise.all([startReceiver(), startReceiver(), startReceiver()]);
});
beforeEach(() => {
  for (const one of receivers()) one.clear();
});
afterAll(() => Promise.all(receivers().map((one) => one.stop())));

const files = (): Record<string, string> => ({
  'oncall.yaml': `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: boss@acme.dev } ]
directories:
  local: { path: ./groups.json }
notify:
  slack: { url: { file: ./slack-address } }
  pager: { kind: webhook, url: ${pager?.url}/hook, secret: { file: ./signing-key }, about: [waiting, granted, ended] }
  trail: { kind: webhook, url: ${trail?.url}/trail, secret: { file: ./signing-key }, events: all }
people:
  boss@acme.dev: { slack: U0BOSS99 }
roles:
  db-admin:
    targets: { local: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [ { user: maria@acme.dev } ]
    ask: [ { user: sam@acme.dev } ]
    approvers: [ { user: boss@acme.dev } ]
`,
  'groups.json': JSON.stringify({ users: ['maria', 'sam', 'boss', 'ana'].map((name) => `${name}@acme.dev`), groups: { 'db-admins': [] } }),
  'slack-address': `${people?.url}/${address}\n`,
  'signing-key': `${key}\n`,
});

const signed = ({ headers, body }: Got): boolean => {
  const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['oncall-signature'])) ?? [];
  return v1 === createHmac('sha256', key).update(`${t}.${body}`).digest('hex');
};
const kindsAt = (receiver: Receiver | undefined): readonly string[] => receiver?.documents().map(({ kind }) => String(kind)) ?? [];
const members = (s: Stage): readonly string[] => JSON.parse(s.read('groups.json')).groups['db-admins'];

const said: Run[] = [];
const keepingWhatIsSaid = (s: Stage): Stage => ({
  ...s,
  run: async (user, ...args) => {
    const done = await s.run(user, ...args);
    said.push(done);
    return done;
  },
});

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

describe.each([...doors, ...brokerDoors] as readonly Door[])('through %s', (door) => {
  const whole = cannotOpen(door) === undefined;
  it.skipIf(!whole)(
    `tells people and programs of a life of access, and the trail of every event${skippedAt(door)}`,
    async () => {
      const s = keepingWhatIsSaid(await openStage(door, files(), { through }));
      try {
        await s.run('cron', 'sweep', '--verbose');
        const asked = await s.run('sam', 'request', 'db-admin', '--reason', '<!channel> *lag*', '--verbose');
        expect(asked, asked.err).toMatchObject({ exit: 8 });
        const id = asked.out.slice(0, 6);
        await expect.poll(() => kindsAt(pager), { timeout: 20_000 }).toEqual(['waiting']);
        expect(await s.run('boss', 'approve', id)).toMatchObject({ exit: 0 });
        await expect.poll(() => kindsAt(pager), { timeout: 20_000 }).toEqual(['waiting', 'granted']);
        expect(await s.run('sam', 'release', 'db-admin')).toMatchObject({ exit: 0 });
        await expect.poll(() => kindsAt(pager), { timeout: 20_000 }).toEqual(['waiting', 'granted', 'ended']);
        await s.run('cron', 'sweep');
        await s.run('boss', 'doctor', '--verbose');

        expect(pager?.documents()[0]).toMatchObject({
          title: 'sam@acme.dev asks for db-admin',
          commands: [`oncall approve ${id}`, `oncall deny ${id}`],
          to: [{ email: 'boss@acme.dev', slack: 'U0BOSS99' }],
          request: id,
        });
        await expect.poll(() => people?.got.length, { timeout: 20_000 }).toBe(3);
        expect(people?.got.map(({ path }) => path)).toEqual([`/${address}`, `/${address}`, `/${address}`]);
        expect(people?.got[0]?.body).toContain('"type":"user","user_id":"U0BOSS99"');
        expect(people?.got[0]?.body).toContain('"text":"reason: <!channel> *lag*"');
        for (const receiver of [pager, trail]) for (const got of receiver?.got ?? []) expect(signed(got)).toBe(true);
        // Whoever has the trail can check it without the ledger.
        await expect.poll(() => eventsOf(trail).some(({ body }) => body.includes('"grant.ended"')), { timeout: 20_000 }).toBe(true);
        const events = eventsOf(trail);
        const first = events[0];
        expect(first).toMatchObject({ seq: 1, prev: firstPrev });
        for (const [index, { seq, body, prev, hash }] of events.entries()) {
          expect({ seq, prev, hash }).toEqual({ seq: index + 1, prev: events[index - 1]?.hash ?? firstPrev, hash: eventHash(prev, body) });
        }
      } finally {
        s.remove();
      }
    },
    120_000,
  );
});

const eventsOf = (receiver: Receiver | undefined) =>
  (receiver?.documents() ?? []).flatMap(({ events }) => events as { seq: number; body: string; prev: string; hash: string }[]);

describe('a receiver that is dead', () => {
  it.each(doors)(
    'holds up nobody, through %s: the access is given, taken back and swept, all with exit 0',
    async (door) => {
      const s = keepingWhatIsSaid(stage(door, files()));
      try {
        await s.run('cron', 'sweep');
        for (const receiver of receivers())
          receiver.failAlways(receiver === pager ? { hang: true } : { status: 500, body: `out of order: ${address} ${key}` });
        expect(await s.run('maria', 'request', 'db-admin', '--verbose')).toMatchObject({ exit: 0 });
        expect(members(s)).toEqual(['maria@acme.dev']);
        expect(await s.run('maria', 'release', 'db-admin')).toMatchObject({ exit: 0 });
        expect(members(s)).toEqual([]);
        await s.pass(3 * 60_000);
        const swept = await s.run('cron', 'sweep', '--verbose');
        expect(swept).toMatchObject({ exit: 0 });
        const doctor = await s.json('boss', 'doctor');
        const found = (doctor.document.checks as { area: string; what: string; outcome: string }[]).filter(
          ({ area }) => area === 'notices',
        );
        expect(found.filter(({ outcome }) => outcome === 'fault').map(({ what }) => what)).toEqual(['slack', 'pager', 'trail']);
        for (const secret of [key, address]) expect(readFileSync(join(s.folder, 'oncall.db'), 'latin1')).not.toContain(secret);
        for (const receiver of receivers()) receiver.clear();
        await s.pass(60 * 60_000);
        await s.run('cron', 'sweep');
        expect(kindsAt(pager)).toContain('ended');
        expect(eventsOf(trail).some(({ body }) => body.includes('"grant.ended"'))).toBe(true);
      } finally {
        s.remove();
      }
    },
    120_000,
  );

  it('whose file of the address is gone is found by doctor, and by the sweep that goes on all the same', async () => {
    const s = stage('main()', files());
    try {
      await s.run('cron', 'sweep');
      s.write('oncall.yaml', s.read('oncall.yaml').replace('./slack-address', './not-there'));
      await s.run('maria', 'request', 'db-admin');
      const swept = await s.run('cron', 'sweep');
      expect(swept.exit).toBe(0);
      expect(swept.err).toContain('the url of notify.slack cannot be read');
      expect((await s.run('boss', 'doctor')).out).toContain('the url of notify.slack cannot be read');
      expect(kindsAt(pager)).toEqual(['granted']);
    } finally {
      s.remove();
    }
  });
});

describe('processes that die, and processes beside each other', () => {
  it('a notice that was sent when its process was killed with -9 comes again, under the same id, and everything after it once', async () => {
    const s = stage('the built bundle', files());
    try {
      await s.run('cron', 'sweep');
      let pid = 0;
      // It has come, and nobody will note that.
      pager?.fail({ before: () => void process.kill(pid, 'SIGKILL'), hang: true });
      const child = spawn(process.execPath, [bin, 'request', 'db-admin'], { cwd: s.folder, env: { ...s.env('maria') }, stdio: 'ignore' });
      pid = child.pid ?? 0;
      const signal = await new Promise((done) => child.on('close', (_, by) => done(by)));
      expect(signal).toBe('SIGKILL');
      expect(members(s)).toEqual(['maria@acme.dev']);
      expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
      expect(kindsAt(pager)).toEqual(['granted']);
      await s.pass(3 * 60_000);
      await s.run('cron', 'sweep');
      expect(kindsAt(pager)).toEqual(['granted', 'granted']);
      expect(new Set(pager?.got.map(({ headers }) => headers['oncall-id'])).size).toBe(1);
      await s.run('maria', 'release', 'db-admin');
      await s.pass(60_000);
      await s.run('cron', 'sweep');
      expect(kindsAt(pager)).toEqual(['granted', 'granted', 'ended']);
    } finally {
      s.remove();
    }
  }, 60_000);

  it('six sweeps at once tell each thing once', async () => {
    const s = stage('the built bundle', files());
    try {
      await s.run('cron', 'sweep');
      for (const receiver of receivers()) receiver.fail({ status: 503 }, { status: 503 });
      await s.run('maria', 'request', 'db-admin');
      await s.run('sam', 'request', 'db-admin', '--reason', 'x');
      for (const receiver of receivers()) receiver.clear();
      await s.pass(10 * 60_000);
      await Promise.all(Array.from({ length: 6 }, () => s.run('cron', 'sweep')));
      expect(kindsAt(pager)).toEqual(['granted', 'waiting']);
      const numbers = eventsOf(trail).map(({ seq }) => seq);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    } finally {
      s.remove();
    }
  }, 60_000);
});

it('no secret of a channel is printed anywhere', () => {
  const all = said.map(({ out, err }) => `${out}\n${err}`).join('\n');
  expect(said.length).toBeGreaterThan(10);
  for (const secret of [key, address]) expect(all).not.toContain(secret);
});
