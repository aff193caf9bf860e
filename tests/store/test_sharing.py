"""A correction answers everybody once an admin asked for it and its author agreed, and for as long as its words stay."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.sharing_types import SharedAnswer, SharedState, words_digest
from bot.store import sharing
from bot.store.backup import backup, restore
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores, open_folder
from bot.store.retention import Retention
from bot.system import SystemClock
from bot.types import Address, ChannelName, Evidence, EvidenceKind, Kind, PersonId, Scope, TurnId
from bot.writes import (
    AddJob,
    DecideSharing,
    EndSharing,
    EndSharingOf,
    OfferAnswer,
    RelabelTurn,
    SetConsent,
    SetRating,
    ToldOfSharing,
    Write,
)
from tests.fakes import FakeClock, SequentialIds
from tests.store.tables import change, found
from tests.talk import Said, Talk, address_of

ASKED, SHARED, DECLINED, LEFT_OUT = SharedState.ASKED, SharedState.SHARED, SharedState.DECLINED, SharedState.LEFT_OUT


async def do(talk: Talk, *writes: Write) -> None:
    """Have it written."""
    stored = await talk.accept(talk.message(kind=Kind.RATING))
    await talk.stores.turns.absorb(stored.id, writes, talk.clock.now())


async def corrected(
    talk: Talk, question: str = "¿cuándo abre?", correction: str = "A las nueve.", *, user: str = "ana", chat: str = ""
) -> Said:
    """A correction of somebody whose conversations may be used for training."""
    said = await talk.say(question, "A las diez.", at=address_of(user, chat))
    person = said.context.person.id
    rating = SetRating(person_id=person, turn_id=said.id, value=-1, correction=correction)
    await do(talk, SetConsent(person_id=person, granted=True, version="1"), rating)
    return said


def offer(said: Said, correction: str = "A las nueve.", *, is_wanted: bool = True) -> OfferAnswer:
    return OfferAnswer(turn_id=said.id, digest=words_digest(said.message.text, correction), is_wanted=is_wanted)


def decide(
    said: Said, correction: str = "A las nueve.", *, is_shared: bool = True, by: PersonId | None = None
) -> DecideSharing:
    return DecideSharing(
        person_id=by or said.context.person.id,
        turn_id=said.id,
        digest=words_digest(said.message.text, correction),
        is_shared=is_shared,
        version="1",
    )


async def states(stores: Stores) -> list[tuple[TurnId, SharedState | None]]:
    """Every correction that admins may see, newest first."""
    return [(one.turn_id, one.state) for one in await stores.sharing.corrections(None, limit=100)]


async def shared(stores: Stores) -> list[TurnId]:
    return [one.turn_id for one in await stores.sharing.shared()]


async def test_nothing_is_shared_before_its_author_agreed(stores: Stores, talk: Talk) -> None:
    said = await corrected(talk)
    person = said.context.person.id
    assert await states(stores) == [(said.id, None)]
    await do(talk, decide(said))
    assert await shared(stores) == []
    await do(talk, offer(said))
    assert await states(stores) == [(said.id, ASKED)]
    assert await shared(stores) == []
    assert [one.state for one in await stores.sharing.of_person(person)] == [ASKED]
    await do(talk, decide(said))
    (one,) = await stores.sharing.shared()
    assert one == SharedAnswer(
        turn_id=said.id,
        person_id=person,
        question="¿cuándo abre?",
        answer="A las nueve.",
        rejected="A las diez.",
        language="es",
        digest=words_digest("¿cuándo abre?", "A las nueve."),
        at=one.at,
        state=SHARED,
    )
    assert await broken_invariants(stores.database) == []


async def test_only_the_author_decides(stores: Stores, talk: Talk) -> None:
    said, other = await corrected(talk), await talk.say(at=address_of("luis"))
    await do(talk, offer(said))
    await do(talk, decide(said, by=other.context.person.id))
    assert await states(stores) == [(said.id, ASKED)]


def worded(said: Said, correction: str) -> SetRating:
    return SetRating(person_id=said.context.person.id, turn_id=said.id, value=-1, correction=correction)


async def test_a_no_is_final_for_these_words_and_not_for_others(stores: Stores, talk: Talk) -> None:
    said = await corrected(talk)
    await do(talk, offer(said))
    await do(talk, decide(said, is_shared=False))
    for late in (offer(said), offer(said, is_wanted=False), decide(said), EndSharing(turn_id=said.id, digest="x")):
        await do(talk, late)
        assert await states(stores) == [(said.id, DECLINED)]
    await do(talk, worded(said, "A las ocho."))
    assert await states(stores) == [(said.id, None)]
    await do(talk, offer(said, "A las ocho."))
    assert await states(stores) == [(said.id, ASKED)]
    await do(talk, worded(said, "A las nueve."))
    assert await states(stores) == [(said.id, DECLINED)]
    await do(talk, offer(said))
    assert await states(stores) == [(said.id, DECLINED)]


async def test_words_that_come_back_are_shared_only_by_both_anew(stores: Stores, talk: Talk) -> None:
    said = await corrected(talk)
    await do(talk, offer(said))
    await do(talk, decide(said))
    await do(talk, worded(said, "A las ocho."))
    await do(talk, worded(said, "A las nueve."))
    assert await shared(stores) == []
    await do(talk, decide(said))
    assert await states(stores) == [(said.id, None)]
    await do(talk, offer(said))
    assert await states(stores) == [(said.id, ASKED)]
    await do(talk, decide(said))
    assert await shared(stores) == [said.id]
    await do(talk, worded(said, "A las nueve."))
    assert await shared(stores) == [said.id], "the same rating once more changes nothing"


@pytest.mark.parametrize("how", ["consent", "block", "leaving"])
async def test_who_may_not_be_asked_any_more_shares_nothing_and_is_not_seen(stores: Stores, talk: Talk, how: str) -> None:
    one, two, three = [await corrected(talk, f"¿{number}?") for number in ("uno", "dos", "tres")]
    person = one.context.person.id
    await do(talk, offer(one), offer(two))
    await do(talk, decide(one))
    writes: dict[str, Write] = {
        "consent": SetConsent(person_id=person, granted=False, version="1"),
        "block": EndSharingOf(person_id=person),
        "leaving": AddJob(kind="forget", person_id=person),
    }
    await do(talk, writes[how])
    if how != "leaving":  # what is theirs goes in a moment
        assert await shared(stores) == []
        assert list(await stores.sharing.of_person(person)) == []
        assert list(await stores.sharing.offered(10)) == []
    if how != "block":
        assert await states(stores) == []
        await do(talk, offer(three))
        await do(talk, decide(three))
        assert three.id not in await shared(stores)


async def test_what_was_written_before_its_author_agreed_is_not_seen(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await talk.say("¿cuándo abre?", "A las diez.")
    person = said.context.person.id
    await do(talk, worded(said, "A las nueve."), SetConsent(person_id=person, granted=False, version="1"))
    clock.advance(60)
    await do(talk, SetConsent(person_id=person, granted=True, version="1"))
    assert await states(stores) == []
    await do(talk, offer(said))
    await do(talk, decide(said))
    assert await shared(stores) == []


async def test_what_was_shared_is_taken_back_by_its_author_or_by_an_admin(stores: Stores, talk: Talk) -> None:
    one, two = await corrected(talk, "¿uno?"), await corrected(talk, "¿dos?")
    await do(talk, offer(one), offer(two))
    await do(talk, decide(one), decide(two))
    assert sorted(await shared(stores)) == sorted([one.id, two.id])
    await do(talk, decide(one, is_shared=False), EndSharing(turn_id=two.id, digest=offer(two).digest))
    assert await shared(stores) == []
    assert await states(stores) == [(two.id, LEFT_OUT), (one.id, DECLINED)]
    await do(talk, offer(two))
    assert await states(stores) == [(two.id, ASKED), (one.id, DECLINED)]
    assert await shared(stores) == [], "the consent of before was for before"


@pytest.mark.parametrize("change", ["correction", "withdrawn", "question"])
async def test_words_that_change_answer_nobody_else_any_more(stores: Stores, talk: Talk, change: str) -> None:
    said = await corrected(talk)
    person = said.context.person.id
    await do(talk, offer(said))
    await do(talk, decide(said))
    writes: dict[str, Write] = {
        "correction": SetRating(person_id=person, turn_id=said.id, value=-1, correction="A las ocho."),
        "withdrawn": SetRating(person_id=person, turn_id=said.id, value=0),
        "question": RelabelTurn(turn_id=said.id, question="¿cuándo cierra?"),
    }
    await do(talk, writes[change])
    assert await shared(stores) == []
    assert list(await stores.sharing.of_person(person)) == []
    assert list(await stores.sharing.offered(10)) == []


async def test_admins_see_corrections_of_those_who_agreed_to_training_only(stores: Stores, talk: Talk) -> None:
    agreed, not_now = await corrected(talk, user="ana"), await corrected(talk, user="luis")
    never = await talk.say(at=address_of("eva"))
    await do(talk, SetRating(person_id=never.context.person.id, turn_id=never.id, value=-1, correction="mejor"))
    await do(talk, SetConsent(person_id=not_now.context.person.id, granted=False, version="1"))
    assert await states(stores) == [(agreed.id, None)]
    assert await stores.sharing.correction(not_now.id) is None
    assert await stores.sharing.correction(never.id) is None
    found_one = await stores.sharing.correction(agreed.id)
    assert found_one is not None
    assert found_one.turn_id == agreed.id


async def test_pages_go_on_after_a_turn(stores: Stores, talk: Talk) -> None:
    ids = [(await corrected(talk, f"¿número {number}?")).id for number in range(5)]
    first = await stores.sharing.corrections(None, limit=2)
    second = await stores.sharing.corrections(first[-1].turn_id, limit=10)
    assert [one.turn_id for one in (*first, *second)] == ids[::-1]


def dues(folder: DataFolder) -> list[tuple[str, str, str]]:
    """What is to be said: kind, chat and whose."""
    return found(
        folder.database,
        "SELECT d.kind, a.chat, d.person_id FROM due_messages d JOIN addresses a ON a.id = d.address_id WHERE ended_at IS NULL",
    )


async def test_who_is_told_otherwise_is_told_once(stores: Stores, talk: Talk) -> None:
    one, two = await corrected(talk, "¿uno?"), await corrected(talk, "¿dos?")
    person = one.context.person.id
    assert await stores.sharing.untold(person) == 0
    await do(talk, offer(one))
    assert await stores.sharing.untold(person) == 1
    await do(talk, ToldOfSharing(person_id=person))
    assert await stores.sharing.untold(person) == 0
    await do(talk, offer(two))
    assert await stores.sharing.untold(person) == 1


async def test_who_talks_on_the_page_gets_no_message_unasked(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    at = Address(channel=ChannelName.WEB, chat="chat of eva", user="eva")
    said = await talk.say("¿cuándo abre?", "A las diez.", at=at)
    await do(talk, SetConsent(person_id=said.context.person.id, granted=True, version="1"), worded(said, "A las nueve."))
    await do(talk, offer(said))
    assert dues(folder) == []
    assert await stores.sharing.untold(said.context.person.id) == 1


async def test_author_is_told_once_where_they_wrote_it(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    one, two = await corrected(talk, "¿uno?"), await corrected(talk, "¿dos?")
    await do(talk, offer(one, is_wanted=False))
    assert dues(folder) == []
    await do(talk, offer(one), offer(two))
    assert dues(folder) == [("share.es", "chat of ana", one.context.person.id)]


async def test_who_corrected_in_a_group_is_told_in_private_or_not_at_all(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    in_group = await corrected(talk, user="eva", chat="grupo")
    await do(talk, offer(in_group))
    assert dues(folder) == []
    assert [one.state for one in await stores.sharing.of_person(in_group.context.person.id)] == [ASKED]
    await talk.say(at=address_of("luis"))
    other = await corrected(talk, "¿otra?", user="luis", chat="grupo")
    await do(talk, offer(other))
    assert [chat for _, chat, _ in dues(folder)] == ["chat of luis"]


async def test_the_version_moves_with_every_change_of_what_is_shared(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    seen: list[str] = []

    async def moved() -> None:
        version = await stores.sharing.version()
        assert version not in seen
        seen.append(version)
        clock.advance(0.001)

    one, two = await corrected(talk, "¿uno?"), await corrected(talk, "¿dos?")
    person = one.context.person.id
    await do(talk, offer(one), offer(two))
    await moved()
    await do(talk, decide(one))
    await moved()
    await do(talk, decide(two))
    await moved()
    await do(talk, worded(one, "Otra."))
    await moved()
    await do(talk, RelabelTurn(turn_id=two.id, question="¿tres?"))
    assert await stores.sharing.version() == seen[0], "there is nothing again, as at first"
    await do(talk, offer(one, "Otra."))
    await do(talk, decide(one, "Otra."))
    await moved()
    await stores.erasure.forget_person(person)
    assert await stores.sharing.version() == seen[0]


async def test_forgetting_takes_it_and_so_does_retention(
    stores: Stores, talk: Talk, folder: DataFolder, clock: FakeClock
) -> None:
    old, stays = await corrected(talk, user="ana"), await corrected(talk, "¿otra?", user="luis")
    for said in (old, stays):
        await do(talk, offer(said))
        await do(talk, decide(said))
    await stores.erasure.forget_person(old.context.person.id)
    assert await shared(stores) == [stays.id]
    clock.advance(timedelta(days=40).total_seconds())
    await Retention(stores.database, stores.keys, clock, key_days=30, retention_days=30).run()
    assert await shared(stores) == []
    assert found(folder.database, "SELECT count(*) FROM shared_answers") == [(0,)]


async def test_a_row_that_nobody_agreed_to_is_found_by_the_invariants(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    said = await corrected(talk)
    await do(talk, offer(said))
    change(folder.database, "UPDATE shared_answers SET state = 'shared'")
    assert [one.name for one in await broken_invariants(stores.database)] == ["an answer is shared by consent"]


async def test_nothing_is_looked_for_in_all_rows(folder: DataFolder) -> None:
    for sought in (sharing._VERSION, sharing._SHARED, sharing._OF_PERSON):
        values = {name: 1 if name == "most" else "x" for name in sought.parameters}
        plan = [row[3] for row in found(folder.database, f"EXPLAIN QUERY PLAN {sought.sql}", *sought.encode(values))]
        assert not [step for step in plan if step.startswith("SCAN")], plan


async def test_what_a_backup_shares_is_asked_about_anew(stores: Stores, talk: Talk, folder: DataFolder, tmp_path: Path) -> None:
    said = await corrected(talk)
    await do(talk, offer(said), ToldOfSharing(person_id=said.context.person.id))
    await do(talk, decide(said))
    copy = tmp_path / "copy.db"
    await backup(folder.database, copy)
    await stores.database.aclose()
    with folder.lock() as lock:
        await restore(copy, folder, lock, SystemClock())
    found_rows = found(folder.database, "SELECT state, version, told_at, decided_at FROM shared_answers")
    assert found_rows == [("asked", "", None, None)]
    async with open_folder(folder, clock=SystemClock(), ids=SequentialIds("t")) as opened:
        assert await shared(opened) == []
        assert [one.state for one in await opened.sharing.of_person(said.context.person.id)] == [ASKED]
        assert await broken_invariants(opened.database) == []


async def test_an_answer_in_anothers_words_is_no_liked_example(stores: Stores, talk: Talk) -> None:
    evidence = (Evidence(kind=EvidenceKind.APPROVED, text="A las nueve.", source="", score=0.9),)
    asked = talk.message("¿uno?")
    quoting = await talk.answer(asked, (await talk.accept(asked)).id, evidence=evidence)
    own = await talk.say("¿dos?")
    person = own.context.person.id
    for said in (quoting, own):
        await do(talk, SetRating(person_id=person, turn_id=said.id, value=1))
    assert [one.turn_id for one in await stores.examples.examples(person, Scope())] == [own.id]
    await do(talk, worded(quoting, "A las diez."))
    assert {one.kind for one in await stores.examples.examples(person, Scope())} == {"correction", "liked"}
