"""What happened to a user, in order."""

from migrations.statements import run

revision = "0013"
down_revision = "0012"

UPGRADE = ""

DOWNGRADE = ""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
