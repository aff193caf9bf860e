"""Putting a memory right: the question, the text that answers it, and what ends with the wrong one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.memory_types import MemoryKind, Origin
from bot.types import Language
from bot.writes import AddMemory, EndMemories
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fakes import ADA
from tests.handlers.memory_talk import MemoryTalk


def told() -> FakeMemories:
    """A message, what was drawn from it, and what was answered to it; and a memory without a slot."""
    memories = FakeMemories()
    memories.add(ADA, "locker", "my locker is number 12", origin=Origin.ASKED)
    memories.add(ADA, "said", "I live in Quito with a dog", kind=MemoryKind.EPISODE, origin=Origin.SAID, sources=["t0"])
    memories.add(
        ADA, "answer", "Quito is high!", kind=MemoryKind.EPISODE, origin=Origin.ANSWERED, sources=["t0"], said_by="bot"
    )
    memories.add(ADA, "dog", "Has a dog.", slot="owns:dog", sources=["t0"])
    memories.add(ADA, "home", "Lives in Quito.", slot="home", sources=["t0"], language="en")
    return memories


async def asked(language: Language = "en", label: str = "Correct 1", *, said: bool = False) -> MemoryTalk:
    """The question for the right text of one of the entries."""
    talk = MemoryTalk(language, memories=told())
    await talk.commands("memory")
    if said:
        await talk.presses_key("memory:said.0")
    await talk.presses(label)
    assert talk.handler == "correct"
    return talk


@pytest.mark.parametrize(
    ("text", "now"),
    [
        ("I live in Lima", "Lives in Lima."),
        ("Vivo en Lima", "Vive en Lima."),
        ("Lives in Lima.", "Lives in Lima."),
        ("Lima", "Lives in Lima."),
        ("San Salvador", "Lives in San Salvador."),
    ],
)
async def test_the_right_text_takes_the_place_of_the_wrong_one_and_of_what_said_it(text: str, now: str) -> None:
    talk = await asked()
    assert "Lives in Quito." in talk.text
    await talk.says(text)
    assert talk.held == [now, "Has a dog.", "my locker is number 12"]
    (added,) = (write for write in talk.outcome.writes if isinstance(write, AddMemory))
    (ended,) = (write for write in talk.outcome.writes if isinstance(write, EndMemories))
    assert (added.what.origin, added.what.slot, added.supersedes) == (Origin.CORRECTED, "home", "home")
    assert ended.by == added.id
    assert set(ended.ids) == {"home", "said", "answer"}
    assert f"Put right: “{now}” It takes the place of “Lives in Quito.”" in talk.text
    assert talk.awaiting is None


@pytest.mark.parametrize(
    ("language", "label", "words"), [("en", "Correct 1", "What is right?"), ("es", "Corregir 1", "¿Qué es lo correcto?")]
)
async def test_it_asks_in_both_languages(language: Language, label: str, words: str) -> None:
    talk = await asked(language, label)
    assert words in talk.text
    await talk.says("vivo en Lima")
    assert "Vive en Lima." in talk.held


async def test_what_was_wrong_is_history_and_goes_with_the_correction() -> None:
    talk = await asked()
    await talk.says("I live in Lima")
    await talk.presses("Forget this")
    await talk.presses("Yes, forget them")
    assert talk.held == ["my locker is number 12"], "and the fact of the same message with them"
    assert {one.id for one in talk.memories.stored[ADA]} == {"locker"}


async def test_nothing_of_a_correction_is_lost_when_only_a_part_of_it_is_a_fact() -> None:
    talk = await asked()
    await talk.says("no, I don't live in Quito but in Lima")
    assert any("Lima" in text for text in talk.held)


async def test_a_text_without_a_slot_is_replaced_by_the_new_words() -> None:
    talk = await asked(label="Correct 3")
    await talk.says("my locker is number 21")
    assert talk.held == [
        "my locker is number 21",
        "Lives in Quito.",
        "Has a dog.",
        "Quito is high!",
        "I live in Quito with a dog",
    ]


async def test_a_value_of_many_does_not_keep_the_slot_of_the_wrong_one() -> None:
    memories = FakeMemories()
    memories.add(ADA, "tea", "Likes tea.", slot="likes:tea", kind=MemoryKind.PREFERENCE, language="en")
    talk = MemoryTalk(memories=memories)
    await talk.commands("memory")
    await talk.presses("Correct 1")
    await talk.says("Likes only cocoa")
    (added,) = (write for write in talk.outcome.writes if isinstance(write, AddMemory))
    assert (added.what.slot, added.what.kind) == ("", MemoryKind.PREFERENCE)
    await talk.commands("remember", "I like tea")
    assert "Likes tea." in talk.held, "not taken for what the correction says"


async def test_a_message_put_right_takes_along_what_was_drawn_from_it_alone() -> None:
    talk = await asked(label="Correct 2", said=True)
    assert "I live in Quito with a dog" in talk.text
    await talk.says("I live in Lima with a dog")
    assert "I live in Lima with a dog" in talk.held
    assert "Lives in Lima." in talk.held
    assert "Lives in Quito." not in talk.held
    assert "Quito is high!" not in talk.held
    assert "Lives in Lima." in talk.text


async def test_what_the_corrected_message_still_says_stays() -> None:
    memories = FakeMemories()
    memories.add(ADA, "said", "I like tea and I live in Quito", kind=MemoryKind.EPISODE, origin=Origin.SAID, sources=["t0"])
    memories.add(ADA, "tea", "Likes tea.", slot="likes:tea", kind=MemoryKind.PREFERENCE, sources=["t0"])
    memories.add(ADA, "home", "Lives in Quito.", slot="home", sources=["t0", "t5"])
    memories.add(ADA, "sky", "Likes the sky.", slot="likes:sky", kind=MemoryKind.PREFERENCE, sources=["t0"])
    talk = MemoryTalk(memories=memories)
    await talk.commands("memory")
    await talk.presses_key("memory:said.0")
    await talk.presses("Correct 1")
    await talk.says("I like tea")
    assert set(talk.held) == {"I like tea", "Likes tea.", "Lives in Quito."}, "home was said elsewhere, too"
    assert "“Likes the sky.”" in talk.text, "it is told what no longer counts"


@pytest.mark.parametrize("text", ["/cancel", "/cancelar", "Leave it as it is"])
async def test_it_can_be_left_as_it_is(text: str) -> None:
    talk = await asked()
    await talk.says(text)
    assert "stays as it was" in talk.text
    assert "Lives in Quito." in talk.held
    assert talk.awaiting is None
    await talk.says("I live in Lima")
    assert talk.handler == "chat"


async def test_a_single_letter_is_the_text_and_not_the_button() -> None:
    talk = await asked(label="Correct 3")
    await talk.says("a")
    assert "a" in talk.held


async def test_the_same_text_changes_nothing() -> None:
    talk = await asked()
    await talk.says("Lives in Quito.")
    assert not [write for write in talk.outcome.writes if isinstance(write, (AddMemory, EndMemories))]
    assert len(talk.held) == 5


async def test_a_command_in_between_is_not_the_text_nor_is_what_follows_it() -> None:
    talk = await asked()
    await talk.commands("help")
    assert talk.handler == "help"
    await talk.says("What is a boat?")
    assert talk.outcome.is_refused
    assert len(talk.held) == 5
    assert talk.awaiting is None


async def test_much_later_a_text_is_meant_for_the_conversation() -> None:
    talk = await asked()
    await talk.says("What is a boat?", after=timedelta(hours=1))
    assert talk.handler == "chat"


@pytest.mark.parametrize("text", ["x" * 10_000, "x" * 1_001])
async def test_a_text_that_is_too_long_leaves_the_question_open(text: str) -> None:
    talk = await asked()
    await talk.says(text)
    assert talk.outcome.is_refused
    assert talk.awaiting is not None
    assert len(talk.held) == 5


async def test_what_was_forgotten_between_question_and_text_is_said_to_be_gone() -> None:
    talk = await asked()
    talk.memories.stored[ADA] = []
    await talk.says("I live in Lima")
    assert talk.outcome.is_refused
    assert talk.held == []
    assert talk.awaiting is None


async def test_what_was_replaced_meanwhile_cannot_be_put_right_by_an_old_button() -> None:
    talk = await asked()
    page = talk.turns[0]
    await talk.says("I live in Lima")
    await talk.presses("Correct 1", page)
    assert talk.outcome.is_refused
    assert "something newer took its place" in talk.text


async def test_switched_off_meanwhile_nothing_new_is_stored() -> None:
    talk = await asked()
    talk.remembers = False
    await talk.says("I live in Lima")
    assert talk.outcome.writes == ()
    assert "Remembering is off" in talk.text


async def test_a_correction_in_private_of_something_from_a_group_stays_private() -> None:
    memories = FakeMemories()
    memories.add(ADA, "home", "Lives in Quito.", slot="home", group="a1")
    talk = MemoryTalk(memories=memories)
    await talk.commands("memory")
    await talk.presses("Correct 1")
    await talk.says("I live in Lima")
    (added,) = (write for write in talk.outcome.writes if isinstance(write, AddMemory))
    assert added.group is None
    assert talk.held == ["Lives in Lima."]
