"""Tiers as data, and what was used."""

from migrations.statements import run

revision = "0015"
down_revision = "0014"

TIERS = """
CREATE TABLE tiers (
    name TEXT NOT NULL,
    requests_per_minute BIGINT NOT NULL,
    burst BIGINT,
    sockets BIGINT NOT NULL,
    subscriptions_per_socket BIGINT NOT NULL,
    messages_per_second BIGINT DEFAULT 10 NOT NULL,
    units_per_day BIGINT,
    units_per_month BIGINT,
    updated_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT tiers_pkey PRIMARY KEY (name),
    CONSTRAINT tiers_name_check CHECK (name IN ('anonymous', 'free', 'pro', 'enterprise')),
    CONSTRAINT tiers_requests_per_minute_check CHECK (requests_per_minute BETWEEN 1 AND 60000000),
    CONSTRAINT tiers_burst_check CHECK (burst BETWEEN 1 AND 60000000),
    CONSTRAINT tiers_sockets_check CHECK (sockets BETWEEN 1 AND 1000000),
    CONSTRAINT tiers_subscriptions_per_socket_check CHECK (subscriptions_per_socket BETWEEN 1 AND 100000),
    CONSTRAINT tiers_messages_per_second_check CHECK (messages_per_second BETWEEN 1 AND 10000),
    CONSTRAINT tiers_units_per_day_check CHECK (units_per_day > 0),
    CONSTRAINT tiers_units_per_month_check CHECK (units_per_month > 0),
    CONSTRAINT tiers_quota_check CHECK (name <> 'anonymous' OR coalesce(units_per_day, units_per_month) IS NULL)
);
INSERT INTO tiers (name, requests_per_minute, sockets, subscriptions_per_socket) VALUES
    ('anonymous', 100, 5, 20),
    ('free', 300, 10, 100),
    ('pro', 3000, 100, 1000),
    ('enterprise', 30000, 1000, 5000);
CREATE TRIGGER tiers_told AFTER INSERT OR UPDATE OR DELETE ON tiers
    FOR EACH STATEMENT EXECUTE FUNCTION access_told();
"""

# No reference to users or keys: what was used outlives both, and one who is gone must not make a
# batch fail.
USAGE = """
CREATE TABLE usage (
    user_id BIGINT NOT NULL,
    day DATE NOT NULL,
    api_key_id BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    requests BIGINT NOT NULL,
    units BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    CONSTRAINT usage_pkey PRIMARY KEY (user_id, day, api_key_id, endpoint)
);
CREATE INDEX usage_day_idx ON usage (day);

CREATE TABLE usage_writers (
    name TEXT NOT NULL,
    batch BIGINT NOT NULL,
    written_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT usage_writers_pkey PRIMARY KEY (name)
);

CREATE TABLE usage_alerts (
    user_id BIGINT NOT NULL,
    period TEXT NOT NULL,
    starts_on DATE NOT NULL,
    percent BIGINT NOT NULL,
    told_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT usage_alerts_pkey PRIMARY KEY (user_id, period, starts_on, percent),
    CONSTRAINT usage_alerts_period_check CHECK (period IN ('day', 'month')),
    CONSTRAINT usage_alerts_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
"""

DOWNGRADE = """
DROP TABLE usage_alerts;
DROP TABLE usage_writers;
DROP TABLE usage;
DROP TABLE tiers;
"""


def upgrade() -> None:
    run(TIERS)
    run(USAGE)


def downgrade() -> None:
    run(DOWNGRADE)
