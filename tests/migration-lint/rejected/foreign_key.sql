-- rejected: adding-foreign-key-constraint
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages;
