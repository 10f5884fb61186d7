-- What an entry of the log says of a score, but for its closing brace: a correction says more.
CREATE OR REPLACE FUNCTION score_body(
    home smallint, away smallint, period text, clock text, status text, periods jsonb,
    confidence numeric, updated_at timestamptz
) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN rtrim(json_build_object(
    'homeScore', home, 'awayScore', away, 'period', period, 'clock', clock, 'status', status,
    'periods', periods, 'confidence', trim_scale(confidence), 'updatedAt', wire_time(updated_at)
)::text, '}');
