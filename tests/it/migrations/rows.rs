//! The rows that each version of the schema brought, and how the newest must still find them.

/// What a version brought: rows by its own columns, and a query that must find them in the newest.
pub struct Rows {
    pub since: i32,
    pub insert: &'static str,
    pub query: &'static str,
    pub expected: &'static [&'static str],
}

/// One for each migration; a migration without one fails the tests.
pub const ROWS: &[Rows] = &[
    Rows {
        since: 1,
        insert: "
            INSERT INTO users (username, email, password_hash, created_at)
                SELECT name, 'a@b', '$2b$10$' || repeat('a', 53), '2020-02-20 12:00Z'
                FROM unnest(ARRAY['ann', 'Žluťoučký kůň 🐴']) AS name;
            INSERT INTO messages (author_id, text, published_at, flagged)
                VALUES (1, 'seen', '2020-02-21Z', false), (1, 'flagged', '2020-02-22Z', true);
            INSERT INTO follows (follower_id, followee_id, created_at)
                VALUES (2, 1, '2020-02-23Z');",
        query: "
            SELECT username || ' ' || email || ' ' || extract(epoch FROM created_at)::bigint
            FROM users
            UNION ALL SELECT text || ' ' || flagged || ' ' || extract(epoch FROM published_at)::bigint
            FROM messages JOIN users ON user_id = author_id WHERE username = 'ann'
            UNION ALL SELECT follower_id || ' follows ' || followee_id || ' '
                || extract(epoch FROM created_at)::bigint
            FROM follows",
        expected: &[
            "ann a@b 1582200000",
            "Žluťoučký kůň 🐴 a@b 1582200000",
            "seen false 1582243200",
            "flagged true 1582329600",
            "2 follows 1 1582416000",
        ],
    },
    Rows {
        since: 2,
        insert: "INSERT INTO sessions (token_hash, user_id, created_at, expires_at)
                 VALUES (decode(repeat('ab', 32), 'hex'), 1, '2020-02-20Z', '2120-02-20Z')",
        query: "SELECT username || ' ' || encode(substr(token_hash, 1, 2), 'hex') || ' '
                    || extract(year FROM expires_at AT TIME ZONE 'UTC')
                FROM sessions JOIN users USING (user_id)",
        expected: &["ann abab 2120"],
    },
    Rows {
        since: 3,
        insert: "INSERT INTO simulator_latest (server_id, arrival, value)
                 VALUES (7, nextval('simulator_latest_arrival_seq'), 1337)",
        query: "SELECT server_id || ' ' || value || ' ' ||
                    (nextval('simulator_latest_arrival_seq') > arrival) FROM simulator_latest",
        expected: &["7 1337 true"],
    },
    Rows {
        since: 4,
        insert: "INSERT INTO messages (author_id, text, published_at)
                 VALUES (2, 'first', '2020-02-24Z'), (2, 'second', '2020-02-24Z')",
        query: "SELECT text FROM messages WHERE NOT flagged AND author_id = 2
                ORDER BY published_at DESC, message_id DESC",
        expected: &["second", "first"],
    },
    Rows {
        since: 5,
        insert: "INSERT INTO program_compatibility (migration, oldest_program) VALUES (1, '0.0.1')",
        query: "SELECT migration || ' ' || oldest_program FROM program_compatibility",
        expected: &["1 0.0.1"],
    },
    Rows {
        since: 6,
        insert: "INSERT INTO api_tokens (user_id, token_hash, name, expires_at)
                 VALUES (1, sha256('secret'), 'phone', '2222-02-22Z')",
        query: "SELECT name || ' ' || username FROM api_tokens JOIN users USING (user_id)
                WHERE disabled_at IS NULL AND display_name IS NULL AND bio IS NULL",
        expected: &["phone ann"],
    },
    Rows {
        since: 7,
        insert: "INSERT INTO messages (author_id, text, flagged) VALUES (2, 'hidden', true)",
        query: "SELECT user_id || ': ' || messages || ' ' || followers || ' ' || following
                FROM users, counts_of(user_id) WHERE user_id IN (1, 2) ORDER BY user_id",
        expected: &["1: 1 1 0", "2: 2 0 1"],
    },
    Rows {
        since: 8,
        insert: "UPDATE messages SET text = 'edited', edited_at = '2020-02-25Z'
                 WHERE text = 'hidden';
                 INSERT INTO idempotency_keys VALUES (1, 'key', 7, 'text', '2020-02-20Z')",
        query: "SELECT left(text, 6) || ' ' || extract(epoch FROM edited_at)::bigint FROM messages
                WHERE edited_at IS NOT NULL
                UNION ALL SELECT key || ' ' || message_id || ' ' || text FROM idempotency_keys",
        expected: &["edited 1582588800", "key 7 text"],
    },
    Rows {
        since: 9,
        insert: "UPDATE messages SET text = 'edited 東京' WHERE text = 'edited'",
        query: "SELECT left(text, 6) FROM messages
                WHERE to_tsvector('simple', text) @@ to_tsquery('simple', 'edited')
                  AND runs_together(text) AND spelled_thrice(text) LIKE '%東東東京京京%'",
        expected: &["edited"],
    },
    Rows {
        since: 10,
        insert: "INSERT INTO messages (author_id, text, flagged) VALUES (2, 'now', true)",
        query: "SELECT text FROM messages
                WHERE published_at BETWEEN now() - interval '1 day' AND now() AND text = 'now'",
        expected: &["now"],
    },
    Rows {
        since: 11,
        insert: "INSERT INTO api_tokens (user_id, token_hash, name, expires_at)
                 VALUES (2, sha256('other'), 'ended', '2222-02-22Z');
                 UPDATE users SET password_hash = '$2b$10$' || repeat('b', 53) WHERE user_id = 2",
        query: "SELECT username FROM users
                WHERE password_hash LIKE '%bbb'
                  AND NOT EXISTS (SELECT FROM api_tokens WHERE api_tokens.user_id = users.user_id)",
        expected: &["Žluťoučký kůň 🐴"],
    },
    Rows {
        since: 12,
        insert: "INSERT INTO messages (author_id, text, flagged) VALUES (2, '#Now', true)",
        query: "SELECT text FROM messages WHERE text ~ '[#＃]' AND tags_of(text) @> '{now}'",
        expected: &["#Now"],
    },
    Rows {
        since: 13,
        insert: "INSERT INTO messages (author_id, text, flagged, published_at)
                 VALUES (2, 'of a WEEK #Then 東京', true, '2020-02-27Z')",
        query: "SELECT text FROM messages
                WHERE of_week(terms_of(text), week_of(published_at))
                      @@ of_week('''week'' & ''#then'' & ''=東京'''::tsquery, week_of('2020-03-04 23:59:59Z'))",
        expected: &["of a WEEK #Then 東京"],
    },
    Rows {
        since: 14,
        insert: "INSERT INTO messages (author_id, text, flagged) VALUES (2, 'unindexed', true)",
        query: "SELECT text FROM messages WHERE text = 'unindexed'",
        expected: &["unindexed"],
    },
];
