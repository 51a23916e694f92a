-- Several hosts on one ledger: who changed the schema, which transactions came through, and what was answered to whom.

-- The number of the last migration, where every transaction sees it: a broker that was started before an upgrade must not go on after it.
ALTER TABLE ledger ADD COLUMN schema INTEGER;
-- Where the ledger was copied to; from then on nothing is written here.
ALTER TABLE ledger ADD COLUMN moved_to TEXT;
-- The head that some host has kept and that is no part of the chain: for all the others, whose own is older than the loss.
ALTER TABLE ledger ADD COLUMN lost TEXT;

CREATE TABLE upgrades (
  version INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  host TEXT NOT NULL,
  program TEXT NOT NULL
);

-- One row per transaction on PostgreSQL, for an hour: a COMMIT whose answer was lost is looked up here.
CREATE TABLE commits (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL
);
CREATE INDEX commits_at ON commits (at);

-- By idempotency key of one person; without a status while somebody is at it.
CREATE TABLE answers (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  key TEXT NOT NULL,
  -- Of the operation and its input.
  digest TEXT NOT NULL,
  status INTEGER,
  body TEXT,
  at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject, key)
);
CREATE INDEX answers_at ON answers (at);
