-- One entry per incident that is new, told otherwise, or withdrawn.
CREATE OR REPLACE FUNCTION incident_changed() RETURNS trigger
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
        WHERE (n.ordinal, n.body, n.withdrawn) IS DISTINCT FROM (o.ordinal, o.body, o.withdrawn);
    END IF;
    SELECT array_agg(i.match_id ORDER BY i.match_id, i.ordinal, i.id),
           array_agg('incident'::text),
           array_agg(
               (jsonb_build_object('id', i.id::text, 'ordinal', i.ordinal,
                                   'withdrawn', i.withdrawn) || (i.body - 'key'))::text
               ORDER BY i.match_id, i.ordinal, i.id
           )
    INTO v_ids, v_kinds, v_bodies
    FROM incidents AS i WHERE i.id = ANY (v_changed);
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
