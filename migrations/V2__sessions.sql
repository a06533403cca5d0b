-- Sign-in state lives in the database, so that it survives a restart and every replica knows it.

CREATE TABLE sessions (
    token_hash bytea       NOT NULL,
    user_id    bigint      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (token_hash),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT sessions_token_hash_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT sessions_expire_after_creation CHECK (expires_at > created_at)
);
COMMENT ON TABLE sessions IS 'Who is signed in. Only the SHA-256 of a session''s token is kept; expired rows are swept.';

CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
COMMENT ON INDEX sessions_expires_at_idx IS 'The sweep of expired sessions.';
