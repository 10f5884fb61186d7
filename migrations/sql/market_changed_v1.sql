-- One entry per market that is new or changes its status. New prices are told by selection_changed.
CREATE OR REPLACE FUNCTION market_changed() RETURNS trigger
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
        SELECT array_agg(n.id) INTO v_changed FROM new_rows AS n;
    ELSE
        SELECT array_agg(n.id) INTO v_changed
        FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
        WHERE (n.status, n.reason) IS DISTINCT FROM (o.status, o.reason);
    END IF;
    IF v_changed IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(m.match_id ORDER BY m.match_id, m.id),
           array_agg('market_status'::text),
           array_agg(
               json_build_object(
                   'marketId', m.id::text, 'type', m.type, 'line', trim_scale(m.line),
                   'version', m.version, 'status', m.status, 'reason', m.reason,
                   'overround', trim_scale(m.overround), 'updatedAt', wire_time(m.updated_at)
               )::text ORDER BY m.match_id, m.id
           )
    INTO v_ids, v_kinds, v_bodies
    FROM markets AS m WHERE m.id = ANY (v_changed);
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
