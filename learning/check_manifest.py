"""What is wrong with a manifest by itself: keys, types, counts that do not add up, a clock time. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from learning.check_rules import Fault

FORMAT: Final = "martin-training/1"
PARTS: Final = ("train", "validation", "test")
MOST_LEFT: Final = 0.01
"""The share of planted items that a scrubber may leave (R-53)."""
_FEW: Final = 50
"""Rows below which the shares of the parts are a matter of chance."""

_CLOCK: Final = re.compile(r"\b(?:[01]?\d|2[0-3]):[0-5]\d\b|\dT\d\d")
_SHA: Final = re.compile(r"[0-9a-f]{64}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")

COUNT, SHARE, TEXT, YES = "a whole number", "a share", "a text", "true or false"
ANY, DAY, HASH = "a value", "a date", "a SHA-256"


class Of:
    """An object with any keys, each with a value of the same type."""

    def __init__(self, inner: object) -> None:
        self.inner = inner


class Maybe:
    """A value of a type, or null."""

    def __init__(self, inner: object) -> None:
        self.inner = inner


_PARTS_COUNTED: Final = dict.fromkeys(PARTS, COUNT)
SHAPE: Final[Mapping[str, object]] = {
    "format": TEXT,
    "date": DAY,
    "code": TEXT,
    "schema": ANY,
    "seed": ANY,
    "collected": COUNT,
    "kept": COUNT,
    "dropped": Of(Of(COUNT)),
    "languages": Of(COUNT),
    "people": COUNT,
    "split": {"by": TEXT, "why": TEXT, "rows": _PARTS_COUNTED},
    "cohort": {"people": COUNT, "is_small": YES, "approved": YES},
    "scrub": {"planted": COUNT, "left": COUNT, "rate": SHARE, "kinds": Of(ANY), "replaced": Of(COUNT)},
    "files": Of({"rows": Maybe(COUNT), "bytes": COUNT, "sha256": HASH}),
    "left_out": Of(TEXT),
    "stale": Maybe({"on": DAY, "removed": COUNT}),
}
"""Every key, always there, with the type of its value."""


def manifest_faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with a manifest, without looking at any other file. Counts are compared only where all types are right."""
    wrong = list(_typed(manifest, SHAPE, ""))
    yield from wrong
    yield from _layout(manifest, "")
    if any(_CLOCK.search(text) for text in _values(manifest)):
        yield Fault("manifest-clock-time", "a clock time is in it")
    if isinstance(manifest.get("format"), str) and manifest["format"] != FORMAT:
        yield Fault("manifest-format", f"format is not {FORMAT!r}")
    if not any(fault.code in ("manifest-type", "manifest-key-missing", "manifest-date") for fault in wrong):
        yield from _sums(manifest)


def _typed(value: object, wanted: object, path: str) -> Iterator[Fault]:
    """Whether a value has the type that `SHAPE` gives it."""
    place = path or "the manifest"
    if isinstance(wanted, Maybe):
        if value is not None:
            yield from _typed(value, wanted.inner, path)
    elif isinstance(wanted, Of | dict):
        if not isinstance(value, dict):
            yield Fault("manifest-type", f"{place} is not an object")
        elif isinstance(wanted, Of):
            for key, inner in value.items():
                yield from _typed(inner, wanted.inner, f"{path}.{key}")
        else:
            yield from _keyed(value, wanted, path)
    elif not _is(value, str(wanted)):
        code = "manifest-date" if wanted == DAY else "manifest-type"
        yield Fault(code, f"{place} is not {wanted}")


def _keyed(value: Mapping[str, object], wanted: Mapping[str, object], path: str) -> Iterator[Fault]:
    for key in wanted:
        if key not in value:
            yield Fault("manifest-key-missing", f"the key {f'{path}.{key}'.lstrip('.')} is missing")
    for key, inner in value.items():
        if key in wanted:
            yield from _typed(inner, wanted[key], f"{path}.{key}".lstrip("."))
        else:
            yield Fault("manifest-key-unknown", f"{path or 'the manifest'} has an unknown key")


def _is(value: object, wanted: str) -> bool:
    if wanted == COUNT:
        return type(value) is int and value >= 0
    if wanted == SHARE:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    if wanted == DAY:
        return isinstance(value, str) and bool(_DATE.fullmatch(value)) and _is_a_day(value)
    if wanted == HASH:
        return isinstance(value, str) and bool(_SHA.fullmatch(value))
    if wanted == TEXT:
        return isinstance(value, str) and bool(value.strip())
    return isinstance(value, bool) if wanted == YES else value is not None


def _is_a_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _layout(value: object, path: str) -> Iterator[Fault]:
    """Whether the keys are sorted, all the way down."""
    if isinstance(value, dict):
        if list(value) != sorted(value):
            yield Fault("manifest-layout", f"the keys of {path or 'the manifest'} are not sorted")
        for key, inner in value.items():
            yield from _layout(inner, f"{path}.{key}".lstrip("."))


def _values(value: object) -> Iterator[str]:
    """Every text in it but the keys: a path may look like anything."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _values(inner)


def _sums(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    kept, split, scrub, people = manifest["kept"], manifest["split"], manifest["scrub"], manifest["people"]
    dropped = sum(sum(reasons.values()) for reasons in manifest["dropped"].values())
    removed = manifest["stale"]["removed"] if manifest["stale"] else 0
    if manifest["collected"] not in (kept + dropped, kept + dropped + removed):
        yield Fault("counts-differ", f"{manifest['collected']} collected, but {kept} kept and {dropped} dropped")
    if not manifest["languages"].keys() <= {"es", "en"} or sum(manifest["languages"].values()) != kept:
        yield Fault("languages-differ", f"the languages make {sum(manifest['languages'].values())} rows, {kept} were kept")
    if people > manifest["collected"] or (people == 0 and kept > 0):
        yield Fault("people-differ", f"{people} people and {manifest['collected']} rows")
    rows = split["rows"]
    if sum(rows.values()) != kept:
        yield Fault("split-differs", f"the parts make {sum(rows.values())} rows, {kept} were kept")
    if kept >= _FEW and rows["train"] < max(rows["validation"], rows["test"]):
        yield Fault("split-shares", f"train has {rows['train']} of {kept} rows")
    if split["by"] not in ("person", "conversation"):
        yield Fault("split-why", "split.by is neither person nor conversation")
    share = scrub["left"] / scrub["planted"] if scrub["planted"] else 0.0
    if scrub["left"] > scrub["planted"] or abs(share - scrub["rate"]) > 0.0005:
        yield Fault("scrub-rate", f"{scrub['left']} of {scrub['planted']} left is not the rate {scrub['rate']}")
    if not scrub["planted"] or share > MOST_LEFT:
        yield Fault("scrub-residual", f"{scrub['left']} of {scrub['planted']} planted items were left")
