"""One example of somebody's own data, whatever its format: what is asked and answered, and what is wrong with it (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, Literal

from learning.check_rules import text_faults, texts_of


class Format(StrEnum):
    """What the rows of a file are, told by their keys."""

    CHAT = "chat"
    SHAREGPT = "sharegpt"
    PAIRS = "pairs"
    PREFERENCES = "preferences"
    THUMBS = "thumbs"
    LABELS = "labels"


class Code(StrEnum):
    """What may be wrong, in the order in which it is told. Those of `ADVICE` do not keep anybody from using the file."""

    NOT_FOUND = "not_found"
    NOT_A_FILE = "not_a_file"
    NOT_READABLE = "not_readable"
    EMPTY = "empty"
    NOT_TEXT = "not_text"
    UTF_16 = "utf_16"
    JSON_LIST = "json_list"
    JSON_SPREAD = "json_spread"
    UNKNOWN_FORMAT = "unknown_format"
    CSV_HEADER = "csv_header"
    CSV_SEPARATOR = "csv_separator"
    ENCODING = "encoding"
    BROKEN_LINE = "broken_line"
    BROKEN_RECORD = "broken_record"
    LINE_TOO_LONG = "line_too_long"
    NOT_AN_OBJECT = "not_an_object"
    MIXED_FORMATS = "mixed_formats"
    UNKNOWN_ROW = "unknown_row"
    KEYS_DIFFER = "keys_differ"
    NO_MESSAGES = "no_messages"
    ROLE_MISSING = "role_missing"
    ROLE_UNKNOWN = "role_unknown"
    CONTENT_MISSING = "content_missing"
    WEIGHT = "weight"
    NO_USER = "no_user"
    NO_ASSISTANT = "no_assistant"
    LAST_NOT_ASSISTANT = "last_not_assistant"
    NOT_ONE_ANSWER = "not_one_answer"
    SAME_ANSWERS = "same_answers"
    NOT_A_TEXT = "not_a_text"
    EMPTY_TEXT = "empty_text"
    EMPTY_LABEL = "empty_label"
    LABEL_NOT_BOOLEAN = "label_not_boolean"
    ONE_LABEL = "one_label"
    TWO_LABELS = "two_labels"
    LABEL_SPELLING = "label_spelling"
    DUPLICATE = "duplicate"
    TOO_LONG = "too_long"
    CONTROL = "control"
    CREDENTIAL = "credential"
    PERSONAL = "personal"
    FEWER_THAN_10 = "fewer_than_10"
    FEWER_THAN_50 = "fewer_than_50"
    BYTE_ORDER_MARK = "byte_order_mark"
    EMPTY_LINE = "empty_line"
    MESSAGE_KEYS = "message_keys"
    TURN_ORDER = "turn_order"
    SYSTEM_SOMETIMES = "system_sometimes"
    SYSTEM_DIFFERS = "system_differs"
    PUNCTUATION = "punctuation"
    LEADING_SPACE = "leading_space"
    LANGUAGES = "languages"
    ANSWER_LANGUAGE = "answer_language"
    TWO_ANSWERS = "two_answers"
    NEAR_DUPLICATE = "near_duplicate"
    IMBALANCE = "imbalance"
    RARE_LABEL = "rare_label"
    LONG = "long"


ADVICE: Final = frozenset(list(Code)[list(Code).index(Code.FEWER_THAN_50) :])
FATAL: Final = frozenset(list(Code)[: list(Code).index(Code.CSV_HEADER) + 1])
"""Those that end the check: there is nothing more to look at."""

FEWEST_OF_A_LABEL: Final = 5
LONG, TOO_LONG = 16_000, 200_000
"""Characters: about 4,000 tokens, which many small models cut off; and more than any trainer takes."""

PAIRS: Final = (
    *(("instruction", "output"), ("instruction", "response"), ("prompt", "completion"), ("prompt", "response")),
    *(("input", "response"), ("input", "output"), ("question", "answer")),
)
_ROLES: Final = ("system", "user", "assistant", "tool", "function", "developer")
_SHAREGPT: Final[Mapping[str, str]] = {
    **{"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"},
    **{"tool": "tool", "function_call": "assistant", "observation": "tool"},
}
_MESSAGE_KEYS: Final = frozenset(
    {"role", "content", "name", "weight", "function_call", "tool_calls", "tool_call_id", "refusal", "audio", "from", "value"}
)
_PHONE: Final = re.compile(r"(?<![\w+])\+\d[\d ().-]{7,17}\d(?!\w)")
_FOUND: Final[Mapping[str, Code]] = {
    **dict.fromkeys(("surrogate", "control-character"), Code.CONTROL),
    **dict.fromkeys(("email", "iban", "card-number"), Code.PERSONAL),
    "token": Code.CREDENTIAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to put right or to consider, in `count` lines, of which `lines` has the first; none for the file as a whole."""

    level: Literal["error", "advice"]
    code: Code
    lines: tuple[int, ...] = ()
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found in a file: errors first. `format` is None when it could not be told; `container` is JSONL or CSV."""

    format: Format | None
    container: str
    rows: int
    findings: tuple[Finding, ...]

    @property
    def is_usable(self) -> bool:
        """Whether nothing has to be put right first."""
        return all(finding.level == "advice" for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An example. `answers` is what a model would learn to say, in preferences both; `label` is None where there is none."""

    format: Format
    keys: frozenset[str]
    asked: str
    answers: tuple[str, ...] = ()
    system: str | None = None
    label: str | None = None
    size: int = 0
    codes: frozenset[Code] = frozenset()


def format_of(keys: Sequence[str] | frozenset[str]) -> Format | None:
    """What rows with these keys are; None for keys that say nothing."""
    names = frozenset(keys)
    if "messages" in names:
        return Format.CHAT
    if "conversations" in names:
        return Format.SHAREGPT
    if {"chosen", "rejected"} <= names or {"preferred_output", "non_preferred_output"} <= names:
        return Format.PREFERENCES
    if {"prompt", "completion", "label"} <= names:
        return Format.THUMBS
    if any(names.issuperset(pair) for pair in PAIRS):
        return Format.PAIRS
    return Format.LABELS if {"text", "label"} <= names else None


def row_of(values: Mapping[str, Any]) -> Row | None:
    """The example of a row; None when its keys are those of no format."""
    format_ = format_of(frozenset(values))
    if format_ is None:
        return None
    codes: set[Code] = set()
    asked, answers, system, label = _READERS[format_](values, codes)
    texts = "\n\n".join(texts_of(dict(values)))
    codes.update(_FOUND[fault.code] for fault in text_faults(texts))
    if _PHONE.search(texts):
        codes.add(Code.PERSONAL)
    if len(texts) > LONG:
        codes.add(Code.TOO_LONG if len(texts) > TOO_LONG else Code.LONG)
    return Row(
        format=format_,
        keys=frozenset(values),
        asked=asked,
        answers=answers,
        system=system,
        label=label,
        size=len(texts),
        codes=frozenset(codes),
    )


_Parts = tuple[str, tuple[str, ...], str | None, str | None]
"""What is asked, the answers, the system message and the label."""


def _chat(values: Mapping[str, Any], codes: set[Code]) -> _Parts:
    turns = list(_turns(values["messages"], "role", "content", codes))
    return _conversation(turns, codes)


def _sharegpt(values: Mapping[str, Any], codes: set[Code]) -> _Parts:
    turns = list(_turns(values["conversations"], "from", "value", codes))
    system = values.get("system")
    if isinstance(system, str) and system.strip():
        turns.insert(0, ("system", system))
    return _conversation(turns, codes)


def _conversation(turns: Sequence[tuple[str, str]], codes: set[Code]) -> _Parts:
    """The parts of a whole conversation, which the assistant is to end."""
    asked, system = _asked(turns, codes)
    roles = [role for role, _ in turns if role != "system"]
    is_known = not codes & {Code.ROLE_MISSING, Code.ROLE_UNKNOWN, Code.NO_MESSAGES}
    if is_known and "assistant" not in roles:
        codes.add(Code.NO_ASSISTANT)
    elif is_known and roles[-1] != "assistant":
        codes.add(Code.LAST_NOT_ASSISTANT)
    answers = tuple(text for role, text in turns if role == "assistant")
    return asked, answers[-1:], system, None


def _asked(turns: Sequence[tuple[str, str]], codes: set[Code]) -> tuple[str, str | None]:
    """Everything but the last answer, and the system message."""
    roles = [role for role, _ in turns if role in ("user", "assistant")]
    if not codes & {Code.ROLE_MISSING, Code.ROLE_UNKNOWN, Code.NO_MESSAGES} and "user" not in roles:
        codes.add(Code.NO_USER)
    if any(one == other for one, other in pairwise(roles)):
        codes.add(Code.TURN_ORDER)
    system = next((text for role, text in turns if role in ("system", "developer")), None)
    said = [(role, text) for role, text in turns if role not in ("system", "developer")]
    if said and said[-1][0] == "assistant":
        said.pop()
    return "\n\n".join(text for _, text in said), system


def _turns(value: object, role_key: str, text_key: str, codes: set[Code]) -> Iterator[tuple[str, str]]:
    """Role and text of each message that has both."""
    if not isinstance(value, list) or not value:
        codes.add(Code.NO_MESSAGES)
        return
    for message in value:
        if not isinstance(message, dict) or role_key not in message:
            codes.add(Code.ROLE_MISSING)
            continue
        role, text = message[role_key], message.get(text_key)
        if role_key == "from":
            role = _SHAREGPT.get(role) if isinstance(role, str) else None
        if role not in _ROLES:
            codes.add(Code.ROLE_UNKNOWN)
            continue
        is_call = bool(message.get("tool_calls") or message.get("function_call"))
        if isinstance(text, str) and text.strip():
            yield role, text
        elif not is_call:
            codes.add(Code.CONTENT_MISSING)
            yield role, ""
        else:
            yield role, ""
        if not message.keys() <= _MESSAGE_KEYS:
            codes.add(Code.MESSAGE_KEYS)
        weight = message.get("weight", 0)
        if (role != "assistant" and "weight" in message) or type(weight) is not int or weight not in (0, 1):
            codes.add(Code.WEIGHT)


def _text(value: object, codes: set[Code]) -> str:
    if not isinstance(value, str):
        codes.add(Code.NOT_A_TEXT)
        return ""
    if not value.strip():
        codes.add(Code.EMPTY_TEXT)
    return value


def _pairs(values: Mapping[str, Any], codes: set[Code]) -> _Parts:
    asked_key, answer_key = next(pair for pair in PAIRS if values.keys() >= set(pair))
    asked, system = _prompt(values[asked_key], codes)
    if asked_key == "instruction" and isinstance(values.get("input"), str):
        asked = f"{asked}\n\n{values['input']}".strip()  # Alpaca's second half, often empty
    return asked, (_answer(values[answer_key], codes),), system, None


def _prompt(value: object, codes: set[Code]) -> tuple[str, str | None]:
    """What is asked, given as a text or as messages, and the system message."""
    if isinstance(value, list):
        return _asked(list(_turns(value, "role", "content", codes)), codes)
    return _text(value, codes), None


def _answer(value: object, codes: set[Code]) -> str:
    """An answer, given as a text, a message, or a list with exactly one."""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return _text(value, codes)
    turns = list(_turns(value, "role", "content", codes))
    if len(turns) != 1 or turns[0][0] != "assistant":
        codes.add(Code.NOT_ONE_ANSWER)
    return turns[-1][1] if turns else ""


def _preferences(values: Mapping[str, Any], codes: set[Code]) -> _Parts:
    if "chosen" in values and "rejected" in values:
        given, better, worse = values.get("prompt", ""), values["chosen"], values["rejected"]
    else:
        told = values.get("input")
        given = told.get("messages") if isinstance(told, dict) else told
        better, worse = values["preferred_output"], values["non_preferred_output"]
    asked, system = _prompt(given, codes)
    answers = (_answer(better, codes), _answer(worse, codes))
    if answers[0] == answers[1] and answers[0]:
        codes.add(Code.SAME_ANSWERS)
    return asked, answers, system, None


def _thumbs(values: Mapping[str, Any], codes: set[Code]) -> _Parts:
    asked, system = _prompt(values["prompt"], codes)
    if not isinstance(values["label"], bool):
        codes.add(Code.LABEL_NOT_BOOLEAN)
    return asked, (_answer(values["completion"], codes),), system, str(values["label"]).lower()


def _labels(values: Mapping[str, Any], codes: set[Code]) -> _Parts:
    label = values["label"]
    told = str(label) if isinstance(label, str | int) else ""
    if not told.strip():
        codes.add(Code.EMPTY_LABEL)
    return _text(values["text"], codes), (), None, told


_READERS: Final = {
    Format.CHAT: _chat,
    Format.SHAREGPT: _sharegpt,
    Format.PAIRS: _pairs,
    Format.PREFERENCES: _preferences,
    Format.THUMBS: _thumbs,
    Format.LABELS: _labels,
}
