"""What somebody is asked about a correction of theirs, and what they say to it."""

from __future__ import annotations

import pytest

from bot.errors import StoreBusy
from bot.sharing_types import SHARING_VERSION, SharedState
from bot.types import Address, AddressId, ChannelName, Choice, DueMessage, Language, Outcome, Person
from bot.writes import AskQuestion, CloseQuestion, DecideSharing, ToldOfSharing
from handlers.shared_words import SHOWN
from handlers.sharing import ShareHandler
from tests.handlers.fake_sharing import FakeSharing, correction
from tests.handlers.fakes import ADA, NOW, FakePreview, answer, command, message, past, pressed, said, services, turn

ASKED, SHARED = SharedState.ASKED, SharedState.SHARED
YES = "Yes, everybody may have them"


def text_of(outcome: Outcome) -> str:
    assert outcome.reply is not None
    return outcome.reply.text


def labels(outcome: Outcome) -> list[str]:
    assert outcome.reply is not None
    return [choice.label for choice in outcome.reply.choices]


async def share(store: FakeSharing, language: Language = "en", *, is_private: bool = True) -> Outcome:
    given = command("share", language, is_private=is_private)
    return await ShareHandler(services(sharing=store)).handle(given, FakePreview())


async def press(
    store: FakeSharing, outcome: Outcome, label: str, language: Language = "en", chosen: str | None = None
) -> Outcome:
    """The press of a button below that reply, taken into the store."""
    assert outcome.reply is not None
    (key,) = [choice.key for choice in outcome.reply.choices if choice.label == label]
    shown = past(handler="share", choices=outcome.reply.choices, chosen=chosen)
    handler, given = ShareHandler(services(sharing=store)), pressed(shown, key, language)
    assert handler.matches(given)
    done = await handler.handle(given, FakePreview())
    store.take(done)
    return done


def decided(outcome: Outcome) -> list[DecideSharing]:
    return [write for write in outcome.writes if isinstance(write, DecideSharing)]


def due(language: Language | None = None, kind: str = "share.en") -> DueMessage:
    return DueMessage(
        id="d1",
        kind=kind,
        person=Person(id=ADA, language=language, created_at=NOW),
        address=Address(channel=ChannelName.WEB, chat="c", user="u"),
        address_id=AddressId("a1"),
    )


@pytest.mark.parametrize(("language", "yes"), [("en", YES), ("es", "Sí, que las tenga todo el mundo")])
async def test_whole_words_are_shown_before_anybody_may_have_them(language: Language, yes: str) -> None:
    long = "At nine. " * 100 + "The *end*."
    store = FakeSharing([correction(1, answer=long, state=ASKED)])
    shown = await share(store, language)
    assert text_of(shown).count("At nine.") == 100
    assert text_of(shown).endswith("The *end*."), "as others would see it, and last"
    assert labels(shown)[0] == yes
    assert [write.person_id for write in shown.writes if isinstance(write, ToldOfSharing)] == [ADA], "no word below an answer"
    done = await press(store, shown, yes, language)
    (write,) = decided(done)
    assert write.is_shared
    assert (write.person_id, write.turn_id, write.version) == (ADA, "t1", SHARING_VERSION)
    assert write.digest == store.stored[0].digest
    assert [one.key for one in done.writes if isinstance(one, CloseQuestion)] == [f"share:yes.t1.{write.digest[:8]}"]
    assert [one.state for one in store.stored] == [SHARED]


async def test_a_no_is_kept_and_the_next_one_is_asked_about() -> None:
    asked = [correction(number, question=f"{word}, please?", state=ASKED) for number, word in ((2, "Two"), (1, "One"))]
    store = FakeSharing(asked)
    shown = await share(store)
    assert "2 answers wait" in text_of(shown)
    assert "One, please?" in text_of(shown)
    done = await press(store, shown, "No, they stay mine alone")
    assert [one.is_shared for one in decided(done)] == [False]
    assert "Two, please?" in text_of(done)
    assert any(isinstance(write, AskQuestion) for write in done.writes)
    await press(store, done, YES)
    assert [one.state for one in store.stored] == [SHARED, SharedState.DECLINED]
    assert "Two, please?" in text_of(await share(store))
    assert "One, please?" not in text_of(await share(store))


async def test_what_is_shared_is_listed_and_taken_back() -> None:
    store = FakeSharing([correction(number, question=f"Number {number}?", state=SHARED) for number in range(SHOWN + 2, 0, -1)])
    shown = await share(store)
    assert labels(shown) == [*(f"Take back {number}" for number in range(1, SHOWN + 1)), "More"]
    more = await press(store, shown, "More")
    assert "Number 9?" in text_of(more)
    assert "Number 8?" not in text_of(more)
    done = await press(store, more, "Take back 10")
    assert [(one.turn_id, one.is_shared) for one in decided(done)] == [("t10", False)]
    assert "Number 10?" not in text_of(await share(store))


async def test_button_counts_once_and_only_for_the_words_that_were_shown() -> None:
    store = FakeSharing([correction(1, state=ASKED)])
    shown = await share(store)
    again = await press(store, shown, YES, chosen="share:no")
    assert again.is_refused
    assert not decided(again)
    changed = FakeSharing([correction(1, answer="At ten, really.", state=ASKED)])
    done = await press(changed, shown, YES)
    assert done.is_refused
    assert not decided(done)
    assert "At ten, really." in text_of(done)


async def test_a_late_yes_does_not_take_back_what_is_shared() -> None:
    store = FakeSharing([correction(1, state=ASKED)])
    shown = await share(store)
    store.stored = [correction(1, state=SHARED)]
    done = await press(store, shown, "No, they stay mine alone")
    assert done.is_refused
    assert [one.state for one in store.stored] == [SHARED]


async def test_others_words_are_not_shown_and_groups_see_none() -> None:
    store = FakeSharing([correction(1, person="somebody", state=ASKED)])
    nothing = await share(store)
    assert "reading room" not in text_of(nothing)
    assert not labels(nothing)
    own = FakeSharing([correction(1, state=ASKED)])
    refused = await share(own, is_private=False)
    assert refused.is_refused
    assert "reading room" not in text_of(refused)


async def test_message_that_falls_due_says_how_many_wait_and_nothing_once_none_does() -> None:
    handler = ShareHandler(services(sharing=FakeSharing([correction(1, state=ASKED)])))
    worded = await handler.word(due())
    assert "/share" in text_of(worded)
    assert [write.person_id for write in worded.writes if isinstance(write, ToldOfSharing)] == [ADA]
    assert "/compartir" in text_of(await handler.word(due("es")))
    assert "/compartir" in text_of(await handler.word(due(kind="share.es")))
    several = ShareHandler(services(sharing=FakeSharing([correction(n, state=ASKED) for n in (2, 1)])))
    assert "2 better answers" in text_of(await several.word(due()))
    for left in ([], [correction(1, state=SHARED)], [correction(1, person="other", state=ASKED)]):
        assert (await ShareHandler(services(sharing=FakeSharing(left))).word(due())).reply is None


async def test_nothing_that_is_written_lets_others_have_somebodys_words() -> None:
    store = FakeSharing([correction(1, state=ASKED)])
    shown = await share(store)
    assert shown.reply is not None
    (asked,) = [write.question for write in shown.writes if isinstance(write, AskQuestion)]
    for text in ("a", "A)", "1", YES, "yes", "sí"):
        assert not ShareHandler(services(sharing=store)).matches(turn(message(text=text), awaiting=asked))


async def test_more_that_names_no_place_is_the_first_page() -> None:
    store = FakeSharing([correction(number, state=SHARED) for number in range(SHOWN + 2)])
    shown = await share(store)
    for odd in ("x", "-3", "9" * 30, "", "²", "1.5"):
        key = f"share:more.{odd}"
        reply = past(handler="share", choices=(Choice(key=key, label="More"),))
        done = await ShareHandler(services(sharing=store)).handle(pressed(reply, key), FakePreview())
        assert text_of(done) == text_of(shown)


async def test_who_could_not_be_told_otherwise_is_told_once_below_an_answer() -> None:
    store = FakeSharing(waiting=2)
    _, outcome = await answer(turn(message(text="Which colour?")), services(sharing=store))
    assert "/share" in outcome.note
    assert "2 answers" in outcome.note
    assert [write.person_id for write in outcome.writes if isinstance(write, ToldOfSharing)] == [ADA]
    _, outcome = await answer(turn(message(text="Which colour?", is_private=False)), services(sharing=store))
    assert "/share" not in outcome.note
    assert not [write for write in outcome.writes if isinstance(write, ToldOfSharing)]
    for quiet in (FakeSharing(), FakeSharing(waiting=2, error=StoreBusy("locked"))):
        _, outcome = await answer(turn(message(text="Which colour?")), services(sharing=quiet))
        assert said(outcome) == "Hello, world."
        assert "/share" not in outcome.note
