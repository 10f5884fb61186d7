"""Sports, leagues and participants."""

from migrations.statements import run

revision = "0001"
down_revision = None

SPORTS = """
CREATE TABLE sports (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT sports_pkey PRIMARY KEY (id)
);
"""

LEAGUES = """
CREATE TABLE leagues (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    sport_id TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    country TEXT,
    season TEXT,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT leagues_pkey PRIMARY KEY (id),
    CONSTRAINT leagues_id_sport_id_key UNIQUE (id, sport_id),
    CONSTRAINT leagues_slug_key UNIQUE (slug),
    CONSTRAINT leagues_slug_check CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,99}$'),
    CONSTRAINT leagues_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id)
);
CREATE INDEX leagues_sport_id_slug_idx ON leagues (sport_id, slug);
"""

PARTICIPANTS = """
CREATE TABLE participants (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    sport_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT participants_pkey PRIMARY KEY (id),
    CONSTRAINT participants_id_sport_id_key UNIQUE (id, sport_id),
    CONSTRAINT participants_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id)
);
"""
SPORTS_WE_FOLLOW = """
INSERT INTO sports (id, name) VALUES
    ('football', 'Football'), ('basketball', 'Basketball'),
    ('tennis', 'Tennis'), ('hockey', 'Ice hockey');
"""


def upgrade() -> None:
    run(SPORTS)
    run(LEAGUES)
    run(PARTICIPANTS)
    run(SPORTS_WE_FOLLOW)


def downgrade() -> None:
    run("DROP TABLE participants")
    run("DROP TABLE leagues")
    run("DROP TABLE sports")
