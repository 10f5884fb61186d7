-- The only writer of the ledger: moves amounts from one account to another, in the order given.
--
-- Takes transfers as arrays of one length. An account is named by its kind, and by its user where
-- the kind is a user's. The house and the world outside have sixteen accounts of each kind and
-- currency, chosen by the key, so that settling bets side by side does not wait for one row.
--
-- Returns the transfers' ids; minus the id where the very same transfer was posted before. A key
-- that was posted with other words is an error (TL002). The accounts are locked in id order. A
-- balance that would go where it must not, be it only until the next transfer, fails as the
-- constraint accounts_balance_check.
CREATE OR REPLACE FUNCTION post_transfers(
    p_keys text[], p_kinds text[], p_user_ids bigint[], p_sources text[], p_targets text[],
    p_amounts bigint[], p_currencies text[], p_references text[], p_notes text[]
)
RETURNS bigint[]
LANGUAGE plpgsql
AS $$
DECLARE
    v_ids bigint[];
    v_transfers bigint[];
    v_accounts bigint[];
    v_amounts bigint[];
    v_place bigint;
    v_is_wrong boolean;
BEGIN
    WITH said AS MATERIALIZED (
        SELECT *, row_number() OVER (PARTITION BY key ORDER BY place) AS said_before
        FROM unnest(
            p_keys, p_kinds, p_user_ids, p_sources, p_targets, p_amounts, p_currencies,
            p_references, p_notes
        ) WITH ORDINALITY AS m (
            key, kind, user_id, source, target, amount, currency, reference, note, place
        )
    ), made AS (
        INSERT INTO transfers (
            key, kind, user_id, source, target, amount, currency, reference, note
        )
        SELECT key, kind, user_id, source, target, amount, currency, reference, note
        FROM said ORDER BY place
        ON CONFLICT (key) DO NOTHING RETURNING id, key
    )
    SELECT array_agg(made.id ORDER BY said.place) INTO v_ids
    FROM said LEFT JOIN made ON made.key = said.key AND said.said_before = 1;

    IF array_position(v_ids, NULL) IS NOT NULL THEN
        SELECT array_agg(coalesce(m.id, -t.id) ORDER BY m.place),
               min(m.place) FILTER (WHERE m.id IS NULL AND t.id IS NULL)
        INTO v_ids, v_place
        FROM unnest(
            v_ids, p_keys, p_kinds, p_user_ids, p_sources, p_targets, p_amounts, p_currencies
        ) WITH ORDINALITY AS m (id, key, kind, user_id, source, target, amount, currency, place)
        LEFT JOIN transfers AS t ON m.id IS NULL AND t.key = m.key AND t.kind = m.kind
            AND t.user_id IS NOT DISTINCT FROM m.user_id AND t.source = m.source
            AND t.target = m.target AND t.amount = m.amount AND t.currency = m.currency;
        IF v_place IS NOT NULL THEN
            RAISE EXCEPTION 'transfer % was posted with other words', p_keys[v_place]
                USING ERRCODE = 'TL002';
        END IF;
    END IF;

    -- Two entries of each transfer that is new, in its order.
    SELECT array_agg(h.id ORDER BY h.place),
           array_agg(
               coalesce(u.id, w.id, account_of(h.kind, h.user_id, h.currency, h.stripe))
               ORDER BY h.place
           ),
           array_agg(h.amount ORDER BY h.place)
    INTO v_transfers, v_accounts, v_amounts
    FROM (
        SELECT m.id, m.user_id, m.currency, m.place, side.kind, side.amount,
               abs(hashtext(m.key) % 16)::smallint AS stripe
        FROM unnest(
            v_ids, p_keys, p_user_ids, p_sources, p_targets, p_amounts, p_currencies
        ) WITH ORDINALITY AS m (id, key, user_id, source, target, amount, currency, place)
        CROSS JOIN LATERAL (
            VALUES (m.source, -m.amount), (m.target, m.amount)
        ) AS side (kind, amount)
        WHERE m.id > 0
    ) AS h
    LEFT JOIN accounts AS u
        ON u.user_id = h.user_id AND u.kind = h.kind AND u.currency = h.currency
    LEFT JOIN accounts AS w
        ON u.id IS NULL AND w.user_id IS NULL AND w.kind = h.kind AND w.currency = h.currency
        AND w.stripe = h.stripe;

    PERFORM 1 FROM accounts WHERE id = ANY (v_accounts) ORDER BY id FOR NO KEY UPDATE;
    WITH sides AS (
        SELECT account_id, transfer_id, amount,
               row_number() OVER own AS n, count(*) OVER own_all AS all_n,
               (sum(amount) OVER own)::bigint AS so_far,
               (sum(amount) OVER own_all)::bigint AS total
        FROM unnest(v_accounts, v_transfers, v_amounts)
             WITH ORDINALITY AS s (account_id, transfer_id, amount, place)
        WINDOW own AS (PARTITION BY account_id ORDER BY place),
               own_all AS (PARTITION BY account_id)
    ), moved AS (
        UPDATE accounts AS a SET balance = a.balance + s.total, seq = a.seq + s.all_n
        FROM (SELECT DISTINCT account_id, total, all_n FROM sides) AS s
        WHERE a.id = s.account_id
        RETURNING a.id, a.kind, a.user_id, a.balance - s.total AS balance, a.seq - s.all_n AS seq
    ), written AS (
        INSERT INTO entries (account_id, seq, transfer_id, amount, balance_after)
        SELECT s.account_id, m.seq + s.n, s.transfer_id, s.amount, m.balance + s.so_far
        FROM sides AS s JOIN moved AS m ON m.id = s.account_id
    )
    SELECT bool_or(m.user_id IS NOT NULL AND CASE m.kind
               WHEN 'owed' THEN m.balance + s.so_far > 0 ELSE m.balance + s.so_far < 0 END)
    INTO v_is_wrong
    FROM sides AS s JOIN moved AS m ON m.id = s.account_id;
    IF v_is_wrong THEN
        RAISE EXCEPTION 'a balance would go where it must not'
            USING ERRCODE = 'check_violation', TABLE = 'accounts',
            CONSTRAINT = 'accounts_balance_check';
    END IF;
    RETURN v_ids;
END $$;
