-- rejected: constraint-missing-not-valid
ALTER TABLE users ADD CONSTRAINT users_bio_trimmed CHECK (bio !~ '^ ');
