-- A new password ends all sessions and tokens of its user, whoever writes it, and so does an operator
-- who disables the user.
--
-- A statement sees nothing of a sign-in that is committed after it began. So a sign-in locks the
-- user's row, which either change waits for or which it waits for itself; and what ends
-- the sessions looks for them after that, which a trigger's function does.

CREATE FUNCTION end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- But for the session that whoever changes the password has just been given.
    DELETE FROM sessions WHERE user_id = NEW.user_id AND xmin <> pg_current_xact_id()::xid;
    DELETE FROM api_tokens WHERE user_id = NEW.user_id;
    RETURN NULL;
END $$;

CREATE TRIGGER credentials_ended AFTER UPDATE OF password_hash, disabled_at ON users
    FOR EACH ROW WHEN (OLD.password_hash IS DISTINCT FROM NEW.password_hash
                       OR (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL))
    EXECUTE FUNCTION end_sessions();
