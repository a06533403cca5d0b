-- A migration that takes something away adds a row here: the oldest program that works without it.
-- Programs below the highest such version refuse to start and say that they are not ready.

CREATE TABLE program_compatibility (
    migration      integer NOT NULL,
    oldest_program text    NOT NULL,
    CONSTRAINT program_compatibility_pkey PRIMARY KEY (migration),
    CONSTRAINT program_compatibility_oldest_program_semver CHECK (oldest_program ~ '^\d+\.\d+\.\d+$')
);
COMMENT ON TABLE program_compatibility IS 'For each contracting migration, the oldest program version that still works on the schema it leaves.';
