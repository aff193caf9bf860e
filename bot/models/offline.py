"""Answers without a language model: put together from the evidence of the prompt, and honest when there is none."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.lexical import fold, guess_language, tokens, words
from bot.locale import say
from bot.model_types import ModelStatus
from bot.ports import Clock
from bot.profile_types import Form
from bot.tokens import estimate_tokens
from bot.types import Chunk, Evidence, EvidenceKind, Flag, Generation, Language, Prompt

_NAME = "offline"
_PIECE = re.compile(r"\S+\s*|\s+")
_BREATH = 32
"""Words between two visits to the event loop."""
_WHOLE = 1_400
"""A passage of at most so many characters is shown whole; of a longer one, its most fitting paragraphs."""
_QUOTED = 140
_SAME = 0.95
"""From this score on, evidence belongs to the very question that is asked."""
_SEE_ALSO = 2
_STRETCH = 1.6
"""A text of up to so many times the words that are asked for still is about that long."""
_ITEM = re.compile(r"([-*+•]|\d{1,3}[.)])\s+(?=\S)")
_FIXED = re.compile(r"[|#>]| {4}|\t")
"""How a line begins of which the end means something: table, heading, quotation, code."""
_STOP = re.compile(r"(?<![.!?…])[.!?…]++[\"'»”’)\]*_`]*+\s++")
_ENDED = re.compile(r"[.!?…:][\"'»”’)\]*_`]*+$")
_OPENING = "\"'«“‘([*_`¿¡"
_QUOTES, _LONGEST_STOP = 8, 12
_MARK = re.compile(r"`|\*\*|[()\[\]«»“”]")
_PAIRS = (("(", ")"), ("[", "]"), ("«", "»"), ("“", "”"))
_ABBREVIATED = re.compile(
    r"(?:^|[\s(.])(?:\w|ee|uu|etc|ej|sra?|srta|dra?|uds?|mrs?|ms|st|vs|no|núm|pág|art|approx|aprox)\.\s+$", re.IGNORECASE
)
_HOW = re.compile(r"(?:how|como|steps|pasos)\b")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")
_RANK = {
    EvidenceKind.CORRECTION: 0,
    EvidenceKind.LIKED: 1,
    EvidenceKind.APPROVED: 2,
    EvidenceKind.MEMORY: 3,
    EvidenceKind.KNOWLEDGE: 4,
}
_OWN = (EvidenceKind.CORRECTION, EvidenceKind.LIKED)

_TALK_TEXT = {
    "greeting": """hola, buenas, buenos dias, buen dia, buenas tardes, buenas noches, hey, ey, oye, saludos, que hay,
        holi, muy buenas, hello, hi, hiya, good morning, good afternoon, good evening, greetings, howdy, there,
        encantado, encantada, nice to meet you, mucho gusto""",
    "mood": """que tal, que tal estas, que tal todo, como estas, como te va, como va, como andas, que pasa, todo
        bien, how are you, how are you doing, how are you today, how is it going, how it going, how are things, what
        is up, what up, whats up, how do you do""",
    "thanks": """gracias, muchas gracias, mil gracias, muchisimas gracias, te lo agradezco, thanks, thank you, thank
        you so much, thank you very much, thanks a lot, many thanks, thx, ty""",
    "farewell": """adios, hasta luego, hasta pronto, hasta manana, hasta la vista, chao, chau, nos vemos, bye, bye bye,
        goodbye, good bye, see you, see you later, see you tomorrow, see you soon, good night, take care""",
    "assent": """ok, okay, vale, de acuerdo, perfecto, perfect, genial, estupendo, bien, muy bien, great, cool, nice,
        fine, good, very good, entendido, got it, si, no, yes, claro, sure, all right, alright, i see, ya veo, muy
        util""",
    "self": """quien eres, quien eres tu, que eres, que eres tu, como te llamas, cual es tu nombre, eres un bot,
        eres un robot, presentate, hablame de ti, cuentame sobre ti, who are you, what are you, what is your name,
        what your name, are you a bot, are you a robot, introduce yourself, tell me about yourself""",
    "skill": """que puedes hacer, que sabes hacer, que haces, que sabes, en que puedes ayudarme, en que me puedes
        ayudar, como me puedes ayudar, como puedes ayudarme, puedes ayudarme, me puedes ayudar, ayuda, ayudame,
        necesito ayuda, para que sirves, que te puedo preguntar, what can you do, what can you do for me, how can you
        help me, can you help me, help, help me, i need help, what do you do, what can i ask, what can i ask you, what
        do you know""",
}
_TALK = {" ".join(phrase.split()): sort for sort, text in _TALK_TEXT.items() for phrase in text.split(",")}
_LONGEST_PHRASE = max(phrase.count(" ") + 1 for phrase in _TALK)
_FILLERS = frozenset(
    {"martin", "bot", "amigo", "amiga", "friend", "por", "favor", "please", "y", "and", "pues", "well", "tio", "mate"}
)
_WEIGHTIEST = ("skill", "self", "mood", "thanks", "farewell", "greeting", "assent")
_ASKING = frozenset({"self", "skill"})
_DRAWN_OUT = re.compile(r"(.)\1{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said, and what is to be known of it."""

    text: str
    flags: frozenset[Flag] = frozenset()


class OfflineModel:
    """The chat model that is always there. It reads only the prompt it is given, and nothing leaves the process."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    @property
    def name(self) -> str:
        """`offline`."""
        return _NAME

    async def check(self, language: Language = "en") -> ModelStatus:
        """Always ready, never remote."""
        detail = say(language, "it answers from corrections, liked answers and the knowledge folder, without a language model")
        return ModelStatus(name=_NAME, is_ready=True, is_remote=False, detail=detail)

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """Yield the answer word by word, the last chunk empty with the generation, which carries UNKNOWN for "I do not know".

        Tokens are estimated. `temperature` changes nothing: the same prompt gets the same answer.
        """
        began = self._clock.monotonic()
        answer = compose(prompt)
        tokens_of_all = estimate_tokens(answer.text)
        room = len(answer.text) * min(max_tokens, tokens_of_all) // max(tokens_of_all, 1)
        said, first, is_cut = 0, None, False
        for count, piece in enumerate(_PIECE.findall(answer.text)):
            if said + len(piece) > room:
                is_cut = True
                break
            if count % _BREATH == 0:
                await asyncio.sleep(0)
            first = self._clock.monotonic() - began if first is None else first
            said += len(piece)
            yield Chunk(text=piece)
        generation = Generation(
            model=_NAME,
            prompt_tokens=sum(estimate_tokens(text) for text in (prompt.question, *(one.text for one in prompt.evidence))),
            completion_tokens=estimate_tokens(answer.text[:said]),
            seconds=self._clock.monotonic() - began,
            stop="length" if is_cut else "end",
            first_token_s=first,
            flags=answer.flags,
            is_counted=False,
        )
        yield Chunk(text="", generation=generation)

    async def aclose(self) -> None:
        """Nothing to let go of."""


def compose(prompt: Prompt) -> Answer:
    """The answer that the evidence supports: what the person taught first, then what everybody may know.

    Small talk is returned, unless the person has taught something for it. Without evidence it says that it does not know.
    """
    evidence = sorted((item for item in prompt.evidence if item.text.strip()), key=_usefulness)
    talk = _small_talk(prompt.question)
    own = bool(evidence) and evidence[0].kind is not EvidenceKind.KNOWLEDGE
    if talk and not own and (not evidence or talk not in _ASKING):
        return Answer(text=_return_talk(talk, prompt))
    if not evidence:
        return Answer(text=_unknown(prompt.language), flags=frozenset({Flag.UNKNOWN}))
    if evidence[0].kind is EvidenceKind.KNOWLEDGE:
        return Answer(text=_from_knowledge(evidence, prompt))
    return Answer(text=_quoted(evidence[0], prompt.language))


def _usefulness(item: Evidence) -> tuple[bool, int, float, float]:
    """What the person taught for this very question comes first, then by kind, score and age."""
    is_exact = item.kind in _OWN and item.score >= _SAME
    return (not is_exact, _RANK[item.kind], -item.score, -item.at.timestamp() if item.at else 0.0)


def _quoted(item: Evidence, language: Language) -> str:
    """Evidence that is an answer already, with a line that says whose it is."""
    text = _without_origin(item.text.strip()) if item.kind is EvidenceKind.LIKED else item.text.strip()
    return f"{text}\n\n{_origin(item.kind, language, _inline(item.question or item.title))}"


def _origin(kind: EvidenceKind, language: Language, question: str) -> str:
    match kind:
        case EvidenceKind.CORRECTION:
            return say(language, "*From your own correction to “{question}”.*", question=question)
        case EvidenceKind.LIKED:
            return say(language, "*You liked this answer to “{question}”.*", question=question)
        case EvidenceKind.APPROVED:
            return say(language, "*An answer to “{question}” that was approved for everyone.*", question=question)
        case _:
            return say(language, "*You told me this yourself.*")


def _without_origin(text: str) -> str:
    """An answer without the line under it that said where it came from: a liked answer may itself have quoted another."""
    body, _, last = text.rpartition("\n\n")
    for kind in _OWN:
        for language in ("es", "en"):
            before, _, after = _origin(kind, language, "\0").partition("\0")
            if body and last.startswith(before) and last.endswith(after):
                return body
    return text


def _from_knowledge(evidence: Sequence[Evidence], prompt: Prompt) -> str:
    language, best = prompt.language, evidence[0]
    body = _formed(best.text.strip(), best.question, prompt)
    parts = [f"**{_inline(best.question)}**", body] if best.question else [body]
    written = guess_language(best.text)
    if written and written != language:
        parts.insert(
            0,
            say(language, "I have this only in Spanish:") if written == "es" else say(language, "I have this only in English:"),
        )
    parts.append(say(language, "*Source: {file}*", file=_file(best.source)))
    others = {item.question: item for item in evidence[1:] if item.question and item.question != best.question}
    if others:
        named = "; ".join(f"{_inline(item.question)} ({_file(item.source)})" for item in list(others.values())[:_SEE_ALSO])
        parts.append(say(language, "*See also: {passages}*", passages=named))
    return "\n\n".join(parts)


def _fitting(text: str, question: str, language: Language) -> str:
    """The paragraphs of a long passage that say most about the question, in their order; the first one when none does."""
    if len(text) <= _WHOLE or "```" in text or "~~~" in text:
        return text
    asked = set(tokens(question, language))
    paragraphs = text.split("\n\n")
    ranked = sorted(range(len(paragraphs)), key=lambda at: (-len(asked & set(tokens(paragraphs[at], language))), at))
    kept, size = [ranked[0]], len(paragraphs[ranked[0]])
    for at in ranked[1:]:
        if size + len(paragraphs[at]) <= _WHOLE:
            kept.append(at)
            size += len(paragraphs[at])
    return "\n\n".join(paragraphs[at] for at in sorted(kept))


def _formed(text: str, heading: str, prompt: Prompt) -> str:
    """What a passage says about the question, about as long and in the shape that is asked for; code stays as it is.

    Whatever is left out, no sentence is cut and no list of steps loses any; and nothing is said that the passage does not say.
    """
    form, asked = prompt.form, set(tokens(prompt.question, prompt.language))
    if form == Form() or "```" in text or "~~~" in text:
        return _fitting(text, prompt.question, prompt.language)
    if not form.words:
        text = _fitting(text, prompt.question, prompt.language)
    blocks, most = _blocks(text), round(_STRETCH * form.words) - _count(heading)
    if form.words and _count(text) > most:
        blocks = _chosen(blocks, lambda part: len(asked.intersection(tokens(part, prompt.language))), most)
    match form.shape:
        case "outline" if sum(len(block.pieces) for block in blocks) > 1:
            blocks = [line for block in blocks for line in _outlined(block)]
        case "steps" if any(_HOW.match(" ".join(map(fold, words(said)))) for said in (heading, prompt.question)):
            blocks = [_Block("steps", block.pieces) if block.kind == "list" else block for block in blocks]
        case "prose":
            blocks = _told(blocks)
    return "\n\n".join(block.text for block in blocks)


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a passage: `text` in sentences, a `list`, `steps` (a numbered list), or `fixed` lines without pieces.

    `raw` is how the passage writes it; empty for a block that was shortened or shaped.
    """

    kind: Literal["text", "list", "steps", "fixed"]
    pieces: tuple[str, ...] = ()
    raw: str = ""

    @property
    def leads(self) -> bool:
        """Whether it leads to the next block: either means little without the other."""
        return self.text.rstrip("*_ ").endswith(":") if self.kind == "text" else self.raw.startswith("#")

    @property
    def text(self) -> str:
        if self.raw or self.kind == "fixed":
            return self.raw
        if self.kind == "text":
            return " ".join(self.pieces)
        marks = ["-"] * len(self.pieces) if self.kind == "list" else [f"{n}." for n in range(1, len(self.pieces) + 1)]
        return "\n".join(f"{mark} {piece}" for mark, piece in zip(marks, self.pieces, strict=True))


def _blocks(text: str) -> list[_Block]:
    """The parts of a passage, in order. A list with lists or paragraphs in it stays as it is written."""
    found: list[_Block] = []
    for paragraph in re.split(r"\n\s*?\n", text):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        after_list = bool(found) and _ITEM.match(found[-1].raw) is not None
        if lines and after_list and lines[0].startswith(("  ", "\t")):
            found[-1] = _Block("fixed", raw=f"{found[-1].raw}\n\n{paragraph}")
            continue
        at = next((number for number, line in enumerate(lines) if _ITEM.match(line)), len(lines))
        if at:
            before = "\n".join(lines[:at])
            is_fixed = any(_FIXED.match(line) for line in lines[:at])
            found.append(_Block("fixed", raw=before) if is_fixed else _Block("text", tuple(_sentences(before)), before))
        if lines[at:]:
            listed = _list(lines[at:])
            if not at and after_list and (found[-1].kind == listed.kind or "fixed" in (found[-1].kind, listed.kind)):
                first = found.pop()
                raw = f"{first.raw}\n\n{listed.raw}"
                is_plain = first.kind == listed.kind
                listed = _Block(listed.kind, first.pieces + listed.pieces, raw) if is_plain else _Block("fixed", raw=raw)
            found.append(listed)
    return found


def _list(lines: Sequence[str]) -> _Block:
    """The list that begins with the first of these lines."""
    raw = "\n".join(lines)
    items: list[str] = []
    is_numbered: set[bool] = set()
    for line in lines:
        if item := _ITEM.match(line):
            is_numbered.add(item[1][0].isdigit())
            items.append(line[item.end() :].strip())
        elif _ITEM.match(line.strip()):
            return _Block("fixed", raw=raw)
        else:
            items[-1] += f" {line.strip()}"
    if len(is_numbered) > 1:
        return _Block("fixed", raw=raw)
    return _Block("steps" if is_numbered.pop() else "list", tuple(items), raw)


def _sentences(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph, each as one line. What stands between brackets, quotes or marks is never divided."""
    line = " ".join(paragraph.split())
    marks: Counter[str] = Counter()
    start = read = 0
    for stop in _STOP.finditer(line):
        marks.update(_MARK.findall(line, read, stop.end()))
        read = stop.end()
        following = line[read : read + _QUOTES].lstrip(_OPENING)[:1]
        is_end = following.isupper() or following.isdigit()
        is_whole = not marks["`"] % 2 and not marks["**"] % 2 and all(marks[one] == marks[two] for one, two in _PAIRS)
        if is_end and is_whole and not _ABBREVIATED.search(line[max(start, read - _LONGEST_STOP) : read]):
            yield line[start:read].strip()
            start = read
    if start < len(line):
        yield line[start:]


def _chosen(blocks: Sequence[_Block], fit: Callable[[str], int], most: int) -> list[_Block]:
    """The blocks that fit the question best, in their order, in about `most` words; of the best one at least a sentence."""
    units: list[list[_Block]] = []
    for block in blocks:
        if units and units[-1][-1].leads:
            units[-1].append(block)
        else:
            units.append([block])
    texts = ["\n".join(block.text for block in unit) for unit in units]
    first, *others = sorted(range(len(units)), key=lambda at: (-fit(texts[at]), at))
    kept, size = {first: units[first]}, _count(texts[first])
    *heads, last = units[first]
    if size > most and last.kind in ("text", "list"):
        run = _run(last.pieces, fit, most - sum(_count(head.text) for head in heads))
        kept[first], size = [*heads, _Block(last.kind, run)], most
    for at in others:
        if size + (count := _count(texts[at])) <= most:
            kept[at] = units[at]
            size += count
    return [block for at in sorted(kept) for block in kept[at]]


def _run(pieces: Sequence[str], fit: Callable[[str], int], room: int) -> tuple[str, ...]:
    """Neighbouring sentences or items around the one that fits best, from the first one on where there is room for all."""
    counts = [_count(piece) for piece in pieces]
    best = max(range(len(pieces)), key=lambda at: (fit(pieces[at]), -at))
    start = 0 if sum(counts[: best + 1]) <= room else best
    end = best + 1
    size = sum(counts[start:end])
    while end < len(pieces) and size + counts[end] <= room:
        size += counts[end]
        end += 1
    while start and size + counts[start - 1] <= room:
        start -= 1
        size += counts[start]
    return tuple(pieces[start:end])


def _outlined(block: _Block) -> Iterator[_Block]:
    """A block as short lines: steps keep their numbers, and the sentence that leads to a list stays above it."""
    lines = block.pieces[:-1] if block.leads else block.pieces
    if block.kind not in ("text", "list"):
        yield block
    elif lines:
        yield _Block("list", lines)
    if block.kind == "text" and block.leads:
        yield _Block("text", block.pieces[-1:])


def _told(blocks: Sequence[_Block]) -> list[_Block]:
    """The blocks with their lists as sentences, behind what leads to them."""
    told: list[_Block] = []
    for block in blocks:
        if block.kind != "list":
            told.append(block)
            continue
        leads = bool(told) and told[-1].kind == "text" and told[-1].leads
        items = [item.rstrip(" ;,") for item in block.pieces]
        if leads and not any(_ENDED.search(item) for item in items):
            items = [f"{item};" for item in items[:-1]] + items[-1:]
        elif not leads:
            items = [item if _ENDED.search(item) else f"{item}." for item in items[:-1]] + items[-1:]
        items[-1] += "" if _ENDED.search(items[-1]) else "."
        before = told.pop().pieces if leads else ()
        told.append(_Block("text", (*before, *items)))
    return told


def _count(text: str) -> int:
    """How many words a text has: what stands between blanks and holds a letter or a digit."""
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def _inline(text: str) -> str:
    """`text` as one short line in which no character is markup."""
    line = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", line if len(line) <= _QUOTED else line[: _QUOTED - 1].rstrip() + "…")


def _file(name: str) -> str:
    return f"`{' '.join(name.replace('`', chr(39)).split())}`"


def _unknown(language: Language) -> str:
    return "\n\n".join(
        (
            say(language, "I do not know: nothing that I hold answers this, and I do not make things up."),
            say(
                language,
                "What helps: ask in other words; press 👎 and write the right answer, and I will remember it for you; or put "
                "a document about it into the `knowledge/` folder.",
            ),
        )
    )


def _small_talk(question: str) -> str:
    """The weightiest sort of small talk that a message consists of; empty when it says anything else."""
    said = [_DRAWN_OUT.sub(r"\1", fold(word)) for word in words(question)]
    said = [word for word in said if word not in _FILLERS]
    if not said or len(said) > 12:
        return ""
    sorts: set[str] = set()
    while said:
        for size in range(min(_LONGEST_PHRASE, len(said)), 0, -1):
            if sort := _TALK.get(" ".join(said[:size])):
                sorts.add(sort)
                del said[:size]
                break
        else:
            return ""
    return next(sort for sort in _WEIGHTIEST if sort in sorts)


def _return_talk(sort: str, prompt: Prompt) -> str:
    """A reply in kind; which of the wordings depends on what was said, and on how far the conversation is."""
    variants = _wordings(sort, prompt.language)
    return variants[(zlib.crc32(fold(prompt.question).encode()) + len(prompt.history)) % len(variants)]


def _wordings(sort: str, language: Language) -> tuple[str, ...]:
    match sort:
        case "greeting":
            return (
                say(language, "Hello! What would you like to know?"),
                say(language, "Hi, good to see you. Ask me whatever you like."),
                say(language, "Hello! How can I help you?"),
            )
        case "mood":
            return (
                say(language, "All in order here, thank you. I am a program, so I am always fine. What can I do for you?"),
                say(language, "Running well, thanks for asking. What would you like to know?"),
            )
        case "thanks":
            return (
                say(language, "You are welcome!"),
                say(language, "Glad that it helped. Ask me again whenever you like."),
            )
        case "farewell":
            return (
                say(language, "Goodbye! I will be here."),
                say(language, "See you soon. What you taught me stays."),
            )
        case "assent":
            return (
                say(language, "All right. What else would you like to know?"),
                say(language, "Fine. Ask me whenever you like."),
            )
        case _:
            return (
                say(
                    language,
                    "I am an automated program that answers from documents, and from what you teach me with 👍, 👎 and your "
                    "corrections. Ask me how to use me, how to set me up, what I store about you, or how a model is trained "
                    "with your own conversations. `/help` lists the commands.",
                ),
            )
