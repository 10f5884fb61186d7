"""Results of the past."""

from migrations.statements import run

revision = "0018"
down_revision = "0017"

UPGRADE = """
CREATE TABLE past_results (
    sport_id TEXT NOT NULL,
    played_on DATE NOT NULL,
    home TEXT NOT NULL,
    away TEXT NOT NULL,
    league TEXT NOT NULL,
    season TEXT,
    home_score BIGINT NOT NULL,
    away_score BIGINT NOT NULL,
    told JSONB NOT NULL,
    source TEXT NOT NULL,
    imported_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT past_results_pkey PRIMARY KEY (sport_id, played_on, home, away),
    CONSTRAINT past_results_sport_id_fkey FOREIGN KEY (sport_id) REFERENCES sports (id),
    CONSTRAINT past_results_sides_check CHECK (home <> away),
    CONSTRAINT past_results_score_check CHECK (home_score >= 0 AND away_score >= 0)
);
CREATE INDEX past_results_sport_id_league_played_on_idx
    ON past_results (sport_id, league, played_on);
"""

DOWNGRADE = """
DROP TABLE past_results;
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
