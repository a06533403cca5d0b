-- refused: require-concurrent-reindex
REINDEX TABLE messages;
