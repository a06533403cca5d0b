-- minitwit:no-transaction
-- The indexes of replies. They are partial, so a message that is no reply costs them nothing.

CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_replies_idx
    ON messages (parent_id, published_at, message_id) WHERE parent_id IS NOT NULL AND NOT flagged;
COMMENT ON INDEX messages_replies_idx IS 'The replies to a message, oldest first.';

CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_addressed_idx
    ON messages (parent_author_id, published_at DESC, message_id DESC) WHERE parent_author_id IS NOT NULL AND NOT flagged;
COMMENT ON INDEX messages_addressed_idx IS 'The replies to messages of a user, newest first, for the own timeline.';

-- A validation can be repeated.
-- squawk-ignore prefer-robust-stmts
ALTER TABLE messages VALIDATE CONSTRAINT messages_parent_author;
