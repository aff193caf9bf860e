"""The pure parts of the Discord adapter: places and marks, handles, mentions, files, buttons and the list of commands."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.buttons import read_button
from bot.channels.discord.buttons import after_rating, components, correction_form, long_labels, meant
from bot.channels.discord.commands import PRIVATE, registered
from bot.channels.discord.files import DiscordFiles, is_public
from bot.channels.discord.handles import GOOD_FOR_S, Handle, read_handle
from bot.channels.discord.places import Place, channel_of, read_mark, snowflake_at, time_of
from bot.channels.discord.reading import Reactions, without_mention
from bot.channels.discord.sending import nonce_of
from bot.commands import COMMANDS
from bot.profile_types import Reason
from bot.text_files import READABLE_BYTES, is_readable
from bot.types import Choice, Chosen, GivenRating, Reply, TurnId
from tests.servers.discord.refusals import Form
from tests.servers.discord.rules import check_components, check_modal

SECRET = b"a secret of tests"
TURN = TurnId("01m" + "0" * 23)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@given(st.integers(1, 2**63), st.none() | st.integers(1, 2**63), st.none() | st.integers(1, 2**63), st.integers(0, 2**63))
def test_a_mark_is_read_as_it_was_written(channel: int, guild: int | None, parent: int | None, message: int) -> None:
    place = Place(channel=channel, guild=guild, parent=parent)
    assert read_mark(channel, place.marked(message)) == (place, message)
    assert channel_of(place.address(7)) == channel


@pytest.mark.parametrize("value", ["", "1", "1 2", "a b c", "1 2 3 4", "-1 2 3", "² 2 3"])
def test_a_mark_of_another_shape_is_none(value: str) -> None:
    assert read_mark(1, value) is None


def test_an_id_tells_its_time() -> None:
    # Discord's own example ("Reference", "Snowflakes"): 175928847299117063 was made on 2016-04-30 at 11:18:25.796 UTC.
    assert time_of(175928847299117063) == datetime(2016, 4, 30, 11, 18, 25, 796000, tzinfo=UTC)
    assert time_of(snowflake_at(NOON)) == NOON


@given(st.text(alphabet=st.characters(codec="ascii"), min_size=1, max_size=200), st.booleans())
def test_a_handle_is_read_as_it_was_written(token: str, is_ephemeral: bool) -> None:
    handle = Handle(application=1, token=token, at=NOON, is_ephemeral=is_ephemeral)
    assert read_handle(handle.written()) == handle
    assert handle.is_good(NOON + timedelta(seconds=GOOD_FOR_S - 1))
    assert not handle.is_good(NOON + timedelta(minutes=15))


@pytest.mark.parametrize("text", ["", "1234", "a:b:c:d", "1:2:e"])
def test_what_is_no_handle_is_none(text: str) -> None:
    assert read_handle(text) is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<@7> hello", "hello"),
        ("<@!7>, hello", "hello"),
        ("  <@7>: <@7> hello", "hello"),
        ("hello <@7>", "hello"),
        ("hello <@7>!", "hello!"),
        ("what does <@8> say, <@7>?", "what does <@8> say,?"),
        ("<@&9> hello", "hello"),
        ("<@7>", ""),
        ("no name", "no name"),
        ("two\n<@7> lines", "two\n lines"),
    ],
)
def test_the_bots_name_is_cut_out(text: str, left: str) -> None:
    assert without_mention(text, 7, 9) == left


@pytest.mark.parametrize(
    ("name", "kind", "size", "is_text"),
    [
        ("notes.md", "", 10, True),
        ("NOTES.TXT", "application/octet-stream", 10, True),
        ("page", "text/html; charset=utf-8", 10, True),
        ("cat.png", "image/png", 10, False),
        ("big.txt", "text/plain", READABLE_BYTES + 1, False),
        ("empty.txt", "text/plain", 0, False),
    ],
)
def test_small_text_files_are_readable(name: str, kind: str, size: int, is_text: bool) -> None:
    assert is_readable(name, kind, size) is is_text


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/notes.md?ex=1", True),
        ("https://media.discordapp.net/attachments/1/2/notes.md", True),
        ("http://cdn.discordapp.com/attachments/1/2/notes.md", False),
        ("https://cdn.discordapp.com:8443/x", False),
        ("https://cdn.discordapp.com.evil.example/x", False),
        ("https://evil.example/cdn.discordapp.com", False),
        ("https://me@cdn.discordapp.com/x", False),
        ("https://cdn.discordapp.com@evil.example/x", False),
        ("https://127.0.0.1/x", False),
        ("https://[::1]/x", False),
        ("https://[/x", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_files_come_from_discord_alone(url: str, is_allowed: bool) -> None:
    assert DiscordFiles("https://discord.com/api/v10").is_allowed(url) is is_allowed


@pytest.mark.parametrize(
    ("address", "is_open"),
    [("162.159.130.233", True), ("2606:4700::1", True), ("10.0.0.1", False), ("127.0.0.1", False), ("169.254.169.254", False),
     ("::1", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("224.0.0.1", False), ("x", False)],
)  # fmt: skip
def test_only_public_addresses_are_connected_to(address: str, is_open: bool) -> None:
    assert is_public(address) is is_open


choices = st.lists(
    st.builds(Choice, key=st.text(max_size=100), label=st.text(min_size=1, max_size=200), row=st.integers(0, 8)), max_size=140
)


@given(choices, st.booleans())
def test_whatever_is_offered_fits_discord(offered: list[Choice], is_rateable: bool) -> None:
    rows = components(SECRET, TURN, Reply(text="x", choices=tuple(offered), rateable=is_rateable))
    form = Form()
    if rows:
        check_components(form, rows)
    form.done()
    room = 25 * (4 if is_rateable else 5)
    said = {meant(*read, [value]) for read, value in _presses(rows)}
    assert said >= {Chosen(turn_id=TURN, key=f"#{place}") for place in range(min(len(offered), room))}


def test_labels_that_no_button_holds_are_told() -> None:
    assert long_labels([Choice(key="a", label="a" * 80), Choice(key="b", label="b" * 81)]) == ("b" * 81,)


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("value", [1, -1, 0])
def test_what_comes_with_the_thanks_fits_discord(language: str, value: int) -> None:
    rows = after_rating(SECRET, TURN, value, "es" if language == "es" else "en")
    form = Form()
    if rows:
        check_components(form, rows)
    form.done()
    check_modal(correction_form(SECRET, TURN, "es" if language == "es" else "en"))
    told = {meant(*read, [given]) for read, given in _presses(rows)}
    reasons = {one.reason for one in told if isinstance(one, GivenRating) and one.reason is not None}
    assert reasons == ({*Reason} - {Reason.STYLE} if value < 0 else set())


@pytest.mark.parametrize(
    ("says", "values"),
    [("#", []), ("#a", []), ("#m0", []), ("#m0", ["x"]), ("#m0", ["1", "2"]), ("r", ["no"]), ("r", []), ("?", [])],
)
def test_a_press_that_means_nothing_is_none(says: str, values: list[str]) -> None:
    assert meant(TURN, says, values) is None


def test_every_command_is_listed_in_both_languages() -> None:
    listed = {one["name"]: one for one in registered()}
    for command in COMMANDS:
        one = listed.pop(command.name)
        assert one["description"] == command.summary
        assert one["description_localizations"]["es-ES"] == command.resumen
        assert bool(one.get("options")) == bool(command.argument)
    assert list(listed) == ["Correct this answer"]
    assert {command.name for command in COMMANDS} >= PRIVATE


def test_a_nonce_is_the_same_at_every_try_and_short() -> None:
    assert nonce_of(TURN, 0) == nonce_of(TURN, 0)
    assert len({nonce_of(TURN, number) for number in range(50)}) == 50
    assert len(nonce_of(TURN, 0)) <= 25


def test_a_reaction_told_twice_is_one_event() -> None:
    async def nothing(place: Place, message: int, user: int) -> list[str]:
        return []

    reactions = Reactions(lambda: NOON, nothing)

    def told(emoji: str, is_added: bool) -> tuple[str, str]:
        event = reactions.changed(message=1, user=2, emoji=emoji, is_added=is_added, place=Place(channel=3), is_admin=False)
        assert event is not None
        return event.event_id, event.text

    added = told("👍", True)
    assert added[1] == "👍"
    assert told("👍", True) == added
    removed = told("👍", False)
    assert removed[1] == ""
    assert told("👍", False) == removed
    assert told("👍", True)[0] != added[0]
    assert told("👎", True)[1] == "👎"
    assert told("👎", False)[1] == "👍"
    assert reactions.changed(message=1, user=2, emoji="🎉", is_added=True, place=Place(channel=3), is_admin=False) is None


def _presses(rows: list[dict[str, object]]) -> list[tuple[tuple[TurnId, str], str]]:
    """Everything that can be pressed or chosen there: what it says, and a menu's value."""
    found = []
    for row in rows:
        parts = row["components"]
        assert isinstance(parts, list)
        for part in parts:
            read = read_button(SECRET, part["custom_id"])
            assert read is not None
            found += [(read, str(option["value"])) for option in part.get("options", ())] or [(read, "")]
    return found


def test_discord_is_imported_only_where_it_runs() -> None:
    look = "import sys, bot.channels.discord.channel; print('discord' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
