"""Every invariant holds through a whole life, and is missed when its rows are broken by hand."""

from __future__ import annotations

import pytest

from bot.store.folder import DataFolder
from bot.store.invariants import INVARIANTS, broken_invariants
from bot.store.open import Stores
from bot.types import Flag, InboxState, Kind, PlatformId, Question, TurnStatus
from bot.writes import AddJob, AskQuestion, DecideSharing, EndMemories, OfferAnswer, RelabelTurn, SetConsent, SetRating
from tests.fakes import NOON, FakeClock
from tests.store.remembered import EPISODE, added, embed, joined, write
from tests.store.styles import STYLE
from tests.store.tables import change, counts, found
from tests.talk import Said, Talk, address_of

DAMAGE = {
    "every message is under way or has ended": "UPDATE inbox SET state = 'lost' WHERE state = 'absorbed'",
    "a received message keeps its text, an answered or ended one does not":
        "UPDATE inbox SET message = '{}' WHERE state = 'sent'",
    "an answered message has exactly one turn": "DELETE FROM turns WHERE id IN (SELECT id FROM inbox WHERE state = 'failed')",
    "a message that is received, absorbed or erased has no turn": "UPDATE inbox SET state = 'absorbed' WHERE state = 'sent'",
    "only texts, commands and choices have turns": "UPDATE inbox SET kind = 'stop' WHERE state = 'sent'",
    "a failed turn's message has failed": "UPDATE inbox SET state = 'sent' WHERE state = 'failed'",
    "a refused message with a turn was closed": "UPDATE inbox SET state = 'refused' WHERE state = 'sent'",
    "an erased message keeps a keyed hash only": "UPDATE inbox SET state = 'erased' WHERE state = 'absorbed'",
    "an answered message has a reply on its way": "DELETE FROM outbox WHERE state = 'pending' AND kind = 'reply'",
    "a reply on its way belongs to an answered message": "DELETE FROM inbox WHERE state = 'answered'",
    "a reply belongs to its turn": "UPDATE outbox SET turn_id = NULL WHERE state = 'sent' AND kind = 'reply'",
    "a notice on its way belongs to a refused message":
        "DELETE FROM inbox WHERE id IN (SELECT id FROM outbox WHERE kind = 'notice')",
    "a due message is in the outbox once it is released":
        "INSERT INTO due_messages SELECT id, person_id, address_id, 'x', 0, NULL FROM turns WHERE id IN"
        " (SELECT id FROM outbox WHERE state = 'pending'); UPDATE outbox SET kind = 'due' WHERE state = 'pending'",
    "what is delivered keeps no text": "UPDATE outbox SET message = '{}' WHERE state = 'closed'",
    "what is delivered has no open parts": "INSERT INTO parts SELECT id, 0, '1', 0, 0 FROM inbox WHERE state = 'sent'",
    "a delivered part belongs to a turn": "UPDATE deliveries SET turn_id = 'nobody'",
    "a memory to come names its source": "UPDATE pending_memories SET part = 'whole'",
    "a memory names its source": "DELETE FROM memory_sources WHERE memory_id = 'history'",
    "a memory is its group's person's":
        "UPDATE memories SET group_id = (SELECT id FROM addresses WHERE user = 'luis') WHERE id = 'there'",
    "a memory that took another's place ended it": "UPDATE memories SET ended_at = NULL WHERE id = 'history'",
    "a vector is its live memory's": "UPDATE memory_vectors SET memory_id = 'history' WHERE memory_id = 'there'",
    "a memory in the index has a vector": "UPDATE memories SET is_indexed = 1 WHERE id = 'fresh'",
    "a rating is its turn's person's": "UPDATE ratings SET person_id = 'somebody'",
    "a shared answer is its turn's person's": "UPDATE shared_answers SET person_id = 'somebody'",
    "an answer is shared by consent": "UPDATE shared_answers SET version = ''",
    "a logged style is its turn's": "UPDATE answer_log SET conversation_id = 'another'",
    "a question is asked at its turn's address": "UPDATE questions SET address_id = 'elsewhere'",
    "a turn is its address's person's": "UPDATE turns SET person_id = 'somebody'",
    "an address is its user's person's": "UPDATE identities SET user = 'somebody' WHERE user = 'ana'",
    "a person has an identity": "INSERT INTO people (id, created_at) VALUES ('alone', 0)",
    "a done chore keeps no person": "UPDATE jobs SET ended_at = 1",
    "every reference has its row": "DELETE FROM people",
}  # fmt: skip


@pytest.fixture
async def life(stores: Stores, talk: Talk, clock: FakeClock) -> Talk:
    """Messages in every state that there is."""
    said = await talk.say(parts=["1"], remember=True, style=STYLE)
    person, address = said.context.person.id, said.context.address_id
    await remember(stores, talk, said)
    rating = await talk.accept(talk.message(kind=Kind.RATING))
    rated = SetRating(person_id=person, turn_id=said.id, value=1, correction="otra")
    offered = OfferAnswer(turn_id=said.id, digest="words", is_wanted=True)
    agreed = DecideSharing(person_id=person, turn_id=said.id, digest="words", is_shared=True, version="1")
    await stores.turns.absorb(
        rating.id, [SetConsent(person_id=person, granted=True, version="1"), rated, offered, agreed], clock.now()
    )
    asking = talk.message()
    asked = await talk.accept(asking)
    question = AskQuestion(
        address_id=address, person_id=person, question=Question(turn_id=asked.id, kind="consent", choices=())
    )
    await talk.answer(asking, asked.id, writes=[question, AddJob(kind="forget", person_id=person)])
    failed = talk.message()
    gone = await talk.answer(failed, (await talk.accept(failed)).id, status=TurnStatus.FAILED, flags=frozenset({Flag.FAILED}))
    await stores.outbox.sent(gone.outgoing, [PlatformId("2")], clock.now())
    closed = talk.message(at=address_of("luis"))
    await stores.outbox.closed((await talk.answer(closed, (await talk.accept(closed)).id)).outgoing, clock.now())
    refused = talk.arrival(talk.message(at=address_of("eva")), InboxState.REFUSED, notice="despacio")
    await stores.inbox.accept([refused])
    await talk.accept(talk.message())
    forgotten = await talk.say(at=address_of("pia"))
    await stores.erasure.forget_person(forgotten.context.person.id)
    return talk


async def remember(stores: Stores, talk: Talk, said: Said) -> None:
    """Memories of each kind and state, and each part of a turn that is to become some."""
    person, group = said.context.person.id, await joined(talk, "a group")
    later = await talk.say(remember=True)
    await stores.memories.remember(
        [said.id + "q"],
        [
            added(person, said.id + "q", EPISODE, sources=(said.id,)),
            added(person, "was", sources=(said.id,)),
            added(person, "is", sources=(later.id, said.id), supersedes="was"),
            added(person, "there", group=group),
            added(person, "fresh", slot="job"),
            added(person, "history", superseded_by="is"),
        ],
        NOON,
        ask_model=[later.id + "q"],
    )
    await embed(stores, person, "was", "is", "there")
    await write(stores, EndMemories(person_id=person, ids=("was",), by="is"))
    await talk.say(writes=[RelabelTurn(turn_id=said.id, question="otra cosa")])


async def test_a_life_in_every_state_breaks_no_invariant(life: Talk, stores: Stores, folder: DataFolder) -> None:
    parts = found(folder.database, "SELECT part FROM pending_memories ORDER BY part")
    assert [part for (part,) in parts] == ["answer", "answer", "edited", "model"]
    rows = counts(folder.database)
    assert (rows["memories"], rows["memory_vectors"], rows["index_removals"]) == (6, 2, 1)
    assert await broken_invariants(stores.database) == []


def test_every_invariant_is_put_to_the_test() -> None:
    assert set(DAMAGE) == set(INVARIANTS)


@pytest.mark.parametrize("name", list(INVARIANTS))
async def test_damage_is_found_and_named(life: Talk, stores: Stores, folder: DataFolder, name: str) -> None:
    change(folder.database, *DAMAGE[name].split(";"))
    broken = {one.name: one for one in await broken_invariants(stores.database)}
    assert name in broken
    assert broken[name].count >= len(broken[name].examples) >= 1


async def test_a_few_of_many_broken_rows_are_shown(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    change(folder.database, *(f"INSERT INTO people (id, created_at) VALUES ('alone {number}', 0)" for number in range(9)))
    (broken,) = await broken_invariants(stores.database)
    assert (broken.name, broken.count, len(broken.examples)) == ("a person has an identity", 9, 5)
