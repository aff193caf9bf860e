"""Looks at an installation from outside, whether the bot runs or not, and says of each part how it is and what to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from bot.admin_types import LOW_SPACE_BYTES, STALE_BACKUP
from bot.amounts import duration, money, size
from bot.config import Config, Loaded
from bot.errors import MartinError
from bot.locale import say, say_many
from bot.model_types import ModelStatus
from bot.notices import notice_text
from bot.ports import Clock, UsageOfDay
from bot.settings import every_setting, is_secret
from bot.types import AdminNotice, Language

T = TypeVar("T")

DEADLINE_S = 60.0
"""The longest that one look may take: a full check of a large database reads all of it."""
FULL_BYTES = 64 << 20
_HOLDER = re.compile(r"process (?P<pid>\d+)(?: at (?P<address>\S+))?")
SHOWN = 5
MANY = 1_000
EMBEDDER_MAY_TAKE_S = 100.0
"""Its model may have to be loaded, too."""


class State(StrEnum):
    """How a part is. `ATTENTION` works, but will not for ever or not as it could."""

    OK = "ok"
    ATTENTION = "attention"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one part is, and what to do where it is not well."""

    part: str
    state: State
    detail: str
    next_step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The database's file: whether it is there and sound, and its schema against this version's."""

    exists: bool
    is_old: bool = False
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """An invariant that does not hold, for `count` rows, some of them named."""

    name: str
    count: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is remembered of everybody, what waits, and what finds it.

    Of `memories` so many have `vectors` by the embedder `made_by`. `chosen` is the embedder that the settings mean now, empty
    where memory is off; `why_not` tells where it cannot be used. `to_index` is counted up to `MANY`. `server_answers` is None
    without a Chroma server.
    """

    memories: int = 0
    vectors: int = 0
    made_by: str = ""
    to_remember: int = 0
    to_index: int = 0
    to_remove: int = 0
    chosen: str = ""
    why_not: str = ""
    has_model: bool = False
    server_answers: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How doctor sees the machine. Each may raise MartinError or OSError, which becomes the finding.

    `holder` names the process that serves the folder (None: nobody); `database` raises StoreError for a damaged file;
    `backups` are the times of the nightly ones; `knowledge` counts passages and words problems; `models` asks each for a few
    words; `memory` tries the embedder; `usage` is today's (None: no database); `notices` are the latest for the admins;
    `invariants` reads them all.
    """

    holder: Callable[[], Awaitable[str | None]]
    free_bytes: Callable[[], Awaitable[int]]
    database: Callable[[], Awaitable[Database]]
    backups: Callable[[], Awaitable[Sequence[datetime]]]
    knowledge: Callable[[], Awaitable[tuple[int, Sequence[str]]]]
    models: Callable[[], Awaitable[Sequence[ModelStatus]]]
    memory: Callable[[], Awaitable[Remembered]]
    usage: Callable[[], Awaitable[UsageOfDay | None]]
    notices: Callable[[], Awaitable[Sequence[AdminNotice]]]
    port_is_free: Callable[[], Awaitable[bool]]
    invariants: Callable[[], Awaitable[Sequence[Broken]]]


class Doctor:
    """Examines one installation. Changes nothing."""

    def __init__(self, loaded: Loaded, looks: Looks, *, clock: Clock, language: str, deadline_s: float = DEADLINE_S) -> None:
        self._loaded, self._looks, self._clock = loaded, looks, clock
        self._language: Language = "es" if language == "es" else "en"
        self._deadline_s = deadline_s
        # A model may be loading: its own deadline to the first token holds, and this one comes after it.
        models = loaded.config.models
        self._deadlines = {
            "memory": deadline_s + EMBEDDER_MAY_TAKE_S,
            "models": deadline_s + len(loaded.config.providers) * max(models.local.first_token_s, models.remote.first_token_s),
        }

    async def examine(self, *, with_invariants: bool = False) -> tuple[Finding, ...]:
        """All findings, in the order of the parts below; `with_invariants` also reads the whole store."""
        say_part = self._parts()
        looks: Mapping[str, Callable[[], Awaitable[Finding]]] = {
            "configuration": self._configuration,
            "folder": self._folder,
            "space": self._space,
            "database": self._database,
            "backups": self._backups,
            "knowledge": self._knowledge,
            "models": self._models,
            "memory": self._memory,
            "usage": self._usage,
            "page": self._page,
            **({"invariants": self._invariants} if with_invariants else {}),
        }
        return tuple([await self._look(say_part[name], look, self._deadlines.get(name)) for name, look in looks.items()])

    def _parts(self) -> Mapping[str, str]:
        language = self._language
        return {
            "configuration": say(language, "configuration"),
            "folder": say(language, "data folder"),
            "space": say(language, "disk space"),
            "database": say(language, "database"),
            "backups": say(language, "backups"),
            "knowledge": say(language, "knowledge"),
            "models": say(language, "models"),
            "memory": say(language, "memory"),
            "usage": say(language, "use today"),
            "page": say(language, "page"),
            "invariants": say(language, "invariants"),
        }

    async def _look(self, part: str, look: Callable[[], Awaitable[Finding]], deadline_s: float | None) -> Finding:
        deadline_s = deadline_s or self._deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                return await look()
        except TimeoutError:
            detail = say(self._language, "no answer within {seconds} s", seconds=round(deadline_s))
        except OSError as error:
            detail = error.strerror or str(error)
        except MartinError as error:
            detail = str(error)
        return Finding(part=part, state=State.BROKEN, detail=detail)

    def _found(self, part: str, state: State, detail: str, next_step: str = "") -> Finding:
        return Finding(part=self._parts()[part], state=state, detail=detail, next_step=next_step)

    async def _configuration(self) -> Finding:
        changed = changed_settings(self._loaded)
        if not changed:
            return self._found("configuration", State.OK, say(self._language, "all settings have their defaults"))
        count = len(changed)
        head = say_many(
            self._language, "{count} setting differs from its default", "{count} settings differ from their defaults", count
        )
        return self._found("configuration", State.OK, "\n".join([head, *changed]))

    async def _folder(self) -> Finding:
        language, holder = self._language, await self._looks.holder()
        folder = str(self._loaded.config.data_dir.absolute())
        served = holder_in_words(language, holder) if holder else say(language, "no bot runs on it")
        return self._found("folder", State.OK, f"{folder}: {served}")

    async def _space(self) -> Finding:
        language, free = self._language, await self._looks.free_bytes()
        detail = say(language, "{size} free", size=size(free, language))
        if free >= LOW_SPACE_BYTES:
            return self._found("space", State.OK, detail)
        state = State.BROKEN if free < FULL_BYTES else State.ATTENTION
        next_step = say(language, "make room: without space no message can be taken and no backup be made")
        return self._found("space", state, detail, next_step)

    async def _database(self) -> Finding:
        language, found = self._language, await self._looks.database()
        if not found.exists:
            return self._found(
                "database", State.ATTENTION, say(language, "there is none yet"), say(language, "make run makes one")
            )
        if found.is_old:
            detail = say(language, "sound, of an earlier version")
            return self._found("database", State.ATTENTION, detail, say(language, "the next start migrates it after a backup"))
        return self._found("database", State.OK, say(language, "sound, {size}", size=size(found.size, language)))

    async def _backups(self) -> Finding:
        language, times = self._language, await self._looks.backups()
        if not times:
            detail = say(language, "none yet")
            next_step = say(language, "one is made every night; now: python -m bot backup FILE")
            return self._found("backups", State.ATTENTION, detail, next_step)
        latest = max(times)
        detail = say_many(language, "{count} backup, the latest of {date}", "{count} backups, the latest of {date}", len(times),
                          date=latest.date().isoformat())  # fmt: skip
        if self._clock.now() - latest <= STALE_BACKUP:
            return self._found("backups", State.OK, detail)
        next_step = say(language, "nightly backups are made while the bot runs; look for night.failed in its log")
        return self._found("backups", State.ATTENTION, detail, next_step)

    async def _knowledge(self) -> Finding:
        language = self._language
        passages, problems = await self._looks.knowledge()
        folder = str(self._loaded.config.knowledge.folder)
        count = say_many(language, "{count} passage in {folder}", "{count} passages in {folder}", passages, folder=folder)
        if passages and not problems:
            return self._found("knowledge", State.OK, count)
        more = [say(language, "and {count} more", count=len(problems) - SHOWN)] if len(problems) > SHOWN else []
        next_step = say(language, "put Markdown, text or CSV files there, or set knowledge.folder")
        return self._found("knowledge", State.ATTENTION, "\n".join([count, *problems[:SHOWN], *more]), next_step)

    async def _models(self) -> Finding:
        statuses = await self._looks.models()
        lines = [line for one in statuses for line in self._model_lines(one)]
        ready, wanted = [one for one in statuses if one.is_ready], [one for one in statuses if one.is_wanted]
        is_well = all(one.is_ready for one in wanted)
        state = State.OK if is_well else State.ATTENTION if ready else State.BROKEN
        return self._found("models", state, "\n".join(lines))

    def _model_lines(self, status: ModelStatus) -> list[str]:
        """How one model is: reachable or not, where text goes, how soon it began to answer, and what to do."""
        language = self._language
        facts = [status.detail]
        if status.version:
            facts.append(say(language, "version {version}", version=status.version))
        if status.first_token_s is not None:
            facts.append(say(language, "first token after {time}", time=duration(status.first_token_s, language)))
        if status.is_remote:
            facts.append(say(language, "text leaves this machine"))
        mark = "" if status.is_ready else "✗ " if status.is_wanted else "· "
        step = [f"    → {status.next_step}"] if status.next_step and not status.is_ready else []
        return [f"{mark}{status.name}: {'; '.join(facts)}", *step]

    async def _memory(self) -> Finding:
        """What is remembered, what waits, and whether it is found by its meaning."""
        language, settings, found = self._language, self._loaded.config.memory, await self._looks.memory()
        lines, steps = [_remembered(language, found)], []
        if waiting := _waiting(language, found):
            lines.append(waiting)
        if not settings.enabled:
            lines.insert(0, say(language, "switched off: memory.enabled is false"))
        elif found.why_not:
            lines.append(say(language, "embedder {name} is not ready: {reason}", name=found.chosen, reason=found.why_not))
            steps.append(self._embedder_step(found))
        else:
            lines.append(self._embedder_line(found))
        if found.server_answers is not None and settings.enabled:
            words = {
                True: say(language, "the Chroma server {server} answers", server=settings.chroma_server),
                False: say(language, "the Chroma server {server} does not answer", server=settings.chroma_server),
            }
            lines.append(words[found.server_answers])
            if not found.server_answers:
                steps.append(
                    say(
                        language,
                        "start the Chroma server, or leave memory.chroma_server empty; until then the database is searched",
                    )
                )
        return self._found("memory", State.ATTENTION if steps else State.OK, "\n".join(lines), "; ".join(steps))

    def _embedder_line(self, found: Remembered) -> str:
        """Which embedder is used, and what its change brings."""
        language = self._language
        if found.vectors and found.made_by != found.chosen:
            return say(language, "embedder {name}; every vector is made anew by it while the bot runs", name=found.chosen)
        if found.chosen.startswith("hash-") and not found.has_model and self._loaded.config.memory.embedder == "auto":
            return say(
                language,
                "embedder {name}, which compares letters; python -m bot embedder-pull fetches one that knows meanings",
                name=found.chosen,
            )
        return say(language, "embedder {name}", name=found.chosen)

    def _embedder_step(self, found: Remembered) -> str:
        """What to do where the embedder is not ready: until then memories are found by their words alone."""
        language, named = self._language, self._loaded.config.memory.embedder
        if named == "onnx" and not found.has_model:
            return say(language, "python -m bot embedder-pull fetches its model; until then words alone decide")
        if named == "ollama":
            return say(language, "start Ollama and pull an embedding model there (ollama pull embeddinggemma)")
        if named == "mistral":
            return say(language, "see to models.mistral.api_key and the network, or set memory.embedder to auto")
        return say(language, "set memory.embedder to hash, or mend what is said there; until then words alone decide")

    async def _usage(self) -> Finding:
        """What models were used for today, and what the admins are to know."""
        language, currency = self._language, self._loaded.config.models.currency
        used, notices = await self._looks.usage(), await self._looks.notices()
        lines = [say(language, "nothing yet")]
        if used is not None and used.messages:
            facts = [
                say_many(language, "{count} message", "{count} messages", used.messages),
                say_many(language, "{count} token", "{count} tokens", used.tokens),
                *([money(used.cost, currency, language)] if used.cost else []),
                say_many(language, "by {count} person", "by {count} people", used.people),
            ]
            lines = [", ".join(facts)]
        lines += [f"{one.day.isoformat()}: {notice_text(one, language, currency)}" for one in notices]
        return self._found("usage", State.ATTENTION if notices else State.OK, "\n".join(lines))

    async def _page(self) -> Finding:
        language, web = self._language, self._loaded.config.web
        place = f"{web.host}:{web.port}"
        if web.port == 0 or await self._looks.port_is_free():
            return self._found("page", State.OK, say(language, "{place} is free", place=place))
        if await self._looks.holder():
            return self._found("page", State.OK, say(language, "{place} is in use, as it should be", place=place))
        next_step = say(language, "another program listens there: end it, or set MARTIN_WEB__PORT")
        return self._found("page", State.BROKEN, say(language, "{place} is taken", place=place), next_step)

    async def _invariants(self) -> Finding:
        language, broken = self._language, await self._looks.invariants()
        if not broken:
            return self._found("invariants", State.OK, say(language, "all hold"))
        lines = [f"{invariant_in_words(language, one.name)}: {one.count} ({', '.join(one.examples)})" for one in broken]
        next_step = say(language, "keep a copy of the data folder and report it: this is an error of Martín's")
        return self._found("invariants", State.BROKEN, "\n".join(lines), next_step)


def _remembered(language: Language, found: Remembered) -> str:
    """How much is remembered."""
    if not found.memories:
        return say(language, "nothing is remembered yet")
    if not found.vectors:
        return say_many(
            language, "{count} memory, without a vector yet", "{count} memories, none with a vector yet", found.memories
        )
    return say_many(
        language,
        "{count} memory, {vectors} with a vector by {embedder}",
        "{count} memories, {vectors} with a vector by {embedder}",
        found.memories,
        vectors=found.vectors,
        embedder=found.made_by,
    )


def _waiting(language: Language, found: Remembered) -> str:
    """What is still to be done, which the bot does while it runs; empty where nothing is."""
    if not (found.to_remember or found.to_index or found.to_remove):
        return ""
    return say(
        language,
        "waiting: {to_remember} to be remembered, {to_index} to go into the index, {to_remove} to leave it",
        to_remember=found.to_remember,
        to_index=f"{found.to_index}+" if found.to_index >= MANY else found.to_index,
        to_remove=found.to_remove,
    )


def changed_settings(loaded: Loaded) -> list[str]:
    """`web.port = 80 (MARTIN_WEB__PORT)` for each setting that is not at its default; a secret's value never."""
    defaults, lines = Config(), []
    for path, field in every_setting():
        value, default = _value(loaded.config, path), _value(defaults, path)
        if value != default:
            shown = "•••" if is_secret(field) else value
            lines.append(f"{'.'.join(path)} = {shown} ({loaded.sources.get(path, '?')})")
    return lines


def holder_in_words(language: Language, holder: str) -> str:
    """Who serves the data folder, out of what the lock says of it."""
    found = _HOLDER.fullmatch(holder)
    if found is None:
        return say(language, "served by another process")
    if found["address"] is None:
        return say(language, "served by process {pid}", pid=found["pid"])
    return say(language, "served by process {pid} at {address}", pid=found["pid"], address=found["address"])


def invariant_in_words(language: Language, name: str) -> str:
    """What must hold, as the store names it; a name that is not known here stays as it is."""
    words = {
        "every message is under way or has ended": say(language, "every message is under way or has ended"),
        "a received message keeps its text, an answered or ended one does not": say(
            language, "a received message keeps its text, an answered or ended one does not"
        ),
        "an answered message has exactly one turn": say(language, "an answered message has exactly one turn"),
        "a message that is received, absorbed or erased has no turn": say(
            language, "a message that is received, absorbed or erased has no turn"
        ),
        "only texts, commands and choices have turns": say(language, "only texts, commands and choices have turns"),
        "a failed turn's message has failed": say(language, "a failed turn's message has failed"),
        "a refused message with a turn was closed": say(language, "a refused message with a turn was closed"),
        "an erased message keeps a keyed hash only": say(language, "an erased message keeps a keyed hash only"),
        "an answered message has a reply on its way": say(language, "an answered message has a reply on its way"),
        "a reply on its way belongs to an answered message": say(language, "a reply on its way belongs to an answered message"),
        "a reply belongs to its turn": say(language, "a reply belongs to its turn"),
        "a notice on its way belongs to a refused message": say(language, "a notice on its way belongs to a refused message"),
        "a due message is in the outbox once it is released": say(
            language, "a due message is in the outbox once it is released"
        ),
        "what is delivered keeps no text": say(language, "what is delivered keeps no text"),
        "what is delivered has no open parts": say(language, "what is delivered has no open parts"),
        "a delivered part belongs to a turn": say(language, "a delivered part belongs to a turn"),
        "a memory to come names its source": say(language, "a memory to come names its source"),
        "a memory names its source": say(language, "a memory names its source"),
        "a memory is its group's person's": say(language, "a memory is its group's person's"),
        "a memory that took another's place ended it": say(language, "a memory that took another's place ended it"),
        "a vector is its live memory's": say(language, "a vector is its live memory's"),
        "a memory in the index has a vector": say(language, "a memory in the index has a vector"),
        "a rating is its turn's person's": say(language, "a rating is its turn's person's"),
        "a shared answer is its turn's person's": say(language, "a shared answer is its turn's person's"),
        "an answer is shared by consent": say(language, "an answer is shared by consent"),
        "a logged style is its turn's": say(language, "a logged style is its turn's"),
        "a question is asked at its turn's address": say(language, "a question is asked at its turn's address"),
        "a turn is its address's person's": say(language, "a turn is its address's person's"),
        "an address is its user's person's": say(language, "an address is its user's person's"),
        "a person has an identity": say(language, "a person has an identity"),
        "a done chore keeps no person": say(language, "a done chore keeps no person"),
        "every reference has its row": say(language, "every reference has its row"),
    }
    return words.get(name, name)


def worst(findings: Iterable[Finding]) -> State:
    """The state of the worst finding."""
    states = {finding.state for finding in findings}
    return State.BROKEN if State.BROKEN in states else State.ATTENTION if State.ATTENTION in states else State.OK


def _value(config: Config, path: Sequence[str]) -> object:
    found: object = config
    for key in path:
        found = getattr(found, key)
    return found
