"""Polls by league, who is watching, what was decided by hand, and what is left of quotas."""

from migrations.statements import run

revision = "0010"
down_revision = "0009"

TASKS = """
ALTER TABLE poll_tasks ADD COLUMN part TEXT DEFAULT '' NOT NULL;
ALTER TABLE poll_tasks DROP CONSTRAINT poll_tasks_provider_scope_sport_id_key;
ALTER TABLE poll_tasks ADD CONSTRAINT poll_tasks_provider_scope_sport_id_part_key
    UNIQUE (provider, scope, sport_id, part);
ALTER TABLE poll_tasks
    ADD COLUMN rule_interval_ms INTEGER DEFAULT 50 NOT NULL,
    ADD COLUMN cost INTEGER DEFAULT 1 NOT NULL,
    ADD COLUMN matches_max INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN state TEXT DEFAULT 'polled' NOT NULL,
    ADD COLUMN because TEXT DEFAULT '' NOT NULL,
    ADD COLUMN watchers INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN paces JSONB DEFAULT '[]' NOT NULL,
    ADD COLUMN kept_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    ADD CONSTRAINT poll_tasks_state_check
        CHECK (state IN ('polled', 'unwanted', 'standby', 'waiting')),
    ADD CONSTRAINT poll_tasks_cost_check CHECK (cost >= 0),
    ADD CONSTRAINT poll_tasks_matches_max_check CHECK (matches_max >= 0);
UPDATE poll_tasks SET rule_interval_ms = interval_ms;
"""

OVERRIDES = """
CREATE TABLE poll_overrides (
    subject TEXT NOT NULL,
    interval_ms INTEGER NOT NULL,
    set_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT poll_overrides_pkey PRIMARY KEY (subject),
    CONSTRAINT poll_overrides_interval_ms_check CHECK (interval_ms BETWEEN 50 AND 86400000)
);
"""

# Unlogged: whoever wants something says so again within seconds of a crash.
DEMAND = """
CREATE UNLOGGED TABLE demand_holders (
    holder TEXT NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    CONSTRAINT demand_holders_pkey PRIMARY KEY (holder)
) WITH (fillfactor = 50);
CREATE UNLOGGED TABLE demand (
    holder TEXT NOT NULL,
    subject TEXT NOT NULL,
    match_id BIGINT,
    sport_id TEXT,
    league_slug TEXT,
    scores INTEGER DEFAULT 0 NOT NULL,
    markets INTEGER DEFAULT 0 NOT NULL,
    scores_until TIMESTAMPTZ,
    markets_until TIMESTAMPTZ,
    CONSTRAINT demand_pkey PRIMARY KEY (holder, subject),
    CONSTRAINT demand_holder_fkey FOREIGN KEY(holder) REFERENCES demand_holders (holder) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE UNLOGGED TABLE plan_runs (
    id INTEGER NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    minutes_before INTERVAL NOT NULL,
    hours_before INTERVAL NOT NULL,
    just_finished INTERVAL NOT NULL,
    late INTERVAL NOT NULL,
    long_ago INTERVAL NOT NULL,
    CONSTRAINT plan_runs_pkey PRIMARY KEY (id),
    CONSTRAINT plan_runs_id_check CHECK (id = 1)
) WITH (fillfactor = 50);
"""

# Unlogged: what is not known to have been asked is asked.
ASKED = """
CREATE UNLOGGED TABLE poll_asked (
    task_id BIGINT NOT NULL,
    match_id BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT poll_asked_pkey PRIMARY KEY (task_id, match_id)
) WITH (fillfactor = 50);
"""

QUOTAS = """
CREATE TABLE provider_quotas (
    provider TEXT NOT NULL,
    "window" TEXT NOT NULL,
    configured INTEGER,
    "limit" INTEGER NOT NULL,
    used INTEGER DEFAULT 0 NOT NULL,
    told_remaining INTEGER,
    remaining INTEGER NOT NULL,
    resets_at TIMESTAMPTZ NOT NULL,
    recent JSONB DEFAULT '[]' NOT NULL,
    CONSTRAINT provider_quotas_pkey PRIMARY KEY (provider, "window"),
    CONSTRAINT provider_quotas_window_check CHECK ("window" IN ('minute', 'day', 'month'))
) WITH (fillfactor = 50);
CREATE TABLE provider_blocks (
    provider TEXT NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT provider_blocks_pkey PRIMARY KEY (provider)
);
"""

DOWNGRADE = """
DROP TABLE provider_blocks;
DROP TABLE provider_quotas;
DROP TABLE poll_asked;
DROP TABLE plan_runs;
DROP TABLE demand;
DROP TABLE demand_holders;
DROP TABLE poll_overrides;
DELETE FROM poll_tasks WHERE part <> '';
UPDATE poll_tasks SET interval_ms = rule_interval_ms, next_due_at = least(next_due_at, now());
ALTER TABLE poll_tasks
    DROP COLUMN rule_interval_ms, DROP COLUMN cost, DROP COLUMN matches_max, DROP COLUMN state,
    DROP COLUMN because, DROP COLUMN watchers, DROP COLUMN paces,
    DROP COLUMN kept_at;
ALTER TABLE poll_tasks DROP CONSTRAINT poll_tasks_provider_scope_sport_id_part_key;
ALTER TABLE poll_tasks ADD CONSTRAINT poll_tasks_provider_scope_sport_id_key
    UNIQUE (provider, scope, sport_id);
ALTER TABLE poll_tasks DROP COLUMN part;
"""


def upgrade() -> None:
    run(TASKS)
    run(OVERRIDES)
    run(DEMAND)
    run(ASKED)
    run(QUOTAS)


def downgrade() -> None:
    run(DOWNGRADE)
