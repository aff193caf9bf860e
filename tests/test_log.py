"""One line per event on one stream, cheap, whoever writes it, and never a secret or what people said."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.log import HIDDEN, Logs, Redactor, render_console, render_json
from bot.settings import LogSettings
from tests.canaries import Canaries
from tests.effort import effort

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
log = structlog.get_logger("martin.test")


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logs(stream: io.StringIO, canaries: Canaries) -> Iterator[Logs]:
    secrets = (canaries.access_token, canaries.admin_token, canaries.bearer)
    with Logs(LogSettings(level="debug"), secrets=secrets, stream=stream, now=lambda: NOON) as logs:
        yield logs


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was written, line by line."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json(logs: Logs, stream: io.StringIO) -> None:
    log.info("turn", turn_id="t1", seconds=0.5, channel="web")
    assert events(stream) == [
        {
            "at": "2026-11-20T12:00:00.250+00:00",
            "level": "info",
            "logger": "martin.test",
            "event": "turn",
            "turn_id": "t1",
            "seconds": 0.5,
            "channel": "web",
        }
    ]


def test_the_standard_library_writes_to_the_same_place(logs: Logs, stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").error("port %s is taken", 8080, extra={"port": 8080})
    (event,) = events(stream)
    assert (event["level"], event["logger"], event["event"], event["port"]) == (
        "error",
        "uvicorn.error",
        "port 8080 is taken",
        8080,
    )


def test_a_record_whose_arguments_do_not_fit_is_still_written(stream: io.StringIO) -> None:
    with Logs(LogSettings(), stream=stream):
        logging.getLogger("library").error("%d things", "many")
    assert "%d things" in events(stream)[0]["event"]


def test_chatty_libraries_speak_only_of_warnings(logs: Logs, stream: io.StringIO) -> None:
    for name in ("httpx", "httpcore", "urllib3"):
        logging.getLogger(name).info("GET /bot123456789:secret/getMe")
        logging.getLogger(name).warning("odd")
    assert [event["event"] for event in events(stream)] == ["odd"] * 3


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_level_holds_for_all(level: Any, stream: io.StringIO) -> None:
    with Logs(LogSettings(level=level), stream=stream):
        for name in ("debug", "info", "warning", "error"):
            getattr(log, name)(name)
            getattr(logging.getLogger("other"), name)(name)
    expected = ["debug", "info", "warning", "error"]
    expected = expected[expected.index(level) :]
    assert [event["event"] for event in events(stream)] == [name for name in expected for _ in range(2)]


def test_secrets_are_hidden_wherever_they_stand(logs: Logs, stream: io.StringIO, canaries: Canaries) -> None:
    logging.getLogger("httpx").warning("POST https://api.telegram.org/bot%s/getUpdates", canaries.telegram)
    log.info("headers", headers={"Authorization": f"Bearer {canaries.bearer}", "X-Martin-Owner": canaries.bearer})
    log.info("headers", headers=[(b"x-martin-access", canaries.bearer.encode()), (b"cookie", f"a={canaries.bearer}".encode())])
    log.info(f"token={canaries.bearer} api_key: '{canaries.bearer}'", model_key=canaries.api_key, discord=canaries.discord)
    log.info("settings", url=f"/?a={canaries.access_token}&b={canaries.admin_token}", raw=canaries.admin_token)
    assert len(events(stream)) == 5
    assert canaries.found_in(stream.getvalue()) == []
    assert stream.getvalue().count(HIDDEN) >= 9


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_are_hidden_in_exceptions_of_every_origin(style: Any, stream: io.StringIO, canaries: Canaries) -> None:
    def fail() -> None:
        try:
            int(f"refused {canaries.telegram} {canaries.admin_token}")
        except ValueError as error:
            raise RuntimeError(canaries.access_token) from error

    with Logs(LogSettings(format=style), secrets=(canaries.access_token, canaries.admin_token), stream=stream):
        for write in (log.exception, logging.getLogger("other").exception):
            try:
                fail()
            except RuntimeError:
                write("failed")
        try:
            fail()
        except RuntimeError as error:
            sys.excepthook(type(error), error, error.__traceback__)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    assert stream.getvalue().count(f"RuntimeError: {HIDDEN}") == 4
    assert stream.getvalue().count("test_log.py") >= 4
    assert canaries.found_in(stream.getvalue()) == []


def test_a_secret_that_is_learnt_later_is_hidden_from_then_on(logs: Logs, stream: io.StringIO) -> None:
    logs.redact.add("owner-of-the-run")
    log.info("run", address="http://x/?o=owner-of-the-run")
    assert "owner-of-the-run" not in stream.getvalue()


@pytest.mark.parametrize(
    "harmless", ["prompt_tokens=12", '{"prompt_tokens":12,"keys":3}', "19:04:05 info", "the key to it", "basically", "1.2.3"]
)
def test_what_is_no_secret_stays_readable(harmless: str) -> None:
    assert Redactor(["a-secret-value-of-some-length"])(harmless) == harmless


def test_what_people_said_is_left_out_unless_asked_for(stream: io.StringIO) -> None:
    for is_on in (False, True):
        with Logs(LogSettings(text=is_on), stream=stream):
            log.info("turn", text="my diary", question="why?", answer="because", handler="chat")
    without, with_text = events(stream)
    assert (without["text"], without["question"], without["answer"], without["handler"]) == (HIDDEN, HIDDEN, HIDDEN, "chat")
    assert (with_text["text"], with_text["question"]) == ("my diary", "why?")


@given(text=st.text(st.characters(), max_size=80))
def test_no_text_can_forge_a_line(text: str) -> None:
    event = {"at": "2026-11-20T12:00:00", "level": "info", "logger": "x", "event": text, "field": text}
    assert len(render_json(dict(event)).splitlines()) == 1
    assert len(render_console(dict(event)).splitlines()) == 1
    traced = render_console({**event, "event": "x", "exception": f"Boom\n{text}"}).splitlines()
    assert all(line.startswith("  │ ") for line in traced[1:])


def test_strange_values_never_fail(logs: Logs, stream: io.StringIO) -> None:
    circle: list[object] = []
    circle.append(circle)
    log.info("odd", circle=circle, thing=object(), half="\ud800", raw=b"\xff", many={1, 2}, when=NOON, failed=ValueError("x"))
    assert len(events(stream)) == 1


class Broken(io.StringIO):
    """A stream on a full disk, or into a pipe that nobody reads."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def test_a_stream_that_fails_loses_the_line_and_nothing_else() -> None:
    with Logs(LogSettings(), stream=Broken()):
        log.error("gone")
        logging.getLogger("other").error("gone")


def test_a_stream_that_knows_only_ascii_gets_the_rest_escaped() -> None:
    raw = io.BytesIO()
    with Logs(LogSettings(format="console"), stream=io.TextIOWrapper(raw, "ascii", write_through=True)):
        log.info("¡Hola!")
    assert b"Hola!" in raw.getvalue()


def test_warnings_of_libraries_are_logged(logs: Logs, stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    assert "old thing" in events(stream)[0]["event"]


def test_closing_puts_everything_back() -> None:
    before = (logging.getLogger().handlers[:], logging.getLogger().level, sys.excepthook, threading.excepthook)
    with Logs(LogSettings(level="debug"), stream=io.StringIO()):
        assert logging.getLogger().level == logging.DEBUG
    assert (logging.getLogger().handlers[:], logging.getLogger().level, sys.excepthook, threading.excepthook) == before


def test_on_a_terminal_people_read_it() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with Logs(LogSettings(), stream=terminal, now=lambda: NOON):
        log.warning("model failed", model="scripted", detail="two words", next="")
    assert terminal.getvalue() == "12:00:00 warning martin.test model failed model=scripted detail='two words' next=''\n"


def test_the_line_of_a_turn_costs_less_than_50_microseconds(stream: io.StringIO) -> None:
    def line() -> None:
        log.info(
            "turn",
            turn_id="01jd5w2m3n4p5q6r7s8t9v0w1x",
            person_id="01jd5w2m3n4p5q6r7s8t9v0w1y",
            channel="web",
            handler="chat",
            status="answered",
            model="offline",
            prompt_tokens=123,
            completion_tokens=45,
            seconds=0.0123,
            flags=["no_recall"],
        )

    def lines() -> None:
        for _ in range(100):
            line()

    with Logs(LogSettings(), secrets=["one-secret-of-this-run", "another-secret-of-it"], stream=stream):
        assert effort(lines) < 5
