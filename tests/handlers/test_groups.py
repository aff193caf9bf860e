"""In a group, nothing is said of a person that was said or chosen in private."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.commands import COMMANDS
from bot.ports import Services
from bot.sharing_types import SharedState
from bot.types import LANGUAGES, Chosen, EvidenceKind, Kind, Language, Outcome, Source, Turn, TurnId
from bot.writes import AddAudit, AddProfileEvent, DropProfile, MemoryWrite
from handlers.asking import option
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fake_sharing import FakeSharing, correction
from tests.handlers.fakes import ADA, FakeModel, FakeOwner, answer, message, past, services, turn
from tests.handlers.styled import known

REFUSED, SCOPED, GENERAL = "refused", "scoped", "general"
"""What is private is refused, what has a part for the group shows that alone, and the rest knows nothing private."""
IN_A_GROUP: Mapping[str, str] = {
    "start": GENERAL,
    "help": GENERAL,
    "new": GENERAL,
    "stop": GENERAL,
    "again": SCOPED,
    "why": SCOPED,
    "language": GENERAL,
    "profile": REFUSED,
    "memory": SCOPED,
    "remember": SCOPED,
    "forget": SCOPED,
    "share": REFUSED,
    "mydata": REFUSED,
    "forgetme": GENERAL,
    "link": REFUSED,
    "unlink": REFUSED,
    "about": GENERAL,
    "admin": REFUSED,
}
ARGUMENTS: Mapping[str, str] = {"remember": "I play chess.", "forget": "where I live", "admin": "models", "profile": "export"}
PRIVATE, SHARED, HELD = "Lives in Lima.", "Plays the violin.", "a line of my diary"


def knowing(model: FakeModel | None = None) -> Services:
    """What is known of Ada: in private a place, a profile and a diary, in this group an instrument."""
    memories = FakeMemories()
    memories.add(ADA, "private", PRIVATE)
    memories.add(ADA, "shared", SHARED, group="a1")
    sources = tuple(Source(kind=EvidenceKind.FACT, source=one, score=0.9) for one in ("private", "shared"))
    return services(
        model=model,
        memories=memories,
        profiles=known(),
        turns=[past(sources=sources, model="offline")],
        personal=[FakeOwner("diary", held=[HELD])],
        sharing=FakeSharing([correction(1, answer=HELD, state=SharedState.ASKED)]),
    )


def in_group(name: str, arguments: str = "", language: Language = "en", *, consent: bool | None = True) -> Turn:
    """A command that Ada, an admin, writes where others read along."""
    given = message(Kind.COMMAND, f"/{name} {arguments}", is_private=False)
    return turn(given, language, command=name, arguments=arguments, consent=consent, is_admin=True)


def shown(outcome: Outcome) -> str:
    """All that the others see of an outcome."""
    reply = outcome.reply
    if reply is None:
        return outcome.note
    files = [file.content.decode() for file in reply.files]
    return "\n".join([reply.text, outcome.note, *(choice.label for choice in reply.choices), *files])


def test_every_command_has_a_place_in_the_table() -> None:
    assert set(IN_A_GROUP) == {command.name for command in COMMANDS}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", IN_A_GROUP)
async def test_no_command_repeats_in_a_group_what_is_private(name: str, language: Language) -> None:
    _, outcome = await answer(in_group(name, ARGUMENTS.get(name, ""), language), knowing())
    for secret in ("Lima", HELD, "you allowed", "como permitiste"):
        assert secret not in shown(outcome)
    assert outcome.reply is None or outcome.reply.files == ()


@pytest.mark.parametrize(("language", "word"), [("en", "private"), ("es", "privado")])
@pytest.mark.parametrize("name", [name for name, what in IN_A_GROUP.items() if what == REFUSED])
async def test_what_is_private_is_refused_in_a_group_with_the_place_for_it(name: str, language: Language, word: str) -> None:
    _, outcome = await answer(in_group(name, ARGUMENTS.get(name, ""), language), knowing())
    assert outcome.is_refused
    assert word in shown(outcome)
    assert [write for write in outcome.writes if not isinstance(write, AddAudit)] == []


@pytest.mark.parametrize("name", ["memory", "why"])
async def test_what_was_said_in_the_group_may_be_shown_there(name: str) -> None:
    _, outcome = await answer(in_group(name), knowing())
    assert SHARED in shown(outcome)


async def test_a_new_answer_rests_on_nothing_private() -> None:
    model = FakeModel()
    using = knowing(model)
    await answer(in_group("again"), using)
    (prompt,) = model.prompts
    assert "Lima" not in repr(prompt)


@pytest.mark.parametrize("name", ["start", "about"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_how_somebody_decided_on_training_is_not_told_in_a_group(name: str, language: Language) -> None:
    told = {shown((await answer(in_group(name, language=language, consent=consent)))[1]) for consent in (True, False)}
    assert len(told) == 1
    _, private = await answer(replace(in_group(name, language=language), message=message(Kind.COMMAND)))
    assert shown(private) not in told, "in private it is"


@pytest.mark.parametrize(
    "key", ["profile:show", "profile:export", "profile:hand", "forget:one.private", "forget:yes.private", "memory:erase"]
)
async def test_no_press_in_a_group_reaches_what_is_private(key: str) -> None:
    kind, _, rest = key.partition(":")
    asking = past(handler=kind, kind=Kind.COMMAND, choices=(option(kind, rest, "x"),))
    press = message(Kind.CHOICE, choice=Chosen(turn_id=TurnId("t1"), key=key), is_private=False)
    _, outcome = await answer(turn(press, target=asking), knowing())
    assert outcome.is_refused
    assert not any(isinstance(write, MemoryWrite | AddProfileEvent | DropProfile) for write in outcome.writes)
    assert "Lima" not in shown(outcome)
