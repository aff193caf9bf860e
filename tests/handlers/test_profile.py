"""`/profile`: shown, set by hand, switched off, taken away and erased, and never where others read along."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.commands import COMMANDS, parse_command
from bot.ports import HandlerSettings, Services
from bot.profile_types import ProfileEventKind
from bot.types import LANGUAGES, Kind, Language, Outcome, PastTurn, Question, Turn, TurnId
from bot.writes import AddProfileEvent, AskQuestion, DropProfile
from handlers.help import AboutHandler, help_text
from handlers.profile import ProfileHandler
from handlers.questionnaire import QuestionnaireHandler
from profiles.events import DIMENSIONS, Dimension
from profiles.items import LENGTHS, Part, load_questionnaire
from profiles.kept import KeptProfiles
from profiles.person import Profile
from tests.handlers.fakes import ADA, BOB, FakePreview, FakeProfiles, command, message, past, pressed, said, services, turn

ITEMS = load_questionnaire()
ROUNDS = (Part.FIRST, Part.SECOND, Part.THIRD)


class Talk:
    """One person who talks with the handler; what it decides is stored, as a turn's transaction would."""

    def __init__(self, language: Language = "en", *, settings: HandlerSettings | None = None) -> None:
        self.language = language
        self.store = FakeProfiles()
        parts = services(profiles=self.store, settings=settings)
        self.kept = KeptProfiles(self.store, parts.clock)
        self.services: Services = replace(parts, personal=(self.kept,))
        self.handler = ProfileHandler(self.services, self.kept, QuestionnaireHandler(self.services, self.kept))
        self.last: PastTurn = past(handler="profile")

    def tell(self, *poles: int, parts: tuple[Part, ...] = ROUNDS, mode: str = "full") -> Talk:
        """The person agreed and answered at these poles; without any, only agreed and began."""
        self.store.add(ADA, ProfileEventKind.CONSENT, granted=True, version="1")
        if not poles:
            return self
        self.store.add(ADA, ProfileEventKind.COURSE, mode=mode, version=ITEMS.version, replaces=False)
        options = [(item.id, item.default) for item in ITEMS.of(Part.CONTEXT)]
        for part in parts:
            for item, pole in zip(ITEMS.of(part), poles, strict=True):
                options.append((item.id, next(one.key for one in item.options if one.score == pole)))
        for place, (item_id, key) in enumerate(options):
            self.store.add(ADA, ProfileEventKind.ANSWER, item=item_id, option=key, position=place % 3, seconds=5.0)
        return self

    async def say(self, arguments: str = "") -> Outcome:
        """`/profile` with these words behind it."""
        return await self._take(command("profile", self.language, arguments=arguments))

    async def press(self, key: str, *, asking: PastTurn | None = None) -> Outcome:
        """The button of the last message, or of an earlier one."""
        return await self._take(pressed(asking or self.last, f"profile:{key}", self.language))

    async def profile(self) -> Profile:
        return await self.kept.of(ADA)

    @property
    def keys(self) -> list[str]:
        return [choice.key.removeprefix("profile:") for choice in self.last.reply.choices]

    async def _take(self, given: Turn) -> Outcome:
        assert self.handler.matches(given)
        outcome = await self.handler.handle(given, FakePreview())
        self.store.take(given, outcome)
        assert outcome.reply is not None
        self.last = replace(past(handler="profile"), reply=outcome.reply)
        return outcome


@pytest.mark.parametrize("word", ["/profile", "/perfil", "/Perfil"])
def test_it_is_asked_for_in_both_languages(word: str) -> None:
    assert parse_command(word) == ("profile", "")
    assert parse_command(f"{word} off") == ("profile", "off")


# --- who sees it ---


@pytest.mark.parametrize(("language", "private"), [("en", "private chat"), ("es", "chat privado")])
@pytest.mark.parametrize("arguments", ["", "export", "off", "reset"])
async def test_in_a_group_nothing_is_shown_and_nothing_done(language: Language, private: str, arguments: str) -> None:
    talk = Talk(language).tell(1, 1, 1, 1)
    asked = turn(message(Kind.COMMAND, "/profile", is_private=False), language, command="profile", arguments=arguments)
    outcome = await talk.handler.handle(asked, FakePreview())
    assert outcome.is_refused
    assert outcome.writes == ()
    assert private in said(outcome)
    assert outcome.reply is not None
    assert not outcome.reply.choices
    assert not outcome.reply.files
    assert "Examples" not in said(outcome)
    assert "Ejemplos" not in said(outcome)


@pytest.mark.parametrize("arguments", ["", "start", "quick", "continue"])
async def test_who_never_agreed_is_invited(arguments: str) -> None:
    talk = Talk()
    await talk.say(arguments)
    assert talk.last.reply.choices[0].key.startswith("profile_start:")
    assert talk.store.stored == {}


@pytest.mark.parametrize("arguments", ["off", "on", "neutral off", "reset", "export"])
async def test_without_a_profile_there_is_nothing_to_change_or_erase(arguments: str) -> None:
    outcome = await Talk().say(arguments)
    assert outcome.is_refused
    assert outcome.writes == ()
    assert "no profile of you" in said(outcome)


async def test_another_persons_buttons_are_not_taken() -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say()
    assert not talk.handler.matches(pressed(talk.last, "profile:off", person=BOB))
    assert not talk.handler.matches(pressed(talk.last, "profile:pin.ENT.plus")), "a button that was not shown"


# --- what is shown ---


@pytest.mark.parametrize(("language", "head"), [("en", "Examples + Steps"), ("es", "Ejemplos + Pasos")])
async def test_the_whole_profile_is_shown_with_what_science_says(language: Language, head: str) -> None:
    talk = Talk(language).tell(1, 1, 1, 1)
    outcome = await talk.say()
    assert f"**{head}**" in said(outcome)
    assert ITEMS.science[language] in said(outcome)
    assert talk.keys == ["check", "hand", "off", "neutral_off", "reset"]


async def test_who_has_begun_nothing_yet_may_begin_in_two_ways() -> None:
    talk = Talk().tell()
    await talk.say()
    assert talk.keys[:2] == ["start", "quick"]
    outcome = await talk.press("quick")
    assert (
        AddProfileEvent(
            person_id=ADA,
            kind=ProfileEventKind.COURSE,
            data={"mode": "quick", "version": ITEMS.version, "replaces": False},
        )
        in outcome.writes
    )


@pytest.mark.parametrize("arguments", ["continue", "quick", "seguir", "rápido"])
async def test_an_unfinished_course_is_shown_so_far_and_goes_on_first(arguments: str) -> None:
    talk = Talk().tell(1, 1, 1, 1, parts=(Part.FIRST,))
    outcome = await talk.say()
    assert "not finished" in said(outcome)
    assert talk.keys[0] == "continue"
    for going_on in (await talk.press("continue"), await talk.say(arguments)):
        assert not [one for one in going_on.writes if isinstance(one, AddProfileEvent)], "no second course"
        assert ITEMS.items["ENT2"].text["en"] in said(going_on)
    assert ("is open already" in said(going_on)) is (arguments in ("quick", "rápido"))


@pytest.mark.parametrize("is_finished", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_whoever_starts_again_is_asked_first_and_the_first_option_loses_nothing(
    language: Language, is_finished: bool
) -> None:
    talk = Talk(language).tell(1, 1, 1, 1, parts=ROUNDS if is_finished else (Part.FIRST,))
    outcome = await talk.say("empezar" if language == "es" else "start")
    assert [type(one) for one in outcome.writes] == [AskQuestion]
    harmless = "keep" if is_finished else "go_on"
    assert [choice.key for choice in talk.last.reply.choices] == [f"profile_start:{harmless}", "profile_start:redo"]
    if language == "en":
        assert "no longer count" in said(outcome)
        assert "ratings and what you set by hand stay" in said(outcome)
        assert ("question 5 of 12" in said(outcome)) is not is_finished
    await talk.say("quick")
    assert (talk.last.reply.choices[-1].key == "profile_start:redo_quick") is is_finished


async def test_who_has_finished_may_answer_again_and_an_old_go_on_shows_the_profile() -> None:
    talk = Talk().tell(1, 1, 1, 1, parts=(Part.FIRST,))
    await talk.say()
    old = talk.last
    talk = talk.tell(1, 1, 1, 1)
    assert "Examples" in said(await talk.press("continue", asking=old))
    outcome = await talk.press("check", asking=replace(old, reply=talk.last.reply))
    (begun,) = (one for one in outcome.writes if isinstance(one, AddProfileEvent))
    assert begun.data["mode"] == "retest"
    assert begun.data["replaces"] is False


async def test_who_answered_too_fast_to_read_may_replace_those_answers() -> None:
    talk = Talk().tell(1, 1, 1, 1)
    events = talk.store.stored[ADA]
    talk.store.stored[ADA] = [
        replace(one, data={**one.data, "seconds": 0.4}) if one.kind is ProfileEventKind.ANSWER else one for one in events
    ]
    await talk.say()
    outcome = await talk.press("start")
    assert [type(one) for one in outcome.writes] == [AskQuestion]
    assert talk.last.reply.choices[-1].key == "profile_start:redo"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_buttons_fit_every_channel(language: Language) -> None:
    talk = Talk(language).tell(1, 1, 1, 1)
    await talk.say()
    pages = [talk.last]
    for key in ("hand", *(f"hand.{what}" for what in (*DIMENSIONS, "level", "goal", "length"))):
        await talk.press(key, asking=pages[0] if key == "hand" else pages[1])
        pages.append(talk.last)
    for page in pages:
        choices = page.reply.choices
        assert choices
        assert len({choice.label for choice in choices}) == len(choices), "no two buttons of a page have one name"
        assert max(sum(one.row == choice.row for one in choices) for choice in choices) <= 4
        assert all(len(choice.key.encode()) <= 30 and len(choice.label) <= 40 for choice in choices)


# --- switches ---


@pytest.mark.parametrize(("off", "on"), [("off", "on"), ("apagar", "encender")])
async def test_it_is_switched_off_and_on_by_word(off: str, on: str) -> None:
    talk = Talk().tell(1, 1, 1, 1)
    outcome = await talk.say(off)
    assert outcome.writes == (AddProfileEvent(person_id=ADA, kind=ProfileEventKind.SWITCH, data={"on": False}),)
    assert "switched off" in said(outcome)
    assert not (await talk.profile()).is_used
    outcome = await talk.say(on)
    assert said(outcome).startswith("**It is on:**")
    assert (await talk.profile()).is_used


async def test_it_is_switched_off_and_on_by_button_and_a_second_press_of_an_old_one_adds_nothing() -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say()
    old = talk.last
    await talk.press("off")
    assert "on" in talk.keys
    assert "off" not in talk.keys
    again = await talk.press("off", asking=old)
    assert again.writes == ()
    assert said(again).startswith("**It is off:**")
    await talk.press("on")
    assert (await talk.profile()).is_on
    await talk.press("off", asking=old)
    assert not (await talk.profile()).is_on, "an old button still does what it says"


@pytest.mark.parametrize(
    ("no", "yes"), [("neutral off", "neutral on"), ("neutras no", "neutras sí"), ("Neutral OFF", "neutras si")]
)
async def test_nobody_has_to_take_part_in_neutral_answers(no: str, yes: str) -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say(no)
    assert not (await talk.profile()).takes_part
    assert "neutral_on" in talk.keys
    await talk.say(yes)
    assert (await talk.profile()).takes_part
    await talk.press("neutral_off")
    assert not (await talk.profile()).takes_part


async def test_the_share_of_neutral_answers_is_told_as_it_is_set() -> None:
    told = said(await Talk(settings=HandlerSettings(holdout_percent=15, context_percent=10)).tell(1, 1, 1, 1).say())
    assert "25\N{NO-BREAK SPACE}%" in told
    talk = Talk(settings=HandlerSettings(holdout_percent=0)).tell(1, 1, 1, 1)
    assert "I leave all or part" not in said(await talk.say())
    assert "neutral_off" not in talk.keys, "where there are none there is nothing to refuse"


# --- by hand ---


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("dimension", DIMENSIONS)
async def test_every_dimension_is_set_by_hand_and_given_back(language: Language, dimension: Dimension) -> None:
    talk = Talk(language).tell(1, 1, 1, 1)
    await talk.say()
    await talk.press("hand")
    await talk.press(f"hand.{dimension}")
    page = talk.last
    assert talk.keys == [f"pin.{dimension}.{key}" for key in ("minus", "none", "plus", "auto")] + ["hand"], "as on the bar"
    for key, arm in (("minus", -1), ("none", 0), ("plus", 1)):
        await talk.press(f"pin.{dimension}.{key}", asking=page)
        assert dict((await talk.profile()).pins) == {dimension: arm}
        assert f"hand.{dimension}" in talk.keys, "there is more to set"
    again = await talk.press(f"pin.{dimension}.plus", asking=page)
    assert again.writes == ()
    await talk.press(f"pin.{dimension}.auto", asking=page)
    assert not (await talk.profile()).pins


async def test_what_was_set_is_shown_at_once() -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say()
    await talk.press("hand")
    await talk.press("hand.ENT")
    assert "the general idea" in talk.last.reply.text, "it says what each choice does"
    outcome = await talk.press("pin.ENT.minus")
    assert said(outcome).startswith("Principles or Examples: set to Principles.")
    assert "set by hand, Principles" in said(outcome)


@pytest.mark.parametrize(("what", "keys"), [("level", "1234"), ("goal", ("exam", "curious")), ("length", tuple(LENGTHS))])
async def test_level_goal_and_length_are_set_by_hand(what: str, keys: tuple[str, ...]) -> None:
    talk = Talk().tell()
    await talk.say()
    await talk.press("hand")
    await talk.press(f"hand.{what}")
    page = talk.last
    for key in keys:
        outcome = await talk.press(f"set.{what}.{key}", asking=page)
        found = await talk.profile()
        expected = {"level": {"1": 1, "2": 2, "3": 3, "4": 4}.get(key), "goal": key, "length": LENGTHS.get(key)}[what]
        assert getattr(found, what) == expected
        assert said(outcome).startswith("Set. ")
        assert found.is_used, "who set something has told something"


async def test_a_button_of_another_version_changes_nothing() -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say()
    odd = replace(talk.last.reply.choices[0], key="profile:pin.XYZ.plus")
    for key in ("pin.XYZ.plus", "pin.ENT.9", "set.level.7", "set.name.1", "nothing"):
        asking = replace(talk.last, reply=replace(talk.last.reply, choices=(replace(odd, key=f"profile:{key}"),)))
        outcome = await talk.press(key, asking=asking)
        assert outcome.is_refused, key
        assert outcome.writes == ()


# --- away and end ---


async def test_it_is_erased_only_after_yes_and_then_wholly() -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say()
    outcome = await talk.press("reset")
    assert [type(one) for one in outcome.writes] == [AskQuestion]
    assert talk.keys == ["reset_yes", "reset_no"]
    outcome = await talk.press("reset_yes")
    assert outcome.writes[1:] == (DropProfile(person_id=ADA),)
    assert talk.store.stored[ADA] == []
    assert (await talk.profile()).consent is None
    assert "your ratings" in said(outcome), "what is left is told"
    assert "neutral answers" not in said(outcome), "nothing was chosen about them"


async def test_the_choice_about_neutral_answers_outlives_the_profile() -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say("neutral off")
    await talk.say("reset")
    assert "what you chose about neutral answers" in said(await talk.press("reset_yes"))
    assert [event.kind for event in talk.store.stored[ADA]] == [ProfileEventKind.MEASURE]
    assert not (await talk.profile()).takes_part
    again = await talk.say("reset")
    assert again.is_refused
    assert "no profile of you" in said(again)
    talk.tell(1, 1, 1, 1)
    assert not (await talk.profile()).takes_part


@pytest.mark.parametrize("arguments", ["reset", "borrar", "delete"])
async def test_no_erases_nothing(arguments: str) -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say(arguments)
    outcome = await talk.press("reset_no")
    assert "nothing was erased" in said(outcome)
    assert (await talk.profile()).is_used


async def test_an_answered_question_erases_no_later_profile() -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say("reset")
    answered = replace(talk.last, chosen="profile:reset_yes")
    outcome = await talk.press("reset_yes", asking=answered)
    assert outcome.is_refused
    assert outcome.writes == ()


@pytest.mark.parametrize(("text", "taken"), [("a", True), ("Yes, erase the profile", True), ("yes", False), ("sure", False)])
async def test_erasing_may_be_answered_in_writing_by_its_option_only(text: str, taken: bool) -> None:
    talk = Talk().tell(1, 1, 1, 1)
    await talk.say("reset")
    question = Question(turn_id=TurnId("t1"), kind="profile", choices=talk.last.reply.choices)
    given = turn(message(text=text), awaiting=question)
    assert talk.handler.matches(given) is taken
    if taken:
        outcome = await talk.handler.handle(given, FakePreview())
        assert any(isinstance(one, DropProfile) for one in outcome.writes)


@pytest.mark.parametrize("arguments", ["export", "exportar"])
async def test_a_copy_holds_every_event_and_what_they_come_to(arguments: str) -> None:
    talk = Talk().tell(1, -1, 1, -1)
    outcome = await talk.say(arguments)
    assert outcome.reply is not None
    (file,) = outcome.reply.files
    assert file.name == "martin-profile-2026-11-30.json"
    held = json.loads(file.content)
    assert set(held) == {"martin_export", "profile", "events"}
    assert held["profile"]["code"] == "EGTN"
    assert [one["id"] for one in held["events"]] == [event.id for event in talk.store.stored[ADA]]
    assert held["events"][0]["kind"] == "consent"


@pytest.mark.parametrize(("language", "word"), [("en", "`neutral off`"), ("es", "`neutras no`")])
@pytest.mark.parametrize("arguments", ["what", "off please", "1234"])
async def test_an_unknown_argument_is_told_what_there_is(language: Language, word: str, arguments: str) -> None:
    outcome = await Talk(language).tell(1, 1, 1, 1).say(arguments)
    assert outcome.is_refused
    assert outcome.writes == ()
    assert word in said(outcome)


# --- where else it shows ---


@pytest.mark.parametrize(("language", "command_name"), [("en", "`/profile neutral off`"), ("es", "`/perfil neutras no`")])
async def test_about_tells_of_neutral_answers_and_how_to_have_none(language: Language, command_name: str) -> None:
    settings = HandlerSettings(holdout_percent=12, context_percent=3)
    told = said(await AboutHandler(services(settings=settings)).handle(command("about", language), FakePreview()))
    assert "15\N{NO-BREAK SPACE}%" in told
    assert command_name in told
    without = services(settings=HandlerSettings(holdout_percent=0))
    told = said(await AboutHandler(without).handle(command("about", language), FakePreview()))
    assert "%" not in told
    assert command_name.strip("`").partition(" ")[0] in told


@pytest.mark.parametrize(
    ("language", "line"), [("en", "- /profile on|off|reset: "), ("es", "- /perfil encender|apagar|borrar: ")]
)
def test_help_names_it_among_what_is_yours(language: Language, line: str) -> None:
    assert line in help_text(language, is_admin=False)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_help_names_may_be_written(language: Language) -> None:
    (named,) = (one for one in COMMANDS if one.name == "profile")
    for word in (named.argumento if language == "es" else named.argument).split("|"):
        assert not (await Talk(language).tell(1, 1, 1, 1).say(word)).is_refused
