/** Where commands go: a policy that was named, a broker that was signed in to, or a policy that is found. */

import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { OncallError } from '../../src/errors.ts';
import { lock } from '../../src/lock.ts';
import { chosenBroker, type KnownBroker, knownBrokers } from '../../src/wiring/broker.ts';
import { forgetBroker, rememberBroker } from '../../src/wiring/broker-file.ts';
import { startRaw } from '../broker/client-world.ts';
import { fakeIo } from '../fakes/io.ts';
import { scratch } from './scratch.ts';

const a: KnownBroker = { origin: 'https://a.acme.dev', identities: [{ kind: 'local' }] };
const b: KnownBroker = { origin: 'https://b.acme.dev:8443', identities: [{ kind: 'local' }] };

const home = () => {
  const HOME = scratch();
  return { env: { HOME }, folder: join(HOME, '.config/oncall/sign-in'), file: join(HOME, '.config/oncall/sign-in/brokers.json') };
};

const refusal = (work: () => unknown): OncallError => {
  try {
    return { message: `it was taken: ${JSON.stringify(work())}` } as OncallError;
  } catch (error) {
    return error as OncallError;
  }
};

describe('the broker that commands go to', () => {
  it('is none where nobody signed in to one', () => {
    expect(chosenBroker(home())).toBeUndefined();
  });

  it('is the one of the last login, kept in a file of nobody else', async () => {
    const { env, folder, file } = home();
    await rememberBroker(env, a);
    await rememberBroker(env, b);
    expect(chosenBroker({ env })).toEqual({ ...b, why: 'the broker that you signed in to last' });
    await rememberBroker(env, a);
    expect(chosenBroker({ env })?.origin).toBe(a.origin);
    expect(knownBrokers(env).map(({ origin }) => origin)).toEqual([b.origin, a.origin]);
    expect([statSync(file).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
  });

  it('is the one before, once that is forgotten', async () => {
    const { env } = home();
    await rememberBroker(env, a);
    await rememberBroker(env, b);
    await forgetBroker(env, b.origin);
    expect(chosenBroker({ env })?.origin).toBe(a.origin);
    await forgetBroker(env, a.origin);
    expect(chosenBroker({ env })).toBeUndefined();
  });

  it('is not lost where another process remembers one at the same time', async () => {
    const { env, folder, file } = home();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const other = await lock(join(folder, 'brokers.lock'), { ms: 1_000 });
    const own = rememberBroker(env, b);
    await new Promise((wait) => setTimeout(wait, 100));
    writeFileSync(file, JSON.stringify({ brokers: [a] }), { mode: 0o600 });
    await other?.release();
    await own;
    expect(knownBrokers(env)).toEqual([a, b]);
  });

  it.each([
    ['--policy', {}, './oncall.yaml'],
    ['ONCALL_POLICY', { ONCALL_POLICY: '/etc/other.yaml' }, undefined],
  ])('comes after %s, whatever ONCALL_BROKER says', async (_, more, policyPath) => {
    const { env } = home();
    await rememberBroker(env, a);
    const named = policyPath === undefined ? {} : { policyPath };
    expect(chosenBroker({ env: { ...env, ...more, ONCALL_BROKER: 'https://unknown.acme.dev' }, ...named })).toBeUndefined();
  });

  it('lies where XDG_CONFIG_HOME says', async () => {
    const XDG_CONFIG_HOME = join(scratch(), 'settings');
    mkdirSync(XDG_CONFIG_HOME);
    await rememberBroker({ XDG_CONFIG_HOME, HOME: '/nowhere' }, a);
    expect(chosenBroker({ env: { XDG_CONFIG_HOME } })?.origin).toBe(a.origin);
  });

  it('is apart for everybody who comes by sudo', async () => {
    const { env } = home();
    const uid = String((process.geteuid?.() ?? 0) + 1);
    await rememberBroker({ ...env, SUDO_UID: uid }, a);
    expect(chosenBroker({ env })).toBeUndefined();
    expect(chosenBroker({ env: { ...env, SUDO_UID: String(Number(uid) + 1) } })).toBeUndefined();
    expect(chosenBroker({ env: { ...env, SUDO_UID: uid } })?.origin).toBe(a.origin);
  });
});

describe('ONCALL_BROKER', () => {
  it.each([a.origin, `${a.origin}/`, 'HTTPS://A.acme.dev:443'])('picks among them: %s', async (ONCALL_BROKER) => {
    const { env } = home();
    await rememberBroker(env, a);
    await rememberBroker(env, b);
    expect(chosenBroker({ env: { ...env, ONCALL_BROKER } })).toEqual({ ...a, why: 'the broker that ONCALL_BROKER names' });
  });

  it.each(['https://c.acme.dev', 'https://a.acme.dev:8443', 'https://a.acme.dev.evil.example'])('adds none: %s', async (ONCALL_BROKER) => {
    const { env } = home();
    await rememberBroker(env, a);
    expect(refusal(() => chosenBroker({ env: { ...env, ONCALL_BROKER } }))).toMatchObject({
      code: 'not-signed-in',
      exit: 4,
      message: `you are not signed in to the broker ${ONCALL_BROKER}`,
      next: `oncall login ${ONCALL_BROKER}`,
    });
  });

  it.each(['http://a.acme.dev', 'a.acme.dev', 'https://a.acme.dev@c.acme.dev'])(
    'is refused where it is no address: %s',
    async (ONCALL_BROKER) => {
      const { env } = home();
      await rememberBroker(env, a);
      expect(refusal(() => chosenBroker({ env: { ...env, ONCALL_BROKER } }))).toMatchObject({ code: 'broker-address' });
    },
  );

  it('sends nothing to one that nobody signed in to, whatever the command', async () => {
    const { env } = home();
    await rememberBroker(env, a);
    const { origin, seen } = await startRaw([() => undefined]);
    for (const argv of [['status'], ['request', 'db-admin'], ['whoami'], ['doctor'], ['policy', 'check'], ['logout'], ['sweep']]) {
      const io = fakeIo();
      expect([await main(argv, { ...env, ONCALL_BROKER: origin }, io), io.err()]).toEqual([
        4,
        expect.stringContaining(`next: oncall login ${origin}`),
      ]);
    }
    expect(seen).toEqual([]);
  });
});

describe('the file in which brokers are remembered', () => {
  const kept = async () => {
    const world = home();
    await rememberBroker(world.env, a);
    return world;
  };

  it.each([
    ['others may read it', (file: string) => chmodSync(file, 0o644), /has mode 0644/],
    ['others may write it', (file: string) => chmodSync(file, 0o620), /has mode 0620/],
    ['others may write to its folder', (file: string) => chmodSync(join(file, '..'), 0o777), /has mode 0777/],
  ])('is not used where %s', async (_, loosen, why) => {
    const { env, file } = await kept();
    loosen(file);
    expect(refusal(() => chosenBroker({ env }))).toMatchObject({ exit: 4, why: expect.stringMatching(why) });
  });

  it('is not followed to another file', async () => {
    const { env, folder, file } = home();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const other = join(env.HOME, 'other.json');
    writeFileSync(other, JSON.stringify({ brokers: [a] }), { mode: 0o600 });
    symlinkSync(other, file);
    expect(refusal(() => chosenBroker({ env }))).toMatchObject({ exit: 4, why: expect.stringContaining('is a link') });
    await expect(rememberBroker(env, b)).rejects.toMatchObject({ exit: 4 });
  });

  it.each([
    '',
    '{',
    '[]',
    '{}',
    '{"brokers":7}',
    '{"brokers":[{"origin":"http://evil.example","identities":[]}]}',
    '{"brokers":[{"origin":"https://x/"}]}',
  ])('ends the command where it is not what was written: %j', async (text) => {
    const { env, file } = await kept();
    writeFileSync(file, text);
    expect(refusal(() => chosenBroker({ env }))).toMatchObject({ code: 'broker-file-broken', exit: 4 });
    await rememberBroker(env, b);
    expect(knownBrokers(env)).toEqual([b]);
  });
});

describe('a broker that takes people at their word, on this machine', () => {
  const local = async (doctor: readonly [number, object] = [200, { schema: 1, result: { checks: [] } }]) => {
    const { json } = await import('../broker/client-world.ts');
    const world = home();
    const raw = await startRaw((origin) => (response, seen) => {
      if (seen.method === 'GET')
        return json(200, { resource: origin, oncall: { api: 1, version: '1', identities: [{ kind: 'local' }] } })(response, seen);
      const [status, answer] = seen.url === '/v1/doctor' ? doctor : [200, { schema: 1, result: [] }];
      json(status, answer)(response, seen);
    });
    const run = async (argv: string[], more: Record<string, string> = {}) => {
      const io = fakeIo();
      const exit = await main(argv, { ...world.env, ONCALL_USER: 'maria@acme.dev', ...more }, io);
      return { exit, out: io.out(), err: io.err() };
    };
    return { ...world, ...raw, run };
  };

  it('is signed in to without an issuer, and told who acts', async () => {
    const { origin, seen, run } = await local();
    const login = await run(['login', origin]);
    expect(login).toMatchObject({ exit: 0, out: expect.stringContaining(`nothing is proved; commands go to ${origin}`) });
    expect(login.err).toContain(`signing in to the broker ${origin}`);
    expect((await run(['roles'])).exit).toBe(0);
    expect(seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/.well-known/oauth-protected-resource', undefined],
      // Whether it takes them, before it is said that they are signed in.
      ['/v1/roles', 'Local maria@acme.dev'],
      ['/v1/roles', 'Local maria@acme.dev'],
    ]);
    expect((await run(['whoami'])).out).toContain(`commands go to ${origin}`);
  });

  it('is named by doctor, and has the policy that `policy check` does not look at', async () => {
    const { origin, run } = await local();
    await run(['login', origin]);
    const doctor = await run(['doctor']);
    expect([doctor.exit, doctor.out]).toEqual([
      0,
      expect.stringMatching(`broker +${origin}: in use because it is the broker that you signed in to last; the policy`),
    ]);
    expect(await run(['policy', 'check'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining(`there is no policy file to check here: commands go to ${origin}`),
    });
    expect((await run(['policy', 'check', '--policy', '/no/such/file'])).err).toContain('does not exist');
  });

  it('is no fault to the doctor of whoever is no admin, and is one where the broker itself lacks a right', async () => {
    const error = { code: 'forbidden', message: 'you may not look into the broker', next: 'ask an admin: boss@acme.dev' };
    const doctorOf = async (status: number, exit: number) => {
      const { origin, run } = await local([status, { schema: 1, error, exit }]);
      await run(['login', origin]);
      const { exit: left, out } = await run(['doctor', '--json']);
      return { exit: left, check: JSON.parse(out).checks[1] };
    };
    expect(await doctorOf(403, 3)).toEqual({
      exit: 0,
      check: {
        ...{ area: 'broker', what: expect.any(String), outcome: 'skipped', next: expect.stringContaining(error.next) },
        because: 'it takes your sign-in; what it rests on is for admins to look at, and you are none',
      },
    });
    // A provider's answer to an admin's question has that code, too.
    expect(await doctorOf(503, 1)).toMatchObject({ exit: 1, check: { outcome: 'fault' } });
  });

  it('is a fault to doctor where it is down, and no crash', async () => {
    const { origin, run, stop } = await local();
    await run(['login', origin]);
    await stop();
    const doctor = await run(['doctor', '--json']);
    const { checks } = JSON.parse(doctor.out);
    expect([doctor.exit, checks[1]]).toMatchObject([
      1,
      { area: 'broker', what: origin, outcome: 'fault', because: expect.stringContaining('cannot be reached') },
    ]);
  });

  it('is forgotten at logout', async () => {
    const { origin, run, env } = await local();
    await run(['login', origin]);
    expect((await run(['logout'])).err).toContain(`the broker ${origin} is forgotten; commands go by a policy file again`);
    expect(knownBrokers(env)).toEqual([]);
    expect(await run(['status'])).toMatchObject({ exit: 2, err: expect.stringContaining('oncall login https://') });
  });

  it.each([
    [
      'ONCALL_POLICY',
      { ONCALL_POLICY: '/etc/other.yaml' },
      'until ONCALL_POLICY is unset, commands go by the policy that ONCALL_POLICY names, then to',
    ],
    [
      'ONCALL_BROKER',
      { ONCALL_BROKER: 'https://other.acme.dev' },
      'until ONCALL_BROKER is unset, commands go to the broker that ONCALL_BROKER names, then to',
    ],
  ])('says at login that %s counts all the same', async (_, more, said) => {
    const { origin, run } = await local();
    expect(await run(['login', origin], more as unknown as Record<string, string>)).toMatchObject({
      exit: 0,
      out: expect.stringContaining(said),
    });
  });
});
