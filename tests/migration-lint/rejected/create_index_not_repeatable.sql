-- minitwit:no-transaction
-- rejected: prefer-robust-stmts
CREATE INDEX CONCURRENTLY messages_text_idx ON messages (text);
