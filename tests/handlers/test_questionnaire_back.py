"""Going back takes back an item whole, however often it was answered."""

from __future__ import annotations

from bot.profile_types import ProfileEventKind
from tests.handlers.fakes import ADA
from tests.handlers.questionnaire_talk import in_course


async def test_going_back_takes_away_an_item_that_was_answered_in_two_places_at_once() -> None:
    talk = await in_course()
    await talk.chooses("4")
    await talk.chooses("exam")
    twice = talk.of_kind(ProfileEventKind.ANSWER)[-1]
    talk.stored.add(ADA, ProfileEventKind.ANSWER, twice.at, **{**twice.data, "option": "task"})
    await talk.chooses("back")
    assert talk.item == "C2"
    assert talk.answers == [("C1", "4")]
