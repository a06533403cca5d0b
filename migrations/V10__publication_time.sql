-- When a message is published, told so that whoever reads new messages in the order of the timeline
-- can know that no earlier one is still to come: the time is taken while the transaction has a number,
-- on which it holds a lock until all can see what it has done. So whoever holds such a lock at some
-- time, and nobody else, may yet publish what is earlier than that. now() would be the beginning of the
-- transaction, which may be long before it has a number.

CREATE FUNCTION publication_time() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN pg_current_xact_id() IS NOT NULL THEN clock_timestamp() END
$$;
COMMENT ON FUNCTION publication_time IS 'The time now, taken after the transaction has been given its number.';

ALTER TABLE messages ALTER COLUMN published_at SET DEFAULT publication_time();
