"""Handicaps, and both to score."""

from migrations.statements import run

revision = "0007"
down_revision = "0006"

UPGRADE = """
ALTER TABLE markets DROP CONSTRAINT markets_type_check;
ALTER TABLE markets DROP CONSTRAINT markets_line_check;
ALTER TABLE markets ADD CONSTRAINT markets_type_check
    CHECK (type IN ('winner', 'total', 'handicap', 'both_to_score'));
ALTER TABLE markets ADD CONSTRAINT markets_line_check
    CHECK ((type IN ('total', 'handicap')) = (line IS NOT NULL));
ALTER TABLE selections DROP CONSTRAINT selections_key_check;
ALTER TABLE selections ADD CONSTRAINT selections_key_check
    CHECK (key IN ('home', 'draw', 'away', 'over', 'under', 'yes', 'no'));
"""

DOWNGRADE = """
DELETE FROM markets WHERE type NOT IN ('winner', 'total');
ALTER TABLE markets DROP CONSTRAINT markets_type_check;
ALTER TABLE markets DROP CONSTRAINT markets_line_check;
ALTER TABLE markets ADD CONSTRAINT markets_type_check CHECK (type IN ('winner', 'total'));
ALTER TABLE markets ADD CONSTRAINT markets_line_check
    CHECK ((type = 'total') = (line IS NOT NULL));
ALTER TABLE selections DROP CONSTRAINT selections_key_check;
ALTER TABLE selections ADD CONSTRAINT selections_key_check
    CHECK (key IN ('home', 'draw', 'away', 'over', 'under'));
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
