"""Runs the SQL of a migration, statement by statement."""

from pathlib import Path

from alembic import op

SQL = Path(__file__).parent / "sql"


def run(statements: str) -> None:
    """Runs statements that end in `;` at the end of a line, one after another, as they stand."""
    for statement in statements.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def install(function: str, version: int) -> None:
    """Creates, or replaces, a function of the database from its file."""
    op.get_bind().exec_driver_sql((SQL / f"{function}_v{version}.sql").read_text("utf-8"))
