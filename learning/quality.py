"""What admins should look at before a training: each check with its figures in one sentence, and whether it is fine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot import amounts
from bot.amounts import BLANK
from bot.locale import say
from learning.consistency import MIXED
from learning.readiness import FEW_OF_A_TOPIC, Readiness, Use
from learning.records import Language

ONE_VALUE: Final = 0.9
"""The share of answers that should address people, or be spelt, in the same way."""
MOST_MIXED: Final = 0.02
WIDEST: Final = 12
"""Longest to shortest answer, 90th to 10th percentile of words."""
MARKED_UP: Final = (0.3, 0.7)
"""Between these shares Markdown comes and goes."""
BIGGEST_TOPIC: Final = 0.5
THIN_TOPICS: Final = 1 / 3
CORRECTED: Final = (0.03, 0.5)
LIKED: Final = (0.1, 0.9)
DUPLICATED: Final = 0.02
LEFT: Final = 0.01
_UNITS: Final = {1: "s", 60: "min", 3_600: "h"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. One that `blocks` is to be mended before any training."""

    is_fine: bool
    text: str
    blocks: bool = False


def checks(readiness: Readiness, language: Language) -> tuple[Check, ...]:
    """All checks, those that matter most first; none where there is no example."""
    if not readiness.rows:
        return ()
    found = [*_safety(readiness, language), *_balance(readiness, language)]
    for of in readiness.spoken():
        found += _of_language(readiness, of, language)
    return (*found, *_coverage(readiness, language))


def percent(part: float, whole: float) -> str:
    """A share, rounded; what is not nothing is never shown as nothing."""
    share = 100 * part / whole if whole else 0.0
    return f"<{BLANK}1{BLANK}%" if 0 < share < 0.5 else f"{share:.0f}{BLANK}%"


def spread(least: float, most: float, language: Language) -> str:
    """Two numbers of seconds as a range, no more exact than the guess is: `3–40 min`, `20 min – 6 h`."""
    if most < 60:
        return say(language, "less than a minute")
    unit = _unit(most)
    low, high = _about(least / unit), _about(most / unit)
    if not low:
        return f"{_told(max(1.0, least), _unit(least), language)} – {_told(most, unit, language)}"
    if low == high:
        return _told(most, unit, language)
    return f"{amounts.count(low, language)}–{_told(most, unit, language)}"


def _unit(seconds: float) -> int:
    """The seconds of the unit that people would choose."""
    return 1 if seconds < 60 else 60 if seconds < 5_400 else 3_600 if seconds < 72 * 3_600 else 86_400


def _told(seconds: float, unit: int, language: Language) -> str:
    """So many of a unit."""
    count = amounts.count(_about(seconds / unit), language)
    if unit == 86_400:
        return say(language, "{count} days", count=count)
    return f"{count}{BLANK}{_UNITS[unit]}"


def _about(number: float) -> int:
    """One digit that counts below 10, two above."""
    return round(number) if number < 10 else int(float(f"{number:.1e}"))


def _between(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _safety(readiness: Readiness, language: Language) -> Iterator[Check]:
    scrub, cohort = readiness.export.scrub, readiness.export.cohort
    yield Check(
        is_fine=scrub.rate <= LEFT,
        blocks=True,
        text=say(
            language,
            "Scrubbing left {left} of {planted} planted secrets.",
            left=amounts.count(scrub.left, language),
            planted=amounts.count(scrub.planted, language),
        ),
    )
    if cohort.is_small:
        text = say(language, "Only {people} people: a small group, which an admin has to approve.", people=cohort.people)
        yield Check(is_fine=cohort.approved, text=text, blocks=True)


def _balance(readiness: Readiness, language: Language) -> Iterator[Check]:
    each = readiness.languages.values()
    rows, answers = readiness.rows, sum(one.by_use[Use.ANSWERS] for one in each)
    corrections, liked = sum(one.corrections for one in each), sum(one.liked for one in each)
    thumbs = liked + sum(one.disliked for one in each)
    yield Check(
        is_fine=readiness.duplicates <= DUPLICATED * rows,
        blocks=True,
        text=say(language, "Duplicates: {share} of the rows.", share=percent(readiness.duplicates, rows)),
    )
    yield Check(
        is_fine=_between(corrections / answers if answers else 0, CORRECTED),
        text=say(
            language,
            "Corrections: {share} of the good answers (expected: {least} to {most}).",
            share=percent(corrections, answers),
            least=percent(CORRECTED[0], 1),
            most=percent(CORRECTED[1], 1),
        ),
    )
    yield Check(
        is_fine=_between(liked / thumbs if thumbs else 0, LIKED),
        text=say(
            language,
            "Thumbs: {liked} up, {disliked} down (at least {least} of each are needed).",
            liked=percent(liked, thumbs),
            disliked=percent(thumbs - liked, thumbs),
            least=percent(LIKED[0], 1),
        ),
    )
    spanish = readiness.languages["es"].rows
    smaller = min(spanish, rows - spanish)
    yield Check(
        is_fine=not 0 < smaller < rows / 10,
        text=say(
            language,
            "Languages: {spanish} Spanish, {english} English.",
            spanish=percent(spanish, rows),
            english=percent(rows - spanish, rows),
        ),
    )


def _of_language(readiness: Readiness, of: Language, language: Language) -> Iterator[Check]:
    """Tone and form of the good answers in one language."""
    form = readiness.languages[of].consistency
    if not form.answers:
        return
    group = "address" if of == "es" else "spelling"
    leading, share = form.leading(group)
    mixed = form.wording.get(group, {}).get(MIXED, 0)
    if leading:
        is_fine = share >= ONE_VALUE and mixed <= MOST_MIXED * form.answers
        text = _tone(of, leading, share, mixed / form.answers, language)
        yield Check(is_fine=is_fine, text=text, blocks=of == "es")
    sizes = {
        "least": form.shortest,
        "most": amounts.count(form.longest, language),
        "median": amounts.count(form.median, language),
    }
    marked = {"share": percent(form.marked_up, form.answers)}
    if of == "es":
        length = say(
            language, "Length of Spanish answers: most have {least} to {most} words, half of them at most {median}.", **sizes
        )
        marks = say(language, "Form: {share} of the Spanish answers use Markdown (most or few should).", **marked)
    else:
        length = say(
            language, "Length of English answers: most have {least} to {most} words, half of them at most {median}.", **sizes
        )
        marks = say(language, "Form: {share} of the English answers use Markdown (most or few should).", **marked)
    yield Check(is_fine=form.longest <= WIDEST * max(1, form.shortest), text=length)
    yield Check(is_fine=not MARKED_UP[0] < form.marked_up / form.answers < MARKED_UP[1], text=marks)


def _tone(of: Language, leading: str, share: float, mixed: float, language: Language) -> str:
    """How people are addressed in Spanish, how words are spelt in English."""
    shares = {"share": percent(share, 1), "mixed": percent(mixed, 1)}
    if of == "es":
        how = {"tu": "tú", MIXED: say(language, "several")}.get(leading, leading)
        return say(
            language,
            "Tone: where Spanish answers address somebody, {share} say {how}; {mixed} of all answers mix.",
            how=how,
            **shares,
        )
    spelling = {"british": say(language, "British"), "american": say(language, "American")}
    how = spelling.get(leading, say(language, "several"))
    return say(language, "Spelling of the English answers: {share} are {how}; {mixed} of all answers mix.", how=how, **shares)


def _coverage(readiness: Readiness, language: Language) -> Iterator[Check]:
    topics = readiness.topics
    biggest, most = min(topics.items(), key=lambda item: (-item[1], item[0]))
    thin = sum(count < FEW_OF_A_TOPIC for count in topics.values())
    yield Check(
        is_fine=most <= BIGGEST_TOPIC * readiness.rows,
        text=say(
            language,
            "Topics: {count}; the biggest, {topic}, has {share} of the rows.",
            count=amounts.count(len(topics), language),
            topic=biggest or say(language, "without a topic"),
            share=percent(most, readiness.rows),
        ),
    )
    yield Check(
        is_fine=thin <= THIN_TOPICS * len(topics),
        text=say(
            language, "Topics with fewer than {few} rows: {count}.", few=FEW_OF_A_TOPIC, count=amounts.count(thin, language)
        ),
    )
