-- Tags: the messages that have one are found by an index of their tags alone.

-- The characters of a word are letters, digits and `_`, and marks and numbers that PostgreSQL does not
-- count among these. What is found may be more than a tag, such as a part of an address: whoever asks
-- parses the messages that match. It is never less, unless the
-- server is older than the script, so that no message is missed. To normalize a text
-- takes longer than all the rest, and most need not be.
CREATE FUNCTION tags_of(text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT array_agg(translate(lower(found[1]), 'ς', 'σ'))
    FROM regexp_matches(
        CASE WHEN $1 ~ '[^[:ascii:]]' THEN normalize($1) ELSE $1 END,
        '(?<![\w&/=#＃])[#＃]((?:[\w\u00b2\u00b3\u00b9\u00bc-\u00be\u2070\u2074-\u2079\u2080-\u2089\u2150-\u215f\u2460-\u249b\u0300-\u036f\u0591-\u05bd\u064b-\u0658\u093c\u094d\u09bc\u09cd\u0a3c\u0a4d\u0abc\u0acd\u0b3c\u0b4d\u0bcd\u0c4d\u0cbc\u0ccd\u0d4d\u0dca\u0e47-\u0e4e\u1037\u1039\u103a\u17d2]|[\u200c\u200d](?=\w))+)',
        'g') AS found
$$;
COMMENT ON FUNCTION tags_of IS 'The words of a text that follow a number sign, whatever their case; NULL if there is none.';

CREATE INDEX messages_tags_idx ON messages USING gin (tags_of(text))
    WITH (fastupdate = on, gin_pending_list_limit = 1024) WHERE NOT flagged AND text ~ '[#＃]';
COMMENT ON INDEX messages_tags_idx IS 'The messages that have a tag; no other message costs anything here.';
