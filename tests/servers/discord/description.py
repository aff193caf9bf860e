"""Discord's published description of its REST side, held against every request and every answer.

It differs in a few places from what Discord does and its libraries send; those are mended here, in one place, for our own
check and for prism alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.servers.spec import Document, Spec, file_of

_SCHEMAS: Final = "#/components/schemas/"
_NAME: Final = "discord-openapi.json"
_REFUSALS: Final = (400, 401, 403, 404, 405)
_UNDESCRIBED: Final = ("tts", "nsfw")
"""discord.py sends these as false with every edit and command; Discord takes them, its description leaves them out."""


class DiscordSpec(Spec):
    """The description; see `Spec`. Its error answers are described too, and so checked."""

    def request_problems(self, method: str, path: str, body: object) -> list[str]:
        """What is wrong with a request; of a form with files `body` is its `payload_json`."""
        return super().request_problems(method, path, _without_idle(body))


def file() -> Path:
    """Where the description lies, if it is at hand."""
    return file_of("discord").with_name(_NAME)


def description() -> DiscordSpec | None:
    """The description, None when it is not at hand. The first call takes up to a second."""
    return _read(file()) if file().is_file() else None


@cache
def _read(path: Path) -> DiscordSpec:
    document = mended(json.loads(path.read_bytes()))
    for operation in _operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        for medium in [one for one in content if one != "application/json"]:
            del content[medium]
        responses = operation["responses"]
        for code, one in list(responses.items()):
            if "$ref" in one:
                responses[code] = document["components"]["responses"][one["$ref"].rpartition("/")[2]]
        for status in _REFUSALS:
            responses.setdefault(str(status), responses["4XX"])
    return DiscordSpec(document)


def mended(document: Document) -> Document:
    """A copy that says what Discord does where the published one does not.

    The codes in an error's tree are words (documentation, "Error Messages"); an id in a request may be a number
    ("Snowflakes": both are taken), and a true or false in a query 1 or 0, as discord.py has them.
    """
    copied = deepcopy(document)
    error = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    }
    copied["components"]["schemas"]["InnerErrors"]["properties"]["_errors"]["items"] = error
    for operation in _operations(copied):
        for one in operation.get("parameters", ()):
            if one["in"] == "query" and one["schema"].get("type") == "boolean":
                one["schema"] = {"type": "string", "enum": ["0", "1", "true", "false"]}
    _take_number_ids(copied)
    return copied


def _take_number_ids(document: Document) -> None:
    """Give requests schemas of their own, in which an id may be a number; those of answers stay as they are."""
    schemas = document["components"]["schemas"]
    given: Document = {}

    def taken(value: Any) -> Any:
        if isinstance(value, list):
            return [taken(one) for one in value]
        if not isinstance(value, dict):
            return value
        name = str(value.get("$ref", "")).removeprefix(_SCHEMAS)
        if name in schemas and f"Given{name}" not in given:
            given[f"Given{name}"] = {}
            given[f"Given{name}"] = taken(schemas[name])
        return {"$ref": f"{_SCHEMAS}Given{name}"} if name in schemas else {key: taken(one) for key, one in value.items()}

    for operation in _operations(document):
        if "requestBody" in operation:
            operation["requestBody"] = taken(operation["requestBody"])
    if "GivenSnowflakeType" in given:
        given["GivenSnowflakeType"] = {"anyOf": [schemas["SnowflakeType"], {"type": "integer", "minimum": 0}]}
    schemas.update(given)


def _operations(document: Document) -> Iterator[Document]:
    yield from (one for item in document["paths"].values() for one in item.values() if isinstance(one, dict))


def _without_idle(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_idle(one) for name, one in value.items() if name not in _UNDESCRIBED or one}
    return [_without_idle(one) for one in value] if isinstance(value, list) else value
