"""A style as a handler logs it with an answer."""

from __future__ import annotations

from bot.profile_types import AnswerStyle, Condition

STYLE = AnswerStyle(
    thread="t1",
    condition=Condition.FULL,
    is_measured=True,
    topic="maths",
    level=2.5,
    goal="exam",
    length=-0.25,
    arms=(1, -1, 0, 1),
    asked=(1, -1, 0, 0),
    used=(1, 0, 0, 0),
    propensities=((0.885, 0.075, 0.04), (0.04, 0.075, 0.885), (1 / 3, 1 / 3, 1 / 3), (0.0167, 0.0167, 0.9666)),
    obeyed=(True, False, None, None),
    is_length_obeyed=True,
    words=57,
    version="v1",
)
