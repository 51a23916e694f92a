/** What only real processes show: several renew one sign-in at once, one dies while it does, and what a fresh one costs. */

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { currentActor } from '../../src/sign-in/session.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { newWorld, signInAs, type World } from './world.ts';

let issuer: Issuer;
let folder: string;
let world: World;

beforeAll(async () => {
  issuer = await startIssuer();
  folder = mkdtempSync(join(tmpdir(), 'oncall-bundle-'));
  const entryPoints = [resolve(import.meta.dirname, '../../src/sign-in/session.ts')];
  await build({ entryPoints, outfile: join(folder, 'session.cjs'), bundle: true, platform: 'node', format: 'cjs', target: 'node20.19' });
  writeFileSync(
    join(folder, 'ask.cjs'),
    `const { currentActor } = require('./session.cjs');
     const { identities, context } = JSON.parse(process.argv[2]);
     const surroundings = { now: Date.now, signal: new AbortController().signal, log: () => {} };
     const lazy = Object.getOwnPropertyDescriptor(globalThis, 'Response'); // it comes with fetch, and takes as long to load
     let fetched = false;
     Object.defineProperty(globalThis, 'Response', { configurable: true, get: () => { fetched = true; return lazy.value ?? lazy.get.call(globalThis); } });
     currentActor(identities, { ...context, ...surroundings }).then(
       (actor) => console.log(JSON.stringify({ actor, fetched })),
       (error) => { console.error(error); process.exitCode = 1; });`,
  );
});
afterAll(async () => {
  await issuer.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  world = newWorld();
  return () => world.remove();
});

const argument = () => JSON.stringify({ identities: [issuer.identity()], context: { folder: world.context.folder, origin: 'direct' } });
const ask = async () => JSON.parse((await promisify(execFile)(process.execPath, [join(folder, 'ask.cjs'), argument()])).stdout);
const maria = () => ({ issuer: issuer.url, subject: '00u1maria', email: 'maria@acme.dev' });
const renewals = () => issuer.seen.filter((request) => request === 'POST /v1/token').length;

async function signedInFor(seconds: number) {
  Object.assign(issuer.knobs, { tokenTtlS: seconds, tokenDelayMs: 0 });
  await signInAs('maria@acme.dev', issuer.identity(), world.context);
  issuer.knobs.tokenTtlS = 3600;
  issuer.seen.length = 0;
}

it('renews once for six processes that need it at once', async () => {
  await signedInFor(30);
  issuer.knobs.tokenDelayMs = 200;
  const answers = await Promise.all(Array.from({ length: 6 }, ask));
  expect(answers.map(({ actor }) => actor)).toEqual(Array.from({ length: 6 }, maria));
  expect(renewals()).toBe(1);
});

it('goes on after a process that was killed before the issuer answered, and no lock of it stays', async () => {
  await signedInFor(30);
  issuer.knobs.silent = true;
  const child = spawn(process.execPath, [join(folder, 'ask.cjs'), argument()], { stdio: 'ignore' });
  await expect.poll(() => readdirSync(world.context.folder).some((name) => name.endsWith('.lock')), { timeout: 10_000 }).toBe(true);
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await gone;
  issuer.knobs.silent = false;
  expect(await currentActor([issuer.identity()], world.context)).toEqual(maria());
  expect(readdirSync(world.context.folder).filter((name) => name.includes('lock'))).toEqual([]);
});

it('loads no fetch and makes no call while token and keys are fresh', async () => {
  await signedInFor(3600);
  expect(await ask()).toEqual({ actor: maria(), fetched: false });
  expect(issuer.seen).toEqual([]);
  await signedInFor(30);
  expect(await ask()).toEqual({ actor: maria(), fetched: true });
});
