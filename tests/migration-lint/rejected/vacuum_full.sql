-- minitwit:no-transaction
-- rejected: statement-that-blocks-writers
VACUUM FULL messages;
