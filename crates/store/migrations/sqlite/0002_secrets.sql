-- Values are encrypted (AES-256-GCM) under a key that is not in the database. Authenticated with each value are its
-- environment and its name: a row that was moved or renamed can't be decrypted.
CREATE TABLE environment_secrets (
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    key_id BLOB NOT NULL CHECK (length(key_id) = 8), -- the beginning of a digest of the key
    nonce BLOB NOT NULL CHECK (length(nonce) = 12),
    ciphertext BLOB NOT NULL CHECK (length(ciphertext) BETWEEN 20 AND 65552), -- 16 bytes more than the value
    created_at INTEGER NOT NULL,
    created_by INTEGER REFERENCES tokens (id), -- NULL: whoever commands the host
    updated_at INTEGER NOT NULL,
    updated_by INTEGER REFERENCES tokens (id), -- as created_by
    PRIMARY KEY (environment_id, name),
    UNIQUE (key_id, nonce) -- two values under one nonce would give each other away
) STRICT;
