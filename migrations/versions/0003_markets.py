"""Markets, selections, quotes and the path of prices."""

from migrations.statements import run

revision = "0003"
down_revision = "0002"

MARKETS = """
CREATE TABLE markets (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    match_id BIGINT NOT NULL,
    type TEXT NOT NULL,
    line NUMERIC(6, 2),
    status TEXT NOT NULL,
    reason TEXT,
    version BIGINT DEFAULT 1 NOT NULL,
    overround NUMERIC(7, 4),
    updated_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT markets_pkey PRIMARY KEY (id),
    CONSTRAINT markets_match_id_type_line_key UNIQUE NULLS NOT DISTINCT (match_id, type, line),
    CONSTRAINT markets_type_check CHECK (type IN ('winner', 'total')),
    CONSTRAINT markets_line_check CHECK ((type = 'total') = (line IS NOT NULL)),
    CONSTRAINT markets_status_check CHECK (status IN ('open', 'suspended', 'closed', 'settled')),
    CONSTRAINT markets_version_check CHECK (version >= 1),
    CONSTRAINT markets_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
"""

SELECTIONS = """
CREATE TABLE selections (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    market_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    odds NUMERIC(7, 3),
    best_odds NUMERIC(7, 3),
    best_provider TEXT,
    fair_probability NUMERIC(5, 4),
    status TEXT DEFAULT 'suspended' NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT selections_pkey PRIMARY KEY (id),
    CONSTRAINT selections_market_id_key_key UNIQUE (market_id, key),
    CONSTRAINT selections_key_check CHECK (key IN ('home', 'draw', 'away', 'over', 'under')),
    CONSTRAINT selections_status_check CHECK (status IN ('open', 'suspended')),
    CONSTRAINT selections_odds_check CHECK (odds > 1 AND best_odds > 1),
    CONSTRAINT selections_priced_check CHECK (status <> 'open' OR odds IS NOT NULL),
    CONSTRAINT selections_fair_probability_check CHECK (fair_probability BETWEEN 0 AND 1),
    CONSTRAINT selections_market_id_fkey FOREIGN KEY(market_id) REFERENCES markets (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
"""

QUOTES = """
CREATE TABLE quotes (
    selection_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    bookmaker TEXT NOT NULL,
    odds NUMERIC(7, 3),
    observed_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT quotes_pkey PRIMARY KEY (selection_id, provider, bookmaker),
    CONSTRAINT quotes_odds_check CHECK (odds > 1),
    CONSTRAINT quotes_selection_id_fkey FOREIGN KEY(selection_id) REFERENCES selections (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
"""

ODDS_HISTORY = """
CREATE TABLE odds_history (
    selection_id BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    odds NUMERIC(7, 3),
    best_odds NUMERIC(7, 3),
    status TEXT NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX odds_history_selection_id_at_idx ON odds_history (selection_id, at);
"""


def upgrade() -> None:
    run(MARKETS)
    run(SELECTIONS)
    run(QUOTES)
    run(ODDS_HISTORY)


def downgrade() -> None:
    run("DROP TABLE odds_history")
    run("DROP TABLE quotes")
    run("DROP TABLE selections")
    run("DROP TABLE markets")
