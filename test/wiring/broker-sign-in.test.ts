/** Signing in to brokers by a real issuer, as somebody types it: what is kept, and to whom which token goes. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, json, type Raw, startRaw } from '../broker/client-world.ts';
import { type BrokerWorld, startBroker } from '../broker/world.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { laptop, recordingBroker } from './laptop.ts';

let issuer: Issuer;
let real: BrokerWorld;
beforeAll(async () => {
  issuer = await startIssuer();
  issuer.knobs.interval = 1;
  real = await startBroker({ issuer });
}, 60_000);
afterAll(async () => {
  await real.stop();
  await issuer.stop();
});

const recording = (answer?: Answer, identities: () => unknown[] = () => [issuer.identity()]): Promise<Raw> =>
  recordingBroker(identities, answer);

const bearers = ({ seen }: Raw) => seen.flatMap(({ headers }) => headers.authorization?.replace('Bearer ', '') ?? []);

describe('signed in to a broker', () => {
  it('says where before anything opens, and then commands go there as that person', async () => {
    const { login, run, brokers } = laptop();
    const done = await login(real.host.origin);
    expect(done, done.err).toMatchObject({ exit: 0 });
    const said = [`signing in to the broker ${real.host.origin}`, `it takes sign-ins of ${issuer.url}`, 'open '].map((line) =>
      done.err.indexOf(line),
    );
    expect(said).toEqual([...said].sort((a, b) => a - b));
    expect(said[0]).toBeGreaterThanOrEqual(0);
    expect(done.out).toMatch(`signed in as maria@acme.dev, by ${issuer.url}`);
    expect(done.out).toContain(`commands go to ${real.host.origin}`);
    expect(brokers()).toEqual([real.host.origin]);
    const asked = await run(['request', 'db-admin', '--json'], { ONCALL_USER: 'boss@acme.dev' });
    expect(JSON.parse(asked.out)).toMatchObject({
      request: { requester: { issuer: issuer.url, email: 'maria@acme.dev' } },
      grants: [{ state: 'active' }],
    });
    expect((await run(['whoami'])).out).toContain(`commands go to ${real.host.origin}`);
    for (const text of [done, asked].map(({ out, err }) => out + err)) expect(text).not.toContain('CANARY');
  }, 60_000);

  it('serves every command that there is, and the look-ups of the shell', async () => {
    const { login, run } = laptop();
    await login(real.host.origin);
    expect((await run(['request', 'db-admin'])).exit).toBe(0);
    const exits: Record<string, number> = {};
    for (const argv of [
      'status',
      'status --mine --json',
      'roles',
      'explain db-admin',
      'sweep',
      'doctor',
      'audit list',
      'audit verify',
      'approve',
      'whoami',
      'completion --words roles',
      'ledger recover',
      'revoke --holder sam@acme.dev --yes',
      'release db-admin',
    ])
      exits[argv] = (await run(argv.split(' '))).exit;
    expect(exits).toEqual({
      ...{
        status: 0,
        'status --mine --json': 0,
        roles: 0,
        'explain db-admin': 0,
        sweep: 0,
        'audit list': 0,
        'audit verify': 0,
        approve: 0,
        whoami: 0,
      },
      ...{ 'completion --words roles': 0, 'release db-admin': 0, doctor: 0 },
      // She is no admin.
      ...{ 'ledger recover': 3, 'revoke --holder sam@acme.dev --yes': 3 },
    });
    expect((await run(['completion', '--words', 'roles'])).out).toContain('db-admin');
    expect((await run(['doctor'])).out).toContain(`${real.host.origin}: in use because it is the broker that you signed in to last`);
    const verified = await run(['audit', 'verify', '--verbose']);
    expect(verified.err).toContain(`checked by ${real.host.origin}`);
  }, 60_000);

  it('renews in silence, and keeps its words where it cannot', async () => {
    const { login, run, pass, tokens, folder } = laptop();
    const one = await recording();
    await login(one.origin);
    pass(3_600_000 - 30_000);
    const renewed = await run(['roles']);
    expect(renewed, renewed.err).toMatchObject({ exit: 0 });
    expect(tokens()).toHaveLength(1);
    expect(bearers(one)).toEqual([expect.anything(), tokens()[0].accessToken]);
    const [kept] = tokens();
    const [name] = readdirSync(folder).filter((file) => /^tokens-.*\.json$/.test(file));
    const { refreshToken: _, ...withoutRefresh } = kept;
    writeFileSync(join(folder, name ?? ''), JSON.stringify({ ...withoutRefresh, expiresAt: 1 }));
    const ended = await run(['roles']);
    expect(ended).toMatchObject({ exit: 4, out: '' });
    expect(ended.err).toMatch(new RegExp(`next: oncall login ${one.origin}\\n$`));
    writeFileSync(join(folder, name ?? ''), JSON.stringify({ ...kept, refreshToken: 'CANARY-spent', expiresAt: 1 }));
    const refused = await run(['roles']);
    expect([refused.exit, refused.err]).toEqual([4, expect.stringContaining(`next: oncall login ${one.origin}`)]);
    const none = await run(['roles']);
    expect(none).toMatchObject({
      exit: 4,
      err: expect.stringMatching(/^error: you are not signed in\n {2}why: {2}the broker wants to know who you are/),
    });
    expect(bearers(one)).toHaveLength(2);
  }, 60_000);
});

describe('a token', () => {
  it('goes to the broker that it was got for and to no other, of the same issuer too', async () => {
    const { login, run, tokens } = laptop();
    const [one, two] = [await recording(), await recording()];
    await login(one.origin);
    await login(two.origin);
    expect((await run(['roles'])).exit).toBe(0);
    expect((await run(['roles'], { ONCALL_BROKER: one.origin })).exit).toBe(0);
    const tokenOf = ({ origin }: Raw) => tokens().find((kept) => kept.origin === origin)?.accessToken;
    // Once at the login itself.
    expect(bearers(one)).toEqual([tokenOf(one), tokenOf(one)]);
    expect(bearers(two)).toEqual([tokenOf(two), tokenOf(two)]);
    expect(tokenOf(one)).not.toBe(tokenOf(two));
  }, 60_000);

  it('is none for a broker that somebody else put into the place of a remembered one', async () => {
    const { login, run, folder } = laptop();
    const [one, two] = [await recording(), await recording()];
    await login(one.origin);
    const file = join(folder, 'brokers.json');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(one.origin, two.origin), { mode: 0o600 });
    expect(await run(['roles'])).toMatchObject({ exit: 4 });
    expect(two.seen).toEqual([]);
  }, 60_000);

  it('is not carried on by a redirect, nor kept from a login that did not end well', async () => {
    const { login, run, tokens } = laptop();
    const two = await recording();
    const one = await recording(json(307, '', { location: `${two.origin}/v1/roles` }));
    await login(one.origin);
    expect(await run(['roles'])).toMatchObject({ exit: 1, err: expect.stringContaining('sends elsewhere') });
    expect(two.seen).toEqual([]);
    const harvester = await startRaw((origin) =>
      json(200, { resource: one.origin, origin, oncall: { api: 1, version: '1', identities: [issuer.identity()] } }),
    );
    const refused = await login(harvester.origin);
    expect(refused).toMatchObject({ exit: 1, err: expect.stringContaining('is not the broker of that address') });
    expect(refused.err).not.toMatch(/^open/m);
    expect(tokens()).toHaveLength(1);
    expect(bearers(harvester)).toEqual([]);
  }, 60_000);
});

describe('signing out', () => {
  it('ends it at the issuer and here, at this broker alone', async () => {
    const { login, run, tokens, brokers } = laptop();
    const [one, two] = [await recording(), await recording()];
    await login(one.origin);
    await login(two.origin);
    issuer.seen.length = 0;
    const done = await run(['logout']);
    expect(done).toMatchObject({ exit: 0, out: `signed out of ${issuer.url}\n` });
    expect(done.err).toContain(`the broker ${two.origin} is forgotten; commands now go to ${one.origin}`);
    expect(issuer.seen).toContain('POST /v1/revoke');
    expect([brokers(), tokens().map(({ origin }) => origin)]).toEqual([[one.origin], [one.origin]]);
    expect((await run(['roles'])).exit).toBe(0);
    expect(bearers(one)).toHaveLength(2);
    expect((await run(['logout'], { ONCALL_BROKER: one.origin })).exit).toBe(0);
    expect([brokers(), tokens()]).toEqual([[], []]);
  }, 60_000);

  it('happens by itself to a sign-in that the broker takes no more', async () => {
    const { login, run, tokens } = laptop();
    let identities: unknown[] = [issuer.identity()];
    const one = await recording(undefined, () => identities);
    await login(one.origin);
    identities = [{ kind: 'local' }];
    expect((await run(['login', one.origin], { ONCALL_USER: 'maria@acme.dev' })).exit).toBe(0);
    expect(tokens()).toEqual([]);
    expect(await run(['logout'])).toMatchObject({ exit: 0, out: `signed out of ${one.origin}\n` });
  }, 60_000);
});

describe('a broker with several issuers', () => {
  it('is signed in to by the domain that is named', async () => {
    const { run } = laptop();
    const other = { ...issuer.identity(), issuer: 'https://issuer.example', domains: ['acme.example'] };
    const one = await recording(undefined, () => [issuer.identity(), other]);
    const which = await run(['login', one.origin]);
    expect(which).toMatchObject({ exit: 2, err: expect.stringContaining(`next: oncall login ${one.origin} acme.dev`) });
    const done = await run(['login', one.origin, 'acme.dev', '--device']);
    expect(done, done.err).toMatchObject({ exit: 0, out: expect.stringContaining('maria@acme.dev') });
    expect((await run(['login', 'a.example', 'b.example'])).exit).toBe(2);
  }, 60_000);
});
