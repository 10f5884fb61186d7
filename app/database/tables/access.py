"""Users and the refresh tokens they hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from app.database.tables.base import Now, OurId, Table


class User(Table):
    """A person who signed up. The e-mail address is kept in lower case."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("email = lower(email) AND length(email) BETWEEN 3 AND 254", name="email"),
        CheckConstraint("role IN ('user', 'operator', 'admin')", name="role"),
        CheckConstraint("tier IN ('free', 'pro', 'enterprise')", name="tier"),
    )
    id: Mapped[OurId]
    email: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="user")
    tier: Mapped[str] = mapped_column(server_default="free")
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[Now]


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
