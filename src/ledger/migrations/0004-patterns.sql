-- The five patterns: why somebody has access, who stands in line, what has to be looked at afterwards, who has been told.

-- 'asked', 'break-glass', 'rotation', 'standing' or 'adopted': one person may have the same role in several ways at once.
ALTER TABLE requests ADD COLUMN origin TEXT NOT NULL DEFAULT 'asked';
DROP INDEX requests_open;
CREATE UNIQUE INDEX requests_open ON requests (issuer, subject, role, origin) WHERE open = 1;

-- What the policy gives by itself (a rotation, standing access) is looked up by whom it is for.
CREATE INDEX requests_by_policy ON requests (subject, role, requested_at) WHERE issuer = 'policy';

-- What a sweep found that lasts, so that it is told once: of a topic and a subject, what.
CREATE TABLE told (
  topic TEXT NOT NULL,
  subject TEXT NOT NULL,
  what TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (topic, subject)
);

-- Who waits for a place of a role with `maxHolders`, beside `state` 'pending', which cannot be given more values: 'queued', then 'offered'.
ALTER TABLE requests ADD COLUMN line TEXT CHECK (line IN ('queued', 'offered'));
-- The order, by numbers and not by the clock; NULL for whoever is in no line.
ALTER TABLE requests ADD COLUMN line_no INTEGER;
CREATE UNIQUE INDEX requests_line ON requests (role, line_no) WHERE line IS NOT NULL;

-- One for each time that somebody broke the glass; NULL until somebody else has looked at it.
CREATE TABLE reviews (
  request_id TEXT PRIMARY KEY REFERENCES requests (id),
  due_at INTEGER NOT NULL,
  reviewed_at INTEGER
);
CREATE INDEX reviews_open ON reviews (due_at) WHERE reviewed_at IS NULL;

-- How far each channel of `notify` has been told of the events, and which process is telling it.
CREATE TABLE channels (
  channel TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  busy_until INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  failing_since INTEGER,
  last_error TEXT,
  next_step TEXT,
  -- Notices that were given up, of which it has not been told yet.
  missed INTEGER NOT NULL,
  version INTEGER NOT NULL
);

-- Of each rotation that a role follows: when an answer was last acted on as a whole (0: never); as JSON why nobody can say who is on call, and who was
-- not taken out of it without an admin's word.
CREATE TABLE rotations (
  role TEXT PRIMARY KEY,
  answered_at INTEGER NOT NULL,
  unanswered TEXT,
  refused TEXT
);

-- Some directories keep the end of a membership themselves, and let nobody in by it afterwards.
-- The end that the directory was told last, and acknowledged. NULL: it keeps none, or nothing of ours is in it; 0: not known, as a call is under way or was never answered.
ALTER TABLE memberships ADD COLUMN told_until INTEGER;
CREATE INDEX memberships_told ON memberships (told_until) WHERE told_until IS NOT NULL;
