/** Fills a ledger with grants of many people, as `request` would have left them: `past` are over, `due` should have ended a second ago, `live` last for a day. */

const decision = JSON.stringify({
  outcome: 'allow',
  heldBy: ['one.allow[0]'],
  endsWith: [],
  undecided: false,
  approvers: [],
  findings: [],
  policyDigest: '0',
});

export async function fill(path, { past = 0, due = 0, live = 0 }) {
  const { default: Database } = await import('libsql');
  const database = new Database(path);
  const insert = inserter(database);
  const now = Date.now();
  database.exec('BEGIN');
  for (let index = 0; index < past; index += 1) {
    const end = 1_700_000_000_000 + index * 1000;
    add(insert, { id: `past-${index}`, person: 100_000 + index, start: end - 3_600_000, end, state: 'ended' });
  }
  for (let index = 0; index < due; index += 1)
    add(insert, { id: `due-${index}`, person: index, start: now - 3_600_000, end: now - 1000, state: 'active' });
  for (let index = 0; index < live; index += 1)
    add(insert, { id: `live-${index}`, person: 50_000 + index, start: now, end: now + 86_400_000, state: 'active' });
  database.exec('COMMIT');
  database.close();
}

/** Columns that have come since and may not be empty are 0. */
function inserter(database) {
  const prepared = new Map();
  const prepare = (table, named) => {
    const all = database.prepare(`PRAGMA table_info(${table})`).all();
    const others = all.filter(({ name, notnull }) => notnull === 1 && !named.includes(name));
    const columns = [...named, ...others.map(({ name }) => name)];
    const statement = database.prepare(`INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`);
    return (values) => statement.run(...values, ...others.map(() => 0));
  };
  return (table, row) => {
    if (!prepared.has(table)) prepared.set(table, prepare(table, Object.keys(row)));
    prepared.get(table)(Object.values(row));
  };
}

function add(insert, { id, person, start, end, state }) {
  const email = `user-${person}@example.com`;
  const group = person % 10;
  const open = state === 'ended' ? 0 : 1;
  insert('requests', {
    id,
    issuer: 'local',
    subject: email,
    email,
    role: 'one',
    targets: JSON.stringify([{ directory: 'okta', group: `group-${group}` }]),
    asked: '{"byDefault":true}',
    state: 'approved',
    open,
    requested_at: start,
    starts_at: start,
    expires_at: end,
    decision,
    approvals: '[]',
    version: 1,
  });
  insert('memberships', {
    id: `membership-${id}`,
    directory: 'okta',
    account: '00oBENCHBENCHBENCHBE',
    holder: email,
    user_id: `00u${String(person).padStart(17, '0')}`,
    user_name: email,
    group_id: `00g${String(group).padStart(17, '0')}`,
    group_name: `group-${group}`,
    owned: open === 1 ? 1 : null,
    add_by: start,
    unanswered_until: 0,
    busy_until: 0,
    quiet_until: 0,
    remove_by: 0,
    version: 1,
  });
  insert('grants', {
    id: `${id}.1`,
    request_id: id,
    membership_id: `membership-${id}`,
    target: JSON.stringify({ directory: 'okta', group: `group-${group}` }),
    state,
    end_reason: open === 1 ? null : 'expired',
    attempts: 0,
    next_attempt_at: end,
    created_at: start,
    activated_at: start,
    ended_at: open === 1 ? null : end,
    version: 1,
  });
}
