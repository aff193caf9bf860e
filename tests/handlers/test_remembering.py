"""`/remember`: facts and a person's own words, with and without text, and when it is off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.memory_types import SELF, MemoryKind, NewMemory, Origin
from bot.types import LANGUAGES, Language
from bot.writes import AddMemory, AskQuestion
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fakes import ADA
from tests.handlers.memory_talk import MemoryTalk


def added(talk: MemoryTalk) -> list[NewMemory]:
    """What the last turn stores."""
    return [write.what for write in talk.outcome.writes if isinstance(write, AddMemory)]


@pytest.mark.parametrize(
    ("language", "text", "fact"),
    [
        ("en", "that I live in Lima", "Lives in Lima."),
        ("en", "I live in Lima", "Lives in Lima."),
        ("en", "vivo en Lima", "Vive en Lima."),
        ("es", "que vivo en Lima", "Vive en Lima."),
        ("es", "de que vivo en Lima", "Vive en Lima."),
        ("es", "I live in Lima", "Lives in Lima."),
        ("es", "que mi hija Lucía es alérgica al maní", "Su hija Lucía tiene alergia al maní."),
    ],
)
async def test_facts_are_noted_in_the_language_they_were_told_in(language: Language, text: str, fact: str) -> None:
    talk = MemoryTalk(language)
    await talk.commands("remember", text)
    assert talk.handler == "remember"
    assert fact in [what.text for what in added(talk)]
    assert fact in talk.text
    for what in added(talk):
        assert what.origin is Origin.ASKED
        assert what.said_by == SELF
        assert what.sources == (talk.last.id,)
        assert what.text in (fact, "Su hija se llama Lucía."), "the words themselves add nothing"


@pytest.mark.parametrize("text", ["my locker has number 1234", "mi taquilla es la 1234", "Zwölf Boxkämpfer", "🦀🦀🦀"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_holds_no_fact_is_noted_as_it_was_said(language: Language, text: str) -> None:
    talk = MemoryTalk(language)
    await talk.commands("remember", text)
    (what,) = added(talk)
    assert (what.text, what.kind, what.slot) == (text, MemoryKind.FACT, "")
    assert text in talk.text


async def test_nothing_of_a_text_is_lost_because_a_part_of_it_is_a_fact() -> None:
    talk = MemoryTalk()
    await talk.commands("remember", "I live in Lima and the alarm code is 4711")
    assert [what.text for what in added(talk)] == ["Lives in Lima.", "I live in Lima and the alarm code is 4711"]


async def test_a_new_value_takes_the_place_of_the_old_one_and_says_so() -> None:
    talk = MemoryTalk()
    talk.memories.add(ADA, "old", "Lives in Quito.", slot="home")
    await talk.commands("remember", "I live in Lima")
    assert "Noted: “Lives in Lima.” It takes the place of “Lives in Quito.”" in talk.text
    assert talk.held == ["Lives in Lima."]


async def test_what_is_known_is_not_noted_twice() -> None:
    talk = MemoryTalk()
    await talk.commands("remember", "I live in Lima")
    await talk.commands("remember", "that I live in Lima")
    assert "I knew that already" in talk.text
    assert talk.held == ["Lives in Lima."]


async def test_two_things_of_the_same_matter_in_one_text_end_with_the_second() -> None:
    talk = MemoryTalk()
    await talk.commands("remember", "I don't live in Quito, I live in Lima")
    assert "Lives in Lima." in talk.held


async def test_it_can_be_forgotten_at_once() -> None:
    talk = MemoryTalk()
    await talk.commands("remember", "I live in Lima")
    await talk.presses("Forget this")
    assert talk.held == []


async def test_of_several_things_each_has_its_button() -> None:
    talk = MemoryTalk()
    await talk.commands("remember", "I live in Lima and I like coffee")
    assert talk.labels == ["Forget 1", "Forget 2"]
    assert talk.text.splitlines()[0].startswith("1. Noted")
    await talk.presses("Forget 2")
    assert "These 2 go together" in talk.text


@pytest.mark.parametrize(("language", "words"), [("en", "What shall I remember?"), ("es", "¿Qué quieres que recuerde?")])
async def test_without_text_it_asks_and_takes_the_next_message(language: Language, words: str) -> None:
    talk = MemoryTalk(language)
    await talk.commands("remember")
    assert words in talk.text
    (asking,) = talk.outcome.writes
    assert isinstance(asking, AskQuestion)
    await talk.says("que vivo en Lima")
    assert talk.held == ["Vive en Lima."]
    assert talk.awaiting is None
    await talk.says("I like coffee")
    assert talk.handler == "chat"


@pytest.mark.parametrize("text", ["/cancel", "/cancelar", "/CANCEL@martin_bot", "Nothing after all"])
async def test_the_question_can_be_left(text: str) -> None:
    talk = MemoryTalk()
    await talk.commands("remember")
    await talk.says(text)
    assert talk.handler == "remember"
    assert "noted nothing" in talk.text
    assert talk.held == []
    assert talk.awaiting is None


async def test_what_is_said_after_something_else_is_not_taken_for_it() -> None:
    talk = MemoryTalk()
    await talk.commands("remember")
    await talk.commands("help")
    await talk.says("What is a boat?")
    assert talk.outcome.is_refused
    assert talk.held == []
    await talk.says("What is a boat?")
    assert talk.handler == "chat"


async def test_what_is_said_much_later_is_not_taken_for_it_either() -> None:
    talk = MemoryTalk()
    await talk.commands("remember")
    await talk.says("Good morning!", after=timedelta(hours=2))
    assert talk.handler == "chat"
    assert talk.held == []


async def test_text_behind_the_command_answers_what_the_command_alone_had_asked() -> None:
    talk = MemoryTalk()
    await talk.commands("remember")
    await talk.commands("remember", "I live in Lima")
    assert talk.awaiting is None
    await talk.says("I like coffee")
    assert talk.handler == "chat"


async def test_a_text_that_is_too_long_is_refused_with_the_limit() -> None:
    talk = MemoryTalk()
    await talk.commands("remember", "x" * 10_000)
    assert talk.outcome.is_refused
    assert "10000 characters" in talk.text
    assert "1000" in talk.text
    assert talk.held == []


@pytest.mark.parametrize(("language", "words"), [("en", "Remembering is off"), ("es", "La memoria está apagada")])
async def test_while_it_is_off_nothing_is_noted_and_it_can_be_switched_on(language: Language, words: str) -> None:
    talk = MemoryTalk(language, remembers=False)
    for text in ("I live in Lima", ""):
        await talk.commands("remember", text)
        assert words in talk.text
        assert talk.outcome.writes == ()
        assert talk.keys == ["memory:on"]
    await talk.presses_key("memory:on")
    assert talk.remembers
    await talk.commands("remember", "I live in Lima")
    assert talk.held == ["Lives in Lima."]


async def test_in_a_group_it_is_noted_for_that_group() -> None:
    talk = MemoryTalk(is_private=False)
    await talk.commands("remember", "I live in Lima")
    (write,) = talk.outcome.writes
    assert isinstance(write, AddMemory)
    assert write.group == "a1"
    assert "this group" in talk.text


async def test_a_private_fact_is_not_touched_by_one_from_a_group() -> None:
    memories = FakeMemories()
    memories.add(ADA, "old", "Lives in Quito.", slot="home")
    talk = MemoryTalk(is_private=False, memories=memories)
    await talk.commands("remember", "I live in Lima")
    assert "Quito" not in talk.text
    assert set(talk.held) == {"Lives in Lima.", "Lives in Quito."}
