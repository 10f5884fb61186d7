"""Bets."""

from migrations.statements import run

revision = "0017"
down_revision = "0016"

UPGRADE = ""

DOWNGRADE = ""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
