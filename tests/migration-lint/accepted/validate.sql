-- VALIDATE reads the table without blocking writers.
ALTER TABLE users VALIDATE CONSTRAINT users_bio_trimmed;
