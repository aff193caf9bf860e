"""What runs inside a child process: one call at a time, in order, until the pipe to the bot closes.

A module that is to run in one ends with `if __name__ == "__main__": serve(open)`. Its `open` gets the setup and a function to
write to the bot's log with, and returns what the bot is told and the operations by name. Nothing is pickled.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Final, NoReturn, Protocol, TypeAlias, TypeVar

import msgspec

from bot.errors import RecallError

LENGTH_BYTES: Final = 4
MOST_FRAME_BYTES: Final = 64 * 1_048_576
BEAT_S: Final = 1.0
OPENING_MAY_TAKE_S: Final = 60.0
_FAREWELL_S: Final = 2.0
_PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal that this process gets when its parent dies."""


class Setup(msgspec.Struct, tag=True, array_like=True):
    """To the child, first of all: what its `open` is given."""

    payload: msgspec.Raw


class Request(msgspec.Struct, tag=True, array_like=True):
    """To the child: a call. While it runs, for at most `may_take_s`, the child says that it is alive.

    It is not begun after `until`, in seconds of the machine's monotonic clock: nobody waits for it then.
    """

    id: int
    name: str
    payload: msgspec.Raw
    until: float
    may_take_s: float


class Ready(msgspec.Struct, tag=True, array_like=True):
    """From the child: it takes calls now; `payload` is what opening told."""

    payload: msgspec.Raw


class Beat(msgspec.Struct, tag=True, array_like=True):
    """From the child: it is alive."""


class Done(msgspec.Struct, tag=True, array_like=True):
    """From the child: what a call answered; the process ends after one that `is_last`, and wants to be started again."""

    id: int
    payload: msgspec.Raw
    is_last: bool = False


class Failed(msgspec.Struct, tag=True, array_like=True):
    """From the child: a call (0: opening) failed. `reason` is in our own words; the process ends after one that `is_last`."""

    id: int
    kind: str
    reason: str
    is_last: bool = False


class Note(msgspec.Struct, tag=True, array_like=True):
    """From the child: an event for the log."""

    event: str
    fields: dict[str, str | int | float]


ToChild: TypeAlias = Setup | Request
FromChild: TypeAlias = Ready | Beat | Done | Failed | Note

_to_child: Final[msgspec.msgpack.Decoder[ToChild]] = msgspec.msgpack.Decoder(ToChild)
_from_child: Final[msgspec.msgpack.Decoder[FromChild]] = msgspec.msgpack.Decoder(FromChild)

P = TypeVar("P")


class ProcessSpent(RecallError):
    """A call failed, is told so like any RecallError, and the process ends: what it has open is of no use any more."""


@dataclass(frozen=True, slots=True)
class Last:
    """What an operation returns that wants a new process after its answer: memory it cannot give back, for instance."""

    answer: object


class TellLog(Protocol):
    """Writes an event to the bot's log."""

    def __call__(self, event: str, **fields: str | int | float) -> None:
        """Write it. Nothing that a person wrote may stand in it."""


Operation: TypeAlias = Callable[[msgspec.Raw], object]
Opened: TypeAlias = tuple[object, Mapping[str, Operation]]
"""What the bot is told, and what it may call."""
Open: TypeAlias = Callable[[msgspec.Raw, TellLog], Opened]


def operation(kind: type[P], work: Callable[[P], object]) -> Operation:
    """`work` as an operation that takes a `kind`. What it raises of RecallError is told; anything else ends the process."""
    decoder = msgspec.msgpack.Decoder(kind)
    return lambda payload: work(decoder.decode(payload))


def raw(value: object) -> msgspec.Raw:
    """A value as it travels in a frame."""
    return msgspec.Raw(msgspec.msgpack.encode(value))


def frame(said: ToChild | FromChild) -> bytes:
    """A frame: four bytes of length, then MessagePack."""
    body = msgspec.msgpack.encode(said)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def decode_from_child(body: bytes) -> FromChild:
    """What the child said. Raises msgspec.DecodeError."""
    return _from_child.decode(body)


def serve(open: Open) -> NoReturn:
    """Be the child: open, take calls in order, and end with the pipe. Whatever is unforeseen ends the process, and is told."""
    _live_and_die_quietly()
    pipe = _Pipe()
    threading.Thread(target=pipe.watch, name="pipe", daemon=True).start()
    threading.Thread(target=pipe.beat, name="heartbeat", daemon=True).start()
    code = 1
    try:
        code = _work(pipe, open)
    finally:
        if sys.exception() is not None:
            traceback.print_exc()
        # Threads of native libraries must not keep a process that has ended.
        sys.stderr.flush()
        os._exit(code)


def _work(pipe: _Pipe, open: Open) -> int:
    """Open and answer until the pipe closes; the code to end with."""
    setup = pipe.wait()
    if not isinstance(setup, Setup):
        return 0
    try:
        pipe.begin(OPENING_MAY_TAKE_S)
        with _Telling(pipe, 0):
            told, operations = open(setup.payload, pipe.note)
    except RecallError as error:
        pipe.say(Failed(id=0, kind=type(error).__name__, reason=str(error)))
        return 1
    pipe.done()
    pipe.say(Ready(payload=raw(told)))
    while isinstance(request := pipe.wait(), Request):
        if request.until < time.monotonic():
            continue
        pipe.begin(request.may_take_s)
        try:
            answer = _answer(pipe, request, operations)
            pipe.say(answer)
            if isinstance(answer, Done) and answer.is_last:
                return 0
        except ProcessSpent as error:
            pipe.say(Failed(id=request.id, kind=type(error).__name__, reason=str(error), is_last=True))
            return 1
        pipe.done()
    return 0


def _answer(pipe: _Pipe, request: Request, operations: Mapping[str, Operation]) -> Done | Failed:
    work = operations.get(request.name)
    if work is None:
        return Failed(id=request.id, kind="unknown", reason=f"no operation {request.name!r}")
    try:
        with _Telling(pipe, request.id):
            answer = work(request.payload)
            is_last = isinstance(answer, Last)
            payload = raw(answer.answer if isinstance(answer, Last) else answer)
        return Done(id=request.id, payload=payload, is_last=is_last)
    except ProcessSpent:
        raise
    except (RecallError, msgspec.DecodeError) as error:
        reason = str(error) if isinstance(error, RecallError) else f"{request.name!r} was given something else"
        return Failed(id=request.id, kind=type(error).__name__, reason=reason)


class _Telling:
    """Tells the bot of what is unforeseen in its block, on the way to ending the process."""

    def __init__(self, pipe: _Pipe, id: int) -> None:
        self._pipe, self._id = pipe, id

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Every error goes on; the foreseen ones have words of their own."""
        if kind is not None and not isinstance(error, (RecallError, ProcessSpent, msgspec.DecodeError)):
            self._pipe.say(Failed(id=self._id, kind=kind.__name__, reason="unforeseen", is_last=self._id != 0))


class _Pipe:
    """The pipe to the bot, and what its two threads share with the one that works."""

    def __init__(self) -> None:
        # Native libraries print where they like: what they take for standard output goes to standard error, which is not ours.
        self._requests: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._answers = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._silent_from: float | None = None

    def wait(self) -> ToChild | None:
        """The next thing asked; None when the pipe has closed, or says what nobody understands."""
        if len(head := self._requests.read(LENGTH_BYTES)) < LENGTH_BYTES:
            return None
        try:
            return _to_child.decode(self._requests.read(int.from_bytes(head, "big")))
        except msgspec.DecodeError:
            return None

    def begin(self, may_take_s: float) -> None:
        """From now on be busy: silent when it takes longer than this."""
        self._silent_from = time.monotonic() + may_take_s

    def done(self) -> None:
        """No longer busy."""
        self._silent_from = None

    def say(self, said: FromChild) -> None:
        """Send a frame. A pipe that has closed ends the process soon, by `watch`."""
        rest = memoryview(frame(said))
        with self._lock:
            try:
                while rest:
                    rest = rest[os.write(self._answers, rest) :]
            except BrokenPipeError:
                return

    def note(self, event: str, **fields: str | int | float) -> None:
        """Write an event to the bot's log."""
        self.say(Note(event=event, fields=fields))

    def beat(self) -> None:
        """Say once a second that the work goes on; a call that takes longer than it may is not said to."""
        while True:
            time.sleep(BEAT_S)
            silent_from = self._silent_from
            if silent_from is None or time.monotonic() < silent_from:
                self.say(Beat())

    def watch(self) -> None:
        """Once the pipe has closed, end the process, after a moment for the call that runs."""
        hangup = select.poll()
        hangup.register(self._requests, 0)  # which is told of nothing else
        hangup.poll()
        time.sleep(_FAREWELL_S)
        os._exit(0)


def _live_and_die_quietly() -> None:
    """Files for this user only, no core dumps (they hold vectors), signals left to the bot, and no life after it.

    The kernel's signal also ends a process that was stopped or stuck in native code when the bot is killed.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
