"""What a person corrected or liked is found again, by them alone and where it was said."""

from __future__ import annotations

from typing import Literal

import pytest

from bot.store import examples
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.types import AddressId, Flag, Kind, PersonId, Scope, TurnId
from bot.writes import RelabelTurn, SetRating
from tests.fakes import FakeClock
from tests.store.tables import found
from tests.talk import Said, Talk, address_of

PRIVATE = Scope()


async def rate(
    talk: Talk, said: Said, value: Literal[1, 0, -1], correction: str | None = None, *, by: PersonId | None = None
) -> None:
    """A press on one answer."""
    stored = await talk.accept(talk.message(kind=Kind.RATING))
    rating = SetRating(person_id=by or said.context.person.id, turn_id=said.id, value=value, correction=correction)
    await talk.stores.turns.absorb(stored.id, [rating], talk.clock.now())


async def test_corrected_and_liked_answers_come_newest_first(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    corrected, liked = await talk.say("¿capital?", "Cusco"), await talk.say("¿río?", "Rímac")
    await talk.say("sin voto")
    await rate(talk, corrected, -1, "Lima")
    clock.advance(1)
    await rate(talk, liked, 1)
    examples = await stores.examples.examples(corrected.context.person.id, PRIVATE)
    assert [(one.turn_id, one.kind, one.question, one.answer) for one in examples] == [
        (liked.id, "liked", "¿río?", "Rímac"),
        (corrected.id, "correction", "¿capital?", "Lima"),
    ]
    assert examples[0].at == clock.now()


async def test_a_dislike_without_correction_and_a_withdrawn_rating_are_no_examples(stores: Stores, talk: Talk) -> None:
    disliked, withdrawn = await talk.say(), await talk.say()
    await rate(talk, disliked, -1)
    await rate(talk, withdrawn, 0, "algo")
    assert list(await stores.examples.examples(disliked.context.person.id, PRIVATE)) == []


@pytest.mark.parametrize("flag", list(Flag))
async def test_a_flagged_answer_is_never_liked_but_its_correction_counts(stores: Stores, talk: Talk, flag: Flag) -> None:
    said = await talk.say(flags=frozenset({flag}))
    await rate(talk, said, 1)
    person = said.context.person.id
    assert list(await stores.examples.examples(person, PRIVATE)) == []
    await rate(talk, said, 1, "mejor así")
    assert [one.answer for one in await stores.examples.examples(person, PRIVATE)] == ["mejor así"]


async def test_one_persons_examples_never_reach_another(stores: Stores, talk: Talk) -> None:
    said, other = await talk.say(), await talk.say(at=address_of("luis"))
    await rate(talk, said, -1, "secreto")
    assert list(await stores.examples.examples(other.context.person.id, PRIVATE)) == []


async def test_what_was_said_in_a_group_stays_in_that_group(stores: Stores, talk: Talk) -> None:
    private, here = await talk.say("a"), await talk.say("b", at=address_of(chat="grupo"))
    there = await talk.say("c", at=address_of(chat="otro grupo"))
    for said in (private, here, there):
        await rate(talk, said, -1, f"corregido {said.message.text}")
    person = private.context.person.id

    async def answers(scope: Scope) -> list[str]:
        return [one.answer for one in await stores.examples.examples(person, scope)]

    assert await answers(PRIVATE) == ["corregido a"]
    assert await answers(Scope(group=here.context.address_id)) == ["corregido b"]
    assert await answers(Scope(group=there.context.address_id)) == ["corregido c"]
    assert await answers(Scope(group=private.context.address_id)) == []
    assert await answers(Scope(group=AddressId("nobody's"))) == []


async def test_the_version_moves_with_every_change(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    one, two = await talk.say("uno"), await talk.say("dos")
    person = one.context.person.id
    seen: list[str] = []

    async def moved() -> None:
        version = await stores.examples.version(person, PRIVATE)
        assert version not in seen
        assert await stores.examples.version(person, PRIVATE) == version
        seen.append(version)
        clock.advance(0.001)

    await moved()
    await rate(talk, one, -1, "uno corregido")
    await moved()
    await rate(talk, two, 1)
    await moved()
    await rate(talk, one, -1, "otra corrección")
    await moved()
    await rate(talk, two, 0)
    await moved()
    edit = await talk.accept(talk.message(kind=Kind.EDIT))
    await stores.turns.absorb(edit.id, [RelabelTurn(turn_id=TurnId(one.id), question="uno, digo")], clock.now())
    await moved()
    await stores.erasure.forget_person(person)
    assert await stores.examples.version(person, PRIVATE) == seen[0], "there is nothing again, as at first"


async def test_looking_for_examples_never_walks_through_all_turns_of_a_person(folder: DataFolder) -> None:
    for sought in (examples._VERSION_IN_PRIVATE, examples._VERSION_IN_GROUP, examples._EXAMPLES_IN_PRIVATE):
        values = {name: 1 if name == "most" else "x" for name in sought.parameters}
        plan = [row[3] for row in found(folder.database, f"EXPLAIN QUERY PLAN {sought.sql}", *sought.encode(values))]
        assert plan[0].startswith("SEARCH ratings USING"), plan
        assert plan[1].startswith("SEARCH turns USING") and plan[1].endswith("(id=?)"), plan


async def test_the_version_of_a_scope_ignores_other_scopes(stores: Stores, talk: Talk) -> None:
    private, group = await talk.say(), await talk.say(at=address_of(chat="grupo"))
    person, scope = private.context.person.id, Scope(group=group.context.address_id)
    before = await stores.examples.version(person, scope)
    await rate(talk, private, 1)
    assert await stores.examples.version(person, scope) == before
    await rate(talk, group, 1)
    assert await stores.examples.version(person, scope) != before
