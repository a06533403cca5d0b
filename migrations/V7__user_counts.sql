-- How many messages, followers and followees a user has, at the same cost for ten as for a million.
--
-- A documented exception to third normal form: the numbers follow from messages and follows. Triggers
-- note each change as a row of its own, so that no two writers meet at one row; the server adds what
-- was noted to one row a user, several times a second. A user's count is that row and what is noted
-- and not yet added: exact in every snapshot, whether or not anybody folds.
--
-- The triggers stand below every writer: older programs, imports by COPY, an account's deletion.

CREATE TABLE user_counts (
    user_id   bigint NOT NULL,
    messages  bigint NOT NULL DEFAULT 0,
    followers bigint NOT NULL DEFAULT 0,
    following bigint NOT NULL DEFAULT 0,
    CONSTRAINT user_counts_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_counts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE
    -- Room on the page for the many updates of one row, which then touch no index.
) WITH (fillfactor = 70);
COMMENT ON TABLE user_counts IS 'How many messages (flagged ones left out), followers and followees each user has, but for what user_count_changes still holds. A user without a row has none.';

-- No key and no reference to users: rows are only added, and taken away when they are folded.
CREATE TABLE user_count_changes (
    user_id   bigint  NOT NULL,
    messages  integer NOT NULL DEFAULT 0,
    followers integer NOT NULL DEFAULT 0,
    following integer NOT NULL DEFAULT 0
    -- All rows are short-lived, so that the share of dead ones tells nothing. The table need not
    -- shrink, which would take a lock that every writer waits for.
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, vacuum_truncate = off);
COMMENT ON TABLE user_count_changes IS 'What is to be added to user_counts.';

CREATE INDEX user_count_changes_user_id_idx ON user_count_changes (user_id);
COMMENT ON INDEX user_count_changes_user_id_idx IS 'What is yet to be added to one user''s counts.';

CREATE FUNCTION counts_of(wanted bigint)
    RETURNS TABLE (messages bigint, followers bigint, following bigint)
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
AS $$
    SELECT COALESCE(sum(part.messages), 0)::bigint, COALESCE(sum(part.followers), 0)::bigint,
           COALESCE(sum(part.following), 0)::bigint
    FROM (SELECT folded.messages, folded.followers, folded.following
          FROM user_counts AS folded WHERE folded.user_id = wanted
          UNION ALL
          SELECT noted.messages, noted.followers, noted.following
          FROM user_count_changes AS noted WHERE noted.user_id = wanted) AS part
$$;
COMMENT ON FUNCTION counts_of IS 'The counts of one user, exact in this snapshot.';

-- Each trigger runs once a statement, over all rows that the statement changed.

CREATE FUNCTION note_messages_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, messages)
    SELECT author_id, count(*) FROM added WHERE NOT flagged GROUP BY author_id;
    RETURN NULL;
END $$;

CREATE FUNCTION note_messages_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, messages)
    SELECT author_id, -count(*) FROM removed WHERE NOT flagged GROUP BY author_id;
    RETURN NULL;
END $$;

CREATE FUNCTION note_messages_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, messages)
    SELECT author_id, sum(change)
    FROM (SELECT author_id, 1 AS change FROM added WHERE NOT flagged
          UNION ALL SELECT author_id, -1 FROM removed WHERE NOT flagged) AS changes
    GROUP BY author_id HAVING sum(change) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION note_follows_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, followers, following)
    SELECT followee_id, count(*), 0 FROM added GROUP BY followee_id
    UNION ALL SELECT follower_id, 0, count(*) FROM added GROUP BY follower_id;
    RETURN NULL;
END $$;

CREATE FUNCTION note_follows_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, followers, following)
    SELECT followee_id, -count(*), 0 FROM removed GROUP BY followee_id
    UNION ALL SELECT follower_id, 0, -count(*) FROM removed GROUP BY follower_id;
    RETURN NULL;
END $$;

-- Nobody moves a follow from one user to another; were it done by hand, it would count.
CREATE FUNCTION note_follows_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_count_changes (user_id, followers, following)
    SELECT user_id, sum(followers), sum(following)
    FROM (SELECT followee_id AS user_id, 1 AS followers, 0 AS following FROM added
          UNION ALL SELECT follower_id, 0, 1 FROM added
          UNION ALL SELECT followee_id, -1, 0 FROM removed
          UNION ALL SELECT follower_id, 0, -1 FROM removed) AS changes
    GROUP BY user_id HAVING sum(followers) <> 0 OR sum(following) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION forget_counts() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- What is there already: the triggers' locks hold writers off from here to the end of the migration,
-- so that each row is counted here or noted by them.

CREATE TRIGGER messages_added AFTER INSERT ON messages
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_messages_added();
CREATE TRIGGER messages_removed AFTER DELETE ON messages
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION note_messages_removed();
CREATE TRIGGER messages_changed AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note_messages_changed();
CREATE TRIGGER follows_added AFTER INSERT ON follows
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_follows_added();
CREATE TRIGGER follows_removed AFTER DELETE ON follows
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION note_follows_removed();
CREATE TRIGGER follows_changed AFTER UPDATE ON follows
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note_follows_changed();
CREATE TRIGGER messages_truncated AFTER TRUNCATE ON messages
    FOR EACH STATEMENT EXECUTE FUNCTION forget_counts();
CREATE TRIGGER follows_truncated AFTER TRUNCATE ON follows
    FOR EACH STATEMENT EXECUTE FUNCTION forget_counts();

INSERT INTO user_counts (user_id, messages, followers, following)
SELECT user_id, sum(messages), sum(followers), sum(following)
FROM (SELECT author_id AS user_id, count(*) AS messages, 0 AS followers, 0 AS following
      FROM messages WHERE NOT flagged GROUP BY author_id
      UNION ALL SELECT followee_id, 0, count(*), 0 FROM follows GROUP BY followee_id
      UNION ALL SELECT follower_id, 0, 0, count(*) FROM follows GROUP BY follower_id) AS counted
GROUP BY user_id;
