"""What the command line does to memory: import an export, fetch an embedding model, build the index anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bot.amounts import count, size
from bot.app import open_stores
from bot.chores import find_person
from bot.config import Config
from bot.embedders import Meter, choose
from bot.errors import EmbedderError, ImportRefused
from bot.locale import say, say_many
from bot.memory_types import BadRecord, ImportedRecord
from bot.model_types import PullProgress
from bot.models.embedder_download import SOURCES, Source, download, source_at, why_not
from bot.running_index import opened_index
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores
from bot.system import SystemClock
from bot.types import Language, PersonId
from handlers.signs import load_signs
from profiles.imported import Imported, import_records
from profiles.importers import Format, Reader, read
from profiles.importers.faults import Fault, Wrong
from profiles.indexer import Indexer

__all__ = [
    "SOURCES", "BadRecords", "Format", "fetch_embedder", "fetched_line", "import_export", "import_lines", "reindex",
    "source_line", "source_named", "why_not",
]  # fmt: skip

SHOWN: Final = 20
_UNSET: Final = 500
_STEPS: Final = 200
"""How often a bar is drawn at most."""
_ENDS: Final = (Fault.CUT, Fault.NOT_JSON, Fault.DAMAGED)
"""What nothing is read after."""


class BadRecords:
    """What could not be read of an export: the first of it in full, the rest as a number."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._first: list[BadRecord] = []
        self._count = 0

    def add(self, record: BadRecord) -> None:
        """One more."""
        self._count += 1
        if self._count <= SHOWN:
            self._first.append(record)

    def lines(self) -> list[str]:
        """A line for each of the first, and one for the rest."""
        language, rest = self._language, self._count - len(self._first)
        lines = [say(language, "Line {line}: {reason}", line=one.line, reason=one.reason) for one in self._first]
        if rest:
            lines.append(
                say_many(
                    language,
                    "{count} more record was left out for such reasons.",
                    "{count} more records were left out for such reasons.",
                    rest,
                )
            )
        return lines


class Bar(Protocol):
    """Shows how far something is; called from any thread."""

    def show(self, name: str, pulled: PullProgress) -> None:
        """So many bytes of so many."""

    def count(self, name: str, done: int, total: int) -> None:
        """So many things of so many."""


async def import_export(
    config: Config,
    file: Path,
    who: str,
    *,
    me: str | None,
    format: Format | None,
    language: Language,
    on_bad: Callable[[BadRecord], None],
    bar: Bar,
) -> Imported:
    """Put another program's export into the memory of a person, named by their id or as `channel:user`; all of it or nothing.

    Raises DataFolderLocked while a bot serves the folder, UnknownPerson, ImportRefused (worded in `language`) and StoreError.
    """
    if not config.memory.enabled:
        raise ImportRefused(say(language, "Memory is switched off. Set memory.enabled to true, then import again."))
    clock, folder = SystemClock(), DataFolder.open(config.data_dir)
    with folder.lock():
        await migrate(folder, clock)
        async with open_stores(config) as stores:
            await stores.erasure.apply_tombstones()
            person = await find_person(stores, who)
            spoken = await _spoken(stores, person, language) or config.language.default
            reader = await asyncio.to_thread(read, file, format=format, me=me, language=language)
            remembering = say(language, "Remembering")
            return await import_records(
                _watched(reader, file, language, bar),
                person=person,
                memories=stores.memories,
                pending=stores.memories,
                most=config.memory.most,
                at=clock.now(),
                language=spoken,
                on_bad=on_bad,
                on_progress=lambda done, total: bar.count(remembering, done, total),
            )


def import_lines(config: Config, done: Imported, language: Language) -> list[str]:
    """What became of an import."""
    if not done.new and not done.known:
        return [say(language, "Nothing was imported.")]
    lines = [
        say(
            language,
            "New memories: {new}. There already: {known}. Left out: {bad}.",
            new=count(done.new, language),
            known=count(done.known, language),
            bad=count(done.bad, language),
        )
    ]
    if done.facts:
        lines.append(say(language, "Facts drawn from them: {facts}.", facts=count(done.facts, language)))
    if done.older:
        lines.append(
            say_many(
                language,
                "{count} older message did not fit: memory.most is {most}.",
                "{count} older messages did not fit: memory.most is {most}.",
                done.older,
                most=count(config.memory.most, language),
            )
        )
    return lines


async def _spoken(stores: Stores, person: PersonId, language: Language) -> Language | None:
    """The language that a person chose. Raises ImportRefused where they want nothing remembered."""
    owner = next(one for one in stores.personal if "people" in one.tables)
    match await owner.export(person):
        case {"people": [{"remembers": True, "language": "es" | "en" | None as chosen}]}:
            return chosen
        case _:
            raise ImportRefused(
                say(
                    language,
                    "This person has switched their memory off, so nothing may be imported; /memory switches it on.",
                )
            )


def _watched(reader: Reader, file: Path, language: Language, bar: Bar) -> Iterator[ImportedRecord | BadRecord]:
    """The records, with a bar while they are read. Raises ImportRefused behind the last one when the export breaks off.

    Talk of a crisis is left out, as it is of what is said here: it would come back in later answers.
    """
    name = say(language, "Reading {file} ({format})", file=file.name, format=reader.format.value)
    ends = tuple(Wrong(language)(0, fault).reason for fault in _ENDS)
    total, next_at, is_whole, signs = reader.bytes_total, 0, True, load_signs()
    for record in reader:
        if reader.bytes_read >= next_at:
            bar.show(name, PullProgress(step="", done=reader.bytes_read, total=total))
            next_at = reader.bytes_read + max(1, total // _STEPS)
        is_whole = is_whole and not (isinstance(record, BadRecord) and record.reason.endswith(ends))
        if isinstance(record, BadRecord) or not record.is_own or signs.find(record.text) is None:
            yield record
    bar.show(name, PullProgress(step="", done=total, total=total))
    if not is_whole:
        raise ImportRefused(
            say(
                language,
                "The export is damaged: only a part of it could be remembered. Export it again, or take the damaged file out.",
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindexed:
    """What a fresh index holds: so many memories, by that embedder."""

    embedder: str
    memories: int


async def reindex(config: Config, *, embeds: bool, language: Language, bar: Bar) -> Reindexed:
    """Fill a fresh index with all memories; what has no vector is embedded, with `embeds` everything.

    Raises DataFolderLocked while a bot serves the folder, EmbedderError, IndexUnavailable and StoreError.
    """
    clock, folder = SystemClock(), DataFolder.open(config.data_dir)
    with folder.lock():
        await migrate(folder, clock)
        async with open_stores(config) as stores, AsyncExitStack() as stack:
            await stores.erasure.apply_tombstones()
            meter = Meter(stores.database, config, clock)
            stack.push_async_callback(meter.aclose)
            picked = await choose(config, clock, await stores.vectors.embedder(), count_tokens=meter.count)
            stack.push_async_callback(picked.embedder.aclose)
            embedder = picked.embedder
            if not picked.is_ready:
                raise EmbedderError(f"{embedder.name} does not answer; its vectors are what is stored")
            while embeds and await stores.vectors.unset("", limit=_UNSET):
                pass
            index = await stack.enter_async_context(opened_index(config, embedder.name))
            indexer = Indexer(vectors=stores.vectors, index=index, embedder=embedder, clock=clock, pause_s=0)
            name = say(language, "Filling the index")
            await indexer.reindex(lambda done, total: bar.count(name, done, total))
            _, indexed = await stores.vectors.numbers(embedder.name)
            return Reindexed(embedder=embedder.name, memories=indexed)


def source_named(config: Config, name: str) -> Source | None:
    """What `embedder-pull` is to fetch: a model that is known by name, or one at an address. None for anything else."""
    wanted = name or config.memory.embedder_source
    return SOURCES.get(wanted) or (source_at(wanted) if "://" in wanted else None)


def source_line(source: Source, language: Language) -> str:
    """What is about to be fetched, and from where."""
    if not source.size:
        return say(
            language, "{name}, from {address}; size and licence are not known here", name=source.name, address=source.address
        )
    return say(
        language,
        "{name}: {size}, licence {licence}, from {address}",
        name=source.name,
        size=size(source.size, language),
        licence=source.licence,
        address=source.address,
    )


async def fetch_embedder(config: Config, source: Source, show: Callable[[PullProgress], None]) -> Path:
    """Have a sentence-embedding model in the folder of the settings; that folder. Raises ModelError."""
    folder = (DataFolder.open(config.data_dir).path / config.memory.onnx_folder).absolute()
    await download(source, folder, show)
    return folder


def fetched_line(config: Config, folder: Path, language: Language) -> str:
    """Where the model lies, and what to do for it to be used."""
    if config.memory.embedder in ("auto", "onnx"):
        return say(language, "The model lies in {folder}. Restart the bot: it uses it from then on.", folder=folder)
    return say(
        language,
        "The model lies in {folder}. For the bot to use it, set memory.embedder to auto or onnx and restart it.",
        folder=folder,
    )
