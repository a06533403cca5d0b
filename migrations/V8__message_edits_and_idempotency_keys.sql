-- A message can be edited by its author, and is posted once however often a client sends it.

ALTER TABLE messages ADD COLUMN edited_at timestamptz;
COMMENT ON COLUMN messages.edited_at IS 'When the text was last changed; NULL if it is as it was published.';

-- What was answered to POST /messages under a key that the client chose, so that a request that is
-- sent again posts nothing again. The text is a record of that answer: the message may have been
-- edited or deleted since. Not a reference to messages, for the same reason.
CREATE TABLE idempotency_keys (
    user_id      bigint      NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    message_id   bigint      NOT NULL,
    text         text        NOT NULL,
    published_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key),
    CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT idempotency_keys_key_form CHECK (key ~ '^[\x21-\x7e]{1,255}$')
);
COMMENT ON TABLE idempotency_keys IS 'The first answer to each Idempotency-Key of each user; rows of more than a day are swept.';

CREATE INDEX idempotency_keys_published_at_idx ON idempotency_keys (published_at);
COMMENT ON INDEX idempotency_keys_published_at_idx IS 'The sweep of old keys.';
