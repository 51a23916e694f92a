/** Every token of the table, through the verifier and through the door that commands use. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysFor } from '../../src/sign-in/keys.ts';
import { currentActor } from '../../src/sign-in/session.ts';
import { writeSignIn } from '../../src/sign-in/token-file.ts';
import { verifyToken } from '../../src/sign-in/verify.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { acceptedTokens, type Forge, forgedTokens, newForge, type Row } from './forged.ts';
import { newWorld, refusalOf, type World } from './world.ts';

let issuer: Issuer;
let forge: Forge;
let world: World;

beforeAll(async () => {
  issuer = await startIssuer();
  forge = await newForge(issuer);
  world = newWorld();
});
afterAll(async () => {
  await issuer.stop();
  world.remove();
});

const identityOf = ({ tokenUse }: Pick<Row, 'tokenUse'>) => issuer.identity({ tokenUse });

async function verified(row: Omit<Row, 'why'>) {
  return verifyToken(row.token, identityOf(row), await keysFor(forge.access(), identityOf(row), world.context), Date.now());
}

/** As if `login` had kept it, and without the file's own word on who it is. */
function throughTheDoor({ tokenUse, token }: Omit<Row, 'why'>) {
  const { origin } = world.context;
  const { issuer: url, clientId } = identityOf({ tokenUse });
  const kept = { origin, issuer: url, clientId, subject: '00u1maria', expiresAt: Date.now() + 3_600_000, signedInAt: Date.now() };
  writeSignIn({ ...kept, ...(tokenUse === 'access' ? { accessToken: token } : { idToken: token }) }, world.context);
  return currentActor([identityOf({ tokenUse })], world.context);
}

describe('a token', () => {
  it('is accepted where it is good, as one person however it is written', async () => {
    const good = acceptedTokens(forge);
    const actors = [];
    for (const row of good) actors.push((await verified(row)).actor);
    const maria = { issuer: issuer.url, subject: '00u1maria', email: 'maria@acme.dev' };
    expect(actors).toEqual(good.map(() => maria));
    for (const row of good) expect(await throughTheDoor(row)).toEqual(maria);
  });

  it('is refused for its own reason in each of more than 25 ways to forge or misuse it', async () => {
    const rows = forgedTokens(forge);
    expect(rows.length).toBeGreaterThan(25);
    for (const row of rows) {
      const { exit, why, next } = await refusalOf(verified(row)).catch((error) =>
        Promise.reject(new Error(`${row.name}: ${error.message}`)),
      );
      expect({ name: row.name, exit, why }).toEqual({ name: row.name, exit: 4, why: expect.stringMatching(row.why) });
      expect(next).not.toBe('');
    }
  });

  it('opens the door of the commands to none of them', async () => {
    const rows = forgedTokens(forge);
    const accepted: string[] = [];
    for (const row of rows) {
      await throughTheDoor(row).then(
        () => accepted.push(row.name),
        (error) => expect(error.exit, row.name).toBe(4),
      );
    }
    expect(accepted).toEqual([]);
  });

  it('makes the issuer be asked for its keys no more than once, whatever keys forgers name', () => {
    expect(issuer.seen.filter((request) => request === 'GET /v1/keys')).toHaveLength(1);
  });

  it('is in no message that refuses it', async () => {
    const secrets = ['eyJ', forge.access().split('.')[2] ?? '-'];
    for (const row of forgedTokens(forge)) {
      const said = JSON.stringify(await refusalOf(verified(row)));
      expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
    }
  });
});
