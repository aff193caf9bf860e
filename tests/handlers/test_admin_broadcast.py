"""A message to everybody: what is shown is what goes out, to nobody who is kept out, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.admin_ports import AdminDesk
from bot.admin_types import BROADCAST, Broadcast
from bot.amounts import BLANK
from bot.commands import parse_command
from bot.types import (
    LANGUAGES,
    Address,
    AddressId,
    ChannelName,
    DueMessage,
    Kind,
    Language,
    Outcome,
    PastTurn,
    Person,
    Question,
    Turn,
)
from bot.writes import AddAudit, AddBroadcast, AddJob, AskQuestion, CloseQuestion
from handlers.admin import AdminHandler
from handlers.admin_broadcast import MOST_CHARS, BroadcastAction
from handlers.admin_chats import Places
from tests.handlers.fake_desk import FakeBroadcasts, desk
from tests.handlers.fakes import ADA, BOB, NOW, answer, message, past, pressed, said, services, turn

TEXT = "On **Sunday** I am away.\n\n- from 8\n- to 10"
FOOTER = "This comes from whoever runs this bot"
SOMEBODY = Address(channel=ChannelName.TELEGRAM, chat="123", user="123")


def typed(text: str, language: Language = "en", *, is_admin: bool = True) -> Turn:
    """A command as the core makes its turn."""
    parsed = parse_command(text)
    assert parsed is not None
    return turn(message(Kind.COMMAND, text), language, command=parsed[0], arguments=parsed[1], is_admin=is_admin)


async def asked(text: str, using: AdminDesk | None = None, language: Language = "en") -> Outcome:
    handler, outcome = await answer(typed(text, language), desk=using)
    assert handler.name == "admin"
    return outcome


def stored(text: str, outcome: Outcome, *, chosen: str | None = None) -> PastTurn:
    """The turn that asked, as it is stored."""
    assert outcome.reply is not None
    return past(handler="admin", kind=Kind.COMMAND, question=text, choices=outcome.reply.choices, chosen=chosen)


def keys(outcome: Outcome) -> list[str]:
    assert outcome.reply is not None
    return [choice.key for choice in outcome.reply.choices]


async def presses(
    asking: PastTurn, place: int = 0, *, using: AdminDesk | None = None, language: Language = "en", is_admin: bool = True
) -> Outcome:
    given = pressed(asking, asking.reply.choices[place].key, language)
    _, outcome = await answer(replace(given, message=replace(given.message, is_admin=is_admin)), desk=using)
    return outcome


def sent(outcome: Outcome) -> list[str]:
    return [write.text for write in outcome.writes if isinstance(write, AddBroadcast)]


def audited(outcome: Outcome) -> tuple[str, str, str]:
    (entry,) = (write for write in outcome.writes if isinstance(write, AddAudit))
    return entry.action, entry.subject, entry.result


# --- asking ---


@pytest.mark.parametrize(("language", "word"), [("en", "broadcast"), ("es", "difundir")])
async def test_message_is_shown_and_counted_before_anything_goes_out(language: Language, word: str) -> None:
    outcome = await asked(f"/admin {word} {TEXT}", desk(broadcasts=FakeBroadcasts(people=42)), language)
    assert f"\n\n---\n\n{TEXT}\n\n_" in said(outcome), "it comes last, as people get it"
    assert "42" in said(outcome)
    assert "100" in said(outcome)
    assert sent(outcome) == []
    assert [write for write in outcome.writes if isinstance(write, AddJob)] == []
    assert any(isinstance(write, AskQuestion) for write in outcome.writes)
    assert len(keys(outcome)) == 2
    assert audited(outcome) == ("broadcast", "", "asked")


async def test_what_is_shown_ends_as_the_message_does() -> None:
    text = said(await asked(f"/admin broadcast {TEXT}"))
    told = await BroadcastAction(services(), desk(broadcasts=FakeBroadcasts([one()]))).word(due("b1", "en"))
    assert text.endswith(said(told))
    assert FOOTER in said(told)


@pytest.mark.parametrize(
    ("text", "is_told"), [("See https://example.org/x", True), ("See www.example.org", True), ("See it: 3.14", False)]
)
async def test_addresses_are_told_to_be_no_links(text: str, is_told: bool) -> None:
    assert ("are no links" in said(await asked(f"/admin broadcast {text}"))) is is_told


@pytest.mark.parametrize("language", LANGUAGES)
async def test_with_nobody_to_reach_nothing_is_asked(language: Language) -> None:
    outcome = await asked(f"/admin broadcast {TEXT}", desk(broadcasts=FakeBroadcasts(people=0)), language)
    assert outcome.is_refused
    assert keys(outcome) == []
    assert audited(outcome) == ("broadcast", "", "nobody")


async def test_longest_message_is_taken_and_a_longer_one_is_not() -> None:
    assert len(keys(await asked("/admin broadcast " + "x" * MOST_CHARS))) == 2
    outcome = await asked("/admin broadcast " + "x" * (MOST_CHARS + 1))
    assert outcome.is_refused
    assert keys(outcome) == []
    assert "3,001" in said(outcome)
    assert audited(outcome) == ("broadcast", "", "too long")
    spanish = await asked("/admin difundir " + "x" * 12_000, language="es")
    assert f"12{BLANK}000" in said(spanish)


@pytest.mark.parametrize("text", ["/admin broadcast", f"/admin broadcast {TEXT}", "/admin difundir"])
async def test_who_is_no_admin_tells_nobody_anything(text: str) -> None:
    _, outcome = await answer(typed(text, is_admin=False), desk=desk(broadcasts=FakeBroadcasts([one()])))
    assert outcome.is_refused
    assert "Sunday" not in said(outcome)
    assert outcome.writes == ()


# --- answering ---


@pytest.mark.parametrize(
    "command",
    [
        "/admin broadcast ",
        "/Admin BROADCAST ",
        "/admin difundir ",
        "/admin@MartinBot broadcast ",
        "/admin   broadcast ",
        "/admin broadcast    ",
    ],
)
@pytest.mark.parametrize("text", [TEXT, "one", "/admin broadcast again", "line\n\n    code\n```\nopen", "a  b\tc"])
async def test_confirmed_exactly_what_was_shown_goes_out(command: str, text: str) -> None:
    first = await asked(command + text)
    assert f"\n\n---\n\n{text}\n\n_" in said(first)
    asking = stored(command + text, first)
    outcome = await presses(asking)
    assert sent(outcome) == [text]
    assert AddBroadcast(id="t9", text=text) in outcome.writes
    assert AddJob(kind="broadcast", person_id=ADA) in outcome.writes
    assert CloseQuestion(turn_id=asking.id, key=keys(first)[0]) in outcome.writes
    assert "`/admin broadcast`" in said(outcome)
    assert audited(outcome) == ("broadcast", "t9", "done")


@pytest.mark.parametrize(("label", "language"), [("Yes, send it", "en"), ("a", "es")])
async def test_what_is_written_sends_nothing(label: str, language: Language) -> None:
    command = f"/admin broadcast {TEXT}"
    asking = stored(command, await asked(command, language=language))
    labels = [choice if place else replace(choice, label=label) for place, choice in enumerate(asking.reply.choices)]
    question = Question(turn_id=asking.id, kind="admin", choices=tuple(labels))
    given = turn(message(Kind.TEXT, label), language, awaiting=question, is_admin=True)
    handler, outcome = await answer(given, services(turns=[asking]))
    assert handler.name == "chat", "it may be meant for the talk"
    assert sent(outcome) == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_answer_no_sends_nothing(language: Language) -> None:
    command = f"/admin broadcast {TEXT}"
    asking = stored(command, await asked(command))
    outcome = await presses(asking, 1, language=language)
    assert sent(outcome) == []
    assert [write.key for write in outcome.writes if isinstance(write, CloseQuestion)] == ["admin:broadcast.no"]
    assert audited(outcome) == ("broadcast", "", "cancelled")


async def test_second_press_sends_nothing_more() -> None:
    command = f"/admin broadcast {TEXT}"
    first = await asked(command)
    outcome = await presses(stored(command, first, chosen=keys(first)[0]))
    assert outcome.is_refused
    assert sent(outcome) == []
    assert audited(outcome) == ("broadcast", "", "late")


async def test_press_of_somebody_who_is_no_admin_any_more_sends_nothing() -> None:
    command = f"/admin broadcast {TEXT}"
    outcome = await presses(stored(command, await asked(command)), is_admin=False)
    assert outcome.is_refused
    assert outcome.writes == ()


@pytest.mark.parametrize(
    "question", ["", "On Sunday", "/admin broadcast", "/admin broadcast Another text", "/help broadcast me", f"x {TEXT}"]
)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_nothing_else_than_what_was_shown_goes_out(question: str, language: Language) -> None:
    asking = stored(question, await asked(f"/admin broadcast {TEXT}"))
    outcome = await presses(asking, language=language)
    assert outcome.is_refused
    assert sent(outcome) == []
    assert audited(outcome) == ("broadcast", "", "gone")


# --- what was told lately ---


def one(id: str = "b1", text: str = TEXT, *, sent: int = 3, is_spread: bool = True) -> Broadcast:
    return Broadcast(id=id, text=text, at=NOW - timedelta(days=2), people=1_200, sent=sent, is_spread=is_spread)


async def test_alone_it_says_how_far_the_last_five_are() -> None:
    told = [one(f"b{number}", f"Message number {number}") for number in range(7)]
    outcome = await asked("/admin broadcast", desk(broadcasts=FakeBroadcasts(told)))
    lines = [line for line in said(outcome).splitlines() if line.startswith("- ")]
    assert lines[0] == "- 28 November 2026, 12:00 UTC: “Message number 0”, gone out to 3 of 1,200"
    assert len(lines) == 5
    assert "`/admin broadcast TEXT`" in said(outcome)
    assert keys(outcome) == []
    assert audited(outcome) == ("broadcast", "", "shown")


async def test_long_text_is_shortened_and_its_markup_quoted() -> None:
    told = [one(text="# **Big** `news`\n" + "and more " * 300, is_spread=False)]
    text = said(await asked("/admin broadcast", desk(broadcasts=FakeBroadcasts(told))))
    (line,) = (line for line in text.splitlines() if line.startswith("- "))
    assert r"\# \*\*Big\*\* \`news\` and more" in line
    assert "…”" in line
    assert len(line) < 400
    assert line.endswith("people are still being added")


async def test_last_ones_are_dated_in_spanish_too() -> None:
    text = said(await asked("/admin difundir", desk(broadcasts=FakeBroadcasts([one()])), "es"))
    assert "28 de noviembre de 2026" in text
    assert "1200" in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_when_nothing_was_told_it_says_how(language: Language) -> None:
    text = said(await asked("/admin broadcast", language=language))
    assert "`/admin " in text
    assert "\n- " not in text


# --- what each person gets ---


def due(id: str, language: Language | None = None) -> DueMessage:
    person = Person(id=BOB, language=language, created_at=NOW)
    return DueMessage(id="d1", kind=f"broadcast.{id}", person=person, address=SOMEBODY, address_id=AddressId("a1"))


async def test_person_gets_the_message_with_a_line_that_says_whose_it_is() -> None:
    outcome = await BroadcastAction(services(), desk(broadcasts=FakeBroadcasts([one()]))).word(due("b1", "en"))
    assert said(outcome).startswith(f"{TEXT}\n\n_{FOOTER}")
    assert outcome.reply is not None
    assert not outcome.reply.rateable
    assert outcome.reply.choices == ()
    assert outcome.writes == ()


@pytest.mark.parametrize("id", ["b2", ""])
async def test_message_that_is_gone_or_too_old_is_dropped(id: str) -> None:
    outcome = await BroadcastAction(services(), desk(broadcasts=FakeBroadcasts([one()]))).word(due(id))
    assert outcome == Outcome(reply=None)


@pytest.mark.parametrize("spoken", LANGUAGES)
async def test_last_line_is_in_the_chosen_language_else_in_the_one_spoken_there_else_english(spoken: Language) -> None:
    using = desk(broadcasts=FakeBroadcasts([one()]))
    there = services(turns=[past("t1", person=BOB, language="en"), past("t2", person=BOB, language=spoken)])
    chosen = {language: (await BroadcastAction(services(), using).word(due("b1", language))).reply for language in LANGUAGES}
    assert (await BroadcastAction(there, using).word(due("b1"))).reply == chosen[spoken]
    assert (await BroadcastAction(there, using).word(due("b1", "en"))).reply == chosen["en"]
    assert (await BroadcastAction(services(), using).word(due("b1"))).reply == chosen["en"]


async def test_handler_of_admins_words_it_when_it_falls_due() -> None:
    handler = AdminHandler(services(), desk(broadcasts=FakeBroadcasts([one()])), Places())
    assert BROADCAST in handler.due_kinds
    assert said(await handler.word(due("b1"))).startswith(TEXT)
