-- The five patterns: why somebody has access, who stands in line, what has to be looked at afterwards, who has been told.

-- 'asked', 'break-glass', 'rotation', 'standing' or 'adopted': one person may have the same role in several ways at once.
ALTER TABLE requests ADD COLUMN origin TEXT NOT NULL DEFAULT 'asked';
DROP INDEX requests_open;
CREATE UNIQUE INDEX requests_open ON requests (issuer, subject, role, origin) WHERE open = 1;
