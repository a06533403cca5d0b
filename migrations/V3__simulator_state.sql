-- The simulator API's `latest`: the number of the command that arrived last, on any replica. Each server process has
-- its own row, so no two processes update the same row. The row with the highest arrival has the current value.

CREATE SEQUENCE simulator_latest_arrival_seq AS bigint CACHE 1;

CREATE TABLE simulator_latest (
    server_id bigint NOT NULL,
    arrival   bigint NOT NULL,
    value     bigint NOT NULL,
    CONSTRAINT simulator_latest_pkey PRIMARY KEY (server_id),
    CONSTRAINT simulator_latest_value_not_negative CHECK (value >= 0)
    -- Leaves free space on each page for heap-only tuple updates, which change no index.
) WITH (fillfactor = 10);
ALTER SEQUENCE simulator_latest_arrival_seq OWNED BY simulator_latest.arrival;
COMMENT ON TABLE simulator_latest IS 'The last value of `latest` that each server process received. The row with the highest arrival, a number from a sequence that all processes share, has the current value.';
