"""Numbers as each language writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.amounts import bar, count, duration, money, progress, size, size_of
from bot.model_types import PullProgress
from bot.types import LANGUAGES, Language


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("amount", "english", "spanish"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1000, "1.0 kB", "1,0 kB"),
        (340_000_000, "340 MB", "340 MB"),
        (999_600_000, "1.0 GB", "1,0 GB"),
        (2_600_000_000, "2.6 GB", "2,6 GB"),
        (42_000_000_000, "42 GB", "42 GB"),
        (12_345 * 10**12, "12,345 TB", "12 345 TB"),
    ],
)
def test_size_is_told_in_the_largest_unit_that_fits(amount: int, english: str, spanish: str) -> None:
    assert plain(size(amount, "en")) == english
    assert plain(size(amount, "es")) == spanish


@pytest.mark.parametrize(
    ("seconds", "english", "spanish"),
    [
        (0.0, "< 0.01 s", "< 0,01 s"),
        (0.35, "0.35 s", "0,35 s"),
        (0.999, "1.0 s", "1,0 s"),
        (4.21, "4.2 s", "4,2 s"),
        (9.96, "10 s", "10 s"),
        (59.7, "1 min", "1 min"),
        (200, "3 min 20 s", "3 min 20 s"),
        (3599.6, "1 h", "1 h"),
        (3900, "1 h 5 min", "1 h 5 min"),
        (90_000, "25 h", "25 h"),
    ],
)
def test_duration_is_told_at_the_precision_that_matters(seconds: float, english: str, spanish: str) -> None:
    assert plain(duration(seconds, "en")) == english
    assert plain(duration(seconds, "es")) == spanish


@pytest.mark.parametrize(
    ("millionths", "english", "spanish"),
    [
        (0, "0.00 EUR", "0,00 EUR"),
        (1, "0.000001 EUR", "0,000001 EUR"),
        (3_000, "0.003 EUR", "0,003 EUR"),
        (3_456, "0.0035 EUR", "0,0035 EUR"),
        (20_000, "0.02 EUR", "0,02 EUR"),
        (500_000, "0.50 EUR", "0,50 EUR"),
        (1_250_000, "1.25 EUR", "1,25 EUR"),
        (1_234_567_000_000, "1,234,567.00 EUR", "1 234 567,00 EUR"),
    ],
)
def test_money_is_never_rounded_to_nothing(millionths: int, english: str, spanish: str) -> None:
    assert plain(money(millionths, "EUR", "en")) == english
    assert plain(money(millionths, "EUR", "es")) == spanish


@pytest.mark.parametrize(
    ("number", "english", "spanish"), [(7, "7", "7"), (1234, "1,234", "1234"), (12345, "12,345", "12 345")]
)
def test_count_is_grouped_as_the_language_does(number: int, english: str, spanish: str) -> None:
    assert plain(count(number, "en")) == english
    assert plain(count(number, "es")) == spanish


def test_bar_is_full_only_at_the_end_and_empty_while_the_size_is_not_known() -> None:
    assert bar(0, 0, 4) == bar(5, 0, 4) == "░░░░"
    assert bar(99, 100, 4) == "▓▓▓░"
    assert bar(100, 100, 4) == bar(130, 100, 4) == "▓▓▓▓"
    assert bar(42, 100, 10) == "▓▓▓▓░░░░░░"


@given(st.integers(), st.integers(), st.integers(0, 60))
def test_bar_always_has_its_width(done: int, total: int, width: int) -> None:
    assert len(bar(done, total, width)) == width


def test_progress_tells_bar_share_and_sizes() -> None:
    half = PullProgress(step="pulling", done=1_100_000_000, total=2_600_000_000)
    assert plain(progress(half, "en")) == "▓▓▓▓▓▓▓▓░░░░░░░░░░░░ 42 % · 1.1 of 2.6 GB"
    assert "%" not in progress(PullProgress(step="asking"), "en")


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.sampled_from(LANGUAGES))
def test_progress_never_says_more_than_all(done: int, total: int, language: Language) -> None:
    said = progress(PullProgress(step="pulling", done=done, total=total), language)
    share = plain(said).partition(" %")[0].rpartition(" ")[2]
    assert total == 0 or 0 <= int(share) <= 100
    assert size_of(done, total, language)
