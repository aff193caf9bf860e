"""What is remembered comes back when it is needed, to whom it belongs and nobody else, whatever is slow, broken or changing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random

import numpy as np
import pytest

from bot.errors import EmbedderError, StoreBusy
from bot.memory_types import BOT, MemoryKind, Origin
from bot.ports import PersonalData
from bot.tokens import estimate_tokens
from bot.types import EvidenceKind, PersonId, Scope
from profiles.memories import DEADLINE_S, MEANING_SHARE, MOST_RECALLED, MemoryRecall
from tests.handlers.fakes import ADA, BOB, NOW, FixedClock
from tests.profiles.recall_house import AXES, BUDGET, CHESS, CHOIR, PRIVATE, House, about


@pytest.fixture
def house() -> House:
    """Ada has a dog, plays the guitar and went to Lisbon."""
    made = House()
    made.stored.say(ADA, "dog", "My dog Bruno chased the postman again")
    made.stored.say(ADA, "guitar", "I practise the guitar every evening")
    made.stored.say(ADA, "trip", "We flew to Lisbon and slept in a tiny hotel")
    return made


async def test_what_was_said_comes_back_with_its_date_and_id(house: House) -> None:
    (found,) = await house.recalled("Who chased the postman?")
    assert (found.kind, found.text, found.source) == (EvidenceKind.MEMORY, "My dog Bruno chased the postman again", "dog")
    assert (found.at, found.title) == (NOW - timedelta(days=30), "")
    assert 0 < found.score <= 1


@pytest.mark.parametrize("question", ["What is the boiling point of tungsten?", "", "  ", "¿…?", "🙂"])
async def test_a_question_about_nothing_that_was_said_recalls_nothing(house: House, question: str) -> None:
    assert await house.recalled(question) == ()
    assert await house.recalled("Who chased the postman?", budget=0) == ()


async def test_facts_answers_and_what_others_said_are_told_apart(house: House) -> None:
    house.stored.say(ADA, "fact", "Has a violin", kind=MemoryKind.FACT, origin=Origin.RULE)
    house.stored.say(ADA, "import", "A violin needs new strings", by="Luis", origin=Origin.IMPORTED)
    house.stored.say(ADA, "answer", "A violin has four strings", by=BOT, origin=Origin.ANSWERED)
    found = {one.source: (one.kind, one.title) for one in await house.recalled("What did you tell me about the violin?")}
    assert found["fact"] == (EvidenceKind.FACT, "")
    assert found["import"] == (EvidenceKind.MEMORY, "Luis")
    assert found["answer"] == (EvidenceKind.ANSWERED, "")


async def test_answers_and_mere_questions_come_only_where_they_are_asked_for(house: House) -> None:
    house.stored.say(ADA, "asked", "How many strings has a violin?", session="s", position=0)
    house.stored.say(ADA, "answer", "A violin has four strings", by=BOT, origin=Origin.ANSWERED, session="s", position=1)
    assert await house.texts("strings of a violin") == []
    assert await house.texts("What did you say about the violin?") == ["A violin has four strings"]
    assert await house.texts("¿Qué te pregunté de los strings del violin?") == ["How many strings has a violin?"]


async def test_nobody_else_and_no_other_place_is_looked_into(house: House) -> None:
    house.stored.say(BOB, "b", "Bob's guitar is blue")
    house.stored.say(ADA, "club", "My guitar was at the chess club", group=CHESS)
    house.stored.say(ADA, "choir", "The guitar helps the choir", group=CHOIR)
    assert await house.texts("guitar", BOB) == ["Bob's guitar is blue"]
    assert set(await house.texts("guitar")) == {
        "I practise the guitar every evening",
        "My guitar was at the chess club",
        "The guitar helps the choir",
    }
    assert await house.texts("guitar", ADA, Scope(group=CHESS)) == ["My guitar was at the chess club"]
    assert await house.texts("guitar", BOB, Scope(group=CHESS)) == []


async def test_a_book_is_opened_once_and_follows_what_changes(house: House) -> None:
    assert await house.texts("guitar") == ["I practise the guitar every evening"]
    house.stored.say(ADA, "new", "The guitar is out of tune", days_ago=1)
    assert set(await house.texts("guitar")) == {"I practise the guitar every evening", "The guitar is out of tune"}
    house.stored.end(ADA, "guitar", by="new")
    assert await house.texts("guitar") == ["The guitar is out of tune"]
    assert house.stored.openings == 1
    house.stored.drop(ADA, "new", revives=True)
    assert await house.texts("guitar") == ["I practise the guitar every evening"]
    assert house.stored.openings == 2
    house.stored.drop(ADA, "dog", "guitar", "trip")
    assert await house.texts("guitar") == []


async def test_one_that_came_and_went_between_two_questions_is_not_there(house: House) -> None:
    assert await house.texts("violin") == []
    house.stored.say(ADA, "v1", "I play the violin")
    house.stored.say(ADA, "v2", "I no longer play the violin")
    house.stored.end(ADA, "v1", by="v2")
    assert await house.texts("violin") == ["I no longer play the violin"]
    house.stored.say(ADA, "v3", "The violin was sold")
    house.stored.drop(ADA, "v2")
    assert await house.texts("violin") == ["The violin was sold"]


async def test_of_what_says_the_same_one_comes_and_never_the_question_itself(house: House) -> None:
    for number in range(4):
        house.stored.say(ADA, f"tea{number}", ["I like green tea", "i like GREEN tea!"][number % 2], days_ago=number)
    house.stored.say(ADA, "again", "which tea do i like")
    assert await house.texts("Which tea do I like?") == ["I like green tea"]


async def test_at_most_ten_come_and_they_fit_the_budget(house: House) -> None:
    for number in range(30):
        house.stored.say(ADA, f"n{number}", f"The violin lesson of week {number} was about scales", session=str(number))
    assert len(await house.recalled("violin lesson", budget=100_000)) == MOST_RECALLED
    few = await house.recalled("violin lesson", budget=60)
    assert 1 < len(few) < MOST_RECALLED
    assert sum(estimate_tokens(one.text) for one in few) <= 60


async def test_a_long_memory_is_cut_and_leaves_room_for_others(house: House) -> None:
    house.stored.say(ADA, "long", "The violin " + "has a very long story that goes on and on " * 200, days_ago=1)
    house.stored.say(ADA, "short", "The violin was a present")
    found = {one.source: one.text for one in await house.recalled("violin", budget=300)}
    assert found["short"] == "The violin was a present"
    assert found["long"].startswith("The violin has a very long story")
    assert found["long"].endswith("…")


async def test_to_forget_more_is_found_than_to_answer(house: House) -> None:
    house.stored.say(ADA, "asked", "How tall is the Eiffel tower?")
    house.stored.say(ADA, "code", "¡¿XK-42?!", days_ago=2)
    house.stored.say(ADA, "gone", "The postman is called Jim", kind=MemoryKind.FACT)
    house.stored.end(ADA, "gone", by="dog")

    async def found(text: str, limit: int = 5, person: PersonId = ADA) -> list[str]:
        return [memory.id for memory in await house.memories.find(person, PRIVATE, text, limit=limit)]

    assert await found("the tower") == ["asked"]
    assert await found("all that nonsense about some postman I would rather not have told anybody") == ["dog"]
    assert await found("xk 42") == ["code"]
    assert await found("guitar and postman of some unheard-of faraway kingdom", limit=1) != []
    assert await found("tungsten") == []
    assert await found("") == []
    assert await found("guitar", limit=0) == []
    assert await found("guitar", person=BOB) == []


async def test_meaning_finds_what_shares_no_word(house: House) -> None:
    house.mean()
    house.knows(ADA, "dog", "animals")
    assert await house.texts("Any pets?") == ["My dog Bruno chased the postman again"]
    assert house.index.asked == [(ADA, (PRIVATE,))]
    assert await house.texts("Any pets?", BOB) == []


async def test_the_index_is_asked_for_the_places_of_the_scope(house: House) -> None:
    house.stored.say(ADA, "cat", "Whiskers ate the pawn", group=CHESS)
    house.knows(ADA, "cat", "animals", place=Scope(group=CHESS))
    house.knows(ADA, "dog", "animals")
    house.mean()
    assert set(await house.texts("Any pets?")) == {"My dog Bruno chased the postman again", "Whiskers ate the pawn"}
    assert await house.texts("Any pets?", scope=Scope(group=CHESS)) == ["Whiskers ate the pawn"]
    assert house.index.asked == [(ADA, (PRIVATE, Scope(group=CHESS))), (ADA, (Scope(group=CHESS),))]


async def test_names_of_those_who_take_part_are_cut_from_what_is_embedded(house: House) -> None:
    house.stored.say(ADA, "import", "The parrot can whistle", by="Luis", origin=Origin.IMPORTED)
    house.mean()
    await house.recalled("Any pets Luis?")
    assert house.embedding.asked == ["Any pets ?"]


async def test_what_the_index_names_and_the_book_has_not_is_dropped_and_counted(house: House) -> None:
    house.stored.say(BOB, "secret", "Bob keeps a tiger")
    house.index.strays = ("secret", "never heard of")
    house.knows(ADA, "dog", "animals")
    house.mean()
    assert await house.texts("Any pets?") == ["My dog Bruno chased the postman again"]
    assert house.memories.strays == 2


async def test_without_the_index_the_vectors_of_the_store_are_compared_and_kept(house: House) -> None:
    house.knows(ADA, "dog", "animals")
    house.mean()
    house.index.is_down = True
    for _ in range(3):
        assert await house.texts("Any pets?") == ["My dog Bruno chased the postman again"]
    assert house.vectors.reads == 1
    house.stored.say(ADA, "cat", "Whiskers sleeps")
    house.knows(ADA, "cat", "animals")
    assert set(await house.texts("Any pets?")) == {"My dog Bruno chased the postman again", "Whiskers sleeps"}
    assert house.vectors.reads == 2
    house.index.is_down = False
    house.index.rows.clear()
    assert await house.texts("Any pets?") == []


async def test_vectors_of_another_length_are_no_vectors(house: House) -> None:
    house.vectors.rows[ADA, PRIVATE] = {"dog": np.ones(3, np.float32), "trip": about("travel")}
    house.mean()
    house.index.is_down = True
    assert await house.texts("Where to?") == ["We flew to Lisbon and slept in a tiny hotel"]
    assert await house.texts("Who chased the postman?") == ["My dog Bruno chased the postman again"]


async def test_an_embedder_that_fails_costs_no_more_than_the_meaning(house: House) -> None:
    house.embedding.error = EmbedderError("broken")
    house.mean()
    assert await house.texts("Who chased the postman?") == ["My dog Bruno chased the postman again"]


@pytest.mark.parametrize("what", ["embedder", "index"])
async def test_what_hangs_costs_the_meaning_and_a_third_of_a_second(house: House, what: str) -> None:
    house.embedding.hangs, house.index.hangs = what == "embedder", what == "index"
    house.mean()
    loop = asyncio.get_running_loop()
    for _ in range(2):
        began = loop.time()
        assert await house.texts("Who chased the postman?") == ["My dog Bruno chased the postman again"]
        assert loop.time() - began < MEANING_SHARE * DEADLINE_S + 0.4


async def test_two_questions_at_once_open_one_book(house: House) -> None:
    house.stored.let_go = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(house.texts(question)) for question in ("guitar", "postman", "Lisbon")]
        await house.stored.is_asked.wait()
        await asyncio.sleep(0)
        house.stored.let_go.set()
    assert [task.result()[0].split()[0] for task in asking] == ["I", "My", "We"]
    assert house.stored.openings == 1


async def test_a_book_that_nobody_waited_for_is_kept(house: House) -> None:
    house.stored.let_go = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await house.texts("guitar")
    house.stored.let_go.set()
    assert await house.texts("guitar") == ["I practise the guitar every evening"]
    assert await house.texts("guitar") == ["I practise the guitar every evening"]
    assert house.stored.openings == 1


async def test_what_was_read_before_an_erasure_is_not_kept_after_it(house: House) -> None:
    house.mean()
    house.stored.let_go = asyncio.Event()
    asking = asyncio.create_task(house.texts("guitar"))
    await house.stored.is_asked.wait()
    await house.memories.forget(ADA)
    house.stored.stored.clear()
    house.stored.let_go.set()
    assert await asking == []
    assert house.embedding.cleared == 1
    house.stored.say(ADA, "fresh", "I sold the guitar")
    assert await house.texts("guitar") == ["I sold the guitar"]
    assert house.stored.openings == 2
    await house.memories.forget(BOB)
    assert await house.texts("guitar") == ["I sold the guitar"]
    assert house.stored.openings == 2


async def test_it_owns_copies_only() -> None:
    owner: PersonalData = House().memories
    assert (owner.name, await owner.export(ADA)) == ("recalled memories", [])
    await owner.forget(ADA)
    await owner.forget(ADA)


async def test_a_cache_that_is_too_small_costs_time_and_nothing_else(house: House) -> None:
    memories = MemoryRecall(store=house.stored, vectors=house.vectors, clock=FixedClock(), cache_bytes=1)
    for _ in range(2):
        assert [one.source for one in (await memories.recall(ADA, PRIVATE, "guitar", budget=BUDGET)).evidence] == ["guitar"]
    assert house.stored.openings == 2


async def test_a_store_that_fails_is_told(house: House) -> None:
    house.stored.error = StoreBusy("locked")
    for _ in range(2):
        with pytest.raises(StoreBusy):
            await house.texts("guitar")
    house.stored.error = None
    assert await house.texts("guitar") == ["I practise the guitar every evening"]


async def test_a_large_book_may_change_while_it_is_searched() -> None:
    house = House()
    for number in range(2_500):
        house.stored.say(ADA, f"m{number:05}", f"word{number} and word{number + 1}", session=str(number // 20))
    random = Random(3)

    async def ask(number: int) -> None:
        found = await house.recalled(f"word{number} word{number + 1}")
        assert f"m{number:05}" in {one.source for one in found}

    for turn in range(5):
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(ask(random.randrange(100, 2_400)))
            house.stored.say(ADA, f"new{turn}", f"fresh{turn} thing")
            house.stored.end(ADA, f"m{turn:05}", by=f"new{turn}")
        assert await house.texts(f"fresh{turn}") == [f"fresh{turn} thing"]
        assert f"m{turn:05}" not in {one.source for one in await house.recalled(f"word{turn}")}
    assert house.stored.openings == 1


async def test_no_canary_of_another_person_or_place_is_ever_recalled() -> None:
    house, random = House(), Random(8)
    people = [PersonId(f"p{number}") for number in range(12)]
    places = [None, CHESS, CHOIR]
    subjects = ["violin", "garden", "train", "soup", "winter"]
    for number in range(400):
        person, group, subject = random.choice(people), random.choice(places), random.choice(list(AXES))
        text = f"the {random.choice(subjects)} of {random.choice(subjects)} canary-{person}-{group}"
        house.stored.say(person, f"m{number}", text, group=group, session=str(number % 40), position=number)
        house.knows(person, f"m{number}", subject, place=Scope(group=group))
    house.index.strays = tuple(f"m{random.randrange(400)}" for _ in range(40))
    house.mean()
    found = 0
    for turn in range(400):
        person, group = random.choice(people), random.choice(places)
        question = random.choice([*subjects, *AXES.values(), f"canary-{random.choice(people)}-{random.choice(places)}"])
        house.index.is_down = turn % 3 == 0
        for text in await house.texts(question, person, Scope(group=group)):
            found += 1
            assert f"canary-{person}-" in text
            assert group is None or text.endswith(f"-{group}")
    assert found > 400
