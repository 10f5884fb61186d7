"""What is asked of whom, and when next."""

from migrations.statements import run

revision = "0005"
down_revision = "0004"

POLL_TASKS = """
CREATE TABLE poll_tasks (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    provider TEXT NOT NULL,
    scope TEXT NOT NULL,
    sport_id TEXT NOT NULL,
    interval_ms INTEGER NOT NULL,
    timeout_ms INTEGER NOT NULL,
    enabled BOOLEAN DEFAULT true NOT NULL,
    generation BIGINT DEFAULT 0 NOT NULL,
    next_due_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    lease_until TIMESTAMPTZ,
    last_run_at TIMESTAMPTZ,
    last_success_at TIMESTAMPTZ,
    failures INTEGER DEFAULT 0 NOT NULL,
    last_error TEXT,
    CONSTRAINT poll_tasks_pkey PRIMARY KEY (id),
    CONSTRAINT poll_tasks_provider_scope_sport_id_key UNIQUE (provider, scope, sport_id),
    CONSTRAINT poll_tasks_scope_check CHECK (scope IN ('fixtures', 'scores', 'markets')),
    CONSTRAINT poll_tasks_interval_ms_check CHECK (interval_ms BETWEEN 50 AND 86400000),
    CONSTRAINT poll_tasks_timeout_ms_check CHECK (timeout_ms BETWEEN 50 AND 600000)
) WITH (fillfactor = 50);
CREATE INDEX poll_tasks_next_due_at_idx ON poll_tasks (next_due_at);
"""


def upgrade() -> None:
    run(POLL_TASKS)


def downgrade() -> None:
    run("DROP TABLE poll_tasks")
