"""The ledger, payments, and what users allow themselves."""

from migrations.statements import install, run

revision = "0016"
down_revision = "0015"

LEDGER = """
CREATE TABLE accounts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    user_id BIGINT,
    currency TEXT NOT NULL,
    stripe SMALLINT DEFAULT 0 NOT NULL,
    balance BIGINT DEFAULT 0 NOT NULL,
    seq BIGINT DEFAULT 0 NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_kind_check CHECK (
        kind IN ('available', 'held', 'withdrawing', 'bonus', 'owed', 'house', 'deposits', 'withdrawals')
    ),
    CONSTRAINT accounts_user_id_check CHECK (
        (kind IN ('available', 'held', 'withdrawing', 'bonus', 'owed')) = (user_id IS NOT NULL)
    ),
    CONSTRAINT accounts_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT accounts_stripe_check CHECK (stripe BETWEEN 0 AND 15),
    CONSTRAINT accounts_balance_check CHECK (
        user_id IS NULL OR (kind = 'owed' AND balance <= 0) OR (kind <> 'owed' AND balance >= 0)
    ),
    CONSTRAINT accounts_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX accounts_user_id_kind_currency_idx ON accounts (user_id, kind, currency)
    WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX accounts_kind_currency_stripe_idx ON accounts (kind, currency, stripe)
    WHERE user_id IS NULL;
CREATE TABLE transfers (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    user_id BIGINT,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    reference TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT transfers_pkey PRIMARY KEY (id),
    CONSTRAINT transfers_key_key UNIQUE (key),
    CONSTRAINT transfers_key_check CHECK (length(key) BETWEEN 1 AND 120),
    CONSTRAINT transfers_amount_check CHECK (amount > 0),
    CONSTRAINT transfers_target_check CHECK (source <> target),
    CONSTRAINT transfers_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE INDEX transfers_reference_idx ON transfers (reference);
CREATE INDEX transfers_user_id_created_at_idx ON transfers (user_id, created_at);
CREATE TABLE entries (
    account_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    transfer_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (account_id, seq),
    CONSTRAINT entries_amount_check CHECK (amount <> 0),
    CONSTRAINT entries_seq_check CHECK (seq >= 1),
    CONSTRAINT entries_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id),
    CONSTRAINT entries_transfer_id_fkey FOREIGN KEY(transfer_id) REFERENCES transfers (id)
);
CREATE UNIQUE INDEX entries_transfer_id_idx ON entries (transfer_id, (amount > 0));
CREATE TABLE ledger_marks (
    account_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT ledger_marks_pkey PRIMARY KEY (account_id),
    CONSTRAINT ledger_marks_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
);
"""

GUARDS = """
CREATE CONSTRAINT TRIGGER transfers_balanced AFTER INSERT ON transfers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfer_balanced();
CREATE TRIGGER transfers_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION transfer_guard();
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION transfer_guard();
"""

AROUND = """
CREATE TABLE payments (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    direction TEXT NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    request_id TEXT NOT NULL,
    outside_reference TEXT,
    note TEXT DEFAULT '' NOT NULL,
    decided_by BIGINT,
    decided_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT payments_pkey PRIMARY KEY (id),
    CONSTRAINT payments_user_id_request_id_key UNIQUE (user_id, request_id),
    CONSTRAINT payments_outside_reference_key UNIQUE (outside_reference),
    CONSTRAINT payments_direction_check CHECK (direction IN ('deposit', 'withdrawal')),
    CONSTRAINT payments_status_check CHECK (
        status IN ('pending', 'completed', 'failed', 'rejected', 'cancelled')
    ),
    CONSTRAINT payments_amount_check CHECK (amount > 0),
    CONSTRAINT payments_request_id_check CHECK (length(request_id) BETWEEN 1 AND 64),
    CONSTRAINT payments_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
    CONSTRAINT payments_decided_by_fkey FOREIGN KEY(decided_by) REFERENCES users (id)
);
CREATE INDEX payments_status_id_idx ON payments (status, id);
CREATE TABLE user_limits (
    user_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    period TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT,
    next_amount BIGINT,
    next_from TIMESTAMPTZ,
    changed_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT user_limits_pkey PRIMARY KEY (user_id, kind, period, currency),
    CONSTRAINT user_limits_kind_check CHECK (kind IN ('deposit', 'loss', 'stake')),
    CONSTRAINT user_limits_period_check CHECK (period IN ('day', 'week', 'month')),
    CONSTRAINT user_limits_amount_check CHECK (amount >= 0 AND next_amount >= 0),
    CONSTRAINT user_limits_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE self_exclusions (
    user_id BIGINT NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    set_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT self_exclusions_pkey PRIMARY KEY (user_id),
    CONSTRAINT self_exclusions_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
);
"""

FUNCTIONS = ("account_of", "post_transfers", "transfer_balanced", "transfer_guard")
DOWNGRADE = """
DROP TABLE self_exclusions;
DROP TABLE user_limits;
DROP TABLE payments;
DROP TABLE ledger_marks;
DROP TABLE entries;
DROP TABLE transfers;
DROP TABLE accounts;
"""


def upgrade() -> None:
    run(LEDGER)
    for function in FUNCTIONS:
        install(function, 1)
    run(GUARDS)
    run(AROUND)


def downgrade() -> None:
    run(DOWNGRADE)
    run("".join(f"DROP FUNCTION {function};\n" for function in FUNCTIONS))
