-- rejected: require-concurrent-reindex
REINDEX TABLE messages;
