-- minitwit:no-transaction
-- Names of new users must differ by more than case. The simulator, imports and earlier programs may break this rule, so
-- it holds only among rows that were inserted under it.

ALTER TABLE users ADD COLUMN IF NOT EXISTS distinct_name boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN users.distinct_name IS 'Whether the row was inserted under the rule that names differ by more than case.';

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_distinct_name_idx
    ON users (lower(username COLLATE "default") COLLATE "C") WHERE distinct_name;
COMMENT ON INDEX users_distinct_name_idx IS 'Of concurrent sign-ups with names that differ only by case, one succeeds.';
