"""What a platform's published OpenAPI description finds wrong with a request or an answer.

The descriptions are no part of this project: they lie in the folder that `MARTIN_SPECS` names, else in `shared/specs` beside
the checkout. Where one is absent `spec` gives None, and a test is skipped with `ABSENT` as the reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import yaml  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT: Final = Path(__file__).resolve().parent.parent.parent
ABSENT: Final = "the platforms' published descriptions are not at hand: MARTIN_SPECS names their folder"
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
SSE: Final = "text/event-stream"
"""The media types that answers come in; of the last two an answer is checked piece by piece."""

Document = dict[str, Any]
_FORMATS: Final = FormatChecker(formats=())


def spec(name: str) -> Spec | None:
    """The description of `ollama` or `mistral`, None when it is not at hand. The first call takes up to a second."""
    file = file_of(name)
    return _read(file) if file.is_file() else None


def file_of(name: str) -> Path:
    """Where the description of `name` lies, if it is at hand."""
    folder = Path(os.environ.get("MARTIN_SPECS") or ROOT.parent / "shared" / "specs")
    return folder / f"{name}-openapi.yaml"


def load(file: Path) -> Document:
    """A YAML file's content; by the C parser, which is ten times as fast, where it is there."""
    document: Document = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return document


@cache
def _read(file: Path) -> Spec:
    return Spec(load(file))


class Spec:
    """One platform's description. Every method returns what is wrong, in words; nothing wrong is an empty list.

    A path may carry a query. Values of the wrong type, missing and unknown names, paths and methods are all problems.
    """

    def __init__(self, document: Document) -> None:
        self._paths: Document = document["paths"]
        self._patterns = {path: _pattern(path) for path in self._paths}
        both = {"given": document, "strict": _closed(document)}
        resources = [
            (f"urn:{name}", Resource.from_contents(one, default_specification=DRAFT202012)) for name, one in both.items()
        ]
        self._registry: Registry[Any] = Registry().with_resources(resources)

    def request_problems(self, method: str, path: str, body: object) -> list[str]:
        """What is wrong with a request; `body` is None where there is none."""
        place, operation, problem = self._operation(method, path)
        if operation is None:
            return [problem]
        problems = _query_problems(path, operation)
        described = operation.get("requestBody")
        if body is None:
            return [*problems, "the body is missing"] if described and described.get("required") else problems
        if described is None:
            return [*problems, "a body where none is described"]
        if JSON not in described["content"]:
            return [*problems, f"a body of type {JSON}, which is not described"]
        return problems + self._schema_problems("strict", (*place, "requestBody", "content", JSON, "schema"), body)

    def answer_problems(
        self,
        method: str,
        path: str,
        status: int,
        body: object,
        *,
        media_type: str = JSON,
        beyond: Collection[str] | None = None,
    ) -> list[str]:
        """What is wrong with an answer, or with one piece of a stream, which is what NDJSON or SSE as `media_type` says.

        Of server-sent events the piece is the parsed `data`. Platforms send more than they describe, so unknown names are
        fine; with `beyond`, only those of them. An error that is not described (both platforms leave out most) is fine too.
        """
        place, operation, problem = self._operation(method, path)
        if operation is None:
            return [problem]
        described = operation["responses"].get(str(status))
        if described is None:
            return [] if status >= 400 else [f"the status {status} is not described"]
        content = described.get("content", {})
        if not content:
            return [] if body is None else ["a body where none is described"]
        if media_type not in content:
            return [f"the media type {media_type} is not described"]
        piece = {"data": body} if media_type == SSE else body
        pointer = (*place, "responses", str(status), "content", media_type, "schema")
        if beyond is None:
            return self._schema_problems("given", pointer, piece)
        return self._schema_problems("strict", pointer, _without(piece, beyond))

    def _operation(self, method: str, path: str) -> tuple[tuple[str, ...], Mapping[str, Any] | None, str]:
        """Where the operation stands and what it says, or None and why there is none."""
        bare = path.partition("?")[0]
        found = [template for template, pattern in self._patterns.items() if pattern.fullmatch(bare)]
        if not found:
            return (), None, f"the path {bare} is not described"
        template = min(found, key=lambda one: one.count("{"))
        operation = self._paths[template].get(method.lower())
        if operation is None:
            return (), None, f"{method} of {template} is not described"
        return ("paths", template, method.lower()), operation, ""

    def _schema_problems(self, variant: str, pointer: tuple[str, ...], body: object) -> list[str]:
        """What the schema at a place of the document finds wrong."""
        steps = "/".join(step.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D") for step in pointer)
        schema = {"$ref": f"urn:{variant}#/{steps}"}
        validator = Draft202012Validator(schema, registry=self._registry, format_checker=_FORMATS)
        return [f"{best.json_path}: {best.message}" for one in validator.iter_errors(body) if (best := best_match([one]))]


def _is_moment(value: object) -> bool:
    """Whether a text is a moment with its distance from UTC; what is no text is for `type` to judge."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


_FORMATS.checks("date-time", raises=ValueError)(_is_moment)


def _pattern(template: str) -> re.Pattern[str]:
    """What the paths of a template look like."""
    parts = re.split(r"(\{[^}]*\})", template)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))


def _query_problems(path: str, operation: Mapping[str, Any]) -> list[str]:
    described = {one["name"]: one for one in operation.get("parameters", ()) if one.get("in") == "query"}
    given = dict(parse_qsl(path.partition("?")[2], keep_blank_values=True))
    unknown = [f"the query's {name!r} is not described" for name in given if name not in described]
    return unknown + [
        f"the query's {name!r} is missing" for name, one in described.items() if one.get("required") and name not in given
    ]


def _without(value: object, names: Collection[str]) -> object:
    """The value without the members so named, at any depth."""
    if isinstance(value, dict):
        return {name: _without(one, names) for name, one in value.items() if name not in names}
    return [_without(one, names) for one in value] if isinstance(value, list) else value


def _closed(document: Document) -> Document:
    """A copy in which an object has no other members than its schema lists, unless it says that it may.

    Parts of an `allOf` stay open: each knows only some of the members.
    """
    copied = deepcopy(document)
    schemas = [*copied.get("components", {}).get("schemas", {}).values(), *_inline_schemas(copied["paths"])]
    inner = [one for schema in schemas for one in _subschemas(schema)]
    parts = [part for schema in inner for part in schema.get("allOf", ())]
    open_ids = {id(part) for part in parts}
    open_names = {part["$ref"] for part in parts if "$ref" in part}
    open_ids |= {id(one) for name, one in copied.get("components", {}).get("schemas", {}).items() if _ref(name) in open_names}
    for schema in inner:
        if isinstance(schema.get("properties"), dict) and id(schema) not in open_ids and "allOf" not in schema:
            schema.setdefault("additionalProperties", False)
    return copied


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"


def _inline_schemas(paths: Document) -> Iterator[Document]:
    """The schemas of every body and answer."""
    for operation in (one for item in paths.values() for one in item.values() if isinstance(one, dict)):
        holders = [operation.get("requestBody", {}), *operation.get("responses", {}).values()]
        yield from (medium["schema"] for one in holders for medium in one.get("content", {}).values() if "schema" in medium)


def _subschemas(schema: object) -> Iterator[Document]:
    """A schema and every schema inside it; `$ref` is not followed."""
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword in ("properties", "patternProperties", "$defs"):
        for one in schema.get(keyword, {}).values():
            yield from _subschemas(one)
    for keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
        for one in schema.get(keyword, ()):
            yield from _subschemas(one)
    for keyword in ("items", "additionalProperties", "not"):
        yield from _subschemas(schema.get(keyword))
