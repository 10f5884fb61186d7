"""Matches, their scores and incidents, and what providers call things."""

from migrations.statements import run

revision = "0002"
down_revision = "0001"

MATCHES = """
CREATE TABLE matches (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    sport_id TEXT NOT NULL,
    league_id BIGINT NOT NULL,
    home_id BIGINT NOT NULL,
    away_id BIGINT NOT NULL,
    start_time TIMESTAMPTZ NOT NULL,
    simulated BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT matches_pkey PRIMARY KEY (id),
    CONSTRAINT matches_league_id_sport_id_fkey FOREIGN KEY(league_id, sport_id) REFERENCES leagues (id, sport_id),
    CONSTRAINT matches_home_id_sport_id_fkey FOREIGN KEY(home_id, sport_id) REFERENCES participants (id, sport_id),
    CONSTRAINT matches_away_id_sport_id_fkey FOREIGN KEY(away_id, sport_id) REFERENCES participants (id, sport_id),
    CONSTRAINT matches_sides_check CHECK (home_id <> away_id),
    CONSTRAINT matches_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id)
);
CREATE INDEX matches_league_id_start_time_id_idx ON matches (league_id, start_time, id);
CREATE INDEX matches_sport_id_start_time_id_idx ON matches (sport_id, start_time, id);
CREATE INDEX matches_start_time_id_idx ON matches (start_time, id);
"""

PROVIDER_REFS = """
CREATE TABLE provider_refs (
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    external_id TEXT NOT NULL,
    league_id BIGINT,
    participant_id BIGINT,
    match_id BIGINT,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT provider_refs_pkey PRIMARY KEY (provider, kind, external_id),
    CONSTRAINT provider_refs_kind_check CHECK ((kind = 'league') = (league_id IS NOT NULL) AND (kind = 'participant') = (participant_id IS NOT NULL) AND (kind = 'match') = (match_id IS NOT NULL) AND kind IN ('league', 'participant', 'match')),
    CONSTRAINT provider_refs_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE,
    CONSTRAINT provider_refs_league_id_fkey FOREIGN KEY(league_id) REFERENCES leagues (id) ON DELETE CASCADE,
    CONSTRAINT provider_refs_participant_id_fkey FOREIGN KEY(participant_id) REFERENCES participants (id) ON DELETE CASCADE
);
CREATE INDEX provider_refs_match_id_idx ON provider_refs (match_id);
"""

LIVE_SCORES = """
CREATE TABLE live_scores (
    match_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    home_score SMALLINT,
    away_score SMALLINT,
    period TEXT,
    clock TEXT,
    periods JSONB DEFAULT '[]' NOT NULL,
    confidence NUMERIC(4, 3) DEFAULT 1 NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT live_scores_pkey PRIMARY KEY (match_id),
    CONSTRAINT live_scores_status_check CHECK (status IN ('scheduled', 'live', 'paused', 'interrupted', 'postponed', 'finished', 'cancelled', 'abandoned', 'awarded')),
    CONSTRAINT live_scores_score_check CHECK ((home_score IS NULL) = (away_score IS NULL) AND coalesce(home_score, 0) BETWEEN 0 AND 999 AND coalesce(away_score, 0) BETWEEN 0 AND 999 AND (status NOT IN ('live', 'paused', 'interrupted', 'finished') OR home_score IS NOT NULL)),
    CONSTRAINT live_scores_confidence_check CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT live_scores_periods_check CHECK (jsonb_typeof(periods) = 'array'),
    CONSTRAINT live_scores_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX live_scores_status_match_id_idx ON live_scores (status, match_id);
"""

SCORE_OBSERVATIONS = """
CREATE TABLE score_observations (
    match_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    score JSONB NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT score_observations_pkey PRIMARY KEY (match_id, provider),
    CONSTRAINT score_observations_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
);
"""

INCIDENTS = """
CREATE TABLE incidents (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    match_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    key TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    body JSONB NOT NULL,
    withdrawn BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT incidents_pkey PRIMARY KEY (match_id, provider, key),
    CONSTRAINT incidents_id_key UNIQUE (id),
    CONSTRAINT incidents_body_check CHECK (jsonb_typeof(body) = 'object' AND body ? 'type'),
    CONSTRAINT incidents_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
);
CREATE INDEX incidents_match_id_ordinal_idx ON incidents (match_id, ordinal);
"""


def upgrade() -> None:
    run(MATCHES)
    run(PROVIDER_REFS)
    run(LIVE_SCORES)
    run(SCORE_OBSERVATIONS)
    run(INCIDENTS)


def downgrade() -> None:
    run("DROP TABLE incidents")
    run("DROP TABLE score_observations")
    run("DROP TABLE live_scores")
    run("DROP TABLE provider_refs")
    run("DROP TABLE matches")
