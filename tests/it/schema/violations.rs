//! Statements that violate the constraints of the schema.

/// Each constraint, and statements that violate only this constraint.
pub const VIOLATIONS: &[(&str, &[&str])] = &[
    (
        "users_pkey",
        &["INSERT INTO users (user_id, username, email, password_hash)
        OVERRIDING SYSTEM VALUE SELECT 1, 'new', email, password_hash FROM users LIMIT 1"],
    ),
    ("users_username_key", &["UPDATE users SET username = 'ann' WHERE user_id = 2"]),
    (
        "users_username_address",
        &[
            "UPDATE users SET username = '' WHERE user_id = 1",
            "UPDATE users SET username = 'a/b' WHERE user_id = 1",
            "UPDATE users SET username = '.' WHERE user_id = 1",
            "UPDATE users SET username = '..' WHERE user_id = 1",
            "UPDATE users SET username = '', imported = true WHERE user_id = 1",
            "UPDATE users SET username = '/', imported = true WHERE user_id = 1",
            "UPDATE users SET username = '..', imported = true WHERE user_id = 1",
            "UPDATE users SET username = repeat('é', 513), imported = true WHERE user_id = 1",
        ],
    ),
    (
        "users_username_length",
        &["UPDATE users SET username = repeat('é', 65) WHERE user_id = 1"],
    ),
    ("users_username_normalized", &[r"UPDATE users SET username = E'e\u0301' WHERE user_id = 1"]),
    (
        "users_username_characters",
        &[
            r"UPDATE users SET username = E'a\u0001b' WHERE user_id = 1",
            r"UPDATE users SET username = E'a\u001fb' WHERE user_id = 1",
            r"UPDATE users SET username = E'a\u007fb' WHERE user_id = 1",
            r"UPDATE users SET username = E'a\u0085b' WHERE user_id = 1",
        ],
    ),
    (
        "users_username_trimmed",
        &[
            "UPDATE users SET username = ' a' WHERE user_id = 1",
            "UPDATE users SET username = 'a ' WHERE user_id = 1",
        ],
    ),
    (
        "users_email_form",
        &[
            "UPDATE users SET email = '' WHERE user_id = 1",
            "UPDATE users SET email = 'a@' WHERE user_id = 1",
            "UPDATE users SET email = '@b' WHERE user_id = 1",
            "UPDATE users SET email = repeat('a', 253) || '@b' WHERE user_id = 1",
        ],
    ),
    (
        "users_password_hash_bcrypt",
        &[
            "UPDATE users SET password_hash = 'secret' WHERE user_id = 1",
            "UPDATE users SET password_hash = password_hash || 'a' WHERE user_id = 1",
            "UPDATE users SET password_hash = E'\\n' || password_hash WHERE user_id = 1",
            "UPDATE users SET password_hash = '$2b$17$' || repeat('a', 53) WHERE user_id = 1",
            "UPDATE users SET password_hash = '$2b$03$' || repeat('a', 53) WHERE user_id = 1",
            "UPDATE users SET password_hash = 'pbkdf2:sha256:1$a$' || repeat('a', 64)",
        ],
    ),
    ("users_password_scheme_known", &["UPDATE users SET password_scheme = 'plain'"]),
    // The next test has more hashes of these schemes.
    (
        "users_password_hash_werkzeug_pbkdf2",
        &["UPDATE users SET password_scheme = 'werkzeug_pbkdf2'"],
    ),
    (
        "users_password_hash_werkzeug_scrypt",
        &["UPDATE users SET password_scheme = 'werkzeug_scrypt'"],
    ),
    (
        "users_password_hash_predecessor_pbkdf2",
        &["UPDATE users SET password_scheme = 'predecessor_pbkdf2'"],
    ),
    (
        "users_display_name_length",
        &["UPDATE users SET display_name = ''", "UPDATE users SET display_name = repeat('é', 65)"],
    ),
    (
        "users_display_name_characters",
        &[
            r"UPDATE users SET display_name = E'a\nb'",
            r"UPDATE users SET display_name = E'a\u0085b'",
        ],
    ),
    (
        "users_display_name_trimmed",
        &["UPDATE users SET display_name = ' a'", "UPDATE users SET display_name = 'a '"],
    ),
    ("users_bio_length", &["UPDATE users SET bio = repeat('🐦', 161)"]),
    ("users_bio_not_blank", &[r"UPDATE users SET bio = E' \t\n'"]),
    (
        "messages_pkey",
        &["INSERT INTO messages (message_id, author_id, text)
        OVERRIDING SYSTEM VALUE VALUES (1, 1, 'again')"],
    ),
    ("messages_author_id_fkey", &["INSERT INTO messages (author_id, text) VALUES (99, 'hello')"]),
    (
        "messages_text_length",
        &["INSERT INTO messages (author_id, text) VALUES (1, repeat('🐦', 281))"],
    ),
    ("messages_text_not_blank", &[r"INSERT INTO messages (author_id, text) VALUES (1, E' \t\n')"]),
    ("follows_pkey", &["INSERT INTO follows (follower_id, followee_id) VALUES (1, 2)"]),
    (
        "follows_follower_id_fkey",
        &["INSERT INTO follows (follower_id, followee_id) VALUES (99, 2)"],
    ),
    (
        "follows_followee_id_fkey",
        &["INSERT INTO follows (follower_id, followee_id) VALUES (1, 99)"],
    ),
    ("follows_not_self", &["INSERT INTO follows (follower_id, followee_id) VALUES (1, 1)"]),
    ("user_counts_pkey", &["INSERT INTO user_counts (user_id) VALUES (1)"]),
    ("user_counts_user_id_fkey", &["INSERT INTO user_counts (user_id) VALUES (99)"]),
    ("idempotency_keys_pkey", &["INSERT INTO idempotency_keys SELECT * FROM idempotency_keys"]),
    ("idempotency_keys_user_id_fkey", &["UPDATE idempotency_keys SET user_id = 99"]),
    (
        "idempotency_keys_key_form",
        &[
            "UPDATE idempotency_keys SET key = ''",
            "UPDATE idempotency_keys SET key = 'a b'",
            "UPDATE idempotency_keys SET key = 'é'",
            r"UPDATE idempotency_keys SET key = E'a\n'",
            "UPDATE idempotency_keys SET key = repeat('k', 256)",
        ],
    ),
    (
        "idempotency_keys_request_hash_sha256",
        &["UPDATE idempotency_keys SET request_hash = 'short'"],
    ),
    ("sessions_pkey", &["INSERT INTO sessions SELECT * FROM sessions"]),
    ("sessions_user_id_fkey", &["UPDATE sessions SET user_id = 99"]),
    ("sessions_token_hash_sha256", &["UPDATE sessions SET token_hash = token_hash || token_hash"]),
    ("sessions_expire_after_creation", &["UPDATE sessions SET expires_at = created_at"]),
    ("instance_pkey", &["INSERT INTO instance DEFAULT VALUES"]),
    ("instance_only_row", &["UPDATE instance SET only_row = false"]),
    (
        "instance_name_form",
        &["UPDATE instance SET name = '0123456G'", "UPDATE instance SET name = ''"],
    ),
    (
        "api_tokens_pkey",
        &["INSERT INTO api_tokens OVERRIDING SYSTEM VALUE
        SELECT token_id, user_id, sha256('new'), name, created_at, expires_at, scopes FROM api_tokens"],
    ),
    (
        "api_tokens_token_hash_key",
        &["INSERT INTO api_tokens (user_id, token_hash, name, expires_at, scopes)
        SELECT 2, token_hash, name, expires_at, scopes FROM api_tokens"],
    ),
    ("api_tokens_user_id_fkey", &["UPDATE api_tokens SET user_id = 99"]),
    (
        "api_tokens_token_hash_sha256",
        &["UPDATE api_tokens SET token_hash = token_hash || token_hash"],
    ),
    (
        "api_tokens_name_length",
        &["UPDATE api_tokens SET name = ''", "UPDATE api_tokens SET name = repeat('é', 65)"],
    ),
    ("api_tokens_name_characters", &[r"UPDATE api_tokens SET name = E'a\tb'"]),
    (
        "api_tokens_name_trimmed",
        &["UPDATE api_tokens SET name = ' a'", "UPDATE api_tokens SET name = 'a '"],
    ),
    ("api_tokens_expire_after_creation", &["UPDATE api_tokens SET expires_at = created_at"]),
    ("known_clients_pkey", &["INSERT INTO known_clients SELECT * FROM known_clients"]),
    ("known_clients_user_id_fkey", &["UPDATE known_clients SET user_id = 99"]),
    (
        "known_clients_client_hash_sha256",
        &["UPDATE known_clients SET client_hash = client_hash || client_hash"],
    ),
    (
        "api_tokens_scopes_known",
        &[
            "UPDATE api_tokens SET scopes = '{read,admin}'",
            "UPDATE api_tokens SET scopes = '{Read}'",
            "UPDATE api_tokens SET scopes = '{read,NULL}'",
        ],
    ),
    ("api_tokens_scopes_not_empty", &["UPDATE api_tokens SET scopes = '{}'"]),
    (
        "search_blocks_pkey",
        &["INSERT INTO search_blocks
        SELECT '2020-02-19Z', after_id, until_time, until_id, terms FROM search_blocks"],
    ),
    (
        "search_blocks_after_key",
        &["INSERT INTO search_blocks
        SELECT after_time, after_id, '2020-02-21Z', until_id, terms FROM search_blocks"],
    ),
    (
        "search_blocks_order",
        &["UPDATE search_blocks SET after_time = until_time, after_id = until_id"],
    ),
    ("simulator_latest_pkey", &["INSERT INTO simulator_latest VALUES (1, 2, 3)"]),
    ("simulator_latest_value_not_negative", &["UPDATE simulator_latest SET value = -1"]),
    ("program_compatibility_pkey", &["INSERT INTO program_compatibility VALUES (1, '0.1.0')"]),
    (
        "program_compatibility_oldest_program_semver",
        &[
            "UPDATE program_compatibility SET oldest_program = 'newest'",
            "UPDATE program_compatibility SET oldest_program = '1.0'",
        ],
    ),
    (
        "messages_parent_author",
        &[
            "INSERT INTO messages (author_id, text, parent_id) VALUES (1, 'a', 1)",
            "UPDATE messages SET parent_author_id = 2",
        ],
    ),
    ("publication_floor_pkey", &["INSERT INTO publication_floor (published_at) VALUES (now())"]),
    ("publication_floor_only_row", &["INSERT INTO publication_floor VALUES (false, now())"]),
    ("import_sources_pkey", &["INSERT INTO import_sources (source_id, name, system)
        OVERRIDING SYSTEM VALUE VALUES (1, 'other.db', 'sqlite')"]),
    ("import_sources_name_key", &["INSERT INTO import_sources (name, system) VALUES ('old.db', 'mongo')"]),
    ("import_sources_name_length", &[
        "UPDATE import_sources SET name = ''",
        "UPDATE import_sources SET name = repeat('é', 256)",
    ]),
    ("import_sources_system_known", &["UPDATE import_sources SET system = 'mysql'"]),
    ("imported_users_pkey", &["INSERT INTO imported_users VALUES (1, '7', 2)"]),
    ("imported_users_source_id_fkey", &["INSERT INTO imported_users VALUES (99, '7', 1)"]),
    ("imported_users_old_id_length", &["UPDATE imported_users SET old_id = repeat('x', 1025)"]),
    ("imported_messages_pkey", &["INSERT INTO imported_messages VALUES (2, 1, '7')"]),
    ("imported_messages_old_id_length", &["UPDATE imported_messages SET old_id = repeat('x', 1025)"]),
    ("imported_follows_pkey", &["INSERT INTO imported_follows VALUES (1, 2, 1)"]),
    ("import_passwords_pkey", &["INSERT INTO import_passwords SELECT * FROM import_passwords"]),
    ("import_passwords_source_id_fkey", &["UPDATE import_passwords SET source_id = 99"]),
    ("import_passwords_old_id_length", &["UPDATE import_passwords SET old_id = repeat('x', 1025)"]),
    (
        "import_passwords_form",
        &[
            "UPDATE import_passwords SET password_hash = 'secret'",
            "UPDATE import_passwords SET password_hash = 'pbkdf2:sha1:1$salt$00'",
        ],
    ),
    (
        "write_probes_pkey",
        &["INSERT INTO write_probes OVERRIDING SYSTEM VALUE VALUES (9, 'x'), (9, 'y')"],
    ),
];
