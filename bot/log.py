"""Structured logs on one stream: a line per event, whoever writes it; secrets never, message text only when asked for (R-62).

structlog and the standard library's loggers (httpx, uvicorn, …) end in the same sink, which redacts the finished line: so also
what stands in exceptions and tracebacks.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, TextIO
from urllib.parse import quote

import msgspec
import structlog

from bot.settings import LogSettings

HIDDEN: Final = "•••"
QUIET_LOGGERS: Final = (
    "httpx", "httpcore", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "urllib3", "aiosqlite",
    "apscheduler", "alembic", "httpx2", "httpcore2", "mistralai", "ollama",
    "telegram", "discord",
)  # fmt: skip
TEXT_FIELDS: Final = frozenset({"text", "question", "answer", "reply", "correction", "prompt", "preview"})
"""Fields that hold what people wrote or read; left out unless `log.text` is on."""

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "exception": 40, "critical": 50}
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_QUOTES: Final = r"[\"'\\]*"
_VALUE: Final = r"[^\s\"'\\,;&)}\]]+"
_SHAPES: Final = (
    # What the secret part of a telegram token, of a discord token and of an API key looks like.
    (re.compile(r"[0-9]{6}:[A-Za-z0-9_-]{30,}"), HIDDEN),
    (re.compile(r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"), HIDDEN),
    (re.compile(r"sk-[A-Za-z0-9_-]{8,}"), HIDDEN),
)
_NAMED: Final = (
    # What is called a secret: schemes, headers (their values may hold spaces), names of settings.
    (re.compile(rf"(?i)\b(bearer|basic)\s+{_VALUE}"), rf"\1 {HIDDEN}"),
    (
        re.compile(rf"(?i)((?:x-martin-[a-z]+|cookie|authorization){_QUOTES}\s*[:=,]\s*b?{_QUOTES})[^\"'\\\r\n]+"),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            rf"(?i)((?:token|secret|passw(?:or)?d|(?:api|access|private)[_-]?key){_QUOTES}\s*[:=]\s*b?{_QUOTES}){_VALUE}"
        ),
        rf"\1{HIDDEN}",
    ),
)
# A line without any of these words, in small letters, needs none of the slow patterns: that is nearly every line.
_NAMES: Final = ("token", "secret", "password", "passwd", "key")
_MARKS: Final = (
    "bearer",
    "basic ",
    "x-martin-",
    "cookie",
    "authorization",
    *(name + separator for name in _NAMES for separator in "\"'\\ :="),
)


class Redactor:
    """Takes secrets out of text: what looks like one, what is called one, and the values it was told."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: tuple[str, ...] = ()
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Hide these values too, also as Python, JSON and URLs write them."""
        spelt = {form for secret in secrets if secret for form in (secret, repr(secret)[1:-1], quote(secret, safe=""))}
        forms = {*self._secrets, *spelt, *(json.dumps(form)[1:-1] for form in spelt)}
        self._secrets = tuple(sorted(forms, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """`text` with every secret replaced."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        for pattern, hidden in _SHAPES:
            text = pattern.sub(hidden, text)
        small = text.lower()
        if any(mark in small for mark in _MARKS):
            for pattern, hidden in _NAMED:
                text = pattern.sub(hidden, text)
        return text


Event = MutableMapping[str, Any]
Render = Callable[[Event], str]


def render_json(event: Event) -> str:
    """One JSON object on one line; what JSON does not know is written as `repr` does."""
    try:
        line = msgspec.json.encode(_readable(event), enc_hook=repr).decode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps({key: repr(value) for key, value in event.items()})
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)


def _readable(value: Any) -> Any:
    """`value` with its bytes as `repr` writes them: in base64, as the encoder would have it, no secret would be recognised."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return repr(bytes(value))
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else repr(key): _readable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_readable(item) for item in value]
    return value


def render_console(event: Event) -> str:
    """`19:04:05 info    martin.turn turn handler=chat`, then an exception's lines, each behind a bar that text cannot forge."""
    fields = dict(event)
    at, level, name = (str(fields.pop(key, "")) for key in ("at", "level", "logger"))
    said = _escaped(str(fields.pop("event", "")))
    trace = fields.pop("exception", "")
    pairs = "".join(f" {key}={_escaped(_worded(value))}" for key, value in fields.items())
    lines = [f"{at[11:19]} {level:<8}{name} {said}{pairs}"]
    lines += [f"  │ {_escaped(line)}" for line in str(trace).splitlines()]
    return "\n".join(lines)


def _worded(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text) if isinstance(value, str) and (" " in text or not text) else text


def _escaped(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape", "surrogatepass").decode(), text)


class Logs:
    """The process's logging while it lasts: structlog and the root logger write to `stream`, redacted.

    Closing it puts back what was there before.
    """

    def __init__(
        self,
        settings: LogSettings,
        *,
        secrets: Iterable[str] = (),
        stream: TextIO | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.redact = Redactor(secrets)
        self._stream = sys.stderr if stream is None else stream
        self._settings, self._now, self._lock = settings, now, threading.Lock()
        is_console = settings.format == "console" or (settings.format == "auto" and self._stream.isatty())
        self._render: Render = render_console if is_console else render_json
        self._handler = _Bridge(self)
        root = logging.getLogger()
        self._before = (root.handlers[:], root.level, {name: logging.getLogger(name).level for name in QUIET_LOGGERS})
        self._hooks = (sys.excepthook, threading.excepthook)

    def start(self) -> Self:
        """Take over what the process logs."""
        level = _LEVELS[self._settings.level]
        root = logging.getLogger()
        root.handlers[:] = [self._handler]
        root.setLevel(level)
        for name in QUIET_LOGGERS:
            logging.getLogger(name).setLevel(max(level, logging.WARNING))
        logging.captureWarnings(True)
        sys.excepthook = self._crashed
        threading.excepthook = lambda args: self._crashed(args.exc_type, args.exc_value, args.exc_traceback)
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, self._finish],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=lambda *names: _Sink(str(names[0]) if names else "martin", self),
            cache_logger_on_first_use=False,
        )
        return self

    def close(self) -> None:
        """Put back the loggers, hooks and levels found at the start."""
        root = logging.getLogger()
        root.handlers[:], level, quiet = self._before
        root.setLevel(level)
        for name, before in quiet.items():
            logging.getLogger(name).setLevel(before)
        logging.captureWarnings(False)
        sys.excepthook, threading.excepthook = self._hooks
        structlog.reset_defaults()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def write(self, level: str, name: str, fields: Mapping[str, Any]) -> None:
        """Write one event. A stream that fails loses the line, never the caller's work."""
        event: Event = {"at": self._now().isoformat(timespec="milliseconds"), "level": level, "logger": name, **fields}
        if "exc_info" in event:
            event["exception"] = _trace(event.pop("exc_info"))
        if not self._settings.text:
            for field in TEXT_FIELDS & event.keys():
                event[field] = HIDDEN
        line = self.redact(self._render(event)) + "\n"
        try:
            with self._lock:
                self._stream.write(line)
                self._stream.flush()
        except UnicodeEncodeError:
            self._stream.write(line.encode("ascii", "backslashreplace").decode())
        except (OSError, ValueError):
            return

    def _finish(self, sink: _Sink, method: str, event: Event) -> tuple[tuple[str, str, Event], dict[str, Any]]:
        return (method, sink.name, event), {}

    def _crashed(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            self.write("critical", "martin", {"event": "crash", "exc_info": (kind, error, trace)})


class _Sink:
    """Where structlog's events end: what it calls a logger."""

    def __init__(self, name: str, logs: Logs) -> None:
        self.name, self._logs = name, logs

    def msg(self, method: str, name: str, event: Event) -> None:
        """Write an event that `Logs._finish` prepared."""
        self._logs.write("error" if method == "exception" else method, name, event)

    debug = info = warning = warn = error = exception = critical = msg


class _Bridge(logging.Handler):
    """The root handler: records of the standard library become events like all others."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record. One whose arguments do not fit its message is shown unformatted."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = f"{record.msg!r} {record.args!r}"
        fields: dict[str, Any] = {"event": message}
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        self._logs.write(record.levelname.lower(), record.name, fields)


def _trace(info: Any) -> str:
    """The traceback that an `exc_info` stands for."""
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    return "".join(traceback.format_exception(error)).rstrip() if error is not None else ""
