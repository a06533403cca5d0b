-- rejected: adding-field-with-default
ALTER TABLE messages ADD COLUMN received_at timestamptz DEFAULT clock_timestamp();
