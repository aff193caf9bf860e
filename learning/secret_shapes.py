"""Where a text gives away a secret: keys known by their shape, values after `password:`, and what only chance writes; pure.

The shapes are those that the issuers document, seen in November 2026: a prefix, an alphabet and a length. A secret without a
shape is told by the word before it or by its look. Hashes, pictures and identifiers stay.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from learning.personal_data import BARRIER, WORDS, Cue, Found, Kind, Scene, flat, trimmed, words_of

_LONG: Final = re.compile(r"[A-Za-z0-9_\-.:+/=~]{16,}+")
_SHAPES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_\-]{20,}+"  # OpenAI, Anthropic, OpenRouter, DeepSeek
    r"|(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AIPA|ANPA|ANVA|AROA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{30,}+|github_pat_\w{22,}+"
    r"|gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|oas|ffct)-[\w\-]{20,}+"
    r"|xox[a-z]-[\w\-]{10,}+|xapp-[\w\-]{10,}+"  # Slack
    r"|(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}+|whsec_[A-Za-z0-9+/=]{16,}+"  # Stripe
    r"|\d{8,10}:[A-Za-z0-9_\-]{30,40}+(?![A-Za-z0-9_\-])"  # a bot of Telegram's
    r"|[MNO][A-Za-z0-9_\-]{22,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}|mfa\.[\w\-]{80,}+"  # Discord
    r"|ey[JK][A-Za-z0-9_\-]{6,}+\.[A-Za-z0-9_\-]{6,}+\.[A-Za-z0-9_\-]*+"  # JSON Web Token, RFC 7519
    r"|AIza[\w\-]{35}|ya29\.[\w\-.]{20,}+|GOCSPX-[\w\-]{20,}+|1//0[\w\-]{30,}+"  # Google
    r"|hf_[A-Za-z0-9]{30,}+|api_org_[A-Za-z0-9]{30,}+|npm_[A-Za-z0-9]{36}|pypi-[\w\-]{16,}+"
    r"|SG\.[\w\-]{16,}+\.[\w\-]{16,}+|(?:AC|SK)[0-9a-f]{32}(?![0-9a-f])|key-[0-9a-f]{32}|[0-9a-f]{32}-us\d{1,2}"  # senders
    r"|do[opr]_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0[a-z]{3}-[\w\-]{22,}+|dapi[0-9a-f]{32}"
    r"|gsk_[A-Za-z0-9]{20,}+|xai-[A-Za-z0-9]{20,}+|pplx-[A-Za-z0-9]{20,}+|r8_[A-Za-z0-9]{20,}+|tvly-[A-Za-z0-9\-]{16,}+"
    r"|lin_api_[A-Za-z0-9]{20,}+|ntn_[A-Za-z0-9]{20,}+|secret_[A-Za-z0-9]{30,}+|hv[sbr]\.[\w\-]{20,}+|sbp_[0-9a-f]{30,}+"
    r"|dp\.[a-z]{2,5}\.[A-Za-z0-9]{30,}+|AGE-SECRET-KEY-1[A-Z0-9]{40,}+"
    r")"
)
_PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY: Final = re.compile(r"(?:\s|\\n)*+(?:[A-Za-z0-9+/=\-:,]{16,}+(?:\s|\\n)*+)*+")
_BEARER: Final = re.compile(r"(?i:(?<![a-z])(?:bearer|basic|token))\s{1,3}([A-Za-z0-9\-._~+/]{16,}+={0,2})")

_PASSWORD: Final = Cue(words_of(WORDS["secret"]["password"]))
_CARD_CODE: Final = Cue(words_of(WORDS["secret"]["card"]))
_COMMAND: Final = re.compile(
    r"(?<!\S)(?:-u\s{1,3}[\"']?[^\s:\"']{1,64}:|(?:mysql|mysqldump|mariadb|sshpass)(?:\s[^\n\s]{1,40}){0,6}?\s-p)(?P<value>[^\s\"'@]{4,128})"
)
_WORD: Final = Cue(words_of(WORDS["secret"]["word"]))
_KEY: Final = Cue(words_of(WORDS["secret"]["key"]))
_CODE: Final = Cue(words_of(WORDS["secret"]["code"]))
_IS: Final = "|".join(WORDS["secret"]["is"])
_HARMLESS: Final = frozenset(WORDS["secret"]["harmless"])
_BLANKS: Final = ("your_", "your-", "tu_", "<", "$", "{", "%", "[", "...", "…", "&")
_BETWEEN: Final = rf"(?:[ (][^\s.,;:=!?{BARRIER}]{{1,20}})"
_JOIN: Final = re.compile(
    r"(?:[_\-][a-z0-9_]{1,16})?+[\"'`*_)\]]{0,4}(?:"
    r"(?P<sign>\s{0,3}(?::=|=>|->|[:=]{1,2}))"
    rf"|(?P<far>{_BETWEEN}{{1,4}}?[:=])"
    rf"|(?P<is>{_BETWEEN}{{0,5}}?(?:\s(?:{_IS})|['’]s)(?::|(?=\s)))"
    r"|(?P<none>(?=\s))"
    r")\s{0,3}[*_]{0,3}(?:[bfru]{1,2}(?=[\"']))?(?P<quote>[\"'`“«]?)"
)
_VALUE: Final = re.compile(rf"[^\s\"'`“”«»<>{BARRIER}]{{3,256}}")
_QUOTED: Final = re.compile(rf"[^\n\"'`”»{BARRIER}]{{3,256}}(?=[\"'`”»])")
_DIGITS: Final = re.compile(r"(?:\d{3,8}|\d{3}[\- ]\d{3})(?![\w.,\-]?\d)")
_THREE: Final = re.compile(r"\d{3,4}(?![^\W_]|[.,]\d)")
_PATH: Final = re.compile(
    r"[A-Za-z_]\w*+(?:(?:\.|::|->)[A-Za-z_]\w*+)++|[A-Z][A-Z_]++|[a-z]++(?:_[a-z]++)++|[A-Za-z_][\w.]*+[(\[].*"
)
_NUMBER: Final = re.compile(r"[\d.,]+")

_TOKEN: Final = re.compile(r"[A-Za-z0-9+/_\-]{20,}+={0,2}")
_HEX: Final = re.compile(r"(?:0x)?[0-9a-fA-F\-]+")
_HASH_BEFORE: Final = re.compile(r"(?:sha\d{1,3}|md5|h1|integrity|base64)[-:=,\"' ]{1,3}$", re.IGNORECASE)
_IS_HASH: Final = re.compile(r"(?:sha\d{1,3}|h1)[-_:]", re.IGNORECASE)
_RUNS: Final = re.compile(r"[a-z]{3,}+|[A-Z]{4,}+")
"""What identifiers are made of, and chance seldom brings about."""
_PICTURES: Final = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "PHN2Zy", "AAAAIGZ0", "Qk0", "JVBERi")
"""How PNG, JPEG, GIF, WebP, SVG, MP4, BMP and PDF begin in base64."""


class Join(StrEnum):
    """How a value is joined to its word: a sign, a sign after more words, a word like `is`, or nothing."""

    SIGN = "sign"
    FAR = "far"
    IS = "is"
    NONE = "none"


def secrets_in(scene: Scene) -> Iterator[Found]:
    """Private keys, keys of known shape, and what follows a word like `password`."""
    text = scene.text
    if "PRIVATE KEY" in text:
        yield from _private_keys(text)
    for long in _LONG.finditer(text):
        for shape in _SHAPES.finditer(text, long.start(), long.end()):
            yield _secret(shape.start(), shape.start() + len(trimmed(shape[0])), text)
    for cue, judge in _JUDGES:
        if scene.has_piece(cue):
            yield from _told(scene, cue, judge)
    for command in _COMMAND.finditer(text) if " -u" in text or " -p" in text else ():
        yield _secret(command.start("value"), command.end("value"), text)
    for header in _BEARER.finditer(text) if "earer" in scene.low or "asic" in scene.low or "oken" in scene.low else ():
        if any(letter.isdigit() for letter in header[1]):
            yield _secret(header.start(1), header.start(1) + len(trimmed(header[1])), text)


def random_texts_in(scene: Scene) -> Iterator[Found]:
    """Long runs of letters and digits that look drawn by chance; not hashes, identifiers, pictures and readable base64."""
    text = scene.text
    for token in _TOKEN.finditer(text):
        begin = token.start()
        if _is_random(token[0]) and not scene.in_link(begin) and not _HASH_BEFORE.search(text, max(0, begin - 12), begin):
            yield _secret(begin, token.end(), text)


def is_random(text: str) -> bool:
    """Whether `text` (a part of an address, say) looks drawn by chance."""
    return _TOKEN.fullmatch(text) is not None and _is_random(text)


def _secret(start: int, end: int, text: str) -> Found:
    return Found(start, end, Kind.SECRET, text[start:end])


def _private_keys(text: str) -> Iterator[Found]:
    begins, ends = list(_PEM.finditer(text)), [end.end() for end in _PEM_END.finditer(text)]
    for number, begin in enumerate(begins):
        limit = begins[number + 1].start() if number + 1 < len(begins) else len(text)
        place = bisect_right(ends, begin.end())
        if place < len(ends) and ends[place] <= limit:
            end = ends[place]
        else:
            body = _PEM_BODY.match(text, begin.end(), limit)
            end = body.end() if body else begin.end()
        inside = text[begin.start() : end]
        if BARRIER not in inside:
            yield _secret(begin.start(), begin.start() + len(inside.rstrip()), text)


class Value(NamedTuple):
    """What follows a word like `password`: `how` it is joined to it, and whether nothing else is on its line."""

    text: str
    how: Join
    is_quoted: bool
    ends_line: bool


Judge = Callable[[Value], int]
"""How many letters of the value are a secret; 0 when it is none."""


def _told(scene: Scene, cue: Cue, judge: Judge) -> Iterator[Found]:
    text, low = scene.text, scene.low
    place = 0
    for match in cue.anywhere.finditer(low):
        begin = match.start()
        is_inside = begin > 0 and low[begin - 1].isalnum() and not (text[begin].isupper() and text[begin - 1].islower())
        if is_inside or begin < place:
            continue
        join = _JOIN.match(low, match.end())
        if not join:
            continue
        quoted = _QUOTED.match(text, join.end()) if join["quote"] else None
        written = quoted or _VALUE.match(text, join.end())
        if not written:
            continue
        start = written.start()
        kept = written[0] if quoted else _unquoted(written[0], join["sign"])
        behind = text[start + len(kept) : start + len(kept) + 3].lstrip(".!,;\"'`*")
        how = "sign" if join["sign"] else "far" if join["far"] else "is" if join["is"] else "none"
        length = judge(Value(kept, Join(how), bool(quoted), not behind or behind[0] == "\n"))
        if length:
            place = start + length
            yield _secret(start, place, text)


def _unquoted(value: str, sign: str | None) -> str:
    return trimmed(re.split("[;&]", value, maxsplit=1)[0] if sign and sign.strip() == "=" else value)


def _password(value: Value) -> int:
    text = value.text
    if len(text) < 4 or (" " in text and value.how is not Join.IS) or _is_known(value):
        return 0
    if value.how is Join.NONE:
        return len(text) if _classes(text) >= 3 and len(text) >= 6 else 0
    if text.isalpha() and (text.islower() or text.istitle()) and not value.is_quoted:
        return len(text) if value.how is Join.SIGN and len(text) >= 5 and value.ends_line else 0
    return len(text)


def _word(value: Value) -> int:
    return 0 if value.text.isalpha() and (value.text.islower() or value.text.istitle()) else _password(value)


def _key(value: Value) -> int:
    text = value.text
    if len(text) < 8 or " " in text or _NUMBER.fullmatch(text) or _is_known(value):
        return 0
    if value.how is Join.NONE:
        return len(text) if _classes(text) >= 3 and len(text) >= 16 else 0
    return len(text) if any(letter.isdigit() for letter in text) and _classes(text) >= 2 else 0


def _code(value: Value) -> int:
    digits = _DIGITS.match(value.text)
    if not digits or value.text[digits.end() :].strip(".,;:)!?"):
        return 0
    return digits.end() if digits.end() >= (4 if value.how is Join.NONE else 3) else 0


def _card_code(value: Value) -> int:
    digits = _THREE.match(value.text)
    return digits.end() if digits else 0


def _is_known(value: Value) -> bool:
    """Whether the value is a word of instructions, a blank to fill in or a name in code."""
    text, low = value.text, flat(value.text)
    if low.strip("_-*.,!") in _HARMLESS or low.startswith(_BLANKS) or "://" in text or len(set(text)) <= 2:
        return True
    return not value.is_quoted and (_PATH.fullmatch(text) is not None or text.startswith(("(", "!", "?", "-", "/")))


def _classes(value: str) -> int:
    return (
        any(letter.islower() for letter in value)
        + any(letter.isupper() for letter in value)
        + any(letter.isdigit() for letter in value)
        + any(not letter.isalnum() for letter in value)
    )


def _is_random(token: str) -> bool:
    core = token.rstrip("=")
    if len(core) > 512 or core.startswith(_PICTURES) or _HEX.fullmatch(core) or _IS_HASH.match(core):
        return False
    kinds = ["a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "-" for c in core]
    there = Counter(kinds)
    turns = sum(a != b for a, b in itertools.pairwise(kinds)) / len(core)
    if there["-"] > len(core) / 8 or _entropy(core) < 3.4:
        return False
    if there["a"] and there["A"]:
        in_words = sum(len(run) for run in _RUNS.findall(core)) / len(core)
        return (there["0"] > 0 or len(core) >= 32) and turns - in_words > -0.15 and not _is_readable(token)
    letters = there["a"] + there["A"]
    return len(core) >= 24 and not there["-"] and letters > 0 and there["0"] >= 4 and turns >= 0.27


def _entropy(text: str) -> float:
    """Shannon's entropy of the letters of `text`, in bits each."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def _is_readable(token: str) -> bool:
    """Whether `token` is plain text in base64, as examples of code have it."""
    core = token.rstrip("=")
    try:
        said = base64.b64decode(core + "=" * (-len(core) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return all(letter.isprintable() or letter.isspace() for letter in said)


_JUDGES: Final[tuple[tuple[Cue, Judge], ...]] = (
    (_PASSWORD, _password),
    (_WORD, _word),
    (_KEY, _key),
    (_CODE, _code),
    (_CARD_CODE, _card_code),
)
