"""What admins decide about groups and invitations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bot.channel_types import ChatMode, CodeKind
from bot.codes import code_hash, read_code
from bot.types import LANGUAGES, Address, ChannelName, Kind, Language, Outcome, Turn, TurnId
from bot.writes import AddCode, SetChatMode
from handlers.admin_chats import CODE_LIVES, Places
from tests.handlers.fakes import NOW, answer, beside_the_audit, command, message, said, services, turn

GROUP = Address(channel=ChannelName.TELEGRAM, chat="-100", user="7")
CLOSED = Places(is_open=False)


@dataclass
class Chats:
    """A `ChatStore` in which one mode was chosen for the group."""

    chosen: ChatMode | None = None

    async def mode(self, channel: ChannelName, chat: str) -> ChatMode | None:
        return self.chosen if (channel, chat) == (GROUP.channel, GROUP.chat) else None


def in_group(
    arguments: str, language: Language = "en", *, is_admin: bool = True, channel: ChannelName = ChannelName.TELEGRAM
) -> Turn:
    given = message(Kind.COMMAND, f"/admin {arguments}", is_private=False)
    given = replace(given, address=replace(GROUP, channel=channel))
    return turn(given, language, command="admin", arguments=arguments, is_admin=is_admin)


async def done(given: Turn, places: Places | None = None) -> Outcome:
    handler, outcome = await answer(given, places=places)
    assert handler.name == "admin"
    return outcome


# --- when it answers in a group ---


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        ("here always", ChatMode.ALWAYS),
        ("here ALWAYS", ChatMode.ALWAYS),
        ("here mention", ChatMode.MENTION),
        ("here never", ChatMode.NEVER),
        ("aquí siempre", ChatMode.ALWAYS),
        ("aqui mencion", ChatMode.MENTION),
        ("aquí mención", ChatMode.MENTION),
        ("aquí nunca", ChatMode.NEVER),
    ],
)
@pytest.mark.parametrize("channel", [ChannelName.TELEGRAM, ChannelName.DISCORD])
async def test_an_admin_chooses_for_the_group_they_write_in(words: str, mode: ChatMode, channel: ChannelName) -> None:
    outcome = await done(in_group(words, channel=channel))
    assert beside_the_audit(outcome) == (SetChatMode(channel=channel, chat=GROUP.chat, mode=mode),)
    assert not outcome.is_refused
    assert "Done" in said(outcome)


async def test_on_telegram_it_is_said_what_always_needs() -> None:
    assert "@BotFather" in said(await done(in_group("here always")))
    assert "@BotFather" not in said(await done(in_group("here never")))
    assert "Telegram" not in said(await done(in_group("here always", channel=ChannelName.DISCORD)))


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (Places(), "mentioned"),
        (Places(answers=ChatMode.NEVER), "nobody"),
        (Places(chats=Chats(ChatMode.ALWAYS), answers=ChatMode.NEVER), "every message"),
        (Places(chats=Chats(), answers=ChatMode.ALWAYS), "every message"),
    ],
)
async def test_without_a_word_it_says_what_is_set_and_changes_nothing(places: Places, expected: str) -> None:
    outcome = await done(in_group("here"), places)
    assert expected in said(outcome)
    assert "/admin here never" in said(outcome)
    assert beside_the_audit(outcome) == ()
    assert not outcome.is_refused


async def test_an_unknown_word_changes_nothing() -> None:
    outcome = await done(in_group("here sometimes"))
    assert beside_the_audit(outcome) == ()
    assert outcome.is_refused
    assert "/admin here always" in said(outcome)


async def test_in_private_it_names_the_place_for_it() -> None:
    outcome = await done(command("admin", arguments="here always", is_admin=True))
    assert outcome.is_refused
    assert beside_the_audit(outcome) == ()
    assert "group" in said(outcome)


# --- codes ---


def code_of(outcome: Outcome) -> str:
    """The code that an outcome shows."""
    shown = said(outcome).split("`")[1]
    code = read_code(shown)
    assert code is not None
    return code


@pytest.mark.parametrize("word", ["pair", "invitar"])
async def test_a_code_is_shown_and_its_hash_alone_is_written(word: str) -> None:
    parts = services()
    _, outcome = await answer(command("admin", arguments=word, is_admin=True), parts, places=CLOSED)
    code = code_of(outcome)
    assert beside_the_audit(outcome) == (
        AddCode(hash=code_hash(parts.keyed, CodeKind.PAIR, code), kind=CodeKind.PAIR, expires_at=NOW + CODE_LIVES),
    )
    assert outcome.kept is not None, "what is stored of the reply"
    assert read_code(outcome.kept.split("`")[1]) is None
    assert code not in str(outcome.writes)
    assert timedelta(hours=24) == CODE_LIVES


async def test_each_code_is_another_and_the_same_where_it_is_answered_again() -> None:
    given = command("admin", arguments="pair", is_admin=True)
    codes = {code_of(await done(replace(given, id=TurnId(f"t{number % 50}")), CLOSED)) for number in range(100)}
    assert len(codes) == 50


async def test_where_everybody_may_write_there_is_no_code() -> None:
    outcome = await done(command("admin", arguments="pair", is_admin=True))
    assert outcome.is_refused
    assert beside_the_audit(outcome) == ()
    assert "is_open" in said(outcome)


async def test_no_code_is_shown_in_a_group() -> None:
    outcome = await done(in_group("pair"), CLOSED)
    assert outcome.is_refused
    assert beside_the_audit(outcome) == ()
    assert "private" in said(outcome)


# --- who may ---


@pytest.mark.parametrize("arguments", ["here", "here always", "pair"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_nobody_else_may_and_they_learn_nothing(arguments: str, language: Language) -> None:
    places = Places(chats=Chats(ChatMode.NEVER), is_open=False)
    _, refused = await answer(command("admin", language))
    for given in (in_group(arguments, language, is_admin=False), command("admin", language, arguments=arguments)):
        assert await done(given, places) == refused


async def test_the_log_says_what_was_done_and_no_code() -> None:
    with capture_logs() as logs:
        await done(in_group("here never"))
        code = code_of(await done(command("admin", arguments="pair", is_admin=True), CLOSED))
        await done(in_group("here never", is_admin=False))
    lines = [line for line in logs if line["event"] == "admin"]
    assert [(line["action"], line["result"]) for line in lines] == [("here", "never"), ("pair", "done"), ("here", "refused")]
    assert code not in str(logs)


@pytest.mark.parametrize(("language", "words"), [("en", ("/admin pair", "/admin here")), ("es", ("/admin", "`"))])
async def test_the_list_names_both(language: Language, words: tuple[str, str]) -> None:
    text = said(await done(command("admin", language, is_admin=True)))
    assert all(word in text for word in words)


@pytest.mark.parametrize("arguments", ["here", "here always", "here never", "here mention"])
async def test_groups_are_told_in_their_admins_language(arguments: str) -> None:
    assert said(await done(in_group(arguments, "es"))) != said(await done(in_group(arguments, "en")))
