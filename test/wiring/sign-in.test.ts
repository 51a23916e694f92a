/** Whose sign-in counts, by how somebody came here. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../src/policy/types.ts';
import { signInFolder } from '../../src/sign-in/context.ts';
import type { OidcIdentity } from '../../src/sign-in/settings.ts';
import { writeSignIn } from '../../src/sign-in/token-file.ts';
import { actorOf, signInOf } from '../../src/wiring/sign-in.ts';
import { scratch } from './scratch.ts';

const identity: OidcIdentity = {
  kind: 'oidc',
  issuer: 'https://issuer.test',
  clientId: '0oa1',
  domains: ['acme.dev'],
  scopes: ['openid'],
  algorithms: ['RS256'],
  tokenUse: 'id',
};
const policy = { identity: [{ kind: 'oidc', settings: identity }], people: {} } as unknown as Policy;

/** A sign-in that is found and has no token in it, so that nothing is sent. */
function keptBy(home: string, sudoUid?: string): void {
  const folder = signInFolder(join(home, '.config/oncall'), sudoUid);
  mkdirSync(join(home, '.config'), { recursive: true });
  const { issuer, clientId } = identity;
  writeSignIn({ origin: 'direct', issuer, clientId, subject: 'maria', expiresAt: Date.now() + 3_600_000, signedInAt: 1 }, { folder });
}

describe('a sign-in behind sudo', () => {
  const me = process.geteuid?.() ?? 0;
  const [maria, sam] = [String(me + 1), String(me + 2)];
  const refusal = (home: string, SUDO_UID: string | undefined) =>
    actorOf(policy, {
      env: { HOME: home, SUDO_UID },
      now: Date.now,
      signal: new AbortController().signal,
      log: () => undefined,
    }).catch((error: { code: string }) => error.code);

  it("is nobody else's, whichever user sudo leads to", async () => {
    const home = scratch();
    keptBy(home, maria);
    expect(await Promise.all([maria, sam, undefined].map((uid) => refusal(home, uid)))).toEqual([
      'token-refused',
      'not-signed-in',
      'not-signed-in',
    ]);
  });

  it('is not the one of the user that it leads to', async () => {
    const home = scratch();
    keptBy(home);
    expect(await Promise.all([undefined, String(me), sam].map((uid) => refusal(home, uid)))).toEqual([
      'token-refused',
      'token-refused',
      'not-signed-in',
    ]);
  });
});

describe('which issuer is signed in to', () => {
  const login = (...identities: readonly OidcIdentity[]) => {
    const both = { identity: identities.map((settings) => ({ kind: 'oidc', settings })), people: {}, path: 'p' } as unknown as Policy;
    const around = {
      env: { HOME: scratch(), XDG_CONFIG_HOME: scratch() },
      now: Date.now,
      signal: new AbortController().signal,
      log: () => undefined,
    };
    return signInOf(both, around)
      .login({ device: true, say: () => undefined })
      .catch((error: { code: string }) => error.code);
  };
  const nobodyListens = { ...identity, issuer: 'http://127.0.0.1:9' };

  it('must be said where there are several', async () => {
    expect(await login(nobodyListens, { ...identity, domains: ['acme.io'] })).toBe('which-issuer');
  });

  it('is clear where several clients of one are listed, while one takes the place of the other', async () => {
    expect(await login(nobodyListens, { ...nobodyListens, clientId: '0oa2' })).toBe('issuer-unavailable');
  });
});
