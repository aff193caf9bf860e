"""Explains an answer: which model wrote it, how, where the words went, and what it had to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from bot.amounts import count, duration, money
from bot.locale import say, say_many
from bot.model_types import ModelStatus
from bot.ports import Preview, Services
from bot.types import EvidenceKind, Flag, Generation, Kind, Language, Outcome, PastTurn, Reply, Source, Turn, TurnStatus
from bot.where import remote_models
from handlers.conversation import ANSWERS, meant
from handlers.crisis import CrisisHandler
from handlers.used_memories import NOTHING_USED, REMEMBERED, UsedMemories, used_memories
from handlers.wording import as_code
from profiles.items import load_questionnaire
from profiles.person import Profiles
from profiles.shown import style_in_words

MOST_SOURCES: Final = 8


class WhyHandler:
    """Tells what is known of an answer: the one named, else the person's last one."""

    name = "why"

    def __init__(self, services: Services, profiles: Profiles) -> None:
        self._services, self._profiles = services, profiles

    def matches(self, turn: Turn) -> bool:
        """`/why`."""
        return turn.command == "why"

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The facts in short lines; where there is nothing to explain, why not."""
        is_named = turn.message.target is not None
        past = await meant(turn, self._services.turns, lambda one: is_named or _is_answer(one) or _is_help(one))
        if past is None or not _is_answer(past):
            return Outcome(reply=Reply(text=_nothing(turn.language, past, is_named=is_named)), is_refused=True)
        statuses = self._services.known()
        used = NOTHING_USED if _is_failed(past) else await used_memories(turn, past.sources, self._services.memories)
        text = self._explained(turn.language, past, statuses, used)
        # How somebody likes things explained is nobody else's business.
        logged = await self._services.profiles.style_of(past.id) if turn.message.is_private else None
        if logged is not None:
            profile = await self._profiles.of(turn.person.id)
            text += "\n\n" + style_in_words(
                turn.language, logged.style, load_questionnaire(), profile, is_counted=self._is_counted(past)
            )
        return Outcome(reply=Reply(text=text, choices=used.choices))

    def _is_counted(self, past: PastTurn) -> bool:
        """Whether a language model wrote it, as far as that is known."""
        model = "" if _is_failed(past) else past.model
        return past.generation.is_counted if past.generation else model != self._services.offline.name

    def _explained(self, language: Language, past: PastTurn, statuses: Sequence[ModelStatus], used: UsedMemories) -> str:
        made, is_failed = past.generation, _is_failed(past)
        model = "" if is_failed else (made.model if made else "") or past.model
        is_counted = self._is_counted(past)
        elsewhere = self._services.settings.embedder_elsewhere
        facts = [
            *_flags(language, past),
            _where(language, past, model, statuses, is_counted=is_counted, has_left=bool(elsewhere)),
        ]
        if elsewhere and not is_failed:
            facts.append(
                say(
                    language,
                    "To find what I remember, what you wrote left the machine I run on: it went to {model}.",
                    model=as_code(elsewhere),
                )
            )
        if made is not None and not is_failed:
            facts += _amounts(language, made, self._services.settings.currency)
        parts = [_author(language, model, made, is_counted=is_counted), "\n".join(f"- {fact}" for fact in facts if fact)]
        if not is_failed:
            others = [source for source in past.sources if source.kind not in REMEMBERED]
            if others or not used.text:
                parts.append(_sources(language, others, is_counted=is_counted))
            parts.append(used.text)
        return "\n\n".join(part for part in parts if part)


def _all_flags(past: PastTurn) -> frozenset[Flag]:
    return past.flags | (past.generation.flags if past.generation else frozenset())


def _is_failed(past: PastTurn) -> bool:
    return past.status is TurnStatus.FAILED or Flag.FAILED in _all_flags(past)


def _is_help(past: PastTurn) -> bool:
    """Whether it was help in a crisis."""
    return past.handler == CrisisHandler.name or Flag.CRISIS in past.flags


def _is_answer(past: PastTurn) -> bool:
    """Whether a model was to answer there."""
    if _is_help(past):
        return False
    if past.handler in ANSWERS:
        return past.generation is not None or bool(past.model) or _is_failed(past)
    return past.kind is Kind.TEXT and _is_failed(past)


def _nothing(language: Language, past: PastTurn | None, *, is_named: bool) -> str:
    """Why there is nothing to explain."""
    if past is not None and _is_help(past):
        return say(
            language,
            "No model wrote that. People prepared those words for messages that may be about danger, and yours looked like "
            "one. If I misread you, just go on; if I did not, the numbers in it lead to people who help.",
        )
    if past is not None:
        return say(language, "No model wrote that: it is a fixed text of mine, so there is nothing to explain.")
    if is_named:
        return say(language, "I cannot find that answer among yours any more, so I cannot explain it.")
    return say(language, "There is no answer to explain yet. Ask me something first.")


def _author(language: Language, model: str, made: Generation | None, *, is_counted: bool) -> str:
    if not model:
        return say(language, "That question got **no answer**: nothing that I could ask gave one. /again tries it anew.")
    if not is_counted:
        return say(
            language,
            "I made that answer **without a language model**: I looked for passages that fit your question and put them "
            "together.",
        )
    if made is not None and made.version:
        return say(
            language,
            "**{model}** wrote that answer (version {version}).",
            model=as_code(model),
            version=as_code(made.version),
        )
    return say(language, "**{model}** wrote that answer.", model=as_code(model))


def _flags(language: Language, past: PastTurn) -> list[str]:
    """What is to be known of the answer, most weighty first."""
    flags = _all_flags(past)
    if Flag.STOPPED in flags:
        flags -= {Flag.PARTIAL}
    if Flag.LIMITED in flags:
        flags -= {Flag.FALLBACK}
    words: Mapping[Flag, str] = {
        Flag.LIMITED: say(language, "A daily limit was used up, so no language model was asked."),
        Flag.FALLBACK: say(language, "The first choice did not answer, so the next one stepped in."),
        Flag.STOPPED: say(language, "You stopped it, so it may end too early."),
        Flag.TIMED_OUT: say(language, "It took longer than it may, so it was cut."),
        Flag.PARTIAL: say(language, "It is not complete."),
        Flag.UNKNOWN: say(language, "I found nothing that answers your question, and said so."),
        Flag.TRIMMED: say(
            language, "Not everything fitted in: part of your message or of what we had said before was left out."
        ),
        Flag.NO_RECALL: say(language, "I could not look up in time what you have taught me, so none of it is in there."),
        Flag.PARTIAL_RECALL: say(
            language, "I could not look through all that I remember of you as I usually do, so some of it may be missing."
        ),
    }
    told = [text for flag, text in words.items() if flag in flags]
    if past.generation is not None and past.generation.stop == "length":
        told.append(say(language, "It reached the greatest length that is set for an answer."))
    return told


def _where(
    language: Language, past: PastTurn, model: str, statuses: Sequence[ModelStatus], *, is_counted: bool, has_left: bool
) -> str:
    """Where the words went, as far as that is known: to who answered, and perhaps to those who were asked before.

    Once they have left the machine for their meaning (`has_left`), nothing says that they stayed.
    """
    went = _went(language, model, statuses, is_counted=is_counted, has_left=has_left)
    before = remote_models(_asked_before(past, model, statuses))
    if not before:
        return went
    models = ", ".join(as_code(name) for name in before)
    maybe = say(language, "What you wrote may have reached {models}, outside the machine I run on.", models=models)
    return f"{went} {maybe}".lstrip() if is_counted and model else maybe


def _asked_before(past: PastTurn, model: str, statuses: Sequence[ModelStatus]) -> Sequence[ModelStatus]:
    """The models that may have been asked in vain: those before the one that stepped in, or all where none did."""
    names, flags = [status.name for status in statuses], _all_flags(past)
    if Flag.LIMITED in flags:
        return ()
    if not model:
        return statuses
    return statuses[: names.index(model)] if Flag.FALLBACK in flags and model in names else ()


def _went(language: Language, model: str, statuses: Sequence[ModelStatus], *, is_counted: bool, has_left: bool) -> str:
    """Where the words went to be answered."""
    if not model:
        return ""
    status = next((status for status in statuses if status.name == model), None)
    if is_counted and status is None and not statuses:
        return say(language, "I cannot tell right now whether that model runs on this machine.")
    if is_counted and status is None:
        return say(language, "I cannot tell any more whether that model runs on this machine: it is no longer among mine.")
    if is_counted and status is not None and status.is_remote:
        return say(
            language, "To be answered, what you wrote left the machine I run on: it went to {model}.", model=as_code(model)
        )
    if is_counted and status is not None and status.is_networked:
        return say(language, "What you wrote stayed in the private network of the machine I run on.")
    return "" if has_left else say(language, "What you wrote stayed on the machine I run on.")


def _amounts(language: Language, made: Generation, currency: str) -> list[str]:
    """Time, tokens and money. What no language model wrote has only a time."""
    took = duration(made.seconds, language)
    if not made.is_counted:
        return [say(language, "It took {time}.", time=took)]
    facts = [say(language, "It took {time}.", time=took)]
    if made.first_token_s is not None:
        first = duration(made.first_token_s, language)
        facts = [say(language, "It took {time}; the first word came after {first}.", time=took, first=first)]
    facts.append(
        say(
            language,
            "The model read {read} tokens (pieces of words) and wrote {written}.",
            read=count(made.prompt_tokens, language),
            written=count(made.completion_tokens, language),
        )
    )
    if made.cost > 0:
        facts.append(say(language, "It cost {cost}.", cost=money(made.cost, currency, language)))
    return facts


def _sources(language: Language, sources: Sequence[Source], *, is_counted: bool) -> str:
    """What the answer had to go on, each once, best first."""
    best_first = sorted(sources, key=lambda source: -source.score)
    of_kind = Counter(source.kind for source in best_first)
    lines = list(dict.fromkeys(_source(language, source, of_kind[source.kind]) for source in best_first))
    if lines:
        return "\n".join([say(language, "It had this to go on, best first:"), *(f"- {line}" for line in lines[:MOST_SOURCES])])
    if is_counted:
        return say(language, "Nothing that you taught me and none of my texts bore on it: it rests on what the model knows.")
    return say(language, "Nothing that you taught me and none of my texts bore on it.")


def _source(language: Language, source: Source, number: int) -> str:
    """One source in words. Of what people corrected or liked only the kind and how many there were: the rest is in /mydata."""
    match source.kind:
        case EvidenceKind.CORRECTION:
            return say_many(language, "your correction", "{count} corrections of yours", number)
        case EvidenceKind.LIKED:
            return say_many(language, "an answer you liked", "{count} answers you liked", number)
        case EvidenceKind.APPROVED:
            return say_many(language, "an answer approved for everyone", "{count} answers approved for everyone", number)
        case _:
            file = say(language, "the file {file}", file=as_code(source.source))
            return f"{file}: {title}" if (title := " ".join(source.title.split())) else file
