-- What was posted stays as it was posted: a mistake is put right by another transfer.
CREATE OR REPLACE FUNCTION transfer_guard()
RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% of % is never allowed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'TL004';
END $$;
