-- rejected: statement-that-blocks-writers
TRUNCATE idempotency_keys;
