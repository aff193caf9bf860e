"""What people read, in their language: gettext catalogues for Spanish and English."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("martin", FOLDER, [language], fallback=True)


def say(language: str, text: str, **values: object) -> str:
    """`text` in `language`, its `{names}` filled in. `text` is the English wording and the key of the catalogue."""
    wording = _catalogue(language).gettext(text)
    return wording.format(**values) if values else wording


def say_many(language: str, one: str, many: str, count: int, **values: object) -> str:
    """`one` or `many`, as `count` demands in `language`; `{count}` is filled in."""
    return _catalogue(language).ngettext(one, many, count).format(count=count, **values)
