/** Times whole processes of the built CLI against `node -e 0`, interleaved in one run, and holds them to the goals below; then requests, then a broker. `--only=broker` measures that alone; `--write` puts the tables into docs/performance.md. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { aboutBrokers, measureBrokers } from './bench-broker.mjs';
import { bin, environment, interleaved, median, peakMemoryMb, ratioOf, root, rounds, table, timed, warmUp } from './bench-process.mjs';
import { aboutRequests, measureRequests } from './bench-request.mjs';
import { aboutRosters, measureRosters } from './bench-rosters.mjs';
import { setup } from './setup.mjs';

const pastGrants = 10_000;
const people = rounds + warmUp;

const policy = `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { local: db-admins }
    allow: [{ onCall: file/primary, until: shift }]
`;

function makeWorld(folder, name) {
  const at = join(folder, name);
  const users = Array.from({ length: people }, (_, index) => `user-${index}@example.com`);
  const end = new Date(Date.now() + 30 * 86_400_000).toISOString();
  const shifts = users.map((user) => `    - { user: ${user}, start: 2026-01-01T00:00:00Z, end: ${end} }`);
  mkdirSync(at);
  writeFileSync(join(at, 'oncall.yaml'), policy, { mode: 0o600 });
  writeFileSync(join(at, 'groups.json'), JSON.stringify({ users, groups: { 'db-admins': [] } }));
  writeFileSync(join(at, 'schedule.yaml'), `schedules:\n  primary:\n${shifts.join('\n')}\n`);
  const own = {
    ONCALL_POLICY: join(at, 'oncall.yaml'),
    ONCALL_USER: users[0],
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
  };
  return { at, env: environment(own), users };
}

const run = (world, args, { env = {}, node = [] } = {}) =>
  timed(process.execPath, [...node, ...args], { cwd: world.at, env: { ...world.env, ...env } });

async function fillLedger(path) {
  const { default: Database } = await import('libsql');
  const database = new Database(path);
  const decision = JSON.stringify({
    outcome: 'allow',
    heldBy: ['db-admin.allow[0]'],
    endsWith: [],
    undecided: false,
    approvers: [],
    findings: [],
    policyDigest: '0',
  });
  database.exec('BEGIN');
  const insert = (table, row) =>
    database
      .prepare(
        `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${Object.keys(row)
          .map(() => '?')
          .join()})`,
      )
      .run(...Object.values(row));
  for (let index = 0; index < pastGrants; index += 1) {
    const [at, email, request, membership] = [
      1_700_000_000_000 + index * 60_000,
      `past-${index}@example.com`,
      `past${index}`,
      `membership-${index}`,
    ];
    const [start, end] = [at, at + 3_600_000];
    insert('requests', {
      id: request,
      issuer: 'local',
      subject: email,
      email,
      role: 'db-admin',
      targets: '[{"directory":"local","group":"db-admins"}]',
      asked: '{"byDefault":true}',
      state: 'approved',
      open: 0,
      requested_at: at,
      starts_at: start,
      expires_at: end,
      decision,
      approvals: '[]',
      version: 3,
    });
    insert('memberships', {
      id: membership,
      directory: 'local',
      account: 'past',
      holder: email,
      user_id: email,
      user_name: email,
      group_id: 'db-admins',
      group_name: 'db-admins',
      owned: 1,
      end_sessions: 0,
      add_by: at,
      unanswered_until: 0,
      busy_until: 0,
      quiet_until: 0,
      remove_by: 0,
      version: 3,
    });
    insert('grants', {
      id: `grant-${index}`,
      request_id: request,
      membership_id: membership,
      target: '{"directory":"local","group":"db-admins"}',
      state: 'ended',
      end_reason: 'expired',
      attempts: 0,
      next_attempt_at: end,
      created_at: at,
      activated_at: start,
      ended_at: end,
      version: 4,
    });
  }
  database.exec('COMMIT');
  database.close();
}

async function measure(past, fresh) {
  const cases = [
    { name: 'node -e 0', run: () => run(past, ['-e', '0']) },
    { name: 'oncall --version', goal: 1.3, run: () => run(past, [bin, '--version']) },
    { name: 'oncall --help', goal: 1.4, run: () => run(past, [bin, '--help']) },
    { name: 'oncall status, 10,000 past grants', goal: 2.3, run: () => run(past, [bin, 'status']) },
    { name: 'oncall sweep, nothing due', goal: 2.3, run: () => run(past, [bin, 'sweep']) },
    {
      name: 'oncall request, local directory and file roster',
      goal: 3.5,
      run: (round) => run(fresh, [bin, 'request', 'db-admin'], { env: { ONCALL_USER: fresh.users[round] } }),
    },
    { name: 'oncall status, policy not remembered', run: () => run(past, [bin, 'status'], { env: { XDG_CACHE_HOME: '/dev/null' } }) },
  ];
  const samples = await interleaved(
    cases.map((each) => (round) => each.run(round).ms),
    rounds,
  );
  return cases.map(({ name, goal }, index) => {
    const ratio = ratioOf(samples[index], samples[0]);
    return {
      name,
      measured: `${ratio.toFixed(2)} x`,
      limit: goal === undefined ? '' : `<= ${goal} x`,
      more: `${median(samples[index]).toFixed(0)} ms`,
      missed: goal !== undefined && ratio > goal,
    };
  });
}

const asTable = (rows) =>
  table(
    ['what', 'measured', 'goal', 'median'],
    rows.map(({ name, measured, limit, more }) => [name, measured, limit, more]),
  );

async function starting(folder) {
  const [past, fresh] = ['past', 'fresh'].map((name) => makeWorld(folder, name));
  for (const world of [past, fresh]) run(world, [bin, 'sweep']);
  await fillLedger(join(past.at, 'oncall.db'));
  const rows = await measure(past, fresh);
  const peak = peakMemoryMb({ at: past.at, options: { cwd: past.at, env: past.env } }, ['status']);
  return [
    ...rows,
    { name: 'oncall status, peak memory', measured: `${peak.toFixed(0)} MB`, limit: '<= 60 MB', more: '', missed: peak > 60 },
  ];
}

const parts = {
  starting: { title: 'Starting', about: 'Medians of the ratio to `node -e 0` of the same round.', rows: starting },
  request: { title: 'A request', about: aboutRequests, rows: (folder) => measureRequests(folder, rounds) },
  rosters: { title: 'Several rosters', about: aboutRosters, rows: (folder) => measureRosters(folder, rounds) },
  broker: { title: 'Through a broker', about: aboutBrokers, rows: (folder) => measureBrokers(folder, rounds) },
};

function asked() {
  const only = /^--only=(.*)$/.exec(process.argv.find((argument) => argument.startsWith('--only=')) ?? '')?.[1];
  const names = only?.split(',') ?? Object.keys(parts);
  const unknown = names.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) throw new Error(`--only=${unknown}: there are ${Object.keys(parts).join(', ')}`);
  return names.map((name) => parts[name]);
}

const all = asked();
setup();
const folder = mkdtempSync(join(tmpdir(), 'oncall-bench-'));
try {
  const sections = [];
  const missed = [];
  for (const { title, about, rows: measured } of all) {
    const rows = await measured(folder);
    sections.push(`## ${title}\n\n${about}\n\n${asTable(rows)}`);
    missed.push(...rows.filter((row) => row.missed));
  }
  const outside = process.env.NODE_EXTRA_CA_CERTS ? ' (it was set outside)' : '';
  const how = `Node ${process.version}, ${cpus().length} cores, ${rounds} rounds, interleaved. NODE_EXTRA_CA_CERTS: unset for all of it but the clients of a broker${outside}.`;
  const report = [how, ...sections].join('\n\n');
  console.log(report);
  if (process.argv.includes('--write') && all.length === Object.keys(parts).length) {
    const head =
      '# Performance\n\nWritten by `npm run bench -- --write`; a part of it again: `npm run bench -- --only=broker` (or `starting`, `request`, `rosters`). Trust the ratios before the milliseconds. What many grants cost: [scale.md](scale.md).';
    writeFileSync(join(root, 'docs/performance.md'), `${head}\n\n${report}\n`);
  }
  for (const { name, measured, limit } of missed) console.log(`missed: ${name}: ${measured}, goal ${limit}`);
  process.exitCode = missed.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
