-- Imports from other systems: which of their rows are here.
--
-- An import inserts a row here in the transaction that inserts its user, message or follow. So an import that was
-- interrupted continues after its last commit, and a repeated one inserts nothing. The rows stay when the user, message or
-- follow is deleted: a repeated import does not bring it back. So there are no foreign keys to users, messages and follows.
-- There are none from messages and follows to their source either: that check for each row takes a fifth of the load.

CREATE TABLE import_sources (
    source_id   integer     GENERATED ALWAYS AS IDENTITY,
    name        text        COLLATE "C" NOT NULL,
    system      text        NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT import_sources_pkey PRIMARY KEY (source_id),
    CONSTRAINT import_sources_name_key UNIQUE (name),
    CONSTRAINT import_sources_name_length CHECK (char_length(name) BETWEEN 1 AND 255),
    CONSTRAINT import_sources_system_known CHECK (system IN ('sqlite', 'postgres', 'mongo', 'jsonl'))
);
COMMENT ON TABLE import_sources IS 'The other systems from which rows were imported. Ids of rows are unique within a source.';
COMMENT ON COLUMN import_sources.name IS 'Identifies the source in a repeated import.';
COMMENT ON COLUMN import_sources.started_at IS 'When the last import of the source began; one that continues an interrupted one keeps the time. A row without a usable time gets this time.';
COMMENT ON COLUMN import_sources.finished_at IS 'When the last import of the source was complete; NULL while one runs, and after an interruption.';

CREATE TABLE imported_users (
    source_id integer NOT NULL,
    old_id    text    COLLATE "C" NOT NULL,
    user_id   bigint  NOT NULL,
    CONSTRAINT imported_users_pkey PRIMARY KEY (source_id, old_id),
    CONSTRAINT imported_users_source_id_fkey FOREIGN KEY (source_id) REFERENCES import_sources,
    CONSTRAINT imported_users_old_id_length CHECK (octet_length(old_id) <= 1024)
);
COMMENT ON TABLE imported_users IS 'The user of each imported row of a source. Several rows may have the same user.';
COMMENT ON COLUMN imported_users.old_id IS 'The id in the source: an integer in decimal digits, an ObjectId in 24 hexadecimal digits, or another value as text.';

CREATE TABLE imported_messages (
    message_id bigint  NOT NULL,
    source_id  integer NOT NULL,
    old_id     text    COLLATE "C" NOT NULL,
    CONSTRAINT imported_messages_pkey PRIMARY KEY (source_id, old_id),
    CONSTRAINT imported_messages_old_id_length CHECK (octet_length(old_id) <= 1024)
);
COMMENT ON TABLE imported_messages IS 'The message of each imported row of a source.';
COMMENT ON COLUMN imported_messages.old_id IS 'The id in the source, in the form of imported_users.old_id.';

-- Follows have no id in most sources, so the ids of the users here identify them.
CREATE TABLE imported_follows (
    follower_id bigint  NOT NULL,
    followee_id bigint  NOT NULL,
    source_id   integer NOT NULL,
    CONSTRAINT imported_follows_pkey PRIMARY KEY (source_id, follower_id, followee_id)
);
COMMENT ON TABLE imported_follows IS 'The imported follows of a source: a repeated import does not renew a follow that has ended since.';

-- Before the transaction that inserts a user, an import hashes a password that the source has in the clear. The hash is
-- stored here, so that an interrupted import does not hash it again, and deleted with the insertion of the user.
CREATE TABLE import_passwords (
    source_id     integer NOT NULL,
    old_id        text    COLLATE "C" NOT NULL,
    password_hash text    NOT NULL,
    CONSTRAINT import_passwords_pkey PRIMARY KEY (source_id, old_id),
    CONSTRAINT import_passwords_source_id_fkey FOREIGN KEY (source_id) REFERENCES import_sources,
    CONSTRAINT import_passwords_old_id_length CHECK (octet_length(old_id) <= 1024),
    CONSTRAINT import_passwords_bcrypt CHECK (password_hash ~ '^\$2[abxy]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$')
);
COMMENT ON TABLE import_passwords IS 'bcrypt hashes of passwords of users who are not yet inserted. Empty unless an import is running or was interrupted.';
