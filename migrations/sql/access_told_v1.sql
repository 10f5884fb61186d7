-- Tells every process to read revocations and signing keys anew. It carries nothing: the tables
-- say what, so a notification that is lost costs some seconds.
CREATE OR REPLACE FUNCTION access_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('touchline_access', '');
    RETURN NULL;
END
$$;
