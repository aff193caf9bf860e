"""The conversation itself: reads a line, brings it to the bot once and only once, shows what comes back."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TextIO

from bot.channels.console.lines import REASONS, STYLES, Answer, Choose, Local, Rate, Say, interpret, visible
from bot.channels.console.link import Attach, Json, Link, Lost, Refused, answer_of
from bot.channels.console.screens import PlainScreen, Screen
from bot.channels.console.terminal import TerminalScreen
from bot.commands import parse_command
from bot.locale import say
from bot.ports import Ids
from bot.system import TimeOrderedIds
from bot.types import LANGUAGES, Language, ReplyFile

PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0)
"""Waits before each new try to reach a bot that went away in the middle of an answer: nearly a minute in all."""
NEWS_PAUSE_S = 3.0
MOST_NOTICES = 5
"""Notices to the admins that are told when a talk begins, the newest ones: older ones are in `/admin usage`."""
REMEMBERED = 500
"""Ids of one's own messages and turns that are kept to tell news from what was shown already."""


async def converse(
    base_url: str,
    owner_token: str,
    *,
    language: Language,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    is_terminal: bool | None = None,
    ids: Ids | None = None,
    reattach: Attach | None = None,
    certificate: Path | None = None,
    folder: Path = Path(),
    pauses_s: Sequence[float] = PAUSES_S,
) -> int:
    """Talk with a running bot until the person leaves; 0, or 1 when a message got no answer.

    What is left out is the process's own: its streams, and a terminal when both ends are one. `reattach` says where the bot
    is after it started anew; `certificate` is what to trust of a bot that serves https; `folder` takes saved files. Raises
    ConfigError when the certificate cannot be read.
    """
    stdin, stdout, stderr = stdin or sys.stdin, stdout or sys.stdout, stderr or sys.stderr
    for stream in (stdin, stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if is_terminal is None:
        is_terminal = stdin.isatty() and stdout.isatty()
    screen: Screen = TerminalScreen(language, stdin, stdout) if is_terminal else PlainScreen(language, stdin, stdout, stderr)
    async with AsyncExitStack() as stack:
        link = Link(base_url, owner_token, language=language, reattach=reattach, certificate=certificate)
        stack.push_async_callback(link.aclose)
        talk = Talk(link, screen, ids=ids or TimeOrderedIds(), folder=folder, pauses_s=pauses_s)
        stack.enter_context(screen.held())
        return await (talk.with_news() if is_terminal else talk.through())


class Talk:
    """One person at one screen."""

    def __init__(self, link: Link, screen: Screen, *, ids: Ids, folder: Path, pauses_s: Sequence[float]) -> None:
        self._link, self._screen, self._ids, self._folder, self._pauses_s = link, screen, ids, folder, pauses_s
        self._last = Answer()
        self._newest = ""
        self._own: deque[str] = deque(maxlen=REMEMBERED)
        self._screen_is_free = asyncio.Lock()
        self._unanswered = 0
        self._noticed: set[tuple[str, str]] = set()

    async def with_news(self) -> int:
        """Greet, then talk, and show what else happens in this session meanwhile."""
        await self._greet()
        async with asyncio.TaskGroup() as group:
            news = group.create_task(self._tell_news(), name="console news")
            try:
                return await self.through()
            finally:
                news.cancel()

    async def through(self) -> int:
        """Talk until the person leaves or the input ends."""
        while (line := await self._screen.read()) is not None:
            async with self._screen_is_free:
                match interpret(line, self._last):
                    case Say(text):
                        await self._ask("/api/messages", {"text": text})
                        self._follow_language(text)
                    case Choose(key):
                        asking, self._last = self._last.turn_id, replace(self._last, choices=())
                        await self._ask("/api/choices", {"turn_id": asking, "key": key})
                    case Rate() as rating:
                        await self._rate(rating)
                    case Local("quit"):
                        break
                    case Local(name):
                        await self._do_here(name)
        return 1 if self._unanswered else 0

    # --- messages ---

    async def _ask(self, path: str, body: Json) -> None:
        """Send something and show its answer. The person may stop the answer, and a second time stop waiting for it."""
        turn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        pressed = 0

        def on_stop() -> None:
            nonlocal pressed
            pressed += 1
            if pressed == 1:
                helpers.append(group.create_task(self._stop(turn), name="console stop"))
            else:
                answering.cancel()

        helpers: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:
            with self._screen.answering(on_stop):
                answering = group.create_task(self._answer(path, {**body, "event_id": self._ids.new()}, turn))
                await asyncio.wait({answering})
            for helper in helpers:
                helper.cancel()
        if answering.cancelled():
            if turn.done():
                self._own.remove(turn.result())
            self._screen.note(say(self._screen.language, "I no longer wait for that answer; it is shown when it comes."))
        elif (answer := answering.result()) is None:
            self._unanswered += 1
        else:
            self._show(answer)

    async def _answer(self, path: str, body: Json, turn: asyncio.Future[str]) -> Answer | None:
        """The answer to a message, however often the bot has to be looked for; None when there is none, which was said then."""
        self._own.append(body["event_id"])
        for number, pause_s in enumerate((*self._pauses_s, None)):
            try:
                async with aclosing(self._link.stream("POST", path, body)) as events:
                    async for name, data in events:
                        if name == "reply":
                            return answer_of(data)
                        if name == "error":
                            self._screen.trouble(str(data.get("message") or ""))
                            return None
                        self._progress(name, data, turn)
                problem = Lost("the stream ended before the answer")
            except Refused as refusal:
                self._screen.trouble(refusal.message)
                return None
            except Lost as loss:
                problem = loss
            if pause_s is None:
                break
            if number == 1:
                self._screen.note(say(self._screen.language, "The connection broke off; trying to find the bot again…"))
            await asyncio.sleep(pause_s)
            self._link.look_again()
        self._screen.trouble(self._unreachable(problem))
        return None

    def _progress(self, name: str, data: Json, turn: asyncio.Future[str]) -> None:
        """An event on the way to the answer."""
        if name == "accepted" and not turn.done() and data.get("turn_id"):
            self._own.append(str(data["turn_id"]))
            self._newest = max(self._newest, str(data["turn_id"]))
            turn.set_result(str(data["turn_id"]))
        elif name == "preview":
            self._screen.preview(visible(str(data.get("text") or "")))

    async def _stop(self, turn: asyncio.Future[str]) -> None:
        """Ask the bot to end the answer it is writing; what there is comes as the answer."""
        try:
            await self._link.call("POST", f"/api/turns/{await asyncio.shield(turn)}/stop")
        except Refused as refusal:
            self._screen.note(refusal.message)
        except Lost as loss:
            self._screen.note(self._unreachable(loss))

    async def _rate(self, rating: Rate) -> None:
        """Rate the last answer and say what the bot says to that."""
        body: Json = {"turn_id": self._last.turn_id, "value": rating.value}
        body |= {} if rating.reason is None else {"reason": rating.reason.value}
        body |= {} if rating.correction is None else {"correction": rating.correction}
        try:
            said = await self._link.call("POST", "/api/ratings", body)
        except Refused as refusal:
            self._screen.trouble(refusal.message)
        except Lost:
            self._link.look_again()
            self._screen.trouble(say(self._screen.language, "The bot cannot be reached; please rate again in a moment."))
        else:
            self._screen.note(str(said.get("message") or "") or say(self._screen.language, "Noted."))

    def _show(self, answer: Answer) -> None:
        """Put an answer on the screen; the next line may refer to it. A mere acknowledgement leaves the last one in place."""
        self._screen.answer(answer)
        if answer.is_rateable or answer.choices or answer.files:
            self._last = answer

    def _unreachable(self, loss: Lost) -> str:
        return say(self._screen.language, "The bot cannot be reached ({problem}).", problem=loss)

    def _follow_language(self, text: str) -> None:
        """`/language es` changes the console's own words too."""
        match parse_command(text):
            case ("language", chosen) if chosen in LANGUAGES:
                language: Language = "es" if chosen == "es" else "en"
                self._screen.language = self._link.language = language
            case _:
                return

    # --- here ---

    async def _do_here(self, name: str) -> None:
        """A command of the console itself."""
        language = self._screen.language
        words = {reason: both[language == "es"] for reason, both in REASONS.items()}
        reasons = ", ".join(word for reason, word in words.items() if reason not in STYLES)
        styles = ", ".join(words[reason] for reason in STYLES)
        match name:
            case "save":
                await self._save()
            case "reasons":
                self._screen.note(
                    say(
                        language,
                        "After “-” comes nothing, or one of: {reasons};\nor the style you would like: {styles}.",
                        reasons=reasons,
                        styles=styles,
                    )
                )
            case _:
                self._screen.note(
                    say(
                        language,
                        "Enter sends, Alt+Enter begins a new line, Tab completes commands.\n"
                        "Ctrl-C stops an answer. Ctrl-C twice or Ctrl-D leaves, and so does /quit.\n"
                        "Where there is something to choose, its letter chooses it.\n"
                        "Under an answer: + good, - bad, -- takes it back, = and the right answer corrects it.\n"
                        "After - you may say why: {reasons};\n"
                        "or which style you would like: {styles}.\n"
                        "A line that begins with a space is sent as it is. /save keeps the files of the last answer.",
                        reasons=reasons,
                        styles=styles,
                    )
                )

    async def _save(self) -> None:
        """Write the last answer's files where the console was started, never over another file."""
        language = self._screen.language
        if not self._last.files:
            self._screen.note(say(language, "The last answer has no file."))
        for file in self._last.files:
            try:
                path = await asyncio.to_thread(write_new, self._folder, file)
            except OSError as error:
                self._screen.trouble(
                    say(language, "{name} could not be written: {problem}", name=file.name, problem=error.strerror)
                )
            else:
                self._screen.note(say(language, "Saved as {path}", path=path))

    # --- what happens meanwhile ---

    async def _greet(self) -> None:
        """Say how to find one's way, and show where the conversation stopped."""
        language = self._screen.language
        try:
            past = await self._link.call("GET", "/api/messages?limit=1")
        except Refused as refusal:
            self._screen.trouble(refusal.message)
        except Lost as loss:
            self._screen.trouble(self._unreachable(loss))
        else:
            for message in past.get("messages") or ():
                self._tell_past(message)
            if past.get("running"):
                self._screen.note(say(language, "An answer is still being written; it is shown when it comes."))
        self._screen.note(
            say(
                language,
                "Just write, and press Enter. Under an answer, + says that it is good, - that it is bad, and "
                "= with the right answer corrects it. /help tells what I can do, /keys the other keys; Ctrl-D leaves.",
            )
        )
        self._tell_notices(await self._notices())

    async def _tell_news(self) -> None:
        """Show what comes without having been asked for here: due messages, and what is said and answered elsewhere."""
        while True:
            try:
                async with aclosing(self._link.stream("GET", "/api/events")) as events:
                    async for name, data in events:
                        async with self._screen_is_free, self._screen.undisturbed():
                            self._tell(name, data)
            except (Lost, Refused):
                self._link.look_again()
            await asyncio.sleep(NEWS_PAUSE_S)
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Show the answers that came while nobody listened."""
        try:
            past = await self._link.call("GET", "/api/messages?limit=10")
        except (Lost, Refused):
            return
        notices = await self._notices()
        async with self._screen_is_free, self._screen.undisturbed():
            for message in past.get("messages") or ():
                if str(message.get("turn_id")) > self._newest:
                    self._tell_past(message)
            self._tell_notices(notices)

    async def _notices(self) -> Sequence[Json]:
        """What the admins are to know, newest first; nothing for whoever is none, and where it cannot be had."""
        try:
            found = await self._link.call("GET", "/api/notices")
        except (Lost, Refused):
            return ()
        return found.get("notices") or ()

    def _tell_notices(self, notices: Sequence[Json]) -> None:
        """Show those that were not shown in this talk, oldest first."""
        for notice in reversed(notices[:MOST_NOTICES]):
            key = (str(notice.get("kind")), str(notice.get("day")))
            if key not in self._noticed:
                self._noticed.add(key)
                text = say(self._screen.language, "For admins, {day}: {notice}", day=key[1], notice=notice.get("text") or "")
                self._screen.note(text)

    def _tell(self, name: str, data: Json) -> None:
        """One event of the session, unless it is the echo of what was done here."""
        if name == "said" and data.get("event_id") not in self._own and data.get("text"):
            self._screen.note(say(self._screen.language, "You, elsewhere: {said}", said=data["text"]))
        elif name == "reply" and data.get("turn_id") not in self._own:
            self._newest = max(self._newest, str(data.get("turn_id")))
            self._show(answer_of(data))
        elif name == "error" and data.get("event_id") not in self._own:
            self._screen.trouble(str(data.get("message") or ""))

    def _tell_past(self, message: Json) -> None:
        """A stored turn: what was asked, and the answer."""
        if message.get("turn_id") not in self._own:
            self._newest = max(self._newest, str(message.get("turn_id")))
            self._screen.note(f"› {message.get('question') or ''}")
            self._show(answer_of(message))


def write_new(folder: Path, file: ReplyFile) -> Path:
    """Write a file under its own name, or a numbered one where that is taken; readable by its owner only. Raises OSError."""
    wanted = Path(Path(file.name.replace("\\", "/")).name.lstrip(".") or "martin")
    for number in count(1):
        path = folder / (wanted.name if number == 1 else f"{wanted.stem}-{number}{wanted.suffix}")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(file.content)
        return path
    raise AssertionError
