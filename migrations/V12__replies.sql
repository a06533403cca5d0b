-- Replies. Both columns are facts of the time of posting, which stay when the message or its author is deleted, so there are no
-- foreign keys: a reply to a deleted message stays a reply, and is still addressed to the same user.

ALTER TABLE messages
    ADD COLUMN parent_id bigint,
    ADD COLUMN parent_author_id bigint,
    ADD CONSTRAINT messages_parent_author CHECK ((parent_id IS NULL) = (parent_author_id IS NULL)) NOT VALID;
COMMENT ON COLUMN messages.parent_id IS 'The message that this one replies to, which may be deleted; NULL if it is no reply.';
COMMENT ON COLUMN messages.parent_author_id IS 'The author of that message, who may be deleted; NULL if it is no reply.';
