"""One run per local date, whatever the clocks do (R-28, R-29, M-9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from bot.jobs.runner import CATCH_UP, night_of

CHECK_EVERY = timedelta(minutes=5)
YEARS = (2025, 2026, 2027)
BEGIN, END = datetime(YEARS[0], 1, 1, tzinfo=UTC), datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)

Change = tuple[datetime, timedelta, timedelta]


def changes(zone: ZoneInfo) -> tuple[Change, ...]:
    """When the zone's offset changes within the years, to the minute, with the offsets before and after."""
    found = []
    day, step = BEGIN, timedelta(days=1)
    while day < END:
        before, after = day.astimezone(zone).utcoffset(), (day + step).astimezone(zone).utcoffset()
        assert before is not None and after is not None
        if before != after:
            low, high = day, day + step
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) / 2
                if middle.astimezone(zone).utcoffset() == before:
                    low = middle
                else:
                    high = middle
            found.append((high.replace(second=0, microsecond=0), before, after))
        day += step
    return tuple(found)


def kinds_of_zone() -> Iterator[tuple[ZoneInfo, tuple[Change, ...]]]:
    """One zone for every different behaviour: zones with the same offsets and changes have the same nights."""
    seen = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        found = changes(zone)
        key = (BEGIN.astimezone(zone).utcoffset(), found)
        if key not in seen:
            seen.add(key)
            yield zone, found


def nights(zone: ZoneInfo, hour: int, begin: datetime, end: datetime) -> list[date]:
    """The dates whose job a check every five minutes begins, each begun only if it was not begun before."""
    done: list[date] = []
    now = begin
    while now < end:
        night = night_of(now, zone, hour)
        if night is not None and night not in done:
            done.append(night)
            now += CATCH_UP - timedelta(hours=1)  # no other date can begin before this one's window ends
        now += CHECK_EVERY
    return done


@pytest.mark.timeout(300)
def test_every_zone_has_one_night_per_local_date_through_every_change_of_clocks() -> None:
    zones = list(kinds_of_zone())
    assert len(available_timezones()) > 590
    for zone, found in zones:
        for moment in [BEGIN + timedelta(days=40), *(change[0] for change in found)]:
            begin, end = moment - timedelta(days=2), moment + timedelta(days=2)
            for hour in (*range(5), 12, 23):  # clocks change in the small hours
                done = nights(zone, hour, begin, end)
                first = begin.astimezone(zone).date() + timedelta(days=1)
                last = end.astimezone(zone).date() - timedelta(days=1)
                expected = [first + timedelta(days=number) for number in range((last - first).days + 1)]
                assert [night for night in done if first <= night <= last] == expected, (zone.key, hour, moment)


def test_a_night_missed_by_less_than_twelve_hours_is_caught_up_and_an_older_one_is_not() -> None:
    zone = ZoneInfo("Europe/Madrid")
    three_in_madrid = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    assert night_of(three_in_madrid - timedelta(seconds=1), zone, 3) is None
    assert night_of(three_in_madrid, zone, 3) == date(2026, 11, 20)
    assert night_of(three_in_madrid + timedelta(hours=11, minutes=59), zone, 3) == date(2026, 11, 20)
    assert night_of(three_in_madrid + timedelta(hours=12), zone, 3) is None


def test_a_night_that_begins_late_in_the_evening_is_caught_up_after_midnight() -> None:
    zone = ZoneInfo("America/Lima")
    after_midnight = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
    assert after_midnight.astimezone(zone).hour == 1
    assert night_of(after_midnight, zone, 23) == date(2026, 11, 20)
