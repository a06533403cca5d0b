-- A contracting migration inserts a row with the oldest program version that works on its schema. Older programs
-- do not start, and running ones report that they are not ready.

CREATE TABLE program_compatibility (
    migration      integer NOT NULL,
    oldest_program text    NOT NULL,
    CONSTRAINT program_compatibility_pkey PRIMARY KEY (migration),
    CONSTRAINT program_compatibility_oldest_program_semver CHECK (oldest_program ~ '^\d+\.\d+\.\d+$')
);
COMMENT ON TABLE program_compatibility IS 'For each contracting migration, the oldest program version that works on its schema.';
