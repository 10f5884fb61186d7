"""Double chance, draw no bet, sides' totals, three-way handicaps, scores, periods, set handicaps."""

from migrations.statements import run

revision = "0021"
down_revision = "0020"

UPGRADE = """
ALTER TABLE markets DROP CONSTRAINT markets_type_check;
ALTER TABLE markets DROP CONSTRAINT markets_line_check;
ALTER TABLE markets ADD CONSTRAINT markets_type_check CHECK (type IN (
    'winner', 'winner_3way', 'double_chance', 'draw_no_bet', 'total', 'home_total', 'away_total',
    'handicap', 'handicap_3way', 'both_to_score', 'correct_score', 'period_winner', 'set_handicap'
));
ALTER TABLE markets ADD CONSTRAINT markets_line_check CHECK ((type IN (
    'total', 'home_total', 'away_total', 'handicap', 'handicap_3way', 'period_winner',
    'set_handicap'
)) = (line IS NOT NULL));
ALTER TABLE selections DROP CONSTRAINT selections_key_check;
ALTER TABLE selections ADD CONSTRAINT selections_key_check CHECK (
    key ~ '^(home|draw|away|over|under|yes|no|home_draw|home_away|draw_away|(0|[1-9][0-9]?)-(0|[1-9][0-9]?))$'
);
"""

DOWNGRADE = """
DELETE FROM markets WHERE type NOT IN ('winner', 'total', 'handicap', 'both_to_score');
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


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
