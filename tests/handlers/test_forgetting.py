"""Forgetting single memories: `/forget WHAT`, the buttons, and what goes together."""

from __future__ import annotations

import pytest

from bot.memory_types import BOT, Memory, MemoryKind, Origin
from bot.types import LANGUAGES, Language, PersonId, Scope
from bot.writes import AskQuestion, DropMemories
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fakes import ADA, BOB, NOW
from tests.handlers.memory_talk import MemoryTalk

GROUP = "a1"


def told() -> FakeMemories:
    """A message with two facts, one of which took the place of another; a fact alone; and one of somebody else."""
    memories = FakeMemories()
    memories.add(BOB, "b1", "Lives in Lima, too.")
    memories.add(ADA, "old", "Lives in Quito.", slot="home", sources=["t-old"])
    memories.add(ADA, "oldsaid", "I live in Quito", kind=MemoryKind.EPISODE, origin=Origin.SAID, sources=["t-old"])
    memories.add(ADA, "home", "Lives in Lima.", slot="home", sources=["t-new"])
    memories.add(ADA, "dog", "Has a dog.", slot="owns:dog", sources=["t-new"])
    memories.add(ADA, "said", "I live in Lima with a dog", kind=MemoryKind.EPISODE, origin=Origin.SAID, sources=["t-new"])
    memories.add(ADA, "tea", "Likes green tea.", slot="likes:green-tea")
    memories.end(ADA, "old", by="home")
    return memories


ALL_OF_LIMA = {"home", "dog", "said", "old", "oldsaid"}


def dropped(talk: MemoryTalk) -> set[str]:
    """What the last turn takes away."""
    return {one for write in talk.outcome.writes if isinstance(write, DropMemories) for one in write.ids}


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Forgotten: “Likes green tea.”"), ("es", "Olvidado: «Likes green tea.»")]
)
async def test_a_memory_that_stands_alone_goes_with_one_press(language: Language, words: str) -> None:
    talk = MemoryTalk(language, memories=told())
    await talk.commands("memory")
    await talk.presses("Forget 1" if language == "en" else "Olvidar 1")
    assert words in talk.text
    assert dropped(talk) == {"tea"}
    assert "Likes green tea." not in talk.held


async def test_what_hangs_together_is_shown_and_asked_about_first() -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("memory")
    await talk.presses("Forget 3")
    assert dropped(talk) == set()
    assert "These 5 go together" in talk.text
    for text in (
        "Lives in Lima.",
        "Has a dog.",
        "I live in Lima with a dog",
        "Lives in Quito.”, 1 November 2026",
        "no longer current",
    ):
        assert text in talk.text, text
    assert talk.keys == ["forget:yes.home", "forget:no"]
    await talk.presses("Yes, forget them")
    assert dropped(talk) == ALL_OF_LIMA
    assert talk.held == ["Likes green tea."]
    assert "5 memories" in talk.text


@pytest.mark.parametrize("text", ["a", "Yes, forget them"])
async def test_the_question_is_answered_by_its_letter_and_its_words_too(text: str) -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("memory")
    await talk.presses("Forget 3")
    await talk.says(text)
    assert dropped(talk) == ALL_OF_LIMA


async def test_no_keeps_them_and_holds() -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("memory")
    await talk.presses("Forget 3")
    asked = talk.last
    await talk.presses("No, keep them")
    await talk.presses("Yes, forget them", asked)
    assert talk.outcome.is_refused
    assert dropped(talk) == set()
    assert len(talk.held) == 5


@pytest.mark.parametrize(("language", "words"), [("en", "gone already"), ("es", "ya está olvidado")])
async def test_a_button_of_an_old_page_about_what_is_gone_says_so(language: Language, words: str) -> None:
    talk = MemoryTalk(language, memories=told())
    await talk.commands("memory")
    page = talk.last
    for label in page.reply.choices[:2]:
        talk.memories.stored[ADA] = []
        await talk.presses_key(label.key, page)
        assert talk.outcome.is_refused
        assert dropped(talk) == set()
    await talk.presses_key(page.reply.choices[0].key, page)
    assert words in talk.text


async def test_pressed_twice_it_is_forgotten_once() -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("memory")
    page = talk.last
    await talk.presses("Forget 1", page)
    await talk.presses("Forget 1", page)
    assert "gone already" in talk.text
    assert len(talk.held) == 4


async def test_what_was_forgotten_between_question_and_yes_is_said_to_be_gone() -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("memory")
    await talk.presses("Forget 3")
    talk.memories.stored[ADA] = []
    await talk.presses("Yes, forget them")
    assert "gone already" in talk.text
    assert talk.outcome.is_refused


async def test_a_yes_forgets_what_hangs_on_it_by_then() -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("memory")
    await talk.presses("Forget 3")
    talk.memories.add(ADA, "later", "Has a large dog.", sources=["t-new"])
    await talk.presses("Yes, forget them")
    assert dropped(talk) == ALL_OF_LIMA | {"later"}


async def test_answers_that_told_it_are_shown_and_go_with_it_but_not_what_was_liked() -> None:
    """What "forget this" forgot came back through the bot's own answer."""
    memories = FakeMemories()
    memories.add(ADA, "code", "Has the locker code 4321.")
    memories.add(ADA, "told", "Your code is 4321", kind=MemoryKind.EPISODE, origin=Origin.ANSWERED, said_by=BOT)
    memories.add(ADA, "else", "It rains in April", kind=MemoryKind.EPISODE, origin=Origin.ANSWERED, said_by=BOT)
    memories.used = {"told": {"code"}, "else": {"rain"}}
    talk = MemoryTalk(memories=memories)
    await talk.commands("memory")
    await talk.presses_key("forget:one.code", talk.last)
    assert dropped(talk) == set()
    assert "Your code is 4321" in talk.text
    assert "rains" not in talk.text
    await talk.presses_key("forget:yes.code", talk.last)
    assert dropped(talk) == {"code", "told"}
    assert "Answers that you liked, and your corrections, stay" in talk.text


async def test_a_long_list_of_what_goes_is_cut_with_its_number() -> None:
    memories = FakeMemories()
    for number in range(12):
        memories.add(ADA, f"m{number}", f"Likes number {number}.", sources=["t1"])
    talk = MemoryTalk(memories=memories)
    await talk.commands("memory")
    await talk.presses("Forget 1")
    assert "These 12 go together" in talk.text
    assert talk.text.count("- “") == 8
    assert talk.text.endswith("and 4 more")


# --- /forget WHAT ---


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_shows_what_fits_and_asks(language: Language) -> None:
    talk = MemoryTalk(language, memories=told())
    await talk.commands("forget", "Lima")
    assert talk.handler == "forget"
    assert dropped(talk) == set()
    assert "Lives in Lima." in talk.text
    assert "Likes green tea" not in talk.text
    assert "too" not in talk.text, "nothing of anybody else"
    assert [key.partition(".")[0] for key in talk.keys] == ["forget:one"] * 2 + ["forget:all", "forget:none"]
    (asking,) = talk.outcome.writes
    assert isinstance(asking, AskQuestion)


async def test_one_of_them_is_forgotten_and_the_others_can_be_afterwards() -> None:
    memories = FakeMemories()
    for number in (1, 2, 3):
        memories.add(ADA, f"m{number}", f"Likes fruit number {number}.")
    talk = MemoryTalk(memories=memories)
    await talk.commands("forget", "fruit")
    found = talk.last
    await talk.presses("Forget 2", found)
    assert len(talk.held) == 2
    await talk.presses("Forget 1", found)
    assert len(talk.held) == 1
    await talk.presses("All of these", found)
    assert talk.held == []


async def test_of_what_it_found_more_than_five_are_never_shown() -> None:
    memories = FakeMemories()
    for number in range(9):
        memories.add(ADA, f"m{number}", f"Likes fruit number {number}.")
    talk = MemoryTalk(memories=memories)
    await talk.commands("forget", "fruit")
    assert len(talk.keys) == 5 + 2
    await talk.presses("All of these")
    assert len(talk.held) == 4


async def test_all_of_them_with_what_hangs_on_them_are_asked_about_and_can_be_pressed_later() -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("forget", "Lima")
    await talk.presses("All of these")
    assert "These 5 go together" in talk.text
    asked = talk.last
    await talk.commands("help")
    await talk.presses("Yes, forget them", asked)
    assert dropped(talk) == ALL_OF_LIMA


async def test_none_forgets_nothing() -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("forget", "Lima")
    await talk.presses("None")
    assert dropped(talk) == set()
    assert "nothing was forgotten" in talk.text


async def test_a_letter_is_an_answer_only_while_it_is_asked() -> None:
    talk = MemoryTalk(memories=told())
    await talk.commands("forget", "green")
    await talk.says("a")
    assert dropped(talk) == {"tea"}
    await talk.says("a")
    assert talk.handler == "chat"


@pytest.mark.parametrize(("language", "words"), [("en", "/forgetme"), ("es", "/olvidame")])
async def test_without_words_it_explains_the_difference(language: Language, words: str) -> None:
    talk = MemoryTalk(language, memories=told())
    for arguments in ("", "   "):
        await talk.commands("forget", arguments)
        assert talk.outcome.is_refused
        assert words in talk.text
        assert ("/memory" if language == "en" else "/memoria") in talk.text


@pytest.mark.parametrize(("language", "words"), [("en", "I remember nothing that fits"), ("es", "No recuerdo nada que encaje")])
async def test_nothing_found_says_what_to_do_next(language: Language, words: str) -> None:
    talk = MemoryTalk(language, memories=told())
    for sought in ("helicopter", "x" * 10_000, "** `# [", "\N{PILE OF POO}"):
        await talk.commands("forget", sought)
        assert words in talk.text
        assert talk.outcome.writes == ()
        assert len(talk.text) < 700


async def test_in_a_group_only_what_is_from_there_is_found() -> None:
    talk = MemoryTalk(is_private=False, memories=told())
    talk.memories.add(ADA, "g1", "Plays chess in Lima.", group=GROUP)
    await talk.commands("forget", "Lima")
    assert talk.keys == ["forget:one.g1", "forget:none"]
    assert "Lives" not in talk.text


class Leaking(FakeMemories):
    """Finds private memories in a group, too."""

    async def find(self, person: PersonId, scope: Scope, text: str, *, limit: int) -> list[Memory]:
        return list(await super().find(person, Scope(), text, limit=limit))


async def test_a_search_that_finds_too_much_shows_nothing_of_it() -> None:
    memories = Leaking()
    memories.add(ADA, "p1", "Lives in Lima.")
    talk = MemoryTalk(is_private=False, memories=memories)
    await talk.commands("forget", "Lima")
    assert "Lives" not in talk.text


async def test_a_list_that_was_somebody_elses_forgets_nothing() -> None:
    ada = MemoryTalk(memories=told())
    await ada.commands("forget", "Lima")
    bob = MemoryTalk(person=BOB, memories=ada.memories, turns=[ada.last])
    await bob.presses("All of these", ada.last)
    assert bob.handler == "stale_choice"
    assert len(ada.held) == 5


async def test_forgetting_works_while_remembering_is_off() -> None:
    talk = MemoryTalk(remembers=False, memories=told())
    await talk.commands("forget", "green")
    await talk.presses("Forget 1")
    assert dropped(talk) == {"tea"}


async def test_forgotten_at_one_moment_it_is_not_found_at_the_next() -> None:
    talk = MemoryTalk(memories=told(), at=NOW)
    await talk.commands("forget", "green")
    await talk.presses("Forget 1")
    await talk.commands("forget", "green")
    assert "nothing that fits" in talk.text
