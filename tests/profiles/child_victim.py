"""A module for `profiles.child`: it answers, sleeps, prints, dies and misbehaves on request."""

from __future__ import annotations

import ctypes
import os
import sys
import time

import msgspec

from bot.errors import IndexUnavailable
from profiles.child_process import Last, Opened, TellLog, operation, serve


class Setup(msgspec.Struct):
    """How opening goes."""

    refuses: str = ""
    sleeps_s: float = 0.0


class Work(msgspec.Struct):
    """One call: a text and a number that the operation reads as it likes."""

    text: str = ""
    number: float = 0.0
    data: bytes = b""


def open_victim(setup: msgspec.Raw, note: TellLog) -> Opened:
    asked = msgspec.msgpack.decode(setup, type=Setup)
    time.sleep(asked.sleeps_s)
    if asked.refuses:
        raise IndexUnavailable(asked.refuses)
    done: list[str] = []

    def remember(work: Work) -> list[str]:
        time.sleep(work.number)
        done.append(work.text)
        return done

    def refuse(work: Work) -> object:
        raise IndexUnavailable(work.text)

    def break_down(work: Work) -> object:
        raise ValueError(work.text)

    def chatter(work: Work) -> int:
        for _ in range(int(work.number)):
            os.write(1, b"native words " * 80)
            os.write(2, work.text.encode() * 100)
        return int(work.number)

    def hold_everything(work: Work) -> object:
        # PyDLL keeps the interpreter's lock: no other thread of the process runs meanwhile.
        return ctypes.PyDLL(None).sleep(int(work.number))

    def tell(work: Work) -> None:
        note("victim.note", number=work.number)

    def crash(work: Work) -> object:
        return ctypes.string_at(int(work.number))

    return {"pid": os.getpid(), "tokens": sorted(key for key in os.environ if "TOKEN" in key), "path": sys.path[0]}, {
        "remember": operation(Work, remember),
        "echo": operation(Work, lambda work: work),
        "refuse": operation(Work, refuse),
        "break": operation(Work, break_down),
        "chatter": operation(Work, chatter),
        "hold": operation(Work, hold_everything),
        "renew": operation(Work, lambda work: Last(work.text)),
        "tell": operation(Work, tell),
        "crash": operation(Work, crash),
    }


if __name__ == "__main__":
    serve(open_victim)
