"""Sizes, durations, money and counts as each language writes them, and a bar for what is under way; pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bot.locale import say
from bot.model_types import PullProgress
from bot.types import Language

BLANK: Final = "\N{NO-BREAK SPACE}"
"""Between a number and its unit, and between thousands in Spanish: a line never breaks there."""
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def count(number: int, language: Language) -> str:
    """A whole number: `12,345`, in Spanish `12 345`; four digits stand together there."""
    return _grouped(f"{number:,}", language)


def size(amount: int, language: Language) -> str:
    """So many bytes in the largest decimal unit that fits: `2.6 GB`, `340 MB`."""
    unit = _unit(amount)
    return f"{_in_unit(amount, unit, language)}{BLANK}{_UNITS[unit]}"


def size_of(done: int, total: int, language: Language) -> str:
    """How much of it is there, both in the unit of the whole: `1.1 of 2.6 GB`."""
    unit = _unit(total)
    whole = f"{_in_unit(total, unit, language)}{BLANK}{_UNITS[unit]}"
    return say(language, "{done} of {total}", done=_in_unit(done, unit, language), total=whole)


def duration(seconds: float, language: Language) -> str:
    """A time at the precision that matters: `< 0.01 s`, `0.35 s`, `4.2 s`, `48 s`, `3 min 20 s`, `1 h 5 min`."""
    if seconds < 0.01:
        return f"<{BLANK}{_decimal('0.01', language)}{BLANK}s"
    if seconds < 0.995:
        return f"{_decimal(f'{seconds:.2f}', language)}{BLANK}s"
    if seconds < 9.95:
        return f"{_decimal(f'{seconds:.1f}', language)}{BLANK}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{BLANK}s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    minutes = round(seconds / 60)
    return _two(minutes // 60, "h", minutes % 60, "min")


def money(millionths: int, currency: str, language: Language) -> str:
    """An amount of `currency`, never rounded to nothing: `1.25 EUR`, `0.003 EUR`; two digits that count below one."""
    amount = Decimal(millionths) / 1_000_000
    places = 2 if abs(amount) >= 1 or not amount else max(2, 1 - amount.adjusted())
    text = f"{amount:,.{min(places, 6)}f}"
    whole, _, part = text.partition(".")
    part = part[:2] + part[2:].rstrip("0")
    return f"{_grouped(whole, language)}{_decimal('.', language)}{part}{BLANK}{currency}"


def bar(done: int, total: int, width: int = 20) -> str:
    """How far something is, as `width` characters: `▓▓▓▓░░░░░░`; full only at the end, empty while `total` is not known."""
    full = min(width * done // total, width) if total > 0 and done > 0 else 0
    return "▓" * full + "░" * (width - full)


def progress(pulled: PullProgress, language: Language) -> str:
    """How far a download is, in one line: the bar, the share and the sizes; the bar alone while the size is not known."""
    if pulled.total <= 0:
        return bar(0, 0)
    done = max(0, min(pulled.done, pulled.total))
    share = f"{100 * done // pulled.total}{BLANK}%"
    return f"{bar(done, pulled.total)} {share} · {size_of(done, pulled.total, language)}"


def _unit(amount: int) -> int:
    """Which of the units an amount is told in. What would be rounded to 1000 of one is 1 of the next."""
    return next((unit for unit in range(len(_UNITS) - 1) if amount < 999.5 * 1000**unit), len(_UNITS) - 1)


def _in_unit(amount: int, unit: int, language: Language) -> str:
    """One decimal below ten, none above; bytes are whole."""
    value = amount / 1000**unit
    return _decimal(f"{value:.1f}", language) if unit and value < 9.95 else _grouped(f"{value:,.0f}", language)


def _two(large: int, its_unit: str, small: int, smaller_unit: str) -> str:
    rest = f"{BLANK}{small}{BLANK}{smaller_unit}" if small else ""
    return f"{large}{BLANK}{its_unit}{rest}"


def _decimal(number: str, language: Language) -> str:
    return number.replace(".", ",") if language == "es" else number


def _grouped(number: str, language: Language) -> str:
    """A whole number with commas between its thousands, as the language groups them."""
    if language == "en":
        return number
    plain = number.replace(",", "")
    return plain if len(plain.lstrip("-")) <= 4 else number.replace(",", BLANK)
