"""What is planted among the honest rows of the two weeks, kind by kind, and how each kind looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from random import Random
from typing import Final, Literal, TypeAlias

from benchmarks.two_weeks_texts import Asked, Secret, everything, mojibake, secret, sentences
from bot.types import Flag, TurnStatus
from learning.records import Language


class Planted(StrEnum):
    """What is not in order about a row. Those in `MENDED` stay in the files, changed; of all others nothing may."""

    MOJIBAKE = "mojibake"
    """The answer's letters were read in the wrong encoding; they can be mended."""
    BROKEN_LETTERS = "broken_letters"
    """The answer's letters are lost (U+FFFD)."""
    GREETING = "greeting"
    SMALL_TALK = "small_talk"
    SPAM_LINK = "spam_link"
    REPEATED_CHARACTERS = "repeated_characters"
    GIBBERISH = "gibberish"
    REPETITION_LOOP = "repetition_loop"
    """The answer says one sentence again and again."""
    TRUNCATED_FENCE = "truncated_fence"
    """The answer ends within a block of code."""
    EMPTY_ANSWER = "empty_answer"
    TOO_SHORT = "too_short"
    """The question is a mark or two."""
    TOO_LONG = "too_long"
    """The answer has some 20,000 characters or more."""
    WRONG_LANGUAGE = "wrong_language"
    """The answer is in the other language."""
    REFUSAL = "refusal"
    NO_AS_CORRECTION = "no_as_correction"
    """The correction says no more than that the answer was wrong."""
    SAME_CORRECTION = "same_correction"
    CONTROL_TOKENS = "control_tokens"
    """The question has the marks of a chat template."""
    COMMAND = "command"
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE_OF_OWN = "near_duplicate_of_own"
    NEAR_DUPLICATE_OF_OTHER = "near_duplicate_of_other"
    """Of these three the earlier row is honest and stays."""
    WITHDRAWN_RATING = "withdrawn_rating"
    FLAGGED = "flagged"
    """An answer that was cut off or came from elsewhere, with a thumb and nothing better to learn."""
    FAILED = "failed"
    """A thumb up on the words that say that nothing works."""
    TOKEN = "token"
    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"
    CARD = "card"
    IP = "ip"
    IDENTITY = "identity"
    """The question of these seven has a secret in it (`Happening.secret`)."""
    YOUNG_ACCOUNT = "young_account"
    """Younger than seven days on the last night."""
    FEW_CONVERSATIONS = "few_conversations"
    """Three at most."""
    ABOVE_CAP = "above_cap"
    """All rows of somebody with far more than the caps allow: so many may stay."""
    NO_CONSENT = "no_consent"
    """Never said whether they agree."""
    REFUSED_CONSENT = "refused_consent"
    WITHDRAWN_CONSENT = "withdrawn_consent"
    """Agreed, and takes it back by the last night."""
    BEFORE_CONSENT = "before_consent"
    """Asked before they agreed."""
    BYSTANDER = "bystander"
    """Somebody in a group who never agreed: their own question, or their thumb on another's."""


SECRETS: Final = (
    Planted.TOKEN, Planted.EMAIL, Planted.PHONE, Planted.IBAN, Planted.CARD, Planted.IP, Planted.IDENTITY,
)  # fmt: skip
MENDED: Final = frozenset({Planted.MOJIBAKE, *SECRETS})
"""The rows of these stay; the text is mended, the secret goes."""
CORRECTIONS: Final = frozenset({Planted.NO_AS_CORRECTION, Planted.SAME_CORRECTION})
"""Of these the correction must not be learnt; that the answer was not liked may."""
NEVER_COLLECTED: Final = frozenset(
    {
        Planted.NO_CONSENT,
        Planted.REFUSED_CONSENT,
        Planted.WITHDRAWN_CONSENT,
        Planted.BEFORE_CONSENT,
        Planted.BYSTANDER,
    }
)
"""Rows that must not even leave the store on the last night."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is said in a turn and how it is rated."""

    question: str
    answer: str
    value: Literal[1, -1] = 1
    correction: str | None = None
    flags: tuple[Flag, ...] = ()
    status: TurnStatus = TurnStatus.ANSWERED
    secret: str = ""


Maker: TypeAlias = Callable[[Asked, Language, Random], Row]
"""Spoils an honest question and answer."""


def _mojibake(asked: Asked, _: Language, __: Random) -> Row:
    return Row(asked.question, mojibake(asked.answer))


def _broken(asked: Asked, language: Language, _: Random) -> Row:
    return Row(asked.question, sentences(language).broken)


def _greeting(_: Asked, language: Language, random: Random) -> Row:
    said = sentences(language)
    return Row(random.choice(said.greetings), random.choice(said.greeted))


def _small_talk(_: Asked, language: Language, random: Random) -> Row:
    said = sentences(language)
    return Row(random.choice(said.small_talk), random.choice(said.small_answers))


def _spam(_: Asked, language: Language, random: Random) -> Row:
    said = sentences(language)
    return Row(random.choice(said.spam).replace("{n}", f"{random.randrange(10**6):06d}"), random.choice(said.spam_answers))


def _repeated(asked: Asked, language: Language, random: Random) -> Row:
    question = random.choice(("a", "ja", "?", "lo", "😂")) * random.randint(30, 90)
    return Row(question, random.choice(sentences(language).puzzled))


def _gibberish(_: Asked, language: Language, random: Random) -> Row:
    said = sentences(language)
    return Row(f"{random.choice(said.gibberish)} {random.choice(said.gibberish)}", random.choice(said.puzzled))


def _loop(asked: Asked, language: Language, random: Random) -> Row:
    sentence = random.choice(sentences(language).topics[asked.topic].answers)
    return Row(asked.question, " ".join([sentence] * random.randint(12, 30)))


def _fence(asked: Asked, _: Language, random: Random) -> Row:
    code = random.choice(("for row in rows:\n    total += ro", "def main():\n    with open('notes.t", "while True:\n    ti"))
    return Row(asked.question, f"{asked.answer}\n\n```python\n{code}")


def _empty(asked: Asked, _: Language, random: Random) -> Row:
    return Row(asked.question, random.choice((" ", "\n\n", "\u200b")))


def _short(asked: Asked, language: Language, random: Random) -> Row:
    return Row(random.choice(sentences(language).short), asked.answer)


def _long(asked: Asked, language: Language, random: Random) -> Row:
    return Row(asked.question, everything(language, random))


def _wrong_language(asked: Asked, language: Language, random: Random) -> Row:
    answers = sentences("en" if language == "es" else "es").topics[asked.topic].answers
    return Row(asked.question, " ".join(random.sample(answers, 3)))


def _refusal(asked: Asked, language: Language, random: Random) -> Row:
    return Row(asked.question, random.choice(sentences(language).refusals))


def _no(asked: Asked, language: Language, random: Random) -> Row:
    return Row(asked.question, asked.answer, -1, random.choice(sentences(language).no_corrections))


def _same(asked: Asked, _: Language, random: Random) -> Row:
    return Row(asked.question, asked.answer, -1, random.choice((asked.answer, f"{asked.answer} ", asked.answer.lower())))


def _control(asked: Asked, language: Language, random: Random) -> Row:
    return Row(random.choice(sentences(language).control).replace("{q}", asked.question), asked.answer)


def _command(_: Asked, language: Language, random: Random) -> Row:
    said = sentences(language)
    return Row(random.choice(said.commands), random.choice(said.greeted))


def _plain(asked: Asked, _: Language, __: Random) -> Row:
    return Row(asked.question, asked.answer)


def _flagged(asked: Asked, _: Language, random: Random) -> Row:
    flag = random.choice((Flag.PARTIAL, Flag.FALLBACK, Flag.TIMED_OUT, Flag.UNKNOWN, Flag.CRISIS))
    return Row(asked.question, asked.answer, flags=(flag,))


def _failed(asked: Asked, language: Language, _: Random) -> Row:
    return Row(asked.question, sentences(language).failed, flags=(Flag.FAILED,), status=TurnStatus.FAILED)


def _secret(kind: Secret, asked: Asked, language: Language, random: Random) -> Row:
    found = secret(kind, language, random)
    wording = random.choice(sentences(language).secrets[kind])
    return Row(wording.replace("{s}", found).replace("{q}", asked.question), asked.answer, secret=found)


MAKERS: Final[Mapping[Planted, Maker]] = {
    Planted.MOJIBAKE: _mojibake,
    Planted.BROKEN_LETTERS: _broken,
    Planted.GREETING: _greeting,
    Planted.SMALL_TALK: _small_talk,
    Planted.SPAM_LINK: _spam,
    Planted.REPEATED_CHARACTERS: _repeated,
    Planted.GIBBERISH: _gibberish,
    Planted.REPETITION_LOOP: _loop,
    Planted.TRUNCATED_FENCE: _fence,
    Planted.EMPTY_ANSWER: _empty,
    Planted.TOO_SHORT: _short,
    Planted.TOO_LONG: _long,
    Planted.WRONG_LANGUAGE: _wrong_language,
    Planted.REFUSAL: _refusal,
    Planted.NO_AS_CORRECTION: _no,
    Planted.SAME_CORRECTION: _same,
    Planted.CONTROL_TOKENS: _control,
    Planted.COMMAND: _command,
    Planted.EXACT_DUPLICATE: _plain,
    Planted.NEAR_DUPLICATE_OF_OWN: _plain,
    Planted.NEAR_DUPLICATE_OF_OTHER: _plain,
    Planted.WITHDRAWN_RATING: _plain,
    Planted.FLAGGED: _flagged,
    Planted.FAILED: _failed,
    Planted.TOKEN: partial(_secret, "token"),
    Planted.EMAIL: partial(_secret, "email"),
    Planted.PHONE: partial(_secret, "phone"),
    Planted.IBAN: partial(_secret, "iban"),
    Planted.CARD: partial(_secret, "card"),
    Planted.IP: partial(_secret, "ip"),
    Planted.IDENTITY: partial(_secret, "identity"),
}
"""The kinds that a row of an honest person may be of. Of copies only the text they would be without is made here."""
