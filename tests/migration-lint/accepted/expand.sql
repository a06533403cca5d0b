-- Columns that are empty or have a constant default, a table of its own, and a constraint that is checked later.
ALTER TABLE messages ADD COLUMN language text;
ALTER TABLE messages ADD COLUMN likes bigint DEFAULT 0 NOT NULL;
ALTER TABLE users ADD CONSTRAINT users_bio_trimmed CHECK (bio !~ '^ ') NOT VALID;
CREATE TABLE likes (
    user_id    bigint NOT NULL,
    message_id bigint NOT NULL,
    CONSTRAINT likes_pkey PRIMARY KEY (user_id, message_id)
);
CREATE INDEX likes_message_id_idx ON likes (message_id);
COMMENT ON INDEX likes_message_id_idx IS 'The likes of a message.';
