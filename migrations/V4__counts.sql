-- The counts of a user's messages, followers and followees, without a scan of the counted rows.
--
-- A deliberate exception to third normal form: the counts follow from messages and follows. Triggers insert each
-- change as a new row, so that writers do not wait for each other. Twice a second, the server adds these changes to
-- one row per user. A count is the sum of that row and the changes not yet added, so it is exact in every snapshot.
--
-- Triggers cover every writer: older programs, imports by COPY, the deletion of an account.

CREATE TABLE user_counts (
    user_id   bigint NOT NULL,
    messages  bigint NOT NULL DEFAULT 0,
    followers bigint NOT NULL DEFAULT 0,
    following bigint NOT NULL DEFAULT 0,
    CONSTRAINT user_counts_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_counts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE
    -- Leaves free space on each page for heap-only tuple updates, which change no index.
) WITH (fillfactor = 70);
COMMENT ON TABLE user_counts IS 'The numbers of messages (without flagged ones), followers and followees of each user, without the changes in user_count_changes. A user without a row has zero of each.';

-- No primary key and no foreign key: rows are only inserted, and deleted when they are added to user_counts.
CREATE TABLE user_count_changes (
    user_id   bigint  NOT NULL,
    messages  integer NOT NULL DEFAULT 0,
    followers integer NOT NULL DEFAULT 0,
    following integer NOT NULL DEFAULT 0
    -- All rows are short-lived, so autovacuum counts dead rows and ignores their share. VACUUM must not truncate the
    -- table, because truncation takes a lock that blocks every writer.
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, vacuum_truncate = off);
COMMENT ON TABLE user_count_changes IS 'Changes to be added to user_counts.';

CREATE INDEX user_count_changes_user_id_idx ON user_count_changes (user_id);
COMMENT ON INDEX user_count_changes_user_id_idx IS 'The changes of one user''s counts that are not yet added.';

CREATE FUNCTION counts_of(counted_user bigint)
    RETURNS TABLE (messages bigint, followers bigint, following bigint)
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
AS $$
    SELECT COALESCE(sum(part.messages), 0)::bigint, COALESCE(sum(part.followers), 0)::bigint,
           COALESCE(sum(part.following), 0)::bigint
    FROM (SELECT total.messages, total.followers, total.following
          FROM user_counts AS total WHERE total.user_id = counted_user
          UNION ALL
          SELECT change.messages, change.followers, change.following
          FROM user_count_changes AS change WHERE change.user_id = counted_user) AS part
$$;
COMMENT ON FUNCTION counts_of IS 'The counts of one user, exact in the snapshot of the query.';

-- Each trigger runs once per statement, for all rows that the statement changed.

CREATE FUNCTION count_inserted_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, messages)
    SELECT author_id, count(*) FROM new_rows WHERE NOT flagged GROUP BY author_id;
    RETURN NULL;
END $$;

CREATE FUNCTION count_deleted_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, messages)
    SELECT author_id, -count(*) FROM old_rows WHERE NOT flagged GROUP BY author_id;
    RETURN NULL;
END $$;

CREATE FUNCTION count_updated_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, messages)
    SELECT author_id, sum(change)
    FROM (SELECT author_id, 1 AS change FROM new_rows WHERE NOT flagged
          UNION ALL SELECT author_id, -1 FROM old_rows WHERE NOT flagged) AS changes
    GROUP BY author_id HAVING sum(change) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION count_inserted_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, followers, following)
    SELECT followee_id, count(*), 0 FROM new_rows GROUP BY followee_id
    UNION ALL SELECT follower_id, 0, count(*) FROM new_rows GROUP BY follower_id;
    RETURN NULL;
END $$;

CREATE FUNCTION count_deleted_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, followers, following)
    SELECT followee_id, -count(*), 0 FROM old_rows GROUP BY followee_id
    UNION ALL SELECT follower_id, 0, -count(*) FROM old_rows GROUP BY follower_id;
    RETURN NULL;
END $$;

-- The program never updates a follow. This trigger counts an UPDATE by an operator.
CREATE FUNCTION count_updated_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, followers, following)
    SELECT user_id, sum(followers), sum(following)
    FROM (SELECT followee_id AS user_id, 1 AS followers, 0 AS following FROM new_rows
          UNION ALL SELECT follower_id, 0, 1 FROM new_rows
          UNION ALL SELECT followee_id, -1, 0 FROM old_rows
          UNION ALL SELECT follower_id, 0, -1 FROM old_rows) AS changes
    GROUP BY user_id HAVING sum(followers) <> 0 OR sum(following) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION reset_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'messages' THEN
        UPDATE user_counts SET messages = 0;
        UPDATE user_count_changes SET messages = 0;
    ELSE
        UPDATE user_counts SET followers = 0, following = 0;
        UPDATE user_count_changes SET followers = 0, following = 0;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER messages_inserted AFTER INSERT ON messages
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_inserted_messages();
CREATE TRIGGER messages_deleted AFTER DELETE ON messages
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_messages();
CREATE TRIGGER messages_updated AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_updated_messages();
CREATE TRIGGER follows_inserted AFTER INSERT ON follows
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_inserted_follows();
CREATE TRIGGER follows_deleted AFTER DELETE ON follows
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_follows();
CREATE TRIGGER follows_updated AFTER UPDATE ON follows
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_updated_follows();
CREATE TRIGGER messages_truncated AFTER TRUNCATE ON messages
    FOR EACH STATEMENT EXECUTE FUNCTION reset_counts();
CREATE TRIGGER follows_truncated AFTER TRUNCATE ON follows
    FOR EACH STATEMENT EXECUTE FUNCTION reset_counts();
