-- Holds, at commit, that a transfer has two entries which sum to zero and move its amount. Entries
-- that come later cannot change that: of each side there is one at most, by a unique index.
CREATE OR REPLACE FUNCTION transfer_balanced()
RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    v_count bigint;
    v_sum bigint;
    v_moved bigint;
BEGIN
    SELECT count(*), sum(amount), max(amount) INTO v_count, v_sum, v_moved
    FROM entries WHERE transfer_id = NEW.id;
    IF v_count <> 2 OR v_sum <> 0 OR v_moved <> NEW.amount THEN
        RAISE EXCEPTION 'transfer % has % entries that sum to %', NEW.id, v_count, v_sum
            USING ERRCODE = 'TL003', CONSTRAINT = 'transfers_balanced';
    END IF;
    RETURN NULL;
END $$;
