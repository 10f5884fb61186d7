"""What each provider said of what, where they disagree, and how far each is believed."""

from migrations.statements import install, run

revision = "0009"
down_revision = "0008"

SCORES = """
ALTER TABLE score_observations ADD COLUMN points_since TIMESTAMPTZ;
ALTER TABLE score_observations ADD COLUMN points_repeats SMALLINT DEFAULT 1 NOT NULL;
ALTER TABLE score_observations ADD COLUMN back_since TIMESTAMPTZ;
ALTER TABLE score_observations ADD COLUMN back_repeats SMALLINT DEFAULT 1 NOT NULL;
ALTER TABLE score_observations ADD COLUMN status_since TIMESTAMPTZ;
ALTER TABLE score_observations ADD COLUMN status_repeats SMALLINT DEFAULT 1 NOT NULL;
ALTER TABLE score_observations SET (fillfactor = 70);
ALTER TABLE match_heads ADD COLUMN holder BIGINT;
ALTER TABLE live_scores ADD COLUMN points_at TIMESTAMPTZ;
ALTER TABLE live_scores ADD COLUMN status_at TIMESTAMPTZ;
ALTER TABLE live_scores ADD COLUMN verify_since TIMESTAMPTZ;
ALTER TABLE live_scores ADD COLUMN verify_reason TEXT;
ALTER TABLE live_scores ADD CONSTRAINT live_scores_verify_check
    CHECK ((verify_since IS NULL) = (verify_reason IS NULL));
"""

RELIABILITY = """
CREATE TABLE provider_reliability (
    provider TEXT NOT NULL,
    sport_id TEXT NOT NULL,
    agreed DOUBLE PRECISION DEFAULT 0 NOT NULL,
    disagreed DOUBLE PRECISION DEFAULT 0 NOT NULL,
    updated_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT provider_reliability_pkey PRIMARY KEY (provider, sport_id),
    CONSTRAINT provider_reliability_counts_check CHECK (agreed >= 0 AND disagreed >= 0),
    CONSTRAINT provider_reliability_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id)
) WITH (fillfactor = 50);
"""

CONFLICTS = """
CREATE TABLE conflicts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    match_id BIGINT NOT NULL,
    field TEXT NOT NULL,
    believed TEXT NOT NULL,
    told JSONB NOT NULL,
    opened_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    closed_at TIMESTAMPTZ,
    outcome TEXT,
    ended_as TEXT,
    CONSTRAINT conflicts_pkey PRIMARY KEY (id),
    CONSTRAINT conflicts_field_check CHECK (field IN ('points', 'status')),
    CONSTRAINT conflicts_told_check CHECK (jsonb_typeof(told) = 'object'),
    CONSTRAINT conflicts_outcome_check CHECK (outcome IN ('agreed', 'moved', 'silent') AND (outcome IS NULL) = (closed_at IS NULL) AND (ended_as IS NULL) = (closed_at IS NULL)),
    CONSTRAINT conflicts_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX conflicts_open_idx ON conflicts (match_id, field) WHERE closed_at IS NULL;
CREATE INDEX conflicts_match_id_id_idx ON conflicts (match_id, id);
"""

INCIDENTS = """
CREATE TABLE incident_observations (
    match_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    incidents JSONB NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT incident_observations_pkey PRIMARY KEY (match_id, provider),
    CONSTRAINT incident_observations_incidents_check CHECK (jsonb_typeof(incidents) = 'array'),
    CONSTRAINT incident_observations_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
);
ALTER TABLE matches ADD COLUMN incidents_provider TEXT;
UPDATE matches m SET incidents_provider = (
    SELECT i.provider FROM incidents i WHERE i.match_id = m.id AND NOT i.withdrawn LIMIT 1
);
"""

MARKETS = """
CREATE TABLE market_observations (
    market_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    observed_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT market_observations_pkey PRIMARY KEY (market_id, provider),
    CONSTRAINT market_observations_status_check CHECK (status IN ('open', 'suspended', 'closed', 'settled')),
    CONSTRAINT market_observations_market_id_fkey FOREIGN KEY(market_id) REFERENCES markets (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
INSERT INTO market_observations (market_id, provider, status, reason, observed_at)
SELECT k.id, q.provider, k.status, k.reason, max(q.observed_at)
FROM markets k JOIN selections s ON s.market_id = k.id JOIN quotes q ON q.selection_id = s.id
GROUP BY k.id, q.provider;
ALTER TABLE markets ADD COLUMN fresh_until TIMESTAMPTZ;
"""

DOWNGRADE = """
ALTER TABLE markets DROP COLUMN fresh_until;
DROP TABLE market_observations;
ALTER TABLE matches DROP COLUMN incidents_provider;
DROP TABLE incident_observations;
DROP TABLE conflicts;
DROP TABLE provider_reliability;
ALTER TABLE live_scores DROP CONSTRAINT live_scores_verify_check;
ALTER TABLE live_scores DROP COLUMN verify_reason;
ALTER TABLE live_scores DROP COLUMN verify_since;
ALTER TABLE live_scores DROP COLUMN status_at;
ALTER TABLE live_scores DROP COLUMN points_at;
ALTER TABLE match_heads DROP COLUMN holder;
ALTER TABLE score_observations RESET (fillfactor);
ALTER TABLE score_observations DROP COLUMN status_repeats;
ALTER TABLE score_observations DROP COLUMN status_since;
ALTER TABLE score_observations DROP COLUMN back_repeats;
ALTER TABLE score_observations DROP COLUMN back_since;
ALTER TABLE score_observations DROP COLUMN points_repeats;
ALTER TABLE score_observations DROP COLUMN points_since;
"""


def upgrade() -> None:
    run(SCORES)
    install("score_body", 1)
    install("live_score_changed", 2)
    run(RELIABILITY)
    run(CONFLICTS)
    run(INCIDENTS)
    run(MARKETS)


def downgrade() -> None:
    run(DOWNGRADE)
    install("live_score_changed", 1)
    run("DROP FUNCTION score_body")
