-- Each readiness check writes: a full disk, a read-only server or a broken library fails writes while reads work.

CREATE TABLE write_probes (
    probe_id bigint GENERATED ALWAYS AS IDENTITY,
    padding  text   NOT NULL,
    CONSTRAINT write_probes_pkey PRIMARY KEY (probe_id)
);
COMMENT ON TABLE write_probes IS 'Rows that readiness checks insert. Each insertion deletes the earlier rows.';
COMMENT ON COLUMN write_probes.padding IS 'Short, but long after the disk was full: a long value needs new space on the disk.';

-- Compressed, a long value would need no space.
ALTER TABLE write_probes ALTER padding SET STORAGE EXTERNAL;

-- In PL/pgSQL, so that the check also loads the library that the triggers of posts and follows need.
CREATE FUNCTION delete_earlier_probes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM write_probes WHERE probe_id < NEW.probe_id;
    RETURN NULL;
END $$;

CREATE TRIGGER write_probes_inserted AFTER INSERT ON write_probes
    FOR EACH ROW EXECUTE FUNCTION delete_earlier_probes();
