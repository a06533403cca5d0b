-- rejected: changing-column-type
ALTER TABLE messages ALTER COLUMN text TYPE varchar(280);
