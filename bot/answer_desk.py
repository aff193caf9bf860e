"""Corrections that are fit to answer everybody, for admins: those that say something by themselves, and nothing personal."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from bot.models.offline import about_asker
from bot.sharing_ports import SharingStore
from bot.sharing_types import SharedAnswer, SharedState
from bot.types import TurnId

_UNFIT: Final = re.compile(r"\]\(|\]\[|!\[|<\w|(?m:^\s*[*_](?![*_ ]).*[*_]\s*$)")
"""Links under other words, pictures, tags, and lines in italics: so the bot says where an answer is from."""
PAGE: Final = 50
"""Corrections that are looked at together."""


class SharingDesk:
    """The `AnswerDesk` over a store. Corrections are judged beside the loop, by the rules of the nightly training files."""

    def __init__(self, sharing: SharingStore, *, own_names: frozenset[str] = frozenset()) -> None:
        self._sharing, self._own_names = sharing, own_names

    async def next(self, after: TurnId | None, *, with_left_out: bool) -> SharedAnswer | None:
        """The next one that is fit for everybody and undecided, or, if wanted, left out; None at the end. Raises StoreError."""
        states = {None, SharedState.LEFT_OUT} if with_left_out else {None}
        while page := await self._sharing.corrections(after, limit=PAGE):
            open_ones = [one for one in page if one.state in states]
            if (found := await asyncio.to_thread(self._first_fit, open_ones)) is not None:
                return found
            after = page[-1].turn_id
        return None

    async def of_turn(self, turn: TurnId) -> SharedAnswer | None:
        """That of a turn, as `next` would show it, left out or not. Raises StoreError."""
        found = await self._sharing.correction(turn)
        if found is None or found.state not in (None, SharedState.LEFT_OUT):
            return None
        return await asyncio.to_thread(self._first_fit, [found])

    async def offered(self, limit: int) -> Sequence[SharedAnswer]:
        """Those that are asked about or shared, newest first. Raises StoreError."""
        return await self._sharing.offered(limit)

    def _first_fit(self, answers: Sequence[SharedAnswer]) -> SharedAnswer | None:
        return next((one for one in answers if is_fit(one, own_names=self._own_names)), None)


def is_fit(one: SharedAnswer, *, own_names: frozenset[str] = frozenset()) -> bool:
    """Whether everybody could be answered so: question and correction say something by themselves, and nothing personal.

    No question of somebody about themselves, no markup that hides where a link leads or looks like a line of the bot's own, and
    nothing in which scrubbing finds anything. It finds what is announced or has a shape; a bare name it may miss.
    """
    from learning.clean import fault_of
    from learning.intents import needs_context
    from learning.records import Collected
    from learning.scrub import Scrubber

    row = Collected(
        row="",
        person="",
        thread="",
        asked_on="",
        channel="",
        is_private=True,
        language=one.language,
        question=one.question,
        answer=one.rejected,
        value=-1,
        correction=one.answer,
    )
    texts = [one.question, one.answer]
    return (
        fault_of(row) is None
        and not needs_context(one.question, one.language)
        and not about_asker(one.question)
        and not any(_UNFIT.search(text) for text in texts)
        and Scrubber(own_names).scrub_texts(texts) == texts
    )
