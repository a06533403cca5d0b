-- A contracting migration inserts a row: the oldest program that works without what it removes. A program
-- below the highest such version refuses to start, and a running one reports that it is not ready.

CREATE TABLE program_compatibility (
    migration      integer NOT NULL,
    oldest_program text    NOT NULL,
    CONSTRAINT program_compatibility_pkey PRIMARY KEY (migration),
    CONSTRAINT program_compatibility_oldest_program_semver CHECK (oldest_program ~ '^\d+\.\d+\.\d+$')
);
COMMENT ON TABLE program_compatibility IS 'For each contracting migration, the oldest program version that works on its schema.';
