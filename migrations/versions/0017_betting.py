"""Bets, their legs, what hangs on markets, and the rules they are struck under."""

from migrations.statements import run

revision = "0017"
down_revision = "0016"

BETS = """
CREATE TABLE bets (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    status TEXT NOT NULL,
    stake BIGINT NOT NULL,
    currency TEXT NOT NULL,
    odds NUMERIC(24, 3) NOT NULL,
    potential_return BIGINT NOT NULL,
    odds_change TEXT NOT NULL,
    refusal JSONB,
    answer TEXT,
    placed_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    decide_at TIMESTAMPTZ,
    decided_at TIMESTAMPTZ,
    settled_at TIMESTAMPTZ,
    returned BIGINT DEFAULT 0 NOT NULL,
    stake_cashed_out BIGINT DEFAULT 0 NOT NULL,
    cashed_out_paid BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT bets_pkey PRIMARY KEY (id),
    CONSTRAINT bets_user_id_request_id_key UNIQUE (user_id, request_id),
    CONSTRAINT bets_request_id_check CHECK (length(request_id) BETWEEN 1 AND 64),
    CONSTRAINT bets_fingerprint_check CHECK (octet_length(fingerprint) = 32),
    CONSTRAINT bets_status_check CHECK (status IN (
        'pending', 'accepted', 'refused', 'won', 'lost', 'void', 'half_won', 'half_lost',
        'cashed_out'
    )),
    CONSTRAINT bets_odds_change_check CHECK (odds_change IN ('none', 'higher', 'any')),
    CONSTRAINT bets_stake_check CHECK (stake > 0 AND stake_cashed_out BETWEEN 0 AND stake),
    CONSTRAINT bets_odds_check CHECK (odds > 1),
    CONSTRAINT bets_refusal_check CHECK ((status = 'refused') = (refusal IS NOT NULL)),
    CONSTRAINT bets_pending_check CHECK ((status = 'pending') <= (decide_at IS NOT NULL)),
    CONSTRAINT bets_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
) WITH (fillfactor = 80);
CREATE INDEX bets_user_id_id_idx ON bets (user_id, id);
CREATE INDEX bets_decide_at_idx ON bets (decide_at) WHERE status = 'pending';
CREATE TABLE bet_legs (
    bet_id BIGINT NOT NULL,
    n SMALLINT NOT NULL,
    selection_id BIGINT NOT NULL,
    market_id BIGINT NOT NULL,
    match_id BIGINT NOT NULL,
    sport_id TEXT NOT NULL,
    market_type TEXT NOT NULL,
    line NUMERIC(6, 2),
    selection_key TEXT NOT NULL,
    odds_requested NUMERIC(7, 3) NOT NULL,
    odds NUMERIC(7, 3) NOT NULL,
    market_version BIGINT NOT NULL,
    match_status TEXT NOT NULL,
    home_score INTEGER,
    away_score INTEGER,
    starts_at TIMESTAMPTZ NOT NULL,
    result TEXT,
    by_hand BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT bet_legs_pkey PRIMARY KEY (bet_id, n),
    CONSTRAINT bet_legs_bet_id_match_id_key UNIQUE (bet_id, match_id),
    CONSTRAINT bet_legs_odds_check CHECK (odds > 1 AND odds_requested > 1),
    CONSTRAINT bet_legs_result_check CHECK (
        result IN ('won', 'lost', 'void', 'half_won', 'half_lost')
    ),
    CONSTRAINT bet_legs_bet_id_fkey FOREIGN KEY(bet_id) REFERENCES bets (id),
    CONSTRAINT bet_legs_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id)
) WITH (fillfactor = 80);
CREATE INDEX bet_legs_match_id_bet_id_idx ON bet_legs (match_id, bet_id);
"""

AROUND = """
CREATE TABLE market_exposures (
    market_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    match_id BIGINT NOT NULL,
    staked BIGINT NOT NULL,
    payouts JSONB NOT NULL,
    CONSTRAINT market_exposures_pkey PRIMARY KEY (market_id, currency),
    CONSTRAINT market_exposures_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id)
) WITH (fillfactor = 50);
CREATE INDEX market_exposures_match_id_idx ON market_exposures (match_id);
CREATE TABLE bet_rules (
    scope TEXT NOT NULL,
    delay_ms INTEGER,
    stake_min NUMERIC(12, 3),
    stake_max NUMERIC(12, 3),
    return_max NUMERIC(14, 3),
    liability_max NUMERIC(14, 3),
    user_day_max NUMERIC(14, 3),
    set_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT bet_rules_pkey PRIMARY KEY (scope),
    CONSTRAINT bet_rules_scope_check CHECK (scope ~ '^(default|sport[.][a-z]+|league[.][a-z0-9-]+)$'),
    CONSTRAINT bet_rules_delay_ms_check CHECK (delay_ms BETWEEN 0 AND 60000)
);
"""

DOWNGRADE = """
DROP TABLE bet_rules;
DROP TABLE market_exposures;
DROP TABLE bet_legs;
DROP TABLE bets;
"""


def upgrade() -> None:
    run(BETS)
    run(AROUND)


def downgrade() -> None:
    run(DOWNGRADE)
