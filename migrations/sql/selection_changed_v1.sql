-- One entry per market with the selections whose price or status differs, and their new point on the
-- path of prices. The text is put together by hand: at 10,000 selections a second building JSON
-- objects was most of the trigger's time. Numbers and the two statuses need no quoting; names do.
CREATE OR REPLACE FUNCTION selection_changed() RETURNS trigger
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    v_market_ids bigint[];
    v_parts text[];
    v_ids bigint[];
    v_kinds text[];
    v_bodies text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO odds_history (selection_id, at, odds, best_odds, status)
        SELECT n.id, n.updated_at, n.odds, n.best_odds, n.status FROM new_rows AS n
        WHERE n.odds IS NOT NULL;
        SELECT array_agg(p.market_id), array_agg(p.part)
        INTO v_market_ids, v_parts
        FROM (
            SELECT n.market_id,
                   string_agg(
                       '{"id":"' || n.id || '","key":"' || n.key || '","name":' || to_json(n.name)
                       || ',"odds":' || coalesce(trim_scale(n.odds)::text, 'null')
                       || ',"bestOdds":' || coalesce(trim_scale(n.best_odds)::text, 'null')
                       || ',"bestProvider":' || coalesce(to_json(n.best_provider)::text, 'null')
                       || ',"fairProbability":'
                       || coalesce(trim_scale(n.fair_probability)::text, 'null')
                       || ',"status":"' || n.status || '"}', ',' ORDER BY n.id
                   ) AS part
            FROM new_rows AS n GROUP BY n.market_id
        ) AS p;
    ELSE
        WITH changed AS MATERIALIZED (
            SELECT n.* FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
            WHERE (n.odds, n.best_odds, n.best_provider, n.fair_probability, n.status, n.name)
                  IS DISTINCT FROM
                  (o.odds, o.best_odds, o.best_provider, o.fair_probability, o.status, o.name)
        ), path AS (
            INSERT INTO odds_history (selection_id, at, odds, best_odds, status)
            SELECT n.id, n.updated_at, n.odds, n.best_odds, n.status FROM changed AS n
        ), per_market AS (
            SELECT n.market_id,
                   string_agg(
                       '{"id":"' || n.id || '","name":' || to_json(n.name)
                       || ',"odds":' || coalesce(trim_scale(n.odds)::text, 'null')
                       || ',"bestOdds":' || coalesce(trim_scale(n.best_odds)::text, 'null')
                       || ',"bestProvider":' || coalesce(to_json(n.best_provider)::text, 'null')
                       || ',"fairProbability":'
                       || coalesce(trim_scale(n.fair_probability)::text, 'null')
                       || ',"status":"' || n.status || '"}', ',' ORDER BY n.id
                   ) AS part
            FROM changed AS n GROUP BY n.market_id
        )
        SELECT array_agg(p.market_id), array_agg(p.part)
        INTO v_market_ids, v_parts
        FROM per_market AS p;
    END IF;
    IF v_market_ids IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(m.match_id ORDER BY m.match_id, m.id),
           array_agg('odds_update'::text),
           array_agg(
               '{"marketId":"' || m.id || '","version":' || m.version || ',"status":"' || m.status
               || '","overround":' || coalesce(trim_scale(m.overround)::text, 'null')
               || ',"updatedAt":"' || wire_time(m.updated_at)
               || '","selections":[' || p.part || ']}' ORDER BY m.match_id, m.id
           )
    INTO v_ids, v_kinds, v_bodies
    FROM unnest(v_market_ids, v_parts) AS p (market_id, part)
    JOIN markets AS m ON m.id = p.market_id AND m.id = ANY (v_market_ids);
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
