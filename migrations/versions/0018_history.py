"""Results of the past."""

from migrations.statements import run

revision = "0018"
down_revision = "0017"

UPGRADE = ""

DOWNGRADE = ""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
