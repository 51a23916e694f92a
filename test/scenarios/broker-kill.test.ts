/**
 * `kill -9` of a broker in the middle of a request, before and after the provider applied what it was sent: the same call, sent again to the
 * broker that was started anew, ends with one grant. KILL=all does each step; else a sample of them, spread evenly.
 */

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send } from '../broker/world.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { newForge } from '../sign-in/forged.ts';
import { type BrokerDoor, type BrokerStage, brokerDoors, brokers, cannotOpen, skippedAt } from './through-broker.ts';

const all = process.env.KILL === 'all';
const sample = 2;
const failpoints = resolve(import.meta.dirname, '../fakes/failpoints.cjs');
/** Longer than a broker that died may have been at it. */
const claimEndsMs = 125_000;
const minutes = 60_000;

const policy = (okta: string): string => `version: 1
ledger: ./oncall.db
sweep: { refuseWhenLate: 2d }
directories:
  okta: { orgUrl: ${okta}, token: { file: ./token } }
roles:
  db-admin:
    targets: { okta: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [ { user: maria@acme.dev } ]
`;

const through = brokers();
let okta: FakeOkta;
/** Before Okta, so that its clock goes with that of the broker. */
let proxy: FaultProxy;
beforeAll(async () => {
  [okta] = await Promise.all([startOkta(), through.start()]);
  proxy = await startFaultProxy(okta.url);
}, 60_000);
afterAll(() => Promise.all([proxy.stop(), okta.stop(), through.stop()]));

type Said = { readonly status: number; readonly word: string; readonly isIn: boolean };
type Call = (key?: string) => Promise<Said>;

/** A company, and one call of maria's that can be sent as often as one likes, with one key or with another. */
async function company(door: BrokerDoor, at: number) {
  okta.reset();
  okta.addUser('maria@acme.dev');
  okta.addGroup('db-admins');
  const env: Record<string, string> = { NODE_OPTIONS: `--require ${failpoints}`, FAILPOINT: String(at), FAILPOINT_LOG: '/dev/null' };
  const s = await through.open(door, { 'oncall.yaml': policy(proxy.url), token: okta.token, passed: '' }, env, (folder) => {
    env.FAILPOINT_LOG = `${folder}/passed`;
  });
  proxy.rewrite((_, answer) => ({ ...answer, headers: { ...answer.headers, date: new Date(s.now()).toUTCString() } }));
  const { port, origin, certificate } = through.seat();
  const token = (await newForge(through.issuer())).access({ sub: 'maria@acme.dev', uid: '00umaria' });
  const first = randomUUID();
  const call: Call = async (key = first) => {
    const { status, body } = await send(port, {
      method: 'POST',
      path: '/v1/request',
      headers: { host: new URL(origin).host, 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': key },
      body: JSON.stringify({ role: 'db-admin', asked: { forMs: 3_600_000 } }),
      ca: certificate.cert,
    });
    const isIn = body.result?.grants?.some(({ state }: { state: string }) => state === 'active') ?? false;
    return { status, word: body.result?.result ?? body.error.code, isIn };
  };
  const passed = (): readonly string[] => readFileSync(`${s.folder}/passed`, 'utf8').trim().split('\n');
  const swept = async (): Promise<void> => {
    const run = await s.run('cron', 'sweep');
    expect(run.exit, run.err).toBe(0);
  };
  return { s, env, call, passed, swept };
}

for (const door of brokerDoors)
  describe.skipIf(cannotOpen(door) !== undefined)(`kill -9 of ${door}${skippedAt(door)}`, () => {
    it(
      'in the middle of a request: the same call again ends with one grant, and that ends',
      async () => {
        const whole = await company(door, 0);
        await whole.swept();
        const before = whole.passed().length;
        expect(await whole.call()).toEqual({ status: 200, word: 'granted', isIn: true });
        const points = whole.passed().length - before;
        whole.s.remove();
        expect(points).toBeGreaterThan(8);

        const told: string[] = [];
        for (const at of chosen(points)) {
          const { s, env, call, passed, swept } = await company(door, before + at);
          try {
            await swept();
            const died = await Promise.race([
              call().then(
                () => undefined,
                () => 'cut',
              ),
              s.ended().then(() => 'cut'),
            ]);
            const point = passed().at(-1);
            env.FAILPOINT = '0';
            if (died === 'cut') await s.whileDown(async () => undefined);
            // Asked before that, a broker waits for the one that is no more: seen once, that is enough.
            if (told.length !== 1) await s.pass(claimEndsMs);
            told.push(`${point}: ${died === undefined ? 'lived' : await insisted(s, call, swept)}`);
            await oneGrant(s, String(point));
          } finally {
            s.remove();
          }
        }
        console.info(`${door}: of ${points} points: ${told.join('; ')}`);
        expect(told.filter((line) => !line.endsWith('lived')).length).toBeGreaterThan(told.length / 2);
      },
      (all ? 20 : 3) * minutes,
    );
  });

/** The same call until it is answered; where that finds her on the way in by a broker that is no more, she asks anew once the sweep has undone it. */
async function insisted(s: BrokerStage, call: Call, swept: () => Promise<void>): Promise<string> {
  const said: string[] = [];
  for (let key: string | undefined; said.length < 5; ) {
    const { status, word, isIn } = await call(key);
    said.push(word);
    if (status === 200 && isIn) return said.join(', ');
    expect(['same-call-running', 'held', 'failed', 'ending'], said.join(', ')).toContain(word);
    await s.pass(claimEndsMs);
    if (word === 'same-call-running') continue;
    key = randomUUID();
    await swept();
  }
  throw new Error(`she was never let in: ${said.join(', ')}`);
}

async function oneGrant(s: BrokerStage, when: string): Promise<void> {
  const members = (): readonly string[] => [...okta.named('db-admins').members];
  const { grants, requests } = (await s.json('boss', 'status')).document as { grants: { state: string }[]; requests: unknown[] };
  expect([requests.length, grants.map(({ state }) => state)], when).toEqual([1, ['active']]);
  expect(members(), when).toEqual([okta.known('maria@acme.dev').id]);
  await s.pass(2 * 3_600_000);
  for (let sweep = 1; sweep <= 2; sweep++) await s.run('cron', 'sweep');
  expect(members(), when).toEqual([]);
  expect((await s.json('boss', 'status')).document, when).toMatchObject({ grants: [], requests: [] });
  expect((await s.run('cron', 'audit', 'verify')).exit, when).toBe(0);
}

const chosen = (points: number): readonly number[] =>
  all
    ? Array.from({ length: points }, (_, index) => index + 1)
    : Array.from({ length: sample }, (_, index) => 1 + Math.round((index * (points - 1)) / (sample - 1)));
