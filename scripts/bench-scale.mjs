/**
 * What only shows with many grants: `npm run bench:scale -- [due] [limited] [status] [races]` (all of them without a word). Takes minutes.
 * Each figure is a line: name, value, limit, ok or MISS; before it the command it was taken from.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, environment, interleaved, ratioOf, timed } from './bench-process.mjs';
import { fill } from './bench-scale-ledger.mjs';
import { setup } from './setup.mjs';

const folder = mkdtempSync(join(tmpdir(), 'oncall-scale-'));
const children = [];
let missed = 0;

function figure(name, value, limit, holds, unit = '') {
  if (!holds) missed += 1;
  console.log(`${name} ${value}${unit} ${limit}${unit} ${holds ? 'ok' : 'MISS'}`);
}

async function startOkta(...options) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'bench-scale-okta.mjs'), ...options], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [url] = await new Promise((resolve) => child.stdout.once('data', (data) => resolve(String(data).split('\n'))));
  const seen = () =>
    new Promise((resolve, reject) =>
      get(`${url}/bench`, { agent: false }, (answer) => answer.setEncoding('utf8').once('data', (text) => resolve(JSON.parse(text)))).on(
        'error',
        reject,
      ),
    );
  return { url, seen };
}

/** A company with one Okta and a ledger filled by `counts`. */
async function world(name, url, counts, settings = '') {
  const at = join(folder, name);
  timed('mkdir', [at]);
  const policy = `version: 1
ledger: ./oncall.db
admins: [{ user: user-0@example.com }]
sweep: { deadline: 20m }
directories:
  okta: { orgUrl: '${url}', token: { env: OKTA_TOKEN }${settings} }
roles:
  one: { targets: { okta: group-0 }, allow: [{ user: nobody@example.com }] }
`;
  writeFileSync(join(at, 'oncall.yaml'), policy, { mode: 0o600 });
  const env = environment({
    ONCALL_POLICY: join(at, 'oncall.yaml'),
    ONCALL_USER: 'user-0@example.com',
    XDG_CACHE_HOME: join(at, 'cache'),
    XDG_STATE_HOME: join(at, 'state'),
    OKTA_TOKEN: 'bench-token-bench',
  });
  // Makes the ledger, reads the groups for the first time, and remembers the policy.
  timed(process.execPath, [bin, 'sweep'], { cwd: at, env });
  await fill(join(at, 'oncall.db'), counts);
  return { at, env };
}

const run = ({ at, env }, ...args) => timed(process.execPath, [bin, ...args], { cwd: at, env, maxBuffer: 64 * 1024 * 1024 });

function start({ at, env }, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: at, env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject).on('close', resolve);
  });
}

async function due() {
  const okta = await startOkta('--delay=10', '--people=10000');
  const company = await world('due', okta.url, { due: 10_000 });
  const before = await okta.seen();
  console.log('$ oncall sweep --json   # 10,000 due grants, Okta at 10 ms a call, no limit');
  const { ms, stdout } = run(company, 'sweep', '--json');
  const [result, after] = [JSON.parse(stdout), await okta.seen()];
  figure('sweep-10000-due', (ms / 1000).toFixed(1), 60, ms <= 60_000, 's');
  figure('sweep-10000-ended', result.ended, 10_000, result.ended === 10_000 && after.members === 0);
  console.log(
    `  ${after.made - before.made} calls, ${((after.made - before.made) / (ms / 1000)).toFixed(0)} a second, ${after.removals} removals`,
  );
}

async function limited() {
  const okta = await startOkta('--delay=50', '--people=250', '--limit=20');
  const company = await world('limited', okta.url, { due: 250 }, ', callsPerSecond: 20');
  const before = await okta.seen();
  console.log('$ oncall sweep --json   # 250 due grants, callsPerSecond: 20, Okta at 50 ms a call, which refuses above 20 a second');
  const { ms, stdout } = run(company, 'sweep', '--json');
  const [result, after] = [JSON.parse(stdout), await okta.seen()];
  const made = after.made - before.made;
  const least = (made / (20 * 0.8)) * 1000;
  figure('sweep-limited-wall', (ms / least).toFixed(3), 1.05, ms <= least * 1.05, 'x');
  figure('sweep-limited-ended', result.ended, 250, result.ended === 250 && after.members === 0);
  figure('sweep-limited-refused', after.refused, 0, after.refused === 0);
  console.log(`  ${made} calls in ${(ms / 1000).toFixed(1)} s; at the sweep's share, 16 a second, at least ${(least / 1000).toFixed(1)} s`);
}

async function status() {
  const okta = await startOkta('--delay=0', '--people=0');
  const worlds = [
    await world('small', okta.url, { past: 10_000, live: 10 }),
    await world('large', okta.url, { past: 1_000_000, live: 10 }),
  ];
  const [small, large] = worlds;
  for (const args of [['status'], ['sweep', '--dry-run'], ['sweep']]) {
    console.log(`$ oncall ${args.join(' ')}   # 1,000,000 past grants against 10,000, interleaved`);
    const samples = await interleaved(
      [small, large].map((one) => () => run(one, ...args).ms),
      15,
    );
    const ratio = ratioOf(samples[1], samples[0]);
    figure(`${args.join('-')}-1M/10k`, ratio.toFixed(3), 1.1, ratio <= 1.1, 'x');
  }
}

async function races() {
  const okta = await startOkta('--delay=10', '--people=1000');
  const company = await world('races', okta.url, { due: 1000 });
  console.log('$ oncall sweep & … 8 at once   # 1,000 due grants');
  const from = performance.now();
  const exits = await Promise.all(Array.from({ length: 8 }, () => start(company, 'sweep')));
  const seconds = (performance.now() - from) / 1000;
  // What another held is due again when that one's claim would have run out.
  const { events } = JSON.parse(run(company, 'audit', 'list', '--limit', '1000000', '--json').stdout);
  const ended = events.filter(({ type }) => type === 'grant.ended').map(({ grantId, requestId }) => grantId ?? requestId);
  const after = await okta.seen();
  figure('race-8-sweepers-ended', ended.length, 1000, ended.length === 1000 && after.members === 0);
  figure('race-8-sweepers-ended-twice', ended.length - new Set(ended).size, 0, new Set(ended).size === ended.length);
  figure(
    'race-8-sweepers-failed',
    exits.filter((exit) => exit !== 0).length,
    0,
    exits.every((exit) => exit === 0),
  );
  console.log(`  ${seconds.toFixed(1)} s, ${after.removals} removals`);
}

const figures = { due, limited, status, races };
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
setup();
try {
  for (const name of asked.length === 0 ? Object.keys(figures) : asked) await figures[name]();
  process.exitCode = missed === 0 ? 0 : 1;
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
