"""What the command line does to a data folder besides serving it: migrate, back up, restore, forget, examine."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot.admin_types import AuditEntry
from bot.app import open_stores
from bot.backends import build_models
from bot.certificate import Made, make, names_of_this_machine
from bot.config import Config, Loaded
from bot.embedders import choose
from bot.errors import BackupError, DataFolderLocked, EmbedderError, IndexUnavailable, UnknownPerson
from bot.jobs.doctor import MANY, Broken, Database, Doctor, Finding, Looks, Remembered
from bot.jobs.forget import ForgetJob
from bot.knowledge import FolderKnowledge
from bot.model_types import ModelStatus, PullProgress
from bot.night_order import training_folder
from bot.ports import UsageOfDay
from bot.running_index import OPEN_S, empty_index, forget_vectors
from bot.store.backup import Backup, Restored, backup, restore
from bot.store.check import count_rows, find_faults, in_thread, open_file, revision_of
from bot.store.check import damaged as damaged_error
from bot.store.db import Unit
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.migrate import MigrationReport, migrate
from bot.store.migrations import REVISIONS
from bot.store.open import Stores
from bot.store.writes import steps_of
from bot.system import SystemClock, TimeOrderedIds
from bot.types import AdminNotice, ChannelName, PersonId
from bot.writes import AddJob
from learning.exports import Exports, clear
from learning.folder import TrainingFolder
from profiles.onnx_child import lacking

NOTICE_DAYS = timedelta(days=7)
SHOWN_NOTICES = 20
CONNECT_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What became of a wish to forget somebody: done here, or left to the bot that serves the folder."""

    person: PersonId
    is_done: bool


async def migrate_now(config: Config) -> MigrationReport:
    """Bring the database to this version's schema. Raises DataFolderLocked while a bot serves it, and StoreError."""
    folder = DataFolder.open(config.data_dir)
    with folder.lock():
        return await migrate(folder, SystemClock())


async def back_up(config: Config, destination: Path) -> Backup:
    """Copy the database, served or not, into `destination`. Raises BackupError and StoreError."""
    folder = DataFolder.open(config.data_dir)
    if not folder.database.exists():
        raise BackupError(f"there is no database in {str(config.data_dir)!r} yet")
    return await backup(folder.database, destination)


async def restore_from(config: Config, source: Path) -> Restored:
    """Put a backup in place; the present database is kept aside. Raises DataFolderLocked, BackupError and StoreError.

    Whoever was forgotten after that backup is forgotten again at the next start, before anything is served. The index of
    vectors is of another time then: it is emptied, and the next start fills it.
    """
    folder = DataFolder.open(config.data_dir)
    with folder.lock() as lock:
        restored = await restore(source, folder, lock, SystemClock())
        await clear(TrainingFolder(training_folder(config)))
        try:
            await empty_index(config, folder)
        except (IndexUnavailable, OSError) as error:
            raise BackupError(
                f"the database was restored, but the index is still of another time ({error}): run python -m bot reindex"
            ) from error
        return restored


async def forget_person(config: Config, who: str, *, open_s: float = OPEN_S) -> Forgotten:
    """Erase a person, named by their id or as `channel:user`. While a bot serves the folder, it does so within a minute.

    Vectors in the index go first, then rows: as long as there are rows, it can be tried again. Raises UnknownPerson,
    IndexUnavailable when a Chroma server does not answer, and StoreError.
    """
    folder = DataFolder.open(config.data_dir)
    try:
        lock = folder.lock()
    except DataFolderLocked:
        async with open_stores(config) as stores:
            person = await find_person(stores, who)
            wish = AddJob(kind="forget", person_id=person)
            await stores.database.commit(Unit(*steps_of([wish], SystemClock().now(), TimeOrderedIds())))
        return Forgotten(person=person, is_done=False)
    with lock:
        await migrate(folder, SystemClock())
        async with open_stores(config) as stores:
            person = await find_person(stores, who)
            async with Exports(TrainingFolder(training_folder(config)), stores.training).leaving(person):
                await forget_vectors(config, folder, person, open_s=open_s)
                await stores.erasure.forget_person(person, spare_waiting=False)
                await ForgetJob(stores.personal).run(person)
    return Forgotten(person=person, is_done=True)


async def migrate_unserved(config: Config) -> None:
    """A database of this version, where no bot serves it that has seen to that."""
    folder = DataFolder.open(config.data_dir)
    try:
        lock = folder.lock()
    except DataFolderLocked:
        return
    with lock:
        await migrate(folder, SystemClock())
        async with open_stores(config) as stores:
            await stores.erasure.apply_tombstones()  # whoever a restored backup brought back is in no file


@asynccontextmanager
async def migrated_stores(config: Config) -> AsyncIterator[Stores]:
    """The stores of a database of this version, for a command beside a bot or without one. Raises StoreError."""
    await migrate_unserved(config)
    async with open_stores(config) as stores:
        yield stores


async def audit_entries(config: Config, limit: int) -> Sequence[AuditEntry]:
    """What admins did, newest first. Raises StoreError."""
    async with migrated_stores(config) as stores:
        return await stores.audit.recent(limit)


async def make_certificate(config: Config, hosts: Sequence[str], *, language: str) -> Made:
    """A certificate for this machine, and for `hosts` besides, in the data folder. Raises CertificateError."""
    folder = DataFolder.open(config.data_dir)
    names = dict.fromkeys((*names_of_this_machine(), *hosts))
    return await make(folder.tls, tuple(names), language=language)


async def pull_model(config: Config, model: str, show: Callable[[str, PullProgress], None]) -> str | None:
    """Download a model into the local server, `show`ing how far it is; its name. None without such a server. Raises ModelError.

    Without a name it is the one that the settings want, else a small one that fits an ordinary machine.
    """
    models = build_models(config, SystemClock())
    async with aclosing(models.chain):
        if models.library is None:
            return None
        wanted = model or config.models.ollama.model or models.library.recommended
        async for progress in models.library.pull(wanted):
            show(wanted, progress)
    return wanted


async def examine(loaded: Loaded, *, language: str, with_invariants: bool) -> tuple[Finding, ...]:
    """What doctor finds. Changes nothing, also while a bot serves the folder."""
    looks = _Looks(loaded.config)
    ports = Looks(
        holder=looks.holder,
        free_bytes=looks.free_bytes,
        database=looks.database,
        backups=looks.backups,
        knowledge=looks.knowledge,
        models=lambda: looks.models(language),
        memory=looks.memory,
        usage=looks.usage,
        notices=looks.notices,
        port_is_free=looks.port_is_free,
        invariants=looks.invariants,
    )
    return await Doctor(loaded, ports, clock=SystemClock(), language=language).examine(with_invariants=with_invariants)


class _Looks:
    """The machine as it is."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._folder = DataFolder.open(config.data_dir)

    async def holder(self) -> str | None:
        try:
            self._folder.lock().release()
        except DataFolderLocked as error:
            return error.holder
        return None

    async def free_bytes(self) -> int:
        return shutil.disk_usage(self._folder.path).free

    async def database(self) -> Database:
        return await in_thread(self._database)

    def _database(self, stop: threading.Event) -> Database:
        path = self._folder.database
        if not path.exists() or not path.stat().st_size:
            return Database(exists=False)
        with open_file(path, "live", stop) as connection:
            if faults := find_faults(connection, "quick_check"):
                raise damaged_error(path, faults)
            revision = revision_of(connection, path)
        return Database(exists=revision is not None, is_old=revision != REVISIONS[-1], size=path.stat().st_size)

    async def backups(self) -> Sequence[datetime]:
        return await asyncio.to_thread(
            lambda: [
                datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in self._folder.backups.glob("martin-????-??-??.db")
            ]
        )

    async def knowledge(self) -> tuple[int, Sequence[str]]:
        knowledge = FolderKnowledge(self._config.knowledge.folder, clock=SystemClock())
        await knowledge.refresh()
        problems = [f"{one.path}{f':{one.line}' if one.line else ''}: {one.reason}" for one in knowledge.problems]
        return knowledge.count, problems

    async def models(self, language: str) -> Sequence[ModelStatus]:
        async with aclosing(build_models(self._config, SystemClock()).chain) as chain:
            return await chain.tried_statuses("es" if language == "es" else "en")

    async def memory(self) -> Remembered:
        settings, folder = self._config.memory, self._folder.path / self._config.memory.onnx_folder
        found = Remembered(has_model=not lacking(folder))
        if await self._has_present_tables():
            rows = await in_thread(self._rows)
            async with open_stores(self._config) as stores:
                made_by = await stores.vectors.embedder()
                memories, vectors = await stores.vectors.numbers(made_by)
                waiting = await stores.vectors.unindexed(made_by, limit=MANY)
                for_model = await stores.memories.pending(with_model=True, limit=MANY)
            found = replace(
                found,
                memories=memories,
                vectors=vectors,
                made_by=made_by,
                to_remember=rows["pending_memories"] - len(for_model),  # those are remembered: a model may find more
                to_index=len(waiting),
                to_remove=rows["index_removals"],
            )
        if not settings.enabled:
            return found
        chosen, why_not = await self._embedder(found.made_by)
        answers = await _answers(settings.chroma_server) if settings.chroma_server else None
        return replace(found, chosen=chosen, why_not=why_not, server_answers=answers)

    def _rows(self, stop: threading.Event) -> dict[str, int]:
        with open_file(self._folder.database, "live", stop) as connection:
            return count_rows(connection)

    async def _embedder(self, last: str) -> tuple[str, str]:
        """The embedder that the settings mean, and why it cannot be used, if so."""
        try:
            picked = await choose(self._config, SystemClock(), last)
        except EmbedderError as error:
            return self._config.memory.embedder, str(error)
        await picked.embedder.aclose()
        return picked.embedder.name, "" if picked.is_ready else "; ".join(one.reason for one in picked.passed_over)

    async def usage(self) -> UsageOfDay | None:
        today = SystemClock().now().date()
        if not await self._has_present_tables():
            return None
        async with open_stores(self._config) as stores:
            return await stores.usage.of_day(today)

    async def notices(self) -> Sequence[AdminNotice]:
        since = SystemClock().now().date() - NOTICE_DAYS
        if not await self._has_present_tables():
            return ()
        async with open_stores(self._config) as stores:
            return await stores.notices.recent(since, SHOWN_NOTICES)

    async def _has_present_tables(self) -> bool:
        found = await self.database()
        return found.exists and not found.is_old

    async def port_is_free(self) -> bool:
        host, port = self._config.web.host, self._config.web.port
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind((host, port))
            except OSError:
                return False
        return True

    async def invariants(self) -> Sequence[Broken]:
        if not self._folder.database.exists():
            return ()
        async with open_stores(self._config) as stores:
            found = await broken_invariants(stores.database)
        return [Broken(name=one.name, count=one.count, examples=one.examples) for one in found]


async def _answers(server: str) -> bool:
    """Whether somebody listens at a server's address."""
    place = urlsplit(server)
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(place.hostname, place.port or (443 if place.scheme == "https" else 8000))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def find_person(stores: Stores, who: str) -> PersonId:
    """The person that an id or `channel:user` names. Raises UnknownPerson."""
    channel, is_address, user = who.partition(":")
    if is_address:
        if channel not in set(ChannelName):
            raise UnknownPerson(f"{channel!r} is no channel; a person is named by their id or as {'|'.join(ChannelName)}:USER")
        found = await stores.people.person_of(ChannelName(channel), user)
    else:
        found = PersonId(who) if await stores.people.exists(PersonId(who)) else None
    if found is None:
        raise UnknownPerson(f"nobody is stored as {who!r}")
    return found
