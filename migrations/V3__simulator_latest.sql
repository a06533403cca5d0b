-- The simulator's `latest`: the value of the request that arrived last, whichever replica it reached.
-- One row a server process, so that no row is written by two; the highest arrival is the answer.

CREATE SEQUENCE simulator_latest_arrival_seq AS bigint CACHE 1;

CREATE TABLE simulator_latest (
    server_id bigint NOT NULL,
    arrival   bigint NOT NULL,
    value     bigint NOT NULL,
    CONSTRAINT simulator_latest_pkey PRIMARY KEY (server_id),
    CONSTRAINT simulator_latest_value_not_negative CHECK (value >= 0)
    -- Room on the page for the many updates of one row, which then touch no index.
) WITH (fillfactor = 10);
ALTER SEQUENCE simulator_latest_arrival_seq OWNED BY simulator_latest.arrival;
COMMENT ON TABLE simulator_latest IS 'The last `latest` that each server process was sent. The row with the highest arrival, a number that all processes draw from one sequence, is the one in force.';
