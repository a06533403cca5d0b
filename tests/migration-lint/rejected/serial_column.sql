-- rejected: adding-field-with-default
ALTER TABLE follows ADD COLUMN follow_id bigint GENERATED ALWAYS AS IDENTITY;
