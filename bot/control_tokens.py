"""Text from people and files made unable to pass for the frame of a chat (R-44); pure, in time linear in its length.

Chat templates mark who speaks with fixed strings, and tokenizers take such a string for the mark wherever it stands. A space
inside it leaves it readable and makes it ordinary text. Some fold full-width letters first, so these count as the plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bot.types import Language

BLOCK_NAMES: Final[Mapping[Language, str]] = {"es": "prueba", "en": "evidence"}
"""The tags that mark evidence in our own prompts: nothing inside may close one."""

_EXACT_TAGS: Final = (
    *("s", "bos", "eos", "pad", "unk", "mask", "cls", "sep", "sop", "eop", "sys"),  # Llama 2, Mistral, Gemma, ChatGLM
    *(r"start_of_\w{1,32}", r"end_of_\w{1,32}", r"begin_of_\w{1,32}", r"beginning_of_\w{1,32}"),  # Gemma, MiniMax
    *("bos_token", "eos_token", "pad_token", "unk_token", "mask_token", "cls_token", "sep_token", "eop_token"),  # Command R
    *(r"extra_id_\d{1,4}", r"special_\d{1,4}", r"reserved_\w{1,32}", r"unused\d{1,4}"),  # Nemotron, Mistral, Baichuan, Gemma
    *("role", r"fim_\w{1,16}", "image_soft_token", "audio_soft_token", r"seed:[\w:]{1,32}"),  # Ling, StarCoder, Gemma, Seed
)
_TAGS: Final = (
    *BLOCK_NAMES.values(),
    *("think", "thinking", "thought", "reasoning"),  # DeepSeek, Qwen, QwQ
    *("tool", "tools", r"tool_\w{1,16}", "function", "functions", r"function_\w{1,16}", "invoke", "parameter"),  # Hermes, Qwen
)
_BRACKETS: Final = (
    *("inst", "think", "system_prompt", "model_settings", "call_id"),  # Llama 2, Mistral
    *("available_tools", "tool_call", "tool_calls", "tool_results", "tool_content"),  # Mistral
    *("gmask", "smask", r"unused_token_\d{1,4}"),  # ChatGLM, InternLM
)
_CASED_BRACKETS: Final = (
    *("IMG", "IMG_BREAK", "IMG_END", "ARGS", "PREFIX", "MIDDLE", "SUFFIX", "AUDIO", "TRANSCRIBE", "REF"),  # Mistral
    *("MASK", "BOS", "EOS", "CLS", "SEP", "PAD", "UNK", "BEGIN_[A-Z_]{1,32}", "END_[A-Z_]{1,32}"),
)
"""Ordinary words but for their capitals: `[args]` in a line of usage and `[end_date]` in code stay as they are."""
_PIPED: Final = "system|user|assistant|human|model|tool|endofturn|endoftext"
"""What stands in `[|…|]` for EXAONE; any other word there is an array of F#."""

_HIDDEN_CHARACTERS: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point: what shows as nothing and could split a mark until somebody strips it."""

_MARKING: Final = "!-~！-～▁"
"""What marks are written with: plain and full-width ASCII, and DeepSeek's space."""
_HIDDEN: Final = re.compile(
    # After any other character it splits no mark: `❤️!` needs it.
    f"(?<![^\\s{_MARKING}])[{_HIDDEN_CHARACTERS}]++(?=[{_MARKING}])|(?<=[{_MARKING}])[{_HIDDEN_CHARACTERS}]++(?= )"
)
_WIDE: Final = re.compile("[！-～]")
_NARROWED: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def _any_of(names: Sequence[str]) -> str:
    """A pattern for any of the names in any case, grouped by first letter: one look at a character rules out most texts."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[0], []).append(name[1:])
    return "|".join(f"[{first}{first.upper()}](?i:{'|'.join(rest)})" for first, rest in groups.items())


_ANGLE: Final = re.compile(
    r"<(?=[|｜/\w][^<])(?="
    r"[|｜][^\s>]"  # <|im_start|>, <｜User｜>
    rf"|/?(?:{_any_of(_EXACT_TAGS)})>"
    rf"|(?:/\s{{0,8}})?(?:{_any_of(_TAGS)})[\s>/=]"
    r"|[/\w][\w\-]{0,63}[|｜]>"  # <turn|>
    ")"
)
_SQUARE: Final = re.compile(
    r"\[(?=[|｜/A-Za-z])(?="
    rf"/?(?:{_any_of(_BRACKETS)})\]"
    rf"|/?(?:{'|'.join(_CASED_BRACKETS)})\]"
    rf"|[|｜](?i:{_PIPED})[|｜]\]"
    r"|[Ee]~\["  # MiniMax
    ")"
)
_TILDED: Final = re.compile(r"\](?=[~!]{1,2}[A-Za-z]{1,8}~?[\[\]])|\](?=<\]\w[\w ]{0,40}\[>\[)")
"""MiniMax's: `]~b]`, `]~!b[`, `]!p~[`, `]<]image[>[`."""
_HEADING: Final = re.compile(
    r"##[ \t]{0,3}(?:(?:system|user|human|assistant)(?: (?:prompt|message))?|instructions?|input|response)(?=:)", re.IGNORECASE
)
_ROLE: Final = re.compile(
    r"(?:^|(?<=[\r\v\f\x1c-\x1e\x85\u2028\u2029]))[ \t>*_]*+(?:system|user|human|assistant)[*_]{0,3}(?=:)",
    re.IGNORECASE | re.MULTILINE,
)
_MARKS: Final = (_ANGLE, _SQUARE, _TILDED, _HEADING)
"""Each ends where a space is to stand."""


def neutralise(text: str) -> str:
    """`text` in which no chat template's mark stands, each broken by a space; other text stays as it is, code included.

    Characters that show as nothing go where they could split a mark; elsewhere scripts and emoji need them. Doing it twice
    changes nothing more.
    """
    return _broken(text if text.isascii() else _HIDDEN.sub("", text), _MARKS)


def neutralise_evidence(text: str) -> str:
    """`neutralise`, and no line begins like a speaker's (`User:`), as some models without marks of their own are told apart."""
    return _broken(neutralise(text), (_ROLE,))


def _broken(text: str, marks: Sequence[re.Pattern[str]]) -> str:
    """`text` with a space at the end of each match; full-width letters match like the plain ones, and stay what they are."""
    if not _WIDE.search(text):
        for mark in marks:
            text = mark.sub(r"\g<0> ", text)
        return text
    narrow = text.translate(_NARROWED)
    for mark in marks:
        places = [0, *(found.end() for found in mark.finditer(narrow))]
        text, narrow = _spaced(text, places), _spaced(narrow, places)
    return text


def _spaced(text: str, places: Sequence[int]) -> str:
    return " ".join(text[start:end] for start, end in zip(places, [*places[1:], len(text)], strict=True))
