-- What the JSON API keeps of users: bearer tokens, what they tell of themselves, and whether an
-- operator has disabled them; and the indexes by which all that is a user's is found and removed.

CREATE TABLE api_tokens (
    token_id   bigint      GENERATED ALWAYS AS IDENTITY,
    user_id    bigint      NOT NULL,
    token_hash bytea       NOT NULL,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (token_id),
    CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT api_tokens_token_hash_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT api_tokens_name_length CHECK (char_length(name) BETWEEN 1 AND 64),
    CONSTRAINT api_tokens_name_characters CHECK (name !~ '[\u0001-\u001f\u007f-\u009f]'),
    CONSTRAINT api_tokens_name_trimmed CHECK (name COLLATE "C" !~ '^[[:space:]]|[[:space:]]$'),
    CONSTRAINT api_tokens_expire_after_creation CHECK (expires_at > created_at)
);
COMMENT ON TABLE api_tokens IS 'Bearer tokens of the JSON API. Only the SHA-256 of a token is kept; expired rows are swept.';

CREATE INDEX api_tokens_user_id_idx ON api_tokens (user_id, token_id);
COMMENT ON INDEX api_tokens_user_id_idx IS 'The tokens of a user, newest first.';
CREATE INDEX api_tokens_expires_at_idx ON api_tokens (expires_at);
COMMENT ON INDEX api_tokens_expires_at_idx IS 'The sweep of expired tokens.';

-- Absent is NULL: somebody who tells nothing, and somebody who is not disabled.
ALTER TABLE users
    ADD COLUMN display_name text,
    ADD COLUMN bio          text,
    ADD COLUMN disabled_at  timestamptz,
    ADD CONSTRAINT users_display_name_length CHECK (char_length(display_name) BETWEEN 1 AND 64),
    ADD CONSTRAINT users_display_name_characters CHECK (display_name !~ '[\u0001-\u001f\u007f-\u009f]'),
    ADD CONSTRAINT users_display_name_trimmed CHECK (display_name COLLATE "C" !~ '^[[:space:]]|[[:space:]]$'),
    ADD CONSTRAINT users_bio_length CHECK (char_length(bio) BETWEEN 1 AND 160),
    ADD CONSTRAINT users_bio_not_blank CHECK (bio COLLATE "C" ~ '[^[:space:]]');
COMMENT ON COLUMN users.disabled_at IS 'Since when an operator keeps the user out; NULL when nobody does.';

CREATE INDEX sessions_user_id_idx ON sessions (user_id);
COMMENT ON INDEX sessions_user_id_idx IS 'The sessions of a user, which end with a new password and with the user.';

CREATE INDEX follows_followers_idx ON follows (followee_id, created_at, follower_id);
COMMENT ON INDEX follows_followers_idx IS 'Who follows a user, by the time of the follow; and the follows that go with a user.';

-- In place of messages_author_timeline_idx, which leaves out flagged messages, so that those of a
-- user who goes were found by reading all of the table.
CREATE INDEX messages_author_idx ON messages (author_id, flagged, published_at DESC, message_id DESC);
COMMENT ON INDEX messages_author_idx IS 'One user''s messages; the own timeline, which merges those of every followee; and the messages that go with a user.';
DROP INDEX messages_author_timeline_idx;
