"""What is wrong with one row, one text or one message, by the rules of those who take the files. Standard library only.

Sources: OpenAI's Cookbook (`Chat_finetuning_data_prep`, 2e65270), mistral-finetune (1943535), TRL 1.9 (`dataset_formats`),
Together's guide to preference tuning, RFC 4180. What is found names places, never what somebody wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple


class Fault(NamedTuple):
    """Something wrong: a code of `check_codes.MENDING`, and what was found where."""

    code: str
    wrong: str


Rule = Callable[[Mapping[str, Any]], Iterator[Fault]]

ROLES: Final = ("system", "user", "assistant")
LONGEST_EXAMPLE: Final = 200_000
"""Characters; about 65,536 tokens, the most that a hosted trainer took for one example."""

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_IDENTITY: Final = frozenset({"id", "row", "row_id", "person", "person_id", "user_id", "thread", "conversation", "turn_id"})
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])")
_RESERVED: Final = re.compile(r"(?:^|[@.])(?:example\.(?:com|org|net)|example|test|invalid|localhost)$", re.IGNORECASE)
"""Names that belong to nobody (RFC 2606)."""
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_IBAN_LENGTHS: Final[Mapping[str, int]] = dict(
    **{"AD": 24, "AT": 20, "BE": 16, "BR": 29, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20},
    **{"ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IT": 27, "LT": 20},
    **{"LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24},
    **{"SM": 27, "SV": 28, "TR": 26},
)
_CARD: Final = re.compile(r"(?<![\d.,])[2-6]\d{3}(?:[ -]?\d{4}){3}(?!\d)|(?<![\d.,])3[47]\d{2}[ -]?\d{6}[ -]?\d{5}(?!\d)")
_DIGITS: Final = re.compile(r"\d\d")
_TOKEN_MARKS: Final = (
    *("PRIVATE KEY", "sk-", "sk_", "rk-", "rk_", "pk-", "pk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"),
    *("xox", "AKIA", "ASIA", "AIza", "hf_", "npm_", "SG.", "eyJ", ":AA"),
)
"""What the pattern below cannot match without; looking for these is quicker."""
_TOKEN: Final = re.compile(
    r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----"
    r"|\b(?:sk|rk|pk)[-_](?:proj-|ant-|live_|test_)?[A-Za-z0-9_-]{24,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{40,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{35}"
    r"|\bhf_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{36}|\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r"|\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"
)


def text_faults(text: str) -> Iterator[Fault]:
    """Control characters, halves of characters, and what a scrubber should have found, each kind once."""
    if _SURROGATE.search(text):
        yield Fault("surrogate", "half of a character stands alone")
    if _CONTROL.search(text):
        yield Fault("control-character", "a text has a control character")
    if "@" in text and any(not _RESERVED.search(found[0]) for found in _EMAIL.finditer(text)):
        yield Fault("email", "an e-mail address is left")
    if _DIGITS.search(text):
        if any(is_iban(found[0]) for found in _IBAN.finditer(text)):
            yield Fault("iban", "the number of a bank account is left")
        if any(passes_luhn(found[0]) for found in _CARD.finditer(text)):
            yield Fault("card-number", "the number of a payment card is left")
    if any(mark in text for mark in _TOKEN_MARKS) and _TOKEN.search(text):
        yield Fault("token", "something in the form of a key or token is left")


def is_iban(text: str) -> bool:
    """Whether `text` begins like the number of an account: its country's length, and 1 modulo 97 (ISO 13616)."""
    compact = text.replace(" ", "")
    compact = compact[: _IBAN_LENGTHS.get(compact[:2], 0)]
    if len(compact) != _IBAN_LENGTHS.get(compact[:2]):
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def passes_luhn(text: str) -> bool:
    """Whether the digits of `text` end in their check digit (ISO/IEC 7812-1)."""
    digits = [int(character) for character in reversed(text) if character.isdecimal()]
    return sum(digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits)) % 10 == 0


class KeyTwice(ValueError):
    """An object of a line has a key twice."""


def parsed(line: str) -> object:
    """The value of one line. `KeyTwice`, another `ValueError` or `RecursionError` when it is no plain JSON."""
    return _DECODER.decode(line)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise KeyTwice
    return found


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refused)


def texts_of(value: object) -> Iterator[str]:
    """Every text inside of a value, its keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of JSONL file: its keys, the rule for a row, and which keys make up the example that no two parts may share."""

    keys: tuple[str, ...]
    rule: Rule
    example: tuple[str, ...]

    def faults(self, row: Mapping[str, Any]) -> Iterator[Fault]:
        """What is wrong with a row: its keys first; its values only where the keys are right."""
        for key in self.keys:
            if key not in row:
                yield Fault("key-missing", f"the key {key!r} is missing")
        for key in row:
            if key in _IDENTITY:
                yield Fault("identity-in-row", f"the row has the key {key!r}")
            elif key not in self.keys:
                yield Fault("key-unknown", "the row has a key that this kind of file does not have")
        if row.keys() >= set(self.keys):
            yield from self.rule(row)

    def compared(self, row: Mapping[str, Any]) -> str:
        """What is said and answered in a row, without the system's message: two equal ones are the same example."""
        return json.dumps([_spoken(row.get(key)) for key in self.example], ensure_ascii=True, sort_keys=True)


def _spoken(value: object) -> object:
    if not isinstance(value, list):
        return value
    turns = [message for message in value if isinstance(message, dict)]
    return [[turn.get("role"), turn.get("content")] for turn in turns if turn.get("role") != "system"]


def shape(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The keys of a row with the types of their values, the same in every row of a file."""
    return tuple(sorted((key, type(value).__name__) for key, value in row.items()))


def _message(message: object, where: str, optional: Sequence[str]) -> Iterator[Fault]:
    if not isinstance(message, dict):
        yield Fault("message-not-an-object", f"{where} is not an object")
        return
    if not message.keys() <= {"role", "content", *optional}:
        yield Fault("message-key-unknown", f"{where} has an unknown key")
    role, content, weight = message.get("role"), message.get("content"), message.get("weight")
    if "role" not in message:
        yield Fault("role-missing", f"{where} has no role")
    elif role not in ROLES:
        yield Fault("role-unknown", f"the role of {where} is none of {', '.join(ROLES)}")
    if "content" not in message:
        yield Fault("content-missing", f"{where} has no content")
    elif not isinstance(content, str):
        yield Fault("content-not-a-string", f"the content of {where} is not a text")
    elif not content.strip():
        yield Fault("content-empty", f"the content of {where} is empty")
    if "weight" in message and "weight" in optional:
        if role != "assistant":
            yield Fault("weight-not-assistant", f"{where} has a weight")
        elif type(weight) is not int or weight not in (0, 1):
            yield Fault("weight-value", f"the weight of {where} is neither 0 nor 1")
    if "name" in optional and "name" in message:
        name = message["name"]
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield Fault("name-invalid", f"{where} has a name that is not allowed")


def _conversation(value: object, key: str, *, ends: str, optional: Sequence[str] = ()) -> Iterator[Fault]:
    """The faults of a list of messages that is to end with a message of `ends`."""
    if not isinstance(value, list) or not value:
        yield Fault("messages-empty", f"{key} is not a list of messages")
        return
    for place, message in enumerate(value, 1):
        yield from _message(message, f"{key}, message {place}", optional)
    roles = [message.get("role") if isinstance(message, dict) else None for message in value]
    if any(role not in ROLES for role in roles):
        return
    if roles.count("system") > 1:
        yield Fault("system-twice", f"{key} has {roles.count('system')} system messages")
    elif "system" in roles[1:]:
        yield Fault("system-not-first", f"the system message of {key} comes later")
    turns = [role for role in roles if role != "system"]
    if "user" not in turns:
        yield Fault("no-user", f"nobody asks in {key}")
    if turns and (turns[0] != "user" or any(one == other for one, other in pairwise(turns))):
        yield Fault("turn-order", f"user and assistant do not take turns in {key}")
    if ends == "assistant" and "assistant" not in turns:
        yield Fault("no-assistant", f"nobody answers in {key}")
    if turns and turns[-1] != ends:
        code = "last-not-assistant" if ends == "assistant" else "prompt-not-ended-by-user"
        yield Fault(code, f"{key} does not end with {ends}")


def _answer(value: object, key: str) -> Iterator[Fault]:
    """Exactly one message of the assistant (Together's rule; OpenAI's is the same without the number)."""
    if not isinstance(value, list) or len(value) != 1:
        yield Fault("not-one-answer", f"{key} is not a list of one message")
        return
    yield from _message(value[0], f"{key}, message 1", ())
    if isinstance(value[0], dict) and value[0].get("role") in ("system", "user"):
        yield Fault("not-one-answer", f"the message of {key} is not the assistant's")


def _string(value: object, key: str) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield Fault("text-not-a-string", f"{key} is not a text")
    elif not value.strip():
        yield Fault("text-empty", f"{key} is empty")


def _sft(row: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _conversation(row["prompt"], "prompt", ends="user")
    yield from _answer(row["completion"], "completion")


def _messages(row: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _conversation(row["messages"], "messages", ends="assistant", optional=("weight", "name"))
    said = row["messages"] if isinstance(row["messages"], list) else []
    weights = [message.get("weight") for message in said if isinstance(message, dict) and message.get("role") == "assistant"]
    if weights and all(weight == 0 and weight is not None for weight in weights):
        yield Fault("nothing-to-learn", "every answer has the weight 0")


def _dpo(row: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _conversation(row["prompt"], "prompt", ends="user")
    yield from _answer(row["chosen"], "chosen")
    yield from _answer(row["rejected"], "rejected")
    if row["chosen"] == row["rejected"]:
        yield Fault("chosen-is-rejected", "the chosen answer and the rejected one are the same")


def _kto(row: Mapping[str, Any]) -> Iterator[Fault]:
    if isinstance(row["prompt"], str):
        yield from _string(row["prompt"], "prompt")
        yield from _string(row["completion"], "completion")
    else:
        yield from _conversation(row["prompt"], "prompt", ends="user")
        yield from _answer(row["completion"], "completion")
    if not isinstance(row["label"], bool):
        yield Fault("label-not-boolean", "the label is neither true nor false")


def _strings(*keys: str) -> Rule:
    def rule(row: Mapping[str, Any]) -> Iterator[Fault]:
        for key in keys:
            yield from _string(row[key], key)

    return rule


KINDS: Final[Mapping[str, Kind]] = {
    "sft.jsonl": Kind(keys=("prompt", "completion"), rule=_sft, example=("prompt", "completion")),
    "messages.jsonl": Kind(keys=("messages",), rule=_messages, example=("messages",)),
    "dpo.jsonl": Kind(keys=("prompt", "chosen", "rejected"), rule=_dpo, example=("prompt", "chosen")),
    "kto.jsonl": Kind(keys=("prompt", "completion", "label"), rule=_kto, example=("prompt", "completion")),
    "prompt_completion.jsonl": Kind(
        keys=("prompt", "completion"), rule=_strings("prompt", "completion"), example=("prompt", "completion")
    ),
    "input_response.jsonl": Kind(keys=("input", "response"), rule=_strings("input", "response"), example=("input", "response")),
}
"""By file name."""

_GUARDED: Final = re.compile(r"'[=+\-@][^']*")
_CELL: Final = re.compile(r'"[^"]*(?:""[^"]*)*"|[^",]*')
_MOST_LINES: Final = 2_000
"""Of one record: after so many the quotes are out of step."""


def records(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, list[str] | None]]:
    """The rows of a CSV file by RFC 4180, each with the number of its first line; None where the quoting is broken."""
    parts: list[str] = []
    start, is_open = 0, False
    for number, line in lines:
        start = start if parts else number
        parts.append(line)
        is_open ^= line.count('"') % 2 == 1
        if is_open and len(parts) < _MOST_LINES:
            continue
        yield start, None if is_open else _cells("\n".join(parts))
        parts, is_open = [], False
    if parts:
        yield start, None


def _cells(record: str) -> list[str] | None:
    cells: list[str] = []
    place = 0
    while True:
        found = _CELL.match(record, place)
        cell = found[0] if found else ""
        cells.append(cell[1:-1].replace('""', '"') if cell.startswith('"') else cell)
        place += len(cell)
        if place == len(record):
            return cells
        if record[place] != ",":
            return None
        place += 1


def cell_faults(cells: list[str] | None, *, is_binary: bool) -> Iterator[Fault]:
    """What is wrong with a row of a classifier's file, read by `records`."""
    if cells is None:
        yield Fault("csv-quoting", "the quotes of the row do not match")
        return
    if len(cells) != 2:
        yield Fault("csv-columns", f"the row has {len(cells)} column(s)")
        return
    text, label = cells
    if not text.strip():
        yield Fault("csv-text-empty", "the text is empty")
    if not label.strip():
        yield Fault("csv-label-empty", "the label is empty")
    elif is_binary and label not in ("0", "1"):
        yield Fault("csv-label-unknown", "the label is neither 0 nor 1")
    if _GUARDED.fullmatch(text) or _GUARDED.fullmatch(label):
        yield Fault("csv-guarded", "a cell has the guard against formulas in front")
    yield from text_faults(text)
    yield from text_faults(label)
