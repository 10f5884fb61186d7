"""Accounts: tokens' families, signing keys, API keys."""

from migrations.statements import install, run

revision = "0014"
down_revision = "0013"

# Who is registered already need not prove an address that was not asked to be proved.
USERS = """
ALTER TABLE users
    ADD COLUMN generation BIGINT DEFAULT 0 NOT NULL,
    ADD COLUMN email_verified_at TIMESTAMPTZ,
    ADD COLUMN password_changed_at TIMESTAMPTZ,
    ADD COLUMN logged_out_at TIMESTAMPTZ,
    ADD CONSTRAINT users_generation_check CHECK (generation >= 0);
UPDATE users SET email_verified_at = created_at;
"""

TABLES = """
CREATE TABLE revocations (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    generation BIGINT DEFAULT 0 NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT revocations_pkey PRIMARY KEY (id),
    CONSTRAINT revocations_kind_check CHECK (kind IN ('user', 'family', 'api_key')),
    CONSTRAINT revocations_subject_check CHECK (length(subject) BETWEEN 1 AND 40)
);
CREATE INDEX revocations_created_at_idx ON revocations (created_at);
CREATE INDEX revocations_expires_at_idx ON revocations (expires_at);

CREATE TABLE signing_keys (
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    sealed BYTEA,
    public TEXT,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    signs_from TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
    CONSTRAINT signing_keys_kid_check CHECK (kid ~ '^[A-Za-z0-9_-]{1,40}$'),
    CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN ('HS256', 'EdDSA', 'RS256')),
    CONSTRAINT signing_keys_public_check CHECK ((public IS NULL) = (algorithm = 'HS256'))
);

CREATE TABLE api_keys (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    secret_hash BYTEA NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    expires_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_secret_hash_key UNIQUE (secret_hash),
    CONSTRAINT api_keys_secret_hash_check CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT api_keys_name_check CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT api_keys_scopes_check CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'bet', 'feed', 'operate']
    ),
    CONSTRAINT api_keys_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX api_keys_user_id_idx ON api_keys (user_id);

CREATE TABLE mailed_tokens (
    token_hash BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT mailed_tokens_pkey PRIMARY KEY (token_hash),
    CONSTRAINT mailed_tokens_token_hash_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT mailed_tokens_purpose_check CHECK (purpose IN ('verify_email', 'reset_password')),
    CONSTRAINT mailed_tokens_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX mailed_tokens_expires_at_idx ON mailed_tokens (expires_at);
CREATE INDEX mailed_tokens_user_id_idx ON mailed_tokens (user_id);

CREATE TABLE auth_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMPTZ NOT NULL,
    kind TEXT NOT NULL,
    user_id BIGINT,
    account TEXT,
    address TEXT,
    api_key_id BIGINT,
    request_id TEXT,
    detail TEXT,
    CONSTRAINT auth_events_pkey PRIMARY KEY (id)
);
CREATE INDEX auth_events_at_idx ON auth_events (at);
CREATE INDEX auth_events_user_id_at_idx ON auth_events (user_id, at);
"""

TRIGGERS = """
CREATE TRIGGER users_changed BEFORE UPDATE OF role, tier, disabled_at, password_changed_at, logged_out_at ON users
    FOR EACH ROW EXECUTE FUNCTION user_changed();
CREATE TRIGGER users_deleted BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION user_changed();
CREATE TRIGGER revocations_told AFTER INSERT ON revocations FOR EACH STATEMENT EXECUTE FUNCTION access_told();
CREATE TRIGGER signing_keys_told AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH STATEMENT EXECUTE FUNCTION access_told();
"""

DOWNGRADE = """
DROP TABLE auth_events;
DROP TABLE mailed_tokens;
DROP TABLE api_keys;
DROP TABLE signing_keys;
DROP TRIGGER users_changed ON users;
DROP TRIGGER users_deleted ON users;
DROP FUNCTION user_changed();
DROP TABLE revocations;
DROP FUNCTION access_told();
ALTER TABLE users
    DROP COLUMN generation,
    DROP COLUMN email_verified_at,
    DROP COLUMN password_changed_at,
    DROP COLUMN logged_out_at;
"""


def upgrade() -> None:
    run(USERS)
    run(TABLES)
    install("user_changed", 1)
    install("access_told", 1)
    run(TRIGGERS)


def downgrade() -> None:
    run(DOWNGRADE)
