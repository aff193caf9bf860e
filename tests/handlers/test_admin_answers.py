"""Corrections that an admin looks at: who is asked, what is left out, and what is taken back."""

from __future__ import annotations

import pytest

from bot.errors import StoreBusy
from bot.sharing_types import SharedState
from bot.types import Chosen, Language
from bot.writes import AskQuestion, EndSharing, OfferAnswer
from handlers.admin_answers import AnswersAction
from handlers.admin_parts import ADMIN, Done
from handlers.shared_words import SHOWN
from tests.handlers.admin_talk import closed, key_of, shown_by
from tests.handlers.fake_desk import desk
from tests.handlers.fake_sharing import FakeSharing, correction
from tests.handlers.fakes import FakePreview, command, past, pressed, services

ASKED, SHARED, LEFT_OUT = SharedState.ASKED, SharedState.SHARED, SharedState.LEFT_OUT
YES = "Yes, ask its author"


def text_of(done: Done) -> str:
    assert done.outcome.reply is not None
    return done.outcome.reply.text


def labels(done: Done) -> list[str]:
    assert done.outcome.reply is not None
    return [choice.label for choice in done.outcome.reply.choices]


async def asked(store: FakeSharing, argument: str = "", language: Language = "en") -> Done:
    given = command("admin", language, arguments=f"answers {argument}", is_admin=True)
    return await AnswersAction(services(), desk(answers=store)).asked(given, argument, FakePreview())


async def press(store: FakeSharing, done: Done, label: str, *, answered: str | None = None) -> Done:
    key = key_of(done, label)
    chosen = Chosen(turn_id=past().id, key=key.removeprefix(f"{ADMIN}:"))
    action, _, wish = chosen.key.partition(".")
    assert action == "answers"
    given = pressed(shown_by(done, answered), key)
    after = await AnswersAction(services(), desk(answers=store)).pressed(given, chosen, wish, FakePreview())
    store.take(after.outcome)
    return after


def offers(done: Done) -> list[tuple[str, bool]]:
    return [(write.turn_id, write.is_wanted) for write in done.outcome.writes if isinstance(write, OfferAnswer)]


def three() -> FakeSharing:
    return FakeSharing([correction(number, question=f"Number {number}, please?") for number in (3, 2, 1)])


@pytest.mark.parametrize(("language", "yes"), [("en", YES), ("es", "Sí, preguntar a su autor")])
async def test_correction_is_shown_whole_and_kept_without_its_words(language: Language, yes: str) -> None:
    done = await asked(three(), language=language)
    assert labels(done)[0] == yes
    assert "Number 3, please?" in text_of(done)
    assert "At nine, and on Sundays at eleven." in text_of(done)
    assert done.outcome.kept is not None
    assert "Number 3" not in done.outcome.kept
    assert "At nine" not in done.outcome.kept
    (question,) = [write.question for write in done.outcome.writes if isinstance(write, AskQuestion)]
    assert "Number 3" not in str(question)


async def test_yes_asks_the_author_and_goes_on() -> None:
    store = three()
    done = await press(store, await asked(store), YES)
    assert offers(done) == [("t3", True)]
    assert closed(done) == [key_of(await asked(three()), YES)]
    assert (done.result, done.subject) == ("asked", "t3")
    assert "Number 2" in text_of(done)
    assert [one.state for one in store.stored] == [ASKED, None, None]


async def test_no_leaves_out_and_again_shows_it_once_more() -> None:
    store = three()
    done = await press(store, await asked(store), "No")
    assert offers(done) == [("t3", False)]
    assert "Number 2" in text_of(done)
    done = await press(store, done, "Later")
    assert offers(done) == []
    assert closed(done) == []
    assert "Number 1" in text_of(done)
    last = await press(store, done, "Later")
    assert "last one" in text_of(last)
    assert "Number 2" in text_of(await asked(store))
    again = await asked(store, "again")
    assert "Number 3" in text_of(again)
    assert offers(await press(store, again, YES)) == [("t3", True)]


async def test_going_through_those_left_out_goes_on_with_them() -> None:
    store = FakeSharing([correction(number, question=f"Number {number}?", state=LEFT_OUT) for number in (2, 1)])
    assert not labels(await asked(store))
    done = await press(store, await asked(store, "again"), "Later")
    assert "Number 1?" in text_of(done)


async def test_a_correction_that_is_another_one_by_now_is_not_offered() -> None:
    store = three()
    done = await asked(store)
    store.stored[0] = correction(3, question="Number 3, please?", answer="Never.")
    pressed_late = await press(store, done, YES)
    assert offers(pressed_late) == []
    assert pressed_late.outcome.is_refused
    assert pressed_late.result == "gone"
    gone = FakeSharing()
    assert offers(await press(gone, done, YES)) == []


async def test_a_button_counts_once() -> None:
    store = three()
    done = await asked(store)
    again = await press(store, done, YES, answered=key_of(done, YES))
    assert offers(again) == []
    assert again.outcome.is_refused


async def test_list_says_how_each_stands_and_takes_back() -> None:
    states = {1: SHARED, 2: ASKED, 3: LEFT_OUT, 4: SharedState.DECLINED}
    store = FakeSharing([correction(number, question=f"Number {number}?", state=state) for number, state in states.items()])
    done = await asked(store, "list")
    assert "Shared: 1 · waiting for the author: 1" in text_of(done)
    assert labels(done) == ["Take back 1", "Take back 2"]
    assert done.outcome.kept is not None
    assert "Number" not in done.outcome.kept
    done = await press(store, done, "Take back 1")
    assert [one.turn_id for one in done.outcome.writes if isinstance(one, EndSharing)] == ["t1"]
    assert done.result == "taken back"
    assert labels(done) == ["Take back 1"]
    assert "Number 2?" in text_of(done)
    await press(store, done, "Take back 1")
    assert not labels(await asked(store, "lista"))


async def test_a_long_list_has_pages() -> None:
    store = FakeSharing([correction(number, question=f"Number {number}?", state=SHARED) for number in range(1, SHOWN + 3)])
    done = await press(store, await asked(store, "list"), "More")
    assert labels(done) == [f"Take back {SHOWN + 1}", f"Take back {SHOWN + 2}"]


@pytest.mark.parametrize("argument", ["everything", "list of all", "again and again"])
async def test_unknown_words_are_told_what_there_is(argument: str) -> None:
    done = await asked(three(), argument)
    assert done.outcome.is_refused
    assert "/admin answers list" in text_of(done)


@pytest.mark.parametrize("argument", ["", "list", "again"])
async def test_a_database_that_does_not_answer_is_said(argument: str) -> None:
    done = await asked(FakeSharing(error=StoreBusy("locked")), argument)
    assert done.outcome.is_refused
    assert "database" in text_of(done)
