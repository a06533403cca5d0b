-- Each function finds its tables whatever search_path a session has. pg_dump and pg_restore set an empty one, so a restore of
-- data into this schema failed in the functions of triggers.
--
-- A body in the SQL standard's form refers to tables by identity, without a cost per call. PL/pgSQL has no such form,
-- so its functions set the path for each call. An operator may have chosen the schema, so the path is that of the migration.

CREATE OR REPLACE FUNCTION latest_publication() RETURNS timestamptz LANGUAGE sql STABLE
    RETURN GREATEST((SELECT published_at FROM messages WHERE NOT flagged
                     ORDER BY published_at DESC, message_id DESC LIMIT 1),
                    (SELECT published_at FROM publication_floor));

CREATE OR REPLACE FUNCTION counts_of(counted_user bigint)
    RETURNS TABLE (messages bigint, followers bigint, following bigint)
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT COALESCE(sum(part.messages), 0)::bigint, COALESCE(sum(part.followers), 0)::bigint,
           COALESCE(sum(part.following), 0)::bigint
    FROM (SELECT total.messages, total.followers, total.following
          FROM user_counts AS total WHERE total.user_id = counted_user
          UNION ALL
          SELECT change.messages, change.followers, change.following
          FROM user_count_changes AS change WHERE change.user_id = counted_user) AS part;
END;

CREATE OR REPLACE FUNCTION sign_in(account_id bigint, verified_hash text, client_hashes bytea[]) RETURNS SETOF bigint
    LANGUAGE sql VOLATILE ROWS 1
BEGIN ATOMIC
    WITH account AS MATERIALIZED (
        SELECT user_id FROM users
        WHERE user_id = account_id AND password_hash = verified_hash AND disabled_at IS NULL
        FOR SHARE),
    seen AS (
        INSERT INTO known_clients AS known (user_id, client_hash)
        SELECT user_id, client_hash FROM account CROSS JOIN unnest(client_hashes) AS client_hash
        ON CONFLICT ON CONSTRAINT known_clients_pkey DO UPDATE SET last_sign_in = now()
            WHERE known.last_sign_in < now() - interval '1 day')
    SELECT user_id FROM account;
END;

-- A restore of data may insert the counts and also count the restored rows, or do neither. The difference is one more
-- change, exact in the snapshot of one statement, so writers do not wait. The lock makes concurrent calls wait: each then
-- sees the changes of the previous one, because the second statement has a snapshot of its own.
CREATE FUNCTION recount() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    corrected bigint;
BEGIN
    -- "recount" in ASCII; nothing else in the database has this key.
    PERFORM pg_advisory_xact_lock(x'7265636f756e74'::bigint);
    INSERT INTO user_count_changes (user_id, messages, followers, following)
    SELECT user_id, sum(messages), sum(followers), sum(following)
    FROM (SELECT author_id AS user_id, count(*) AS messages, 0 AS followers, 0 AS following
          FROM messages WHERE NOT flagged GROUP BY author_id
          UNION ALL SELECT followee_id, 0, count(*), 0 FROM follows GROUP BY followee_id
          UNION ALL SELECT follower_id, 0, 0, count(*) FROM follows GROUP BY follower_id
          UNION ALL SELECT user_id, -messages, -followers, -following FROM user_counts
          UNION ALL SELECT user_id, -messages, -followers, -following FROM user_count_changes) AS parts
    WHERE user_id IN (SELECT users.user_id FROM users)
    GROUP BY user_id
    HAVING sum(messages) <> 0 OR sum(followers) <> 0 OR sum(following) <> 0;
    GET DIAGNOSTICS corrected = ROW_COUNT;
    RETURN corrected;
END $$;
COMMENT ON FUNCTION recount IS 'Corrects the counts of all users by their messages and follows. Returns the number of users whose counts were wrong.';

DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = quote_ident(current_schema())::regnamespace
          AND proname IN ('publication_time', 'keep_publication_floor', 'revoke_sessions_and_tokens', 'search_later',
                          'count_inserted_messages', 'count_deleted_messages', 'count_updated_messages',
                          'count_inserted_follows', 'count_deleted_follows', 'count_updated_follows',
                          'reset_counts', 'delete_earlier_probes', 'recount')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
    END LOOP;
END $$;
