-- minitwit:no-transaction
-- refused: statement-that-blocks-writers
VACUUM FULL messages;
