-- One entry per match and statement, when something a reader can see differs. A score that goes back
-- is a correction and says what it was.
CREATE OR REPLACE FUNCTION live_score_changed() RETURNS trigger
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    v_ids bigint[];
    v_kinds text[];
    v_bodies text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n.match_id ORDER BY n.match_id),
               array_agg('score_update'::text),
               array_agg(
                   json_build_object(
                       'homeScore', n.home_score, 'awayScore', n.away_score, 'period', n.period,
                       'clock', n.clock, 'status', n.status, 'periods', n.periods,
                       'confidence', trim_scale(n.confidence),
                       'updatedAt', wire_time(n.updated_at)
                   )::text ORDER BY n.match_id
               )
        INTO v_ids, v_kinds, v_bodies
        FROM new_rows AS n;
    ELSE
        SELECT array_agg(d.match_id ORDER BY d.match_id),
               array_agg(
                   CASE WHEN d.back THEN 'score_correction' ELSE 'score_update' END
                   ORDER BY d.match_id
               ),
               array_agg(
                   CASE WHEN d.back
                        THEN (d.body::jsonb || jsonb_build_object(
                                 'previous', d.previous, 'reason', 'provider_correction'))::text
                        ELSE d.body::text
                   END ORDER BY d.match_id
               )
        INTO v_ids, v_kinds, v_bodies
        FROM (
            SELECT n.match_id,
                   coalesce(n.home_score < o.home_score OR n.away_score < o.away_score,
                            o.home_score IS NOT NULL) AS back,
                   json_build_object('homeScore', o.home_score, 'awayScore', o.away_score)
                       AS previous,
                   json_build_object(
                       'homeScore', n.home_score, 'awayScore', n.away_score, 'period', n.period,
                       'clock', n.clock, 'status', n.status, 'periods', n.periods,
                       'confidence', trim_scale(n.confidence),
                       'updatedAt', wire_time(n.updated_at)
                   ) AS body
            FROM new_rows AS n JOIN old_rows AS o ON o.match_id = n.match_id
            WHERE (n.status, n.home_score, n.away_score, n.period, n.clock, n.periods, n.confidence)
                  IS DISTINCT FROM
                  (o.status, o.home_score, o.away_score, o.period, o.clock, o.periods, o.confidence)
        ) AS d;
    END IF;
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
