"""The API's description."""

from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin


def open_api(version: str) -> OpenAPIConfig:
    """Returns how the API is described."""
    return OpenAPIConfig(
        title="Touchline",
        version=version,
        path="/schema",
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
        description="Real-time sports data: matches, scores, markets, in one order.",
    )
