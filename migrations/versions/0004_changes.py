"""The ordered log and the triggers that write it."""

from migrations.statements import install, run

revision = "0004"
down_revision = "0003"

MATCH_HEADS = """
CREATE TABLE match_heads (
    match_id BIGINT NOT NULL,
    seq BIGINT DEFAULT 0 NOT NULL,
    at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT match_heads_pkey PRIMARY KEY (match_id),
    CONSTRAINT match_heads_seq_check CHECK (seq >= 0),
    CONSTRAINT match_heads_match_id_fkey FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
"""

CHANGES = """
CREATE TABLE changes (
    match_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL,
    body JSON NOT NULL,
    CONSTRAINT changes_pkey PRIMARY KEY (match_id, seq, at),
    CONSTRAINT changes_seq_check CHECK (seq >= 1)
) PARTITION BY RANGE (at);
"""


# A safety net under the days that housekeeping makes in advance.
DEFAULTS = """
CREATE TABLE changes_default PARTITION OF changes DEFAULT;
CREATE TABLE odds_history_default PARTITION OF odds_history DEFAULT;
"""

FUNCTIONS = (
    "wire_time",
    "append_changes",
    "match_added",
    "live_score_changed",
    "incident_changed",
    "market_changed",
    "selection_changed",
)

TRIGGERS = """
CREATE TRIGGER match_added AFTER INSERT ON matches
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION match_added();
""" + "".join(
    f"""
CREATE TRIGGER {function}_insert AFTER INSERT ON {table}
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION {function}();
CREATE TRIGGER {function}_update AFTER UPDATE ON {table}
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION {function}();
"""
    for table, function in (
        ("live_scores", "live_score_changed"),
        ("incidents", "incident_changed"),
        ("markets", "market_changed"),
        ("selections", "selection_changed"),
    )
)


def upgrade() -> None:
    run(MATCH_HEADS)
    run(CHANGES)
    run(DEFAULTS)
    for function in FUNCTIONS:
        install(function, 1)
    run(TRIGGERS)


def downgrade() -> None:
    run("DROP TRIGGER match_added ON matches")
    for table, function in (
        ("live_scores", "live_score_changed"),
        ("incidents", "incident_changed"),
        ("markets", "market_changed"),
        ("selections", "selection_changed"),
    ):
        run(f"DROP TRIGGER {function}_insert ON {table}")
        run(f"DROP TRIGGER {function}_update ON {table}")
    for function in reversed(FUNCTIONS):
        run(f"DROP FUNCTION {function}")
    run("DROP TABLE odds_history_default")
    run("DROP TABLE changes")
    run("DROP TABLE match_heads")
