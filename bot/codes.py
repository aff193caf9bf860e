"""Codes that people pass on by hand: short, hard to misread, kept as keyed hashes alone; pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bot.channel_types import CodeKind
from bot.types import ChannelName

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without 0 and O, 1, I and L, and U, which looks like V: nothing that eyes or hands confuse."""
LENGTH: Final = 8
"""With 30 signs 39 bits: whoever tries a handful an hour finds none while it is good."""
_LONGEST_READ: Final = 40
_SKIPPED: Final = frozenset(" \t\n-–—_.")


def new_code(chance: bytes) -> str:
    """A code out of 16 bytes that nobody can foretell."""
    number, signs = int.from_bytes(chance), []
    for _ in range(LENGTH):
        number, place = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[place])
    return "".join(signs)


def shown_code(code: str) -> str:
    """A code as people see it: `ABCD-EFGH`."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def read_code(text: str) -> str | None:
    """The code that a whole text is; small letters, blanks and dashes do not matter. None for anything else."""
    if len(text) > _LONGEST_READ:
        return None
    code = "".join(sign for sign in text.upper() if sign not in _SKIPPED)
    return code if len(code) == LENGTH and all(sign in ALPHABET for sign in code) else None


def code_hash(keyed: Callable[[str], bytes], kind: CodeKind, code: str) -> str:
    """What is kept of a code. `keyed` is a hash under the data folder's secret: nobody else can try codes out."""
    return keyed(f"code/{kind.value}/{code}").hex()


def block_hash(keyed: Callable[[str], bytes], channel: ChannelName, user: str) -> str:
    """What is kept of a user whom an admin keeps out."""
    return keyed(f"blocked/{channel.value}:{user}").hex()
