"""Models, what they said of matches, and what came true."""

from migrations.statements import install, run

revision = "0019"
down_revision = "0018"

PARAMETERS = """
CREATE TABLE model_parameters (
    version TEXT NOT NULL,
    model TEXT NOT NULL,
    sport_id TEXT NOT NULL,
    league TEXT NOT NULL,
    as_of DATE NOT NULL,
    results BIGINT NOT NULL,
    learnt_from BIGINT NOT NULL,
    market_share NUMERIC(4, 3) NOT NULL,
    body JSON NOT NULL,
    fitted_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT model_parameters_pkey PRIMARY KEY (version),
    CONSTRAINT model_parameters_market_share_check CHECK (market_share BETWEEN 0 AND 1),
    CONSTRAINT model_parameters_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id)
);
CREATE INDEX model_parameters_model_league_fitted_at_idx
    ON model_parameters (model, league, fitted_at);
"""

FORECASTS = """
CREATE TABLE forecasts (
    match_id BIGINT NOT NULL,
    version TEXT NOT NULL,
    model TEXT NOT NULL,
    phase TEXT NOT NULL,
    minute NUMERIC(5, 1),
    home NUMERIC(5, 4) NOT NULL,
    draw NUMERIC(5, 4),
    away NUMERIC(5, 4) NOT NULL,
    confidence NUMERIC(4, 3) NOT NULL,
    expected_home NUMERIC(6, 2) NOT NULL,
    expected_away NUMERIC(6, 2) NOT NULL,
    market_share NUMERIC(4, 3) NOT NULL,
    home_score SMALLINT,
    away_score SMALLINT,
    base JSON NOT NULL,
    generated_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT forecasts_pkey PRIMARY KEY (match_id),
    CONSTRAINT forecasts_phase_check CHECK (phase IN ('before', 'in_play', 'over')),
    CONSTRAINT forecasts_chances_check CHECK (
        home BETWEEN 0 AND 1 AND away BETWEEN 0 AND 1 AND coalesce(draw, 0) BETWEEN 0 AND 1
        AND home + coalesce(draw, 0) + away = 1
    ),
    CONSTRAINT forecasts_shares_check CHECK (
        confidence BETWEEN 0 AND 1 AND market_share BETWEEN 0 AND 1
    ),
    CONSTRAINT forecasts_version_fkey FOREIGN KEY(version) REFERENCES model_parameters (version),
    CONSTRAINT forecasts_match_id_fkey
        FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX forecasts_version_idx ON forecasts (version);
CREATE INDEX forecasts_in_play_idx ON forecasts (match_id) WHERE phase = 'in_play';
CREATE TABLE forecast_points (
    match_id BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    phase TEXT NOT NULL,
    minute NUMERIC(5, 1),
    home NUMERIC(5, 4) NOT NULL,
    draw NUMERIC(5, 4),
    away NUMERIC(5, 4) NOT NULL,
    home_score SMALLINT,
    away_score SMALLINT,
    CONSTRAINT forecast_points_pkey PRIMARY KEY (match_id, at),
    CONSTRAINT forecast_points_match_id_fkey
        FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
);
CREATE TABLE forecast_places (
    match_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    looked_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    asked_at TIMESTAMPTZ,
    CONSTRAINT forecast_places_pkey PRIMARY KEY (match_id),
    CONSTRAINT forecast_places_match_id_fkey
        FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX forecast_places_asked_at_idx ON forecast_places (asked_at)
    WHERE asked_at IS NOT NULL;
"""

RECORDS = """
CREATE TABLE forecast_records (
    match_id BIGINT NOT NULL,
    version TEXT NOT NULL,
    model TEXT NOT NULL,
    sport_id TEXT NOT NULL,
    league TEXT NOT NULL,
    simulated BOOLEAN NOT NULL,
    home_score SMALLINT NOT NULL,
    away_score SMALLINT NOT NULL,
    outcome SMALLINT NOT NULL,
    start_time TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT forecast_records_pkey PRIMARY KEY (match_id, version),
    CONSTRAINT forecast_records_outcome_check CHECK (outcome BETWEEN 0 AND 2),
    CONSTRAINT forecast_records_sport_id_fkey FOREIGN KEY(sport_id) REFERENCES sports (id),
    CONSTRAINT forecast_records_version_fkey
        FOREIGN KEY(version) REFERENCES model_parameters (version),
    CONSTRAINT forecast_records_match_id_fkey
        FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
);
CREATE INDEX forecast_records_start_time_idx ON forecast_records (start_time);
CREATE INDEX forecast_records_version_idx ON forecast_records (version);
CREATE TABLE judged_chances (
    match_id BIGINT NOT NULL,
    version TEXT NOT NULL,
    moment SMALLINT NOT NULL,
    teller TEXT NOT NULL,
    home NUMERIC(5, 4) NOT NULL,
    draw NUMERIC(5, 4),
    away NUMERIC(5, 4) NOT NULL,
    CONSTRAINT judged_chances_pkey PRIMARY KEY (match_id, version, moment, teller),
    CONSTRAINT judged_chances_moment_check CHECK (moment BETWEEN 0 AND 5),
    CONSTRAINT judged_chances_teller_check CHECK (teller IN ('served', 'model', 'market')),
    CONSTRAINT judged_chances_match_id_version_fkey FOREIGN KEY(match_id, version)
        REFERENCES forecast_records (match_id, version) ON DELETE CASCADE
);
"""

TRIGGERS = """
CREATE TRIGGER forecasts_inserted AFTER INSERT ON forecasts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION forecast_changed();
CREATE TRIGGER forecasts_updated AFTER UPDATE ON forecasts
    REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION forecast_changed();
"""

DOWNGRADE = """
DROP TABLE judged_chances;
DROP TABLE forecast_records;
DROP TABLE forecast_places;
DROP TABLE forecast_points;
DROP TABLE forecasts;
DROP FUNCTION forecast_changed();
DROP TABLE model_parameters;
"""


def upgrade() -> None:
    run(PARAMETERS)
    run(FORECASTS)
    run(RECORDS)
    install("forecast_changed", 1)
    run(TRIGGERS)


def downgrade() -> None:
    run(DOWNGRADE)
