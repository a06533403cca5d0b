-- The three tables of the original MiniTwit (user, message, follower), normalized: keys that refer,
-- times that are times, and every rule of the domain as a constraint. Lengths count code points.

CREATE TABLE users (
    user_id       bigint      GENERATED ALWAYS AS IDENTITY,
    -- Collation "C" compares bytes, so that equality and order do not change with the C library.
    username      text        COLLATE "C" NOT NULL,
    email         text        NOT NULL,
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_username_length CHECK (char_length(username) BETWEEN 1 AND 64),
    CONSTRAINT users_username_normalized CHECK (username IS NFC NORMALIZED),
    CONSTRAINT users_username_characters CHECK (username !~ '[\u0001-\u001f\u007f-\u009f/]'),
    CONSTRAINT users_username_trimmed CHECK (username !~ '^[[:space:]]|[[:space:]]$'),
    CONSTRAINT users_username_not_a_path CHECK (username NOT IN ('.', '..')),
    CONSTRAINT users_email_form CHECK (email LIKE '_%@%_' AND char_length(email) <= 254),
    CONSTRAINT users_password_hash_bcrypt CHECK (password_hash ~ '^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$')
);
COMMENT ON TABLE users IS 'Everybody who is signed up. The e-mail address is for its owner alone; the password is a bcrypt hash.';

CREATE TABLE messages (
    message_id   bigint      GENERATED ALWAYS AS IDENTITY,
    author_id    bigint      NOT NULL,
    text         text        NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    flagged      boolean     NOT NULL DEFAULT false,
    CONSTRAINT messages_pkey PRIMARY KEY (message_id),
    CONSTRAINT messages_author_id_fkey FOREIGN KEY (author_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT messages_text_length CHECK (char_length(text) BETWEEN 1 AND 280),
    CONSTRAINT messages_text_not_blank CHECK (text COLLATE "C" ~ '[^[:space:]]')
);
COMMENT ON TABLE messages IS 'What users have said. A flagged message stays, and no timeline shows it.';

CREATE TABLE follows (
    follower_id bigint      NOT NULL,
    followee_id bigint      NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT follows_pkey PRIMARY KEY (follower_id, followee_id),
    CONSTRAINT follows_follower_id_fkey FOREIGN KEY (follower_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT follows_followee_id_fkey FOREIGN KEY (followee_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT follows_not_oneself CHECK (follower_id <> followee_id)
);
COMMENT ON TABLE follows IS 'Who (follower) reads whom (followee).';
