"""Whether a correction could answer everybody: by the rules of the training files, and what is besides to be no trick."""

from __future__ import annotations

import re
from typing import Final

from bot.types import Language
from learning.clean import fault_of
from learning.intents import needs_context
from learning.records import Collected
from learning.scrub import Scrubber

_UNFIT: Final = re.compile(r"\]\(|\]\[|!\[|<\w|(?m:^\s*[*_](?![*_ ]).*[*_]\s*$)")
"""Links under other words, pictures, tags, and lines in italics: so the bot says where an answer is from."""


def is_fit_for_everybody(question: str, answer: str, *, instead_of: str, language: Language, own_names: frozenset[str]) -> bool:
    """Whether both texts say something by themselves and nothing personal; `instead_of` is what the answer corrects.

    No markup that hides where a link leads or looks like a line of the bot's own, and nothing in which scrubbing finds
    anything. It finds what is announced or has a shape; a bare name it may miss. `own_names` are the bot's.
    """
    row = Collected(
        row="",
        person="",
        thread="",
        asked_on="",
        channel="",
        is_private=True,
        language=language,
        question=question,
        answer=instead_of,
        value=-1,
        correction=answer,
    )
    texts = [question, answer]
    return (
        fault_of(row) is None
        and not needs_context(question, language)
        and not any(_UNFIT.search(text) for text in texts)
        and Scrubber(own_names).scrub_texts(texts) == texts
    )
