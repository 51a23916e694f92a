/** `oncall login` as it goes wrong: what was typed is no broker's address, nobody is there, the broker does not take the sign-in, or wants a pipeline's secret elsewhere. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { error } from '../broker/client-world.ts';
import { audience, clientId, type Issuer, machine, startIssuer } from '../fakes/issuer.ts';
import { laptop, recordingBroker } from './laptop.ts';
import { scratch } from './scratch.ts';

let issuer: Issuer;
beforeAll(async () => {
  issuer = await startIssuer();
  issuer.knobs.interval = 1;
}, 60_000);
afterAll(() => issuer.stop());

const broker = () => recordingBroker(() => [issuer.identity()]);
const localBroker = () => recordingBroker(() => [{ kind: 'local' }]);

describe('login at a broker', () => {
  it('shows the page and the code under --quiet too', async () => {
    const { origin } = await broker();
    const done = await laptop().login(origin, '--quiet');
    expect(done, done.err).toMatchObject({ exit: 0, out: 'maria@acme.dev\n' });
    expect(done.err).toMatch(/^open +http[\s\S]*^enter +[A-Z]{4}-[A-Z]{4}$/m);
  }, 60_000);

  it('shows issuer, client and audience before anything is opened', async () => {
    const { origin } = await broker();
    const { err } = await laptop().login(origin);
    const told = err.indexOf(`it takes sign-ins of ${issuer.url} by the client ${clientId}, meant for ${audience}\n`);
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(err.indexOf('open '));
    const { audience: _, ...byIdToken } = issuer.identity({ tokenUse: 'id' });
    const idToken = await recordingBroker(() => [byIdToken]);
    expect((await laptop().login(idToken.origin)).err).toContain('meant for that client itself (an ID token)');
  }, 60_000);

  it('fails at once where nobody is there to enter a code, unless a code was asked for', async () => {
    const { origin } = await broker();
    const { run, login } = laptop();
    const { exit, err } = await run(['login', origin, '--no-input']);
    expect([exit, err]).toEqual([4, expect.stringContaining(`next: oncall login ${origin} --device, at a terminal`)]);
    expect(err).not.toMatch(/^enter /m);
    expect((await login(origin, '--no-input')).exit).toBe(0);
  }, 60_000);

  it('says at once that the broker does not take the sign-in, and keeps nothing of it', async () => {
    const { origin } = await recordingBroker(() => [issuer.identity()], error(401, 'token-refused', { why: 'it is from another issuer' }));
    const { login, run, tokens } = laptop();
    const { exit, out, err } = await login(origin);
    expect([exit, out, err]).toEqual([4, '', expect.stringContaining(`error: the broker ${origin} does not accept your sign-in`)]);
    expect(tokens()).toEqual([]);
    expect((await run(['roles'])).err).toContain('no policy file was found');
  }, 60_000);

  it('does not send anybody round in a circle where a clock is why', async () => {
    const why = 'it was issued in the future';
    const { origin } = await recordingBroker(() => [issuer.identity()], error(401, 'token-refused', { why, next: 'oncall login' }));
    const { exit, err } = await laptop().login(origin);
    expect(exit).toBe(4);
    expect(err).toMatch(/why: {2}it was issued in the future: the clock of the broker or of this machine is wrong\n/);
    expect(err).toMatch(/next: [^\n]*ask who runs the broker/);
    expect(err).not.toMatch(/next: oncall login/);
  }, 60_000);

  it('keeps a sign-in that the broker could not look at just then, and says so', async () => {
    const { origin } = await recordingBroker(() => [issuer.identity()], error(503, 'ledger-unreachable', { why: 'nothing listens' }));
    const done = await laptop().login(origin);
    expect(done, done.err).toMatchObject({
      exit: 0,
      err: expect.stringContaining('the sign-in is kept all the same: it is ledger-unreachable'),
    });
  }, 60_000);

  it('takes no domain and no client where nobody has to prove anything', async () => {
    const { origin } = await localBroker();
    const { run } = laptop();
    const env = { ONCALL_USER: 'maria@acme.dev' };
    expect(await run(['login', origin, 'acme.dev'], env)).toMatchObject({ exit: 2, out: '' });
    expect(await run(['login', origin, '--client', 'ci'], env)).toMatchObject({ exit: 2, out: '' });
    expect((await run(['login', origin], env)).exit).toBe(0);
    expect(await run(['login', 'other.acme.dev'], env)).toMatchObject({
      exit: 2,
      err: expect.stringContaining('next: oncall login https://other.acme.dev\n'),
    });
  });
});

describe('an address without https://', () => {
  const policies = {
    'no policy at all': undefined,
    'a policy that takes people at their word':
      'version: 1\nledger: ./x.db\ndirectories: { local: { path: ./g.json } }\nroles: { r: { targets: { local: g }, allow: [ { user: maria@acme.dev } ] } }\n',
    'a policy with an issuer': `version: 1\nledger: ./x.db\nidentity: [ { kind: oidc, issuer: 'https://issuer.acme.dev', clientId: x, domains: [acme.dev] } ]\ndirectories: { local: { path: ./g.json } }\nroles: { r: { targets: { local: g }, allow: [ { user: maria@acme.dev } ] } }\n`,
  };
  it.each(Object.entries(policies))('is recognised with %s', async (_, text) => {
    const { run } = laptop();
    const path = join(scratch(), 'oncall.yaml');
    if (text !== undefined) writeFileSync(path, text, { mode: 0o600 });
    const { exit, out, err } = await run(['login', 'oncall.acme.dev'], text === undefined ? {} : { ONCALL_POLICY: path });
    expect([exit, out]).toEqual([2, '']);
    expect(err).toMatch(/the address of a broker begins with https:\/\/\n {2}next: oncall login https:\/\/oncall\.acme\.dev\n$/);
  });

  it.each([
    ['localhost:8300', 'oncall login http://127.0.0.1:8300, or: oncall login https://localhost:8300'],
    ['oncall.acme.dev:8443', 'oncall login https://oncall.acme.dev:8443'],
  ])('is named as it was meant: %s', async (typed, next) => {
    const { exit, err } = await laptop().run(['login', typed]);
    expect([exit, err]).toEqual([2, expect.stringContaining(`next: ${next}\n`)]);
  });

  it('in ONCALL_BROKER is an error that names ONCALL_BROKER', async () => {
    const { exit, err } = await laptop().run(['roles'], { ONCALL_BROKER: 'oncall.acme.dev' });
    expect([exit, err]).toEqual([2, expect.stringContaining('error: ONCALL_BROKER: "oncall.acme.dev" is not the address of a broker')]);
    expect(err).toContain('next: set ONCALL_BROKER to https://oncall.acme.dev\n');
  });
});

describe('where a policy counts before the broker', () => {
  it('the last line does not say that commands go to the broker', async () => {
    const { origin } = await localBroker();
    const { run } = laptop();
    const env = { ONCALL_USER: 'maria@acme.dev', ONCALL_POLICY: '/etc/other.yaml' };
    const { out } = await run(['login', origin], env);
    expect(out).toContain(`until ONCALL_POLICY is unset, commands go by the policy that ONCALL_POLICY names, then to ${origin}`);
    expect((await run(['login', origin, '--policy', '/etc/other.yaml'], env)).out).toContain('commands with --policy go by that file');
  });
});

it('logout says that one is signed in nowhere, and is no failure', async () => {
  expect(await laptop().run(['logout'])).toEqual({ exit: 0, out: 'you are signed in nowhere\n', err: '' });
  expect(await laptop().run(['logout', '--policy', '/no/such.yaml'])).toMatchObject({ exit: 2 });
});

describe('the secret of a service account', () => {
  const secret = { ONCALL_CLIENT_SECRET: machine.secret };
  const identity = (at: Issuer) => at.identity({ machines: { [machine.id]: machine.name } });
  const ci = (run: ReturnType<typeof laptop>['run'], origin: string, env: Record<string, string> = {}, ...more: string[]) =>
    run(['login', origin, '--client', machine.id, ...more], { ...secret, ...env });

  it('goes to no issuer that the broker alone names', async () => {
    const { origin, seen } = await recordingBroker(() => [identity(issuer)]);
    issuer.seen.length = 0;
    const { exit, err } = await ci(laptop().run, origin);
    expect([exit, err]).toEqual([2, expect.stringContaining(`it is not said here to whom the secret of ${machine.id} may go`)]);
    expect(err).toContain(`--client ${machine.id} --issuer ${issuer.url}`);
    expect([issuer.seen, seen.map(({ method }) => method)]).toEqual([[], ['GET']]);
  }, 60_000);

  it('goes to the one that is said here, by the variable or the option', async () => {
    const { origin } = await recordingBroker(() => [identity(issuer)]);
    const byVariable = await ci(laptop().run, origin, { ONCALL_CLIENT_ISSUER: issuer.url });
    expect(byVariable, byVariable.err).toMatchObject({ exit: 0, out: expect.stringContaining(machine.name) });
    expect((await ci(laptop().run, origin, {}, '--issuer', issuer.url)).exit).toBe(0);
    expect(await laptop().run(['login', origin, '--issuer', issuer.url])).toMatchObject({ exit: 2 });
  }, 60_000);

  it.each([
    ['said here', () => ({ ONCALL_CLIENT_ISSUER: 'https://issuer.acme.dev' })],
    ['said here but for a slash', () => ({ ONCALL_CLIENT_ISSUER: `${issuer.url}/` })],
  ])(
    'goes nowhere where the broker names another than the one %s',
    async (_, env) => {
      const { origin } = await recordingBroker(() => [identity(issuer)]);
      issuer.seen.length = 0;
      const { exit, err } = await ci(laptop().run, origin, env());
      expect([exit, err]).toEqual([4, expect.stringMatching(/is for \S+ alone[\s\S]*nothing was sent/)]);
      expect(issuer.seen).toEqual([]);
    },
    60_000,
  );

  it('goes without a word to the issuer of the last login there, and not to a changed one', async () => {
    const other = await startIssuer();
    let now = issuer;
    const { origin } = await recordingBroker(() => [identity(now)]);
    const { run } = laptop();
    expect((await ci(run, origin, { ONCALL_CLIENT_ISSUER: issuer.url })).exit).toBe(0);
    expect((await ci(run, origin)).exit).toBe(0);
    now = other;
    const refused = await ci(run, origin);
    expect([refused.exit, refused.err]).toEqual([4, expect.stringContaining(`is for ${issuer.url} alone`)]);
    expect(other.seen).toEqual([]);
    await other.stop();
  }, 60_000);
});
