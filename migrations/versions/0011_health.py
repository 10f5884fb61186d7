"""How each provider is, and what feeds a match."""

from migrations.statements import run

revision = "0011"
down_revision = "0010"

UPGRADE = """
CREATE TABLE provider_health (
    provider TEXT NOT NULL,
    sport_id TEXT NOT NULL,
    state TEXT DEFAULT 'recovering' NOT NULL,
    since TIMESTAMPTZ DEFAULT now() NOT NULL,
    last_success_at TIMESTAMPTZ,
    last_failure_at TIMESTAMPTZ,
    last_error TEXT,
    data_at TIMESTAMPTZ,
    quarantined_before TIMESTAMPTZ,
    failures INTEGER DEFAULT 0 NOT NULL,
    circuit TEXT DEFAULT 'closed' NOT NULL,
    circuit_until TIMESTAMPTZ,
    successes_total BIGINT DEFAULT 0 NOT NULL,
    errors JSONB DEFAULT '{}' NOT NULL,
    response_ms INTEGER[] DEFAULT '{}' NOT NULL,
    CONSTRAINT provider_health_pkey PRIMARY KEY (provider, sport_id),
    CONSTRAINT provider_health_state_check CHECK (state IN ('up', 'behind', 'down', 'recovering')),
    CONSTRAINT provider_health_circuit_check CHECK (circuit IN ('closed', 'open', 'half_open')),
    CONSTRAINT provider_health_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id)
) WITH (fillfactor = 50);
"""

DOWNGRADE = """
DROP TABLE provider_health;
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
