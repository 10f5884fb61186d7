"""What became of bets."""

from migrations.statements import run

revision = "0020"
down_revision = "0019"

UPGRADE = """
CREATE TABLE settlements (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    bet_id BIGINT NOT NULL,
    number SMALLINT NOT NULL,
    status TEXT NOT NULL,
    returned BIGINT NOT NULL,
    cause TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    decided_by BIGINT,
    settled_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT settlements_pkey PRIMARY KEY (id),
    CONSTRAINT settlements_bet_id_number_key UNIQUE (bet_id, number),
    CONSTRAINT settlements_status_check CHECK (status IN (
        'pending', 'accepted', 'refused', 'won', 'lost', 'void', 'half_won', 'half_lost',
        'cashed_out'
    )),
    CONSTRAINT settlements_cause_check CHECK (cause IN ('result', 'correction', 'by_hand')),
    CONSTRAINT settlements_returned_check CHECK (returned >= 0),
    CONSTRAINT settlements_bet_id_fkey FOREIGN KEY(bet_id) REFERENCES bets (id),
    CONSTRAINT settlements_decided_by_fkey FOREIGN KEY(decided_by) REFERENCES users (id)
);
CREATE TABLE settlement_places (
    match_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT settlement_places_pkey PRIMARY KEY (match_id),
    CONSTRAINT settlement_places_match_id_fkey
        FOREIGN KEY(match_id) REFERENCES matches (id) ON DELETE CASCADE
);
CREATE INDEX bets_accepted_idx ON bets (id) WHERE status = 'accepted';
"""

DOWNGRADE = """
DROP INDEX bets_accepted_idx;
DROP TABLE settlement_places;
DROP TABLE settlements;
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
