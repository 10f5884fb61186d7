-- The only writer of the ledger: moves an amount from one account to another.
--
-- An account is named by its kind, and by its user where the kind is a user's. The house and the
-- world outside have sixteen accounts of each kind and currency, chosen by the key, so that
-- settling bets side by side does not wait for one row.
--
-- Returns the transfer's id, or minus the id when the very same transfer was posted before; a key
-- that was posted with other words is an error (TL002). The two accounts are locked in id order.
-- A balance that would go where it must not fails by the constraint accounts_balance_check.
CREATE OR REPLACE FUNCTION post_transfer(
    p_key text, p_kind text, p_user_id bigint, p_source text, p_target text, p_amount bigint,
    p_currency text, p_reference text, p_note text
)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    v_id bigint;
    v_stripe smallint := abs(hashtext(p_key) % 16);
    v_source bigint;
    v_target bigint;
BEGIN
    INSERT INTO transfers (key, kind, user_id, source, target, amount, currency, reference, note)
    VALUES (p_key, p_kind, p_user_id, p_source, p_target, p_amount, p_currency, p_reference, p_note)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        SELECT id INTO v_id FROM transfers
        WHERE key = p_key AND kind = p_kind AND user_id IS NOT DISTINCT FROM p_user_id
            AND source = p_source AND target = p_target AND amount = p_amount
            AND currency = p_currency;
        IF v_id IS NULL THEN
            RAISE EXCEPTION 'transfer % was posted with other words', p_key USING ERRCODE = 'TL002';
        END IF;
        RETURN -v_id;
    END IF;
    v_source := account_of(p_source, p_user_id, p_currency, v_stripe);
    v_target := account_of(p_target, p_user_id, p_currency, v_stripe);
    IF v_source < v_target THEN
        PERFORM post_entry(v_id, v_source, -p_amount);
        PERFORM post_entry(v_id, v_target, p_amount);
    ELSE
        PERFORM post_entry(v_id, v_target, p_amount);
        PERFORM post_entry(v_id, v_source, -p_amount);
    END IF;
    RETURN v_id;
END $$;
