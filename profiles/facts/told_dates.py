"""The day that "tomorrow" or «el viernes que viene» meant when it was said, and how to write it so that it stays true; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from bot.types import Language

_WEEKDAYS: Final[Mapping[Language, tuple[str, ...]]] = {
    "es": ("lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo"),
    "en": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
}
_MONTHS: Final[Mapping[Language, tuple[str, ...]]] = {
    "es": (
        *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
        *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_NUMBERS: Final[Mapping[str, int]] = {
    **{"un": 1, "una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "diez": 10},
    **{"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10},
    **{
        "quince": 15,
        "twelve": 12,
        "doce": 12,
        "nueve": 9,
        "nine": 9,
        "couple of": 2,
        "a couple of": 2,
        "par de": 2,
        "un par de": 2,
    },
}
_N: Final = r"(?P<n>\d{1,2}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_DAY_ES: Final = "|".join(_WEEKDAYS["es"])
_DAY_EN: Final = "|".join(_WEEKDAYS["en"])
_MONTH_ES: Final = "|".join((*_MONTHS["es"], "setiembre"))
_MONTH_EN: Final = "|".join(
    f"{name.lower()}|{name[:3].lower()}(?=\\W)" if name != "May" else "may" for name in _MONTHS["en"]
).replace("sep(?", "sept?(?")

_PATTERNS: Final[Mapping[Language, tuple[tuple[str, re.Pattern[str]], ...]]] = {
    "es": tuple(
        (name, re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"))
        for name, pattern in (
            ("day2", r"pasado manana"),
            ("day-2", r"anteayer|antier"),
            ("day-1", r"ayer|anoche"),
            ("day0", r"hoy|esta (?:tarde|noche)"),
            ("day1", r"(?<!la )(?<!una )(?<!cada )(?<!esta )(?<!de )manana"),
            ("past_weekday", rf"el (?P<w>{_DAY_ES}) pasado"),
            (
                "dated",
                rf"(?:el |al )?(?:(?:{_DAY_ES}),? )?(?:dia )?(?P<d>\d{{1,2}}|primero) de (?P<m>{_MONTH_ES})"
                r"(?:,? del? (?:ano )?(?P<y>\d{4}))?",
            ),
            ("weekday", rf"(?:el|este|al)(?: proximo)? (?P<w>{_DAY_ES})(?: (?:que viene|proximo))?(?! pasado)"),
            ("weekend", r"(?:este|el)(?: proximo)? (?:finde|fin de semana)(?: que viene)?"),
            ("week1", r"la semana que viene|la (?:proxima|otra) semana|la semana proxima"),
            ("month1", r"el mes que viene|el proximo mes|el mes proximo"),
            ("year1", r"el ano que viene|el proximo ano|el ano proximo"),
            ("year-1", r"el ano pasado"),
            ("month-1", r"el mes pasado"),
            ("week-1", r"la semana pasada"),
            ("ahead", rf"(?:dentro de|de aqui a|en) {_N} (?P<u>dia|semana|mes|ano)(?:s|es)?"),
            ("month", rf"(?:en|este) (?P<m>{_MONTH_ES})(?: del? (?P<y>\d{{4}}))?"),
            ("year", r"en (?P<y>20\d\d)"),
        )
    ),
    "en": tuple(
        (name, re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"))
        for name, pattern in (
            ("day2", r"(?:the )?day after tomorrow"),
            ("day-1", r"yesterday|last night"),
            ("day0", r"today|tonight|this (?:evening|afternoon)"),
            ("day1", r"tomorrow|tmrw|tmr"),
            ("past_weekday", rf"last (?P<w>{_DAY_EN})"),
            (
                "dated",
                rf"(?:(?:on )?(?:{_DAY_EN}),? )?(?:on )?(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? "
                rf"(?P<m>{_MONTH_EN})(?:,? (?P<y>\d{{4}}))?",
            ),
            (
                "dated",
                rf"(?:(?:on )?(?:{_DAY_EN}),? )?(?:on )?(?P<m>{_MONTH_EN})\.? (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?"
                r"(?:,? (?P<y>\d{4}))?(?!\d)",
            ),
            ("next_weekday", rf"(?:on )?next (?P<w>{_DAY_EN})"),
            ("weekday", rf"(?:(?:on|this|this coming) )?(?P<w>{_DAY_EN})"),
            ("weekend", r"(?:this|on the|over the|at the) weekend"),
            ("next_weekend", r"next weekend"),
            ("week1", r"next week"),
            ("month1", r"next month"),
            ("year1", r"next year"),
            ("year-1", r"last year"),
            ("month-1", r"last month"),
            ("week-1", r"last week"),
            ("ahead", rf"in {_N} (?P<u>day|week|month|year)s?(?:'?s? time)?"),
            ("month", rf"in (?P<m>{_MONTH_EN})(?: (?:of )?(?P<y>\d{{4}}))?"),
            ("year", r"in (?P<y>20\d\d)"),
        )
    ),
}


@dataclass(frozen=True, slots=True)
class ToldDate:
    """Where a date stands in a text, and the same date in words that stay true. `is_past` says that it is over."""

    start: int
    end: int
    text: str
    is_past: bool


def find_date(folded: str, language: Language, today: date) -> ToldDate | None:
    """The first date told in `folded` (lower case, without accents), resolved against `today`; None when there is none."""
    found = [
        (match.start(), -match.end(), told)
        for name, pattern in _PATTERNS[language]
        for match in pattern.finditer(folded)
        if (told := _resolve(name, match, language, today))
    ]
    return min(found)[2] if found else None


def day_of_year(folded: str, language: Language) -> str:
    """The day and month (with the year, where told) at the beginning of `folded`, for birthdays; `""` when there is none."""
    for name, pattern in _PATTERNS[language]:
        if name == "dated" and (match := pattern.match(folded)):
            day, month, year = _parts(match, language)
            try:
                date(year or 2000, month, day)
            except ValueError:
                return ""
            spoken = _MONTHS[language][month - 1]
            bare = f"{day} de {spoken}" if language == "es" else f"{day} {spoken}"
            return bare + ((f" de {year}" if language == "es" else f" {year}") if year else "")
    return ""


def _parts(match: re.Match[str], language: Language) -> tuple[int, int, int | None]:
    groups = match.groupdict()
    told = groups["m"].replace("setiembre", "septiembre")
    month = next(at for at, name in enumerate(_MONTHS[language], 1) if name.lower().startswith(told[:3]))
    day = 1 if groups.get("d") in ("primero", None) else int(groups["d"])
    return day, month, int(groups["y"]) if groups.get("y") else None


def _resolve(name: str, match: re.Match[str], language: Language, today: date) -> ToldDate | None:
    def told(text: str, first: date, *, until: date | None = None) -> ToldDate:
        return ToldDate(match.start(), match.end(), text, (until or first) < today)

    try:
        if name.startswith("day") or "weekday" in name or name == "dated":
            when = _one_day(name, match, language, today)
            return told(_day(when, language), when)
        if name.endswith("weekend"):
            saturday = today + timedelta((5 - today.weekday()) % 7 + (7 if name.startswith("next") else 0))
            return told(_span("weekend", saturday, language), saturday, until=saturday + timedelta(1))
        if name.startswith("week"):
            monday = today - timedelta(today.weekday()) + timedelta(7 * int(name[4:]))
            return told(_span("week", monday, language), monday)
        if name == "ahead":
            return _ahead(match, language, today)
        return _long(name, match, language, today)
    except (ValueError, OverflowError):  # such as 31 June
        return None


def _one_day(name: str, match: re.Match[str], language: Language, today: date) -> date:
    if name.startswith("day"):
        return today + timedelta(int(name[3:]))
    if name != "dated":
        return _weekday(name, _WEEKDAYS[language].index(match["w"]), today)
    day, month, year = _parts(match, language)
    return date(year, month, day) if year else _coming(today, month, day)


def _ahead(match: re.Match[str], language: Language, today: date) -> ToldDate:
    count = int(match["n"]) if match["n"].isdigit() else _NUMBERS[match["n"]]
    unit = {"dia": 1, "day": 1, "semana": 7, "week": 7}.get(match["u"])
    if unit:
        return ToldDate(match.start(), match.end(), _day(today + timedelta(unit * count), language), False)
    months = count * (12 if match["u"] in ("ano", "year") else 1)
    return ToldDate(match.start(), match.end(), _month(_shifted(today, months), language), False)


def _long(name: str, match: re.Match[str], language: Language, today: date) -> ToldDate:
    """A month or a year."""
    if name == "month":
        _, month, year = _parts(match, language)
        first = date(year or today.year + (month < today.month), month, 1)
        return ToldDate(match.start(), match.end(), _month(first, language), first < today.replace(day=1))
    if name.startswith("month"):
        first = _shifted(today, int(name[5:]))
        return ToldDate(match.start(), match.end(), _month(first, language), first < today.replace(day=1))
    year = int(match["y"]) if name == "year" else today.year + int(name[4:])
    return ToldDate(match.start(), match.end(), f"en {year}" if language == "es" else f"in {year}", year < today.year)


def _weekday(name: str, wanted: int, today: date) -> date:
    ahead = (wanted - today.weekday()) % 7 or 7
    if name == "past_weekday":
        return today - timedelta(7 - ahead or 7)
    if name == "next_weekday":  # of the next week, as most people mean it
        return today - timedelta(today.weekday()) + timedelta(7 + wanted)
    return today + timedelta(ahead)


def _coming(today: date, month: int, day: int) -> date:
    this_year = date(today.year, month, day)
    return this_year if this_year >= today else date(today.year + 1, month, day)


def _shifted(today: date, months: int) -> date:
    """The first of the month so many months away."""
    years, month = divmod(today.month - 1 + months, 12)
    return date(today.year + years, month + 1, 1)


def _day(when: date, language: Language) -> str:
    month = _MONTHS[language][when.month - 1]
    return f"el {when.day} de {month} de {when.year}" if language == "es" else f"on {when.day} {month} {when.year}"


def _month(when: date, language: Language) -> str:
    month = _MONTHS[language][when.month - 1]
    return f"en {month} de {when.year}" if language == "es" else f"in {month} {when.year}"


def _span(kind: str, first: date, language: Language) -> str:
    if language == "es":
        return ("el fin de semana del " if kind == "weekend" else "la semana del ") + _day(first, "es").removeprefix("el ")
    return ("on the weekend of " if kind == "weekend" else "in the week of ") + _day(first, "en").removeprefix("on ")
