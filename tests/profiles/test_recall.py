"""What a person taught comes back when they ask again in other words, and never to anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ports import Example, Recall
from bot.types import AddressId, EvidenceKind, PersonId, Scope, TurnId
from profiles.recall import LexicalRecall, similarity
from tests.fakes import NOON

ANA, BRUNO = PersonId("ana"), PersonId("bruno")
PRIVATE, GROUP = Scope(), Scope(group=AddressId("group-1"))
BUDGET = 1200


class Shelf:
    """An `ExampleStore` over lists; `asked` counts the readings."""

    def __init__(self) -> None:
        self.rows: dict[tuple[PersonId, Scope], list[Example]] = {}
        self.asked = 0

    async def version(self, person: PersonId, scope: Scope) -> str:
        return repr(self.rows.get((person, scope)))

    async def examples(self, person: PersonId, scope: Scope) -> Sequence[Example]:
        self.asked += 1
        return sorted(self.rows.get((person, scope), []), key=lambda example: example.at, reverse=True)

    def add(
        self,
        question: str,
        answer: str,
        *,
        person: PersonId = ANA,
        scope: Scope = PRIVATE,
        kind: str = "correction",
        age: int = 0,
    ) -> None:
        """One more corrected or liked answer, `age` days old."""
        rows = self.rows.setdefault((person, scope), [])
        at = NOON - timedelta(days=age)
        rows.append(Example(turn_id=TurnId(f"t{len(rows)}"), kind=kind, question=question, answer=answer, at=at))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def recall(shelf: Shelf) -> LexicalRecall:
    return LexicalRecall(shelf)


async def answers(
    recall: Recall, question: str, *, person: PersonId = ANA, scope: Scope = PRIVATE, budget: int = BUDGET
) -> list[str]:
    found = await recall.recall(person, scope, question, budget=budget, deadline_s=5)
    return [item.text for item in found.evidence]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("When does the town collect the recycling bins?", "Which day are the recycling bins emptied?"),
        ("When does the town collect the recycling bins?", "Tell me again when our recycling bins get collected, please"),
        ("¿A qué hora cierra la biblioteca municipal los viernes?", "¿Hasta cuándo abre el viernes la biblioteca municipal?"),
        ("¿Cuándo recogen la basura orgánica en mi calle?", "La basura orgánica, ¿qué día la recogen?"),
        ("¿Cómo se configura la impresora de la oficina?", "configuracion de la impresora en la oficina"),
        ("How do I restart the office printer?", "how to restrat the office prniter"),
        ("What is the wifi password?", "and the password?"),
        ("What is LoRA?", "LoRA?"),
        ("¿Dónde está mi coche?", "mi coche donde esta"),
    ],
)
async def test_the_same_question_in_other_words_finds_the_correction(
    shelf: Shelf, recall: LexicalRecall, first: str, again: str
) -> None:
    shelf.add(first, "On Tuesdays.")
    (found,) = (await recall.recall(ANA, PRIVATE, again, budget=BUDGET, deadline_s=5)).evidence
    assert (found.kind, found.text, found.question) == (EvidenceKind.CORRECTION, "On Tuesdays.", first)
    assert (found.source, found.at) == ("t0", NOON)
    assert 0 < found.score <= 1


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("When does the town collect the recycling bins?", "When does the town hall open?"),
        ("What is the capital of France?", "What is the capital of Spain?"),
        ("¿Cuál es la capital de Francia?", "¿Cuál es la capital de España?"),
        ("¿Cómo cambio el idioma?", "¿Cómo cambio el puerto?"),
        ("How do I train a model with my conversations?", "How do I train for a marathon?"),
        ("LoRA", "RAG"),
        ("hello", "thanks"),
        ("¿Quién eres?", "¿Qué es eso?"),
        ("???", "!!!"),
        ("What time is it?", "What year is it?"),
    ],
)
async def test_an_unrelated_question_finds_nothing(shelf: Shelf, recall: LexicalRecall, first: str, other: str) -> None:
    shelf.add(first, "On Tuesdays.")
    assert await answers(recall, other) == []


async def test_the_same_words_score_one_and_stop_words_alone_can_be_a_question(shelf: Shelf, recall: LexicalRecall) -> None:
    shelf.add("¿Quién eres tú?", "Tu amigo Martín.")
    (found,) = (await recall.recall(ANA, PRIVATE, "quien eres tu", budget=BUDGET, deadline_s=5)).evidence
    assert found.score == 1.0


async def test_another_person_never_meets_a_correction(shelf: Shelf, recall: LexicalRecall) -> None:
    shelf.add("When are the bins collected?", "On Tuesdays, says Ana.")
    assert await answers(recall, "When are the bins collected?", person=BRUNO) == []
    shelf.add("When are the bins collected?", "On Fridays, says Bruno.", person=BRUNO)
    assert await answers(recall, "When are the bins collected?") == ["On Tuesdays, says Ana."]
    assert await answers(recall, "When are the bins collected?", person=BRUNO) == ["On Fridays, says Bruno."]


async def test_a_group_and_private_talk_stay_apart(shelf: Shelf, recall: LexicalRecall) -> None:
    shelf.add("When are the bins collected?", "Said in the group.", scope=GROUP)
    assert await answers(recall, "When are the bins collected?") == []
    assert await answers(recall, "When are the bins collected?", scope=Scope(group=AddressId("group-2"))) == []
    assert await answers(recall, "When are the bins collected?", scope=GROUP) == ["Said in the group."]


async def test_a_correction_outranks_a_liked_answer_of_the_same_question(shelf: Shelf, recall: LexicalRecall) -> None:
    shelf.add("When are the bins collected?", "Corrected.", age=9)
    shelf.add("When are the bins collected?", "Liked later.", kind="liked", age=1)
    assert await answers(recall, "when are the bins collected") == ["Corrected."]


async def test_the_newest_correction_wins(shelf: Shelf, recall: LexicalRecall) -> None:
    shelf.add("When are the bins collected?", "Old.", age=9)
    shelf.add("The bins are collected when?", "New.", age=1)
    shelf.add("When are the bins collected?", "Older.", age=20)
    assert await answers(recall, "when are the bins collected") == ["New."]


async def test_the_nearer_question_comes_first(shelf: Shelf, recall: LexicalRecall) -> None:
    shelf.add("When are the paper bins collected?", "Paper: Monday.", age=1)
    shelf.add("When are the glass bins collected?", "Glass: Friday.", age=5)
    assert (await answers(recall, "When are the glass bins collected?"))[0] == "Glass: Friday."


async def test_a_liked_answer_needs_a_closer_question_than_a_correction(shelf: Shelf, recall: LexicalRecall) -> None:
    shelf.add("When does the town collect the recycling bins?", "Liked.", kind="liked")
    assert await answers(recall, "When does the town collect recycling bins now?") == ["Liked."]
    assert await answers(recall, "Who empties the recycling bins of the neighbours upstairs?") == []


async def test_a_new_correction_counts_at_once_and_unchanged_examples_are_read_once(
    shelf: Shelf, recall: LexicalRecall
) -> None:
    shelf.add("When are the bins collected?", "On Tuesdays.", age=2)
    for _ in range(3):
        await answers(recall, "When are the bins collected?")
    assert shelf.asked == 1
    shelf.add("When are the bins collected?", "On Wednesdays.")
    assert await answers(recall, "When are the bins collected?") == ["On Wednesdays."]
    shelf.rows.clear()
    assert await answers(recall, "When are the bins collected?") == []


async def test_the_budget_is_kept_and_the_best_is_rather_cut_than_lost(shelf: Shelf, recall: LexicalRecall) -> None:
    shelf.add("When are the paper bins collected?", "word " * 400)
    shelf.add("When are the glass bins collected?", "Glass: Friday.", age=3)
    found = (await recall.recall(ANA, PRIVATE, "When are the paper bins collected?", budget=100, deadline_s=5)).evidence
    assert sum(len(item.text) + len(item.question) for item in found) <= 400
    assert found[0].text.startswith("word word")
    assert found[0].text.endswith("…")
    both = await answers(recall, "When are the glass bins collected?", budget=100)
    assert both == ["Glass: Friday."]
    assert await answers(recall, "When are the paper bins collected?", budget=0) == []


async def test_the_cache_is_bounded_and_can_be_emptied_for_a_person(shelf: Shelf) -> None:
    tiny = LexicalRecall(shelf, cache_bytes=600)
    shelf.add("When are the bins collected?", "On Tuesdays.")
    assert await answers(tiny, "When are the bins collected?") == ["On Tuesdays."]
    assert await answers(tiny, "When are the bins collected?") == ["On Tuesdays."]
    assert shelf.asked == 2
    roomy = LexicalRecall(shelf)
    await answers(roomy, "bins collected")
    assert await roomy.export(ANA) == []
    await roomy.forget(ANA)
    await answers(roomy, "bins collected")
    assert shelf.asked == 4


async def test_many_examples_are_searched_off_the_loop(shelf: Shelf, recall: LexicalRecall) -> None:
    for number in range(300):
        shelf.add(f"What is kept in drawer number {number} of cupboard {number % 7}?", f"Thing {number}.", age=number)
    assert (await answers(recall, "What is kept in drawer number 41 of cupboard 6?"))[0] == "Thing 41."


WEIGHTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([0.3, 1.0]), max_size=6)


@given(WEIGHTS, WEIGHTS)
def test_similarity_is_a_share_and_the_same_both_ways_round(one: dict[str, float], other: dict[str, float]) -> None:
    alike = similarity(one, other, {})
    assert 0 <= alike <= 1
    assert alike == pytest.approx(similarity(other, one, {}))
    if not set(one) & set(other):
        assert alike == 0
    assert similarity(one, one, {}) == (pytest.approx(1.0) if one else 0.0)


@given(st.integers(2, 8), st.integers(0, 8), st.integers(0, 8))
def test_half_of_the_telling_words_is_enough_and_less_is_not(shared: int, only_asked: int, only_known: int) -> None:
    common = {f"s{n}": 1.0 for n in range(shared)}
    asked = common | {f"a{n}": 1.0 for n in range(only_asked)}
    known = common | {f"k{n}": 1.0 for n in range(only_known)}
    shares = sorted((shared / len(asked), shared / len(known)))
    assert (similarity(asked, known, {}) > 0) == (shares[1] >= 0.5 and shares[0] >= 0.3)
