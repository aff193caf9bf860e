"""Attack texts from every side: chat, memory, correction, name and file. Prompts keep their shape and hold no foreign word."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random

from bot.control_tokens import BLOCK_NAMES
from bot.messages import render
from bot.types import Evidence, EvidenceKind, Kind, Prompt
from bot.writes import AddProfileEvent, SetRating
from profiles.directives import RECALL
from tests.chaos import campaigns
from tests.chaos.attacks import attack
from tests.chaos.village import TOLD, Village, Villager, found_in, village, word_of
from tests.handlers.fakes import FakeKnowledge

SIDES = ("chat", "memory", "correction", "name", "file")
HARMLESS = (AddProfileEvent,)
"""What the turn of a text may write besides itself; and only of whoever wrote it."""


@dataclass(slots=True)
class Siege:
    """A village under attack, and what went wrong."""

    here: Village
    random: Random
    instructions: set[str] = field(default_factory=set)
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    async def learn(self) -> None:
        """Note every line that instructions have while nobody attacks: some come only to some people, in some places."""
        self.instructions.update(RECALL.values())
        for who in self.here.people:
            for in_group in (False, True):
                for _, question in TOLD[who.language]:
                    prompt = await self.here.prompt(who, question, in_group=in_group)
                    self.instructions.update(render(prompt)[0].content.splitlines())

    async def attack(self, side: str) -> None:
        """One attack by one person, aimed at another; then both ask something."""
        attacker, other = self.random.sample(self.here.people, 2)
        text = attack(self.random, self.random.choice((f"villager {other.number}", other.person, other.private_id)))
        _, question = self.random.choice(TOLD[attacker.language])
        if side == "chat":
            await self.look(attacker, text)
            return
        if side == "memory":
            await self.here.talk.say(f"{text} {question}", "Noted.", at=attacker.group, remember=True)
            while await self.here.rememberer.run_once():
                pass
        elif side == "correction":
            await self.correct(attacker, question, text)
        elif side == "file":
            found = Evidence(kind=EvidenceKind.KNOWLEDGE, text=text, source=f"{text}.md", score=0.9, title=text)
            self.here.services = replace(self.here.services, knowledge=FakeKnowledge((found,)))
        await self.look(attacker, question, name=text if side == "name" else "")
        await self.look(other, self.random.choice(TOLD[other.language])[1])
        self.here.services = replace(self.here.services, knowledge=FakeKnowledge())

    async def correct(self, who: Villager, question: str, text: str) -> None:
        """Answer a question of theirs wrongly, and let them put it right with an attack."""
        said = await self.here.talk.say(question, "I do not know.", at=who.private, remember=True)
        stored = await self.here.talk.accept(self.here.talk.message(kind=Kind.RATING, at=who.private))
        rating = SetRating(person_id=who.person, turn_id=said.id, value=-1, correction=text)
        await self.here.stores.turns.absorb(stored.id, [rating], self.here.talk.clock.now())

    async def look(self, who: Villager, text: str, *, name: str = "") -> None:
        """Build the prompt for a text, in private or in the group, and note what is wrong with it."""
        in_group = self.random.random() < 0.3
        prompt = await self.here.prompt(who, text, in_group=in_group, name=name)
        leaks, _ = found_in(prompt, who, in_group=in_group)
        self.wrong["foreign words"] += len(leaks)
        self.wrong["structure"] += not self.is_whole(prompt)
        writes = self.here.outcome.writes if self.here.outcome is not None else ()
        self.wrong["writes"] += sum(not isinstance(one, HARMLESS) or one.person_id != who.person for one in writes)

    def is_whole(self, prompt: Prompt) -> bool:
        """Whether the rendered prompt has its two messages, the instructions of always, and as many blocks as evidence."""
        messages = render(prompt)
        roles = [message.role for message in messages]
        tag = BLOCK_NAMES[prompt.language]
        tags = re.findall(r"</?(?:evidence|prueba)\b", messages[-1].content, re.IGNORECASE)
        foreign = set(messages[0].content.splitlines()) - self.instructions
        is_whole = roles == ["system", "user"] and not foreign and tags == [f"<{tag}", f"</{tag}"] * len(prompt.evidence)
        if not is_whole:
            self.examples.append(f"roles {roles}, lines {sorted(foreign)}, {len(tags)} tags for {len(prompt.evidence)} pieces")
        return is_whole


async def campaign(path: Path, *, people: int, attacks: int, with_index: bool, seed: int) -> Mapping[str, object]:
    """So many attacks, the sides in turn; what was wrong, by kind."""
    random = Random(seed)
    async with village(path, with_index=with_index) as here:
        await here.settle(people, random)
        siege = Siege(here, random)
        await siege.learn()
        for number in range(attacks):
            await siege.attack(SIDES[number % len(SIDES)])
        last = await here.prompt(here.people[0], TOLD[here.people[0].language][1][1], in_group=False)
        told = "".join(message.content for message in render(last)).lower()
        has_own = any(word_of(0, place, 1).lower() in told for place in "pg")  # where they live was said in both
    return {
        "people": people,
        "attacks": attacks,
        "with_index": with_index,
        **siege.wrong,
        "still_recalls": has_own,
        "examples": siege.examples[:3],
    }


def main() -> int:
    """`python -m tests.chaos.siege --attacks 3000`: exits with 1 when one of them got anywhere."""
    parser = ArgumentParser(description="Attack from every side; prompts keep their structure and hold nobody else's words.")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--attacks", type=int, default=3_000)
    parser.add_argument("--words-only", action="store_true", help="without vectors and Chroma")
    parser.add_argument("--seed", type=int, default=6)
    given = parser.parse_args()
    return campaigns.run(
        partial(campaign, people=given.people, attacks=given.attacks, with_index=not given.words_only, seed=given.seed),
        must_be_zero=("foreign words", "structure", "writes"),
        must_hold=("still_recalls",),
    )


if __name__ == "__main__":
    sys.exit(main())
