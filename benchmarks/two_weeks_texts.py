"""What the people of the two weeks write and read: questions, answers and corrections put together from sentences that fit.

The sentences are in `benchmarks/data/two-weeks-es.toml` and `-en.toml`. Secrets are invented, with the check digits that real
ones have, and never stand in a file as a whole.
"""

from __future__ import annotations

import string
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Final, Literal

import msgspec

from learning.records import LANGUAGES, Language

Secret = Literal["token", "email", "phone", "iban", "card", "ip", "identity"]

_DATA: Final = Path(__file__).parent / "data"
LONGEST_TALK: Final = 3
"""Questions on one topic in one conversation."""
_ANSWER_SIZES: Final = (2, 3)
"""Sentences of an answer, of six on a topic: of two answers one has at least one that the other lacks until all are given."""
_SHORTHAND: Final = {
    "es": (("que ", "q "), ("por qué", "xq"), ("también", "tb"), ("á", "a"), ("é", "e"), ("í", "i"), ("ó", "o"), ("ñ", "n")),
    "en": (("you ", "u "), ("because", "cuz"), ("please", "pls"), ("what's", "whats"), ("can't", "cant"), ("i'm", "im")),
}


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something people ask about. `{x}` in questions and mends is one of the `things`."""

    name: str
    things: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    mends: tuple[str, ...]


class Sentences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is said in one language. `{n}` is a number, `{q}` a question, `{s}` a secret."""

    openers: tuple[str, ...]
    endings: tuple[str, ...]
    followups: tuple[str, ...]
    leads: tuple[str, ...]
    tails: tuple[str, ...]
    more: tuple[str, ...]
    mend_leads: tuple[str, ...]
    greetings: tuple[str, ...]
    greeted: tuple[str, ...]
    small_talk: tuple[str, ...]
    small_answers: tuple[str, ...]
    spam: tuple[str, ...]
    spam_answers: tuple[str, ...]
    gibberish: tuple[str, ...]
    puzzled: tuple[str, ...]
    short: tuple[str, ...]
    refusals: tuple[str, ...]
    no_corrections: tuple[str, ...]
    commands: tuple[str, ...]
    control: tuple[str, ...]
    failed: str
    broken: str
    secrets: dict[Secret, tuple[str, ...]]
    topics: tuple[Topic, ...]


@cache
def sentences(language: Language) -> Sentences:
    """What is said in that language, as its file has it."""
    data = tomllib.loads((_DATA / f"two-weeks-{language}.toml").read_text("utf-8"))
    return msgspec.convert(data, Sentences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and its answer. `topic` is its place in the file, `told` the sentences of the answer by their place."""

    topic: int
    thing: str
    question: str
    answer: str
    told: tuple[int, ...]


@dataclass(slots=True)
class Library:
    """The sets of sentences that are still new, by language and topic; once all are used up they are given again."""

    random: Random
    _left: dict[Language, list[list[tuple[int, ...]]]] = field(default_factory=dict)
    _rounds: Counter[Language] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for language in LANGUAGES:
            self._left[language] = [self._sets(len(topic.answers)) for topic in sentences(language).topics]

    def _sets(self, size: int) -> list[tuple[int, ...]]:
        found = [chosen for count in _ANSWER_SIZES for chosen in combinations(range(size), count)]
        self.random.shuffle(found)
        return found

    def topic(self, language: Language, random: Random) -> int:
        """A topic with new answers for a whole conversation."""
        return random.choice([place for place, left in enumerate(self._left[language]) if len(left) >= LONGEST_TALK])

    def told(self, language: Language, topic: int) -> tuple[tuple[int, ...], int]:
        """A new set of sentences on a topic, and how often all sets have been given before."""
        found, number = self._left[language][topic].pop(), self._rounds[language]
        if not any(len(left) >= LONGEST_TALK for left in self._left[language]):
            self._left[language] = [self._sets(len(one.answers)) for one in sentences(language).topics]
            self._rounds[language] += 1
        return found, number


def ask(
    library: Library, language: Language, topic: int, random: Random, *, is_first: bool = True, is_new: bool = True
) -> Asked:
    """A question on that topic as somebody types it, and an answer: with `is_new` one that nobody was given before."""
    said, about = sentences(language), sentences(language).topics[topic]
    thing = random.choice(about.things)
    question = random.choice(about.questions).replace("{x}", thing)
    question = random.choice(said.openers if is_first else said.followups) + question + random.choice(said.endings)
    told, number = library.told(language, topic) if is_new else (tuple(random.sample(range(len(about.answers)), 3)), 0)
    more = min(2 * number, len(said.more)) if number else random.choice((0, 0, 1))
    return Asked(
        topic=topic,
        thing=thing,
        question=typed(question, language, random),
        answer=answer(told, language, topic, random, more=more),
        told=told,
    )


def answer(told: tuple[int, ...], language: Language, topic: int, random: Random, *, more: int = 0) -> str:
    """Those sentences as an answer, prose or a list, in any order, and so many that fit any topic."""
    said, about = sentences(language), sentences(language).topics[topic]
    lines = [about.answers[place] for place in random.sample(told, len(told))]
    lead = random.choice(said.leads)
    tail = " ".join((*random.sample(said.more, more), random.choice(said.tails))).strip()
    if len(lines) > 2 and random.random() < 0.4:
        body = "\n".join(f"- {line}" for line in lines)
        return "\n\n".join(part for part in (lead.strip(), body, tail) if part)
    body = " ".join(lines)
    lead = lead if lead.endswith(" ") and not lead.endswith(": ") else ""
    return f"{lead}{body} {tail}".strip()


def correction(asked: Asked, language: Language, random: Random) -> str:
    """What somebody would rather have read: something of their own, often with a sentence the answer left out."""
    said, about = sentences(language), sentences(language).topics[asked.topic]
    own = random.choice(said.mend_leads) + random.choice(about.mends).replace("{x}", asked.thing)
    missing = [place for place in range(len(about.answers)) if place not in asked.told]
    extra = [about.answers[place] for place in random.sample(missing, min(len(missing), random.randint(1, 3)))]
    return " ".join((own[0].upper() + own[1:], *extra))


def typed(text: str, language: Language, random: Random) -> str:
    """A line as it comes out of a phone: often as it is, else in shorthand, with a letter swapped, or shouted at the end."""
    habit = random.random()
    if habit < 0.15:
        for proper, short in random.sample(_SHORTHAND[language], 3):
            text = text.replace(proper, short)
    elif habit < 0.25:
        text = swapped(text, random)
    elif habit < 0.32:
        text = text.replace("?", "???", 1)
    elif habit < 0.5:
        text = text[0].upper() + text[1:]
    return text


def swapped(text: str, random: Random) -> str:
    """`text` with two neighbouring letters of one of its longer words swapped."""
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if len(word) > 5 and word.isalpha()]
    if places:
        place = random.choice(places)
        word, at = words[place], random.randrange(1, len(words[place]) - 2)
        words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def mojibake(text: str) -> str:
    """`text` read as Windows reads UTF-8, with accents and a quotation mark that show it: `Â¿quÃ©â€™`; it can be mended."""
    accented = f"{text} “Señal débil, ¿sí?”" if text.isascii() else text
    return "".join(_as_windows(character) for character in accented)


def _as_windows(character: str) -> str:
    """What the bytes of one character look like in Windows-1252; those that mean nothing there stay as Latin-1 has them."""
    return "".join(
        byte.to_bytes().decode("latin-1" if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "cp1252") for byte in character.encode()
    )


def everything(language: Language, random: Random) -> str:
    """An answer that will not end: every sentence on every topic, each once."""
    topics = sentences(language).topics
    lines = [
        text.replace("{x}", random.choice(topic.things))
        for topic in topics
        for text in (*topic.answers, *topic.mends, *topic.questions)
    ]
    random.shuffle(lines)
    return "\n\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def secret(kind: Secret, language: Language, random: Random) -> str:
    """An invented secret of that kind, as people of that language write theirs; check digits hold."""
    digits = "".join(random.choice(string.digits) for _ in range(20))
    match kind:
        case "token":
            letters = "".join(random.choice(string.ascii_letters + string.digits) for _ in range(36))
            return random.choice(("gh" + "p_", "s" + "k-", "hf" + "_")) + letters
        case "email":
            name = random.choice(("lucia.marin", "teo_rivas", "sam.porter", "nora.quill", "j.castro"))
            return f"{name}{digits[:3]}@{random.choice(('correo', 'mail', 'buzon'))}.example"
        case "phone":
            if language == "en":
                return random.choice((f"+44 7700 900{digits[:3]}", f"+1 202-555-01{digits[:2]}"))
            return random.choice((f"+34 6{digits[:2]} {digits[2:5]} {digits[5:8]}", f"+52 55 5{digits[:3]} {digits[3:7]}"))
        case "iban":
            return iban("ES", digits) if language == "es" else iban("GB", "WEST" + digits[:14])
        case "card":
            return card("4" + digits[:14])
        case "ip":
            return f"{random.randint(11, 220)}.{random.randint(0, 255)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        case "identity":
            number = int(digits[:8])
            return f"{number:08d}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def iban(country: str, account: str) -> str:
    """The account with its two check digits (ISO 13616, mod 97), in groups of four."""
    number = "".join(str(int(character, 36)) for character in account + country + "00")
    whole = f"{country}{98 - int(number) % 97:02d}{account}"
    return " ".join(whole[place : place + 4] for place in range(0, len(whole), 4))


def card(digits: str) -> str:
    """The fifteen digits with their check digit (Luhn, ISO/IEC 7812), in groups of four."""
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(digits))
    whole = digits + str(-total % 10)
    return " ".join(whole[place : place + 4] for place in range(0, 16, 4))
