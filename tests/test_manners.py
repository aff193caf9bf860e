"""When the bot answers in a group."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from bot.channel_settings import GroupSettings
from bot.channel_types import ChatMode
from bot.errors import StoreBusy
from bot.manners import KNOWN_FOR_S, GroupManners, has_prefix, without_prefix
from bot.types import Address, ChannelName, IncomingMessage, Kind
from tests.fakes import FakeClock


@dataclass
class Chats:
    """A `ChatStore` of one chat's mode, counting reads; `failure` is raised instead."""

    chosen: ChatMode | None = None
    reads: int = 0
    failure: StoreBusy | None = None
    others: dict[str, ChatMode] = field(default_factory=dict)

    async def mode(self, channel: ChannelName, chat: str) -> ChatMode | None:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        return self.others.get(chat, self.chosen)


def said(text: str = "hola", *, kind: Kind = Kind.TEXT, chat: str = "-5", is_admin: bool = False) -> IncomingMessage:
    """A group message."""
    return IncomingMessage(
        event_id="1",
        address=Address(channel=ChannelName.TELEGRAM, chat=chat, user="7"),
        kind=kind,
        sent_at=datetime(2026, 11, 20, tzinfo=UTC),
        text=text,
        is_private=False,
        is_admin=is_admin,
    )


def manners(chats: Chats, clock: FakeClock | None = None, *, answers: str = "mention", prefix: str = "!m") -> GroupManners:
    settings = GroupSettings.model_validate({"answers": answers, "prefix": prefix})
    return GroupManners(chats, settings, (clock or FakeClock()).monotonic)


@pytest.mark.parametrize("mode", ChatMode)
async def test_private_messages_are_always_for_the_bot(mode: ChatMode) -> None:
    chats = Chats(mode)
    assert await manners(chats).is_addressed(replace(said(), is_private=True), is_named=False)
    assert chats.reads == 0


@pytest.mark.parametrize(
    ("message", "is_named", "mention", "always", "never"),
    [
        (said("hola"), False, False, True, False),
        (said("hola"), True, True, True, False),
        (said("!m hola"), False, True, True, False),
        (said("!M, hola"), False, True, True, False),
        (said("!mañana nos vemos"), False, False, True, False),
        (said("/help"), False, True, True, False),
        (said("/ayuda"), False, True, True, False),
        (said("/help", kind=Kind.COMMAND), True, True, True, False),
        (said("/unknown"), False, False, True, False),
        (said("/help@martin_bot"), True, True, True, False),
        (said("/help@another_bot"), False, False, False, False),
        (said("/admin here always", is_admin=True), False, True, True, True),
        (said("/help", is_admin=True), False, True, True, True),
        (said("/admin@another_bot here", is_admin=True), False, False, False, False),
        (said("hola", is_admin=True), True, True, True, False),
        (said("", kind=Kind.CHOICE), False, True, True, False),
        (said("👍", kind=Kind.REACTION), False, True, True, True),
        (said("edited", kind=Kind.EDIT), False, True, True, True),
    ],
)
async def test_what_is_answered_in_each_mode(
    message: IncomingMessage, is_named: bool, mention: bool, always: bool, never: bool
) -> None:
    expected = {ChatMode.MENTION: mention, ChatMode.ALWAYS: always, ChatMode.NEVER: never}
    chosen = {mode: await manners(Chats(mode)).is_addressed(message, is_named=is_named) for mode in ChatMode}
    usual = {mode: await manners(Chats(), answers=mode.value).is_addressed(message, is_named=is_named) for mode in ChatMode}
    assert chosen == expected
    assert usual == expected, "the setting holds where nobody chose"


async def test_what_was_chosen_for_a_chat_goes_before_the_setting_and_holds_there_alone() -> None:
    chats = Chats(others={"-5": ChatMode.ALWAYS})
    polite = manners(chats, answers="never")
    assert await polite.is_addressed(said(), is_named=False)
    assert not await polite.is_addressed(said(chat="-6"), is_named=True)


async def test_a_busy_group_costs_one_read_in_ten_seconds() -> None:
    chats, clock = Chats(ChatMode.MENTION), FakeClock()
    polite = manners(chats, clock)
    for _ in range(50):
        await polite.is_addressed(said(), is_named=False)
    assert chats.reads == 1
    clock.advance(KNOWN_FOR_S + 1)
    await polite.is_addressed(said(), is_named=False)
    assert chats.reads == 2


async def test_what_an_admin_changes_holds_from_the_next_message_on() -> None:
    chats = Chats(ChatMode.MENTION)
    polite = manners(chats)
    assert not await polite.is_addressed(said(), is_named=False)
    assert await polite.is_addressed(said("/admin here always", is_admin=True), is_named=False)
    assert not await polite.is_addressed(said(), is_named=False), "the write is still under way"
    chats.chosen = ChatMode.ALWAYS
    assert await polite.is_addressed(said(), is_named=False)


async def test_a_mode_that_cannot_be_read_leaves_the_message_with_its_platform() -> None:
    chats = Chats(failure=StoreBusy("locked"))
    with pytest.raises(StoreBusy):
        await manners(chats).is_addressed(said(), is_named=True)


@pytest.mark.parametrize(
    ("text", "prefix", "rest"),
    [
        ("!m hola", "!m", "hola"),
        ("!M: hola", "!m", "hola"),
        ("!m", "!m", ""),
        ("!hola", "!", "hola"),
        ("martín, ¿qué hora es?", "Martín", "¿qué hora es?"),
        ("!m /help", "!m", "/help"),
    ],
)
def test_the_prefix_is_no_part_of_what_is_said(text: str, prefix: str, rest: str) -> None:
    assert has_prefix(text, prefix)
    assert without_prefix(text, prefix) == rest


@pytest.mark.parametrize(
    ("text", "prefix"), [("martínez", "martín"), ("hola !m", "!m"), ("hola", ""), ("", "!m"), ("m_x", "m")]
)
def test_other_texts_have_no_prefix(text: str, prefix: str) -> None:
    assert not has_prefix(text, prefix)
    assert without_prefix(text, prefix) == text
