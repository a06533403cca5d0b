-- Search: words by full-text search, and what is written without spaces by trigrams.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Scripts whose words run into each other: Thai, Lao, Myanmar, Khmer, Chinese and Japanese. The
-- parser of full-text search takes a whole clause of theirs for one word.
CREATE FUNCTION runs_together(text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT $1 ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af]'
$$;
COMMENT ON FUNCTION runs_together IS 'Whether a text has a character of a script that puts no spaces between words.';

-- Most words of these scripts have one or two characters, which make no trigram. Each written three
-- times, a character alone makes one, and two neighbours make two more.
CREATE FUNCTION spelled_thrice(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT regexp_replace($1, '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af])', '\1\1\1', 'g')
$$;
COMMENT ON FUNCTION spelled_thrice IS 'A text with each character of such a script three times, so that one alone is a trigram.';

-- A GIN index collects new entries in a list before it sorts them in. A short list keeps small the
-- share of the one insert in hundreds that finds it full, and of searches, which read all of it.
CREATE INDEX messages_words_idx ON messages USING gin (to_tsvector('simple', text))
    WITH (fastupdate = on, gin_pending_list_limit = 1024) WHERE NOT flagged;
COMMENT ON INDEX messages_words_idx IS 'Search for words.';

CREATE INDEX messages_trigrams_idx ON messages USING gin (spelled_thrice(text) gin_trgm_ops)
    WITH (fastupdate = on, gin_pending_list_limit = 1024) WHERE NOT flagged AND runs_together(text);
COMMENT ON INDEX messages_trigrams_idx IS 'Search in scripts without spaces; no other message costs anything here.';

CREATE INDEX users_folded_username_idx ON users (lower(username COLLATE "default") COLLATE "C", username);
COMMENT ON INDEX users_folded_username_idx IS 'Search for users by the beginning of their names, whatever the case.';
