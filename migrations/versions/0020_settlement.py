"""What became of bets."""

from migrations.statements import run

revision = "0020"
down_revision = "0019"

UPGRADE = ""

DOWNGRADE = ""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
