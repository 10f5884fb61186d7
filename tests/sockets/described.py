"""The sockets' description as a judge of what servers really send."""

from collections.abc import Iterable
from typing import Any

import jsonschema
import msgspec

from app.sockets.asyncapi import document

Frame = dict[str, Any]


class Described:
    """What /schema/asyncapi.json says, read strictly: a field it does not name is a fault."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document()))
        components = self.document["components"]
        closed = {name: _closed(schema) for name, schema in components["schemas"].items()}
        self._whole = {"components": {"schemas": closed}}
        # What we send; a message of a client may have the name of the frame that answers it.
        said = [
            reference["$ref"].rsplit("/", 1)[1]
            for operation in self.document["operations"].values()
            if operation["action"] == "send"
            for reference in operation["messages"]
        ]
        self.names = {components["messages"][name]["name"]: name for name in said}

    def faults_of(self, frame: Frame, *, shape: str | None = None) -> list[str]:
        """Returns what is wrong with a frame; `shape` is what it should be, else its type says."""
        name = shape or self.names.get(frame.get("type", frame.get("event", "")))
        if name is None:
            return [f"not described: {frame}"]
        schema = {"$ref": f"#/components/schemas/{name}", **self._whole}
        validator = jsonschema.Draft202012Validator(schema)
        return [
            f"{name}{error.json_path}: {error.message}" for error in validator.iter_errors(frame)
        ]

    def check(self, frames: Iterable[Frame]) -> set[str]:
        """Returns the types that came; fails when one is not as it is described."""
        frames = list(frames)
        assert [fault for frame in frames for fault in self.faults_of(frame)] == []
        return {frame.get("type", frame.get("event", "")) for frame in frames}


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: _closed(part) for key, part in schema.items()}
    if "properties" in told:
        told["additionalProperties"] = False
    return told
