"""Makers of stored profile events: a person's story, told step by step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.profile_types import Arm, Arms, ProfileEvent, ProfileEventKind, Reason
from profiles.events import Dimension
from profiles.items import load_questionnaire
from profiles.person import Profile, replayed

QV1 = load_questionnaire()
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KIND = ProfileEventKind


class Story:
    """Events of one person, one minute apart unless said otherwise."""

    def __init__(self) -> None:
        self.events: list[ProfileEvent] = []
        self.at = NOON

    def add(self, kind: ProfileEventKind, **data: object) -> Story:
        """A minute later."""
        return self.later(timedelta(minutes=1), kind, data)

    def later(self, after: timedelta, kind: ProfileEventKind, data: Mapping[str, object]) -> Story:
        self.at += after
        self.events.append(ProfileEvent(id=f"e{len(self.events):04}", kind=kind, data=data, at=self.at))
        return self

    def consent(self, granted: bool = True) -> Story:
        return self.add(KIND.CONSENT, granted=granted, version="1")

    def course(self, mode: str = "full", *, replaces: bool = False) -> Story:
        return self.add(KIND.COURSE, mode=mode, version="qv1", replaces=replaces)

    def answers(self, **options: str | None) -> Story:
        """Answers by item, at changing places, five seconds each."""
        return self.answered(options)

    def answered(self, options: Mapping[str, str | None], *, seconds: float = 5) -> Story:
        for number, (item, option) in enumerate(options.items()):
            self.later(timedelta(minutes=1), KIND.ANSWER, given_data(item, option, number % 3, seconds))
        return self

    def press(
        self,
        value: int = 1,
        *,
        turn: str = "t1",
        reason: Reason | None = None,
        arms: Arms = (1, -1, 0, 1),
        topic: str = "",
        after: timedelta = timedelta(minutes=1),
        answered: datetime | None = None,
        first_at: datetime | None = None,
    ) -> Story:
        """A press, a minute after its answer unless `answered` says otherwise; JSON knows lists only."""
        data = {
            "turn": turn,
            "value": value,
            "reason": None if reason is None else reason.value,
            "arms": [*arms],
            "answered_at": (answered or self.at + after - timedelta(minutes=1)).isoformat(),
            "first_at": None if first_at is None else first_at.isoformat(),
            "topic": topic,
        }
        return self.later(after, KIND.PRESS, data)

    def set(self, what: str, value: object, topic: str = "") -> Story:
        return self.add(KIND.SET, what=what, value=value, topic=topic)

    def pin(self, dimension: Dimension, arm: Arm | None) -> Story:
        return self.add(KIND.PIN, dimension=dimension.value, arm=arm)

    def profile(self, later: timedelta = timedelta()) -> Profile:
        return replayed(QV1, self.events, now=self.at + later)


def known() -> Story:
    """Somebody who agreed and answered T1 of the specification: as 1, 0.5 and 0 add up to three times 0.5."""
    return (
        Story()
        .consent()
        .course()
        .answers(ENT1="b", RUT1="c", ACT1="a", FOR1="b")
        .answers(ENT2="a", RUT2="c", ACT2="b", FOR2="a")
        .answers(ENT3="a", RUT3="b", ACT3="c", FOR3="b")
    )


def given_data(item: str, option: str | None, place: int, seconds: float = 5) -> dict[str, object]:
    """What is stored of an answer, or of a skip."""
    return {"item": item, "option": option, "position": None if option is None else place, "seconds": seconds}
