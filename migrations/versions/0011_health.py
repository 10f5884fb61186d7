"""How each provider is, and how the feeds of each match are."""

from migrations.statements import install, run

revision = "0011"
down_revision = "0010"

PROVIDER_HEALTH = """
CREATE TABLE provider_health (
    provider TEXT NOT NULL,
    sport_id TEXT NOT NULL,
    priority INTEGER DEFAULT 1000 NOT NULL,
    standby BOOLEAN DEFAULT false NOT NULL,
    state TEXT DEFAULT 'recovering' NOT NULL,
    since TIMESTAMPTZ DEFAULT now() NOT NULL,
    silence_ms INTEGER,
    expected_since TIMESTAMPTZ,
    last_success_at TIMESTAMPTZ,
    last_failure_at TIMESTAMPTZ,
    last_error TEXT,
    data_at TIMESTAMPTZ,
    quarantined_before TIMESTAMPTZ,
    failures INTEGER DEFAULT 0 NOT NULL,
    circuit TEXT DEFAULT 'closed' NOT NULL,
    circuit_until TIMESTAMPTZ,
    errors JSONB DEFAULT '{}' NOT NULL,
    response_ms INTEGER[] DEFAULT '{}' NOT NULL,
    CONSTRAINT provider_health_pkey PRIMARY KEY (provider, sport_id),
    CONSTRAINT provider_health_state_check CHECK (state IN ('up', 'behind', 'down', 'recovering')),
    CONSTRAINT provider_health_circuit_check CHECK (circuit IN ('closed', 'open', 'half_open')),
    CONSTRAINT provider_health_silence_ms_check CHECK (silence_ms > 0),
    CONSTRAINT provider_health_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id)
) WITH (fillfactor = 50);
"""

MATCH_FEEDS = """
CREATE TABLE match_feeds (
    match_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    providers JSONB NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT match_feeds_pkey PRIMARY KEY (match_id),
    CONSTRAINT match_feeds_status_check CHECK (status IN ('ok', 'stale', 'down')),
    CONSTRAINT match_feeds_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
"""

TRIGGERS = """
CREATE TRIGGER match_feeds_inserted AFTER INSERT ON match_feeds
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changed();
CREATE TRIGGER match_feeds_updated AFTER UPDATE ON match_feeds
    REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION feed_changed();
"""


def upgrade() -> None:
    run(PROVIDER_HEALTH)
    run(MATCH_FEEDS)
    install("feed_changed", 1)
    run(TRIGGERS)


def downgrade() -> None:
    run("DROP TABLE match_feeds")
    run("DROP FUNCTION feed_changed()")
    run("DROP TABLE provider_health")
