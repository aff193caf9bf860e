"""A ready start for a use case: settings, texts to answer from, examples, test questions and a page that says what to do.

The files lie in `templates/<kind>/<language>/`, written for each language apart. A new folder is there whole or not at all.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bot.errors import TemplateRefused
from bot.locale import say
from learning.records import Language

TEMPLATES: Final = Path(__file__).parent / "templates"
_WITH_PATHS: Final = frozenset({"config.toml", "README.md"})
"""The files in which the folder's own path has to be filled in, inside a TOML text and as a shell takes it."""
_PLACE: Final = re.compile(r"\{\{(?:shell_)?folder\}\}")


class Kind(StrEnum):
    """What somebody wants a bot for."""

    SUPPORT = "support"
    SALES = "sales"
    CLASSIFIER = "classifier"
    CONTENT = "content"


def kinds(language: str) -> dict[Kind, str]:
    """What there is to begin with, each in one line, to stand behind its name and a colon."""
    return {
        Kind.SUPPORT: say(language, "a help desk that answers what people ask a small shop or an association"),
        Kind.SALES: say(language, "advice before buying, without pressing or making prices up"),
        Kind.CLASSIFIER: say(language, "which team a message is for, such as invoice, fault, praise or other"),
        Kind.CONTENT: say(language, "newsletters, notices and posts in the tone of the house"),
    }


def write_template(kind: str, folder: Path, language: Language, *, told_in: str | None = None) -> list[Path]:
    """The files of a new folder for a use case, sorted. `language` is theirs; errors are worded in `told_in`, else in it.

    `folder` may be missing or empty, and nothing is ever overwritten: everything is written beside it and renamed. The paths in
    the settings are absolute, so that the bot can be started from anywhere. Raises TemplateRefused.
    """
    said = told_in or language
    source = TEMPLATES / _kind(kind, said) / language
    try:
        target = _target(folder, said)
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".martin-new-", dir=target.parent, ignore_cleanup_errors=True) as beside:
            fresh = Path(beside) / target.name
            _copy(source, fresh, target)
            fresh.rename(target)  # takes the place of an empty folder only
    except (OSError, RuntimeError) as error:  # the second for links that lead round in a circle
        cause = (error.strerror if isinstance(error, OSError) else None) or say(said, "not a usable folder name")
        raise TemplateRefused(
            say(said, "{folder} cannot be written: {cause}", folder=repr(str(folder)), cause=cause)
        ) from error
    return sorted(path for path in target.rglob("*") if path.is_file())


def _kind(kind: str, language: str) -> Kind:
    if kind in list(Kind):
        return Kind(kind)
    accepted = ", ".join(Kind)
    raise TemplateRefused(
        say(language, "There is no template {name}. There are: {accepted}", name=repr(kind), accepted=accepted)
    )


def _target(folder: Path, language: str) -> Path:
    """The place that is written to, links followed."""
    shown = repr(str(folder))
    target = folder.resolve() if str(folder).isprintable() else folder
    if not str(target).isprintable():
        raise TemplateRefused(say(language, "{folder} has characters that cannot stand in a settings file.", folder=shown))
    if target.exists() and not target.is_dir():
        raise TemplateRefused(say(language, "{folder} is a file. Name a folder that is new or empty.", folder=shown))
    if target.is_dir() and any(target.iterdir()):
        raise TemplateRefused(
            say(
                language,
                "{folder} is not empty, and nothing is ever overwritten. Name a folder that is new or empty.",
                folder=shown,
            )
        )
    if target == Path.cwd():
        raise TemplateRefused(
            say(language, "{folder} is the folder you are in. Go one up, and name it from there.", folder=shown)
        )
    return target


def _copy(source: Path, fresh: Path, target: Path) -> None:
    """All files of `source` in `fresh`, which is to become `target`."""
    paths = {
        "{{folder}}": target.as_posix().replace("\\", "\\\\").replace('"', '\\"'),
        "{{shell_folder}}": shlex.quote(str(target)),
    }
    for original in sorted(path for path in source.rglob("*") if path.is_file()):
        copy = fresh / original.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = original.read_bytes()
        if original.name in _WITH_PATHS:
            content = _filled(content.decode("utf-8"), paths).encode("utf-8")
        copy.write_bytes(content)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with each name replaced once: what is filled in is not read again."""
    return _PLACE.sub(lambda found: values[found[0]], text)
