"""The measured benefit of profiles in words, for the admins; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.amounts import BLANK, count
from bot.locale import say
from bot.profile_types import Condition
from bot.types import Language
from profiles.intervals import FEWEST_SCORES
from profiles.posterior import pole_word
from profiles.uplift import PAIRS, Comparison, Crossover, Obedience, Rates, Uplift, Verdict


def words(language: Language, result: Uplift) -> list[str]:
    """The result for the admins, a line each."""
    if not result.answers:
        return [say(language, "Nothing has been measured yet: there is no answer to anybody who has a profile and takes part.")]
    lines = [
        say(
            language,
            "Answers measured: {answers} · threads: {threads} · rated threads: {rated} · people: {people}",
            answers=count(result.answers, language),
            threads=count(sum(one.threads for one in result.rates), language),
            rated=count(sum(one.rated for one in result.rates), language),
            people=count(result.people, language),
        )
    ]
    lines += [_rates_words(language, one) for one in result.rates]
    rates = {one.condition: one for one in result.rates}
    for one in result.comparisons:
        lines += _comparison_words(language, one, rates)
    if not any((one.one, one.other) == PAIRS[0] for one in result.comparisons):
        lines.append(say(language, "Not enough data: answers with the whole profile and with none must both have been rated."))
    if result.is_style_idle:
        lines.append(say(language, "Style is worth less than one point over level, goal and length: leave style out."))
    lines += _obedience_words(language, result.obedience)
    lines += [_crossover_words(language, one) for one in result.crossovers]
    if result.crossed:
        poles = ", ".join(f"{pole_word(language, one, 1)} / {pole_word(language, one, -1)}" for one in result.crossed)
        lines.append(
            say(language, "Each side likes its own pole more, outside both intervals of 95 %, in: {poles}", poles=poles)
        )
    lines.append(say(language, "This counts 👍 and 👎: it tells what people prefer, not whether they learn more."))
    return lines


def _name(language: Language, condition: Condition) -> str:
    names: Mapping[Condition, str] = {
        Condition.FULL: say(language, "Whole profile"),
        Condition.CONTEXT: say(language, "Only level, goal and length"),
        Condition.NONE: say(language, "No profile"),
    }
    return names[condition]


def _percent(share: float, language: Language) -> str:
    return f"{_decimal(f'{100 * share:.1f}', language)}{BLANK}%"


def _points(difference: float, language: Language) -> str:
    return _decimal(f"{100 * difference:+.1f}".replace("-", "−"), language)


def _decimal(number: str, language: Language) -> str:
    return number.replace(".", ",") if language == "es" else number


def _rates_words(language: Language, one: Rates) -> str:
    name = _name(language, one.condition)
    if one.rate is None or one.interval is None:
        return say(language, "{name}: not rated yet; threads: {threads}", name=name, threads=count(one.threads, language))
    return say(
        language,
        "{name}: {rate} 👍 ({low} to {high}) in {rated} rated threads; {share} of its threads were rated",
        name=name,
        rate=_percent(one.rate, language),
        low=_percent(one.interval.low, language),
        high=_percent(one.interval.high, language),
        rated=count(one.rated, language),
        share=_percent(one.rating_rate, language),
    )


def _comparison_words(language: Language, made: Comparison, rates: Mapping[Condition, Rates]) -> list[str]:
    one, other = _name(language, made.one), _name(language, made.other)
    lines = [
        say(
            language,
            "{one} against {other}: {points} points ({low} to {high})",
            one=one,
            other=other,
            points=_points(made.difference, language),
            low=_points(made.interval.low, language),
            high=_points(made.interval.high, language),
        ),
        _verdict_words(language, made),
    ]
    if made.of_delivered is not None:
        lines.append(
            say(
                language,
                "Careful: they are not rated equally often ({first} and {second} of the threads). Of all threads delivered, "
                "rated or not, the difference in 👍 is {points} points.",
                first=_percent(rates[made.one].rating_rate, language),
                second=_percent(rates[made.other].rating_rate, language),
                points=_points(made.of_delivered, language),
            )
        )
    return lines


def _verdict_words(language: Language, made: Comparison) -> str:
    if made.band is None:
        have, needed = count(made.days, language), count(FEWEST_SCORES, language)
        return say(
            language, "Not enough data: {have} of {needed} days with ratings, each person's apart.", have=have, needed=needed
        )
    ends = {"low": _points(made.band.low, language), "high": _points(made.band.high, language)}
    if made.verdict is Verdict.MORE:
        return say(language, "It is liked more, however often one looks: by {low} to {high} points.", **ends)
    if made.verdict is Verdict.FEWER:
        return say(language, "It is liked less, however often one looks: {low} to {high} points.", **ends)
    return say(language, "Not enough data: looked at every day, the difference may be anything from {low} to {high}.", **ends)


def _obedience_words(language: Language, found: Sequence[Obedience]) -> list[str]:
    if not found:
        return []
    each = [
        say(
            language,
            "{pole} {share} of {asked}",
            pole=pole_word(language, one.dimension, one.pole),
            share=_percent(one.obeyed / one.asked, language),
            asked=count(one.asked, language),
        )
        for one in found
    ]
    return [say(language, "What the model obeyed: {each}", each=" · ".join(each))]


def _crossover_words(language: Language, one: Crossover) -> str:
    return say(
        language,
        "Profiles that lean to {leaning}: {plus} against {minus} {points} points ({low} to {high})",
        leaning=pole_word(language, one.dimension, one.leaning),
        plus=pole_word(language, one.dimension, 1),
        minus=pole_word(language, one.dimension, -1),
        points=_points(one.difference, language),
        low=_points(one.interval.low, language),
        high=_points(one.interval.high, language),
    )
