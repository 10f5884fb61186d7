-- One entry per match and statement, when the chances that are told differ, and their new point on
-- the path that the match page draws. When the same was found again, only its time moves: nobody is
-- told.
CREATE OR REPLACE FUNCTION forecast_changed() RETURNS trigger
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    v_changed bigint[];
    v_ids bigint[];
    v_kinds text[];
    v_bodies text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n.match_id) INTO v_changed FROM new_rows AS n;
    ELSE
        SELECT array_agg(n.match_id) INTO v_changed
        FROM new_rows AS n JOIN old_rows AS o ON o.match_id = n.match_id
        WHERE (n.version, n.home, n.draw, n.away, n.confidence, n.expected_home, n.expected_away,
               n.phase)
              IS DISTINCT FROM
              (o.version, o.home, o.draw, o.away, o.confidence, o.expected_home, o.expected_away,
               o.phase);
    END IF;
    IF v_changed IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO forecast_points (match_id, at, phase, minute, home, draw, away, home_score, away_score)
    SELECT f.match_id, f.generated_at, f.phase, f.minute, f.home, f.draw, f.away, f.home_score,
           f.away_score
    FROM forecasts AS f WHERE f.match_id = ANY (v_changed)
    ON CONFLICT (match_id, at) DO NOTHING;
    SELECT array_agg(f.match_id ORDER BY f.match_id),
           array_agg('prediction_update'::text),
           array_agg(
               json_build_object(
                   'homeWinProb', trim_scale(f.home), 'drawProb', trim_scale(f.draw),
                   'awayWinProb', trim_scale(f.away), 'confidence', trim_scale(f.confidence),
                   'expectedGoals', json_build_object(
                       'home', trim_scale(f.expected_home), 'away', trim_scale(f.expected_away)
                   ),
                   'model', json_build_object(
                       'name', f.model, 'version', f.version,
                       'marketShare', trim_scale(f.market_share), 'phase', f.phase
                   ),
                   'minute', trim_scale(f.minute), 'generatedAt', wire_time(f.generated_at)
               )::text ORDER BY f.match_id
           )
    INTO v_ids, v_kinds, v_bodies
    FROM forecasts AS f WHERE f.match_id = ANY (v_changed);
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
