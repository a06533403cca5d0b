-- What search used before V13. A migration of its own, which is repeated if somebody reads for long: V13 builds
-- for minutes. A program of V12 goes on finding what the newest messages have, and all on a small database; on a
-- large one it takes longer for the rest than it waits for. No release has it. The function spelled_thrice and the
-- extension pg_trgm are left for it alone.
DROP INDEX messages_words_idx, messages_trigrams_idx, messages_tags_idx;
