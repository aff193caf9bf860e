"""A village of people who tell the bot things, and the prompts that it builds for them: whose words are in them (R-41, M-6)?

Everybody tells the same kinds of things with the same words, but for one word of their own in each: so what others said fits
any question as well as what oneself did, and a foreign word in a prompt cannot be a coincidence.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random

from bot.embedders import yardstick_of
from bot.messages import render
from bot.ports import HandlerSettings, Services
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores, open_folder
from bot.system import SystemClock, TimeOrderedIds
from bot.types import LANGUAGES, Address, AddressId, Kind, Language, Outcome, PersonId, Prompt, Turn, TurnId
from bot.writes import SetRating
from profiles.child import Patience
from profiles.embed import CachedEmbedder, HashEmbedder
from profiles.index import ChromaIndex
from profiles.indexer import Indexer
from profiles.memories import MemoryRecall
from profiles.recall import LexicalRecall, PersonalRecall
from profiles.remember import Rememberer
from tests.chaos import campaigns
from tests.handlers.fakes import FakeModel, answer, services
from tests.talk import Talk, address_of

TOLD: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (
        ("My dog {word} sleeps on the sofa.", "What do you know about my dog?"),
        ("I live in the village of {word}.", "Where do I live?"),
        ("My sister {word} plays the violin.", "Which instrument does my sister play, and what is her name?"),
        ("The password of the garden shed is {word}.", "What is the password of the garden shed?"),
        ("I am allergic to {word} and carry a syringe.", "What am I allergic to?"),
        ("My doctor {word} gave me new pills on Monday.", "Who is my doctor, and what did I get on Monday?"),
        ("We are planning a surprise party for {word}.", "For whom is the surprise party?"),
        ("I work for a company called {word}.", "Which company do I work for?"),
    ),
    "es": (
        ("Mi perro {word} duerme en el sofá.", "¿Qué sabes de mi perro?"),
        ("Vivo en el pueblo de {word}.", "¿Dónde vivo?"),
        ("Mi hermana {word} toca el violín.", "¿Qué instrumento toca mi hermana y cómo se llama?"),
        ("La contraseña del cobertizo es {word}.", "¿Cuál es la contraseña del cobertizo?"),
        ("Soy alérgica a {word} y llevo una jeringa.", "¿A qué soy alérgica?"),
        ("Mi médico {word} me dio pastillas nuevas el lunes.", "¿Quién es mi médico y qué me dio el lunes?"),
        ("Preparamos una fiesta sorpresa para {word}.", "¿Para quién es la fiesta sorpresa?"),
        ("Trabajo en una empresa que se llama {word}.", "¿En qué empresa trabajo?"),
    ),
}
WORD = re.compile(r"[Zz]q([a-z]+)x(p|g)([a-z]+)q[a-z]")
"""A word of somebody's own: whose, said in private or in the group, and which."""


def letters(number: int) -> str:
    """A number in letters, so that nothing takes it for one."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def word_of(villager: int, place: str, told: int) -> str:
    """The one word that only this person says, in this place, in this sentence."""
    return f"Zq{letters(villager)}x{place}{letters(told)}qa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Villager:
    """One person with their private chat and a group that everybody is in."""

    number: int
    person: PersonId
    language: Language
    private: Address
    private_id: AddressId
    group: Address
    group_id: AddressId


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A word in a prompt that has no business there."""

    asked_by: int
    in_group: bool
    word: str


@dataclass(slots=True)
class Village:
    """The people, and what the bot would be built from to answer them."""

    stores: Stores
    talk: Talk
    services: Services
    model: FakeModel
    search: MemoryRecall
    rememberer: Rememberer
    index: ChromaIndex | None
    indexer: Indexer | None
    people: list[Villager] = field(default_factory=list)
    outcome: Outcome | None = None

    async def settle(self, count: int, random: Random) -> None:
        """Let so many people tell their things, in private and in the group, and rate and correct an answer."""
        for number in range(len(self.people), len(self.people) + count):
            language = LANGUAGES[number % 2]
            private = address_of(f"villager {number}")
            group = address_of(f"villager {number}", chat="the green")
            ids: list[tuple[PersonId, AddressId]] = []
            for place, address in (("p", private), ("g", group)):
                for told, (sentence, _) in enumerate(TOLD[language]):
                    text = sentence.format(word=word_of(number, place, told))
                    said = await self.talk.say(text, f"Noted: {text}", at=address, remember=True)
                correction = f"It is {word_of(number, place, 9)}."
                wrong = await self.talk.say(TOLD[language][0][1], "I do not know.", at=address, remember=True)
                rating = SetRating(person_id=said.context.person.id, turn_id=wrong.id, value=-1, correction=correction)
                stored = await self.talk.accept(self.talk.message(kind=Kind.RATING, at=address))
                await self.stores.turns.absorb(stored.id, [rating], self.talk.clock.now())
                ids.append((said.context.person.id, said.context.address_id))
            ((person, private_id), (_, group_id)) = ids
            self.people.append(
                Villager(
                    number=number,
                    person=person,
                    language=language,
                    private=private,
                    private_id=private_id,
                    group=group,
                    group_id=group_id,
                )
            )
        while await self.rememberer.run_once():
            pass
        if self.indexer is not None:
            while await self.indexer.run_once():
                pass

    async def prompt(self, who: Villager, text: str, *, in_group: bool, name: str = "") -> Prompt:
        """The prompt that the bot gives the model when this person writes `text`."""
        address = who.group if in_group else who.private
        message = replace(self.talk.message(text, at=address), is_private=not in_group, sender_name=name)
        context = await self.stores.people.meet(message, history=0, now=self.talk.clock.now())
        turn = Turn(
            id=TurnId(self.talk.ids.new()),
            message=message,
            person=context.person,
            address_id=context.address_id,
            conversation_id=context.conversation_id,
            language=who.language,
            spoken=who.language,
        )
        self.model.prompts.clear()
        handler, self.outcome = await answer(turn, self.services)
        assert handler.name == "chat", handler.name
        (prompt,) = self.model.prompts
        return prompt

    async def ask(self, random: Random) -> tuple[list[Leak], int]:
        """One person asks what another would, somewhere: foreign words in the prompt, and how many of their own."""
        who, other = random.choice(self.people), random.choice(self.people)
        in_group = random.random() < 0.3
        _, question = random.choice(TOLD[other.language])
        prompt = await self.prompt(who, question, in_group=in_group)
        return found_in(prompt, who, in_group=in_group)


def found_in(prompt: Prompt, who: Villager, *, in_group: bool) -> tuple[list[Leak], int]:
    """Words of others in a prompt (and, in the group, private ones), and how many of the person's own are in it."""
    text = "\n".join(message.content for message in render(prompt))
    leaks: list[Leak] = []
    own = 0
    for whose, place, _ in WORD.findall(text):
        if whose != letters(who.number) or (in_group and place == "p"):
            leaks.append(Leak(asked_by=who.number, in_group=in_group, word=f"{whose}/{place}"))
        else:
            own += 1
    return leaks, own


@asynccontextmanager
async def village(path: Path, *, with_index: bool, deadline_s: float = 5) -> AsyncIterator[Village]:
    """An empty village on a real database; `with_index` puts vectors into a real Chroma, else words decide alone."""
    folder, clock, ids = DataFolder.open(path), SystemClock(), TimeOrderedIds()
    await migrate(folder, clock)
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_folder(folder, clock=clock, ids=ids))
        search = MemoryRecall(store=stores.memories, vectors=stores.vectors, clock=clock)
        index = indexer = None
        if with_index:
            embedder = CachedEmbedder(HashEmbedder())
            index = ChromaIndex(
                folder=folder.chroma,
                secret=folder.secret_key(),
                embedder=embedder.name,
                clock=clock,
                patience=Patience(silent_s=5.0, first_pause_s=0.2, longest_pause_s=1.0),  # harm follows on harm here
            )
            index.start()
            stack.push_async_callback(index.aclose)
            await index.wait_open(60)
            indexer = Indexer(vectors=stores.vectors, index=index, embedder=embedder, clock=clock, pause_s=0)
            search.use(embedder, index, await yardstick_of(embedder))
        model = FakeModel()
        recall = PersonalRecall(LexicalRecall(stores.examples), search)
        rememberer = Rememberer(
            pending=stores.memories,
            memories=stores.memories,
            clock=clock,
            ids=ids,
            most=20_000,
            keep_days=0,
            model=None,
            may_ask=lambda: False,
            on_change=lambda: None,
            is_urgent=lambda text: False,
        )
        settings = HandlerSettings(recall_deadline_s=deadline_s, prompt_budget=8_192, recall_budget=4_000)
        made = services(model=model, settings=settings)
        yield Village(
            stores=stores,
            talk=Talk(stores, clock, ids),
            services=replace(made, recall=recall, memories=stores.memories, search=search, turns=stores.turns, clock=clock),
            model=model,
            search=search,
            rememberer=rememberer,
            index=index,
            indexer=indexer,
        )


async def campaign(path: Path, *, people: int, queries: int, with_index: bool, seed: int) -> Mapping[str, object]:
    """Ask at random, and count: foreign words in prompts, and prompts with a word of the person's own."""
    random = Random(seed)
    leaks: list[Leak] = []
    with_own = 0
    async with village(path, with_index=with_index) as here:
        await here.settle(people, random)
        for _ in range(queries):
            found, own = await here.ask(random)
            leaks += found
            with_own += own > 0
    return {
        "people": people,
        "queries": queries,
        "with_index": with_index,
        "foreign_words": len(leaks),
        "prompts_with_an_own_word": with_own,
        "leaks": [asdict(leak) for leak in leaks[:5]],
    }


def main() -> int:
    """`python -m tests.chaos.village --queries 10000`: exits with 1 when a foreign word was in a prompt."""
    parser = ArgumentParser(description="Ask random questions as random people; no prompt may hold a word of anybody else's.")
    parser.add_argument("--people", type=int, default=50, help="how many tell their things first")
    parser.add_argument("--queries", type=int, default=10_000, help="how many questions are asked")
    parser.add_argument("--words-only", action="store_true", help="without vectors and Chroma")
    parser.add_argument("--seed", type=int, default=41)
    given = parser.parse_args()
    return campaigns.run(
        partial(campaign, people=given.people, queries=given.queries, with_index=not given.words_only, seed=given.seed),
        must_be_zero=("foreign_words",),
        must_hold=("prompts_with_an_own_word",),
    )


if __name__ == "__main__":
    sys.exit(main())
