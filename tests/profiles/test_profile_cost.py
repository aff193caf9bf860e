"""The measure of what a profile costs: it replays as many events as it says, and its figures are those that are asked for."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from benchmarks.profile import AIMS, PERSON, measure, stored
from bot.profile_types import ProfileEventKind
from profiles.items import load_questionnaire
from profiles.person import replayed
from profiles.questionnaire import is_finished
from tests.handlers.fakes import NOW


def test_the_measured_person_told_all_that_is_counted() -> None:
    questionnaire = load_questionnaire()
    events = stored(questionnaire, 1_000).stored[PERSON]
    kinds = Counter(event.kind for event in events)
    assert (len(events), len({event.id for event in events})) == (1_000, 1_000)
    assert kinds[ProfileEventKind.PRESS] > 850
    profile = replayed(questionnaire, events, now=NOW)
    assert len(profile.votes) == kinds[ProfileEventKind.PRESS]
    assert profile.course is not None
    assert is_finished(questionnaire, profile.course) or len(profile.course.answers) == 15
    assert profile.is_used


@pytest.mark.may_block("measures how long a replay takes, in a loop of its own")
def test_the_figures_are_medians_in_milliseconds() -> None:
    result = json.loads(json.dumps(measure(rounds=2)))
    assert set(AIMS) < set(result)
    assert 0 < result["cached_of_ms"] < result["first_of_ms"]
    assert 0 < result["turn_ms"] < result["replay_1000_ms"]
