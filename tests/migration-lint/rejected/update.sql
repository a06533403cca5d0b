-- rejected: statement-that-blocks-writers
UPDATE messages SET flagged = false WHERE flagged;
