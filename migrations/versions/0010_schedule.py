"""Polls by league, who is watching, what was decided by hand, and what is left of quotas."""

from migrations.statements import run

revision = "0010"
down_revision = "0009"

UPGRADE = """
ALTER TABLE poll_tasks ADD COLUMN part TEXT DEFAULT '' NOT NULL;
ALTER TABLE poll_tasks DROP CONSTRAINT poll_tasks_provider_scope_sport_id_key;
ALTER TABLE poll_tasks ADD CONSTRAINT poll_tasks_provider_scope_sport_id_part_key
    UNIQUE (provider, scope, sport_id, part);
"""

DOWNGRADE = """
DELETE FROM poll_tasks WHERE part <> '';
ALTER TABLE poll_tasks DROP CONSTRAINT poll_tasks_provider_scope_sport_id_part_key;
ALTER TABLE poll_tasks ADD CONSTRAINT poll_tasks_provider_scope_sport_id_key
    UNIQUE (provider, scope, sport_id);
ALTER TABLE poll_tasks DROP COLUMN part;
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
