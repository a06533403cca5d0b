-- Rows for a drill, in each table that a test cannot fill by a few requests.
INSERT INTO users (username, email, password_hash)
SELECT 'dirty ' || number, 'a@b.c', '$2b$04$' || repeat('a', 53) FROM generate_series(2, 4) AS number;
INSERT INTO messages (author_id, text) SELECT 1, number::text FROM generate_series(4, 6) AS number;
INSERT INTO follows (follower_id, followee_id)
SELECT one.user_id, other.user_id FROM users AS one JOIN users AS other ON one.user_id < other.user_id;
INSERT INTO sessions (token_hash, user_id, expires_at)
SELECT sha256(user_id::text::bytea), user_id, now() + interval '1 day' FROM users;
INSERT INTO known_clients (user_id, client_hash) SELECT user_id, sha256('x') FROM users;
INSERT INTO api_tokens (user_id, token_hash, name, expires_at, scopes)
SELECT user_id, sha256(user_id::text::bytea), 'x', now() + interval '1 day', ARRAY['read'] FROM users;
INSERT INTO idempotency_keys (user_id, key, message_id, text, published_at, request_hash)
SELECT user_id, 'key', 1, 'x', now(), sha256('x') FROM users;
INSERT INTO import_sources (name, system) SELECT 'source ' || user_id, 'sqlite' FROM users;
INSERT INTO imported_users (source_id, old_id, user_id) SELECT 1, 'old ' || user_id, user_id FROM users;
INSERT INTO imported_messages (source_id, old_id, message_id) SELECT 1, 'old ' || message_id, message_id FROM messages;
INSERT INTO imported_follows (source_id, follower_id, followee_id) SELECT 1, follower_id, followee_id FROM follows;
INSERT INTO import_passwords (source_id, old_id, password_hash)
SELECT 1, 'old ' || user_id, '$2b$04$' || repeat('a', 53) FROM users;
INSERT INTO program_compatibility (migration, oldest_program)
SELECT user_id, '0.0.1' FROM users;
