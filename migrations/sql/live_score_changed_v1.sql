-- One entry per match and statement, when something a reader can see differs. A score that goes back
-- is a correction and says what it was.
CREATE OR REPLACE FUNCTION live_score_changed() RETURNS trigger
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    v_changed bigint[];
    v_previous json[];
    v_ids bigint[];
    v_kinds text[];
    v_bodies text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n.match_id), array_agg(NULL::json) INTO v_changed, v_previous
        FROM new_rows AS n;
    ELSE
        SELECT array_agg(n.match_id),
               array_agg(
                   CASE WHEN coalesce(n.home_score < o.home_score OR n.away_score < o.away_score,
                                      o.home_score IS NOT NULL)
                        THEN json_build_object('homeScore', o.home_score, 'awayScore', o.away_score)
                   END
               )
        INTO v_changed, v_previous
        FROM new_rows AS n JOIN old_rows AS o ON o.match_id = n.match_id
        WHERE (n.status, n.home_score, n.away_score, n.period, n.clock, n.periods, n.confidence)
              IS DISTINCT FROM
              (o.status, o.home_score, o.away_score, o.period, o.clock, o.periods, o.confidence);
    END IF;
    SELECT array_agg(s.match_id ORDER BY s.match_id),
           array_agg(CASE WHEN c.previous IS NULL THEN 'score_update' ELSE 'score_correction' END
                     ORDER BY s.match_id),
           array_agg(
               rtrim(json_build_object(
                   'homeScore', s.home_score, 'awayScore', s.away_score, 'period', s.period,
                   'clock', s.clock, 'status', s.status, 'periods', s.periods,
                   'confidence', trim_scale(s.confidence), 'updatedAt', wire_time(s.updated_at)
               )::text, '}')
               || coalesce(', "previous" : ' || c.previous
                           || ', "reason" : "provider_correction"', '') || '}'
               ORDER BY s.match_id
           )
    INTO v_ids, v_kinds, v_bodies
    FROM unnest(v_changed, v_previous) AS c (match_id, previous)
    JOIN live_scores AS s ON s.match_id = c.match_id AND s.match_id = ANY (v_changed);
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
