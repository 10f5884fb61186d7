"""What could not be taken in."""

from migrations.statements import run

revision = "0012"
down_revision = "0011"

UPGRADE = """
CREATE TABLE dead_letters (
    day DATE NOT NULL,
    digest BYTEA NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    provider TEXT NOT NULL,
    sport_id TEXT,
    scope TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    external_id TEXT,
    form TEXT DEFAULT 'raw' NOT NULL,
    raw BYTEA NOT NULL,
    count INTEGER DEFAULT 1 NOT NULL,
    first_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    last_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    replayed_at TIMESTAMPTZ,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (day, digest),
    CONSTRAINT dead_letters_form_check CHECK (form IN ('raw', 'observation'))
) PARTITION BY RANGE (day);
CREATE TABLE dead_letters_default PARTITION OF dead_letters DEFAULT;
CREATE INDEX dead_letters_id_idx ON dead_letters (id);
CREATE INDEX dead_letters_provider_code_last_at_idx ON dead_letters (provider, code, last_at);
"""

DOWNGRADE = """
DROP TABLE dead_letters;
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
