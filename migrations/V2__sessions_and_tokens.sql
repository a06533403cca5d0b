-- Sessions and tokens are in the database, so they survive a restart and are valid on every replica.

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
COMMENT ON TABLE sessions IS 'Sessions of browsers. Each row has only the SHA-256 of the session''s token. The server deletes expired rows.';

CREATE INDEX sessions_user_id_idx ON sessions (user_id);
COMMENT ON INDEX sessions_user_id_idx IS 'The sessions of a user, to delete them with a new password or with the user.';
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
COMMENT ON INDEX sessions_expires_at_idx IS 'Deletion of expired sessions.';

-- Browsers send a cookie to every port of a host. So each instance has names of its own for its cookies, and two
-- instances on one host do not end each other's sessions. The first server inserts the row.
CREATE TABLE instance (
    only_row   boolean     NOT NULL DEFAULT true,
    name       text        NOT NULL DEFAULT left(gen_random_uuid()::text, 8),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT instance_pkey PRIMARY KEY (only_row),
    CONSTRAINT instance_only_row CHECK (only_row),
    CONSTRAINT instance_name_form CHECK (name ~ '^[0-9a-f]{8}$')
);
COMMENT ON TABLE instance IS 'One row: the name of this instance in the names of its cookies. Servers read session cookies with their former name for one session lifetime after created_at.';

CREATE TABLE api_tokens (
    token_id     bigint      GENERATED ALWAYS AS IDENTITY,
    user_id      bigint      NOT NULL,
    token_hash   bytea       NOT NULL,
    name         text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    scopes       text[]      NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (token_id),
    CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT api_tokens_token_hash_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT api_tokens_name_length CHECK (char_length(name) BETWEEN 1 AND 64),
    CONSTRAINT api_tokens_name_characters CHECK (name !~ '[\u0001-\u001f\u007f-\u009f]'),
    CONSTRAINT api_tokens_name_trimmed CHECK (name COLLATE "C" !~ '^[[:space:]]|[[:space:]]$'),
    CONSTRAINT api_tokens_expire_after_creation CHECK (expires_at > created_at),
    CONSTRAINT api_tokens_scopes_known CHECK (scopes <@ ARRAY['read', 'write', 'account']),
    CONSTRAINT api_tokens_scopes_not_empty CHECK (cardinality(scopes) > 0)
);
COMMENT ON TABLE api_tokens IS 'Bearer tokens of the JSON API. Each row has only the SHA-256 of the token. The server deletes expired rows.';
COMMENT ON COLUMN api_tokens.scopes IS 'What the token permits: read, write, account.';
COMMENT ON COLUMN api_tokens.last_used_at IS 'The last use, up to a minute old; NULL if the token was never used.';

CREATE INDEX api_tokens_user_id_idx ON api_tokens (user_id, token_id);
COMMENT ON INDEX api_tokens_user_id_idx IS 'The tokens of a user, newest first.';
CREATE INDEX api_tokens_expires_at_idx ON api_tokens (expires_at);
COMMENT ON INDEX api_tokens_expires_at_idx IS 'Deletion of expired tokens.';

-- An attacker who sends wrong passwords for an account must not deny its owner a sign-in. So the limit of wrong
-- passwords does not apply to clients from which the account has signed in before.
CREATE TABLE known_clients (
    user_id      bigint      NOT NULL,
    client_hash  bytea       NOT NULL,
    last_sign_in timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT known_clients_pkey PRIMARY KEY (user_id, client_hash),
    CONSTRAINT known_clients_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT known_clients_client_hash_sha256 CHECK (octet_length(client_hash) = 32)
);
COMMENT ON TABLE known_clients IS 'The networks and browsers from which a user has signed in. Each row has only the SHA-256 of the network''s address or of the token in the browser''s cookie. The server deletes old rows.';
COMMENT ON COLUMN known_clients.last_sign_in IS 'The last sign-in, up to a day too early: most sign-ins do not write it.';

CREATE INDEX known_clients_last_sign_in_idx ON known_clients (last_sign_in);
COMMENT ON INDEX known_clients_last_sign_in_idx IS 'Deletion of clients that were last seen long ago.';

-- The lock makes a concurrent change of the password wait, and waits for one that has begun: revoke_sessions_and_tokens
-- says why. Most sign-ins do not write known_clients, because its times are at most one day old.
CREATE FUNCTION sign_in(account_id bigint, verified_hash text, client_hashes bytea[]) RETURNS SETOF bigint
    LANGUAGE sql VOLATILE ROWS 1
AS $$
    WITH account AS MATERIALIZED (
        SELECT user_id FROM users
        WHERE user_id = account_id AND password_hash = verified_hash AND disabled_at IS NULL
        FOR SHARE),
    seen AS (
        INSERT INTO known_clients AS known (user_id, client_hash)
        SELECT user_id, client_hash FROM account CROSS JOIN unnest(client_hashes) AS client_hash
        ON CONFLICT ON CONSTRAINT known_clients_pkey DO UPDATE SET last_sign_in = now()
            WHERE known.last_sign_in < now() - interval '1 day')
    SELECT user_id FROM account
$$;
COMMENT ON FUNCTION sign_in IS 'Locks the row of a user who signs in, and inserts the user''s clients as known. Returns the user_id; no row if the password has changed since it was verified, or if the account is disabled or no longer exists.';

-- A new password, and an operator who disables the user, revoke all sessions and tokens of the user and forget all
-- known clients, which may be a thief's. A new hash of the same password does not.
--
-- A statement does not see sessions that are committed after it began. So each sign-in locks the user's row, and the
-- sign-in and the password change wait for each other. The trigger's function runs after that wait and sees the new
-- session.
CREATE FUNCTION revoke_sessions_and_tokens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Keeps the session of the browser that changes the password, and the browser itself: the same transaction wrote
    -- these rows.
    DELETE FROM sessions WHERE user_id = NEW.user_id AND xmin <> pg_current_xact_id()::xid;
    DELETE FROM known_clients WHERE user_id = NEW.user_id AND xmin <> pg_current_xact_id()::xid;
    DELETE FROM api_tokens WHERE user_id = NEW.user_id;
    RETURN NULL;
END $$;

CREATE TRIGGER users_revoke_sessions_and_tokens AFTER UPDATE OF password_hash, disabled_at ON users
    FOR EACH ROW WHEN ((OLD.password_hash IS DISTINCT FROM NEW.password_hash
                        AND OLD.password_renewed_at IS NOT DISTINCT FROM NEW.password_renewed_at)
                       OR (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL))
    EXECUTE FUNCTION revoke_sessions_and_tokens();
