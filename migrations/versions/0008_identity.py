"""Other names of things, what is undecided, and what was merged."""

from migrations.statements import run

revision = "0008"
down_revision = "0007"

UPGRADE = """
ALTER TABLE leagues ADD COLUMN merged_into BIGINT;
ALTER TABLE leagues ADD CONSTRAINT leagues_merged_into_fkey
    FOREIGN KEY(merged_into) REFERENCES leagues (id) ON DELETE CASCADE;
ALTER TABLE leagues ADD CONSTRAINT leagues_merged_check CHECK (merged_into <> id);
ALTER TABLE participants ADD COLUMN merged_into BIGINT;
ALTER TABLE participants ADD CONSTRAINT participants_merged_into_fkey
    FOREIGN KEY(merged_into) REFERENCES participants (id) ON DELETE CASCADE;
ALTER TABLE participants ADD CONSTRAINT participants_merged_check CHECK (merged_into <> id);
ALTER TABLE matches ADD COLUMN merged_into BIGINT;
ALTER TABLE matches ADD CONSTRAINT matches_merged_into_fkey
    FOREIGN KEY(merged_into) REFERENCES matches (id) ON DELETE CASCADE;
ALTER TABLE matches ADD CONSTRAINT matches_merged_check CHECK (merged_into <> id);
CREATE INDEX leagues_merged_into_idx ON leagues (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX participants_merged_into_idx ON participants (merged_into)
    WHERE merged_into IS NOT NULL;
CREATE INDEX matches_merged_into_idx ON matches (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX matches_home_id_idx ON matches (home_id);
CREATE INDEX matches_away_id_idx ON matches (away_id);
ALTER TABLE match_heads ADD COLUMN refs_moved BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE provider_refs ADD COLUMN inverted BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE provider_refs ADD COLUMN start_time TIMESTAMPTZ;
ALTER TABLE provider_refs ADD COLUMN described JSONB;
CREATE INDEX provider_refs_league_id_idx ON provider_refs (league_id);
CREATE INDEX provider_refs_participant_id_idx ON provider_refs (participant_id);
CREATE TABLE participant_names (
    participant_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT participant_names_pkey PRIMARY KEY (participant_id, name),
    CONSTRAINT participant_names_participant_id_fkey FOREIGN KEY(participant_id)
        REFERENCES participants (id) ON DELETE CASCADE
);
CREATE TABLE identity_reviews (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    provider TEXT NOT NULL,
    external_id TEXT NOT NULL,
    sport_id TEXT NOT NULL,
    described JSONB NOT NULL,
    simulated BOOLEAN DEFAULT false NOT NULL,
    candidates JSONB NOT NULL,
    state TEXT DEFAULT 'open' NOT NULL,
    match_id BIGINT,
    decided_by TEXT,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    tried_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    decided_at TIMESTAMPTZ,
    CONSTRAINT identity_reviews_pkey PRIMARY KEY (id),
    CONSTRAINT identity_reviews_provider_external_id_key UNIQUE (provider, external_id),
    CONSTRAINT identity_reviews_state_check
        CHECK (state IN ('open', 'same', 'new', 'dismissed', 'settled')),
    CONSTRAINT identity_reviews_decided_check CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT identity_reviews_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id),
    CONSTRAINT identity_reviews_match_id_fkey FOREIGN KEY(match_id)
        REFERENCES matches (id) ON DELETE SET NULL
);
CREATE INDEX identity_reviews_state_id_idx ON identity_reviews (state, id);
"""

DOWNGRADE = """
DROP TABLE identity_reviews;
DROP TABLE participant_names;
DROP INDEX provider_refs_participant_id_idx;
DROP INDEX provider_refs_league_id_idx;
ALTER TABLE provider_refs DROP COLUMN described;
ALTER TABLE provider_refs DROP COLUMN start_time;
ALTER TABLE provider_refs DROP COLUMN inverted;
ALTER TABLE match_heads DROP COLUMN refs_moved;
DROP INDEX matches_away_id_idx;
DROP INDEX matches_home_id_idx;
DELETE FROM matches WHERE merged_into IS NOT NULL;
ALTER TABLE matches DROP COLUMN merged_into;
DELETE FROM participants WHERE merged_into IS NOT NULL;
ALTER TABLE participants DROP COLUMN merged_into;
DELETE FROM leagues WHERE merged_into IS NOT NULL;
ALTER TABLE leagues DROP COLUMN merged_into;
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
