-- The three tables of the original MiniTwit (user, message, follower) in normal form: foreign keys, timestamps with
-- time zone, and a constraint for each rule of the domain. Lengths count Unicode code points.

-- Lengths count a line break once, also if it is CR LF. Browsers send each line break of a text as CR LF.
CREATE FUNCTION with_line_feeds(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(replace($1, E'\r\n', E'\n'), E'\r', E'\n');
COMMENT ON FUNCTION with_line_feeds IS 'A text with LF for each line break: CR LF, CR or LF.';

CREATE TABLE users (
    user_id       bigint      GENERATED ALWAYS AS IDENTITY,
    -- Collation "C" compares bytes, so equality and order do not change with the C library.
    username      text        COLLATE "C" NOT NULL,
    email         text        NOT NULL,
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    display_name  text,
    bio           text,
    disabled_at   timestamptz,
    password_renewed_at timestamptz,
    password_scheme text      NOT NULL DEFAULT 'bcrypt',
    imported      boolean     NOT NULL DEFAULT false,
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_username_key UNIQUE (username),
    -- Imported users keep their names, except those that cannot be the address of a page. The index of usernames takes
    -- no longer name either.
    CONSTRAINT users_username_address CHECK (octet_length(username) BETWEEN 1 AND 1024 AND username !~ '/' AND username NOT IN ('.', '..')),
    CONSTRAINT users_username_normalized CHECK (username IS NFC NORMALIZED),
    CONSTRAINT users_username_length CHECK (imported OR char_length(username) <= 64),
    CONSTRAINT users_username_characters CHECK (imported OR username !~ '[\u0001-\u001f\u007f-\u009f]'),
    CONSTRAINT users_username_trimmed CHECK (imported OR username !~ '^[[:space:]]|[[:space:]]$'),
    CONSTRAINT users_email_form CHECK (imported OR email LIKE '_%@%_' AND char_length(email) <= 254),
    -- Each scheme has a form of its own, so two hashes of different schemes are never equal. The numbers have upper
    -- bounds, so that the verification of a hash takes seconds and 128 MiB at most (domain/password_hash.rs).
    CONSTRAINT users_password_scheme_known CHECK (password_scheme IN ('bcrypt', 'werkzeug_pbkdf2', 'werkzeug_scrypt', 'predecessor_pbkdf2')),
    CONSTRAINT users_password_hash_bcrypt CHECK (password_scheme <> 'bcrypt' OR password_hash ~
        '^\$2[abxy]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$'),
    CONSTRAINT users_password_hash_werkzeug_pbkdf2 CHECK (password_scheme <> 'werkzeug_pbkdf2' OR password_hash ~
        '^pbkdf2:(sha1|sha256|sha512):([1-9]\d{0,5}|1\d{6}|2000000)\$[\x21-\x23\x25-\x7e]{1,128}\$[0-9a-f]+$'
        AND octet_length(split_part(password_hash, '$', 3)) =
            CASE split_part(password_hash, ':', 2) WHEN 'sha1' THEN 40 WHEN 'sha256' THEN 64 ELSE 128 END),
    CONSTRAINT users_password_hash_werkzeug_scrypt CHECK (password_scheme <> 'werkzeug_scrypt' OR password_hash ~
        '^scrypt:(2|4|8|16|32|64|128|256|512|1024|2048|4096|8192|16384|32768|65536|131072):[1-8]:[1-4]\$[\x21-\x23\x25-\x7e]{1,128}\$[0-9a-f]{128}$'),
    CONSTRAINT users_password_hash_predecessor_pbkdf2 CHECK (password_scheme <> 'predecessor_pbkdf2' OR password_hash ~
        '^([A-Za-z0-9+/]{4}){0,170}([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)\$[A-Za-z0-9+/]{93}[AQgw]==$'),
    CONSTRAINT users_display_name_length CHECK (char_length(display_name) BETWEEN 1 AND 64),
    CONSTRAINT users_display_name_characters CHECK (display_name !~ '[\u0001-\u001f\u007f-\u009f]'),
    CONSTRAINT users_display_name_trimmed CHECK (display_name COLLATE "C" !~ '^[[:space:]]|[[:space:]]$'),
    CONSTRAINT users_bio_length CHECK (char_length(with_line_feeds(bio)) BETWEEN 1 AND 160),
    CONSTRAINT users_bio_not_blank CHECK (bio COLLATE "C" ~ '[^[:space:]]')
);
COMMENT ON TABLE users IS 'Registered users. The e-mail address is private to its owner.';
COMMENT ON COLUMN users.password_hash IS 'The hash of the password, in the form of its scheme.';
COMMENT ON COLUMN users.password_scheme IS 'How password_hash was made. Imported users keep the hash of their old system until they sign in; that replaces it by bcrypt.';
COMMENT ON COLUMN users.imported IS 'Whether the user comes from another system. The rules for new names and e-mail addresses do not hold for these users.';
COMMENT ON COLUMN users.display_name IS 'NULL if the user gives none.';
COMMENT ON COLUMN users.bio IS 'NULL if the user gives none.';
COMMENT ON COLUMN users.password_renewed_at IS 'When a sign-in replaced the hash by another one of the same password; NULL if never.';
COMMENT ON COLUMN users.disabled_at IS 'When an operator disabled the user; NULL if the user may sign in.';

CREATE TABLE messages (
    message_id   bigint      GENERATED ALWAYS AS IDENTITY,
    author_id    bigint      NOT NULL,
    text         text        NOT NULL,
    published_at timestamptz NOT NULL,
    flagged      boolean     NOT NULL DEFAULT false,
    imported     boolean     NOT NULL DEFAULT false,
    edited_at    timestamptz,
    CONSTRAINT messages_pkey PRIMARY KEY (message_id),
    CONSTRAINT messages_author_id_fkey FOREIGN KEY (author_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT messages_text_length CHECK (imported OR char_length(with_line_feeds(text)) BETWEEN 1 AND 280),
    CONSTRAINT messages_text_not_blank CHECK (imported OR text COLLATE "C" ~ '[^[:space:]]')
);
COMMENT ON TABLE messages IS 'Messages by users. Flagged messages stay in the table, but no page or response contains them.';
COMMENT ON COLUMN messages.imported IS 'Whether the message comes from another system. Its text is kept whole: the limits of new texts do not hold for it.';
COMMENT ON COLUMN messages.edited_at IS 'When the text was last edited; NULL if never.';

-- Each list has an index in the order of its cursor. Flagged messages appear on no timeline.

CREATE INDEX messages_public_timeline_idx ON messages (published_at DESC, message_id DESC) WHERE NOT flagged;
COMMENT ON INDEX messages_public_timeline_idx IS 'The public timeline.';

-- Includes flagged messages, so that the deletion of a user finds all messages without a scan of the table.
CREATE INDEX messages_author_idx ON messages (author_id, flagged, published_at DESC, message_id DESC);
COMMENT ON INDEX messages_author_idx IS 'The timeline of one author; the own timeline, which merges those of all followees; deletion of a user''s messages.';

-- Publication times never go back, although the clock may: a message that is posted later comes later in all timelines
-- and streams. Of the messages on the public timeline, the index gives the latest time without a lock or a row that
-- all posts share. The floor replaces the latest messages after they were deleted or flagged.
CREATE TABLE publication_floor (
    only_row     boolean     NOT NULL DEFAULT true,
    published_at timestamptz NOT NULL,
    CONSTRAINT publication_floor_pkey PRIMARY KEY (only_row),
    CONSTRAINT publication_floor_only_row CHECK (only_row)
);
COMMENT ON TABLE publication_floor IS 'At most one row: the latest publication time of a message that was deleted or flagged while it was the latest.';

CREATE FUNCTION latest_publication() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT GREATEST((SELECT published_at FROM messages WHERE NOT flagged
                     ORDER BY published_at DESC, message_id DESC LIMIT 1),
                    (SELECT published_at FROM publication_floor))
$$;
COMMENT ON FUNCTION latest_publication IS 'The latest publication time that a client may have seen; NULL if there is none.';

-- Streams send messages in timeline order, so the server must know when no earlier message can still commit. The
-- function takes the time after the transaction has its number, and the transaction holds a lock on that number until
-- it ends. So only transactions that hold such a lock can still commit an earlier message. now() is unsuitable: it is
-- the start of the transaction, which may be long before the transaction has a number. For the same reason the second
-- statement is separate: in a volatile function it has a snapshot of its own, taken after the first.
-- In PL/pgSQL, whose plans a session keeps: SQL would plan the function again in each statement.
CREATE FUNCTION publication_time() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN GREATEST(clock_timestamp(), latest_publication() + interval '1 microsecond');
END $$;
COMMENT ON FUNCTION publication_time IS 'The current time, taken after the transaction has its number; later than every publication time so far.';

ALTER TABLE messages ALTER published_at SET DEFAULT publication_time();

-- Runs once per statement. The lock orders concurrent deletions; posts never wait for it.
CREATE FUNCTION keep_publication_floor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    removed timestamptz := (SELECT max(published_at) FROM old_rows WHERE NOT flagged);
BEGIN
    IF removed > COALESCE(latest_publication(), '-infinity') THEN
        INSERT INTO publication_floor AS floor (published_at) VALUES (removed)
        ON CONFLICT ON CONSTRAINT publication_floor_pkey
            DO UPDATE SET published_at = GREATEST(floor.published_at, EXCLUDED.published_at);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER messages_deleted_keep_floor AFTER DELETE ON messages
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_publication_floor();
CREATE TRIGGER messages_updated_keep_floor AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_publication_floor();

-- The first response to POST /messages for a key that the client chose: a repeated request posts nothing. The text
-- is part of that response. The hash tells a repeated request from another one with the same key. There is no foreign
-- key to the message, because it may be edited or deleted later.
CREATE TABLE idempotency_keys (
    user_id      bigint      NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    message_id   bigint      NOT NULL,
    text         text        NOT NULL,
    published_at timestamptz NOT NULL,
    request_hash bytea       NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key),
    CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT idempotency_keys_key_form CHECK (key ~ '^[\x21-\x7e]{1,255}$'),
    CONSTRAINT idempotency_keys_request_hash_sha256 CHECK (octet_length(request_hash) = 32)
);
COMMENT ON TABLE idempotency_keys IS 'The first response to each Idempotency-Key of each user. Rows older than a day are deleted.';
COMMENT ON COLUMN idempotency_keys.request_hash IS 'The SHA-256 of the method, path and body of the first request.';

CREATE INDEX idempotency_keys_published_at_idx ON idempotency_keys (published_at);
COMMENT ON INDEX idempotency_keys_published_at_idx IS 'Deletion of old keys.';

CREATE TABLE follows (
    follower_id bigint      NOT NULL,
    followee_id bigint      NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT follows_pkey PRIMARY KEY (follower_id, followee_id),
    CONSTRAINT follows_follower_id_fkey FOREIGN KEY (follower_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT follows_followee_id_fkey FOREIGN KEY (followee_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT follows_not_self CHECK (follower_id <> followee_id)
);
COMMENT ON TABLE follows IS 'A row makes the follower read the followee''s messages.';

CREATE INDEX follows_followees_idx ON follows (follower_id, created_at, followee_id);
COMMENT ON INDEX follows_followees_idx IS 'The followees of a user, oldest follow first.';

CREATE INDEX follows_followers_idx ON follows (followee_id, created_at, follower_id);
COMMENT ON INDEX follows_followers_idx IS 'The followers of a user, oldest follow first; deletion of a user''s follows.';
