"""What somebody does with a line, and whether it can be understood by itself: rules in both languages, pure."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from bot.lexical import content_words, fold, is_light
from bot.training_types import Intent
from learning.records import LANGUAGES, Language

_FILE: Final[Mapping[str, Any]] = tomllib.loads((Path(__file__).parent / "intents.toml").read_text("utf-8"))
_BEGINNING: Final = 700
_END: Final = 500
"""Characters that decide: what people want stands at the beginning or at the end of a long text."""
_SENTENCE: Final = re.compile(r"(?:[^.?!¿¡\n]|[.](?=\S))+[?!.]*")
_TOKEN: Final = re.compile(r"[^\W_]+|[,:]|[.?!]+$")
_APOSTROPHE: Final = re.compile(r"(?<=\w)['’](?=\w)")
_HE: Final = re.compile(r"\bél\b", re.IGNORECASE)
_ASKING: Final = re.compile(
    r"^\W*(?:(?:y|o|pero|por|para|de|en|a|con|desde|hasta)\s+)?(?:qu[ée]|quién|cuá|cómo|dónde|cuándo)", re.IGNORECASE
)
_ACCENT: Final = re.compile(r"[áéíóú]", re.IGNORECASE)
_MATTER: Final = re.compile(r"[:\n](?=(?:\W{0,40}\w){4})|(?<!\w)[\"“«'`].{4}")
"""Where the text that is spoken of is given: after a colon, on the next line, in quotation marks."""
_GAP: Final = r"(?:\S+ ){0,6}?"
_PART: Final = re.compile(r"\[[^\]]*\]|\S+")
_FEW: Final = 1
_SEARCH_WORDS: Final = 7
_PAST: Final = re.compile(r"\b\w{2,}é\b")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: its words in lower case without accents, each with a blank after it, and what it ended with.

    `past` are the words that only an accent tells from an imperative: `cambié`, without it.
    """

    words: str
    asks: bool
    exclaims: bool
    accented: bool
    past: frozenset[str]


def intent_of(text: str, language: Language) -> Intent:
    """What somebody does with `text`. What nobody could tell from the words alone is CHAT.

    A QUESTION wants to know, whatever its form (`tell me when …`); a REQUEST wants something done or made, even when it is put
    as a question (`can you write …`). A COMPLAINT is about the answers, the house or how something goes; a CORRECTION says what
    is right, or what was meant. Of several sentences the strongest rule counts; of two equally strong ones, the first of
    correction, complaint, request, question.
    """
    best: dict[Intent, float] = {}
    sentences = list(_sentences(text, language))
    for sentence in sentences:
        for intent, points in _points(sentence, language):
            best[intent] = max(best.get(intent, 0.0), points)
    if not any(best.values()) and len(sentences) == 1 and _is_search(sentences[0], language):
        return Intent.QUESTION
    return max(_ORDER, key=lambda intent: best.get(intent, 0.0)) if any(best.values()) else Intent.CHAT


_ORDER: Final = (Intent.CORRECTION, Intent.COMPLAINT, Intent.REQUEST, Intent.QUESTION, Intent.CHAT)


def needs_context(text: str, language: Language) -> bool:
    """Whether `text` cannot be understood without what came before it: `and that one?`, `explícalo mejor`, `shorter`.

    A pronoun is at home where the text itself names something before it, or gives what it speaks of (`translate this: …`).
    """
    rules = _rules(language)
    given = _MATTER.search(text[:_BEGINNING])
    sentences = list(_sentences(text[: given.start()] if given else text, language))
    before = ""
    for sentence in sentences:
        words = _without(rules["opening"], sentence.words)
        if rules["context.whole"].fullmatch(words) or rules["context.whole"].fullmatch(sentence.words):
            if len(sentences) == 1:
                return not given
            continue
        bare = rules["context.empty"].sub("", words)
        if rules["context.back"].search(bare) and not given:
            return True
        plain = rules["context.manner"].sub("", words)
        if plain != words and not given and not _substance(before + plain, language):
            return True
        found = rules["context.pronoun"].search(bare) or rules["context.shown"].search(bare)
        if found and not given and not _names(before + bare[: found.start()], language, rules):
            return True
        before += words + ", "
    opened = bool(sentences) and bool(rules["context.start"].match(sentences[0].words))
    return (opened and _substance(text, language) <= _FEW) or intent_of(text, language) is Intent.CORRECTION


def _points(sentence: Sentence, language: Language) -> Iterator[tuple[Intent, float]]:
    """What speaks for each intent, 0 to 5."""
    rules = _rules(language)
    words = _without(rules["opening"], sentence.words)
    if not words or rules["chat.whole"].fullmatch(words):
        yield Intent.CHAT, 1.0
        return
    if rules["correction.start"].match(sentence.words) or rules["correction.start"].match(words):
        yield Intent.CORRECTION, 2.0 if sentence.asks else 5.0
    elif rules["correction.anywhere"].search(sentence.words):
        yield Intent.CORRECTION, 2.0 if sentence.asks else 4.8
    if rules["complaint.with_us"].search(sentence.words):
        yield Intent.COMPLAINT, 4.9
    elif rules["complaint.with_things"].search(sentence.words):
        yield Intent.COMPLAINT, 2.7
    if rules["request.start"].match(words) and words.partition(" ")[0] not in sentence.past:
        yield Intent.REQUEST, 3.6
    elif any(rules["request.do"].match(clause) for clause in words.split(", ")[1:]):
        yield Intent.REQUEST, 3.2
    elif rules["request.end"].search(words) and not sentence.asks:
        yield Intent.REQUEST, 2.5
    yield Intent.QUESTION, _asking_points(sentence, words, rules)


def _asking_points(sentence: Sentence, words: str, rules: Mapping[str, re.Pattern[str]]) -> float:
    """What speaks for a question: words that say so, the mark, the form; 0 when nothing does."""
    if rules["question.told"].match(words):
        return 4.0
    if sentence.asks:
        return 3.5
    is_form = not sentence.exclaims and not rules["chat.start"].match(words)
    if rules["question.start"].match(words) or (is_form and (sentence.accented or rules["question.bare"].match(words))):
        return 3.0
    return 2.2 if not sentence.exclaims and rules["question.plain"].match(words) else 0.0


def _is_search(sentence: Sentence, language: Language) -> bool:
    """Whether words look like those typed into a search: a few that say what they are about, none about a person."""
    words = sentence.words
    is_told = sentence.exclaims or sentence.past or "," in words or _rules(language)["question.person"].search(words)
    is_first_person = language == "es" and words.partition(" ")[0].endswith("o")
    return not is_told and not is_first_person and words.count(" ") <= _SEARCH_WORDS and _substance(words, language) > _FEW


def _names(words: str, language: Language, rules: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether words before a pronoun name something that it can stand for: `a damaged file`, `inflation and`."""
    named = (found["first"] + " " + (found["second"] or "") for found in rules["context.article"].finditer(words))
    return any(_substance(name, language) for name in named)


def _substance(text: str, language: Language) -> int:
    """How many words of `text` say what it is about."""
    return sum(not is_light(word, language) for word in content_words(text, language))


def _sentences(text: str, language: Language) -> Iterator[Sentence]:
    """The sentences of the beginning and the end of `text`, those without a word left out."""
    if len(text) > _BEGINNING + _END:
        text = f"{text[:_BEGINNING]}\n{text[-_END:]}"
    text = unicodedata.normalize("NFC", text)
    for piece in _SENTENCE.findall(text):
        tokens = _TOKEN.findall(_APOSTROPHE.sub("", fold(_HE.sub("aquel", piece))))
        words = [token for token in tokens if token[0] not in ".?!"]
        while words and words[0] in ",:":
            del words[0]
        if words:
            mark = piece[-3:]
            accented = bool(_ASKING.match(piece) and _ACCENT.search(piece.split(",")[0][:24]))
            past = frozenset(fold(word) for word in _PAST.findall(piece.lower()))
            joined = _contracted(language)("".join(f"{word} " for word in words))
            yield Sentence(joined, "?" in mark, "!" in mark and "?" not in mark, accented, past)


@cache
def _contracted(language: Language) -> Callable[[str], str]:
    """Two words read as one: `do not ` is `dont `."""
    pairs = (line.partition(":") for line in _FILE["contracted"][language].strip().splitlines())
    short = {f"{two} ": f"{one.strip()} " for two, _, one in pairs}
    if not short:
        return str
    pattern = re.compile(rf"(?<!\S)(?:{'|'.join(short)})")
    return lambda words: pattern.sub(lambda found: short[found[0]], words)


def _without(opening: re.Pattern[str], words: str) -> str:
    """`words` without what people say before the matter itself."""
    found = opening.match(words)
    return words[found.end() :] if found else words


@cache
def _rules(language: Language) -> Mapping[str, re.Pattern[str]]:
    """The rules of one language by name, compiled."""
    words = _words(language)
    rules = {
        f"{section}.{name.removesuffix('_' + language)}": _compiled(lines, words)
        for section in ("question", "request", "chat", "complaint", "correction", "context")
        for name, lines in _FILE[section].items()
        if name.endswith(f"_{language}") and not name.startswith(("things", "articles"))
    }
    rules["opening"] = re.compile(rf"(?:(?:{_phrases(_spaced(_FILE['opening'][language]), words)})(?:, )*)+")
    rules["request.do"] = _compiled("{doing_now}", words)
    rules["request.end"] = re.compile(rf"(?:{_phrases(_FILE['request'][f'end_{language}'].strip().splitlines(), words)})$")
    rules["context.start"] = re.compile(
        r"(?:y|pero|o|entonces|tambien) " if language == "es" else r"(?:and|but|or|so|then|also) "
    )
    articles = "|".join(_FILE["context"][f"articles_{language}"].split())
    rules["context.article"] = re.compile(rf"(?<!\S)(?:{articles}) (?=(?P<first>\S+) (?P<second>\S+)?)")
    return rules


def _spaced(lines: str) -> Iterator[str]:
    """The phrases of an opening: there `|` parts whole phrases."""
    return (phrase for line in lines.strip().splitlines() for phrase in line.split("|"))


def _compiled(lines: str, words: Mapping[str, str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\S)(?:{_phrases(lines.strip().splitlines(), words)})")


def _phrases(lines: Iterable[str], words: Mapping[str, str]) -> str:
    return "|".join(_phrase(line, words) for line in lines)


def _phrase(line: str, words: Mapping[str, str]) -> str:
    """The regular expression of one line of `intents.toml`, over words that each have a blank after them."""
    return "".join(_part(part, words) for part in _PART.findall(line))


def _part(part: str, words: Mapping[str, str]) -> str:
    if part == "_":
        return r"[^\s,:]+ "
    if part == "...":
        return _GAP
    if part.startswith("{"):
        return words[part.strip("{}")]
    if part.startswith("["):
        return f"(?:{_phrases(part.strip('[]').split('|'), words)})?"
    return f"(?:{'|'.join(_word(word) for word in part.split('|'))}) "


def _word(word: str) -> str:
    return re.escape(word).replace(r"\*", r"\w*")


def _words(language: Language) -> Mapping[str, str]:
    """What the names in braces stand for."""
    listed: Mapping[str, str] = _FILE["words"]
    things = _FILE["context"][f"things_{language}"].split()
    found = {"shown": f"(?:{'|'.join(map(_word, things))}) ", "end": r"(?=$|, )"}
    if language == "en":
        return found | {"asking": f"(?:{_any(listed['asking_en'])}) ", "doing_now": f"(?:{_any(listed['doing_en'])}) "}
    infinitives = listed["doing_es"].split()
    now = {*listed["doing_now_es"].split(), *(form for verb in infinitives for form in _imperatives(verb))}
    you = {form for verb in infinitives for form in _second_person(verb)}
    return found | {
        "asking": f"(?:(?:{_any(listed['asking_after_es'])}) )?(?:{_any(listed['asking_es'])}) ",
        "doing_now": f"(?:{'|'.join(sorted(now))})(?:me|nos|les?)?(?:l[oa]s?)? ",
        "imperative": r"\w{3,}(?:[aei]|an|en|ad|ed|id)(?:me|nos)(?:l[oa]s?)? ",
        "doing_inf": rf"(?:(?:{'|'.join(infinitives)})(?:l[oa]s?)?|\w{{2,}}[aei]r(?:me|nos)(?:l[oa]s?)?) ",
        "doing_you": f"(?:{'|'.join(sorted(you))}) ",
        "clitic": rf"(?:(?:{'|'.join(sorted(now))})(?:me|nos)?|\w{{3,}}(?:ar|er|ir)(?:me|te|nos)?|ver|dar|ser)l[oa]s? ",
        "verb": "(?!(?:que|cual|mas|mejor|peor|bueno|malo|de|contrario|mismo|otro|antes|importante|siguiente) )",
    }


def _any(words: str) -> str:
    return "|".join(words.split())


def _imperatives(verb: str) -> tuple[str, ...]:
    """`explica`, `explique`, `expliquen`, `explicad`, and without pronoun what becomes of them before `me`."""
    stem, ending = verb[:-2], verb[-2:]
    if ending != "ar":
        return f"{stem}e", f"{stem}i", f"{stem}a", f"{stem}an", f"{stem}{ending[0]}d", verb
    polite = re.sub("c$", "qu", re.sub("g$", "gu", re.sub("z$", "c", stem)))
    return f"{stem}a", f"{polite}e", f"{polite}en", f"{stem}ad", verb


def _second_person(verb: str) -> tuple[str, ...]:
    """`explicas`, `explica`: after `me`."""
    vowel = "a" if verb.endswith("ar") else "e"
    return f"{verb[:-2]}{vowel}s", f"{verb[:-2]}{vowel}", f"{verb[:-2]}{verb[-2]}s"


assert set(LANGUAGES) == set(_FILE["opening"])
