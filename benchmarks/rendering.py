"""What Telegram and Discord are given for many texts, checked by eyes that did not write it: nothing lost, broken or active.

`python -m benchmarks.rendering --texts 10000 --json`: each text goes through both renderers; every part is checked against the
platform's own rules. Telegram: UTF-16 limits, entities as the Bot API wants them. Discord: read back as its clients read it
(`benchmarks.discord_view`) and compared with what was meant. The last line of the output is one JSON object with the
violations by kind; exit 1 if there is any.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.discord_view import view
from benchmarks.rendering_texts import SEEN, Text, Writer
from bot.channels.discord import text as discord
from bot.channels.telegram import text as telegram
from bot.markdown.marks import Run, Style
from bot.markdown.reader import read

ALLOWED_HOSTS = ("seen.example", "docs.example", "www.docs.example")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://([^\s/?#<>()]+)[^\s<>]*", re.IGNORECASE)
_BARE = re.compile(r"\b(?:evil\.com|discord\.gg|t\.me|10\.0\.0\.1|ev\w*\.example)", re.IGNORECASE)
_NAME = re.compile(r"(?<!\w)@\w\w")
_INFO = re.compile(r"(?:~~~|```)\S*")
_LITERAL = ("code", "pre")


def units(text: str) -> int:
    """UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def letters(texts: Iterable[str]) -> str:
    """Everything that is not blank."""
    return "".join("".join(text.split()) for text in texts)


def lost(words: Sequence[str], said: str) -> bool:
    """Whether one of the words is missing, or comes before one that it should follow."""
    place = 0
    for word in words:
        place = said.find(word, place)
        if place < 0:
            return True
        place += len(word)
    return False


def _words(text: Text) -> list[str]:
    """The words that are to be found: all but those that ended up where a fence names its language."""
    languages = " ".join(mark.value for run in read(text.markdown).runs for mark in run.marks if mark.style is Style.PRE)
    languages += " " + " ".join(_INFO.findall(text.markdown))
    return [word for word in text.words if word not in languages]


def telegram_faults(text: Text, limit: int) -> Iterator[str]:
    """What is wrong with the messages that Telegram gets."""
    parts = telegram.rendered(text.markdown, seen=SEEN, limit=limit)
    whole = "".join(part.text for part in telegram.rendered(text.markdown, seen=SEEN, limit=10**9))
    if letters(part.text for part in parts) != letters([whole]) and text.markdown.strip():
        yield "text differs when cut"
    if lost(_words(text), letters([whole])):
        yield "word lost"
    for part in parts:
        yield from part_faults(part, limit)
    yield from _code_faults(text, parts)
    last = telegram.preview(text.markdown[: len(text.markdown) * 2 // 3], limit=limit)
    yield from (f"preview: {fault}" for fault in part_faults(last, limit))


def part_faults(part: telegram.Part, limit: int) -> Iterator[str]:
    """What is wrong with one message of Telegram's, by the Bot API's rules and ours."""
    size = units(part.text)
    if not part.text.strip() or size > limit:
        yield "empty or too long"
    data = part.text.encode("utf-16-le")
    spans = [(entity.offset, entity.offset + entity.length, entity.kind.value) for entity in part.entities]
    if len(spans) > 100:
        yield "too many entities"
    if spans != sorted(spans, key=lambda span: (span[0], -span[1])) and [s[:2] for s in spans] != sorted(
        (s[:2] for s in spans), key=lambda span: (span[0], -span[1])
    ):
        yield "entities out of order"
    outside = bytearray(data)
    for begin, end, kind in spans:
        if not 0 <= begin < end <= size:
            yield "entity outside the text"
            return
        if any(0xDC <= data[2 * place + 1] <= 0xDF for place in (begin, end) if 2 * place < len(data)):
            yield "entity cuts a surrogate pair"
        if kind in _LITERAL:
            outside[2 * begin : 2 * end] = " ".encode("utf-16-le") * (end - begin)
    yield from _nesting_faults(spans)
    visible = outside.decode("utf-16-le", "replace")
    bare = _URL.sub("", visible)
    if _NAME.search(bare):
        yield "active mention"
    hosts = [match[1].lower() for match in _URL.finditer(visible)]
    if any(host not in ALLOWED_HOSTS for host in hosts) or _BARE.search(bare):
        yield "active link"


def _nesting_faults(spans: Sequence[tuple[int, int, str]]) -> Iterator[str]:
    waiting: list[tuple[int, int, str]] = []
    for begin, end, kind in spans:
        while waiting and waiting[-1][1] <= begin:
            waiting.pop()
        if waiting and waiting[-1][1] < end:
            yield "entities overlap"
        above = [other for _, _, other in waiting]
        if any(other in _LITERAL for other in above):
            yield "entity inside code"
        if kind in _LITERAL and any(other != "blockquote" for other in above):
            yield "code inside another entity"
        if kind in above:
            yield "entity inside its own kind"
        waiting.append((begin, end, kind))


def _code_faults(text: Text, parts: Sequence[telegram.Part]) -> Iterator[str]:
    blocks: list[tuple[str, str]] = []
    for part in parts:
        data = part.text.encode("utf-16-le")
        blocks += [
            (data[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le"), entity.language)
            for entity in part.entities
            if entity.kind is telegram.EntityKind.PRE
        ]
    for line, language in () if text.is_messy else text.code:
        word = line.split()[0]
        if not any(word in block and named == language for block, named in blocks):
            yield "code without its block or language"


def discord_faults(text: Text, limit: int) -> Iterator[str]:
    """What is wrong with the messages that Discord gets."""
    parts = discord.rendered(text.markdown, seen=SEEN, limit=limit)
    for part in parts:
        yield from message_faults(part, limit)
    marked = read(text.markdown, seen=SEEN, bullet="- ")
    meant = list(_meant(marked.runs)) or [("…", frozenset())]
    seen = [letter for part in parts for letter in view(part)]
    said = "".join(letter for letter, _ in seen)
    if lost(_words(text), said):
        yield "word lost"
    if said != "".join(letter for letter, _ in meant):
        yield "not read as it was meant"
    elif seen != meant:
        yield "marks not read as they were meant"
    yield from (
        f"preview: {fault}"
        for fault in message_faults(discord.preview(text.markdown[: len(text.markdown) * 2 // 3], limit=limit), limit)
    )


def message_faults(message: str, limit: int) -> Iterator[str]:
    """What is wrong with one message of Discord's, as its clients read it."""
    if not message.strip() or units(message) > limit:
        yield "empty or too long"
    if sum(line.removeprefix("> ").startswith("```") for line in message.splitlines()) % 2:
        yield "fence left open"
    seen = view(message)
    if any("active" in looks for _, looks in seen):
        yield "something active"
    shown = "".join(letter if "address" in looks else " " for letter, looks in seen)
    if any(match[1].lower() not in ALLOWED_HOSTS for match in _URL.finditer(shown)):
        yield "active link"


def _meant(runs: Sequence[Run]) -> Iterator[tuple[str, frozenset[str]]]:
    """The letters of a text with the looks that Discord can give them."""
    known = {"bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "address"}
    is_fresh, is_item = True, False
    for run in runs:
        is_item = run.has(Style.MARKER) if is_fresh else is_item
        is_fresh = run.text.endswith("\n")
        looks = {mark.style.value for mark in run.marks} & known
        levels = [mark.value for mark in run.marks if mark.style is Style.HEADING]
        looks = looks - {"bold"} if levels and levels[0] in "123" and not is_item else looks | {"bold"} if levels else looks
        for literal in _LITERAL:
            looks = {literal} if literal in looks else looks
        if "address" in looks:
            looks = {"address"} if "://" in run.text else {"code"}
        yield from ((letter, frozenset(looks)) for letter in run.text if not letter.isspace() and letter != "\u200b")


def measure(texts: int, *, seed: int = 0) -> dict[str, object]:
    """Render and check that many texts, with small limits among the real ones; the figures."""
    faults: Counter[str] = Counter()
    first: dict[str, int] = {}
    spent = {"telegram": 0.0, "discord": 0.0}
    for number in range(seed, seed + texts):
        text = Writer(number).text()
        telegram_limit, discord_limit = ((4096, 2000), (300, 400))[number % 2]
        for name, found in (
            ("telegram", telegram_faults(text, telegram_limit)),
            ("discord", discord_faults(text, discord_limit)),
        ):
            began = time.perf_counter()
            for fault in set(found):
                faults[f"{name}: {fault}"] += 1
                first.setdefault(f"{name}: {fault}", number)
            spent[name] += time.perf_counter() - began
    return {
        "benchmark": "rendering",
        "texts": texts,
        "violations": sum(faults.values()),
        "by_kind": dict(sorted(faults.items())),
        "first_seed": first,
        "ms_per_text": {name: round(1000 * seconds / max(1, texts), 2) for name, seconds in spent.items()},
        "passed": not faults,
    }


def main() -> int:
    """Print the figures; exit 1 when a rule was broken."""
    parser = argparse.ArgumentParser(description="Many texts through the renderers of Telegram and Discord.")
    parser.add_argument("--texts", type=int, default=500, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first text's number")
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    options = parser.parse_args()
    result = measure(options.texts, seed=options.seed)
    if not options.json:
        for name, value in result.items():
            print(f"{name:14} {value}")
    print(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
