/** What the installed program loads where its commands go to a broker: no SDK, no SQLite, no parser, nothing that checks tokens. */

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signInFolder } from '../../src/sign-in/context.ts';
import { writeSignIn } from '../../src/sign-in/token-file.ts';
import { aGranted, aStatus } from '../fakes/operations.ts';
import { error, result, startRaw } from './client-world.ts';

const root = resolve(import.meta.dirname, '../..');
const identity = {
  kind: 'oidc',
  issuer: 'https://issuer.example',
  clientId: '0oa1',
  audience: 'api://oncall',
  domains: ['acme.dev'],
  tokenUse: 'access',
};
let home: string;

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts/setup.mjs')], { stdio: 'inherit' });
  home = mkdtempSync(join(tmpdir(), 'oncall-bundle-'));
  writeFileSync(
    join(home, 'loaded.cjs'),
    "process.on('exit', () => require('node:fs').writeFileSync(process.env.LOADED, JSON.stringify(Object.keys(require.cache))));",
  );
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function signedInTo(origin: string): void {
  const folder = signInFolder(join(home, '.config/oncall'));
  mkdirSync(join(home, '.config'), { recursive: true });
  const { issuer, clientId } = identity;
  const token = { accessToken: 'x.CANARY.y', expiresAt: Date.now() + 3_600_000, signedInAt: 1 };
  writeSignIn({ origin, issuer, clientId, subject: 'maria', ...token }, { folder });
  writeFileSync(join(folder, 'brokers.json'), JSON.stringify({ brokers: [{ origin, identities: [identity] }] }), { mode: 0o600 });
}

async function oncall(...argv: string[]) {
  const loaded = join(home, 'loaded.json');
  const child = spawn(process.execPath, ['--require', join(home, 'loaded.cjs'), join(root, 'bin/oncall.js'), ...argv], {
    env: { PATH: process.env.PATH, HOME: home, TZ: 'UTC', LOADED: loaded },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const exit = await new Promise((done) => child.on('close', done));
  const files: string[] = JSON.parse(readFileSync(loaded, 'utf8'));
  return { exit, out, err, files: files.filter((path) => !path.startsWith(home)) };
}

describe('the built program, signed in to a broker', () => {
  it.each([
    ['status', aStatus(), ['status', '--utc']],
    ['request', aGranted(), ['request', 'db-admin']],
  ])('loads next to nothing for %s', async (_, answer, argv) => {
    const { origin, seen } = await startRaw([result(answer)]);
    signedInTo(origin);
    const { exit, out, err, files } = await oncall(...argv);
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(out).toContain('db-admin');
    expect(seen).toHaveLength(1);
    expect(files.map((path) => basename(path)).sort()).toEqual([
      ...['cli.cjs', 'commands-context.cjs', 'commands-parse.cjs', 'oncall.js', 'wiring-broker-wire.cjs', 'wiring-broker.cjs'],
    ]);
    const text = files.map((path) => readFileSync(path, 'utf8')).join('\n');
    // As they are called within libsql, zod, jose, yaml and openid-client.
    expect(text).not.toMatch(/libsql|ZodMini|jwtVerify|parseDocument|discovery\(/);
  });

  it('knows an error of the broker for what it is, and shows no token under --verbose', async () => {
    const { origin } = await startRaw([error(403, 'forbidden', { why: 'none of these is you', next: 'ask an admin' })]);
    signedInTo(origin);
    const { exit, out, err } = await oncall('audit', 'list', '--verbose');
    expect({ exit, out, err }).toEqual({
      exit: 1,
      out: '',
      err: 'error: it is forbidden\n  why:  none of these is you\n  next: ask an admin\n',
    });
  });
});
