/** The main job on Okta while a quarter of its answers are 429 or 5xx, on reads and on writes, before and after they were applied. Which ones, a seed says. */

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeOkta, oktaError } from '../fakes/okta.ts';
import { oktaSignedIn } from './companies.ts';
import type { Door, Run, Stage } from './stage.ts';
import { brokers, cannotOpen, skippedAt } from './through-broker.ts';

const minute = 60_000;
/** Okta's clock is ahead of this host's: a reset read against the wrong one would be waited for in vain, or not at all. */
const oktaAheadMs = 20_000;
/** Seeds that between them meet every kind of fault and every kind of end; what they are is checked below. */
const runs: readonly (readonly [Door, readonly number[]])[] = [
  ['main()', [37, 39]],
  ['the built bundle', [73]],
  ['a broker on SQLite', [37]],
  ['a broker on PostgreSQL', [73]],
];

const signsOut = '    onEnd: { endSessions: true }\n';
const through = brokers();
const company = oktaSignedIn(signsOut, through);
let proxy: FaultProxy;

beforeAll(async () => {
  await Promise.all([company.start(), through.start()]);
  proxy = await startFaultProxy(company.okta().url);
}, 60_000);
afterAll(async () => {
  await proxy.stop();
  await Promise.all([company.stop(), through.stop()]);
});

type Storm = { readonly hit: Record<string, number>; readonly writes: string[]; calm: boolean };

/** The n-th time that something is asked has the same fate under the same seed, in whatever order the calls arrive. */
function blow(seed: number, okta: FakeOkta, now: () => number): Storm {
  const names = new Map([
    ...[...okta.users.values()].map(({ id, login }) => [id, login] as const),
    ...[...okta.groups.values()].map(({ id, name }) => [id, name] as const),
  ]);
  const times = new Map<string, number>();
  const storm: Storm = { hit: {}, writes: [], calm: false };
  const date = (): string => new Date(now() + oktaAheadMs).toUTCString();
  proxy.rewrite((_, answer) => ({ ...answer, headers: { ...answer.headers, date: date() } }));
  proxy.draw(({ action, path }) => {
    const method = action.split(' ')[0] ?? '';
    const asked = `${method} ${[...names].reduce((text, [id, name]) => text.replaceAll(id, name), path)}`;
    if (method !== 'GET') storm.writes.push(asked);
    const nth = (times.get(asked) ?? 0) + 1;
    times.set(asked, nth);
    const draw = createHash('sha256').update(`${seed} ${asked} ${nth}`).digest().readUInt32BE() / 2 ** 32;
    if (draw >= 0.25 || storm.calm) return undefined;
    const at = date();
    const reset = String(Date.parse(at) / 1000 + 1);
    const limited = oktaError(429, 'E0000047', 'API call exceeded rate limit due to too many requests.', {
      date: at,
      'x-rate-limit-reset': reset,
    });
    const broken = oktaError(503, 'E0000009', 'Internal Server Error', { date: at });
    const [kind, fault] =
      draw < 0.06
        ? (['429', limited] as const)
        : draw < 0.15
          ? (['5xx before', broken] as const)
          : (['5xx after', { instead: broken }] as const);
    const what = `${kind} on a ${method === 'GET' ? 'read' : 'write'}`;
    storm.hit[what] = (storm.hit[what] ?? 0) + 1;
    return fault;
  });
  return storm;
}

const total: Record<string, number> = {};
/** How the commands of all seeds ended. */
const exits: Record<string, number> = {};

function told(verb: string, { exit, out, err }: Run): void {
  exits[`${verb} ${exit}`] = (exits[`${verb} ${exit}`] ?? 0) + 1;
  if (exit === 0) {
    expect(err).not.toContain('error:');
    return;
  }
  expect(exit, err).toBe(1);
  expect(err, out).toMatch(/^error: [^\n]+\n {2}why: {2}\S[\s\S]*?\n {2}next: \S[^\n]*\n$/);
}

/** Sweeps, a few minutes apart, until one has nothing to complain about and nothing is left: two in the storm, or one more when it is over. */
async function settle(s: Stage, storm: Storm): Promise<void> {
  for (let sweep = 1; ; sweep++) {
    storm.calm = sweep === 3;
    const { exit, document } = await s.json('cron', 'sweep');
    storm.calm = false;
    exits[`sweep ${sweep} ${exit}`] = (exits[`sweep ${sweep} ${exit}`] ?? 0) + 1;
    if (exit === 0 && document['remaining'] === 0) return;
    expect(sweep, `sweep ${sweep} left: ${JSON.stringify(document)}`).toBeLessThan(3);
    await s.pass(5 * minute);
  }
}

const standing = 'standing@acme.dev';

for (const [door, seeds] of runs)
  describe.skipIf(cannotOpen(door) !== undefined)(`in a storm, through ${door}${skippedAt(door)}`, () => {
    it.each(seeds)(
      'lets in or says why not, and ends all it gave; seed %i',
      async (seed) => {
        const { stage: s, members, put } = await company.openAt(door, proxy.url);
        const okta = company.okta();
        await put('standing');
        const storm = blow(seed, okta, s.now);
        try {
          await settle(s, storm);
          const asked = await s.run('maria', 'request', 'db-admin', '--for', '20m');
          told('request', asked);
          if (asked.exit === 0) expect(await members()).toContain('maria@acme.dev');
          expect((await s.run('sam', 'request', 'db-admin')).exit).toBe(3);
          const incident = await s.run('sam', 'request', 'responder', '--incident', 'INC-42', '--for', '30m');
          told('request', incident);
          if (incident.exit === 0) expect(await members()).toContain('sam@acme.dev');
          await s.pass(5 * minute);
          await settle(s, storm);
          // What failed has left nothing; what was given is there.
          expect(new Set(await members())).toEqual(
            new Set([standing, ...(asked.exit === 0 ? ['maria@acme.dev'] : []), ...(incident.exit === 0 ? ['sam@acme.dev'] : [])]),
          );

          if (incident.exit === 0) told('release', await s.run('sam', 'release', 'responder'));
          await s.pass(40 * minute);
          await settle(s, storm);
          expect(await members()).toEqual([standing]);
          expect((await s.json('maria', 'status')).document).toMatchObject({ requests: [], grants: [] });

          await nothingTwice(s, storm.writes);
          expect(okta.signedOut).not.toContain(standing);
          if (asked.exit === 0) expect(okta.signedOut).toContain('maria@acme.dev');
          expect(okta.violations).toEqual([]);
          for (const [what, times] of Object.entries(storm.hit)) total[what] = (total[what] ?? 0) + times;
        } finally {
          proxy.draw(() => undefined);
          s.remove();
        }
      },
      120_000,
    );
  });

/** Each removal and each sign-out is in the audit before it is sent, and sent once; nobody touches a standing member. */
async function nothingTwice(s: Stage, writes: readonly string[]): Promise<void> {
  const { document } = await s.json('boss', 'audit', 'list');
  const events = (document['events'] as readonly { readonly type: string }[]).map(({ type }) => type);
  const count = (type: string): number => events.filter((one) => one === type).length;
  const sent = (what: RegExp): number => writes.filter((one) => what.test(one)).length;
  expect(writes.filter((one) => one.includes(standing))).toEqual([]);
  expect(sent(/^DELETE \S+\/groups\//)).toBeLessThanOrEqual(count('membership.remove'));
  expect(sent(/^DELETE \S+\/sessions/)).toBeLessThanOrEqual(count('sessions.end'));
  expect(sent(/^PUT /)).toBeLessThanOrEqual(3 * count('membership.add'));
  expect(count('sessions.ended')).toBeGreaterThan(0);
}

it('was a storm: every kind of fault was met by reads and by writes, and not everything failed', () => {
  expect(Object.keys(total).sort()).toEqual(
    ['429', '5xx after', '5xx before'].flatMap((kind) => [`${kind} on a read`, `${kind} on a write`]),
  );
  for (const end of ['request 0', 'request 1', 'release 1', 'sweep 1 0', 'sweep 3 0']) expect(exits[end], end).toBeGreaterThan(0);
});
