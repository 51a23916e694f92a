-- The ledger. Instants are epoch milliseconds of the ledger's clock; ids are text; JSON columns hold what is only ever read whole.

CREATE TABLE ledger (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  -- The latest instant ever seen: the ledger's clock never goes back.
  clock INTEGER NOT NULL,
  -- What the host's own clock said then. Where that is set back, the ledger's goes on from where it was.
  host INTEGER NOT NULL
);

CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  email TEXT NOT NULL,
  role TEXT NOT NULL,
  targets TEXT NOT NULL,
  reason TEXT,
  incident TEXT,
  asked TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'withdrawn', 'expired')),
  -- 1 while pending, or approved with a grant that has not ended.
  open INTEGER NOT NULL,
  requested_at INTEGER NOT NULL,
  pending_until INTEGER,
  starts_at INTEGER,
  expires_at INTEGER,
  decision TEXT NOT NULL,
  approvals TEXT NOT NULL,
  -- When a sweep first found that none of the rules it ends with holds any more.
  unheld_since INTEGER,
  version INTEGER NOT NULL
);
CREATE UNIQUE INDEX requests_open ON requests (issuer, subject, role) WHERE open = 1;
CREATE INDEX requests_pending ON requests (pending_until) WHERE state = 'pending';

CREATE TABLE memberships (
  id TEXT PRIMARY KEY,
  directory TEXT NOT NULL,
  account TEXT NOT NULL,
  holder TEXT NOT NULL,
  user_id TEXT NOT NULL,
  user_name TEXT NOT NULL,
  group_id TEXT NOT NULL,
  group_name TEXT NOT NULL,
  owned INTEGER,
  add_by INTEGER,
  unanswered_until INTEGER NOT NULL,
  -- 1 while the holder's sessions have still to be ended once this is removed.
  end_sessions INTEGER NOT NULL,
  busy_until INTEGER NOT NULL,
  quiet_until INTEGER NOT NULL,
  remove_by INTEGER NOT NULL,
  version INTEGER NOT NULL
);
-- In this order it also finds everybody of a group.
CREATE UNIQUE INDEX memberships_pin ON memberships (directory, group_id, user_id, account);
CREATE INDEX memberships_unanswered ON memberships (unanswered_until) WHERE unanswered_until > 0;

CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL REFERENCES requests (id),
  membership_id TEXT NOT NULL REFERENCES memberships (id),
  -- As the request named it; the membership knows what it was found as.
  target TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('activating', 'active', 'revoking', 'ended')),
  end_reason TEXT,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  last_error TEXT,
  -- What somebody has to do about that error; NULL where it passes by itself.
  next_step TEXT,
  created_at INTEGER NOT NULL,
  activated_at INTEGER,
  ended_at INTEGER,
  version INTEGER NOT NULL
);
CREATE UNIQUE INDEX grants_one ON grants (request_id, membership_id) WHERE state IN ('activating', 'active');
CREATE INDEX grants_due ON grants (next_attempt_at) WHERE state <> 'ended';
CREATE INDEX grants_of_request ON grants (request_id);
CREATE INDEX grants_of_membership ON grants (membership_id) WHERE state <> 'ended';

-- One row per place of a role with `maxHolders`; freed when every grant of the request has ended.
CREATE TABLE slots (
  role TEXT NOT NULL,
  place INTEGER NOT NULL,
  request_id TEXT NOT NULL REFERENCES requests (id),
  PRIMARY KEY (role, place)
);
CREATE INDEX slots_of_request ON slots (request_id);

-- A directory's name stands for one account for ever.
CREATE TABLE directories (
  name TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  heartbeat_at INTEGER,
  reconciled_at INTEGER
);

CREATE TABLE managed_groups (
  directory TEXT NOT NULL,
  group_id TEXT NOT NULL,
  group_name TEXT NOT NULL,
  first_read_at INTEGER NOT NULL,
  -- Exclusive groups only: when a reading first found nobody in it whom no grant explains; from then on strangers are taken out.
  clean_at INTEGER,
  PRIMARY KEY (directory, group_id)
);

-- Members that no grant explains. `baseline`: there at the first reading. `drift`: came later.
CREATE TABLE strangers (
  directory TEXT NOT NULL,
  group_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  user_name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('baseline', 'drift')),
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (directory, group_id, user_id)
);

-- hash = SHA-256("oncall.audit.v1\n" || prev || "\n" || hex SHA-256(body)), hex; body is canonical JSON (RFC 8785).
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  prev TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
);
CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
