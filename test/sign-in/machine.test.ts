/** Service accounts: whose token is theirs, how they sign in, and that nothing of their secret stays behind. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keysFor } from '../../src/sign-in/keys.ts';
import { login } from '../../src/sign-in/login.ts';
import { currentActor, currentSession, logout } from '../../src/sign-in/session.ts';
import type { OidcIdentity } from '../../src/sign-in/settings.ts';
import { removeSignIn, writeSignIn } from '../../src/sign-in/token-file.ts';
import { verifyToken } from '../../src/sign-in/verify.ts';
import { type Issuer, machine, startIssuer } from '../fakes/issuer.ts';
import { type Forge, newForge } from './forged.ts';
import { forgedMachineTokens, machineTokens } from './forged-machines.ts';
import { newWorld, refusalOf, signInAs, type World } from './world.ts';

let issuer: Issuer;
let forge: Forge;
let world: World;

beforeAll(async () => {
  issuer = await startIssuer();
  forge = await newForge(issuer);
});
afterAll(async () => issuer.stop());
beforeEach(() => {
  world = newWorld();
  issuer.seen.length = 0;
});
afterEach(() => world.remove());

const identity = (changes: Partial<OidcIdentity> = {}): OidcIdentity =>
  issuer.identity({ machines: { [machine.id]: machine.name, [`${machine.id}-post`]: 'other-bot@acme.dev' }, ...changes });
const bot = () => ({ issuer: issuer.url, subject: `client:${machine.id}`, email: machine.name });
const knowing = (secret: string | undefined) => ({ ...world.context, machineSecret: async () => secret });
const verified = async (token: string, of = identity()) =>
  verifyToken(token, of, await keysFor(forge.access(), of, world.context), Date.now());
const signIn = (client = machine.id, secret: string | null = machine.secret) =>
  login({ identity: identity(), device: false, client, env: {}, io: { say: () => undefined } }, knowing(secret ?? undefined));
const posts = () => issuer.seen.filter((line) => line === 'POST /v1/token').length;

function throughTheDoor(token: string, clientId: string) {
  const kept = { origin: 'direct', issuer: issuer.url, clientId, subject: 'x', expiresAt: Date.now() + 3_600_000, signedInAt: Date.now() };
  for (const one of [machine.id, `${machine.id}-post`, issuer.identity().clientId])
    removeSignIn({ issuer: issuer.url, clientId: one }, world.context);
  writeSignIn({ ...kept, accessToken: token }, world.context);
  return currentActor([identity()], world.context);
}

describe('the token of a service account', () => {
  it('is the service account and nobody else, however its issuer writes it and whatever e-mail is in it', async () => {
    for (const { name, token } of machineTokens(forge)) {
      expect((await verified(token)).actor, name).toEqual(bot());
      expect(await throughTheDoor(token, machine.id), name).toEqual(bot());
    }
  });

  it('is refused for its own reason in each way to forge or misuse it, through both doors', async () => {
    const rows = forgedMachineTokens(forge);
    expect(rows.length).toBeGreaterThan(15);
    const accepted: string[] = [];
    for (const { name, token, why } of rows) {
      const said = await refusalOf(verified(token)).catch((error) => Promise.reject(new Error(`${name}: ${error.message}`)));
      expect({ name, exit: said.exit, why: said.why }).toEqual({ name, exit: 4, why: expect.stringMatching(why) });
      for (const file of [machine.id, issuer.identity().clientId]) {
        await throughTheDoor(token, file).then(
          () => accepted.push(name),
          (error) => expect(error.exit, name).toBe(4),
        );
      }
    }
    expect(accepted).toEqual([]);
  });

  it('is nobody where the policy names no service account, or takes ID tokens', async () => {
    for (const { name, token } of machineTokens(forge)) {
      for (const of of [issuer.identity(), issuer.identity({ tokenUse: 'id' })]) {
        expect((await refusalOf(verified(token, of))).exit, name).toBe(4);
      }
    }
  });

  it('does not act from the file of a person, nor a person from that of a service account', async () => {
    const [first] = machineTokens(forge);
    await expect(throughTheDoor(first?.token ?? '', issuer.identity().clientId)).rejects.toMatchObject({ code: 'token-refused' });
    await expect(throughTheDoor(forge.access(), machine.id)).rejects.toMatchObject({ code: 'token-refused' });
    await expect(throughTheDoor(first?.token ?? '', `${machine.id}-post`)).rejects.toMatchObject({ code: 'token-refused' });
  });
});

describe('a service account', () => {
  it('signs in by its secret alone, as itself', async () => {
    expect(await signIn()).toMatchObject({ actor: bot(), renewable: true });
    expect(await currentActor([identity()], world.context)).toEqual(bot());
    expect(world.kept('tokens')).toMatchObject([{ clientId: machine.id, subject: `client:${machine.id}` }]);
    expect(world.kept('tokens')[0]).not.toHaveProperty('refreshToken');
  });

  it('signs in where the issuer wants the secret in the body', async () => {
    expect((await signIn(`${machine.id}-post`)).actor.email).toBe('other-bot@acme.dev');
  });

  it('leaves nothing of its secret: not in a file, not in the log, not in what is said when it is wrong', async () => {
    await signIn();
    const wrong = [await refusalOf(signIn(machine.id, 'CANARY-wrong')), await refusalOf(signIn(`${machine.id}-post`, 'CANARY-wrong'))];
    for (const said of wrong) expect(said).toMatchObject({ exit: 4, why: 'the issuer does not know this client, or not with that secret' });
    const { folder } = world.context;
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const tokens = /eyJ[\w.-]+/g;
    expect([...files, ...world.logged, JSON.stringify(wrong)].join('\n').replaceAll(tokens, '')).not.toContain('CANARY');
    expect(JSON.stringify(wrong)).not.toMatch(tokens);
  });

  it('does not begin without a secret, or where the policy does not name it', async () => {
    expect(await refusalOf(signIn(machine.id, null))).toMatchObject({
      exit: 4,
      next: expect.stringContaining('--client 0oaCi123'),
    });
    expect(await refusalOf(signIn('0oaCi999'))).toMatchObject({ exit: 2, why: expect.stringContaining(machine.id) });
    expect(await refusalOf(signIn('constructor'))).toMatchObject({ exit: 2 });
    expect(posts()).toBe(0);
  });

  it('gets nothing kept that is not its own token', async () => {
    const stolen = forge.access();
    issuer.knobs.tokens = (answer) => ({ ...answer, access_token: stolen });
    try {
      expect((await refusalOf(signIn())).why).toBe(`it is not that of the service account ${machine.id}`);
    } finally {
      issuer.knobs.tokens = (answer) => answer;
    }
    expect(world.kept('tokens')).toEqual([]);
  });

  it('keeps no refresh token, even where the issuer gives one', async () => {
    issuer.knobs.tokens = (answer) => ({ ...answer, refresh_token: 'CANARY-refresh' });
    try {
      await signIn();
    } finally {
      issuer.knobs.tokens = (answer) => answer;
    }
    expect(JSON.stringify(world.kept('tokens'))).not.toContain('CANARY-refresh');
  });

  it('is renewed in silence while its secret is there, and else has ended', async () => {
    await signIn();
    expect(posts()).toBe(1);
    expect(await currentSession([identity()], world.context)).toMatchObject({ actor: bot(), renewable: false });
    world.advance(3_600_000);
    expect(await refusalOf(currentActor([identity()], world.context))).toMatchObject({
      exit: 4,
      why: expect.stringContaining('has ended'),
      next: expect.stringContaining('oncall login --client 0oaCi123'),
    });
    world.advance(-50_000);
    expect(await currentActor([identity()], knowing(undefined))).toEqual(bot());
    expect(await currentSession([identity()], knowing(machine.secret))).toMatchObject({ actor: bot(), renewable: true });
    expect(posts()).toBe(2);
    expect(await currentActor([identity()], world.context)).toEqual(bot());
  });

  it('gives way to who signs in later, and back, and is signed out with them', async () => {
    await signIn();
    world.advance(10);
    await signInAs('maria@acme.dev', identity(), world.context);
    expect((await currentActor([identity()], world.context)).email).toBe('maria@acme.dev');
    world.advance(10);
    await signIn();
    expect((await currentActor([identity()], world.context)).email).toBe(machine.name);
    expect((await logout([identity()], world.context)).map((one) => one.issuer)).toEqual(['revoked', 'nothing-to-revoke']);
    expect(world.kept('tokens')).toEqual([]);
  });

  it('signed in for a broker is nobody in direct mode', async () => {
    const context = { ...knowing(machine.secret), origin: 'https://oncall.acme.dev' };
    await login({ identity: identity(), device: false, client: machine.id, env: {}, io: { say: () => undefined } }, context);
    expect(await currentActor([identity()], context)).toEqual(bot());
    expect(await refusalOf(currentActor([identity()], world.context))).toMatchObject({ code: 'not-signed-in' });
  });
});
