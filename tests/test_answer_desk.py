"""Which corrections an admin is shown: those that mean something to everybody and hold nobody's data."""

from __future__ import annotations

import pytest

from bot.answer_desk import PAGE, SharingDesk, is_fit
from bot.sharing_types import SharedState
from bot.types import Language, TurnId
from tests.handlers.fake_sharing import FakeSharing, correction


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("en", "When does the reading room open?", "At nine, and on Sundays at eleven."),
        ("en", "How many legs has a spider?", "8"),
        ("en", "When does the reading room open?", "At **nine**; on Sundays at *eleven*, says https://example.org/plan."),
        ("en", "How do I renew a loan?", "At the desk:\n\n1. show your card\n2. sign"),
        ("es", "¿Cuándo abre la sala de lectura?", "A las nueve, y los domingos a las once."),
        ("es", "¿Cómo se renueva un préstamo?", "En el mostrador, con el carné, hasta dos veces:\n- libros\n- revistas"),
    ],
)
def test_whole_answers_are_fit(language: Language, question: str, answer: str) -> None:
    assert is_fit(correction(1, question=question, answer=answer, language=language))


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("en", "When does the reading room open?", "Ask Ana Torres, ana.torres@example.org."),
        ("en", "My number is 612 345 678, when do you open?", "At nine, and on Sundays at eleven."),
        ("es", "¿Dónde pago?", "En la cuenta ES91 2100 0418 4502 0005 1332, a su nombre."),
        ("en", "And that one?", "At nine, and on Sundays at eleven."),
        ("es", "¿Y ese?", "A las nueve, y los domingos a las once."),
        ("en", "When does the reading room open?", "That is wrong!"),
        ("en", "When does the reading room open?", "You idiot."),
        ("en", "When does the reading room open?", "shorter please"),
        ("en", "When is my birthday?", "On the third of May."),
        ("es", "¿Cómo me llamo?", "Te llamas como tu abuelo."),
        ("en", "When does the reading room open?", "See [the plan](https://evil.example)."),
        ("en", "When does the reading room open?", "![plan](https://evil.example/a.png)"),
        ("en", "When does the reading room open?", "At nine.\n\n*Source: `en/10-privacy.md`*"),
        ("en", "When does the reading room open?", "<b>At nine</b> and on Sundays at eleven."),
        ("en", "hello", "At nine, and on Sundays at eleven."),
        ("en", "When does the reading room open?", "!!!"),
        ("en", "When does the reading room open?", "At ten."),
    ],
)
def test_personal_and_half_ones_are_not(language: Language, question: str, answer: str) -> None:
    assert not is_fit(correction(1, question=question, answer=answer, language=language))


async def test_unfit_and_decided_ones_are_passed_over_page_by_page() -> None:
    unfit = [correction(number, answer="That is wrong!") for number in range(PAGE + 10)]
    decided = [correction(100 + number, state=SharedState.ASKED) for number in range(PAGE)]
    store = FakeSharing([*unfit, *decided, correction(900), correction(901, state=SharedState.LEFT_OUT)])
    desk = SharingDesk(store)
    first = await desk.next(None, with_left_out=False)
    assert first is not None
    assert first.turn_id == "t900"
    assert store.pages == 3
    assert await desk.next(first.turn_id, with_left_out=False) is None
    again = await desk.next(first.turn_id, with_left_out=True)
    assert again is not None
    assert again.turn_id == "t901"


async def test_only_an_undecided_fit_one_is_of_its_turn() -> None:
    desk = SharingDesk(
        FakeSharing(
            [
                correction(1),
                correction(2, state=SharedState.LEFT_OUT),
                correction(3, state=SharedState.ASKED),
                correction(4, answer="That is wrong!"),
            ]
        )
    )
    found = [await desk.of_turn(TurnId(f"t{number}")) for number in range(6)]
    assert [one.turn_id if one else None for one in found] == [None, "t1", "t2", None, None, None]


def test_the_bots_own_name_is_nobodys() -> None:
    one = correction(
        1, question="¿Cómo se instala Lola en un portátil?", answer="Con make, en una carpeta vacía.", language="es"
    )
    assert is_fit(one, own_names=frozenset({"Lola"}))
