-- One entry per market that is new or changes its status. New prices are told by selection_changed.
CREATE OR REPLACE FUNCTION market_changed() RETURNS trigger
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    v_ids bigint[];
    v_kinds text[];
    v_bodies text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n.match_id ORDER BY n.match_id, n.id),
               array_agg('market_status'::text),
               array_agg(
                   json_build_object(
                       'marketId', n.id::text, 'type', n.type, 'line', trim_scale(n.line),
                       'version', n.version, 'status', n.status, 'reason', n.reason,
                       'overround', trim_scale(n.overround), 'updatedAt', wire_time(n.updated_at)
                   )::text ORDER BY n.match_id, n.id
               )
        INTO v_ids, v_kinds, v_bodies
        FROM new_rows AS n;
    ELSE
        SELECT array_agg(n.match_id ORDER BY n.match_id, n.id),
               array_agg('market_status'::text),
               array_agg(
                   json_build_object(
                       'marketId', n.id::text, 'type', n.type, 'line', trim_scale(n.line),
                       'version', n.version, 'status', n.status, 'reason', n.reason,
                       'overround', trim_scale(n.overround), 'updatedAt', wire_time(n.updated_at)
                   )::text ORDER BY n.match_id, n.id
               )
        INTO v_ids, v_kinds, v_bodies
        FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
        WHERE (n.status, n.reason) IS DISTINCT FROM (o.status, o.reason);
    END IF;
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
