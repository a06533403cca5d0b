-- rejected: adding-not-nullable-field
ALTER TABLE users ALTER COLUMN bio SET NOT NULL;
