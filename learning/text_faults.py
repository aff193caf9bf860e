"""What makes a single text useless for learning: broken, empty of meaning, spam, stuck, an excuse, another language (pure).

Every function takes time linear in the text and looks at no other text. The word lists of both languages lie in
`small_talk.toml`; each is used whatever language the text is in, since people mix them.
"""

from __future__ import annotations

import re
import string
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.lexical import fold, guess_language
from bot.locale import say
from bot.normalise import plain
from learning.records import LANGUAGES, Language

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier  # type: ignore[import-untyped]

_LISTS: Final = tomllib.loads((Path(__file__).parent / "small_talk.toml").read_text("utf-8"))

MOST_SMALL_TALK_WORDS: Final = 12
MOST_EXCUSE_WORDS: Final = 60
"""A longer answer that begins like a refusal mostly goes on to say something."""
MOST_FAULT_WORDS: Final = 20
MOST_INSTRUCTION_WORDS: Final = 12
DRAWN_OUT_CHARACTERS: Final = 20
MOST_REPEATED_WORDS: Final = 200
"""In a longer text the same words come back anyway."""
FEWEST_LANGUAGE_LETTERS: Final = 60
"""Letters of running text below which nobody can tell Spanish from English safely."""
SURE_OF_LANGUAGE: Final = 0.95
_FORGIVEN_LETTERS: Final = 5
"""From this length on a word may have one slip of the finger."""

_NOTHING: Final = string.whitespace + "\u00a0\u00ad\u200b\u200c\u200d\u2060\u3000\ufeff"
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_LINK: Final = re.compile(r"(?:[a-z][a-z0-9+.-]{1,15}://|www\.)\S+|\b(?:t\.me|wa\.me|bit\.ly|discord\.gg)/\S+", re.IGNORECASE)
_CONTACT: Final = re.compile(r"\b(?:whats ?app|telegram)\b|(?<!\w)@\w{3,}|\+\d[\d ()-]{7,}\d", re.IGNORECASE)
_CODE: Final = re.compile(r"(?:^|(?<=\n))(?P<fence>```|~~~).*?(?:\n(?P=fence)|\Z)|`[^`\n]*`", re.DOTALL)
_FENCE: Final = re.compile(r"^ {0,3}(?:> ?)*(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_STRETCHED: Final = re.compile(r"([^\W\d_])\1{2,}")
_STUCK: Final = re.compile(r"([^\W\d_]{1,8}?)\1{15,}")
_SENTENCE: Final = re.compile(r"[.!?\n]+")
_MOJIBAKE: Final = re.compile("[ÂÃâðÄÅ\x80-\x9f]")
_HEALTHY: Final = re.compile("[áéíóúñ]")
_NOT_LATIN: Final = re.compile(r"[^\W\d_a-zA-Z\u00aa-\u024f\u1e00-\u1eff]")
_CONSONANTS: Final = re.compile(r"[b-df-hj-np-tv-xzñ]{7,}")
_NUMBERED_ERROR: Final = re.compile(r"^(?:http )?error \d{3}\b")
_DAMAGED: Final = re.compile("[\ufffd\ufdd0-\ufdef\ufffe\uffff\ue000-\uf8ff]")


def _lines(name: str, *kinds: str) -> frozenset[str]:
    """The phrases of these lists, comparable."""
    return frozenset(
        phrase for kind in kinds or LANGUAGES for line in _LISTS[name][kind].splitlines() if (phrase := comparable(line))
    )


def _words(name: str) -> frozenset[str]:
    return frozenset(word for language in LANGUAGES for word in comparable(_LISTS[name][language]).split())


@lru_cache(maxsize=16)  # one row's texts, each looked at by many
def comparable(text: str) -> str:
    """The words of `text` with a blank between them, without case, accents and punctuation other than apostrophes."""
    return " ".join(_WORD.findall(fold(text.replace("’", "'"))))


_SMALL_TALK: Final = _lines("small_talk")
_FILLER: Final = _words("filler")
_LAUGHTER: Final = re.compile("|".join(_LISTS["laughter"][language] for language in LANGUAGES))
_VERDICT: Final = _lines("verdict") | _SMALL_TALK
_INSULT: Final = _words("insult")
_ADVERTISING: Final = _lines("advertising")
_PROMISE: Final = _words("promise")
_CALL: Final = _words("call")
_WRITING: Final = _words("writing")
_DOUBT: Final = _words("doubt")
_TRANSLATING: Final = _words("translating")
_PAIRS: Final = frozenset(_LISTS["letters"]["pairs"].split())
_ROWS: Final = tuple(row for line in _LISTS["letters"]["rows"] for row in (line, line[::-1]))


def _beginning(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern for a text that begins with one of the phrases, whole words, the longest first."""
    return re.compile(f"(?:{'|'.join(sorted(map(re.escape, phrases), key=lambda phrase: (-len(phrase), phrase)))})(?![\\w'])")


_REFUSAL: Final = re.compile(f"(?:{_beginning(_lines('excuse')).pattern} )*{_beginning(_lines('refusal')).pattern}")
_INSTRUCTION: Final = _beginning(_lines("instruction"))
_FAULT: Final = _beginning(_lines("fault", "begins"))
_FAULT_WHOLE: Final = _lines("fault", "whole")


def repaired(text: str) -> str:
    """`text` with letters that were decoded wrongly put right, without controls, halves of characters and outer blanks.

    A line that has healthy Spanish letters was decoded rightly and stays as it is, as does all code: what looks broken there
    is what the text is about. Accents are composed (NFC).
    """
    if not text.isascii():
        if _MOJIBAKE.search(text):
            text = _outside_code(text)
        text = unicodedata.normalize("NFC", text)
    return plain(text).strip(_NOTHING)


def _outside_code(text: str) -> str:
    """`text` with mojibake repaired in all lines that are not code."""
    from ftfy import fix_encoding

    pieces, place = list[str](), 0
    for code in (*_CODE.finditer(text), None):
        start, end = code.span() if code else (len(text), len(text))
        for line in text[place:start].splitlines(keepends=True):
            is_suspect = _MOJIBAKE.search(line) and not _HEALTHY.search(line)
            pieces.append(fix_encoding(line) if is_suspect else line)
        pieces.append(text[start:end])
        place = end
    return "".join(pieces)


def prose(text: str) -> str:
    """`text` without code and links."""
    return _LINK.sub(" ", _CODE.sub(" ", text))


def characters(text: str) -> int:
    """Characters that are not blank."""
    return len("".join(text.split()))


def is_damaged(text: str) -> bool:
    """Whether letters were lost for good: replacement characters, characters that no font has."""
    return _DAMAGED.search(text) is not None


def has_open_fence(text: str) -> bool:
    """Whether a code block is not closed (CommonMark 0.31, section 4.5): the text was cut off."""
    opened = ""
    for fence, rest in _FENCE.findall(text):
        if not opened:
            opened = "" if fence[0] == "`" and "`" in rest else fence
        elif fence[0] == opened[0] and len(fence) >= len(opened) and not rest.strip():
            opened = ""
    return bool(opened)


def is_only_symbols(text: str) -> bool:
    """Whether there is no letter and no digit: punctuation, emoji."""
    return not any(character.isalnum() for character in text)


def is_only_links(text: str) -> bool:
    """Whether there is a link and not a word besides."""
    rest, links = _LINK.subn(" ", text)
    return links > 0 and is_only_symbols(rest)


def is_small_talk(text: str) -> bool:
    """Whether a text says nothing but hello, thanks, bye, yes or ha ha, mistyped or not."""
    return _is_made_of(text, _SMALL_TALK, _FILLER)


def is_verdict(text: str) -> bool:
    """Whether a text says only that something was bad (or a courtesy), not what would be right."""
    return _is_made_of(text, _VERDICT, _FILLER)


def is_insult(text: str) -> bool:
    """Whether a text says nothing but that somebody is a fool."""
    said = comparable(text).split()
    return not _INSULT.isdisjoint(said) and (len(said) <= 4 or _is_made_of(text, _VERDICT | _INSULT, _FILLER))


def is_instruction(text: str) -> bool:
    """Whether a text tells in a few words what to do differently."""
    said = comparable(text)
    return _INSTRUCTION.match(said) is not None and len(said.split()) <= MOST_INSTRUCTION_WORDS


def _is_made_of(text: str, phrases: frozenset[str], filler: frozenset[str]) -> bool:
    """Whether every word belongs to one of the phrases, laughter or filler, and not all of them are filler."""
    said = _STRETCHED.sub(r"\1", comparable(text)).split()
    if not 0 < len(said) <= MOST_SMALL_TALK_WORDS:
        return False
    meant: dict[int, int] = {0: 0}  # by place: phrases that lead there, as many as possible
    for place in range(len(said)):
        if place not in meant:
            continue
        if said[place] in filler:
            meant[place + 1] = max(meant.get(place + 1, 0), meant[place])
        for end in range(place + 1, min(place + 6, len(said)) + 1):
            if _among(said[place:end], phrases):
                meant[end] = max(meant.get(end, 0), meant[place] + 1)
    return meant.get(len(said), 0) > 0


def _among(said: Sequence[str], phrases: frozenset[str]) -> bool:
    """Whether these words are one of the phrases, one slip of the finger forgiven in a long one."""
    phrase = " ".join(said)
    if phrase in phrases or (len(said) == 1 and _LAUGHTER.fullmatch(phrase)):
        return True
    if len(phrase) < _FORGIVEN_LETTERS:
        return False
    alike = _by_size(phrases).get((len(said), phrase[0]), ())
    return process.extractOne(phrase, alike, scorer=OSA.distance, score_cutoff=1) is not None


@cache
def _by_size(phrases: frozenset[str]) -> dict[tuple[int, str], tuple[str, ...]]:
    """The long phrases by number of words and first letter: nobody mistypes that one."""
    found: dict[tuple[int, str], list[str]] = {}
    for phrase in sorted(phrases):
        if len(phrase) >= _FORGIVEN_LETTERS:
            found.setdefault((phrase.count(" ") + 1, phrase[0]), []).append(phrase)
    return {size: tuple(alike) for size, alike in found.items()}


def asks_for_writing(text: str) -> bool:
    """Whether somebody wants a text written, looked at or explained."""
    said = comparable(text).split()
    return not _WRITING.isdisjoint(said[:4]) or not _DOUBT.isdisjoint(said)


def is_advertising(text: str) -> bool:
    """Whether a text advertises: two phrases of the trade, or one with a link or a way to get in touch.

    Where nothing is asked, a link with a word that promises and one that calls does, too.
    """
    said = comparable(text)
    found = sum(f" {phrase} " in f" {said} " for phrase in _ADVERTISING)
    rest, links = _LINK.subn(" ", text)
    words = set(said.split())
    return (
        found > 1
        or (found == 1 and (links > 0 or _CONTACT.search(text) is not None))
        or (links > 0 and "?" not in rest and not _PROMISE.isdisjoint(words) and not _CALL.isdisjoint(words))
    )


def is_drawn_out(text: str) -> bool:
    """Whether a text is one or two characters over and over, whatever they are."""
    written = "".join(text.split())
    return len(written) >= DRAWN_OUT_CHARACTERS and len(set(written)) <= 2


def is_repeated(text: str) -> bool:
    """Whether a text is one or two letters, or the same few words, over and over."""
    said = _LETTERS.findall(fold(prose(text)))
    letters = Counter("".join(said))
    if letters.total() >= 8 and len(letters) <= 2 and max(map(len, said)) >= 4:
        return True
    counted = Counter(said)
    return (len(said) >= 5 and counted.most_common(1)[0][1] >= 0.6 * len(said)) or (
        12 <= len(said) <= MOST_REPEATED_WORDS and len(counted) <= len(said) / 4
    )


def is_gibberish(text: str) -> bool:
    """Whether half of the letters are in words that no finger meant: no vowels, strange neighbours, rows of a keyboard."""
    said = [word for word in _LETTERS.findall(prose(text)) if word.isascii() or not _NOT_LATIN.search(word)]
    strange = sum(len(word) for word in said if _is_strange(word))
    return strange > 0 and 2 * strange >= sum(map(len, said))


@lru_cache(maxsize=32_768)
def _is_strange(word: str) -> bool:
    if len(word) < 5 or (word.isupper() and len(word) <= 6):
        return False
    word = fold(word)
    pairs = [first + second for first, second in pairwise(word) if first not in "aeiouy" and second not in "aeiouy"]
    unknown = sum(pair not in _PAIRS and pair[0] != pair[1] for pair in pairs)
    return (
        not any(vowel in word for vowel in "aeiouy")
        or (unknown >= 2 and 2 * unknown >= len(pairs))
        or (bool(pairs) and word.startswith(pairs[0]) and pairs[0] not in _PAIRS)
        or _CONSONANTS.search(word) is not None
        or any(word[start : start + 5] in row for row in _ROWS for start in range(len(word) - 4))
    )


def is_stuck(text: str) -> bool:
    """Whether a model went round in circles: the same letters, sentence or six words again and again."""
    if _STUCK.search(text):
        return True
    sentences = [said for part in _SENTENCE.split(text) if len((said := comparable(part)).split()) >= 3]
    if len(sentences) >= 4:
        most = Counter(sentences).most_common(1)[0][1]
        if most >= 4 and most >= 0.4 * len(sentences):
            return True
    told = comparable(_CODE.sub(" ", text)).split()
    if len(told) >= 12 and len(set(told)) <= len(told) / 8:
        return True
    runs = list(zip(*(told[start:] for start in range(6)), strict=False))
    return len(told) >= 30 and len(set(runs)) <= 0.6 * len(runs)


@cache
def _own_messages() -> re.Pattern[str]:
    """How the bot's fixed texts begin, in both languages."""
    worded = say  # these texts are said elsewhere, where the catalogue takes them from
    texts = (comparable(worded(language, text)) for language in LANGUAGES for text in _LISTS["bot"]["texts"])
    return _beginning(texts)


def is_own_message(text: str) -> bool:
    """Whether an answer is a fixed text of the bot or the message of a failed program."""
    said = comparable(text)
    if _own_messages().match(said) or said in _FAULT_WHOLE:
        return True
    is_short = len(said.split()) <= MOST_FAULT_WORDS
    is_fault = _FAULT.match(said) is not None
    return (
        said.startswith("traceback most recent call last")
        or (is_short and is_fault)
        or bool(len(said.split()) <= 6 and _NUMBERED_ERROR.match(said))
    )


def is_refusal(text: str) -> bool:
    """Whether an answer says that it is none: it does not know, cannot or may not."""
    said = comparable(text)
    return len(said.split()) <= MOST_EXCUSE_WORDS and _REFUSAL.match(said) is not None


def is_in_other_language(answer: str, question: str, language: Language) -> bool:
    """Whether an answer is clearly neither in `language` nor in that of the question, of which it was not asked to differ.

    Two judges have to agree: the words of `bot.lexical` and py3langid (0.9 s to load; only loaded for a suspect).
    """
    if not _TRANSLATING.isdisjoint(comparable(question).split()):
        return False
    told = prose(answer)
    letters = sum(map(len, _LETTERS.findall(told)))
    if letters >= 8 and len(_NOT_LATIN.findall(told)) > letters / 2:
        return not _NOT_LATIN.search(question)
    if letters < FEWEST_LANGUAGE_LETTERS:
        return False
    found = guess_language(told)
    if found is None or found in (language, guess_language(question)):
        return False
    judged, sure = _identifier().classify(told)
    return bool(judged == found and sure >= SURE_OF_LANGUAGE)


@cache
def _identifier() -> LanguageIdentifier:
    """py3langid, of Spanish and English only."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier
