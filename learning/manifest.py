"""What a folder of training files says about itself: where it comes from, what was counted, what each file must hash to."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from bot.errors import ManifestError

FORMAT: Final = "martin-training/1"
SCHEMA: Final = "1"
"""Goes up with every change of what a line of a file looks like."""


class FileFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: its rows (None for a file that has none; a CSV's header is no row), its bytes and their SHA-256."""

    rows: int | None
    bytes: int
    sha256: str


class SplitFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By what the rows were split, why, and how many are in each part."""

    by: Literal["person", "conversation"]
    why: str
    rows: dict[str, int] = {}


class CohortFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many people the rows come from, whether they are too few for the usual caps, and whether an admin approved."""

    people: int
    is_small: bool
    approved: bool


class ScrubFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many planted items the scrubber left (`kinds`: by kind), and what it replaced in the rows themselves."""

    planted: int
    left: int
    rate: float
    kinds: dict[str, int] = {}
    replaced: dict[str, int] = {}


class Stale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows were taken out since: what was trained on the folder before must be trained anew."""

    on: str
    removed: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole manifest. `date` is the local date; there is no clock time, so that the same input gives the same bytes.

    `collected` is the sum of `kept`, `dropped` and what was removed since.
    """

    format: str = FORMAT
    schema: str = SCHEMA
    date: str
    code: str
    seed: int
    collected: int
    kept: int
    dropped: dict[str, dict[str, int]]
    languages: dict[str, int]
    people: int
    split: SplitFacts
    cohort: CohortFacts
    scrub: ScrubFacts
    files: dict[str, FileFacts]
    left_out: dict[str, str]
    stale: Stale | None = None


def encoded(value: object) -> bytes:
    """JSON for people and programs: sorted keys, two spaces, a final line feed."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder. Raises ManifestError when there is none, or it is not what this version writes."""
    name = str(folder / "manifest.json")
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ManifestError(f"{name!r} is missing: name a folder that a night wrote, or delete this one") from None
    except msgspec.MsgspecError as error:
        raise ManifestError(f"{name!r} is damaged ({error}): let a night write the folder again, or delete it") from error
    if manifest.format != FORMAT:
        raise ManifestError(f"{name!r} says {manifest.format!r} instead of {FORMAT!r}: use the version of Martín that wrote it")
    return manifest
