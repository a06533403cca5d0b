-- minitwit:no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_language_idx ON messages (language);
COMMENT ON INDEX messages_language_idx IS 'The messages in a language.';
DROP INDEX CONCURRENTLY IF EXISTS messages_former_idx;
