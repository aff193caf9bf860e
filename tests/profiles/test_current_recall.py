"""What no longer holds is not recalled as if it did, wherever it was said."""

from __future__ import annotations

import pytest

from bot.memory_types import MemoryKind, Origin
from bot.types import AddressId, Scope
from tests.handlers.fakes import ADA
from tests.profiles.recall_house import CHESS, PRIVATE, House


@pytest.fixture
def house() -> House:
    """Nothing was said in it yet."""
    return House()


def told(
    house: House, id: str, said: str, fact: str, *, days_ago: float, slot: str = "home", group: AddressId | None = None
) -> None:
    """Something was said, and a fact of a slot was drawn from it."""
    house.stored.say(ADA, id, said, days_ago=days_ago, session=id, source=id, group=group)
    house.stored.say(
        ADA, f"{id} fact", fact, kind=MemoryKind.FACT, origin=Origin.RULE, days_ago=days_ago, source=id, slot=slot, group=group
    )


async def test_what_was_said_and_holds_no_longer_is_not_recalled_as_if_it_did(house: House) -> None:
    told(house, "quito", "I live in Quito.", "Lives in Quito.", days_ago=9)
    told(house, "again", "I like pizza a lot, and how is the weather in Quito?", "Lives in Quito.", days_ago=8)
    told(house, "lima", "I live in Lima now.", "Lives in Lima.", days_ago=1)
    house.stored.end(ADA, "quito fact", by="lima fact")
    house.stored.end(ADA, "again fact", by="lima fact")
    for question in ("Do I live in Quito?", "Where do I live?"):
        assert "quito" in {one.id for one in await house.memories.ranked(ADA, PRIVATE, question, limit=9)}
        found = await house.texts(question)
        assert "Lives in Lima." in found
        assert "I live in Quito." not in found
    assert "I live in Quito." in [memory.what.text for memory in await house.memories.find(ADA, PRIVATE, "Quito", limit=9)]


async def test_what_holds_no_longer_comes_last_where_nothing_says_what_does(house: House) -> None:
    told(house, "quito", "I live in Quito with my sister, who plays cello.", "Lives in Quito.", days_ago=1)
    told(house, "lima", "Lima is home.", "Moved to the coast.", days_ago=0)
    house.stored.say(ADA, "cello", "Some people practise their scales on a cello every single evening of the week")
    assert (await house.texts("Whose sister plays cello?"))[0].startswith("I live in Quito")
    house.stored.end(ADA, "quito fact", by="lima fact")
    assert [text.split()[0] for text in await house.texts("Whose sister plays cello?")] == ["Some", "I"]


async def test_one_message_that_says_both_what_was_and_what_is_stays(house: House) -> None:
    told(house, "moved", "I left Quito and live in Lima.", "Lives in Quito.", days_ago=1)
    house.stored.say(ADA, "lima", "Lives in Lima.", kind=MemoryKind.FACT, days_ago=1, source="moved", slot="home")
    house.stored.end(ADA, "moved fact", by="lima")
    assert set(await house.texts("Do I live in Lima?")) == {"I left Quito and live in Lima.", "Lives in Lima."}


async def test_of_facts_from_two_places_that_cannot_both_be_so_the_one_said_last_is_recalled(house: House) -> None:
    told(house, "quito", "I live in Quito.", "Lives in Quito.", days_ago=9)
    told(house, "lima", "I live in Lima now.", "Lives in Lima.", days_ago=1, group=CHESS)
    told(house, "tea", "I like tea.", "Likes tea.", days_ago=9, slot="likes:tea")
    told(house, "coffee", "I like coffee.", "Likes coffee.", days_ago=1, slot="likes:coffee", group=CHESS)
    found = await house.texts("Where do I live?")
    assert "Lives in Lima." in found
    assert not {"Lives in Quito.", "I live in Quito."} & set(found)
    assert {"Likes tea.", "Likes coffee."} <= set(await house.texts("What do I like?"))
    assert "Lives in Lima." in await house.texts("Where do I live?", scope=Scope(group=CHESS))
