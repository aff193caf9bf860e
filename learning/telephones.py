"""Where a text has a telephone number: international, or of a country where its languages live; no sums or dates."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from learning.personal_data import WORDS, Cue, Found, Kind, Scene

REGIONS: Final = (
    *(
        "ES",
        "MX",
        "AR",
        "CO",
        "CL",
        "PE",
        "VE",
        "EC",
        "GT",
        "CU",
        "BO",
        "DO",
        "HN",
        "PY",
        "SV",
        "NI",
        "CR",
        "PA",
        "UY",
        "PR",
        "GQ",
    ),
    *("US", "CA", "GB", "IE", "AU", "NZ", "ZA", "NG", "KE", "IN", "PH", "SG", "JM"),
    *("PT", "BR", "FR", "DE", "IT", "CH", "BE", "AT"),
)
"""Where Spanish and English are spoken, and those that speak the other languages planted in `learning.residual`."""
_SOLID: Final[Mapping[int, tuple[str, ...]]] = {
    9: ("ES", "PE", "CL"),
    10: ("US", "MX", "CO", "FR", "AU", "EC"),
    11: ("GB", "BR", "VE", "DE"),
    12: ("DE",),
}
"""By length, the countries whose mobile numbers are written in one piece and begin so that little else looks like them."""
_SOLID_OPENING: Final = re.compile(r"[679]\d{8}|0\d{9,11}|[2-9]\d{9}|[1-9]\d9\d{8}")

_GAP: Final = "(?:[ \u00a0\u202f]?[\\-–][ \u00a0\u202f]?|[/. \u00a0\u202f]|[ .\\-]?\\(|\\)[ .\\-–/]?)?"
"""What stands between two digits of a number, but not the end of a sentence."""
_NUMBER: Final = re.compile(rf"(?<![^\W_])(?<!\+)(?:\+|00)?\(?\d(?:{_GAP}\d){{6,16}}")
_GROUPS: Final = re.compile(r"\d+")
_DATE: Final = re.compile(
    r"(?<!\d)(?:\d{1,2}[./\- ]\d{1,2}[./\- ](?:19|20)\d\d|(?:19|20)\d\d[./\- ]\d{1,2}[./\- ]\d{1,2})(?!\d)"
)
_YEARS: Final = re.compile(r"(?:19|20)\d\d")
_THOUSANDS: Final = re.compile("\\d{1,3}(?:([ .\u00a0\u202f])\\d{3})(?:\\1\\d{3})*")
_BEFORE: Final = re.compile(r"(?:[$€£¥#^×÷/<%{~]|[$€£¥] |\d[.,:/]|[\w)] [*+=<>/\-] )$")
_LISTED: Final = (" / ", " - ", " – ")
_BEHIND: Final = re.compile(r"[.,:]\d|\s?(?:[$€£¥%°×÷^<>=+!]|\*(?!\*))| [/\-–] (?=\w)|[/\-–]\w|[eE][+\-\d]")
_MONEY: Final = re.compile(r"\s?[$€£¥%°]")
_TOLD: Final = Cue([word for words in WORDS["phone"].values() for word in words])
_NOT_BEFORE: Final = Cue(WORDS["number"]["before"])
_NOT_AFTER: Final = Cue(WORDS["number"]["after"])


def telephones_in(scene: Scene) -> Iterator[Found]:
    """Numbers with `+` or `00`, behind a word like `call`, or written as telephone numbers are and given out in `REGIONS`."""
    if not scene.has_digits:
        return
    text = scene.text
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        if text[end : end + 1].isalnum() and not text.startswith("x", end):
            continue
        while text[start] == "(" and ")" not in text[start:end]:
            start += 1
        end += text.startswith(")", end) and text.count("(", start, end) > text.count(")", start, end)
        written = text[start:end]
        if scene.in_link(start):
            continue
        found = _number(scene, start, end, written)
        if found:
            yield found


def _number(scene: Scene, start: int, end: int, written: str) -> Found | None:
    groups = _GROUPS.findall(written)
    digits = "".join(groups)
    if written.startswith(("+", "00")) and _is_coded(scene, start, digits, written):
        return _telephone(start, end, digits)
    is_date = _DATE.search(written) or (len(digits) == 8 and _is_years(written))
    if written[0] == "+" or not 7 <= len(digits) <= 13 or is_date:
        return None
    is_round = len(digits) < 9 and digits.endswith("0000")
    is_call = scene.text[start - 1 : start] == "(" and scene.text[start - 2 : start - 1].isalnum()
    if scene.is_behind(_TOLD, start) and not (is_call or is_round):
        return None if _MONEY.match(scene.text, end) else _telephone(start, end, digits)
    if not _is_unlike_a_sum(scene, start, end, is_grouped=len(groups) > 2):
        return None
    if scene.is_behind(_NOT_BEFORE, start, 32) or scene.is_before(_NOT_AFTER, end):
        return None
    is_known = _is_mobile(digits, scene, start) if len(groups) == 1 else _is_grouped(groups, written)
    return _telephone(start, end, digits) if is_known else None


def _is_coded(scene: Scene, start: int, digits: str, written: str) -> bool:
    """Whether a number with `+` or `00` is one that a country has given out, is named, or can be nothing else."""
    coded = digits if written[0] == "+" else digits[2:]
    is_possible = 9 <= len(digits) <= 15
    is_alone = written[0] == "+" and not _BEFORE.search(scene.text, max(0, start - 4), start)
    return _is_international(coded) or (is_possible and (is_alone or scene.is_behind(_TOLD, start)))


def _telephone(start: int, end: int, digits: str) -> Found:
    """Found under its last nine digits, which are the same with and without the country's code."""
    return Found(start, end, Kind.PHONE, digits[-9:])


def _is_unlike_a_sum(scene: Scene, start: int, end: int, *, is_grouped: bool) -> bool:
    """Whether no sign of arithmetic, money or a range stands beside; between groups of three, ` / ` only lists."""
    text = scene.text
    before = _BEFORE.search(text, max(0, start - 4), start)
    behind = _BEHIND.match(text, end)
    is_list = is_grouped and (not before or before[0][-3:] in _LISTED) and (not behind or behind[0][:3] in _LISTED)
    return is_list or not (before or behind)


def _is_years(written: str) -> bool:
    return all(len(group) == 4 and _YEARS.match(group) for group in _GROUPS.findall(written))


def _is_mobile(digits: str, scene: Scene, start: int) -> bool:
    """Whether a number in one piece is a mobile's and looks like nothing else."""
    steps = {int(after) - int(before) for before, after in itertools.pairwise(digits)}
    value = int(digits)
    is_round = digits.endswith("00") or value & (value + 1) == 0 or value & (value - 1) == 0
    is_code = scene.in_code(start) and scene.text[start - 1 : start] not in ('"', "'", "`")
    if (
        not _SOLID_OPENING.fullmatch(digits)
        or len(steps - {-9, 9}) <= 1
        or is_round
        or is_code
        or scene.text[start - 1 : start] in ("=", "(")
    ):
        return False
    return _is_national(digits, _SOLID.get(len(digits), ()), is_mobile=True)


def _is_grouped(groups: list[str], written: str) -> bool:
    """Whether a number in groups is one that a country has given out, and no thousands, dates or series."""
    sizes = tuple(map(len, groups))
    values = [int(group) for group in groups]
    is_series = len(values) > 2 and len({after - before for before, after in itertools.pairwise(values)}) == 1
    if sum(sizes) < 9 or len(groups) > 6 or (max(sizes) < 3 and sizes != (2,) * len(sizes)) or is_series or sizes.count(1) > 1:
        return False
    if _YEARS.fullmatch(groups[0]) or all(map(_YEARS.fullmatch, groups)) or (sizes[0] == 1 and groups[0] not in "1023456789"):
        return False
    is_dotted = "." in written
    if not any(values[1:]):
        return False
    if _THOUSANDS.fullmatch(written) and (sizes[0] < 3 or is_dotted or written[0] not in "6789"):
        return False
    if is_dotted and sizes not in ((3, 3, 4), (2, 2, 2, 2, 2), (3, 2, 2, 2), (3, 3, 3)):
        return False
    return _is_national("".join(groups), REGIONS)


@lru_cache(maxsize=4096)
def _is_international(digits: str) -> bool:
    """Whether any country has given out `digits`, which begin with its code."""
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse("+" + digits.lstrip("0"), None))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=4096)
def _is_national(digits: str, regions: tuple[str, ...], *, is_mobile: bool = False) -> bool:
    """Whether one of `regions` has given out `digits`, which come without its code."""
    import phonenumbers

    mobile = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    for region in regions:
        try:
            number = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            return False
        if phonenumbers.is_valid_number_for_region(number, region) and (
            not is_mobile or phonenumbers.number_type(number) in mobile
        ):
            return True
    return False
