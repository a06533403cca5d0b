-- An index for each list that is read newest (or oldest) first, in the order of its cursor.
-- Flagged messages appear on no timeline, so that the indexes leave them out.

CREATE INDEX messages_public_timeline_idx ON messages (published_at DESC, message_id DESC) WHERE NOT flagged;
COMMENT ON INDEX messages_public_timeline_idx IS 'The public timeline.';

CREATE INDEX messages_author_timeline_idx ON messages (author_id, published_at DESC, message_id DESC) WHERE NOT flagged;
COMMENT ON INDEX messages_author_timeline_idx IS 'One user''s messages, and the own timeline, which merges those of every followee.';

CREATE INDEX follows_oldest_first_idx ON follows (follower_id, created_at, followee_id);
COMMENT ON INDEX follows_oldest_first_idx IS 'Whom a user follows, oldest first.';
