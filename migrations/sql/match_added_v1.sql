-- Gives every match the head of its log.
CREATE OR REPLACE FUNCTION match_added() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO match_heads (match_id) SELECT id FROM new_rows ORDER BY id;
    RETURN NULL;
END $$;
