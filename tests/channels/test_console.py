"""The console over the real web API: in a pipe, over restarts, and what each typed line means."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.console import Attach, converse
from bot.channels.console.lines import REASONS, Answer, Choose, Local, Rate, Say, interpret, visible
from bot.channels.console.link import Link
from bot.channels.console.talk import Talk, write_new
from bot.channels.web import SessionChannel, SessionStream
from bot.profile_types import Reason
from bot.system import TimeOrderedIds
from bot.types import (
    AdminNotice,
    Choice,
    Chosen,
    Flag,
    Language,
    Limit,
    OutboxId,
    Outgoing,
    OutgoingKind,
    Reply,
    ReplyFile,
    TurnId,
)
from bot.web_ports import Visitor
from tests.fakes import FakeParts
from tests.waiting import until
from tests.web.house import House, Row, served, settings

TOKEN = "owner-token-of-the-test"
QUICK = (0.05,) * 20


class Archive(House):
    """A house that also hands out files."""

    async def _finish(self, row: Row, channel: SessionChannel, reply: Reply, flags: set[Flag], handler: str) -> None:
        if row.message.text == "/mydata":
            files = (ReplyFile(name="../martin data.json", media_type="application/json", content=b'{"a": 1}'),)
            reply = Reply(text="All I have.", files=files)
        await super()._finish(row, channel, reply, flags, handler)


async def piped(
    address: str,
    lines: str,
    *,
    token: str = TOKEN,
    language: Language = "en",
    reattach: Attach | None = None,
    folder: Path = Path(),
    pauses_s: Sequence[float] = QUICK,
) -> tuple[int, str, str]:
    """The exit code, and what came out of both ends, for a program that writes these lines to the console."""
    out, err = io.StringIO(), io.StringIO()
    code = await converse(
        address,
        token,
        language=language,
        stdin=io.StringIO(lines),
        stdout=out,
        stderr=err,
        is_terminal=False,
        reattach=reattach,
        folder=folder,
        pauses_s=pauses_s,
    )
    return code, out.getvalue(), err.getvalue()


# --- what a line means ---

CHOICES = (Choice(key="yes", label="Yes, please"), Choice(key="no", label="No"))
RATEABLE = Answer(turn_id="t", is_rateable=True)
ASKING = Answer(turn_id="t", choices=CHOICES)
LETTERED = Answer(
    turn_id="t",
    choices=(
        Choice(key="item:ENT2:c", label="A"),
        Choice(key="item:ENT2:a", label="B"),
        Choice(key="item:ENT2:skip", label="Skip", row=1),
        Choice(key="item:ENT2:back", label="Atrás", row=1),
    ),
)


@pytest.mark.parametrize(
    ("line", "last", "meaning"),
    [
        ("hello", RATEABLE, Say("hello")),
        ("+", RATEABLE, Rate(1)),
        ("-", RATEABLE, Rate(-1)),
        ("--", RATEABLE, Rate(0)),
        ("- larga", RATEABLE, Rate(-1, reason=Reason.LONG)),
        ("- Difícil", RATEABLE, Rate(-1, reason=Reason.HARD)),
        ("- wrong", RATEABLE, Rate(-1, reason=Reason.WRONG)),
        ("- Too long", RATEABLE, Rate(-1, reason=Reason.LONG)),
        ("- muy  largo", RATEABLE, Rate(-1, reason=Reason.LONG)),
        ("- more examples", RATEABLE, Rate(-1, reason=Reason.MORE_EXAMPLES)),
        ("- Mas teoria", RATEABLE, Rate(-1, reason=Reason.MORE_THEORY)),
        ("- less practice", RATEABLE, Rate(-1, reason=Reason.LESS_PRACTICE)),
        ("- en párrafos", RATEABLE, Rate(-1, reason=Reason.PROSE)),
        ("- no es verdad", RATEABLE, Rate(-1, reason=Reason.WRONG)),
        ("- demasiado simple", RATEABLE, Rate(-1, reason=Reason.EASY)),
        ("- too", RATEABLE, Local("reasons")),
        ("- buy milk", RATEABLE, Local("reasons")),
        ("= It is 42.", RATEABLE, Rate(-1, correction="It is 42.")),
        ("=", RATEABLE, Say("=")),
        ("-5 degrees", RATEABLE, Say("-5 degrees")),
        (" - buy milk", RATEABLE, Say("- buy milk")),
        ("+", ASKING, Say("+")),
        ("= 1", Answer(), Say("= 1")),
        ("a", ASKING, Choose("yes")),
        ("B)", ASKING, Choose("no")),
        ("yes, PLEASE", ASKING, Choose("yes")),
        ("c", ASKING, Say("c")),
        ("a", RATEABLE, Say("a")),
        ("a", LETTERED, Choose("item:ENT2:c")),
        ("B)", LETTERED, Choose("item:ENT2:a")),
        ("c", LETTERED, Say("c")),
        ("skip", LETTERED, Choose("item:ENT2:skip")),
        ("ATRÁS", LETTERED, Choose("item:ENT2:back")),
        ("/keys", RATEABLE, Local("keys")),
        ("/Guardar", RATEABLE, Local("save")),
        ("/salir", RATEABLE, Local("quit")),
        ("/help", RATEABLE, Say("/help")),
    ],
)
def test_line_means(line: str, last: Answer, meaning: object) -> None:
    assert interpret(line, last) == meaning


@pytest.mark.parametrize("language", [0, 1], ids=["en", "es"])
def test_every_reason_can_be_said_as_it_is_listed(language: int) -> None:
    assert set(REASONS) == set(Reason)
    for reason, words in REASONS.items():
        assert interpret(f"- {words[language]}", RATEABLE) == Rate(-1, reason=reason)


@given(st.text(min_size=1).filter(str.strip), st.sampled_from([Answer(), RATEABLE, ASKING, LETTERED]))
def test_any_line_means_something_and_one_with_a_space_before_it_is_said_as_it_is(line: str, last: Answer) -> None:
    assert interpret(line, last) is not None
    assert interpret(" " + line, last) == Say(line.strip())


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_visible_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = visible(text)
    assert not any((ord(letter) < 32 and letter not in "\t\n") or 0x7F <= ord(letter) < 0xA0 for letter in shown)
    shown.encode()


# --- in a pipe ---


async def test_pipe_gets_one_answer_per_line_and_nothing_else() -> None:
    async with served(House()) as server:
        code, out, err = await piped(server.address, "hola\n\nslow one two three\n")
    assert (code, out, err) == (0, "You said: hola\none two three\n", "")


async def test_choices_are_listed_with_letters_and_a_letter_takes_one() -> None:
    async with served(House()) as server:
        code, out, _ = await piped(server.address, "choose\nb\nb\n")
    assert code == 0
    assert "  a) By example\n  b) From the idea\n  c) Neither\n" in out
    assert out.endswith("You chose b.\nYou said: b\n")


async def test_options_that_the_text_letters_are_listed_once_with_what_else_can_be_done_below() -> None:
    class Lettered(House):
        async def _finish(self, row: Row, channel: SessionChannel, reply: Reply, flags: set[Flag], handler: str) -> None:
            asked = Reply(text="1 of 12 · Which?\n\n**A** · This\n\n**B** · That", choices=LETTERED.choices)
            await super()._finish(row, channel, asked if row.message.text == "ask" else reply, flags, handler)

    async with served(Lettered()) as server:
        code, out, _ = await piped(server.address, "ask\nb\nask\nskip\n")
    assert code == 0
    assert "**B** · That\n  Skip · Atrás\n" in out
    assert "a) A" not in out
    assert "You chose item:ENT2:a." in out
    assert out.endswith("You chose item:ENT2:skip.\n")


async def test_last_answer_is_rated_and_corrected_by_a_sign() -> None:
    house = House()
    async with served(house) as server:
        code, _, err = await piped(server.address, "one\n+\ntwo\n- short\nthree\n= It was four.\n- nonsense\n")
    ratings = {row.past.question: row.past.rating for row in house.rows.values() if row.past}
    given = {question: (one.value, one.reason, one.correction) for question, one in ratings.items() if one}
    assert given == {"one": (1, None, None), "two": (-1, Reason.SHORT, None), "three": (-1, None, "It was four.")}
    assert code == 0
    assert err.count("Noted.") == 3
    assert "it is wrong, too long, too short, too hard, too easy, other style;" in err
    assert "more examples, more theory, step by step, overview first, more practice, less practice, as an outline" in err


async def test_refused_message_is_told_beside_the_answers_and_in_the_exit_code() -> None:
    async with served(House()) as server:
        code, out, err = await piped(server.address, "refuse\nhello\n")
    assert (code, out) == (1, "You said: hello\n")
    assert "Too many messages at once." in err


async def test_escape_codes_in_an_answer_never_reach_the_terminal() -> None:
    async with served(House()) as server:
        _, out, _ = await piped(server.address, "show \x1b[31mred\x07 \x9b1m \u202egnp.exe\n")
    assert out == "[31mred 1m gnp.exe\n"


async def test_file_of_an_answer_is_described_and_saved_when_asked(tmp_path: Path) -> None:
    (tmp_path / "martin data.json").write_text("older")
    async with served(Archive()) as server:
        _, out, err = await piped(server.address, "/save\n/mydata\n/save\n", folder=tmp_path)
    assert "File: ../martin data.json (1 kB). /save writes it" in out
    assert "The last answer has no file." in err
    assert (tmp_path / "martin data.json").read_text() == "older"
    saved = tmp_path / "martin data-2.json"
    assert saved.read_bytes() == b'{"a": 1}'
    assert saved.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "..", "/", ".bashrc", "../../etc/passwd", "..\\..\\boot.ini"])
def test_file_never_leaves_the_folder(tmp_path: Path, name: str) -> None:
    path = write_new(tmp_path, ReplyFile(name=name, media_type="text/plain", content=b"x"))
    assert path.parent == tmp_path
    assert not path.name.startswith(".")
    assert path.read_bytes() == b"x"


# --- when the bot goes away ---


async def test_answer_arrives_although_the_bot_starts_anew_at_another_place_in_the_middle() -> None:
    house = House()
    places: list[tuple[str, str]] = []
    async with asyncio.TaskGroup() as group:
        async with served(house) as first:
            talking = group.create_task(piped(first.address, "hold on\n", reattach=lambda: places[0] if places else None))
            await until(lambda: bool(house.rows))
        await asyncio.sleep(0.2)
        async with served(house, settings(owner_token="another-token")) as second:
            places.append((second.address, "another-token"))
            code, out, err = await talking
    assert (code, out) == (0, "You said: hold on\n")
    assert len(house.rows) == 1
    assert err.count("The connection broke off") == 1


async def test_bot_that_cannot_be_found_is_told_after_so_many_tries() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, out, err = await piped(address, "hello\n", pauses_s=(0, 0, 0))
    assert (code, out) == (1, "")
    assert "The bot cannot be reached" in err
    assert TOKEN not in err


async def test_wrong_token_is_told_at_once_and_not_tried_again() -> None:
    house = House()
    async with served(house) as server:
        code, _, err = await piped(server.address, "hello\n", token="wrong", reattach=lambda: (server.address, "wrong"))
        assert await piped(server.address, "still fine\n") == (0, "You said: still fine\n", "")
    assert code == 1
    assert "token" in err


async def test_what_is_no_bot_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nevent: reply\ndata: <html>nonsense</html>\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        code, out, err = await piped(f"http://127.0.0.1:{port}", "hello\n", pauses_s=(0,))
    assert (code, out) == (1, "")
    assert "cannot be reached" in err


async def test_console_speaks_the_persons_language_and_follows_a_change_of_it() -> None:
    async with served(House()) as server:
        _, _, err = await piped(server.address, "/language en\n/save\n", language="es")
    assert "The last answer has no file." in err


# --- at a screen ---


class Typed:
    """A screen whose person types what the test says; what is shown is kept."""

    def __init__(self) -> None:
        self.language: Language = "en"
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self.shown: list[str] = []
        self.previews: list[str] = []
        self.stop: Callable[[], None] | None = None

    def held(self) -> nullcontext[None]:
        return nullcontext()

    async def read(self) -> str | None:
        return await self.lines.get()

    @contextmanager
    def answering(self, on_stop: Callable[[], None]) -> Iterator[None]:
        self.stop = on_stop
        yield
        self.stop = None

    def undisturbed(self) -> nullcontext[None]:
        return nullcontext()

    def preview(self, text: str) -> None:
        self.previews.append(text)

    def answer(self, answer: Answer) -> None:
        self.shown.append(answer.text + "".join(f" [{flag}]" for flag in sorted(answer.flags)))

    def note(self, text: str) -> None:
        self.shown.append(text)

    def trouble(self, text: str) -> None:
        self.shown.append("! " + text)

    def has(self, text: str) -> bool:
        return any(text in shown for shown in self.shown)


@asynccontextmanager
async def seated(address: str) -> AsyncIterator[Typed]:
    """A person at a screen; leaves at the end."""
    screen, link = Typed(), Link(address, TOKEN, language="en", reattach=None)
    talk = Talk(link, screen, ids=TimeOrderedIds(), folder=Path(), pauses_s=QUICK)
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(talk.with_news())
        await until(lambda: screen.has("Just write"))
        yield screen
        screen.lines.put_nowait(None)
        assert await talking == 0
    await link.aclose()


def listening(house: House) -> list[SessionStream]:
    """The streams that the house holds open towards its consoles."""
    return [stream for open in house.console._streams.values() for stream in open]


def due_message(house: House) -> Outgoing:
    """A question of the bot's own."""
    return Outgoing(
        id=OutboxId("due1"),
        kind=OutgoingKind.DUE,
        address=house.console.address(Visitor(session="owner")),
        reply=Reply(text="Shall we go on?", choices=(Choice(key="yes", label="Yes"),)),
        nonce="n",
        turn_id=TurnId("due1"),
    )


async def test_answer_grows_and_stops_where_the_person_stops_it() -> None:
    house = House()
    async with served(house) as server, seated(server.address) as screen:
        screen.lines.put_nowait("slow " + "word " * 200)
        await until(lambda: len(screen.previews) >= 3)
        assert screen.stop is not None
        screen.stop()
        await until(lambda: screen.has("[stopped]"))
    assert screen.previews[0] == "word"
    assert len(screen.shown[-1].split()) < 150


async def test_person_who_stops_twice_has_the_prompt_back_and_the_answer_later() -> None:
    house = House()
    async with served(house) as server, seated(server.address) as screen:
        screen.lines.put_nowait("hold it")
        await until(lambda: bool(house.rows))
        await asyncio.sleep(0.1)
        assert screen.stop is not None
        screen.stop()
        screen.stop()
        await until(lambda: screen.has("I no longer wait"))
        screen.lines.put_nowait("meanwhile")
        await until(lambda: screen.has("You said: meanwhile"))
        house.release.set()
        await until(lambda: screen.has("You said: hold it"))


async def test_own_answers_are_shown_once_and_what_happens_elsewhere_too() -> None:
    house = House()
    async with served(house) as server, seated(server.address) as screen:
        screen.lines.put_nowait("from here")
        await until(lambda: screen.has("You said: from here"))
        async with httpx.AsyncClient(headers={"X-Martin-Owner": TOKEN}, trust_env=False) as other:
            await other.post(server.address + "/api/messages", json={"text": "from there"})
        await until(lambda: screen.has("You said: from there"))
    assert screen.has("You, elsewhere: from there")
    assert sum("You said: from here" in shown for shown in screen.shown) == 1
    assert not screen.has("elsewhere: from here")


async def test_due_message_is_shown_and_can_be_answered_by_letter() -> None:
    house = House()
    async with served(house) as server, seated(server.address) as screen:
        await until(lambda: bool(listening(house)))
        await house.console.deliver(due_message(house), FakeParts())
        await until(lambda: screen.has("Shall we go on?"))
        screen.lines.put_nowait("a")
        await until(lambda: bool(house.rows))
    (row,) = house.rows.values()
    assert row.message.choice == Chosen(turn_id=TurnId("due1"), key="yes")


async def test_next_visit_shows_where_the_last_one_stopped_and_can_still_rate_it() -> None:
    house = House()
    async with served(house) as server:
        async with seated(server.address) as screen:
            screen.lines.put_nowait("remember me")
            await until(lambda: screen.has("You said: remember me"))
        async with seated(server.address) as screen:
            assert screen.shown[:2] == ["› remember me", "You said: remember me"]
            screen.lines.put_nowait("+")
            await until(lambda: screen.has("Noted."))


def notice(day: date) -> AdminNotice:
    """A daily limit that was used up."""
    return AdminNotice(kind=Limit.TOKENS_OF_ALL, day=day, facts={"limit": "50000"}, at=datetime.combine(day, time(12), UTC))


async def test_notices_for_admins_are_told_once_in_a_talk_oldest_first() -> None:
    house = House()
    today = house.clock.now().date()
    house.notices = (notice(today), notice(today - timedelta(days=1)))
    async with served(house) as server, seated(server.address) as screen:
        await until(lambda: screen.has(f"For admins, {today}: everyone together used up"))
        await until(lambda: bool(listening(house)))
        house.notices = (replace(notice(today), kind=Limit.TOKENS), *house.notices)
        for stream in listening(house):
            stream.close()
        await until(lambda: screen.has(f"For admins, {today}: at least one person"))
    told = [shown for shown in screen.shown if shown.startswith("For admins")]
    assert [shown.split()[2] for shown in told] == [f"{today - timedelta(days=1)}:", f"{today}:", f"{today}:"]


async def test_talk_begins_also_where_notices_cannot_be_had() -> None:
    house = House()
    async with served(house) as server:
        house.is_full = True
        async with seated(server.address) as screen:
            house.is_full = False
            screen.lines.put_nowait("hello")
            await until(lambda: screen.has("You said: hello"))


async def test_answers_that_came_while_the_bot_was_away_are_caught_up_with() -> None:
    house = House()
    async with served(house) as server, seated(server.address) as screen:
        await until(lambda: bool(listening(house)))
        for stream in listening(house):
            stream.close()
        async with httpx.AsyncClient(headers={"X-Martin-Owner": TOKEN}, trust_env=False) as other:
            await other.post(server.address + "/api/messages", json={"text": "while away"})
        await until(lambda: screen.has("You said: while away"))
    assert sum("You said: while away" in shown for shown in screen.shown) == 1
