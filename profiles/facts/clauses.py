"""What a message states, apart from what it asks, imagines, quotes or jests, and where its clauses begin; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bot.lexical import fold
from bot.types import LANGUAGES, Language
from profiles.facts.told_words import WORDS

LONGEST: Final = 4_000
"""Characters of a message that are read."""
_SHORTEST: Final = 4
"""Characters of a sentence that may state something."""
_MOST_STARTS: Final = 60
_MOST_FILLERS: Final = 5
_SENTENCE: Final = re.compile(r"(?:[^.!?…\n¿¡]|\.(?=\w))+[.!?…]*")
_CUT: Final = re.compile(r"[,;:—–-]\s|(?<!\w)(?:y|e|pero|and|but|so)\s")
_QUOTED: Final = re.compile(
    r"«[^»\n]*(?:»|$)|“[^”\n]*(?:”|$)|\"[^\"\n]*(?:\"|$)|(?<!\w)[‘'][^'’\n]{8,300}['’](?!\w)|^>.*$", re.M
)
_PART: Final = re.compile(r"[^\n]+")
_SHORT_QUOTE: Final = 2
"""Words that somebody may quote of a name or a dish of their own: `me llamo "Chema"`."""


def _any(language: Language, name: str) -> re.Pattern[str]:
    """One pattern of a list of them: each is one alternative, and ends where a word does."""
    return re.compile(r"(?<!\w)(?:" + "|".join(WORDS[language]["statements"][name]) + r")(?!\w)")


_PUNCTUATION: Final = r"[,;:(—–]\s*|\s-\s|(?<!\w)(?:"


_PATTERNS: Final[Mapping[Language, Mapping[str, re.Pattern[str]]]] = {
    language: {
        **{name: _any(language, name) for name in WORDS[language]["statements"]},
        "joint": re.compile(_PUNCTUATION + "|".join(WORDS[language]["statements"]["joint"]) + r")\s+"),
    }
    for language in LANGUAGES
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, or the part of one, that states something. `folded` has the same length, in lower case without accents."""

    text: str
    folded: str


@dataclass(frozen=True, slots=True)
class Start:
    """Where a clause begins once its fillers are gone. `is_guess` tells "I think" from a plain statement."""

    at: int
    is_guess: bool


@lru_cache(maxsize=4_096)
def _folded_letter(letter: str) -> str:
    plain = fold(letter)
    return plain if len(plain) == 1 else letter


def fold_evenly(text: str) -> str:
    """`text` in lower case, without accents and with plain apostrophes, exactly as long as before."""
    if text.isascii():
        return text.lower()
    return "".join("'" if letter in "’‘`´" else _folded_letter(letter) for letter in text)


def statements(text: str, language: Language) -> Iterator[Statement]:
    """The statements of a message in order: no questions, conditions, quotations, tasks, stories or jokes."""
    text = unicodedata.normalize("NFC", text[:LONGEST])
    text = _QUOTED.sub(
        lambda found: found[0] if len(found[0].split()) <= _SHORT_QUOTE else " ¦" + " " * (len(found[0]) - 2), text
    )
    patterns = _PATTERNS[language]
    if patterns["joke"].search(fold_evenly(text)) or "🙄" in text:
        return
    for match in _sentences(text, patterns["anew"]):
        sentence = match[0]
        if len(sentence) < _SHORTEST:
            continue
        folded = fold_evenly(sentence)
        if patterns["task"].search(folded):
            return
        if patterns["unreal"].search(folded) or patterns["irony"].match(folded.lstrip(" ,;:-¡")):
            continue
        is_marked = text[match.start() - 1 : match.start()] == "¿"
        end = _end(sentence, folded, patterns, is_marked=is_marked)
        if end:
            yield Statement(sentence[:end], folded[:end])


def _sentences(text: str, anew: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Sentences, cut where one begins anew: "she said I'm a nurse but actually I'm a midwife" is two."""
    for match in _SENTENCE.finditer(text):
        at = match.start()
        for cut in anew.finditer(fold_evenly(match[0]), 1):
            if part := _PART.match(text, at, match.start() + cut.start()):
                yield part
            at = match.start() + cut.start()
        if part := _PART.match(text, at, match.end()):
            yield part


def _end(sentence: str, folded: str, patterns: Mapping[str, re.Pattern[str]], *, is_marked: bool) -> int:
    """Where the stating part of a sentence ends: before a condition, and before the question that its end is."""
    is_question = "?" in sentence[-4:]
    first = _after_fillers(sentence, folded, 0, patterns).at
    if (is_marked and is_question) or patterns["question"].match(folded, first):
        return 0
    end = len(sentence)
    if is_question:
        at = 0
        for cut in _CUT.finditer(folded):
            if cut.end() > at:
                at = _after_fillers(sentence, folded, cut.end(), patterns).at
                if patterns["question"].match(folded, at):
                    return cut.start()
        end = max(folded.rfind(","), folded.rfind(";"), 0)
    condition = next((found for found in patterns["condition"].finditer(folded) if _is_condition(sentence, found)), None)
    if condition is not None and condition.start() < end:
        # "I like tea if it is hot": what stands in the same breath as the condition depends on it.
        end = max(folded.rfind(mark, 0, condition.start()) for mark in ",;:") if condition.start() > first else 0
    return max(end, 0)


def _is_condition(sentence: str, found: re.Match[str]) -> bool:
    """Whether it is «si» and not «sí», which many write without its accent before a comma."""
    said = sentence[found.start() : found.end()].lower()
    return said != "sí" and not (said == "si" and sentence[found.end() : found.end() + 1] in (",", ".", "!", ""))


def starts(statement: Statement, language: Language) -> list[Start]:
    """Where the clauses of a statement begin, without their fillers, in order; at most 60."""
    patterns = _PATTERNS[language]
    found = [_after_fillers(statement.text, statement.folded, 0, patterns)]
    for cut in patterns["joint"].finditer(statement.folded):
        if len(found) >= _MOST_STARTS:
            break
        if statement.folded[cut.start()] == ":" and not _is_lead(statement.folded[: cut.start()], patterns):
            break
        if cut.end() > found[-1].at:  # else it was among the fillers of the clause before
            found.append(_after_fillers(statement.text, statement.folded, cut.end(), patterns))
    return found


def _is_lead(before: str, patterns: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether a colon follows a few words of one's own, and not the announcement of somebody's words."""
    return len(before.split()) <= 4 and not patterns["announcement"].search(before)


def _after_fillers(text: str, folded: str, at: int, patterns: Mapping[str, re.Pattern[str]]) -> Start:
    is_guess = False
    for _ in range(_MOST_FILLERS):
        while at < len(folded) and folded[at] in " ,;:-—–¡!.…(\t":
            at += 1
        if guess := patterns["guess"].match(folded, at):
            is_guess, at = True, guess.end()
        elif filler := patterns["filler"].match(folded, at):
            if filler[0] == "si" and not _is_yes(text, filler):
                break
            at = filler.end()
        else:
            break
    return Start(at, is_guess)


def _is_yes(text: str, filler: re.Match[str]) -> bool:
    return not _is_condition(text, filler)
