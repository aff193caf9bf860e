"""`/memory`: the pages, the buttons below them, groups, and the switch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands import COMMANDS, parse_command
from bot.memory_types import BOT, MemoryKind, Origin
from bot.types import LANGUAGES, Choice, Kind, Language
from bot.writes import AskQuestion, DropAllMemories, SetRemembering
from handlers.help import help_text
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fakes import ADA, BOB, answer, command, message, past, pressed, said, services, turn
from tests.handlers.memory_talk import MemoryTalk

GROUP = "a1"
"""The address at which the talk's person is."""


def filled(facts: int = 7, said: int = 3) -> FakeMemories:
    """Ada's facts, and messages of hers; and one memory of somebody else."""
    memories = FakeMemories()
    memories.add(BOB, "b1", "Lives in Bogotá.")
    for number in range(1, facts + 1):
        memories.add(ADA, f"m{number}", f"Likes number {number}.", slot=f"likes:{number}")
    for number in range(1, said + 1):
        memories.add(ADA, f"e{number}", f"I said thing {number}", kind=MemoryKind.EPISODE, origin=Origin.SAID)
    return memories


@pytest.mark.parametrize(
    ("written", "parsed"),
    [
        ("/memory", ("memory", "")),
        ("/memoria apagar", ("memory", "apagar")),
        ("/recuerda que vivo en Lima", ("remember", "que vivo en Lima")),
        ("/remember\nI live\nin Lima", ("remember", "I live\nin Lima")),
        ("/Olvida@martin_bot mi dirección", ("forget", "mi dirección")),
        ("/forget it", ("forget", "it")),
        ("/ forget", None),
        ("/", None),
    ],
)
def test_the_commands_have_names_in_both_languages(written: str, parsed: tuple[str, str] | None) -> None:
    assert parse_command(written) == parsed


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_lists_them_with_your_data(language: Language) -> None:
    text = help_text(language, is_admin=False)
    names = [command.spanish[0] if language == "es" else command.name for command in COMMANDS]
    for name in names[names.index("memoria" if language == "es" else "memory") :][:3]:
        assert f"- /{name} " in text


async def test_the_first_line_says_how_much_there_is_and_that_it_is_on() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory")
    assert talk.handler == "memory"
    first = talk.text.splitlines()[0]
    assert "Facts and preferences: 7" in first
    assert "What was said: 3" in first
    assert "**on**" in first


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "1. “Likes number 7.”, 7 November 2026: I noted it from what you said in private"),
        ("es", "1. «Likes number 7.», 7 de noviembre de 2026: lo anoté de lo que dijiste en privado"),
    ],
)
async def test_an_entry_has_its_number_text_day_and_origin(language: Language, line: str) -> None:
    talk = MemoryTalk(language, memories=filled())
    await talk.commands("memory")
    assert line in talk.text.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_origin_is_told_in_its_own_words(language: Language) -> None:
    memories = FakeMemories()
    for number, origin in enumerate(Origin):
        memories.add(ADA, f"m{number}", "Lives in Lima.", origin=origin)
        memories.add(ADA, f"g{number}", "Lives in Lima.", origin=origin, group=GROUP)
    memories.add(ADA, "i1", "Lives in Lima.", origin=Origin.IMPORTED, said_by="Zoë *")
    memories.add(ADA, "i2", "Lives in Lima.", origin=Origin.IMPORTED, said_by=BOT)
    talk = MemoryTalk(language, memories=memories)
    lines = set()
    await talk.commands("memory")
    while True:
        lines |= {
            line.partition(" 2026: ")[2] or line.partition("2026: ")[2] for line in talk.text.splitlines() if "2026" in line
        }
        labels = talk.labels
        if not {"Next", "Siguiente"} & set(labels):
            break
        await talk.presses("Next" if "Next" in labels else "Siguiente")
    assert len(lines) == 2 * len(Origin) - 1 + 2, "one of each, but imports have no place of ours"
    assert any(r"Zoë \*" in line for line in lines), "a foreign name is a name, not markup"


async def test_pages_turn_in_both_directions_and_end() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory")
    assert "1 to 5 of 7" in talk.text
    assert "Previous" not in talk.labels
    await talk.presses("Next")
    assert "6 to 7 of 7" in talk.text
    assert "Forget 6" in talk.labels
    assert "Next" not in talk.labels
    await talk.presses("Previous")
    assert "1 to 5 of 7" in talk.text


async def test_what_was_said_is_a_list_of_its_own() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory")
    await talk.presses("What was said")
    assert "1 to 3 of 3" in talk.text
    assert "“I said thing 3”, 10 November 2026: you said it in private" in talk.text
    assert "Likes" not in talk.text
    await talk.presses("Facts and preferences")
    assert "1 to 5 of 7" in talk.text


@pytest.mark.parametrize(
    "key",
    [
        "memory:facts.5",
        "memory:facts.500",
        "memory:facts.99999999999999999999",
        "memory:facts.",
        "memory:facts.-5",
        "memory:x.y",
    ],
)
async def test_a_page_beyond_the_end_is_the_last_one_and_nonsense_the_first(key: str) -> None:
    talk = MemoryTalk(memories=filled(facts=6))
    page = past("t0", choices=(button(key),))
    talk.turns.append(page)
    await talk.presses_key(key, page)
    assert ("6 to 6 of 6" in talk.text) or ("1 to 5 of 6" in talk.text)
    assert ("6 to 6 of 6" in talk.text) is key.endswith((".5", ".500"))


def button(key: str) -> Choice:
    return Choice(key=key, label="x")


async def test_an_old_page_still_works_when_most_of_it_is_gone() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory")
    await talk.presses("Next")
    second = talk.last
    talk.memories.stored[ADA] = [one for one in talk.memories.stored[ADA] if one.id in ("m1", "m2")]
    await talk.presses("Previous", second)
    assert "1 to 2 of 2" in talk.text


async def test_text_of_a_memory_is_one_short_line_without_markup() -> None:
    talk = MemoryTalk()
    talk.memories.add(ADA, "m1", "**Forget** everything\n\n# [now](http://x)\n" + "really " * 200)
    await talk.commands("memory")
    (line,) = (line for line in talk.text.splitlines() if line.startswith("1."))
    assert r"\*\*Forget\*\* everything \# \[now\]" in line
    assert len(line) < 400


@pytest.mark.parametrize(("language", "words"), [("en", "I remember nothing yet"), ("es", "Todavía no recuerdo nada")])
async def test_without_memories_it_says_how_there_come_to_be_some(language: Language, words: str) -> None:
    talk = MemoryTalk(language, memories=filled(0, 0))
    await talk.commands("memory")
    assert words in talk.text
    assert not [key for key in talk.keys if key.startswith(("forget:", "correct:"))]


async def test_nobody_sees_what_is_remembered_of_somebody_else() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory")
    assert "Bogotá" not in talk.text
    assert "forget:one.b1" not in talk.keys


async def test_what_the_bot_or_somebody_else_said_can_be_forgotten_but_not_put_right() -> None:
    talk = MemoryTalk()
    talk.memories.add(ADA, "m1", "Lima is large.", kind=MemoryKind.EPISODE, origin=Origin.ANSWERED, said_by=BOT)
    await talk.commands("memory")
    await talk.presses("What was said")
    assert "Forget 1" in talk.labels
    assert "Correct 1" not in talk.labels


# --- groups ---


def scattered() -> FakeMemories:
    memories = FakeMemories()
    memories.add(ADA, "p1", "Lives in Lima.")
    memories.add(ADA, "g1", "Plays chess.", group=GROUP)
    memories.add(ADA, "o1", "Sings in a choir.", group="another")
    return memories


async def test_in_a_group_only_what_is_from_there_is_shown() -> None:
    talk = MemoryTalk(is_private=False, memories=scattered())
    await talk.commands("memory")
    assert "Facts and preferences: 1" in talk.text
    assert "Plays chess." in talk.text
    assert "only what is from this group" in talk.text
    assert "Lima" not in talk.text
    assert "choir" not in talk.text


async def test_in_private_everything_is_shown_with_its_place() -> None:
    talk = MemoryTalk(memories=scattered())
    await talk.commands("memory")
    assert "“Plays chess.”, 2 November 2026: I noted it from what you said in a group" in talk.text
    assert "Facts and preferences: 3" in talk.text


@pytest.mark.parametrize("key", ["forget:one.p1", "correct:p1", "forget:yes.p1"])
async def test_a_private_button_pressed_in_a_group_reaches_nothing_and_tells_nothing(key: str) -> None:
    talk = MemoryTalk(is_private=False, memories=scattered())
    page = past("t0", choices=(button(key),))
    talk.turns.append(page)
    await talk.presses_key(key, page)
    assert talk.outcome.is_refused
    assert "Lima" not in talk.text
    assert "Lives in Lima." in talk.held


# --- the switch ---


@pytest.mark.parametrize("word", ["off", "apagar", "OFF", "Desactivar"])
async def test_off_is_off_at_once_and_asks_about_what_is_there(word: str) -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory", word)
    assert not talk.remembers
    assert talk.outcome.writes[0] == SetRemembering(person_id=ADA, remembers=False)
    assert "10 in all" in talk.text
    assert talk.keys == ["memory:erase", "memory:keep"]
    assert len(talk.held) == 10, "nothing is forgotten by the question"


async def test_what_is_there_is_forgotten_after_a_yes_once() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory", "off")
    asked = talk.last
    await talk.presses("Yes, forget all of it")
    assert DropAllMemories(person_id=ADA) in talk.outcome.writes
    assert talk.held == []
    assert talk.memories.texts(BOB) == ["Lives in Bogotá."]
    await talk.presses("Yes, forget all of it", asked)
    assert talk.outcome.is_refused
    assert talk.outcome.writes == ()


async def test_kept_memories_are_still_there_when_it_is_on_again() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory", "off")
    await talk.presses("No, keep it")
    assert len(talk.held) == 10
    await talk.commands("memory")
    assert "**off**" in talk.text
    assert "Correct 1" not in talk.labels, "a correction would be something new"
    assert "Forget 1" in talk.labels
    await talk.presses("Switch remembering on")
    assert talk.remembers
    await talk.commands("memory")
    assert "**on**" in talk.text


async def test_a_yes_that_comes_after_it_is_on_again_forgets_nothing() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory", "off")
    asked = talk.last
    await talk.commands("memory", "on")
    await talk.presses("Yes, forget all of it", asked)
    assert talk.outcome.is_refused
    assert len(talk.held) == 10


@pytest.mark.parametrize("word", ["on", "off"])
async def test_switching_to_what_it_is_writes_nothing_but_says_so(word: str) -> None:
    talk = MemoryTalk(remembers=word == "on", memories=filled(0, 0))
    await talk.commands("memory", word)
    assert talk.outcome.writes == ()
    assert f"Remembering is {word}" in talk.text


async def test_off_in_a_group_tells_nothing_of_what_is_held_elsewhere() -> None:
    talk = MemoryTalk(is_private=False, memories=scattered())
    await talk.commands("memory", "off")
    assert not talk.remembers
    assert not [write for write in talk.outcome.writes if isinstance(write, AskQuestion)]
    assert "3" not in talk.text


async def test_what_makes_no_sense_behind_the_command_is_owned() -> None:
    talk = MemoryTalk(memories=filled())
    for nonsense in ("everything!", "x" * 10_000, "on off"):
        await talk.commands("memory", nonsense)
        assert talk.outcome.is_refused
        assert talk.outcome.writes == ()
        assert len(talk.text) < 200


@pytest.mark.parametrize(("language", "words"), [("en", "switched memory off"), ("es", "ha apagado la memoria")])
async def test_where_the_owner_switched_memory_off_the_commands_say_so(language: Language, words: str) -> None:
    talk = MemoryTalk(language, owner_remembers=False, memories=filled())
    for name, arguments in (
        ("memory", ""),
        ("memory", "off"),
        ("memory", "on"),
        ("remember", "I live in Lima"),
        ("forget", "number 3"),
    ):
        await talk.commands(name, arguments)
        assert words in talk.text
        assert not [write for write in talk.outcome.writes if not isinstance(write, AskQuestion)]
    await talk.commands("memory")
    assert talk.keys[0].startswith("forget:"), "what is there can be seen and forgotten all the same"
    assert "memory:on" not in talk.keys


# --- who presses ---


async def test_nobody_can_press_somebody_elses_button() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory")
    for key in talk.keys:
        handler, outcome = await answer(
            pressed(past("t0", choices=talk.last.reply.choices), key, person=BOB), services(memories=talk.memories)
        )
        assert handler.name == "stale_choice"
        assert outcome.writes == ()


async def test_a_button_that_was_never_shown_does_nothing() -> None:
    talk = MemoryTalk(memories=filled())
    await talk.commands("memory")
    for key in ("forget:one.b1", "forget:one.", "correct:", "memory:erase", "forget:set.t000", "forget:yes.m1"):
        await talk.presses_key(key)
        assert talk.handler == "stale_choice"
        assert talk.outcome.writes == ()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_start_and_about_say_that_something_is_remembered_unless_it_is_not(language: Language) -> None:
    for name in ("start", "about"):
        asked = command(name, language)
        off = replace(asked, person=replace(asked.person, remembers=False))
        _, told = await answer(asked)
        _, other = await answer(off)
        name_of_it = "/memoria" if language == "es" else "/memory"
        assert name_of_it in said(told)
        assert (name_of_it in said(other)) is (name == "about")


async def test_a_lone_unknown_command_is_still_unknown() -> None:
    handler, _ = await answer(turn(message(Kind.TEXT, "/cancel")))
    assert handler.name == "unknown_command"
