"""Who may talk with the bot at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import pytest

from bot.access import KNOWN_FOR_S, MOST_TRIES, TRIES_EVERY_S, Doorkeeper
from bot.channel_ports import Entry
from bot.channel_settings import AccessSettings
from bot.channel_types import CodeKind
from bot.codes import block_hash, code_hash, new_code, shown_code
from bot.errors import StoreBusy
from bot.settings import AdminSettings
from bot.types import Address, ChannelName, GivenRating, IncomingMessage, Kind, TurnId
from tests.fakes import FakeClock

CODE = new_code(b"chance enough...")
OTHER = new_code(b"another chance..")


def keyed(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16, key=b"secret").digest()


HASH = code_hash(keyed, CodeKind.PAIR, CODE)


@dataclass
class Admissions:
    """An `AdmissionStore` in memory: codes by hash, each with its end and whom it let in."""

    until: dict[str, datetime] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    admitted: set[tuple[ChannelName, str]] = field(default_factory=set)
    looks: int = 0
    tries: int = 0
    failure: StoreBusy | None = None

    async def is_admitted(self, channel: ChannelName, user: str) -> bool:
        self.looks += 1
        if self.failure is not None:
            raise self.failure
        return (channel, user) in self.admitted

    async def admit(self, code: str, channel: ChannelName, user: str, by: str, at: datetime) -> bool:
        self.tries += 1
        if code in self.used:
            return self.used[code] == by and (channel, user) in self.admitted
        if self.until.get(code, at) <= at:
            return False
        self.used[code] = by
        self.admitted.add((channel, user))
        return True


@dataclass
class Blocks:
    """Whom an admin keeps out, as `channel:user`."""

    users: frozenset[str]

    async def is_blocked(self, hash: str) -> bool:
        split = (one.partition(":") for one in self.users)
        return hash in {block_hash(keyed, ChannelName(channel), user) for channel, _, user in split}


def said(
    text: str = "hola", user: str = "7", *, channel: ChannelName = ChannelName.TELEGRAM, is_private: bool = True
) -> IncomingMessage:
    return IncomingMessage(
        event_id="1",
        address=Address(channel=channel, chat=user if is_private else "-5", user=user),
        kind=Kind.TEXT,
        sent_at=datetime(2026, 11, 20, tzinfo=UTC),
        text=text,
        is_private=is_private,
        locale="en",
    )


async def lets_in(keeper: Doorkeeper, message: IncomingMessage) -> bool:
    """Whether it lets a message in."""
    return (await keeper.enter(message)).message is not None


def keeper(
    store: Admissions,
    clock: FakeClock | None = None,
    *,
    is_open: bool = False,
    allow: tuple[str, ...] = (),
    block: tuple[str, ...] = (),
    is_urgent: Callable[[str], bool] = lambda _: False,
    kept_out: frozenset[str] = frozenset(),
) -> Doorkeeper:
    return Doorkeeper(
        settings=AccessSettings(is_open=is_open, allow=allow, block=block),
        admins=AdminSettings(telegram=(42,), discord=(43,)),
        store=store,
        blocks=Blocks(kept_out),
        clock=clock or FakeClock(),
        keyed=keyed,
        language=lambda message: "es" if message.locale == "es" else "en",
        is_urgent=is_urgent,
    )


def with_code(clock: FakeClock) -> Admissions:
    """A store with one good code."""
    return Admissions(until={HASH: clock.now() + timedelta(hours=24)})


# --- lists ---


@pytest.mark.parametrize("channel", [ChannelName.WEB, ChannelName.CONSOLE])
async def test_the_page_and_the_console_have_doors_of_their_own(channel: ChannelName) -> None:
    store = Admissions()
    assert await lets_in(keeper(store, block=("telegram:7",)), said(channel=channel))
    assert store.looks == 0


async def test_an_open_bot_takes_everybody_without_a_look() -> None:
    store = Admissions()
    message = said(CODE)
    assert await keeper(store, is_open=True).enter(message) == Entry(message=message)
    assert (store.looks, store.tries) == (0, 0)


@pytest.mark.parametrize(
    ("is_open", "allow", "user"), [(True, (), "7"), (False, ("telegram:7",), "7"), (True, ("telegram:42",), "42")]
)
async def test_a_block_counts_more_than_anything_and_is_met_with_silence(
    is_open: bool, allow: tuple[str, ...], user: str
) -> None:
    store = Admissions(admitted={(ChannelName.TELEGRAM, user)})
    closed = keeper(store, is_open=is_open, allow=allow, block=(f"telegram:{user}",), is_urgent=lambda _: True)
    assert await closed.enter(said(user=user)) == Entry()
    assert await lets_in(closed, said(user=user, channel=ChannelName.DISCORD)), "the same number is somebody else there"


@pytest.mark.parametrize(
    ("channel", "user", "enters"),
    [
        (ChannelName.TELEGRAM, "7", True),
        (ChannelName.DISCORD, "7", False),
        (ChannelName.TELEGRAM, "42", True),
        (ChannelName.DISCORD, "42", False),
        (ChannelName.DISCORD, "43", True),
        (ChannelName.TELEGRAM, "07", False),
        (ChannelName.TELEGRAM, "8", False),
    ],
)
async def test_a_closed_bot_takes_those_on_the_list_and_admins_by_number(channel: ChannelName, user: str, enters: bool) -> None:
    assert await lets_in(keeper(Admissions(), allow=("telegram:7",)), said(user=user, channel=channel)) is enters


async def test_a_name_that_is_an_admins_number_opens_nothing() -> None:
    spoofed = replace(said(), sender_name="42", is_admin=True)
    assert not await lets_in(keeper(Admissions()), spoofed)


async def test_whom_an_admin_keeps_out_is_met_with_silence_and_is_told_so_on_the_page() -> None:
    kept_out = frozenset({"telegram:7", "web:w1"})
    open_to_all = keeper(Admissions(), is_open=True, kept_out=kept_out, is_urgent=lambda _: True)
    assert await open_to_all.enter(said()) == Entry()
    assert await lets_in(open_to_all, said(user="8"))
    page = await open_to_all.enter(said(user="w1", channel=ChannelName.WEB))
    assert page.message is None
    assert "keeps you out" in page.notice
    assert await lets_in(open_to_all, said(user="w1", channel=ChannelName.CONSOLE))


@pytest.mark.parametrize(
    ("user", "is_told"), [("7", True), ("8", False), ("9", False), ("5", False), ("42", True), ("6", True)]
)
async def test_who_may_be_told_something_unasked(user: str, is_told: bool) -> None:
    """7 is on the list, 8 nobody let in, 9 the settings block, 5 an admin blocks, 42 is an admin, 6 came with a code."""
    store = Admissions(admitted={(ChannelName.TELEGRAM, "6"), (ChannelName.TELEGRAM, "5")})
    closed = keeper(store, allow=("telegram:7",), block=("telegram:9",), kept_out=frozenset({"telegram:5"}))
    assert await closed.may_be_told(ChannelName.TELEGRAM, user) is is_told
    opened = keeper(store, is_open=True, block=("telegram:9",), kept_out=frozenset({"telegram:5"}))
    assert await opened.may_be_told(ChannelName.TELEGRAM, user) is (user not in ("5", "9"))
    assert await opened.may_be_told(ChannelName.WEB, user)


async def test_an_admin_of_the_settings_cannot_be_kept_out() -> None:
    assert await lets_in(keeper(Admissions(), kept_out=frozenset({"telegram:42"})), said(user="42"))


# --- who is not invited ---


async def test_the_uninvited_are_told_once_a_day() -> None:
    clock = FakeClock()
    closed = keeper(Admissions(), clock)
    first = await closed.enter(said())
    assert first.message is None
    assert "invited" in first.notice
    assert await closed.enter(replace(said("hola?"), event_id="2")) == Entry()
    assert (await closed.enter(said(user="8"))).notice == first.notice
    clock.advance(days=1)
    assert (await closed.enter(said())).notice == first.notice


async def test_in_groups_and_for_presses_nothing_is_said() -> None:
    closed = keeper(Admissions())
    assert await closed.enter(said(is_private=False)) == Entry()
    rating = replace(said(""), kind=Kind.RATING, rating=GivenRating(turn_id=TurnId("t"), value=1))
    assert await closed.enter(rating) == Entry()
    assert await closed.enter(replace(said("👍"), kind=Kind.REACTION)) == Entry()
    assert await closed.enter(replace(said("new"), kind=Kind.EDIT)) == Entry()
    assert (await closed.enter(said())).notice, "the one notice of the day is still there"


async def test_a_cry_for_help_is_heard_in_private() -> None:
    closed = keeper(Admissions(), is_urgent=lambda text: "help" in text)
    assert await lets_in(closed, said("help me"))
    assert not await lets_in(closed, said("help me", is_private=False))
    assert not await lets_in(closed, replace(said("help me"), kind=Kind.EDIT))


# --- codes ---


@pytest.mark.parametrize("typed", [CODE, shown_code(CODE), CODE.lower(), f" {shown_code(CODE)}\n", f"/start {CODE}"])
async def test_a_code_lets_its_sender_in_and_welcomes(typed: str) -> None:
    clock = FakeClock()
    store = with_code(clock)
    closed = keeper(store, clock)
    assert not await lets_in(closed, said("hola"))
    entry = await closed.enter(said(typed))
    assert entry.message == replace(said(typed), kind=Kind.COMMAND, text="/start"), "no model sees the code"
    assert await lets_in(closed, said("hola"))
    assert await lets_in(keeper(store, clock), said("hola", is_private=False)), "after a restart, and in groups"
    assert not await lets_in(closed, said("hola", user="8"))


async def test_a_code_works_once() -> None:
    clock = FakeClock()
    store = with_code(clock)
    closed = keeper(store, clock)
    await closed.enter(said(CODE))
    second = await closed.enter(said(CODE, user="8"))
    assert second.message is None
    assert "code" in second.notice


async def test_the_same_message_once_more_welcomes_again() -> None:
    clock = FakeClock()
    store = with_code(clock)
    first = await keeper(store, clock).enter(said(CODE))
    assert await keeper(store, clock).enter(said(CODE)) == first, "a crash came between the code and the message"


async def test_a_code_in_a_group_does_nothing() -> None:
    clock = FakeClock()
    store = with_code(clock)
    assert await keeper(store, clock).enter(said(CODE, is_private=False)) == Entry()
    assert store.tries == 0


async def test_a_code_that_is_too_old_lets_nobody_in() -> None:
    clock = FakeClock()
    store = with_code(clock)
    clock.advance(days=1)
    assert not await lets_in(keeper(store, clock), said(CODE))


async def test_after_five_wrong_codes_an_hour_of_silence_even_for_the_right_one() -> None:
    clock = FakeClock()
    store = with_code(clock)
    closed = keeper(store, clock)
    wrong = [await closed.enter(replace(said(OTHER), event_id=f"wrong {number}")) for number in range(MOST_TRIES)]
    assert all(entry.message is None and "code" in entry.notice for entry in wrong)
    assert await closed.enter(said(CODE)) == Entry()
    assert store.tries == MOST_TRIES, "nothing is tried any more"
    assert await lets_in(closed, said(OTHER, user="8")) is False
    clock.advance(TRIES_EVERY_S + 1)
    assert await lets_in(closed, said(CODE))


async def test_a_word_of_somebody_let_in_is_no_code() -> None:
    closed = keeper(Admissions(admitted={(ChannelName.TELEGRAM, "7")}))
    for _ in range(MOST_TRIES + 1):
        assert await closed.enter(said("whatever")) == Entry(message=said("whatever"))


async def test_what_stands_for_the_user_of_a_code_does_not_name_them() -> None:
    clock = FakeClock()
    store = with_code(clock)
    await keeper(store, clock).enter(said(CODE, user="987654321"))
    assert "987654321" not in store.used[HASH]


# --- what it costs ---


async def test_who_writes_much_is_looked_up_once_in_ten_seconds() -> None:
    clock, store = FakeClock(), Admissions()
    closed = keeper(store, clock)
    for _ in range(20):
        await closed.enter(said())
    assert store.looks == 1
    store.admitted.add((ChannelName.TELEGRAM, "7"))
    clock.advance(KNOWN_FOR_S + 1)
    assert await lets_in(closed, said())


async def test_while_the_database_fails_nobody_is_turned_away() -> None:
    with pytest.raises(StoreBusy):
        await keeper(Admissions(failure=StoreBusy("locked"))).enter(said())


@pytest.mark.parametrize("text", ["hola", OTHER])
async def test_the_notices_are_in_the_senders_language(text: str) -> None:
    english = (await keeper(Admissions()).enter(said(text))).notice
    spanish = (await keeper(Admissions()).enter(replace(said(text), locale="es"))).notice
    assert english
    assert spanish
    assert english != spanish


async def test_a_message_that_comes_again_because_it_was_not_stored_is_no_other_try() -> None:
    closed = keeper(Admissions())
    typo = replace(said("ABCD-EFGH"), event_id="typo")
    for _ in range(MOST_TRIES + 3):
        assert (await closed.enter(typo)).notice, "the same message, again and again"
    stranger = replace(said("hola", user="9"), event_id="first")
    assert (await closed.enter(stranger)).notice == (await closed.enter(stranger)).notice != ""
    assert not (await closed.enter(replace(stranger, event_id="second"))).notice
