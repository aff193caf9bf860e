"""The questionnaire as a conversation: agreed to, answered by button or letter, interrupted, resumed, and what it comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.ports import HandlerSettings
from bot.profile_types import ProfileEventKind
from bot.types import LANGUAGES, Address, ChannelName, Chosen, Kind, Language
from bot.writes import CloseQuestion
from handlers.inviting import usual_mode
from handlers.questionnaire import QuestionnaireHandler
from profiles.items import LETTERS
from profiles.kept import KeptProfiles
from profiles.person import CONSENT_VERSION
from profiles.posterior import Label, headline
from profiles.questionnaire import Mode, shown
from tests.handlers.fakes import ADA, BOB, answer
from tests.handlers.questionnaire_talk import CONTEXT, QV1, TWELVE, Talk, in_course

# The invitation.


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_invitation_says_what_is_kept_and_keeps_nothing_itself(language: Language) -> None:
    talk = Talk(language)
    await talk.is_invited()
    assert talk.keys == ["profile_start:full", "profile_start:quick", "profile_start:no"]
    assert talk.written == ["AskQuestion"]
    if language == "en":
        for word in (
            "twelve",
            "three minutes",
            "quick",
            "none of your words",
            "no diagnosis",
            "/profile",
            "/mydata",
            "/forgetme",
        ):
            assert word in talk.text
        assert "leave it aside" in talk.text


async def test_the_invitation_speaks_of_neutral_answers_only_where_there_are_some() -> None:
    talk = Talk()
    settings = HandlerSettings(holdout_percent=0, context_percent=0)
    asking = QuestionnaireHandler(replace(talk.services, settings=settings), KeptProfiles(talk.stored, talk.clock))
    outcome = await asking.invite(talk.turn(Kind.COMMAND), await talk.profile())
    assert outcome.reply is not None
    assert "leave it aside" not in outcome.reply.text


async def test_on_discord_the_quick_way_is_offered_first() -> None:
    talk = Talk()
    given = talk.turn(Kind.COMMAND)
    discord = replace(given, message=replace(given.message, address=Address(channel=ChannelName.DISCORD, chat="c", user="u")))
    assert (usual_mode(given), usual_mode(discord)) == (Mode.FULL, Mode.QUICK)
    outcome = await talk.asking.invite(discord, await talk.profile())
    assert outcome.reply is not None
    assert [choice.key for choice in outcome.reply.choices][:2] == ["profile_start:quick", "profile_start:full"]


async def test_who_refuses_is_asked_nothing_and_nothing_is_kept_of_it() -> None:
    talk = Talk()
    await talk.begins("no")
    assert talk.written == ["CloseQuestion"]
    assert talk.keys == []
    assert talk.awaiting is None
    assert talk.events == []


@pytest.mark.parametrize(
    ("language", "typed", "mode"),
    [
        *(("en", "Yes, all twelve", "full"), ("en", "yes, the quick way!", "quick"), ("en", "YES", "full")),
        *(("es", "sí", "full"), ("es", "Si.", "full")),
    ],
)
async def test_who_agrees_does_so_before_the_first_item(language: Language, typed: str, mode: str) -> None:
    talk = Talk(language)
    await talk.is_invited()
    await talk.says(typed)
    consent, course = talk.events
    assert (consent.kind, dict(consent.data)) == (ProfileEventKind.CONSENT, {"granted": True, "version": CONSENT_VERSION})
    assert (course.kind, dict(course.data)) == (
        ProfileEventKind.COURSE,
        {"mode": mode, "version": "qv1", "replaces": False},
    )
    assert CloseQuestion(turn_id=talk.turns[0].id, key=f"profile_start:{mode}") in talk.writes
    assert talk.item == "C1"
    assert talk.awaiting is not None
    assert talk.awaiting.kind == "item"
    assert (await talk.profile()).consent


@pytest.mark.parametrize("said", ["no", "No.", "Not now"])
async def test_no_may_be_typed(said: str) -> None:
    talk = Talk()
    await talk.is_invited()
    await talk.says(said)
    assert talk.written == ["CloseQuestion"]
    assert talk.events == []


@pytest.mark.parametrize("said", ["what is a virus?", "a", "A)", "b", "c", "1", "yes please, all of it", "no way"])
async def test_anything_else_that_is_said_to_the_invitation_is_a_question_like_any_other(said: str) -> None:
    talk = Talk()
    await talk.is_invited()
    await talk.says(said)
    assert talk.handler == "chat"
    assert talk.awaiting is not None
    assert talk.events == []


async def test_starting_twice_begins_one_course() -> None:
    talk = Talk()
    await talk.begins()
    invitation = talk.turns[0]
    await talk.presses("profile_start:full", invitation)
    await talk.chooses("2")
    await talk.presses("profile_start:quick", invitation)
    assert len(talk.of_kind(ProfileEventKind.COURSE)) == 1
    assert len(talk.of_kind(ProfileEventKind.CONSENT)) == 1
    assert talk.item == "C2"


async def test_the_button_under_the_greeting_invites_and_leaves_the_question_about_training_open() -> None:
    talk = Talk()
    await talk.commands("start")
    greeting = talk.turns[-1]
    await talk.presses("profile_start:invite")
    assert "profile_start:full" in talk.keys
    assert talk.written == ["AskQuestion"]
    await talk.presses("profile_start:full")
    await talk.presses("profile_start:invite", greeting)
    assert talk.item == "C1"


async def test_without_consent_nobody_is_asked_an_item() -> None:
    talk = Talk()
    for outcome in (
        await talk.asking.begin(talk.turn(Kind.COMMAND), await talk.profile(), Mode.FULL),
        await talk.asking.go_on(talk.turn(Kind.COMMAND), await talk.profile()),
    ):
        assert outcome.reply is not None
        assert outcome.reply.choices[0].key == "profile_start:full"


# The course.


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_whole_course_by_button(language: Language) -> None:
    talk = await in_course(language)
    asked, progress = [], []
    while talk.keys and talk.keys[0].startswith("item:"):
        item = QV1.items[talk.item]
        asked.append(item.id)
        progress.append(talk.text.partition(" · ")[0])
        assert item.text[language] in talk.text
        assert all(option.text[language] in talk.text for option in item.options)
        assert len(talk.writes) <= 5
        await talk.chooses(min(talk.options))
    assert asked == [*CONTEXT, *TWELVE]
    of, first = ("de", "Antes de empezar") if language == "es" else ("of", "First")
    before = [f"{first}, {number} {of} 3" for number in range(1, 4)]
    assert progress == [*before, *(f"{number} {of} 12" for number in range(1, 13))]
    assert QV1.science[language] in talk.text
    profile = await talk.profile()
    assert profile.labels == (Label.PLUS_CLEAR,) * 4
    assert headline(language, profile.state) in talk.text, "the last answer counts already"
    assert talk.awaiting is None
    assert talk.keys == []
    assert talk.model.prompts == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_whole_course_by_letter(language: Language) -> None:
    talk = await in_course(language)
    chosen = []
    for number in range(15):
        place = number % len(talk.options)
        chosen.append((talk.item, talk.options[place]))
        await talk.says(f"{LETTERS[place]})" if number % 2 else LETTERS[place].lower())
        assert talk.handler == "questionnaire"
    assert talk.answers == chosen
    assert [item for item, _ in chosen] == [*CONTEXT, *TWELVE]


async def test_what_is_kept_of_an_answer_is_its_key_where_it_stood_and_how_long_it_took() -> None:
    talk = await in_course()
    for _ in CONTEXT:
        await talk.chooses("skip")
    seen = {}
    for _ in TWELVE[:4]:
        option = QV1.items[talk.item].options[0].key
        seen[talk.item] = talk.options.index(option)
        assert talk.options == [one.key for one in shown(QV1.items[talk.item], person=ADA, salt="qv1")]
        await talk.chooses(option, after_s=7.25)
    events = talk.of_kind(ProfileEventKind.ANSWER)[3:]
    assert [dict(event.data) for event in events] == [
        {"item": item, "option": "a", "position": place, "seconds": 7.25} for item, place in seen.items()
    ]
    assert set(seen.values()) == {0, 3}, "half of the items are seen the other way round"


async def test_nobody_takes_days_to_read_an_item_nor_answers_before_it_was_shown() -> None:
    talk = await in_course()
    await talk.chooses("2", after_s=3 * 86_400)
    await talk.chooses("task", after_s=-60)
    assert [event.data["seconds"] for event in talk.of_kind(ProfileEventKind.ANSWER)] == [3600, 0]


async def test_an_old_message_with_the_open_item_is_timed_by_the_last_step() -> None:
    talk = await in_course()
    await talk.chooses("2")
    asking, talk.awaiting = talk.turns[-1], None  # another question was asked and answered meanwhile
    await talk.presses("item:C2:task", asking, after_s=9)
    assert talk.of_kind(ProfileEventKind.ANSWER)[-1].data["seconds"] == 9


async def test_an_item_that_is_asked_again_is_timed_anew() -> None:
    talk = await in_course()
    await talk.chooses("2")
    await talk.chooses("task")
    await talk.chooses("back", after_s=100)
    await talk.chooses("exam", after_s=4)
    assert talk.of_kind(ProfileEventKind.ANSWER)[-1].data["seconds"] == 4


async def test_the_option_itself_may_be_typed_in_either_language() -> None:
    talk = await in_course("es")
    await talk.says("starting from zero")
    await talk.says("Entender a fondo")
    assert talk.answers == [("C1", "1"), ("C2", "understand")]


async def test_who_changes_the_language_gets_the_next_item_in_it() -> None:
    talk = await in_course("en")
    talk.language = "es"
    await talk.says("a")
    assert QV1.items["C2"].text["es"] in talk.text
    await talk.says("skip")
    assert QV1.items["C3"].text["es"] in talk.text


async def test_what_a_letter_means_is_what_it_stood_beside() -> None:
    talk = await in_course()
    assert talk.awaiting is not None
    talk.awaiting = replace(talk.awaiting, choices=talk.awaiting.choices[3::-1])
    await talk.says("a")
    assert talk.answers == [("C1", "4")], "as asked by another version that showed it the other way round"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_skipped_item_tells_nothing(language: Language) -> None:
    talk = await in_course(language)
    await talk.finishes(dict.fromkeys([*CONTEXT, *TWELVE], "skip"))
    assert talk.answers == [(item, None) for item in [*CONTEXT, *TWELVE]]
    assert {event.data["position"] for event in talk.of_kind(ProfileEventKind.ANSWER)} == {None}
    profile = await talk.profile()
    assert not profile.has_told
    assert QV1.science[language] in talk.text


@pytest.mark.parametrize("way", ["press", "Back", "Atrás"])
async def test_going_back_takes_the_last_answer_away_and_asks_that_item_again(way: str) -> None:
    talk = await in_course()
    await talk.chooses("4")
    await talk.chooses("exam")
    await (talk.chooses("back") if way == "press" else talk.says(way))
    assert talk.item == "C2"
    assert talk.answers == [("C1", "4")]
    await talk.chooses("task")
    assert talk.item == "C3"
    assert talk.answers == [("C1", "4"), ("C2", "task")]


async def test_there_is_nothing_before_the_first_item() -> None:
    talk = await in_course()
    assert "item:C1:back" not in talk.keys
    await talk.says("back")
    assert talk.item == "C1"
    assert "first question" in talk.text
    assert talk.answers == []


@pytest.mark.parametrize("way", ["press", "stop", "Parar"])
async def test_a_stopped_course_goes_on_at_the_same_item_days_later(way: str) -> None:
    talk = await in_course()
    for _ in range(7):
        await talk.chooses(min(talk.options))
    item = talk.item
    await (talk.chooses("stop") if way == "press" else talk.says(way))
    assert talk.awaiting is None
    assert talk.keys == []
    assert "/profile" in talk.text
    await talk.says("a")
    assert talk.handler == "chat", "nothing is open"
    talk.clock.at += (talk.clock.at - talk.events[0].at) * 1000
    await talk.goes_on()
    assert talk.item == item == "ENT2"
    assert talk.text.startswith("We go on where you left off.\n\n5 of 12 · ")
    assert talk.text.count("5 of 12") == 1
    assert talk.written.count("resume") == 1
    await talk.chooses("a")
    assert talk.item == "RUT2"


async def test_an_interrupted_course_goes_on_without_a_word_of_resuming() -> None:
    talk = await in_course()
    await talk.chooses("2")
    await talk.goes_on()
    assert talk.item == "C2"
    assert talk.text.startswith("We go on where you left off.\n\nFirst, 2 of 3 · ")
    assert talk.written == ["AskQuestion"]


async def test_a_button_of_the_item_at_which_the_course_rests_goes_on_with_it() -> None:
    talk = await in_course()
    asking = talk.turns[-1]
    await talk.chooses("stop")
    await talk.presses("item:C1:stop", asking)
    assert talk.written == ["CloseQuestion"], "it rests already"
    await talk.presses("item:C1:3", asking)
    assert talk.answers == [("C1", "3")]
    assert talk.item == "C2"
    assert not (await talk.profile()).course.is_stopped  # type: ignore[union-attr]


async def test_the_quick_way_asks_of_the_third_round_only_what_is_not_clear() -> None:
    talk = await in_course(key="quick")
    await talk.finishes({"RUT2": "b", "FOR2": "c"})
    assert [item for item, _ in talk.answers] == [*CONTEXT, *TWELVE[:8], "RUT3", "FOR3", "FOR4"]


async def test_answers_that_contradict_each_other_bring_the_reserve_item() -> None:
    talk = await in_course()
    await talk.finishes({"ENT2": "c"})
    assert [item for item, _ in talk.answers] == [*CONTEXT, *TWELVE, "ENT4"]
    assert QV1.science["en"] in talk.text


# Presses that no longer fit.


async def test_a_second_press_changes_nothing_and_shows_the_open_item() -> None:
    talk = await in_course()
    asking = talk.turns[-1]
    await talk.presses("item:C1:2", asking)
    await talk.presses("item:C1:2", asking)
    assert talk.answers == [("C1", "2")]
    assert talk.item == "C2"
    assert talk.outcome.is_refused
    assert talk.text.startswith("That question is not open any more")
    await talk.says("a", after_s=2)
    assert talk.item == "C3"
    assert talk.of_kind(ProfileEventKind.ANSWER)[-1].data["seconds"] == 7, "timed from when it was first shown"


@pytest.mark.parametrize("key", ["b", "skip", "back", "stop"])
async def test_the_buttons_of_an_answered_item_do_nothing(key: str) -> None:
    talk = await in_course()
    for _ in range(3):
        await talk.chooses("skip")
    asking = talk.turns[-1]
    await talk.chooses("a")
    await talk.chooses("a")
    before = list(talk.events)
    await talk.presses(f"item:ENT1:{key}", asking)
    assert talk.events == before
    assert talk.item == "ACT1"


async def test_an_item_that_stands_open_twice_is_answered_once() -> None:
    talk = await in_course()
    first = talk.turns[-1]
    await talk.goes_on()
    await talk.presses("item:C1:stop", first)
    assert talk.awaiting is None
    await talk.says("a")
    assert talk.handler == "chat"


async def test_a_letter_to_an_item_that_was_answered_in_another_place_changes_nothing() -> None:
    talk = await in_course()
    elsewhere = talk.awaiting
    await talk.chooses("2")
    talk.awaiting = elsewhere
    await talk.says("d")
    assert talk.answers == [("C1", "2")]
    assert talk.item == "C2"
    await talk.chooses("stop")
    talk.awaiting = elsewhere
    await talk.says("d")
    assert talk.answers == [("C1", "2")]
    assert "rests" in talk.text
    assert talk.awaiting is None


async def test_a_press_after_the_end_changes_nothing() -> None:
    talk = await in_course()
    await talk.finishes()
    before = list(talk.events)
    await talk.presses("item:FOR3:c", talk.turns[-2])
    assert talk.events == before
    assert "whole questionnaire" in talk.text
    assert talk.awaiting is None


@pytest.mark.parametrize("is_erased", [True, False])
async def test_a_press_keeps_nothing_once_the_profile_was_erased_or_is_not_agreed_to(is_erased: bool) -> None:
    talk = await in_course()
    asking = talk.turns[-1]
    if is_erased:
        talk.stored.stored.clear()
    else:
        talk.stored.add(ADA, ProfileEventKind.CONSENT, talk.clock.at, granted=False, version=CONSENT_VERSION)
    await talk.presses("item:C1:2", asking)
    assert talk.answers == []
    assert talk.outcome.is_refused
    assert talk.awaiting is None


async def test_another_persons_press_is_refused() -> None:
    talk = await in_course()
    asking = talk.turns[-1]
    bob = Talk(person=BOB, stored=talk.stored)
    handler, outcome = await answer(
        bob.turn(Kind.CHOICE, choice=Chosen(turn_id=asking.id, key="item:C1:2"), target=asking), talk.services
    )
    assert handler.name == "stale_choice"
    assert outcome.is_refused
    assert outcome.writes == ()


@pytest.mark.parametrize("key", ["item:C1:9", "item:C9:1", "item:C1", "item", "profile_start:all"])
async def test_an_unknown_button_is_refused(key: str) -> None:
    talk = await in_course()
    await talk.presses(key)
    assert talk.handler == "stale_choice"
    assert talk.answers == []


async def test_the_buttons_of_an_item_that_is_no_more_are_refused() -> None:
    talk = await in_course()
    asking = talk.turns[-1]
    gone = tuple(replace(choice, key=choice.key.replace("C1", "OLD1")) for choice in asking.reply.choices)
    talk.turns = [replace(asking, reply=replace(asking.reply, choices=gone))]
    await talk.presses("item:OLD1:2")
    assert talk.handler == "stale_choice"


# Everything else that people do meanwhile.


async def test_in_groups_no_item_and_no_result_is_shown() -> None:
    talk = await in_course()
    await talk.finishes()
    asking = next(one for one in talk.turns if any(choice.key.startswith("item:FOR3") for choice in one.reply.choices))
    course = await in_course()
    for one, key in ((talk, "item:FOR3:a"), (course, "item:C1:2")):
        one.is_private = False
        await one.presses(key, asking if one is talk else course.turns[-1])
        assert one.outcome.is_refused
        assert one.writes == ()
        assert one.keys == []
        assert "private chat" in one.text
    given, profile = talk.turn(Kind.COMMAND), await talk.profile()
    for outcome in (
        await talk.asking.invite(given, profile),
        await talk.asking.begin(given, profile, Mode.FULL),
        await talk.asking.go_on(given, profile),
    ):
        assert outcome.reply is not None
        assert "private chat" in outcome.reply.text
        assert outcome.writes == ()
        assert outcome.reply.choices == ()


async def test_every_item_survives_a_new_process() -> None:
    talk = await in_course()
    again = talk
    for number in range(15):
        assert again.item == [*CONTEXT, *TWELVE][number]
        await again.chooses(min(again.options))
        # Nothing is left but what is stored: events, turns and the open question.
        again = Talk(stored=talk.stored, turns=again.turns, awaiting=again.awaiting, clock=again.clock, outcome=again.outcome)
    assert len(again.answers) == 15
    assert (await again.profile()).labels == (Label.PLUS_CLEAR,) * 4
