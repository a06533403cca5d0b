-- rejected: ban-drop-table
DROP TABLE idempotency_keys;
