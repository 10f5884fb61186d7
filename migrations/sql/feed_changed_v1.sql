-- One entry per match and statement, when the state of the providers that tell of it differs. A match
-- whose feeds are well from the start is no news.
CREATE OR REPLACE FUNCTION feed_changed() RETURNS trigger
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    v_ids bigint[];
    v_kinds text[];
    v_bodies text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n.match_id ORDER BY n.match_id) INTO v_ids
        FROM new_rows AS n WHERE n.status <> 'ok';
    ELSE
        SELECT array_agg(n.match_id ORDER BY n.match_id) INTO v_ids
        FROM new_rows AS n JOIN old_rows AS o ON o.match_id = n.match_id
        WHERE (n.status, n.providers) IS DISTINCT FROM (o.status, o.providers);
    END IF;
    SELECT array_agg(f.match_id ORDER BY f.match_id),
           array_agg('feed_status'::text),
           array_agg(
               json_build_object(
                   'status', f.status, 'providers', f.providers,
                   'updatedAt', wire_time(f.updated_at)
               )::text ORDER BY f.match_id
           )
    INTO v_ids, v_kinds, v_bodies
    FROM match_feeds AS f WHERE f.match_id = ANY (v_ids);
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
