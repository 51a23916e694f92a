/** How fast `oncall audit verify` goes over a long chain: the whole process, start included, held to 50,000 events a second. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import canonicalize from 'canonicalize';
import Libsql from 'libsql';
import { bin, environment, median, timed } from './bench-process.mjs';
import { setup } from './setup.mjs';

const events = Number(process.argv[2] ?? 200_000);
const least = 50_000;

const policy = `version: 1
ledger: ./oncall.db
directories: { local: { path: ./groups.json } }
roles: { db-admin: { targets: { local: db-admins }, allow: [{ user: maria@example.com }] } }
`;

const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** As a request that a rule lets in records it. */
const record = (seq, ledger) => ({
  actor: { issuer: 'https://example.okta.com', subject: '00u1b2c3d4e5f6g7h8i9', email: 'maria@example.com' },
  at: 1_700_000_000_000 + seq * 60_000,
  data: {
    startsAt: 1,
    expiresAt: 2,
    by: 'policy',
    findings: [{ rule: 'db-admin.allow[0]', effect: 'allow', holds: true, because: 'is maria', fetchedAt: 1 }],
  },
  holder: 'maria@example.com',
  ledger,
  policyDigest: sha256('policy'),
  requestId: 'k7m2xq',
  role: 'db-admin',
  seq,
  type: 'request.approved',
});

function fill(path) {
  const database = new Libsql(path);
  const ledger = database.prepare('SELECT id FROM ledger').get().id;
  const insert = database.prepare('INSERT INTO events (seq, body, prev, hash) VALUES (?, ?, ?, ?)');
  let prev = '0'.repeat(64);
  database.exec('BEGIN');
  for (let seq = 1; seq <= events; seq += 1) {
    const body = canonicalize(record(seq, ledger));
    const hash = sha256(`oncall.audit.v1\n${prev}\n${sha256(body)}`);
    insert.run(seq, body, prev, hash);
    prev = hash;
  }
  database.exec('COMMIT');
  database.close();
}

await setup();
const at = mkdtempSync(join(tmpdir(), 'oncall-bench-audit-'));
try {
  writeFileSync(join(at, 'oncall.yaml'), policy, { mode: 0o600 });
  writeFileSync(join(at, 'groups.json'), JSON.stringify({ users: ['maria@example.com'], groups: { 'db-admins': [] } }));
  const own = { HOME: at, XDG_CACHE_HOME: join(at, 'cache'), XDG_STATE_HOME: join(at, 'state'), ONCALL_POLICY: join(at, 'oncall.yaml') };
  const options = { cwd: at, env: environment({ ...own, ONCALL_USER: 'maria@example.com' }) };
  timed(process.execPath, [bin, 'sweep'], options);
  fill(join(at, 'oncall.db'));
  // Keeps the head, so that it is held against that as well.
  timed(process.execPath, [bin, 'sweep'], options);
  const times = Array.from({ length: 5 }, () => timed(process.execPath, [bin, 'audit', 'verify'], options).ms);
  const rate = Math.round((events / median(times)) * 1000);
  console.log(`${events} events in ${Math.round(median(times))} ms: ${rate} a second (at least ${least})`);
  process.exitCode = rate >= least ? 0 : 1;
} finally {
  rmSync(at, { recursive: true, force: true });
}
