"""The only file that names concrete classes: a `Config` in, a running task group out."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.admin_parts import admin_desk
from bot.backends import build_models
from bot.banner import greeting, terminal_language, where_text_goes
from bot.channel_parts import KnownLanguages, entrance, platform_channels
from bot.channel_types import ChatMode
from bot.channels.web import SessionChannel
from bot.config import Config
from bot.core import Core
from bot.delivery import Delivery
from bot.door import Door, DoorLimits
from bot.downloads import BackgroundDownloads
from bot.errors import DataFolderLocked, MartinError
from bot.health import RunningHealth
from bot.histories import StoredHistories
from bot.job_types import Job
from bot.jobs.broadcast import BroadcastJob
from bot.jobs.forget import ForgetJob
from bot.jobs.link import LinkJobs
from bot.jobs.runner import Chores, DueMessages
from bot.knowledge import FolderKnowledge
from bot.learning_parts import LearningParts
from bot.lexical import guess_language
from bot.locale import say
from bot.log import Logs
from bot.manners import without_prefix
from bot.memory_parts import MemoryParts, remote_embedder
from bot.model_types import ModelStatus
from bot.models.breaker import BreakerState
from bot.nights import Nights
from bot.normalise import clean
from bot.part_settings import core_settings, handler_settings
from bot.ports import Channel, PersonalData, Services
from bot.process import settle, signals
from bot.router import Router
from bot.store.folder import DataFolder, RunInfo
from bot.store.migrate import migrate
from bot.store.open import Stores, open_folder
from bot.supervise import SupervisedChannel
from bot.system import SystemClock, TimeOrderedIds
from bot.types import LANGUAGES, ChannelName, IncomingMessage, Language, TurnId
from handlers import ASK_A_MODEL
from handlers import build as build_handlers
from handlers.admin_chats import Places
from handlers.signs import is_in_danger
from profiles.kept import KeptProfiles
from web.app import build as build_web
from web.server import WebServer
from web.settings import WebSettings

if TYPE_CHECKING:
    from apscheduler.schedulers.base import BaseScheduler

_log = structlog.get_logger("martin")

DUE_EVERY_S, NIGHT_EVERY_S = 60, 300
MODELS_EVERY_S, MODELS_FRESH_S = 15.0, 300.0
"""How often to look for a model that was not ready, and how often at those that were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A running bot: where its page is, and the token that makes a client its owner."""

    address: str
    owner_token: str


@asynccontextmanager
async def open_stores(config: Config, *, before_call: Callable[[str], None] | None = None) -> AsyncIterator[Stores]:
    """The stores of the data folder, for the bot, the command line, the night and benchmarks; closed at the end.

    Takes no lock and migrates nothing: `serve` and the commands that need it do. Raises StoreError.
    """
    async with open_folder(
        DataFolder.open(config.data_dir),
        clock=SystemClock(),
        ids=TimeOrderedIds(),
        busy_timeout_s=config.store.busy_timeout_s,
        before_call=before_call,
    ) as stores:
        yield stores


class Bot:
    """All parts of a running bot, wired. `run` serves until `stop` is called."""

    def __init__(
        self, config: Config, folder: DataFolder, stores: Stores, channels: Mapping[ChannelName, Channel] | None = None
    ) -> None:
        """`channels` are there besides the page and the console, or in their place (journeys, benchmarks)."""
        self._config, self._folder, self._stores = config, folder, stores
        self._clock, self._ids = SystemClock(), TimeOrderedIds()
        self._keyed = _keyed(folder.secret_key())
        self._models = build_models(config, self._clock)
        self.model = self._models.chain
        library = self._models.library
        self.downloads = BackgroundDownloads(library, self._clock) if library is not None else None
        self.memory = MemoryParts(
            config, folder, stores, self._clock, self._ids, models=self._models, is_idle=lambda: self.core.is_idle
        )
        self.profiles = KeptProfiles(stores.profiles, self._clock)
        self.learning = learning = LearningParts(config, stores, self._clock)
        caches = (*self.memory.caches, self.profiles)
        self.personal: tuple[PersonalData, ...] = (learning.exports, *stores.personal, self.memory.index, *caches)
        self.knowledge = FolderKnowledge(config.knowledge.folder, clock=self._clock)
        self._sessions = {
            name: SessionChannel(name, clock=self._clock, ids=self._ids) for name in (ChannelName.WEB, ChannelName.CONSOLE)
        }
        self._languages = KnownLanguages(stores.people)
        self.platforms = platform_channels(config, stores, self._clock, secret=folder.secret_key(), language=self._language)
        given = {**self._sessions, **self.platforms.channels, **(channels or {})}
        self._channels = {name: SupervisedChannel(one) for name, one in given.items()}
        linking = LinkJobs(
            stores.links,
            caches=[one.forget for one in caches],
            index=self.memory.index.forget,
            clock=self._clock,
            on_change=self.memory.wake,
        )
        self._doorkeeper = entrance(
            config, stores, self._clock, keyed=self._keyed, language=self._language, is_urgent=is_in_danger
        )
        chores = {
            "forget": self._forget,
            "link": learning.and_settle(linking.link),
            "unlink": learning.and_settle(linking.unlink),
            "withdraw": learning.withdraw,
            "broadcast": BroadcastJob(stores.broadcasts, self._doorkeeper.keeps_out).run,
        }
        self.chores = Chores(jobs=stores.jobs, run=chores, clock=self._clock)
        self.delivery = Delivery(outbox=stores.outbox, channels=self._channels, clock=self._clock, on_sent=self._delivered)
        places = Places(chats=stores.chats, answers=ChatMode(config.groups.answers), is_open=config.access.is_open)
        self._health = RunningHealth(
            clock=self._clock,
            checks={**self._checks(), **self.platforms.checks(self._channels)},
            stuck_s=lambda: stores.database.batch_running_s,
            deaf_s=lambda: self.platforms.deaf_s(self._channels),
        )
        desk = admin_desk(config, stores, learning, self._clock, self._health.ready)
        self.router = Router(build_handlers(self._services(), self.profiles, stores.links, desk, places))
        self.core = Core(
            inbox=stores.inbox,
            people=self._languages,
            turns=stores.turns,
            outbox=stores.outbox,
            router=self.router,
            delivery=self.delivery,
            channels=self._channels,
            clock=self._clock,
            settings=core_settings(config),
            language=self._language,
            spoken=guess_language,
            limited=ASK_A_MODEL,
            resumed=self._resumed,
        )
        self.door = self._new_door()
        self._stopping = asyncio.Event()
        self.statuses: Sequence[ModelStatus] = ()

    def _new_door(self) -> Door:
        config = self._config
        return Door(
            inbox=self._stores.inbox,
            clock=self._clock,
            ids=self._ids,
            limits=DoorLimits(per_person=config.limits.queue_per_person, of_all=config.limits.queue_all),
            digest=_digest(self._folder.secret_key()),
            clean=partial(_clean, max_chars=config.limits.text_max_chars),
            language=self._language,
            is_urgent=is_in_danger,
            uncalled=partial(without_prefix, prefix=config.groups.prefix),
            access=self._doorkeeper,
        )

    def _delivered(self) -> None:
        """A reply has gone out: what waited for that may begin."""
        self.chores.wake()
        self.memory.wake()

    def _resumed(self, id: TurnId, message: IncomingMessage) -> None:
        if (session := self._sessions.get(message.address.channel)) is not None:
            session.resume(id, message)

    def web(self, owner_token: str) -> WebServer:
        """The page's server, bound to its port. Raises ConfigError when the port is taken."""
        settings = self._config.web
        app = build_web(
            WebSettings(
                secret=self._folder.secret_key(),
                owner_token=owner_token,
                notice=self._notice,
                access_token=settings.access_token.get_secret_value() if settings.access_token else None,
                admin_token=settings.admin_token.get_secret_value() if settings.admin_token else None,
                # The console asks at the address that the page is bound to.
                allowed_hosts=(*settings.allowed_hosts, settings.host) if settings.allowed_hosts else (),
                is_loopback=settings.is_loopback,
                bot_name=self._config.bot.name,
                text_limit=self._config.limits.text_max_chars,
                currency=self._config.models.currency,
                place=lambda name: next((one.place for one in self.model.known() if one.name == name), None),
            ),
            web=self._sessions[ChannelName.WEB],
            console=self._sessions[ChannelName.CONSOLE],
            histories=StoredHistories(self._stores.turns, self._stores.people.address_id),
            health=self._health,
            notices=self._stores.notices,
            clock=self._clock,
            posted=self.platforms.posted,
        )
        chats = tuple(self._sessions.values())
        return WebServer(app, host=settings.host, port=settings.port, chats=chats, tls=settings.tls)

    async def run(self, server: WebServer | None, on_ready: Callable[[], None]) -> None:
        """Serve (without a page where `server` is None) until `stop`, then finish what is under way (R-33)."""
        statuses = await self.model.statuses(terminal_language(self._config.language.default))
        self.statuses = (*statuses, *remote_embedder(self._config))
        async with aclosing(self.model), asyncio.TaskGroup() as tasks:
            if server is not None:
                tasks.create_task(server.serve())
            running = [
                tasks.create_task(work)
                for work in (
                    self.delivery.run(),
                    self.core.run(),
                    self.door.run(self.core),
                    self.chores.run(),
                    self._health.run(),
                    self.memory.run(),
                    self.learning.run(),
                    *(channel.run(self.door.receive) for channel in self._channels.values()),
                )
            ]
            running.append(tasks.create_task(self.knowledge.refresh()))
            running.append(tasks.create_task(self.model.watch(MODELS_EVERY_S, MODELS_FRESH_S, self._warm_models)))
            running.append(tasks.create_task(self._warm_models()))
            if self.downloads is not None:
                running.append(tasks.create_task(self.downloads.run()))
            scheduler = self._schedule()
            try:
                on_ready()
                await self._stopping.wait()
            finally:
                scheduler.shutdown(wait=False)
            await self._drain()
            if server is not None:
                server.stop()
            for task in running:
                task.cancel()

    def stop(self) -> None:
        """Take nothing more in, finish, and end."""
        self._stopping.set()

    async def _warm_models(self) -> None:
        """Let a local server load its model now, so that the first person need not wait for it."""
        ready = {status.name for status in self.model.known() if status.is_ready}
        for model in self._models.warm:
            if model.name in ready:
                await model.warm()

    async def _drain(self) -> None:
        """Let running turns end and their replies go out; what does not end in time is answered by the next start."""
        self.door.is_closed = True
        for channel in self._sessions.values():
            channel.drain()
        try:
            async with asyncio.timeout(self._config.core.drain_s):
                await self.core.idle()
                await self.delivery.idle()
        except TimeoutError:
            _log.warning("drain.cut", after_s=self._config.core.drain_s)

    def _schedule(self) -> BaseScheduler:
        """APScheduler with a memory store in UTC; what must survive a restart is in SQL (`due_messages`, `job_runs`)."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        stores, clock, learning = self._stores, self._clock, self.learning
        door, deliver = self._doorkeeper.may_be_told, self.delivery.add
        due = DueMessages(due=stores.due, handler=self.router.due, deliver=deliver, clock=clock, may_be_told=door)
        night, retire = learning.night, learning.exports.retire
        nights = Nights(self._config, self._folder, stores, clock, learn=night, retire=retire)
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        )
        now = self._clock.now()
        for check, every_s in ((_logged("due", due.check), DUE_EVERY_S), (_logged("nights", nights.check), NIGHT_EVERY_S)):
            scheduler.add_job(check, "interval", seconds=every_s, next_run_time=now + timedelta(seconds=1))
        scheduler.start()
        return scheduler

    async def _forget(self, job: Job) -> None:
        await ForgetJob(self.personal).run(job.person_id)

    def _services(self) -> Services:
        config = self._config
        return Services(
            model=self.model,
            offline=self._models.offline,
            library=self._models.library,
            usage=self._stores.usage,
            notices=self._stores.notices,
            price=self._models.price,
            downloads=self.downloads,
            recall=self.memory.recall,
            memories=self._stores.memories,
            search=self.memory.search,
            knowledge=self.knowledge,
            approved=self.memory.approved,
            sharing=self._stores.sharing,
            turns=self._stores.turns,
            profiles=self._stores.profiles,
            personal=self.personal,
            clock=self._clock,
            ids=self._ids,
            status=self.model.statuses,
            known=self._known,
            keyed=self._keyed,
            backup_keep_days=config.store.backup_keep,
            settings=handler_settings(config),
        )

    def _known(self) -> Sequence[ModelStatus]:
        """How each model was when last asked, and the embedder where text leaves the house for it."""
        return (*self.model.known(), *remote_embedder(self._config))

    def _language(self, message: IncomingMessage) -> Language:
        """What somebody is known to have chosen, else their client's language, else their text's, else the default."""
        if (chosen := self._languages.of(message)) is not None:
            return chosen
        prefix = message.locale[:2].lower()
        if prefix in LANGUAGES:
            return "es" if prefix == "es" else "en"
        return guess_language(message.text) or self._config.language.default

    def _notice(self, language: Language) -> str:
        """What the page says under its box: that this is an AI, and where text goes."""
        where = where_text_goes(self._known(), language)
        return say(language, "An automated AI that can be wrong. What you write {where}", where=where)

    def _checks(self) -> Mapping[str, Callable[[], Awaitable[str]]]:
        inode = self._folder.database.stat().st_ino

        async def store() -> str:
            if not self._folder.database.exists() or self._folder.database.stat().st_ino != inode:
                return "the database file was removed or replaced while the bot ran: stop it and restore a backup"
            return "ok" if self._stores.database.is_healthy else str(self._stores.database.last_error)

        async def intake() -> str:
            return "stopping" if self.door.is_closed else "ok"

        async def models() -> str:
            down = [state.name for state in self.model.states if state.breaker is not BreakerState.CLOSED]
            return "ok" if len(down) < len(self.model.states) else f"none answers: {', '.join(down)}"

        return {"store": store, "intake": intake, "models": models}


async def serve(
    config: Config,
    *,
    quiet: bool = False,
    before_call: Callable[[str], None] | None = None,
    on_ready: Callable[[Ready], None] | None = None,
    until: asyncio.Event | None = None,
) -> None:
    """Run the bot until SIGTERM or SIGINT (a second one ends it at once), or until `until`, which leaves signals alone.

    `quiet` leaves out the banner; `before_call` sees each database call's name first (tests). Raises ConfigError,
    DataFolderLocked and StoreError before anything is served.
    """
    folder = DataFolder.open(config.data_dir)
    with folder.lock(), Logs(config.log, secrets=config.secrets):
        await migrate(folder, SystemClock())
        async with open_stores(config, before_call=before_call) as stores:
            erased = await stores.erasure.apply_tombstones()
            if erased:
                _log.warning("tombstones.applied", people=erased)
            bot, token = Bot(config, folder, stores), secrets.token_urlsafe(32)
            server = bot.web(token)
            _warn_of_throwaway_disk()

            def announce() -> None:
                trust = str(config.web.tls[0].absolute()) if config.web.tls is not None else ""
                running = RunInfo(pid=os.getpid(), address=server.address, owner_token=token, certificate=trust)
                folder.write_run_json(running)
                if not quiet:
                    print(greeting(config, server.address, bot.statuses), flush=True)  # noqa: T201 — the one place that greets
                if until is None:
                    tasks.create_task(settle(bot.knowledge.refresh()))
                if on_ready is not None:
                    on_ready(Ready(address=server.address, owner_token=token))

            try:
                async with asyncio.TaskGroup() as tasks:
                    watching = tasks.create_task(_stop_when(until, bot.stop))
                    with signals(bot.stop) if until is None else nullcontext():
                        await bot.run(server, announce)
                    watching.cancel()
            finally:
                folder.remove_run_json()


async def chat(config: Config, *, language: Language | None = None) -> int:
    """Talk in the terminal: with the bot that serves this data folder, else with one that lives as long as the talk."""
    folder = DataFolder.open(config.data_dir)
    language = language or terminal_language(config.language.default)
    try:
        folder.lock().release()
    except DataFolderLocked:
        running = folder.read_run_json()
        if running is None:
            raise
        trusted = Path(running.certificate) if running.certificate else config.web.certificate
        return await _converse(running, language, folder.read_run_json, trusted)
    ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
    until = asyncio.Event()
    web, log = {"host": "127.0.0.1", "port": 0, "certificate": None, "certificate_key": None}, {"level": "error"}
    own = config.model_copy(update={"web": config.web.model_copy(update=web), "log": config.log.model_copy(update=log)})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(own, quiet=True, on_ready=ready.set_result, until=until))
        here = await ready
        try:
            return await _converse(here, language, lambda: here)
        finally:
            until.set()


async def _converse(
    at: RunInfo | Ready, language: Language, find: Callable[[], RunInfo | Ready | None], certificate: Path | None = None
) -> int:
    """The terminal's talk with the bot at `at`, whose `certificate` it trusts; `find` says where it is after a restart."""
    from bot.channels.console import converse

    def reattach() -> tuple[str, str] | None:
        found = find()
        return (found.address, found.owner_token) if found is not None else None

    return await converse(at.address, at.owner_token, language=language, reattach=reattach, certificate=certificate)


async def _stop_when(event: asyncio.Event | None, stop: Callable[[], None]) -> None:
    if event is not None:
        await event.wait()
        stop()


def _logged(name: str, check: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    """A periodic check whose expected failures are a log line: the next round tries again."""

    async def checked() -> None:
        try:
            await check()
        except MartinError as error:
            _log.error("check.failed", check=name, error=str(error))
        except asyncio.CancelledError:
            _log.info("check.stopped", check=name)  # by the scheduler's end, which would log where it stood as an error

    return checked


def _digest(secret: bytes) -> Callable[[str], str]:
    """A keyed hash of a message's content, 16 bytes in hex: tells a repeat from another message without keeping the text."""
    return lambda content: blake2b(content.encode(), digest_size=16, key=secret).hexdigest()


def _keyed(secret: bytes) -> Callable[[str], bytes]:
    """A keyed hash of 16 bytes, apart from every other use of the secret."""
    return lambda text: blake2b(text.encode(), digest_size=16, key=secret, person=b"profile").digest()


def _clean(text: str, *, max_chars: int) -> tuple[str, bool]:
    cleaned = clean(text, max_chars=max_chars)
    return cleaned.text, cleaned.was_cut


def _warn_of_throwaway_disk() -> None:
    """Platforms that set these names throw the local disk away at each restart (DESIGN.md section 8)."""
    named = [name for name in ("DYNO", "RENDER", "K_SERVICE", "FLY_APP_NAME", "RAILWAY_ENVIRONMENT") if name in os.environ]
    if named:
        _log.warning("disk.may_not_last", hint="this platform may throw the data folder away at a restart: mount a volume")
