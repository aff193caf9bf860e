"""What goes wrong on demand between the bot and Telegram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """`DROP_AFTER` is the ambiguous send: it was done, and nobody says so. `ANSWER` gives `code` and `description`.

    `SLOW` acts after `seconds`, `LATE` acts at once and answers after `seconds`. `HANG` does nothing and never answers.
    `GARBAGE` answers with a proxy's page.
    """

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    ANSWER = "answer"
    HANG = "hang"
    SLOW = "slow"
    LATE = "late"
    GARBAGE = "garbage"


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault for the next `times` requests of a method (`""`: of any but getUpdates) that `where` holds for."""

    kind: FaultKind
    method: str = ""
    times: int = 1
    seconds: float = 0.5
    code: int = 502
    description: str = "Bad Gateway"
    retry_after: int = 0
    where: Callable[[Mapping[str, Any]], bool] | None = None
    happened: int = 0


class Faults:
    """The faults to come. Several for one method happen one after the other."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, kind: FaultKind, method: str = "", **facts: Any) -> Fault:
        """Plan a fault; `happened` of what is returned counts how often it came."""
        fault = Fault(kind=kind, method=method, **facts)
        self.waiting.append(fault)
        return fault

    def refuse(self, method: str, code: int, description: str, *, times: int = 1, retry_after: int = 0) -> Fault:
        """Plan an answer of Telegram's that says no."""
        return self.add(FaultKind.ANSWER, method, code=code, description=description, times=times, retry_after=retry_after)

    def clear(self) -> None:
        """Nothing more goes wrong."""
        self.waiting.clear()

    def take(self, method: str, parameters: Mapping[str, Any]) -> Fault | None:
        """The fault that this request meets."""
        for fault in self.waiting:
            meant = fault.method == method or (not fault.method and method != "getUpdates")
            if meant and (fault.where is None or fault.where(parameters)):
                fault.happened += 1
                if fault.happened >= fault.times:
                    self.waiting.remove(fault)
                return fault
        return None
