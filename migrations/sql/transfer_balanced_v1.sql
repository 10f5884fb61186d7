-- Holds, at commit, that a transfer has two entries which sum to zero and move its amount.
CREATE OR REPLACE FUNCTION transfer_balanced()
RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    v_id bigint;
    v_count bigint;
    v_sum bigint;
    v_moved bigint;
    v_amount bigint;
BEGIN
    v_id := CASE WHEN TG_TABLE_NAME = 'transfers' THEN (to_jsonb(NEW) ->> 'id')::bigint
                 ELSE (to_jsonb(NEW) ->> 'transfer_id')::bigint END;
    SELECT count(*), sum(amount), max(amount) INTO v_count, v_sum, v_moved
    FROM entries WHERE transfer_id = v_id;
    SELECT amount INTO v_amount FROM transfers WHERE id = v_id;
    IF v_count <> 2 OR v_sum <> 0 OR v_moved <> v_amount THEN
        RAISE EXCEPTION 'transfer % has % entries that sum to %', v_id, v_count, v_sum
            USING ERRCODE = 'TL003', CONSTRAINT = 'transfers_balanced';
    END IF;
    RETURN NULL;
END $$;
