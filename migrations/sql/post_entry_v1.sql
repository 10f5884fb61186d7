-- Writes one half of a transfer: the account's balance and number move on, and the entry says both.
CREATE OR REPLACE FUNCTION post_entry(p_transfer_id bigint, p_account_id bigint, p_amount bigint)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_balance bigint;
    v_seq bigint;
BEGIN
    UPDATE accounts SET balance = balance + p_amount, seq = seq + 1
    WHERE id = p_account_id RETURNING balance, seq INTO v_balance, v_seq;
    INSERT INTO entries (account_id, seq, transfer_id, amount, balance_after)
    VALUES (p_account_id, v_seq, p_transfer_id, p_amount, v_balance);
END $$;
