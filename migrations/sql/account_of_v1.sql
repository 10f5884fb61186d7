-- Returns the account of a kind, made when first needed. Kinds that are a user's take the user,
-- the others the stripe.
CREATE OR REPLACE FUNCTION account_of(
    p_kind text, p_user_id bigint, p_currency text, p_stripe smallint
)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    v_id bigint;
    v_is_users boolean := p_kind IN ('available', 'held', 'withdrawing', 'bonus', 'owed');
    v_user_id bigint := CASE WHEN v_is_users THEN p_user_id END;
    v_stripe smallint := CASE WHEN v_is_users THEN 0 ELSE p_stripe END;
BEGIN
    FOR attempt IN 1..2 LOOP
        IF v_is_users THEN
            SELECT id INTO v_id FROM accounts
            WHERE user_id = v_user_id AND kind = p_kind AND currency = p_currency;
        ELSE
            SELECT id INTO v_id FROM accounts
            WHERE user_id IS NULL AND kind = p_kind AND currency = p_currency
                AND stripe = v_stripe;
        END IF;
        EXIT WHEN v_id IS NOT NULL;
        INSERT INTO accounts (kind, user_id, currency, stripe)
        VALUES (p_kind, v_user_id, p_currency, v_stripe)
        ON CONFLICT DO NOTHING RETURNING id INTO v_id;
        EXIT WHEN v_id IS NOT NULL;
    END LOOP;
    RETURN v_id;
END $$;
