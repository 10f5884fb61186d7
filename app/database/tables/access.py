"""Users, what they hold to show who they are, and what is kept of how they used it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table


class User(Table):
    """A person who signed up. The e-mail address is kept in lower case.

    A trigger raises `generation` with role, tier, `disabled_at`, `password_changed_at` and
    `logged_out_at`: what was given before counts no more.
    """

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("email = lower(email) AND length(email) BETWEEN 3 AND 254", name="email"),
        CheckConstraint("role IN ('user', 'operator', 'admin')", name="role"),
        CheckConstraint("tier IN ('free', 'pro', 'enterprise')", name="tier"),
        CheckConstraint("generation >= 0", name="generation"),
    )
    id: Mapped[OurId]
    email: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="user")
    tier: Mapped[str] = mapped_column(server_default="free")
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[Now]
    generation: Mapped[int] = mapped_column(server_default=text("0"))
    email_verified_at: Mapped[datetime | None]
    password_changed_at: Mapped[datetime | None]
    logged_out_at: Mapped[datetime | None]


class RefreshToken(Table):
    """One refresh token, as a hash. A family is what one log-in grew into by rotation."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        Index("refresh_tokens_family_idx", "family"),
        Index("refresh_tokens_user_id_idx", "user_id"),
        Index("refresh_tokens_expires_at_idx", "expires_at"),
    )
    id: Mapped[OurId]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    family: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Now]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Revocation(Table):
    """Credentials that are over before their time; kept until they would be over anyway."""

    __tablename__ = "revocations"
    __table_args__ = (
        CheckConstraint("kind IN ('user', 'family', 'api_key')", name="kind"),
        CheckConstraint("length(subject) BETWEEN 1 AND 40", name="subject"),
        Index("revocations_created_at_idx", "created_at"),
        Index("revocations_expires_at_idx", "expires_at"),
    )
    id: Mapped[OurId]
    kind: Mapped[str]
    subject: Mapped[str]
    generation: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[Now]
    expires_at: Mapped[datetime]


class SigningKey(Table):
    """A key that signs access tokens, its private half sealed with JWT_SECRET.

    A row without one stands for JWT_SECRET itself, once that is revoked.
    """

    __tablename__ = "signing_keys"
    __table_args__ = (
        CheckConstraint("kid ~ '^[A-Za-z0-9_-]{1,40}$'", name="kid"),
        CheckConstraint("algorithm IN ('HS256', 'EdDSA', 'RS256')", name="algorithm"),
        CheckConstraint("(public IS NULL) = (algorithm = 'HS256')", name="public"),
    )
    kid: Mapped[str] = mapped_column(primary_key=True)
    algorithm: Mapped[str]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    public: Mapped[str | None]
    created_at: Mapped[Now]
    signs_from: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiKey(Table):
    """One API key, as a hash; the prefix is what its owner knows it by."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),
        CheckConstraint("length(name) BETWEEN 1 AND 100", name="name"),
        CheckConstraint(
            "cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'bet', 'feed', 'operate']",
            name="scopes",
        ),
        Index("api_keys_user_id_idx", "user_id"),
    )
    id: Mapped[OurId]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    created_at: Mapped[Now]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class MailedToken(Table):
    """A token that was mailed to a user, as a hash; good once."""

    __tablename__ = "mailed_tokens"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        CheckConstraint("purpose IN ('verify_email', 'reset_password')", name="purpose"),
        Index("mailed_tokens_expires_at_idx", "expires_at"),
        Index("mailed_tokens_user_id_idx", "user_id"),
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    created_at: Mapped[Now]
    expires_at: Mapped[datetime]


class AuthEvent(Table):
    """What somebody did with credentials. It outlives its user, so nothing refers to one."""

    __tablename__ = "auth_events"
    __table_args__ = (
        Index("auth_events_at_idx", "at"),
        Index("auth_events_user_id_at_idx", "user_id", "at"),
    )
    id: Mapped[OurId]
    at: Mapped[datetime]
    kind: Mapped[str]
    user_id: Mapped[int | None]
    account: Mapped[str | None]
    address: Mapped[str | None]
    api_key_id: Mapped[int | None]
    request_id: Mapped[str | None]
    detail: Mapped[str | None]
