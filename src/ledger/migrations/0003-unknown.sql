-- What access ends with is asked of others, and they may not answer.

-- Since when no sweep could find out whether a rule that it ends with still holds; NULL where the last one could.
ALTER TABLE requests ADD COLUMN unknown_since INTEGER;
