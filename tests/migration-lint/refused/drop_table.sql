-- refused: ban-drop-table
DROP TABLE idempotency_keys;
