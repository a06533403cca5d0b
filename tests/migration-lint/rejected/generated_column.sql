-- rejected: adding-field-with-default
ALTER TABLE messages ADD COLUMN length integer GENERATED ALWAYS AS (char_length(text)) STORED;
