"""Models and what they said."""

from migrations.statements import run

revision = "0019"
down_revision = "0018"

UPGRADE = ""

DOWNGRADE = ""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
