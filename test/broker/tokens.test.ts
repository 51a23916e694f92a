/** Every forged or misused token of the table, and every way to misuse the header, against a running broker: none is accepted, each refusal is in the audit. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rememberingVerifier } from '../../src/broker/identity.ts';
import type { KeySet } from '../../src/broker/keys.ts';
import { audience, clientId } from '../fakes/issuer.ts';
import { acceptedTokens, forgedTokens } from '../sign-in/forged.ts';
import { type BrokerWorld, type Reply, send, sendRaw, startBroker } from './world.ts';

let world: BrokerWorld;

beforeAll(async () => {
  world = await startBroker();
});
afterAll(() => world.stop());
beforeEach(() => {
  world.knobs.refused.length = 0;
  believe('access');
});

const believe = (tokenUse: 'access' | 'id') => {
  world.knobs.identities = [{ kind: 'oidc', settings: world.issuer.identity({ tokenUse }) }];
};

const call = (headers: Record<string, string | string[]>, more: { path?: string; body?: string } = {}): Promise<Reply> =>
  send(world.port, {
    method: 'POST',
    path: more.path ?? '/v1/roles',
    headers: { host: `localhost:${world.port}`, 'content-type': 'application/json', ...headers },
    body: more.body ?? '{}',
  });

/** What Node's client would not send is written by hand. */
async function statusWith(authorization: string): Promise<number> {
  const lines = `POST /v1/roles HTTP/1.1\r\nHost: localhost:${world.port}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n`;
  const answer = await sendRaw(world.port, `${lines}Authorization: ${authorization}\r\n\r\n{}`);
  return Number(answer.split(' ')[1]);
}

describe('a token', () => {
  it('is accepted where it is good', async () => {
    for (const { name, token, tokenUse } of acceptedTokens(world.forge)) {
      believe(tokenUse);
      expect([name, (await call({ authorization: `Bearer ${token}` })).status]).toEqual([name, 200]);
    }
    expect(world.knobs.refused).toEqual([]);
  });

  it('is accepted in no case of more than 80 where it is forged or misused, and each refusal is in the audit', async () => {
    const rows = forgedTokens(world.forge);
    expect(rows.length).toBeGreaterThan(80);
    const accepted: string[] = [];
    const unrecorded: string[] = [];
    for (const { name, token, tokenUse } of rows) {
      believe(tokenUse);
      const before = (await refusalsInAudit()).length;
      const status = await statusWith(`Bearer ${token}`);
      if (![400, 401, 431].includes(status)) accepted.push(`${name}: ${status}`);
      // With a line break in a header it is no HTTP, and no call: the parser turns it down.
      if (status !== 400 && (await refusalsInAudit()).length !== before + 1) unrecorded.push(`${name}: ${status}`);
    }
    expect({ accepted, unrecorded }).toEqual({ accepted: [], unrecorded: [] });
  });

  it('is not accepted in the wrong place or form, and that is in the audit too', async () => {
    const good = world.token('maria');
    const bearer = `Bearer ${good}`;
    const misuses: Record<string, () => Promise<Reply>> = {
      'no header': () => call({}),
      'two headers, both good': () => call({ authorization: [bearer, bearer] }),
      'two headers, the good one first': () => call({ authorization: [bearer, 'Bearer x'] }),
      'two in one header': () => call({ authorization: `${bearer}, ${bearer}` }),
      'in the query': () => call({}, { path: `/v1/roles?access_token=${good}` }),
      'in a cookie': () => call({ cookie: `access_token=${good}; Authorization=${bearer}` }),
      'in the body': () => call({}, { body: JSON.stringify({ access_token: good }) }),
      'for a proxy': () => call({ 'proxy-authorization': bearer }),
      'by another header': () =>
        call({ 'x-authorization': bearer, 'x-forwarded-authorization': bearer, 'x-forwarded-user': 'boss@acme.dev' }),
      Basic: () => call({ authorization: `Basic ${Buffer.from(`maria@acme.dev:${good}`).toString('base64')}` }),
      DPoP: () => call({ authorization: `DPoP ${good}` }),
      'the scheme in lower case': () => call({ authorization: `bearer ${good}` }),
      'the scheme in capitals': () => call({ authorization: `BEARER ${good}` }),
      'no scheme': () => call({ authorization: good }),
      'two spaces': () => call({ authorization: `Bearer  ${good}` }),
      'a tab': () => call({ authorization: `Bearer\t${good}` }),
      'a space inside': () => call({ authorization: `Bearer ${good.slice(0, 40)} ${good.slice(40)}` }),
      'a comment behind it': () => call({ authorization: `${bearer} (maria)` }),
      'another origin as audience': () => call({ authorization: `Bearer ${world.forge.access({ aud: 'https://other.acme.dev' })}` }),
      "this broker's origin as audience, which the policy does not name": () =>
        call({ authorization: `Bearer ${world.forge.access({ aud: world.host.origin })}` }),
      'an ID token': () => call({ authorization: `Bearer ${world.forge.id()}` }),
      'an ID token for two audiences': () =>
        call({ authorization: `Bearer ${world.forge.id({ aud: [audience, clientId], azp: clientId })}` }),
      'taken at her word': () => call({ authorization: 'Local maria@acme.dev' }),
      'a claim that is not text as issuer': () => call({ authorization: `Bearer ${world.forge.access({ iss: ['x', world.issuer.url] })}` }),
    };
    for (const [name, misuse] of Object.entries(misuses)) {
      const before = (await refusalsInAudit()).length;
      const { status, body, headers } = await misuse();
      expect([name, status, body.exit]).toEqual([name, 401, 4]);
      expect(headers['www-authenticate']).toMatch(
        /^Bearer .*resource_metadata="http:\/\/localhost:\d+\/\.well-known\/oauth-protected-resource"$/,
      );
      expect([name, (await refusalsInAudit()).length]).toEqual([name, before + 1]);
    }
    believe('id');
    expect((await call({ authorization: bearer })).status).toBe(401);
  });

  it('of 20 kB never gets to a handler, and is recorded as what could have been one', async () => {
    expect(await statusWith(`Bearer ${'x'.repeat(20_000)}`)).toBe(431);
    expect(world.knobs.refused).toMatchObject([{ code: 'headers-too-long' }]);
  });

  it('is in no answer, no log and no event', async () => {
    const said = [...world.logged, JSON.stringify(world.knobs.refused), JSON.stringify(await world.events())].join('\n');
    expect(said).not.toContain('eyJ');
    const { text } = await call({ authorization: `Bearer ${world.forge.access({ exp: 1 })}` });
    expect(text).not.toContain('eyJ');
  });

  it('that names a key nobody has makes the issuer be asked once, not once a token', async () => {
    const asked = () => world.issuer.seen.filter((one) => one === 'GET /v1/keys').length;
    const before = asked();
    for (let i = 0; i < 50; i++) await call({ authorization: `Bearer ${world.forge.access({}, { kid: `key-${i}` })}` });
    expect(asked() - before).toBeLessThanOrEqual(1);
  });
});

describe('a token that was accepted before', () => {
  it('is not, once it has ended, the policy or the keys of the issuer have changed, or a letter of it has', async () => {
    let ahead = 0;
    const other = await startBroker({ host: () => ({ now: () => Date.now() + ahead }) });
    const status = async (token: string) => (await other.call('roles', {}, 'x', { authorization: `Bearer ${token}` })).status;
    const token = other.forge.access();
    const statuses = [await status(token), await status(token)];
    const [head, claims, signature = ''] = token.split('.');
    statuses.push(await status(`${head}.${claims}.${signature.slice(0, -2)}AA`));
    other.knobs.identities = [{ kind: 'oidc', settings: other.issuer.identity({ audience: 'api://other' }) }];
    statuses.push(await status(token));
    other.knobs.identities = [{ kind: 'oidc', settings: other.issuer.identity() }];
    statuses.push(await status(token));
    ahead = 2 * 3_600_000;
    statuses.push(await status(token));
    expect(statuses).toEqual([200, 200, 401, 401, 200, 401]);
    await other.stop();
  });

  it('is not, once its key is no longer among those of the issuer', async () => {
    const keys = [{ keys: [world.issuer.keys.public] }, { keys: [{ ...world.issuer.keys.public, kid: 'key-2' }] }];
    const token = world.token('maria');
    const verify = rememberingVerifier(async () => keys[0] as KeySet, Date.now);
    const identity = world.issuer.identity();
    expect(await verify(token, identity)).toMatchObject({ email: 'maria@acme.dev' });
    keys.shift();
    await expect(verify(token, identity)).rejects.toMatchObject({ code: 'token-refused' });
  });

  it('is not checked again as long as nothing has changed', async () => {
    const keys = { keys: [world.issuer.keys.public] };
    const identity = world.issuer.identity();
    const verify = rememberingVerifier(async () => keys, Date.now);
    const token = world.token('maria');
    expect(await verify(token, identity)).toBe(await verify(token, identity));
    expect(await verify(world.token('sam'), identity)).toMatchObject({ email: 'sam@acme.dev' });
  });
});

describe('the caller', () => {
  it('is the person of the token, whatever the input and the headers say', async () => {
    for (const field of ['actor', 'requester', 'as', 'email', 'user', 'holder', '__proto__', 'constructor']) {
      const input = `{"role":"db-admin","asked":{"byDefault":true},"${field}":{"issuer":"x","subject":"y","email":"boss@acme.dev"}}`;
      const answer = await call({ authorization: `Bearer ${world.token('maria')}` }, { path: '/v1/request', body: input });
      expect([field, answer.status, answer.body.error?.code]).toEqual([field, 400, 'bad-input']);
      expect(answer.text).not.toContain('boss');
    }
    expect(world.company.okta.in('db')).toEqual([]);
  });
});

async function refusalsInAudit() {
  return (await world.events()).filter(({ type }) => type === 'call.refused');
}
