-- rejected: renaming-table
ALTER TABLE users RENAME TO people;
