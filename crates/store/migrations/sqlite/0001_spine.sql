-- Ids are 60-bit numbers, times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE organizations (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at INTEGER NOT NULL,
    created_by INTEGER REFERENCES tokens (id), -- NULL: whoever set the gateway up
    generation INTEGER NOT NULL CHECK (generation >= 1), -- the newest value's number
    revoked_at INTEGER,
    revoked_by INTEGER REFERENCES tokens (id), -- NULL with revoked_at set: whoever set the gateway up
    revocation_reason TEXT,
    CHECK (revoked_at IS NOT NULL OR (revoked_by IS NULL AND revocation_reason IS NULL))
) STRICT;

CREATE INDEX tokens_by_age ON tokens (organization_id, created_at, id);

-- One row for each value that a token has had.
CREATE TABLE token_generations (
    token_id INTEGER NOT NULL REFERENCES tokens (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    hint TEXT NOT NULL CHECK (length(hint) = 4),
    issued_at INTEGER NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'execute', 'admin')),
    all_environments INTEGER NOT NULL CHECK (all_environments IN (0, 1)), -- 0: those in generation_environments, which may be none
    expires_at INTEGER, -- NULL: never
    first_used_at INTEGER,
    grace INTEGER CHECK (grace >= 0), -- microseconds
    ended_at INTEGER,
    usage_count INTEGER NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
    last_used_at INTEGER,
    last_used_ip TEXT,
    last_used_user_agent TEXT,
    PRIMARY KEY (token_id, number)
) STRICT, WITHOUT ROWID;

-- No foreign key to environments: an id stays in every set that names it, and grants nothing once it is gone.
CREATE TABLE generation_environments (
    token_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    environment_id INTEGER NOT NULL,
    PRIMARY KEY (token_id, number, environment_id),
    FOREIGN KEY (token_id, number) REFERENCES token_generations (token_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX generations_by_environment ON generation_environments (environment_id, token_id, number);

CREATE TABLE environments (
    id INTEGER PRIMARY KEY, -- rows are never removed, so that an id is never used again
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'public')),
    release INTEGER, -- NULL: none yet
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    FOREIGN KEY (id, release) REFERENCES releases (environment_id, number)
) STRICT;

CREATE UNIQUE INDEX environments_by_name ON environments (name) WHERE deleted_at IS NULL;

CREATE TABLE releases (
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    manifest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    created_by INTEGER REFERENCES tokens (id),
    PRIMARY KEY (environment_id, number)
) STRICT, WITHOUT ROWID;

-- Which create or rotate call was made under an Idempotency-Key; never a value.
CREATE TABLE idempotency_keys (
    token_id INTEGER NOT NULL REFERENCES tokens (id),
    key TEXT NOT NULL,
    result_token_id INTEGER NOT NULL REFERENCES tokens (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (token_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit_events (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    organization_id INTEGER NOT NULL,
    token_id INTEGER, -- who; NULL: whoever set the gateway up, or a visitor of a public application
    generation INTEGER,
    environment_id INTEGER,
    address TEXT,
    user_agent TEXT,
    request_id TEXT,
    detail TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;
