"""What a message settles of the person and theirs, drawn by the rules of `extract_es.toml` and `extract_en.toml`; pure.

Only what is stated as so: `clauses` takes out what is asked, imagined, quoted or said in jest, and a rule counts only where a
clause begins, so that "she thinks I live in Lima" says nothing. A fact's text is a sentence of ours without "I", in the
person's language and words («Vive en Lima.»), with its dates made to last. Time is linear in the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from bot.memory_types import MemoryKind
from bot.types import LANGUAGES, Language
from profiles.facts.clauses import Start, Statement, fold_evenly, starts, statements
from profiles.facts.slots import Fact, canonical, reading, slot_key
from profiles.facts.told_people import Person, had, named_people, names_at, person_at
from profiles.facts.told_plans import plan_at
from profiles.facts.told_values import READERS
from profiles.facts.told_words import WORDS, Rest, Value

MOST_FACTS: Final = 12
"""Facts of one message."""
_NEGATION: Final[Mapping[Language, str]] = {
    "es": r"(?:(?P<neg>ya no|no|nunca|tampoco) )?(?:(?:siempre|tambien|ahora|solo|todavia|aun|actualmente|si que|si) )?",
    "en": r"(?:(?P<neg>don'?t|do not|doesn'?t|does not|no longer|not|never|didn'?t|can'?t|cannot) )?"
    r"(?:(?:really|actually|also|just|still|always|currently|now|only|even|mainly|mostly|both|so|very|"
    r"originally|absolutely|truly|all) ){0,2}",
}
_SPELLINGS: Final = (
    ("I'M", r"i(?:'?m| am)"),
    ("I'VE", r"i(?:'?ve| have)"),
    ("+", r"(?: (?:ahora|siempre|tambien|actualmente|mucho|ya|todavia|aun|desde hace \w+ \w+))?"),
)
_GONE: Final = frozenset({"ya no", "no longer"})
_ANY_MORE: Final = re.compile(r"[^.,;!?]{0,60}?(?<!\w)(?:any ?more|any longer)(?!\w)")
_KEEPS_NAME: Final = frozenset({"name", "gone"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way to say something. `own` is in the first person, `they` of somebody of theirs; either may be empty."""

    slot: str
    kind: MemoryKind
    own: tuple[re.Pattern[str], ...]
    they: tuple[re.Pattern[str], ...]
    value: str
    text: str
    text_not: str
    is_over: bool


def extract(text: str, language: Language, *, said_at: datetime) -> tuple[Fact, ...]:
    """The facts and preferences of one message of the person, in order, at most 12; none when it states nothing of the kind.

    `said_at` tells which day "tomorrow" is: pass it in the person's own time zone where that is known. `profiles.remember` adds
    who said it, where, and from which message.
    """
    found: dict[tuple[str, str], Fact] = {}
    for statement in statements(text, language):
        for fact in _of_statement(statement, language, said_at.date()):
            found.setdefault((fact.slot, fact.text), fact)
            if not reading(fact.slot, fact.text).holds:  # "my dog Rex died" says his name, too
                called = [key for key in found if key[0] == fact.slot and key[1] != fact.text and fact.slot.count(":")]
                for key in called:
                    del found[key]
        if len(found) >= MOST_FACTS:
            break
    return tuple(found.values())[:MOST_FACTS]


def _of_statement(statement: Statement, language: Language, today: date) -> Iterator[Fact]:
    for named in named_people(statement, language):
        yield _named(named, language)
    about: Person | None = None
    reached = 0
    for start in starts(statement, language):
        if start.at < reached:
            continue
        if plan := plan_at(statement, start.at, language, today):
            yield Fact(kind=MemoryKind.FACT, slot=plan.slot, text=_sentence(plan.text), language=language)
            reached = plan.end
            continue
        person = person_at(statement, start.at, language)
        about = person or about
        for fact, end in _by_rules(statement, start, person, about, language):
            reached = max(reached, end)
            yield fact


def _by_rules(
    statement: Statement, start: Start, person: Person | None, about: Person | None, language: Language
) -> Iterator[tuple[Fact, int]]:
    """What the rules find where a clause begins, with where it ends. Somebody of theirs stays the subject of what follows."""
    slots: set[str] = set()
    own, theirs = (person is None), about is not None
    at_theirs = person.end if person else _past_pronoun(statement.folded, start.at, language)
    for rule in _rules()[language]:
        if start.is_guess and rule.kind is not MemoryKind.PREFERENCE:
            continue
        ways: list[tuple[Person | None, re.Pattern[str], int]] = []
        ways += [(None, head, start.at) for head in rule.own] if own else []
        ways += [(about, head, at_theirs) for head in rule.they] if theirs else []
        for whom, head, at in ways:
            match = head.match(statement.folded, at)
            if match is None or rule.slot + str(whom) in slots:
                continue
            facts = list(_facts(rule, match, statement, whom, language))
            slots.update({rule.slot + str(whom)} if facts else ())
            yield from facts


_PRONOUN: Final[Mapping[Language, re.Pattern[str]]] = {
    "es": re.compile(r"(?:(?:el|ella|ellos|ellas|quien|que) )?"),
    "en": re.compile(r"(?:(?:he|she|they|who)(?=[ ']) ?)?"),
}


def _past_pronoun(folded: str, at: int, language: Language) -> int:
    match = _PRONOUN[language].match(folded, at)
    return match.end() if match else at


def _facts(
    rule: Rule, match: re.Match[str], statement: Statement, whom: Person | None, language: Language
) -> Iterator[tuple[Fact, int]]:
    groups = match.groupdict()
    rest = Rest(statement.text[match.end() :], statement.folded[match.end() :], match[0], language)
    if rule.value == "having":
        if whom is None:
            negation = groups.get("neg") or ""
            is_gone = negation in _GONE or bool(negation and _ANY_MORE.match(rest.folded))
            for slot, text, end in had(rest, is_not=bool(negation), is_gone=is_gone):
                yield Fact(kind=MemoryKind.FACT, slot=slot, text=_sentence(text), language=language), match.end() + end
        return
    if rule.value == "who":
        at = match.end() + len(rest.text) - len(rest.text.lstrip())
        if (lost := person_at(statement, at, language)) is not None:
            slot = lost.name_slot(lost.name) if lost.name else lost.slot
            about = _about(lost, rule.text, language, with_name=True)
            yield Fact(kind=rule.kind, slot=slot, text=_sentence(about), language=language), lost.end
        return
    if front := groups.get("front"):  # "el café no me gusta": what it is about came first
        at = match.start("front")
        said = statement.text[at : at + len(front)]
        said = said[0].lower() + said[1:] if front.startswith(("el ", "la ", "los ", "las ")) else said
        rest = Rest(said, front, match[0], language)
    if rule.value == "status":
        yield from _status(rule, statement, match, whom, language)
        return
    for value in _names(rest) if whom and rule.slot == "name" else READERS[rule.value](rest):
        predicate = _predicate(rule, groups, value, rest, language)
        slot = _slot(rule, groups, value, whom, language)
        if predicate and slot:
            text = _about(whom, predicate, language, with_name=rule.slot not in _KEEPS_NAME or rule.slot == "gone")
            yield Fact(kind=rule.kind, slot=slot, text=_sentence(text), language=language), match.end() + value.end


def _names(rest: Rest) -> list[Value]:
    """The names of somebody of theirs: `mis hijos se llaman Ana y Luis`."""
    names, end = names_at(rest.text, rest.folded, len(rest.text) - len(rest.text.lstrip()), is_told=True)
    return [Value(name, end) for name in names]


def _predicate(rule: Rule, groups: Mapping[str, str | None], value: Value, rest: Rest, language: Language) -> str:
    """Our sentence without its subject, `""` where the words mean nothing that we would keep."""
    negation = groups.get("neg") or ""
    is_gone = negation in _GONE or bool(negation and language == "en" and _ANY_MORE.match(rest.folded))
    if negation and (rule.is_over or not (is_gone or rule.text_not)):
        return ""
    template = rule.text_not if negation and (rule.text_not and not (is_gone and _is_plain(rule, language))) else rule.text
    verb = _verb(rest.head, language)
    last = (rest.head.split() or [""])[-1]
    said = groups.get("said") or ""
    text = template.format(
        value=value.text,
        other=value.other,
        key=groups.get("key") or "",
        said=said,
        verb=verb,
        verb_bare="drink" if verb == "drinks" else "eat",
        a=_article(value.text),
        prep=last,
        be={"son": "son", "are": "are"}.get(last, "es" if language == "es" else "is"),
        likes="gustan" if _is_plural(value.text) else "gusta",
    )
    if is_gone and language == "es" and template is rule.text_not:
        return "ya " + text
    return str(WORDS[language]["texts"]["gone"]).format(text=text) if is_gone and template is rule.text else text


def _is_plain(rule: Rule, language: Language) -> bool:
    """English puts "no longer" before the sentence as it is, Spanish «ya» before the one with «no»."""
    return language == "en" and not rule.text.startswith("their ")


def _verb(head: str, language: Language) -> str:
    table = dict(pair.split(":") for pair in WORDS[language]["verbs"]["words"].split())
    known = [table[word] for word in re.findall(r"\w+", head) if word in table]
    return known[-1] if known else ("has" if language == "en" else "tiene")


def _article(value: str) -> str:
    word = fold_evenly(value).partition(" ")[0]
    if word in ("retired", "unemployed", "self-employed", "freelance", "a", "an", "the") and len(value.split()) == 1:
        return ""
    return "an " if word[:1] in "aeiou" else "a "


def _is_plural(value: str) -> bool:
    first, *others = fold_evenly(value).split() or [""]
    if first in ("los", "las", "mis", "sus"):
        return True
    return first not in ("el", "la", "lo", "su") and (others or [first])[0].endswith("s") and first.endswith("s")


def _slot(rule: Rule, groups: Mapping[str, str | None], value: Value, whom: Person | None, language: Language) -> str:
    key = value.key
    if rule.slot == "favourite":
        said = fold_evenly(groups.get("key") or "")
        key = slot_key("favourites", said, language) or canonical(said)
    if rule.slot == "diet":
        key = ""
    if whom is None:
        return f"{rule.slot}:{key}" if key else rule.slot
    if rule.slot == "name":
        return whom.name_slot(value.text)
    if rule.slot == "gone":
        return whom.name_slot(whom.name) if whom.name else whom.slot
    return f"{whom.slot}:{rule.slot}" + (f":{key}" if key else "")


def _status(
    rule: Rule, statement: Statement, match: re.Match[str], whom: Person | None, language: Language
) -> Iterator[tuple[Fact, int]]:
    """A civil status, or that somebody is retired, by the phrases of the file."""
    for phrase, text in WORDS[language]["status"].items():
        at = statement.folded.find(phrase, match.start(), match.end() + len(phrase) + 1)
        if at >= 0 and not statement.folded[at + len(phrase) : at + len(phrase) + 1].isalnum():
            slot = f"{whom.slot}:{rule.slot}" if whom else rule.slot
            about = _about(whom, text, language, with_name=True)
            yield Fact(kind=rule.kind, slot=slot, text=_sentence(about), language=language), at + len(phrase)
            return


def _about(whom: Person | None, predicate: str, language: Language, *, with_name: bool) -> str:
    if whom is None:
        return predicate
    name = f" {whom.name}" if with_name and whom.name else ""
    to = "a " if language == "es" and re.match(r"(?:ya )?(?:no )?le ", predicate) else ""
    return f"{to}{WORDS[language]['texts']['their']} {whom.word}{name} {predicate}"


def _named(person: Person, language: Language) -> Fact:
    text = str(WORDS[language]["texts"]["named"]).format(one=person.word, name=person.name)
    return Fact(kind=MemoryKind.FACT, slot=person.name_slot(person.name), text=_sentence(text), language=language)


def _sentence(text: str) -> str:
    """`text` with a capital and a full stop, its spaces single."""
    plain = " ".join(text.split()).rstrip(" .,;:")
    return plain[0].upper() + plain[1:] + "."


@cache
def _rules() -> Mapping[Language, tuple[Rule, ...]]:
    return {language: tuple(_rule(row, language) for row in WORDS[language]["rule"]) for language in LANGUAGES}


def _rule(row: Mapping[str, Any], language: Language) -> Rule:
    return Rule(
        slot=row["slot"],
        kind=MemoryKind(row.get("kind", "fact")),
        own=_heads(row.get("own", ()), language),
        they=_heads(row.get("they", ()), language),
        value=row["value"],
        text=row.get("text", ""),
        text_not=row.get("text_not", ""),
        is_over=row.get("over", False),
    )


def _heads(heads: Sequence[str], language: Language) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_expanded(head, language)) for head in heads)


def _expanded(head: str, language: Language) -> str:
    """A pattern of the file with its signs spelt out. It ends where a word does, unless it looks ahead itself."""
    is_open = head.endswith(("~", " ", " )?")) or bool(re.search(r"\(\?=[^=]*\)$", head))
    for sign, pattern in (("~", _NEGATION[language]), *_SPELLINGS[: 2 if language == "en" else 3]):
        head = (
            head.replace(sign, pattern)
            if sign != "+"
            else re.sub(r"(?<=\w)(?<!\\[wd])\+(?= |$|\()", lambda _: _SPELLINGS[2][1], head)
        )
    return r"\s*(?:" + head + ")" + ("" if is_open else r"(?!\w)")


_HEADS_TOLD: Final[Mapping[Language, Mapping[str, str]]] = {
    "es": {"workplace": "trabajo en", "health": "tengo", "eats": "como", "favourite": "es"},
    "en": {"workplace": "work at", "health": "have", "eats": "eat", "favourite": "is"},
}


def told(slot: str, value: str, language: Language, *, holds: bool = True, key: str = "", of: str = "") -> Fact | None:
    """The fact of a slot and its value, worded by the first rule that has this slot; None where no rule says it that way.

    `key` is what a slot of many values is told apart by, `of` what a favourite is a favourite of.
    """
    rule = next(
        (rule for rule in _rules()[language] if rule.slot == slot and not rule.is_over and "{value}" in rule.text), None
    )
    if rule is None:
        return None
    rest = Rest("", "", _HEADS_TOLD[language].get(slot, ""), language)
    said = f"{of} favorito" if language == "es" else of
    groups = {"neg": None if holds else "no", "key": of, "said": said}
    to = "a " if slot == "allergy" and language == "es" and not value.startswith(("a ", "al ")) else ""
    found = Value(to + value, 0, key)
    predicate, path = _predicate(rule, groups, found, rest, language), _slot(rule, groups, found, None, language)
    return Fact(kind=rule.kind, slot=path, text=_sentence(predicate), language=language) if predicate else None
