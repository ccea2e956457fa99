-- Ids are 60-bit numbers, times are microseconds since 1970-01-01T00:00:00Z, as in the embedded database.

CREATE TABLE organizations (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE tokens (
    id BIGINT PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at BIGINT NOT NULL,
    created_by BIGINT REFERENCES tokens (id), -- NULL: whoever set the gateway up
    generation BIGINT NOT NULL CHECK (generation >= 1), -- the newest value's number
    revoked_at BIGINT,
    revoked_by BIGINT REFERENCES tokens (id), -- NULL with revoked_at set: whoever set the gateway up
    revocation_reason TEXT,
    CHECK (revoked_at IS NOT NULL OR (revoked_by IS NULL AND revocation_reason IS NULL))
);

CREATE INDEX tokens_by_age ON tokens (organization_id, created_at, id);

-- One row for each value that a token has had.
CREATE TABLE token_generations (
    token_id BIGINT NOT NULL REFERENCES tokens (id),
    number BIGINT NOT NULL CHECK (number >= 1),
    digest BYTEA NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint TEXT NOT NULL CHECK (length(hint) = 4),
    issued_at BIGINT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'execute', 'admin')),
    all_environments BOOLEAN NOT NULL, -- false: those in generation_environments, which may be none
    expires_at BIGINT, -- NULL: never
    first_used_at BIGINT,
    grace BIGINT CHECK (grace >= 0), -- microseconds
    ended_at BIGINT,
    usage_count BIGINT NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
    last_used_at BIGINT,
    last_used_ip TEXT,
    last_used_user_agent TEXT,
    PRIMARY KEY (token_id, number)
);

-- No foreign key to environments: an id stays in every set that names it, and grants nothing once it is gone.
CREATE TABLE generation_environments (
    token_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    environment_id BIGINT NOT NULL,
    PRIMARY KEY (token_id, number, environment_id),
    FOREIGN KEY (token_id, number) REFERENCES token_generations (token_id, number)
);

CREATE INDEX generations_by_environment ON generation_environments (environment_id, token_id, number);

CREATE TABLE environments (
    id BIGINT PRIMARY KEY, -- rows are never removed, so that an id is never used again
    organization_id BIGINT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'public')),
    release BIGINT, -- NULL: none yet
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    -- What its commands are confined to; of the limits those that are its own, by name.
    network TEXT NOT NULL DEFAULT 'outbound' CHECK (network IN ('outbound', 'none')),
    limits TEXT NOT NULL DEFAULT '{}' CHECK (json_typeof(limits::json) = 'object'),
    end_runs_with_token BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE UNIQUE INDEX environments_by_name ON environments (name) WHERE deleted_at IS NULL;

CREATE TABLE releases (
    environment_id BIGINT NOT NULL REFERENCES environments (id),
    number BIGINT NOT NULL CHECK (number >= 1),
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    pages BIGINT NOT NULL,
    manifest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BIGINT REFERENCES tokens (id),
    PRIMARY KEY (environment_id, number)
);

ALTER TABLE environments ADD FOREIGN KEY (id, release) REFERENCES releases (environment_id, number);

-- Values are encrypted (AES-256-GCM) under a key that is not in the database. Authenticated with each value are its
-- environment and its name: a row that was moved or renamed can't be decrypted.
CREATE TABLE environment_secrets (
    environment_id BIGINT NOT NULL REFERENCES environments (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    key_id BYTEA NOT NULL CHECK (length(key_id) = 8), -- the beginning of a digest of the key
    nonce BYTEA NOT NULL CHECK (length(nonce) = 12),
    ciphertext BYTEA NOT NULL CHECK (length(ciphertext) BETWEEN 20 AND 65552), -- 16 bytes more than the value
    created_at BIGINT NOT NULL,
    created_by BIGINT REFERENCES tokens (id), -- NULL: whoever commands the host
    updated_at BIGINT NOT NULL,
    updated_by BIGINT REFERENCES tokens (id), -- as created_by
    PRIMARY KEY (environment_id, name),
    UNIQUE (key_id, nonce) -- two values under one nonce would give each other away
);

-- Which create or rotate call was made under an Idempotency-Key; never a value.
CREATE TABLE idempotency_keys (
    token_id BIGINT NOT NULL REFERENCES tokens (id),
    key TEXT NOT NULL,
    result_token_id BIGINT NOT NULL REFERENCES tokens (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (token_id, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit_events (
    sequence BIGINT PRIMARY KEY, -- the chain's range and the place in it
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'allowed',
    organization_id BIGINT NOT NULL,
    token_id BIGINT, -- who; NULL: whoever set the gateway up, or a visitor of a public application
    generation BIGINT,
    subject_id BIGINT, -- the token that it is about; token_id says who did it
    environment_id BIGINT,
    address TEXT,
    user_agent TEXT,
    request_id TEXT,
    uses BIGINT NOT NULL DEFAULT 0 CHECK (uses >= 0), -- of the token's value
    detail TEXT NOT NULL CHECK ((detail::json) IS NOT NULL),
    hash BYTEA CHECK (length(hash) = 32)
);

CREATE INDEX audit_events_by_time ON audit_events (at, sequence);
CREATE INDEX audit_events_by_token ON audit_events (token_id, at, sequence) WHERE token_id IS NOT NULL;
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, at, sequence) WHERE subject_id IS NOT NULL;
CREATE INDEX audit_events_by_environment ON audit_events (environment_id, at, sequence);

-- A gateway that has the database open. What it relies on in memory is as of a change; the number is the greatest there
-- is while it relies on nothing.
CREATE TABLE nodes (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    applied BIGINT NOT NULL,
    beat BIGINT NOT NULL DEFAULT 0 -- goes on as long as the gateway does
);

-- A chain of the log. Each is one gateway's at a time; where it begins in the log says which chain it is.
CREATE TABLE audit_chain (
    number BIGINT PRIMARY KEY CHECK (number >= 1),
    holder BIGINT UNIQUE REFERENCES nodes (id) ON DELETE SET NULL, -- NULL: nobody's now
    name TEXT NOT NULL, -- random: the first hash is made of it
    base_sequence BIGINT NOT NULL UNIQUE, -- the last event that was removed by its age
    base_hash BYTEA CHECK (length(base_hash) = 32), -- NULL: made of the name
    head_sequence BIGINT NOT NULL,
    head_hash BYTEA CHECK (length(head_hash) = 32), -- NULL: the base's
    counted_through BIGINT NOT NULL, -- the uses that events up to this one tell of are in the tables of usage
    runs_from BIGINT NOT NULL, -- every run that began before this event has its end
    CHECK (base_sequence >= (number - 1) * 1099511627776 AND base_sequence < number * 1099511627776)
);

-- What changed, numbered in the order of the commits. A row is removed when every gateway has seen it.
CREATE TABLE changes (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('token', 'environment', 'runs')),
    subject_id BIGINT NOT NULL
);

-- The number of the last change. Whoever changes something holds the row until the commit.
CREATE TABLE change_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    number BIGINT NOT NULL,
    database_id TEXT NOT NULL -- random: what its gateways tell each other is told under it
);

INSERT INTO change_head (one, number, database_id) VALUES (1, 0, replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE usage_days (
    token_id BIGINT NOT NULL REFERENCES tokens (id),
    day BIGINT NOT NULL, -- days since 1970-01-01, in UTC
    environment_id BIGINT NOT NULL, -- -1: none
    count BIGINT NOT NULL CHECK (count >= 0),
    PRIMARY KEY (token_id, day, environment_id)
);

CREATE INDEX usage_days_by_day ON usage_days (day);

-- The last addresses of a token, a few of them.
CREATE TABLE usage_addresses (
    token_id BIGINT NOT NULL REFERENCES tokens (id),
    address TEXT NOT NULL,
    last_used_at BIGINT NOT NULL,
    user_agent TEXT,
    PRIMARY KEY (token_id, address)
);

-- Which blobs a token has sent lately, to whichever gateway.
CREATE TABLE uploads (
    token_id BIGINT NOT NULL REFERENCES tokens (id),
    digest TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (token_id, digest)
);

CREATE INDEX uploads_by_age ON uploads (at);
