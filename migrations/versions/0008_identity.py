"""Other names of things, what is undecided, and what was merged."""

from migrations.statements import run

revision = "0008"
down_revision = "0007"

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
