-- rejected: transaction-nesting
BEGIN;
COMMENT ON TABLE users IS 'Users.';
COMMIT;
