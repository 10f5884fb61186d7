"""Tiers as data, and what was used."""

from migrations.statements import run

revision = "0015"
down_revision = "0014"

UPGRADE = ""

DOWNGRADE = ""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
