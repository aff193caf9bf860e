"""What stands behind a button: it comes back as it was given, and nobody else can make one."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from string import printable

import pytest

from bot.buttons import CHOICE, CORRECT, DOWN, MOST, REASON, UP, button, by_key, read_button
from bot.types import (
    Address,
    AddressId,
    ChannelName,
    Choice,
    Chosen,
    IncomingMessage,
    Kind,
    PastTurn,
    PersonId,
    Reply,
    TurnId,
    TurnStatus,
)

SECRET = b"s" * 32
TURN = TurnId("01JD3ZK8M5X7Q2W9R4T6Y8V1B3")
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("says", [UP, DOWN, CORRECT, f"{REASON}wrong", f"{CHOICE}0", f"{CHOICE}19"])
def test_a_button_comes_back_as_it_was_given_and_fits_every_platform(says: str) -> None:
    data = button(SECRET, TURN, says)
    assert len(data.encode()) <= MOST
    assert read_button(SECRET, data) == (TURN, says)


def test_a_button_that_says_too_much_is_refused_before_a_platform_does() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        button(SECRET, TURN, "x" * 30)


def test_what_is_none_of_ours_is_no_button() -> None:
    random, data = Random(9), button(SECRET, TURN, UP)
    assert read_button(b"t" * 32, data) is None, "another house's"
    for forged in (
        "",
        ":",
        "::",
        data[:-1],
        data + "0",
        data.replace("+", "-"),
        data.replace("01JD", "01JE"),
        "ñ:+:" + "é" * 18,
    ):
        assert read_button(SECRET, forged) is None
    for _ in range(1_000):
        place, letter = random.randrange(len(data)), random.choice(printable)
        forged = data[:place] + letter + data[place + 1 :]
        assert (read_button(SECRET, forged) is not None) is (forged == data)


def chosen(key: str) -> IncomingMessage:
    """A press on an option."""
    return IncomingMessage(
        event_id="e",
        address=Address(channel=ChannelName.TELEGRAM, chat="1", user="1"),
        kind=Kind.CHOICE,
        sent_at=NOW,
        choice=Chosen(turn_id=TURN, key=key),
    )


def asked(*keys: str) -> PastTurn:
    """A turn whose reply has these options."""
    return PastTurn(
        id=TURN,
        person_id=PersonId("p"),
        address_id=AddressId("a"),
        kind=Kind.TEXT,
        handler="help",
        status=TurnStatus.ANSWERED,
        language="en",
        question="?",
        reply=Reply(text="!", choices=tuple(Choice(key=key, label=key) for key in keys)),
        model="",
        flags=frozenset(),
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("named", "found"), [("#0", "yes"), ("#1", "no"), ("#2", "#2"), ("#-1", "#-1"), ("#", "#"), ("#²", "#²"), ("no", "no")]
)
def test_an_option_is_found_by_its_place_among_the_answers_own(named: str, found: str) -> None:
    message = by_key(chosen(named), asked("yes", "no"))
    assert message.choice == Chosen(turn_id=TURN, key=found)


def test_without_a_turn_the_place_stays_a_place() -> None:
    assert by_key(chosen("#0"), None) == chosen("#0")
