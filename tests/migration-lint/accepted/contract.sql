-- A contracting migration says in program_compatibility which programs work without the column.
-- squawk-ignore ban-drop-column
ALTER TABLE users DROP COLUMN bio;
INSERT INTO program_compatibility (migration, oldest_program) VALUES (9, '0.4.0');
