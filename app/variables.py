"""What a field of the settings says about its environment variable."""

from typing import Any

from msgspec import Meta


def env(name: str, description: str, *, secret: bool = False, **limits: Any) -> Meta:
    """Returns the Meta of a setting: its variable, its text, its limits."""
    return Meta(description=description, extra={"env": name, "secret": secret}, **limits)
