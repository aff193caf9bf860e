"""What the data is good for: counted in one pass, said in a few lines, and never more exact than it is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.training_types import Intent
from learning.consistency import MIXED, Tally, is_marked_up, shown
from learning.quality import checks, percent, spread
from learning.readiness import LADDERS, Cohort, Export, File, Readiness, Scrub, Use, next_step_of
from learning.readiness_text import next_step, render_short, render_whole
from learning.records import LANGUAGES, Example, Language, Said, Split
from learning.training_cost import Machine, Plan, cost, seconds, tokens_per_second

SCRUBBED = Scrub(planted=2_000, left=3)
EXPORT = Export(date="2026-11-20", collected=900, people=120, cohort=Cohort(people=120), scrub=SCRUBBED)
ANSWERS = {
    "es": "Puedes regar la planta número {n} cada diez días; si tienes dudas, mete el dedo en la tierra y espera.",
    "en": "You can water plant number {n} every ten days; if you're in doubt, put a finger in the soil and wait.",
}


def example(number: int, language: Language = "es", **fields: object) -> Example:
    kept: dict[str, object] = {
        "row": f"{language}-{number:06d}",
        "part": Split.TRAIN,
        "language": language,
        "intent": Intent.QUESTION,
        "topic": f"topic {number % 8}",
        "question": f"¿{number}?",
        "good": ANSWERS[language].replace("{n}", str(number)),
        "liked": True,
        **fields,
    }
    return msgspec.convert(kept, Example)


def even(count: int, language: Language = "es") -> list[Example]:
    """Good answers of one kind, every fifth a correction of one that was not liked."""
    return [
        example(number, language, bad=f"No {number}.", answer=f"No {number}.", liked=False)
        if number % 5 == 0
        else example(number, language)
        for number in range(count)
    ]


def measured(examples: Sequence[Example], export: Export = EXPORT, plan: Plan | None = None) -> Readiness:
    return Readiness.measured(lambda: iter(examples), export, plan)


def test_uses_are_counted_by_language() -> None:
    rows = [
        example(1, "es"),
        example(2, "es", bad="Nunca.", answer="Nunca.", liked=False),
        example(3, "en", good="", answer="No idea.", liked=False, topic=""),
        example(4, "en", liked=None),
    ]
    found = measured(rows).languages
    assert found["es"].by_use == {Use.ANSWERS: 2, Use.PAIRS: 1, Use.THUMBS: 2, Use.LABELS: 0, Use.RETRIEVAL: 2}
    assert found["en"].by_use == {Use.ANSWERS: 1, Use.PAIRS: 0, Use.THUMBS: 1, Use.LABELS: 0, Use.RETRIEVAL: 1}
    assert (found["es"].corrections, found["es"].liked, found["es"].disliked) == (1, 1, 1)


def test_rows_of_one_conversation_are_one_to_find_answers_in() -> None:
    first = Said(question="¿Empezamos?", answer="Sí.")
    rows = [example(0, question="¿Empezamos?"), *(example(number, history=(first,)) for number in range(1, 5)), example(6)]
    assert measured(rows).languages["es"].by_use[Use.RETRIEVAL] == 2


def test_only_topics_with_five_rows_count_as_labels() -> None:
    rows = [example(number, topic="pan" if number < 5 else "té") for number in range(9)]
    assert measured(rows).languages["es"].by_use[Use.LABELS] == 5


def test_rows_that_differ_in_case_and_accents_only_are_duplicates() -> None:
    rows = [example(1, question="¿Qué?", good="Sí, así."), example(2, question="que", good="si asi"), example(3)]
    assert measured(rows).duplicates == 1


def test_tokens_are_those_of_the_part_for_training() -> None:
    rows = even(20)
    other = [msgspec.structs.replace(row, part=Split.TEST) for row in rows]
    assert measured(rows).tokens > 20 * 20
    assert measured(other).tokens == 0


@given(st.sampled_from(Use), st.integers(0, 200_000))
def test_the_next_step_is_the_first_that_is_not_reached(use: Use, have: int) -> None:
    step = next_step_of(use, have)
    assert [one for one in LADDERS[use] if one > have] == (
        [] if step is None else list(LADDERS[use])[LADDERS[use].index(step) :]
    )


@pytest.mark.parametrize(
    ("text", "language", "group", "value"),
    [
        ("Si quieres, puedes probar.", "es", "address", "tu"),
        ("Le recomiendo que espere; usted decide.", "es", "address", "usted"),
        ("Si querés, podés probar.", "es", "address", "vos"),
        ("Usted puede, si quieres.", "es", "address", MIXED),
        ("El pan sube solo.", "es", "address", None),
        ("The colour of my neighbour’s door", "en", "spelling", "british"),
        ("The color and the colour", "en", "spelling", MIXED),
        ("It’s fine, don't worry", "en", "contractions", "short"),
        ("It is fine, do not worry", "en", "contractions", "full"),
        ("Undo nothing: credo not found", "en", "contractions", None),
    ],
)
def test_wording_is_recognised(text: str, language: Language, group: str, value: str | None) -> None:
    assert shown(text, language).get(group) == value


@pytest.mark.parametrize(
    "text", ["- uno\n- dos", "## Pan", "1. Mezcla", "un **dos**", "usa `x = 1`", "```\nx\n```", "| a | b |"]
)
def test_markdown_is_seen(text: str) -> None:
    assert is_marked_up(text)
    assert not is_marked_up("Mezcla 2 - 1, y 3 * 4 son 12.")


@given(st.lists(st.integers(1, 60), min_size=1, max_size=50))
def test_lengths_are_percentiles(lengths: list[int]) -> None:
    tally = Tally("en")
    for length in lengths:
        tally.add("word " * length)
    found, ordered = tally.result(), sorted(lengths)
    assert found.answers == len(lengths)
    assert ordered[0] <= found.shortest <= found.median <= found.longest <= ordered[-1]
    assert sum(length <= found.median for length in lengths) * 2 >= len(lengths)


def test_mixed_address_is_a_warning_that_comes_before_training() -> None:
    rows = [*even(300), *(example(1000 + number, good=f"Le recomiendo a usted el {number}.") for number in range(90))]
    found = measured(rows)
    wrong = [check.text for check in checks(found, "en") if check.blocks and not check.is_fine]
    assert len(wrong) == 1
    assert "tú" in wrong[0]
    assert wrong[0] in next_step(found, "en")


def test_even_data_has_no_warning() -> None:
    found = measured([*even(200, "es"), *even(200, "en")])
    assert [check.text for check in checks(found, "en") if not check.is_fine] == []
    assert "All quality checks are fine." in render_short(found, "en")


@pytest.mark.parametrize(
    ("count", "export", "said"),
    [
        (0, EXPORT, "Ask people"),
        (4, msgspec.structs.replace(EXPORT, scrub=Scrub()), "Do not train"),
        (4, msgspec.structs.replace(EXPORT, scrub=Scrub(planted=100, left=2)), "Do not train"),
        (4, msgspec.structs.replace(EXPORT, cohort=Cohort(people=8, is_small=True)), "data approve cohort"),
        (4, msgspec.structs.replace(EXPORT, cohort=Cohort(people=8, is_small=True, approved=True)), "Collect 6 more"),
        (10, EXPORT, "Collect 40 more"),
        (199, EXPORT, "Collect 1 more"),
        (200, EXPORT, "collect 4,800 more"),
        (5_000, EXPORT, "Train a candidate"),
    ],
)
def test_the_next_step_is_the_first_thing_that_is_missing(count: int, export: Export, said: str) -> None:
    assert said in next_step(measured(even(count, "en"), export), "en")


def test_a_language_that_hardly_anybody_speaks_does_not_decide_the_next_step() -> None:
    assert "collect 4,800 more" in next_step(measured([*even(200, "en"), *even(3, "es")]), "en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [0, 3, 700])
def test_the_short_report_fits_a_chat(language: Language, count: int) -> None:
    rows = [*even(count, "es"), *(example(number, "en", good="Use `colour`. " * (1 + number)) for number in range(count))]
    text = render_short(measured(rows), language)
    assert len(text.splitlines()) <= 25
    assert len(text) < 2_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_report_has_files_drops_and_thresholds(language: Language) -> None:
    export = msgspec.structs.replace(
        EXPORT,
        files={"train/sft.jsonl": File(rows=12_345), "test/sft.jsonl": File(rows=7), "README.md": File()},
        dropped={"clean": {"greeting": 20, "spam": 30}},
        left_out={"dpo.jsonl": "fewer than 10 rows"},
    )
    text = render_whole(measured(even(60), export), language)
    grouped = "12,345" if language == "en" else "12\N{NO-BREAK SPACE}345"
    assert f"| `sft.jsonl` | {grouped} | 0 | 7 |" in text
    assert text.index("| clean | spam | 30 |") < text.index("| clean | greeting | 20 |")
    assert "- `dpo.jsonl`: fewer than 10 rows" in text
    assert "README.md" not in text
    assert "\n\n\n" not in text


def test_facts_are_read_from_a_manifest() -> None:
    manifest = b"""{"format": "martin-training/1", "date": "2026-11-20", "collected": 9, "kept": 5, "people": 3,
    "cohort": {"people": 3, "is_small": true, "approved": false}, "dropped": {"clean": {"spam": 4}},
    "scrub": {"planted": 2000, "left": 1, "rate": 0.0005, "kinds": {}, "replaced": {}},
    "files": {"train/sft.jsonl": {"rows": 5, "bytes": 10, "sha256": "00"}, "README.md": {"rows": null}}, "left_out": {}}"""
    export = msgspec.json.decode(manifest, type=Export)
    assert export.files == {"train/sft.jsonl": File(rows=5), "README.md": File(rows=None)}
    assert export.cohort == Cohort(people=3, is_small=True)
    assert export.scrub.rate == pytest.approx(0.0005)


def test_last_nights_report_can_be_told_again_in_the_other_language() -> None:
    plan = Plan(currency="EUR", hourly={Machine.BIG_GPU: 2_500_000})
    found = measured([*even(30, "es"), *even(20, "en")], plan=plan)
    kept = msgspec.json.decode(msgspec.json.encode(found), type=Readiness)
    assert kept == found
    assert [render_whole(kept, language) for language in LANGUAGES] == [render_whole(found, language) for language in LANGUAGES]


def test_rows_in_another_order_give_the_same_report() -> None:
    rows = [*even(50, "es"), *even(70, "en")]
    assert msgspec.json.encode(measured(rows)) == msgspec.json.encode(measured(rows[::-1]))


def test_the_formula_is_the_one_that_is_stated() -> None:
    plan = Plan(parameters=1_000_000_000, epochs=2, currency="EUR", hourly={Machine.SMALL_GPU: 500_000})
    slow, fast = tokens_per_second(Machine.SMALL_GPU, plan)
    assert seconds(3_000_000, Machine.SMALL_GPU, plan) == pytest.approx((3_000_000 * 2 / fast, 3_000_000 * 2 / slow))
    assert cost(3_000_000, Machine.SMALL_GPU, plan) == pytest.approx(
        (3_000_000 * 2 / fast / 3600 * 500_000, 3_000_000 * 2 / slow / 3600 * 500_000), abs=1
    )
    assert cost(3_000_000, Machine.CPU, plan) is None


def test_a_price_is_shown_for_machines_that_have_one() -> None:
    rows = even(400, "en")
    assert "Cost: none: your own machine" in render_short(measured(rows), "en")
    plan = Plan(currency="EUR", hourly={Machine.SMALL_GPU: 8_000_000})
    assert "Cost: small GPU 0.0" in render_short(measured(rows, plan=plan), "en")


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (0.1, 59, "less than a minute"),
        (20, 437, "20_s – 7_min"),
        (1_000, 20_000, "17_min – 6_h"),
        (0.1, 90, "1_s – 2_min"),
        (240, 260, "4_min"),
        (3_000, 40_000, "1–11_h"),
        (90_000, 900_000, "1–10_days"),
        (86_400 * 123, 86_400 * 12_345, "120–12,000_days"),
    ],
)
def test_times_are_no_more_exact_than_the_guess(least: float, most: float, said: str) -> None:
    expected = said.replace("_days", " days").replace("_", "\N{NO-BREAK SPACE}")
    assert spread(least, most, "en") == expected


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_share_is_nothing_only_when_there_is_nothing(part: int, whole: int) -> None:
    assert (percent(part, whole) == "0\N{NO-BREAK SPACE}%") == (part == 0)
