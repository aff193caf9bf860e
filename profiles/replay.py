"""Events in, profile out: `python -m profiles.replay FILE` shows the state after each, for anyone to check.

Each line of FILE (`-` for standard input) is one event as JSON; each line printed is the state after it, unrounded:

    {"event": "answer", "dimension": "ENT", "y": 1.0, "quality": 1}
    {"event": "tap", "dimension": "ACT", "y": -1, "quality": 1}
    {"event": "remark", "dimension": "FOR", "y": 1, "quality": 1}
    {"event": "rating", "arms": [1, -1, 0, 1], "up": true, "weight": 1}
    {"event": "days", "days": 30}

`quality` and `weight` are 0 to 1, and 1 where they are left out. The lists printed are in the order ENT, RUT, ACT, FOR.
Blank lines are passed over. At a line that is no event it stops, says which and why on standard error, and exits with 2.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from profiles.events import DIMENSIONS, BadEvent, Event, read_event
from profiles.posterior import PRIOR, State, code_of, deviation, label, theta, updated


class BadLine(ValueError):
    """A line of the input is no event; `number` counts from 1, and the message names it."""

    def __init__(self, number: int, reason: str) -> None:
        self.number = number
        super().__init__(f"line {number}: {reason}")


def read_events(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events of UTF-8 JSON lines, one by one. Raises `BadLine` at the first that is none."""
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            if text:
                yield read_event(text)
        except UnicodeDecodeError as error:
            raise BadLine(number, "expected text in UTF-8") from error
        except BadEvent as error:
            raise BadLine(number, str(error)) from error


def described(state: State) -> dict[str, object]:
    """The state as it is printed: `base`, `theta`, `sd`, `labels` and `code`."""
    labels = [label(state, one) for one in DIMENSIONS]
    return {
        "base": state.mean[0],
        "theta": [theta(state, one) for one in DIMENSIONS],
        "sd": [deviation(state, one) for one in DIMENSIONS],
        "labels": labels,
        "code": code_of(labels),
    }


def run(lines: Iterable[bytes]) -> None:
    """Print the state after each event as soon as the event is read. Raises `BadLine`."""
    state = PRIOR
    for event in read_events(lines):
        state = updated(state, event)
        sys.stdout.write(json.dumps(described(state)) + "\n")
        sys.stdout.flush()


def _opened(name: str) -> BinaryIO:
    return sys.stdin.buffer if name == "-" else Path(name).open("rb")


def main() -> int:
    """0 when every line was an event; 2 for a line that is none or a file that cannot be read."""
    description, _, details = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m profiles.replay",
        description=description,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="JSON lines, or - for standard input")
    name: str = parser.parse_args().file
    try:
        with _opened(name) as lines:
            run(lines)
    except BrokenPipeError:
        # Whoever reads has gone (`| head`): what Python would still flush at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _refused(f"{name}: cannot be read: {error.strerror}")
    except BadLine as error:
        return _refused(f"{name}: {error}")
    return 0


def _refused(reason: str) -> int:
    sys.stderr.write(f"profiles.replay: {reason}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
