-- rejected: concurrently-without-marker
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_text_idx ON messages (text);
