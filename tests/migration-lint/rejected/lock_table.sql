-- rejected: statement-that-blocks-writers
LOCK TABLE messages IN SHARE MODE;
