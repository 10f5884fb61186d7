"""`app healthy`: a health check for containers, which have no curl."""

import click

from app.supervisor.answers import is_well


@click.command()
@click.option("--port", type=click.IntRange(1, 65_535), default=8000, show_default=True)
@click.option("--path", default="/health/ready", show_default=True)
def healthy(port: int, path: str) -> None:
    """Exits 0 when the process on that port of this machine answers 200, else 1."""
    if not is_well(f"http://127.0.0.1:{port}", path):
        raise click.ClickException(f"port {port} does not answer {path} with 200")
