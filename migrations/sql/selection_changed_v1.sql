-- One entry per market with the selections whose price or status differs, and their new point on the
-- path of prices. The text is put together by hand: at 10,000 selections a second building JSON
-- objects was most of the trigger's time. Numbers, keys and statuses need no quoting; names do.
CREATE OR REPLACE FUNCTION selection_changed() RETURNS trigger
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    v_changed bigint[];
    v_market_ids bigint[];
    v_parts text[];
    v_ids bigint[];
    v_kinds text[];
    v_bodies text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n.id) INTO v_changed FROM new_rows AS n;
    ELSE
        SELECT array_agg(n.id) INTO v_changed
        FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
        WHERE (n.odds, n.best_odds, n.best_provider, n.fair_probability, n.status, n.name)
              IS DISTINCT FROM
              (o.odds, o.best_odds, o.best_provider, o.fair_probability, o.status, o.name);
    END IF;
    IF v_changed IS NULL THEN
        RETURN NULL;
    END IF;
    WITH changed AS MATERIALIZED (
        SELECT * FROM selections WHERE id = ANY (v_changed)
    ), path AS (
        INSERT INTO odds_history (selection_id, at, odds, best_odds, status)
        SELECT c.id, c.updated_at, c.odds, c.best_odds, c.status FROM changed AS c
        WHERE c.odds IS NOT NULL
    ), per_market AS (
        SELECT c.market_id,
               string_agg(
                   '{"id":"' || c.id || '","key":"' || c.key || '","name":' || to_json(c.name)
                   || ',"odds":' || coalesce(trim_scale(c.odds)::text, 'null')
                   || ',"bestOdds":' || coalesce(trim_scale(c.best_odds)::text, 'null')
                   || ',"bestProvider":' || coalesce(to_json(c.best_provider)::text, 'null')
                   || ',"fairProbability":' || coalesce(trim_scale(c.fair_probability)::text, 'null')
                   || ',"status":"' || c.status || '"}', ',' ORDER BY c.id
               ) AS part
        FROM changed AS c GROUP BY c.market_id
    )
    SELECT array_agg(p.market_id), array_agg(p.part) INTO v_market_ids, v_parts
    FROM per_market AS p;
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
