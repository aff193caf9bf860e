"""Time in words: the days that a question means («ayer», `last week`, `in May 2023`), what asks for and tells a time (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

from bot.lexical import fold

Span = tuple[date, date]
"""The first and the last day of a stretch of time."""

_DAY = timedelta(days=1)
_LONGEST = 400
"""Characters of a question that are read."""


def _numbered(*lines: str, start: int = 1) -> dict[str, int]:
    return {name: number for line in lines for number, name in enumerate(line.split(), start)}


_MONTHS: Mapping[str, int] = _numbered(
    "january february march april may june july august september october november december",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
) | {"setiembre": 9}
_WEEKDAYS: Mapping[str, int] = _numbered(
    "monday tuesday wednesday thursday friday saturday sunday",
    "lunes martes miercoles jueves viernes sabado domingo",
    start=0,
)
_COUNTS: Mapping[str, int] = _numbered(
    "one two three four five six seven eight nine ten", "un dos tres cuatro cinco seis siete ocho nueve diez"
) | {"a": 1, "an": 1, "una": 1}
_UNITS: Mapping[str, int] = {"day": 1, "dia": 1, "week": 7, "semana": 7, "month": 30, "mes": 30, "year": 365, "ano": 365}
_NEAR: Mapping[str, int] = {
    **dict.fromkeys(("the day before yesterday", "anteayer", "antier", "antes de ayer"), 2),
    **dict.fromkeys(("yesterday", "last night", "ayer", "anoche"), 1),
    **dict.fromkeys(("today", "tonight", "this morning", "hoy", "esta manana", "esta noche", "esta tarde"), 0),
}

_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_WEEKDAY = rf"(?P<weekday>{'|'.join(_WEEKDAYS)})"
_UNIT = rf"(?P<unit>{'|'.join(_UNITS)})"
_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(_COUNTS)})"
_DAY_OF = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_CALENDAR = r"(?P<unit>week|month|year|semana|mes|ano)"


_TIME_WORDS = """
    yesterday today tonight tomorrow last next ago week weeks weekend month months year years recently since soon
    ayer anoche hoy mañana pasado pasada próximo próxima hace semana semanas mes meses año años desde pronto miércoles sábado
"""
_TELLING: Final = {*_TIME_WORDS.split(), *_WEEKDAYS, *_MONTHS} - {"may", "march"}
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_ASKS = re.compile(
    r"\b(?:when|how long|(?:what|which) (?:day|date|month|year|week)"
    r"|cuando|(?:cuanto|que) tiempo|que (?:dia|fecha|mes|ano|semana))\b"
)


def tells_when(text: str) -> bool:
    """Whether a text mentions a time or a number."""
    return _DIGIT.search(text) is not None or not _TELLING.isdisjoint(_WORD.findall(text.lower()))


def asks_when(question: str) -> bool:
    """Whether a question asks for a time."""
    return _ASKS.search(fold(question[:_LONGEST])) is not None


def days_meant(text: str, today: date) -> tuple[Span, ...]:
    """The stretches of time that `text` names, as seen on `today`; none when it names none.

    A month or a weekday without more is the last one that has begun. English `may` and `march` alone count only after a
    preposition of time or before a year, for they are also verbs.
    """
    read = fold(text[:_LONGEST])
    found: list[Span] = []
    for pattern, meaning in _RULES:
        for match in pattern.finditer(read):
            try:
                found.append(meaning(match.groupdict(), today))
            except (ValueError, OverflowError):
                continue  # the 31st of June, a year before the first
        read = pattern.sub(" ; ", read)
    return tuple(dict.fromkeys(found))


def _near(said: Mapping[str, str], today: date) -> Span:
    day = today - _NEAR[said["near"]] * _DAY
    return day, day


def _ago(said: Mapping[str, str], today: date) -> Span:
    count, unit = said["count"], _UNITS[said["unit"]]
    day = today - (int(count) if count.isdigit() else _COUNTS[count]) * unit * _DAY
    return day - unit // 3 * _DAY, day + unit // 3 * _DAY


def _this(said: Mapping[str, str], today: date) -> Span:
    first = _first_of(said["unit"], today)
    return first, max(first, today)


def _last(said: Mapping[str, str], today: date) -> Span:
    end = _first_of(said["unit"], today) - _DAY
    return _first_of(said["unit"], end), end


def _first_of(unit: str, day: date) -> date:
    if _UNITS[unit] == 7:
        return day - day.weekday() * _DAY
    return day.replace(day=1) if _UNITS[unit] == 30 else day.replace(day=1, month=1)


def _weekday(said: Mapping[str, str], today: date) -> Span:
    day = today - ((today.weekday() - _WEEKDAYS[said["weekday"]] - 1) % 7 + 1) * _DAY
    return day, day


def _date(said: Mapping[str, str | None], today: date) -> Span:
    month, year = said["month"] or "", said["year"]
    number = int(month) if month.isdigit() else _MONTHS[month]
    day = date(int(year) if year else today.year, number, int(said["day"] or 1))
    if year is None and day > today:
        day = day.replace(year=today.year - 1)
    return day, day


def _month(said: Mapping[str, str | None], today: date) -> Span:
    first, _ = _date({**said, "day": "1"}, today)
    return first, (first + 31 * _DAY).replace(day=1) - _DAY


def _year(said: Mapping[str, str], today: date) -> Span:
    year = int(said["year"])
    return date(year, 1, 1), date(year, 12, 31)


_RULES: tuple[tuple[re.Pattern[str], Callable[..., Span]], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), meaning)
    for pattern, meaning in (
        (rf"{_YEAR}-(?P<month>\d\d)-(?P<day>\d\d)", _date),
        (rf"{_DAY_OF}(?: of| de)? {_MONTH}(?:,? (?:de(?:l)? )?{_YEAR})?", _date),
        (rf"{_MONTH} {_DAY_OF}(?:,? {_YEAR})?(?!\d)", _date),
        (rf"{_MONTH},?(?: of| de| del)? {_YEAR}", _month),
        (rf"(?:in|during|since|last|this|en|durante|desde|este|pasado) {_MONTH}(?P<year>(?!))?", _month),
        (rf"(?P<near>{'|'.join(_NEAR)})", _near),
        (rf"{_COUNT} {_UNIT}s? ago", _ago),
        (rf"hace {_COUNT} {_UNIT}(?:s|es)?", _ago),
        (rf"last {_CALENDAR}", _last),
        (rf"{_CALENDAR} pasad[oa]", _last),
        (rf"(?:this|est[ea]) {_CALENDAR}", _this),
        (rf"(?:on|last|el|pasado|este) {_WEEKDAY}", _weekday),
        (rf"(?:in|during|of|since|en|durante|de|desde|del) {_YEAR}", _year),
    )
)
