"""What happened to a user, in order."""

from migrations.statements import run

revision = "0013"
down_revision = "0012"

UPGRADE = """
CREATE TABLE user_heads (
    user_id BIGINT NOT NULL,
    seq BIGINT DEFAULT 0 NOT NULL,
    at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT user_heads_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_heads_seq_check CHECK (seq >= 0),
    CONSTRAINT user_heads_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE TABLE user_changes (
    user_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL,
    body JSON NOT NULL,
    CONSTRAINT user_changes_pkey PRIMARY KEY (user_id, seq, at),
    CONSTRAINT user_changes_seq_check CHECK (seq >= 1)
) PARTITION BY RANGE (at);
CREATE TABLE user_changes_default PARTITION OF user_changes DEFAULT;
"""

DOWNGRADE = """
DROP TABLE user_changes;
DROP TABLE user_heads;
"""


def upgrade() -> None:
    run(UPGRADE)


def downgrade() -> None:
    run(DOWNGRADE)
