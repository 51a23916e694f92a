/** Every provider × a company's proxy: through it, past it, and what is said where it fails. Real processes, real TLS from end to end, and a proxy that tells what it could see. */

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Internet, startInternet } from '../fakes/internet.ts';
import { type FakeProxy, startProxy } from '../fakes/proxy.ts';
import { pagerduty, providers, type Started } from './proxied/providers.ts';
import { type Run, stage } from './stage.ts';

const user = { name: 'bob', password: 'CANARY p@ss/w0rd' };

for (const { name, skip, host, isDirectory, start } of providers)
  describe.skipIf(skip !== undefined)(`${name} and a proxy${skip === undefined ? '' : ` (skipped: ${skip})`}`, () => {
    let internet: Internet;
    let proxy: FakeProxy;
    let at: Started;
    let target: string;
    beforeAll(async () => {
      internet = await startInternet();
      proxy = await startProxy({ route: internet.route, user });
      at = await start(internet);
      target = `${host}.acme.test:${internet.port}`;
    }, 120_000);
    afterAll(async () => {
      at?.stage.remove();
      await Promise.all([at?.stop(), proxy?.stop(), internet?.stop()]);
    });
    afterEach(() => {
      for (const variable of ['HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy']) delete at.env[variable];
      Object.assign(at.env, internet.env);
      proxy.clear();
    });

    const ask = async (env: Record<string, string>, role: 'db-admin' | 'reader' = 'db-admin'): Promise<Run & { said: string }> => {
      Object.assign(at.env, env);
      const run = await at.ask(role);
      const all = run.out + run.err;
      for (const secret of [...at.secrets, 'CANARY', encodeURIComponent(user.password), 'bob']) expect(all).not.toContain(secret);
      for (const secret of at.secrets) expect(proxy.read()).not.toContain(secret);
      expect(proxy.plain).toEqual([]);
      return { ...run, said: run.err.replaceAll(/\s+/g, ' ') };
    };
    const refused = async (env: Record<string, string>, why: string): Promise<Run & { said: string }> => {
      const run = await ask(env);
      expect(run.said).toContain(why);
      expect(run.err).toMatch(/^error: .+\n( +\S.*\n)* {2}why: .+\n( +\S.*\n)* {2}next: .+/m);
      expect(await at.done('db-admin')).toBe(false);
      return run;
    };

    it('says that nothing listens where the proxy should be', async () => {
      const run = await refused({ HTTPS_PROXY: 'http://bob:CANARY@127.0.0.1:1' }, 'through the proxy 127.0.0.1:1: nothing listens there');
      expect(run.exit).toBe(1);
    });

    it('says that the proxy does not take the password, or wants one, and tries it no second time', async () => {
      const wrong = proxy.url.replace('CANARY', 'CANARY-wrong');
      const why = `through the proxy ${proxy.host}: it does not accept the user and password of HTTPS_PROXY (407)`;
      const run = await refused({ HTTPS_PROXY: wrong }, why);
      expect(run.exit).toBe(1);
      expect(run.said).toContain('correct them in HTTPS_PROXY');
      expect(run.said).not.toContain('asking again');
      await refused({ HTTPS_PROXY: `http://${proxy.host}` }, `through the proxy ${proxy.host}: it wants a user and a password (407)`);
    });

    it('takes what a proxy answers for no answer of the host, whatever it looks like', async () => {
      proxy.mood = { status: 404, body: '{"errorCode":"E0000007","error":{"message":"Not Found"}}' };
      await refused({ HTTPS_PROXY: proxy.url }, `through the proxy ${proxy.host}: it does not let ${target} through (404)`);
      proxy.mood = { status: 502 };
      await refused({ HTTPS_PROXY: proxy.url }, `through the proxy ${proxy.host}: it cannot connect to ${target} (502)`);
    });

    it('trusts no proxy to open TLS', async () => {
      const run = await refused(
        { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: '', NODE_TLS_REJECT_UNAUTHORIZED: '0' },
        'its TLS certificate is not trusted here',
      );
      expect(run.said).toContain('NODE_EXTRA_CA_CERTS');
      expect(proxy.seen).toContain(target);
    });

    it('says what is wrong with a variable that names no proxy', async () => {
      const run = await refused({ https_proxy: 'socks5://bob:CANARY@127.0.0.1:1' }, 'https_proxy names no proxy that can be used');
      expect(run.exit).toBe(isDirectory || host === 'login' ? 2 : 1);
      await refused({ https_proxy: 'http://bob:CANARY/12@127.0.0.1:1' }, 'https_proxy names no proxy that can be used');
    });

    // Signing in waits for 10 s.
    it.skipIf(host === 'login')('waits for a proxy that is silent no longer than for the provider', async () => {
      proxy.mood = 'silence';
      await refused({ HTTPS_PROXY: proxy.url }, `through the proxy ${proxy.host} within`);
    });

    it('goes past it where NO_PROXY names the host', async () => {
      const run = await ask({ HTTPS_PROXY: proxy.url, NO_PROXY: 'example.com, .acme.test' }, 'reader');
      expect(run, run.err).toMatchObject({ exit: 0 });
      expect(await at.done('reader')).toBe(true);
      expect(proxy.seen).toEqual([]);
    });

    it('goes through it, for that host alone, and lets it see nothing but the name', async () => {
      const run = await ask({ HTTPS_PROXY: proxy.url });
      expect(run, run.err).toMatchObject({ exit: 0 });
      expect(await at.done('db-admin')).toBe(true);
      expect([...new Set(proxy.seen)]).toEqual([target]);
    });
  });

describe('a proxy', () => {
  let internet: Internet;
  beforeAll(async () => {
    internet = await startInternet();
  });
  afterAll(() => internet.stop());

  it('may speak TLS itself, with a certificate that has to be trusted', async () => {
    const proxy = await startProxy({ route: internet.route, user, certificate: internet.certificate });
    const at = await pagerduty.start(internet);
    Object.assign(at.env, { HTTPS_PROXY: proxy.url });
    const run = await at.ask('db-admin');
    expect(run, run.err).toMatchObject({ exit: 0 });
    expect(proxy.seen).toEqual([`pagerduty.acme.test:${internet.port}`]);
    Object.assign(at.env, internet.envWithoutTrust, { NODE_EXTRA_CA_CERTS: '' });
    expect((await at.ask('reader')).err.replaceAll(/\s+/g, ' ')).toContain(`${proxy.host}: its TLS certificate is not trusted here`);
    at.stage.remove();
    await Promise.all([at.stop(), proxy.stop()]);
  });

  it.each([
    ['the chain of the SDK', '', { AWS_PROFILE: 'night' }],
    ['a profile of the policy', ', credentials: { profile: night }', {}],
    ['an IAM role to assume', ", credentials: { assumeRole: { arn: 'arn:aws:iam::123456789012:role/oncall' } }", { AWS_PROFILE: 'night' }],
  ])('is asked for what gives AWS credentials, too: SSO by %s', async (_, credentials, env) => {
    const proxy = await startProxy({ route: internet.route });
    const policy = `version: 1
ledger: ./oncall.db
identity: [ { kind: oidc, issuer: https://login.acme.test, clientId: oncall, domains: [acme.dev] } ]
directories: { aws: { kind: aws-iam${credentials} } }
roles: { db-admin: { targets: { aws: db-admins }, allow: [ { user: maria@acme.dev } ] } }
`;
    const s = stage('the built bundle', { 'oncall.yaml': policy }, { ...internet.env, HTTPS_PROXY: proxy.url, ...env });
    mkdirSync(join(s.folder, '.aws/sso/cache'), { recursive: true });
    const start = 'https://acme.awsapps.com/start';
    const profile = { sso_start_url: start, sso_region: 'eu-west-1', sso_account_id: '123456789012', sso_role_name: 'oncall' };
    s.write(
      '.aws/config',
      `[profile night]\n${Object.entries(profile)
        .map((pair) => pair.join(' = '))
        .join('\n')}\n`,
    );
    const token = {
      startUrl: start,
      region: 'eu-west-1',
      accessToken: 'CANARY',
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    };
    s.write(`.aws/sso/cache/${createHash('sha1').update(start).digest('hex')}.json`, JSON.stringify(token));
    const { out, err } = await s.run('maria', 'doctor');
    expect(new Set(proxy.seen)).toEqual(new Set(['portal.sso.eu-west-1.amazonaws.com:443']));
    expect(out.replaceAll(/\s+/g, ' '), err).toContain(
      `through the proxy ${proxy.host}: it cannot connect to portal.sso.eu-west-1.amazonaws.com:443`,
    );
    expect(out + err).not.toContain('CANARY');
    s.remove();
    await proxy.stop();
  });
});
