-- rejected: require-concurrent-index-creation
CREATE INDEX messages_text_idx ON messages (text);
