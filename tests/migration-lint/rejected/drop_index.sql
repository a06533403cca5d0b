-- rejected: require-concurrent-index-deletion
DROP INDEX messages_author_idx;
