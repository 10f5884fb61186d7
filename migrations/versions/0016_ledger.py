"""The ledger."""

from migrations.statements import run

revision = "0016"
down_revision = "0015"

UPGRADE = ""

DOWNGRADE = ""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
