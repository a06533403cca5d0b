-- rejected: ban-drop-column
ALTER TABLE users DROP COLUMN bio;
