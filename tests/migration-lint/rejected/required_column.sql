-- rejected: adding-required-field
ALTER TABLE messages ADD COLUMN language text NOT NULL;
