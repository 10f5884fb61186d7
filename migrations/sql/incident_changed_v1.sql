-- One entry per incident that is new, told otherwise, or withdrawn.
CREATE OR REPLACE FUNCTION incident_changed() RETURNS trigger
LANGUAGE plpgsql
SET enable_nestloop = off
AS $$
DECLARE
    v_ids bigint[];
    v_kinds text[];
    v_bodies text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n.match_id ORDER BY n.match_id, n.ordinal, n.id),
               array_agg('incident'::text),
               array_agg(
                   (jsonb_build_object('id', n.id::text, 'ordinal', n.ordinal,
                                       'withdrawn', n.withdrawn) || (n.body - 'key'))::text
                   ORDER BY n.match_id, n.ordinal, n.id
               )
        INTO v_ids, v_kinds, v_bodies
        FROM new_rows AS n;
    ELSE
        SELECT array_agg(n.match_id ORDER BY n.match_id, n.ordinal, n.id),
               array_agg('incident'::text),
               array_agg(
                   (jsonb_build_object('id', n.id::text, 'ordinal', n.ordinal,
                                       'withdrawn', n.withdrawn) || (n.body - 'key'))::text
                   ORDER BY n.match_id, n.ordinal, n.id
               )
        INTO v_ids, v_kinds, v_bodies
        FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
        WHERE (n.ordinal, n.body, n.withdrawn) IS DISTINCT FROM (o.ordinal, o.body, o.withdrawn);
    END IF;
    PERFORM append_changes(v_ids, v_kinds, v_bodies);
    RETURN NULL;
END $$;
