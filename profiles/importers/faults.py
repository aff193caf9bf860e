"""What can be wrong with an export, worded for its owner: where it stands and what was expected, never what somebody wrote."""

from __future__ import annotations

from enum import StrEnum

from bot.errors import MartinError
from bot.locale import say
from bot.memory_types import BadRecord
from profiles.importers.json_stream import CutShort, NotJson


class Fault(StrEnum):
    """Why a record is left out, or why nothing is read after it."""

    UNLIKE = "unlike"
    ID = "id"
    TIME = "time"
    ENCODING = "encoding"
    SIZE = "size"
    TWICE = "twice"
    COLUMNS = "columns"
    CUT = "cut"
    NOT_JSON = "not json"
    DAMAGED = "damaged"


class Faulty(ValueError):
    """A record with this `fault`."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.value)


class Unreadable(MartinError):
    """A file cannot be read any further: the disk failed, or the archive is damaged there."""


class Wrong:
    """Makes the reports about one file in the owner's language; `where` names the file if there are several."""

    def __init__(self, language: str, where: str = "") -> None:
        self._language = language
        self._where = where

    def __call__(self, line: int, what: Fault | ValueError) -> BadRecord:
        """The report of a record that is left out."""
        if isinstance(what, Fault):
            fault = what
        elif isinstance(what, Faulty):
            fault = what.fault
        else:
            fault = Fault.ENCODING if isinstance(what, UnicodeDecodeError) else Fault.UNLIKE
        reason = _worded(fault, self._language)
        return BadRecord(line=line, reason=f"{self._where}: {reason}" if self._where else reason)

    def end(self, line: int, error: NotJson | Unreadable) -> BadRecord:
        """The report of the place after which nothing is read; `line` is that of the latest record."""
        if isinstance(error, NotJson):
            return self(error.line, Fault.CUT if isinstance(error, CutShort) else Fault.NOT_JSON)
        return self(line, Fault.DAMAGED)


def _worded(fault: Fault, language: str) -> str:
    return {
        Fault.UNLIKE: say(language, "A record of this kind was expected; this is none, or it is damaged."),
        Fault.ID: say(language, "A record with an id was expected."),
        Fault.TIME: say(language, "A record with a date between 1990 and 2100 was expected."),
        Fault.ENCODING: say(language, "Text in UTF-8 was expected; some bytes of this record are none."),
        Fault.SIZE: say(language, "This record is too long, or nested too deep, to be a message."),
        Fault.TWICE: say(language, "A record with the same id came before; that one counts."),
        Fault.COLUMNS: say(language, "The columns ID, Timestamp and Contents were expected."),
        Fault.CUT: say(language, "The file ends in the middle of this; everything before was read."),
        Fault.NOT_JSON: say(language, "From here on this is no JSON; everything before was read."),
        Fault.DAMAGED: say(language, "From here on disk or archive is damaged; everything before was read."),
    }[fault]
