"""Accounts: tokens' families, signing keys, API keys."""

from migrations.statements import run

revision = "0014"
down_revision = "0013"

UPGRADE = ""

DOWNGRADE = ""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
