//! Rows inserted at each schema version, and the values that queries on the newest schema must return for them.

/// Rows that fit the schema from version `since` on, and a query that must find them in the newest schema.
pub struct Rows {
    pub since: i32,
    pub insert: &'static str,
    pub query: &'static str,
    pub expected: &'static [&'static str],
}

/// One entry for each migration; a migration without an entry fails the tests.
pub const ROWS: &[Rows] = &[
    Rows {
        since: 1,
        insert: "
            INSERT INTO users (username, email, password_hash, created_at, display_name, bio)
                SELECT name, 'a@b', '$2b$10$' || repeat('a', 53), '2020-02-20 12:00Z', 'Ann Q', 'Hi!'
                FROM unnest(ARRAY['ann', 'Žluťoučký kůň 🐴']) AS name;
            INSERT INTO messages (author_id, text, published_at, flagged, edited_at)
                VALUES (1, 'seen', '2020-02-21Z', false, '2020-02-25Z'),
                       (1, 'flagged', '2020-02-22Z', true, NULL),
                       (2, 'first', '2020-02-24Z', false, NULL),
                       (2, 'second', '2020-02-24Z', false, NULL);
            INSERT INTO messages (author_id, text, flagged) VALUES (2, 'now', true);
            INSERT INTO follows (follower_id, followee_id, created_at)
                VALUES (2, 1, '2020-02-23Z');
            INSERT INTO idempotency_keys VALUES (1, 'key', 7, 'text', '2020-02-20Z', sha256('request'))",
        query: "
            SELECT username || ' ' || email || ' ' || extract(epoch FROM created_at)::bigint || ' '
                || display_name || ' ' || bio
            FROM users WHERE disabled_at IS NULL
            UNION ALL SELECT text || ' ' || flagged || ' ' || extract(epoch FROM published_at)::bigint
                || COALESCE(' ' || extract(epoch FROM edited_at)::bigint, '')
            FROM messages JOIN users ON user_id = author_id WHERE username = 'ann'
            UNION ALL (SELECT text FROM messages WHERE NOT flagged AND author_id = 2
                       ORDER BY published_at DESC, message_id DESC)
            UNION ALL SELECT text FROM messages
            WHERE published_at BETWEEN now() - interval '1 day' AND now() AND text = 'now'
            UNION ALL SELECT follower_id || ' follows ' || followee_id || ' '
                || extract(epoch FROM created_at)::bigint
            FROM follows
            UNION ALL SELECT key || ' ' || message_id || ' ' || text || ' '
                || (request_hash = sha256('request')) FROM idempotency_keys",
        expected: &[
            "ann a@b 1582200000 Ann Q Hi!",
            "Žluťoučký kůň 🐴 a@b 1582200000 Ann Q Hi!",
            "seen false 1582243200 1582588800",
            "flagged true 1582329600",
            "second",
            "changed",
            "now",
            "2 follows 1 1582416000",
            "key 7 text true",
        ],
    },
    Rows {
        since: 2,
        insert: "
            INSERT INTO sessions (token_hash, user_id, created_at, expires_at)
                VALUES (decode(repeat('ab', 32), 'hex'), 1, '2020-02-20Z', '2120-02-20Z');
            INSERT INTO api_tokens
                (user_id, token_hash, name, expires_at, scopes, last_used_at)
                VALUES (1, sha256('secret'), 'phone', '2222-02-22Z', '{read,write}', '2020-02-21Z'),
                       (2, sha256('other'), 'revoked', '2222-02-22Z', '{read}', NULL);
            INSERT INTO known_clients VALUES (1, sha256('kept'), '2020-02-20Z');
            UPDATE users SET password_hash = '$2b$10$' || repeat('b', 53) WHERE user_id = 2",
        query: "
            SELECT username || ' ' || encode(substr(token_hash, 1, 2), 'hex') || ' '
                || extract(year FROM expires_at AT TIME ZONE 'UTC')
            FROM sessions JOIN users USING (user_id)
            UNION ALL SELECT name || ' ' || username || ' ' || scopes::text || ' '
                || extract(epoch FROM last_used_at)::bigint FROM api_tokens JOIN users USING (user_id)
            UNION ALL SELECT username || ' at ' || encode(substr(client_hash, 1, 1), 'hex') || ' '
                || extract(year FROM last_sign_in AT TIME ZONE 'UTC')
            FROM known_clients JOIN users USING (user_id)
            UNION ALL SELECT username FROM users WHERE password_hash LIKE '%bbb'",
        expected: &["ann abab 2120", "phone ann {read,write} 1582243200", "ann at 79 2020", "Žluťoučký kůň 🐴"],
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
        insert: "INSERT INTO messages (author_id, text, flagged) VALUES (2, 'hidden', true)",
        query: "SELECT user_id || ': ' || messages || ' ' || followers || ' ' || following
                FROM users, counts_of(user_id) WHERE user_id IN (1, 2) ORDER BY user_id",
        expected: &["1: 1 1 0", "2: 2 0 1"],
    },
    Rows {
        since: 5,
        insert: "INSERT INTO search_blocks
                 VALUES ('-infinity', 0, '2020-02-27Z', 5, terms_of('of a WEEK #Then 東京'));
                 UPDATE messages SET text = 'changed' WHERE text = 'first'",
        query: "SELECT after_id || ' ' || until_id FROM search_blocks
                WHERE terms @@ '''week'' & ''#then'' & ''=東京'''::tsquery
                UNION ALL SELECT DISTINCT text FROM search_late JOIN messages USING (message_id)
                WHERE text = 'changed'",
        expected: &["0 5", "changed"],
    },
    Rows {
        since: 6,
        insert: "INSERT INTO program_compatibility (migration, oldest_program) VALUES (1, '0.0.1')",
        query: "SELECT migration || ' ' || oldest_program FROM program_compatibility",
        expected: &["1 0.0.1"],
    },
    Rows {
        since: 7,
        insert: "INSERT INTO write_probes (padding) VALUES ('earlier'), ('x')",
        query: "SELECT padding FROM write_probes",
        expected: &["x"],
    },
    Rows {
        since: 8,
        insert: r"
            INSERT INTO users (username, email, disabled_at, imported, password_scheme, password_hash)
                VALUES (' old' || repeat('x', 70), '', now(), true, 'werkzeug_pbkdf2',
                        'pbkdf2:sha256:50000$salt$' || repeat('0a', 32));
            INSERT INTO messages (author_id, text, imported, published_at)
                SELECT user_id, repeat('long ', 100), true, timestamptz '2019-02-20Z' FROM users WHERE imported
                UNION ALL SELECT user_id, '', true, '2019-02-21Z' FROM users WHERE imported;
            INSERT INTO import_sources (name, system, started_at, finished_at)
                VALUES ('minitwit.db', 'sqlite', '2020-02-20Z', '2020-02-21Z');
            INSERT INTO imported_users (source_id, old_id, user_id)
                SELECT source_id, '7', user_id FROM import_sources, users WHERE imported;
            INSERT INTO imported_messages (source_id, old_id, message_id)
                SELECT source_id, '603cd77c02c44269da1cf6ba', message_id
                FROM import_sources, messages WHERE imported AND text <> '';
            INSERT INTO imported_follows (source_id, follower_id, followee_id)
                SELECT source_id, 2, 1 FROM import_sources;
            INSERT INTO import_passwords (source_id, old_id, password_hash)
                SELECT source_id, '8', '$2b$10$' || repeat('a', 53) FROM import_sources",
        query: "
            SELECT name || ' ' || system || ' ' || (finished_at - started_at) FROM import_sources
            UNION ALL SELECT old_id || ' ' || username || ' ' || email || password_scheme
            FROM imported_users JOIN users USING (user_id) WHERE imported
            UNION ALL SELECT old_id || ' ' || char_length(text)
            FROM imported_messages JOIN messages USING (message_id)
            UNION ALL SELECT follower_id || ' followed ' || followee_id FROM imported_follows
            UNION ALL SELECT old_id || ' ' || right(password_hash, 1) FROM import_passwords WHERE old_id = '8'
            UNION ALL SELECT count(*)::text FROM messages WHERE imported",
        expected: &[
            "minitwit.db sqlite 1 day",
            "7  oldxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx werkzeug_pbkdf2",
            "603cd77c02c44269da1cf6ba 500",
            "2 followed 1",
            "8 a",
            "2",
        ],
    },
    Rows {
        since: 9,
        insert: "INSERT INTO user_count_changes (user_id, messages) VALUES (1, 7);
                 SELECT recount()",
        query: "SELECT recount()::text",
        expected: &["0"],
    },
    Rows {
        since: 10,
        insert: "
            INSERT INTO import_passwords (source_id, old_id, password_hash)
                SELECT source_id, '9', 'pbkdf2:sha256:600000$salt$' || repeat('0b', 32) FROM import_sources",
        query: "SELECT right(password_hash, 4) FROM import_passwords WHERE old_id = '9'",
        expected: &["0b0b"],
    },
    Rows {
        since: 11,
        insert: "
            INSERT INTO users (username, email, password_hash, disabled_at, distinct_name)
                VALUES ('Zoe', 'a@b', '$2b$10$' || repeat('a', 53), now(), true),
                       ('zoe', 'a@b', '$2b$10$' || repeat('a', 53), now(), false)",
        query: "SELECT username || ' ' || distinct_name FROM users WHERE lower(username) = 'zoe'",
        expected: &["Zoe true", "zoe false"],
    },
    Rows {
        since: 12,
        insert: "
            UPDATE messages SET parent_id = 99, parent_author_id = 9 WHERE text = 'second'",
        query: "SELECT text || ' to ' || parent_author_id FROM messages WHERE parent_id IS NOT NULL",
        expected: &["second to 9"],
    },
    Rows {
        since: 13,
        insert: "",
        query: "SELECT convalidated::text FROM pg_constraint WHERE conname = 'messages_parent_author'",
        expected: &["true"],
    },
];
