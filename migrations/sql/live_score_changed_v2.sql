-- One entry per match and statement, when something a reader can see differs. A score that goes back
-- is a correction and says what it was. Nothing is looked up that the statement's rows do not say.
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
        SELECT array_agg(n.match_id), array_agg('score_update'::text), array_agg(
            score_body(n.home_score, n.away_score, n.period, n.clock, n.status, n.periods,
                       n.confidence, n.updated_at) || '}'
        )
        INTO v_ids, v_kinds, v_bodies
        FROM new_rows AS n;
    ELSE
        SELECT array_agg(c.match_id),
               array_agg(CASE WHEN c.goes_back THEN 'score_correction' ELSE 'score_update' END),
               array_agg(c.body || CASE WHEN c.goes_back THEN
                   ', "previous" : ' || json_build_object('homeScore', c.home, 'awayScore', c.away)
                   || ', "reason" : "provider_correction"}' ELSE '}' END)
        INTO v_ids, v_kinds, v_bodies
        FROM (
            SELECT n.match_id, o.home_score AS home, o.away_score AS away,
                   score_body(n.home_score, n.away_score, n.period, n.clock, n.status, n.periods,
                              n.confidence, n.updated_at) AS body,
                   coalesce(n.home_score < o.home_score OR n.away_score < o.away_score,
                            o.home_score IS NOT NULL) AS goes_back
            FROM new_rows AS n JOIN old_rows AS o ON o.match_id = n.match_id
            WHERE (n.status, n.home_score, n.away_score, n.period, n.clock, n.periods, n.confidence)
                  IS DISTINCT FROM
                  (o.status, o.home_score, o.away_score, o.period, o.clock, o.periods, o.confidence)
        ) AS c;
    END IF;
    PERFORM append_changes(v_ids, v_kinds, v_bodies) WHERE v_ids IS NOT NULL;
    RETURN NULL;
END $$;
