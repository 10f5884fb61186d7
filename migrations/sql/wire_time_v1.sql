-- RFC 3339 in UTC with milliseconds, as everything on the wire says its time.
CREATE OR REPLACE FUNCTION wire_time(t timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
