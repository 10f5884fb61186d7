"""${message}."""

from migrations.statements import install, run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else 'run("")'}


def downgrade() -> None:
    ${downgrades if downgrades else 'run("")'}
