"""The readiness of a night's data told to admins: a few lines for a chat, and a whole Markdown page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot import amounts
from bot.locale import say
from learning.consistency import MIXED
from learning.quality import LEFT, checks, percent, spread
from learning.readiness import LADDERS, Readiness, Use, next_step_of
from learning.records import LANGUAGES, Language, Split
from learning.training_cost import OPERATIONS, Machine, cost, seconds, tokens_per_second

_BAR: Final = 10
_MOST_WARNINGS: Final = 3
_MOST_TOPICS: Final = 12
_IN_CHAT: Final = (Use.ANSWERS, Use.PAIRS, Use.THUMBS, Use.RETRIEVAL)


def render_short(readiness: Readiness, language: Language) -> str:
    """The report in at most 25 lines of Markdown."""
    export = readiness.export
    lines = [f"**{say(language, 'Training data of {date}', date=export.date)}**", _totals(readiness, language), ""]
    for use in _IN_CHAT:
        lines += [f"**{use_name(use, language)}**", *(_line(readiness, use, of, language) for of in LANGUAGES)]
    lines += ["", _times(readiness, language), _costs(readiness, language), ""]
    warnings = [f"⚠ {check.text}" for check in checks(readiness, language) if not check.is_fine]
    if len(warnings) > _MOST_WARNINGS:
        more = len(warnings) - _MOST_WARNINGS + 1
        warnings = [*warnings[: _MOST_WARNINGS - 1], f"⚠ {say(language, 'And {count} more, in the whole report.', count=more)}"]
    lines += warnings or [f"✓ {say(language, 'All quality checks are fine.')}"]
    return "\n".join([*lines, f"**{say(language, 'Next step:')}** {next_step(readiness, language)}"])


def render_whole(readiness: Readiness, language: Language) -> str:
    """The report as a Markdown page."""
    export = readiness.export
    lines = [f"# {say(language, 'Training data of {date}', date=export.date)}", "", _totals(readiness, language), ""]
    lines += [f"**{say(language, 'Next step:')}** {next_step(readiness, language)}", ""]
    lines += [f"## {say(language, 'Usable examples')}", "", *_uses(readiness, language), ""]
    lines += [f"## {say(language, 'Training time and cost')}", "", *_plan(readiness, language), ""]
    lines += [f"## {say(language, 'Quality checks before training')}", ""]
    lines += [f"- {'✓' if check.is_fine else '⚠'} {check.text}" for check in checks(readiness, language)]
    lines += ["", *_topics(readiness, language), *_wording(readiness, language), *_files(readiness, language)]
    return "\n".join([*lines, *_dropped(readiness, language)]).rstrip() + "\n"


def use_name(use: Use, language: Language) -> str:
    """What a use is called."""
    match use:
        case Use.ANSWERS:
            return say(language, "Answers to learn from")
        case Use.PAIRS:
            return say(language, "Pairs of a better and a worse answer")
        case Use.THUMBS:
            return say(language, "Answers with a thumb")
        case Use.LABELS:
            return say(language, "Questions with a topic")
        case Use.RETRIEVAL:
            return say(language, "Conversations to find answers in")


def language_name(of: Language, language: Language) -> str:
    """What a language is called."""
    return say(language, "Spanish") if of == "es" else say(language, "English")


def next_step(readiness: Readiness, language: Language) -> str:
    """The one thing to do next, in one sentence."""
    export, spoken = readiness.export, readiness.spoken()
    if not spoken:
        return say(language, "Ask people to allow training and to rate answers: there is nothing to learn from yet.")
    if export.scrub.rate > LEFT:
        return say(language, "Do not train on this: scrubbing leaves too much, or was not measured.")
    if export.cohort.is_small and not export.cohort.approved:
        return say(
            language,
            "Look through the rows and approve this small group of people with `python -m bot data approve cohort`, or "
            "wait for more people.",
        )
    return _towards_training(readiness, spoken, language)


def _towards_training(readiness: Readiness, spoken: Sequence[Language], language: Language) -> str:
    """What comes once the data may be used: more of it, better, or the training."""
    least = min(spoken, key=lambda of: (readiness.languages[of].by_use[Use.ANSWERS], of))
    have = readiness.languages[least].by_use[Use.ANSWERS]
    step = next_step_of(Use.ANSWERS, have) or have
    missing = {"spoken": language_name(least, language), "count": amounts.count(step - have, language)}
    if have < step <= 200:
        purpose = _purpose(step, language)
        return say(language, "Collect {count} more good answers ({spoken}): {purpose}.", purpose=purpose, **missing)
    if wrong := next((check for check in checks(readiness, language) if check.blocks and not check.is_fine), None):
        return say(language, "Mend this before you train. {problem}", problem=wrong.text)
    if have < step <= 5_000:
        return say(
            language,
            "Use the answers for retrieval and as examples now; for a LoRA ({spoken}), collect {count} more.",
            **missing,
        )
    return say(language, "Train a candidate and compare it with the model that answers now.")


def _purpose(step: int, language: Language) -> str:
    """What a number on the ladders is good for."""
    return {
        10: say(language, "the least that trainers take"),
        50: say(language, "a first training"),
        100: say(language, "what is recommended"),
        200: say(language, "hard cases too"),
        1_000: say(language, "answers to most questions"),
        5_000: say(language, "a LoRA that changes behaviour"),
        100_000: say(language, "the most that a LoRA makes use of"),
    }[step]


def _totals(readiness: Readiness, language: Language) -> str:
    export = readiness.export
    return say(
        language,
        "Usable: {kept} of {collected} rated answers · people: {people}",
        kept=amounts.count(readiness.rows, language),
        collected=amounts.count(export.collected, language),
        people=amounts.count(export.cohort.people or export.people, language),
    )


def _line(readiness: Readiness, use: Use, of: Language, language: Language) -> str:
    """How far one use has come in one language."""
    have = readiness.languages[of].by_use[use]
    step = next_step_of(use, have)
    bar = amounts.bar(have, step or have, _BAR)
    said = f"- {language_name(of, language)} {bar} {amounts.count(have, language)}"
    if step is None:
        return f"{said} · {say(language, 'more would not help')}"
    missing = say(language, "{count} to go", count=amounts.count(step - have, language))
    return f"{said} · {missing}: {_purpose(step, language)}"


def machine_name(machine: Machine, language: Language) -> str:
    """What a machine is called."""
    match machine:
        case Machine.CPU:
            return say(language, "CPU")
        case Machine.SMALL_GPU:
            return say(language, "small GPU")
        case Machine.BIG_GPU:
            return say(language, "big GPU")


def _times(readiness: Readiness, language: Language) -> str:
    """How long on each machine, in one line."""
    each = ", ".join(
        f"{machine_name(machine, language)} {spread(*seconds(readiness.tokens, machine, readiness.plan), language)}"
        for machine in Machine
    )
    return say(language, "Training would take about: {times}", times=each)


def _costs(readiness: Readiness, language: Language) -> str:
    priced = [machine for machine in Machine if machine in readiness.plan.hourly]
    each = ", ".join(f"{machine_name(machine, language)} {_cost(readiness, machine, language)}" for machine in priced)
    return say(language, "Cost: {cost}", cost=each or say(language, "none: your own machine"))


def _cost(readiness: Readiness, machine: Machine, language: Language) -> str:
    """What it costs there, from the least to the most."""
    span = cost(readiness.tokens, machine, readiness.plan)
    if span is None:
        return say(language, "none: your own machine")
    least, most = (amounts.money(amount, readiness.plan.currency, language) for amount in _rounded(*span))
    return least if least == most else f"{least} – {most}"


def _rounded(*millionths: int) -> Iterator[int]:
    """Amounts to a hundredth, and at least that."""
    return (max(10_000, round(amount, -4)) for amount in millionths)


def _uses(readiness: Readiness, language: Language) -> Iterator[str]:
    for use in Use:
        lines = [
            "".join((_line(readiness, use, of, language), _enough(use, readiness.languages[of].by_use[use], language)))
            for of in LANGUAGES
        ]
        steps = " · ".join(f"{amounts.count(step, language)} {_purpose(step, language)}" for step in LADDERS[use])
        yield from (f"**{use_name(use, language)}**", "", *lines, "")
        yield f"{say(language, 'How many people rely on:')} {steps}."
        if use is not Use.RETRIEVAL:
            yield ""


def _enough(use: Use, have: int, language: Language) -> str:
    """The highest step that has been reached, to go after a line; "" for none."""
    reached = [step for step in LADDERS[use] if step <= have]
    return f" · ✓ {_purpose(reached[-1], language)}" if reached else ""


def _plan(readiness: Readiness, language: Language) -> Iterator[str]:
    plan = readiness.plan
    headings = (say(language, "Machine"), say(language, "Tokens per second"), say(language, "Time"), say(language, "Cost"))
    yield from (f"| {' | '.join(headings)} |", "| --- | --- | --- | --- |")
    for machine in Machine:
        slow, fast = (amounts.count(_two_digits(rate), language) for rate in tokens_per_second(machine, plan))
        time = spread(*seconds(readiness.tokens, machine, plan), language)
        yield f"| {machine_name(machine, language)} | {slow}–{fast} | {time} | {_cost(readiness, machine, language)} |"
    yield ""
    yield say(
        language,
        "Time = tokens x epochs / tokens per second: about {tokens} tokens, {epochs} epochs, a LoRA of a model with "
        "{parameters} million parameters at {operations} operations for each token and parameter. "
        "CPU: 2 to 16 cores; small GPU: 8 to 16 GB; big GPU: 80 GB or more. "
        "A range to plan with, not a promise; loading and evaluating the model come on top.",
        tokens=amounts.count(_two_digits(readiness.tokens), language),
        epochs=plan.epochs,
        parameters=amounts.count(plan.parameters // 1_000_000, language),
        operations=OPERATIONS,
    )


def _two_digits(number: float) -> int:
    """A number rounded to two digits that count, and to a whole one."""
    return int(float(f"{number:.1e}")) if number >= 10 else round(number)


def _topics(readiness: Readiness, language: Language) -> Iterator[str]:
    """The biggest topics with bars against the biggest."""
    topics = sorted(readiness.topics.items(), key=lambda item: (-item[1], item[0]))
    if not topics:
        return
    yield from (f"## {say(language, 'Topics')}", "")
    for topic, count in topics[:_MOST_TOPICS]:
        bar = amounts.bar(count, topics[0][1], _BAR)
        yield f"- {bar} {amounts.count(count, language)} · {topic or say(language, 'without a topic')}"
    if rest := topics[_MOST_TOPICS:]:
        yield f"- {say(language, 'Other topics: {count}', count=amounts.count(len(rest), language))}"
    yield ""


def _wording(readiness: Readiness, language: Language) -> Iterator[str]:
    """How the answers of each language address people and are spelt."""
    names = {
        "address": say(language, "How people are addressed"),
        "contractions": say(language, "Contractions"),
        "spelling": say(language, "Spelling"),
        "tu": "tú",
        "short": "don't",
        "full": "do not",
        "british": say(language, "British"),
        "american": say(language, "American"),
        MIXED: say(language, "both in one answer"),
    }
    lines: list[str] = []
    for of in LANGUAGES:
        for group, values in readiness.languages[of].consistency.wording.items():
            total = sum(values.values())
            shares = ", ".join(f"{names.get(value, value)} {percent(count, total)}" for value, count in values.items())
            lines.append(f"- {language_name(of, language)} · {names.get(group, group)}: {shares}")
    if lines:
        yield from (f"## {say(language, 'Wording')}", "", *lines, "")


def _files(readiness: Readiness, language: Language) -> Iterator[str]:
    files = readiness.export.files
    names = sorted({path.partition("/")[2] for path, file in files.items() if "/" in path and file.rows is not None})
    if names:
        parts = " | ".join(f"`{part.value}`" for part in Split)
        yield from (f"## {say(language, 'Files')}", "", f"| {say(language, 'File')} | {parts} |", "| --- | --- | --- | --- |")
        for name in names:
            rows = (files[path].rows or 0 if (path := f"{part.value}/{name}") in files else 0 for part in Split)
            yield f"| `{name}` | {' | '.join(amounts.count(count, language) for count in rows)} |"
        yield ""
    if readiness.export.left_out:
        yield from (say(language, "Files that are not there, and why:"), "")
        yield from (f"- `{name}`: {reason}" for name, reason in sorted(readiness.export.left_out.items()))
        yield ""


def _dropped(readiness: Readiness, language: Language) -> Iterator[str]:
    rows = [(step, reason, count) for step, reasons in readiness.export.dropped.items() for reason, count in reasons.items()]
    if not rows:
        return
    yield from (f"## {say(language, 'Dropped rows')}", "")
    headings = (say(language, "Step"), say(language, "Reason"), say(language, "Rows"))
    yield from (f"| {' | '.join(headings)} |", "| --- | --- | --- |")
    for step, reason, count in sorted(rows, key=lambda row: (-row[2], row[0], row[1])):
        yield f"| {step} | {reason} | {amounts.count(count, language)} |"
