-- Search of messages and users.
--
-- A post writes nothing for search: an index of each message's terms took 70 % of a post's time. Instead, a server indexes
-- messages soon after they are posted, in blocks of 256 that follow each other in the timeline. A block has each of its
-- terms once. A search scans the messages that are not indexed yet, and then the blocks that contain all its terms, newest
-- first, until its page is full.
--
-- The terms of a message are its words, its tags, its emoji, and, for scripts without spaces, all pairs of adjacent
-- characters.

CREATE FUNCTION has_unspaced_script(text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT $1 ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af]'
$$;
COMMENT ON FUNCTION has_unspaced_script IS 'True if a text has a character of a script without spaces between words: Thai, Lao, Myanmar, Khmer, Chinese, Japanese. The parser of full-text search treats a whole clause of these as one word.';

-- A word consists of letters, digits, `_`, and the marks and numbers that `\w` omits in PostgreSQL. A joiner, a selector
-- of variants, or one of six punctuation characters may stand between two of them. The result may contain words that are
-- not tags, such as a part of an address, so the program parses the matching messages again. It contains every tag,
-- unless the PostgreSQL server is older than the tag's script. The function does not normalize ASCII texts, because
-- normalization is its slowest step. Before it, a space replaces letters and marks that show nothing, and a semicolon
-- of Greek that normalization would change to U+00B7: they end a tag.
CREATE FUNCTION tags_of(text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT array_agg(translate(lower(found[1]), 'ς', 'σ'))
    FROM regexp_matches(
        CASE WHEN $1 ~ '[^[:ascii:]]'
             THEN normalize(translate($1, U&'\0387\034F\115F\1160\17B4\17B5\3164\FFA0', repeat(' ', 8)))
             ELSE $1 END,
        '(?<![\w&/=#＃])[#＃]((?:[·\u05f3\u05f4\u0f0b・･\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]?[\w\u00b2\u00b3\u00b9\u00bc-\u00be\u2070\u2074-\u2079\u2080-\u2089\u2150-\u215f\u2460-\u249b\u0300-\u036f\u0591-\u05bd\u064b-\u0658\u093c\u094d\u09bc\u09cd\u0a3c\u0a4d\u0abc\u0acd\u0b3c\u0b4d\u0bcd\u0c4d\u0cbc\u0ccd\u0d4d\u0dca\u0e47-\u0e4e\u1037\u1039\u103a\u17d2])+)',
        'g') AS found
$$;
COMMENT ON FUNCTION tags_of IS 'The words after a number sign in a text, in lower case; NULL if there is none.';

CREATE FUNCTION nfkc_form(text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    -- Most texts are normalized already, and the check is cheaper than normalize(). A text that NFKC makes very long
    -- stays unchanged: PostgreSQL rejects a term of more than 2,046 bytes, and so the message.
    RETURN CASE WHEN octet_length($1) = char_length($1) OR $1 IS NFKC NORMALIZED THEN $1
                WHEN octet_length(normalize($1, NFKC)) > 2000 THEN $1
                ELSE normalize($1, NFKC) END;
COMMENT ON FUNCTION nfkc_form IS 'A text in NFKC, unless that is very long.';

CREATE FUNCTION search_form(text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    -- The class contains the characters with Unicode's property Default_Ignorable_Code_Point, such as soft hyphens and
    -- joiners. Few texts have one.
    RETURN lower(CASE WHEN octet_length($1) = char_length($1) THEN $1
                      WHEN $1 ~ '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]'
                      THEN nfkc_form(regexp_replace($1, '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]', '', 'g'))
                      ELSE nfkc_form($1) END);
COMMENT ON FUNCTION search_form IS 'A text as searches compare it: in lower case and NFKC, without characters that show nothing.';

CREATE FUNCTION word_form(text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    -- Replaces hyphens, because the parser adds the whole compound as a word, which no search for a prefix can find.
    -- Replaces symbols that NFKC changes to letters, such as the trade mark sign, because emoji_of returns them.
    RETURN replace(CASE WHEN octet_length($1) > char_length($1) AND $1 ~ '[\u2122\u2139\u24c2\u3297\u3299\U0001f100-\U0001f2ff]'
                        THEN search_form(regexp_replace($1, '[\u2122\u2139\u24c2\u3297\u3299\U0001f100-\U0001f2ff]', ' ', 'g'))
                        ELSE search_form($1) END, '-', ' ');
COMMENT ON FUNCTION word_form IS 'A text as the parser of full-text search reads it.';

CREATE FUNCTION word_terms_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN strip(to_tsvector('simple', word_form($1)));
COMMENT ON FUNCTION word_terms_of IS 'The words of a text.';

CREATE FUNCTION tag_terms_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- A term has at most 2,046 bytes. Only imported texts have longer tags.
    SELECT array_to_tsvector(array_agg('#' || tag)) FROM unnest(tags_of($1)) AS tag WHERE octet_length(tag) < 2000;
END;
COMMENT ON FUNCTION tag_terms_of IS 'The tags of a text, each prefixed by a number sign, so that it differs from every word.';

-- The class contains the characters of emoji beyond ASCII, with the blocks in which most of them are. The parser of
-- full-text search treats most of these as spaces.
CREATE FUNCTION emoji_of(text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT array_agg(found[1]) FROM regexp_matches($1, '[\u00a9\u00ae\u203c\u2049\u20e3\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff\U0001fc00-\U0001fffd]', 'g') AS found
$$;
COMMENT ON FUNCTION emoji_of IS 'The characters of the emoji and similar symbols in a text; NULL if there is none.';

CREATE FUNCTION emoji_terms_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_to_tsvector(array_agg('*' || emoji)) FROM unnest(emoji_of($1)) AS emoji;
END;
COMMENT ON FUNCTION emoji_terms_of IS 'The emoji of a text, each prefixed by an asterisk, so that it differs from every word and tag.';

-- Characters that a tsvector would escape form no pair; the character before one is a term without a second character.
-- The argument has a name, because otherwise pg_dump confuses it with the columns.
CREATE FUNCTION adjacent_characters_of(input text) RETURNS TABLE (first_char text, second_char text)
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT first_char, second_char
    FROM (SELECT first_char, lead(first_char) OVER (ORDER BY position) AS second_char
          FROM string_to_table(regexp_replace(search_form(input), '[[:space:]''\\]', ' ', 'g'), NULL)
               WITH ORDINALITY AS characters (first_char, position)) AS characters
    WHERE first_char <> ' ';
END;
COMMENT ON FUNCTION adjacent_characters_of IS 'Each character of a text and the next one: NULL after the last, a space for a character that forms no pair.';

CREATE FUNCTION pair_terms_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_to_tsvector(array_agg('=' || first_char || rtrim(COALESCE(second_char, ''))))
    FROM adjacent_characters_of($1);
END;
COMMENT ON FUNCTION pair_terms_of IS 'The pairs of adjacent characters of a text, each prefixed by an equals sign, so that it differs from every word and tag.';

CREATE FUNCTION short_terms_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN word_terms_of($1)
        || CASE WHEN $1 ~ '[#＃]' THEN COALESCE(tag_terms_of($1), '') ELSE '' END
        || CASE WHEN octet_length($1) > char_length($1) THEN COALESCE(emoji_terms_of($1), '') ELSE '' END
        || CASE WHEN octet_length($1) > char_length($1) AND has_unspaced_script(search_form($1))
                THEN COALESCE(pair_terms_of($1), '') ELSE '' END;
COMMENT ON FUNCTION short_terms_of IS 'All terms of a text, which must have few enough for a tsvector.';

-- Imported texts have any length, but a tsvector takes 1 MiB. 50,000 characters have at most 13 bytes of terms each.
CREATE FUNCTION terms_of(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN short_terms_of(CASE WHEN octet_length($1) > 50000 THEN left($1, 50000) ELSE $1 END);
COMMENT ON FUNCTION terms_of IS 'All terms by which a search finds a text: those of its first 50,000 characters.';

CREATE FUNCTION query_for_emoji(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT string_agg('''*' || emoji || '''', ' & ') FROM unnest(emoji_of($1)) AS emoji;
END;
COMMENT ON FUNCTION query_for_emoji IS 'Matches all emoji of a text; NULL if it has none.';

CREATE FUNCTION query_for_words(text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT COALESCE(words || ':* & ' || emoji, words || ':*', emoji)::tsquery
    FROM (SELECT NULLIF(plainto_tsquery('simple', word_form($1))::text, '') AS words,
                 query_for_emoji($1) AS emoji) AS parts;
END;
COMMENT ON FUNCTION query_for_words IS 'Matches all words and emoji of a text, and words that begin with its last one; NULL if it has none of either.';

CREATE FUNCTION query_for_tag(text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ('''#' || (tags_of('#' || $1))[1] || '''')::tsquery;
COMMENT ON FUNCTION query_for_tag IS 'Matches a tag.';

-- A match contains all pairs, but perhaps not in sequence, so the program also compares each part with the text.
CREATE FUNCTION query_for_parts(text[]) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    -- A single character matches all pairs that begin with it. A letter of an alphabet would match hundreds of pairs.
    SELECT string_agg(CASE WHEN second_char IS NULL THEN '''=' || first_char || ''':*'
                           ELSE '''=' || first_char || rtrim(second_char) || '''' END, ' & ')::tsquery
    FROM unnest($1) AS part CROSS JOIN adjacent_characters_of(part)
    WHERE second_char IS NOT NULL OR has_unspaced_script(first_char);
END;
COMMENT ON FUNCTION query_for_parts IS 'Matches all pairs of adjacent characters of these parts. At least one part must have a script without spaces.';

CREATE TABLE search_blocks (
    after_time timestamptz NOT NULL,
    after_id   bigint      NOT NULL,
    until_time timestamptz NOT NULL,
    until_id   bigint      NOT NULL,
    terms      tsvector    NOT NULL,
    CONSTRAINT search_blocks_pkey PRIMARY KEY (until_time, until_id),
    CONSTRAINT search_blocks_after_key UNIQUE (after_time, after_id),
    CONSTRAINT search_blocks_order CHECK ((after_time, after_id) < (until_time, until_id))
);
COMMENT ON TABLE search_blocks IS 'The terms of all messages after one position of the timeline, up to and including another. Each block begins where the previous one ends.';
COMMENT ON COLUMN search_blocks.terms IS 'Each term of each message once. May contain terms of earlier texts of edited or deleted messages, so a search checks each message.';

-- Only the server that indexes messages writes to it, so its insertions delay no request, and no pending list is needed.
CREATE INDEX search_blocks_terms_idx ON search_blocks USING gin (terms) WITH (fastupdate = off);
COMMENT ON INDEX search_blocks_terms_idx IS 'Search of messages, and the messages of a tag.';

-- Rows have no key, so that an edit during the indexing of the previous text adds another row, which stays.
CREATE TABLE search_late (
    message_id bigint NOT NULL
);
COMMENT ON TABLE search_late IS 'Messages whose block, if there is one, may lack their terms: edited or unflagged, or inserted with an earlier time. A search also scans these.';

CREATE FUNCTION search_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_late (message_id) VALUES (NEW.message_id);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION search_later IS 'Records that the terms of a message must be added to its block.';

-- The time of a post is that of its insertion, which is after the start of its transaction. The condition costs a post
-- less than 1 µs.
CREATE TRIGGER messages_search_inserted AFTER INSERT ON messages
    FOR EACH ROW WHEN (NEW.published_at < now() AND NOT NEW.imported) EXECUTE FUNCTION search_later();

CREATE TRIGGER messages_search_changed AFTER UPDATE OF text, flagged, published_at ON messages
    FOR EACH ROW WHEN (NOT NEW.flagged AND (OLD.flagged OR OLD.text <> NEW.text
                                            OR OLD.published_at <> NEW.published_at))
    EXECUTE FUNCTION search_later();

CREATE INDEX users_lowercase_username_idx ON users (lower(username COLLATE "default") COLLATE "C", username);
COMMENT ON INDEX users_lowercase_username_idx IS 'Search of users by the beginning of their usernames, in any case.';
