-- Events get what they are searched by, and a chain of hashes. Those from before the chain keep their place in
-- front of it, without a hash.
ALTER TABLE audit_events ADD COLUMN outcome TEXT NOT NULL DEFAULT 'allowed';
ALTER TABLE audit_events ADD COLUMN subject_id INTEGER; -- the token that it is about; token_id says who did it
ALTER TABLE audit_events ADD COLUMN uses INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0); -- of the token's value
ALTER TABLE audit_events ADD COLUMN hash BLOB CHECK (length(hash) = 32);

CREATE INDEX audit_events_by_time ON audit_events (at);
CREATE INDEX audit_events_by_token ON audit_events (token_id, at) WHERE token_id IS NOT NULL;
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, at) WHERE subject_id IS NOT NULL;
CREATE INDEX audit_events_by_environment ON audit_events (environment_id, at);

-- The one chain of this database.
CREATE TABLE audit_chain (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL, -- random: the first hash is made of it
    base_sequence INTEGER NOT NULL, -- the last event before the chain, or the last one that was removed by its age
    base_hash BLOB CHECK (length(base_hash) = 32), -- NULL: made of the name
    head_sequence INTEGER NOT NULL,
    head_hash BLOB CHECK (length(head_hash) = 32), -- NULL: the base's
    counted_through INTEGER NOT NULL, -- the uses that events up to this one tell of are in the tables of usage
    runs_from INTEGER NOT NULL -- every run that began before this event has its end
) STRICT;

INSERT INTO audit_chain (one, name, base_sequence, head_sequence, counted_through, runs_from)
SELECT 1, lower(hex(randomblob(16))), coalesce(max(sequence), 0), coalesce(max(sequence), 0), coalesce(max(sequence), 0), 0
FROM audit_events;

CREATE TABLE usage_days (
    token_id INTEGER NOT NULL REFERENCES tokens (id),
    day INTEGER NOT NULL, -- days since 1970-01-01, in UTC
    environment_id INTEGER NOT NULL, -- -1: none
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (token_id, day, environment_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_days_by_day ON usage_days (day);

-- The last addresses of a token, a few of them.
CREATE TABLE usage_addresses (
    token_id INTEGER NOT NULL REFERENCES tokens (id),
    address TEXT NOT NULL,
    last_used_at INTEGER NOT NULL,
    user_agent TEXT,
    PRIMARY KEY (token_id, address)
) STRICT, WITHOUT ROWID;
