-- bcrypt cannot hold every plain-text password of an old system. An import keeps the hash of such a password in the form
-- that users.password_hash has for it: that of werkzeug's PBKDF2. The table has rows only while an import runs or was
-- interrupted, so the check of its rows takes no time.

-- The new check accepts all that the old one accepts.
-- squawk-ignore ban-drop-constraint
ALTER TABLE import_passwords DROP CONSTRAINT import_passwords_bcrypt;

-- squawk-ignore constraint-missing-not-valid
ALTER TABLE import_passwords ADD CONSTRAINT import_passwords_form CHECK (password_hash ~
    '^(\$2[abxy]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}|pbkdf2:sha256:[1-9]\d{0,5}\$[0-9a-z]{1,128}\$[0-9a-f]{64})$');

COMMENT ON TABLE import_passwords IS 'Hashes of passwords of users who are not yet inserted. Empty unless an import is running or was interrupted.';
