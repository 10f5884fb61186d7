"""What each provider said of what, where they disagree, and how far each is believed."""

from migrations.statements import run

revision = "0009"
down_revision = "0008"

UPGRADE = """
SELECT 1;
"""

DOWNGRADE = """
SELECT 1;
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
