"""The process of one night: an order comes in; a line for each step and one of figures come out. It ends with its input."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from bot.errors import MartinError
from bot.process import run
from bot.store.folder import DataFolder
from bot.store.open import open_folder
from bot.system import SystemClock, TimeOrderedIds
from learning.night import Night, NightResult, Progress
from learning.order import NightOrder

_NICER: Final = 15
"""How much it stands back behind those who answer people."""
_ORPHANED: Final = 4
_STDIN: Final = 0
_PIECE: Final = 65_536


async def run_night(order: NightOrder, progress: Progress, *, is_dry: bool = False) -> NightResult:
    """Make that night's files beside a bot that may be serving the data folder. Raises TrainingError and StoreError."""
    folder = DataFolder.open(Path(order.data_dir))
    async with open_folder(folder, clock=SystemClock(), ids=TimeOrderedIds(), busy_timeout_s=order.busy_timeout_s) as stores:
        return await Night(order, stores.training, progress).run(is_dry=is_dry)


def main() -> int:
    """Take the order from standard input; the exit status."""
    os.nice(_NICER)
    sys.excepthook = _say_where
    told = b""
    while not told.endswith(b"\n") and (piece := os.read(_STDIN, _PIECE)):
        told += piece
    order = msgspec.json.decode(told, type=NightOrder)
    threading.Thread(target=_end_with_the_bot, daemon=True).start()
    try:
        result = run(run_night(order, _tell))
    except MartinError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"the files of the night could not be written or read: {error.strerror}\n")
        return 1
    _say(result)
    return 0


def _say_where(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
    """What was unforeseen, in one line: Python's own lines would quote what people wrote."""
    place = [str(frame) for frame in traceback.extract_tb(trace)][-1:]
    sys.stderr.write(f"{' at '.join([kind.__name__, *place])}\n")


def _tell(step: str, done: int) -> None:
    _say({"step": step, "done": done})


def _say(what: object) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


def _end_with_the_bot() -> None:
    """Once the bot is gone, so is this: what is done so far is on the disk."""
    while os.read(_STDIN, _PIECE):  # not through `sys.stdin`, whose lock a thread must not have when Python ends
        pass
    os._exit(_ORPHANED)


if __name__ == "__main__":
    sys.exit(main())
