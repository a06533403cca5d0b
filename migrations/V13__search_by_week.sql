-- Search goes back week by week: each of a message's terms is indexed together with the week that the
-- message is of, so that what is newest is found without reading all that is older, however many said
-- a word and however long ago. A page needs a few weeks of a common word; a week that has none of a
-- rare one costs some 10 microseconds.
--
-- The terms are the words, the tags, and of scripts without spaces all pairs of neighbouring characters.
-- Bodies of functions are parsed here and now (RETURN, BEGIN ATOMIC), since an index may be built or
-- restored where the search path is another one.

CREATE FUNCTION folded(text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    -- To normalize a text takes longer than all the rest, and next to none needs it. One that becomes as long as
    -- no text of letters can is left as it is: a term has 2,046 bytes at most, or nobody could post it.
    RETURN lower(CASE WHEN octet_length($1) = char_length($1) OR $1 IS NFKC NORMALIZED THEN $1
                      WHEN octet_length(normalize($1, NFKC)) > 2000 THEN $1
                      ELSE normalize($1, NFKC) END);
COMMENT ON FUNCTION folded IS 'A text as searches compare it: whatever its case, and however its characters are composed.';

CREATE FUNCTION words_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    -- The parser takes what hyphens join for one word more, of which nobody could look for the beginning.
    RETURN strip(to_tsvector('simple', replace(folded($1), '-', ' ')));
COMMENT ON FUNCTION words_of IS 'The words of a text.';

CREATE FUNCTION tag_words_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_to_tsvector(array_agg('#' || tag)) FROM unnest(tags_of($1)) AS tag;
END;
COMMENT ON FUNCTION tag_words_of IS 'The tags of a text, with their sign, which no word begins with.';

-- What would need an escape in a tsvector is no part of a pair: its neighbour stands alone.
-- The argument has a name: without one, pg_dump could not write down what refers to it beside the columns.
CREATE FUNCTION characters_of(whole text) RETURNS TABLE (own text, next text)
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT own, next
    FROM (SELECT own, lead(own) OVER (ORDER BY place) AS next
          FROM string_to_table(regexp_replace(folded(whole), '[[:space:]''\\]', ' ', 'g'), NULL)
               WITH ORDINALITY AS characters (own, place)) AS characters
    WHERE own <> ' ';
END;
COMMENT ON FUNCTION characters_of IS 'Each character of a text, and the one after it: NULL after the last, a space for what makes no pair.';

CREATE FUNCTION pairs_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_to_tsvector(array_agg('=' || own || rtrim(COALESCE(next, '')))) FROM characters_of($1);
END;
COMMENT ON FUNCTION pairs_of IS 'The pairs of neighbouring characters of a text, with a sign that no word and no tag begins with.';

CREATE FUNCTION terms_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN words_of($1)
        || CASE WHEN $1 ~ '[#＃]' THEN COALESCE(tag_words_of($1), '') ELSE '' END
        || CASE WHEN octet_length($1) > char_length($1) AND runs_together(folded($1))
                THEN COALESCE(pairs_of($1), '') ELSE '' END;
COMMENT ON FUNCTION terms_of IS 'All that a message of this text is found by.';

CREATE FUNCTION query_for_words(text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (NULLIF(plainto_tsquery('simple', replace(folded($1), '-', ' '))::text, '') || ':*')::tsquery;
COMMENT ON FUNCTION query_for_words IS 'What finds all words of a text, and of the last one the beginning; NULL if it has none.';

CREATE FUNCTION query_for_tag(text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ('''#' || (tags_of('#' || $1))[1] || '''')::tsquery;
COMMENT ON FUNCTION query_for_tag IS 'What finds a tag.';

-- Of a message that matches, each part is still to be looked for in the text.
CREATE FUNCTION query_for_parts(text[]) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- A character alone is the beginning of a pair: of hundreds of them, where it is a letter of an alphabet.
    SELECT string_agg(CASE WHEN next IS NULL THEN '''=' || own || ''':*'
                           ELSE '''=' || own || rtrim(next) || '''' END, ' & ')::tsquery
    FROM unnest($1) AS part CROSS JOIN characters_of(part)
    WHERE next IS NOT NULL OR runs_together(own);
END;
COMMENT ON FUNCTION query_for_parts IS 'What finds the pairs of characters of all these parts, of which one has a script without spaces.';

CREATE FUNCTION week_of(timestamptz) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN floor(date_part('epoch', $1 - timestamptz '1970-01-01Z') / 604800)::integer;
COMMENT ON FUNCTION week_of IS 'How many weeks had gone by since 1970 began (UTC).';

CREATE FUNCTION beginning_of_week(integer) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN to_timestamp($1 * 604800::double precision);
COMMENT ON FUNCTION beginning_of_week IS 'When a week of week_of begins.';

-- PostgreSQL writes a term in quotes, with a space before it, and no term has a space in it.
CREATE FUNCTION of_week(tsvector, integer) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN replace(' ' || $1::text, ' ''', ' ''' || $2::text || ' ')::tsvector;
COMMENT ON FUNCTION of_week(tsvector, integer) IS 'Each term with the number of the week before it.';

CREATE FUNCTION of_week(tsquery, integer) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN replace(' ' || $1::text, ' ''', ' ''' || $2::text || ' ')::tsquery;
COMMENT ON FUNCTION of_week(tsquery, integer) IS 'What finds those terms in a week.';

-- The shortest list of what is yet to be sorted in: a search reads all of it for each week, and the insert that
-- finds it full sorts it in. A list of 1 MB, as V9 had them, lets a tenth more posts in, and has one of them wait longer.
SET LOCAL maintenance_work_mem = '256MB';
CREATE INDEX messages_terms_idx ON messages USING gin (of_week(terms_of(text), week_of(published_at)))
    WITH (fastupdate = on, gin_pending_list_limit = 64) WHERE NOT flagged;
COMMENT ON INDEX messages_terms_idx IS 'Search, and the messages of a tag.';
