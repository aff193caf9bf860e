"""The channels of platforms that the settings ask for, wired: settings in, channels out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from cachetools import LRUCache

from bot.access import Doorkeeper
from bot.config import Config
from bot.health import DEAF_S
from bot.manners import GroupManners
from bot.notices import GAP
from bot.ports import Channel, Clock, Context, PeopleStore
from bot.store.open import Stores
from bot.supervise import SupervisedChannel
from bot.types import AdminNotice, ChannelName, IncomingMessage, Language

if TYPE_CHECKING:
    from bot.channels.telegram.webhook import WebhookIntake

_MOST_KNOWN: Final = 10_000

Check = Callable[[], Awaitable[str]]


@dataclass(slots=True, kw_only=True)
class PlatformChannels:
    """Telegram and Discord, as far as there are tokens for them. `posted` takes what Telegram posts, where it is to."""

    channels: dict[ChannelName, Channel] = field(default_factory=dict)
    posted: WebhookIntake | None = None
    ages: dict[ChannelName, Callable[[], float | None]] = field(default_factory=dict)
    troubles: dict[ChannelName, Callable[[], str]] = field(default_factory=dict)

    def checks(self, running: Mapping[ChannelName, SupervisedChannel]) -> dict[str, Check]:
        """A check of each, for health."""
        return {name.value: self._check(name, running[name]) for name in self.channels}

    def deaf_s(self, running: Mapping[ChannelName, SupervisedChannel]) -> float:
        """Seconds since the one that was heard of least was heard of; 0 where none ought to be heard of."""
        ages = [age() for name, age in self.ages.items() if not running[name].refused]
        return max((age for age in ages if age is not None), default=0.0)

    def _check(self, name: ChannelName, running: SupervisedChannel) -> Check:
        async def check() -> str:
            age_s = self.ages[name]()
            if running.refused:
                return running.refused
            if age_s is None:
                return "not connected"
            return f"not heard of for {age_s:.0f} s" if age_s > DEAF_S else self.troubles[name]() or "ok"

        return check


class KnownLanguages:
    """The `PeopleStore`, and what language people have chosen, for what is said where no turn is."""

    def __init__(self, people: PeopleStore) -> None:
        self._people = people
        self._chosen: LRUCache[tuple[ChannelName, str], Language] = LRUCache(_MOST_KNOWN)

    async def meet(self, message: IncomingMessage, *, history: int, now: datetime) -> Context:
        """The store's."""
        context = await self._people.meet(message, history=history, now=now)
        who = (message.address.channel, message.address.user)
        if context.person.language is not None:
            self._chosen[who] = context.person.language
        else:
            self._chosen.pop(who, None)
        return context

    def of(self, message: IncomingMessage) -> Language | None:
        """What its sender chose, as far as this process has heard."""
        return self._chosen.get((message.address.channel, message.address.user))


def platform_channels(
    config: Config, stores: Stores, clock: Clock, *, secret: bytes, language: Callable[[IncomingMessage], Language]
) -> PlatformChannels:
    """The channels that have a token. `secret` signs their buttons; `language` is that of somebody's message."""
    found = PlatformChannels()

    async def tell_of_gap(hours: float) -> None:
        now = clock.now()
        await stores.notices.tell(AdminNotice(kind=GAP, day=now.date(), facts={"hours": f"{hours:.0f}"}, at=now))

    manners = GroupManners(stores.chats, config.groups, clock.monotonic)
    if config.telegram.token is not None:
        from bot.channels.telegram.channel import TelegramChannel

        telegram = TelegramChannel(
            config.telegram,
            secret=secret,
            marks=stores.chats,
            manners=manners,
            turns=stores.turns,
            inbox=stores.inbox,
            admins=config.admins.telegram,
            clock=clock,
            language=language,
            on_gap=tell_of_gap,
            moves=stores.chats,
        )
        found.channels[ChannelName.TELEGRAM] = telegram
        found.ages[ChannelName.TELEGRAM] = telegram.last_poll_age_s
        found.troubles[ChannelName.TELEGRAM] = lambda: telegram.trouble
        found.posted = telegram.webhook if config.telegram.mode == "webhook" else None
    if config.discord.token is not None:
        from bot.channels.discord.channel import DiscordChannel

        discord = DiscordChannel(
            config.discord,
            secret=secret,
            marks=stores.chats,
            manners=manners,
            admins=config.admins.discord,
            clock=clock,
            language=language,
            turn_of=stores.turns.delivered_as,
        )
        found.channels[ChannelName.DISCORD] = discord
        found.ages[ChannelName.DISCORD] = lambda: discord.last_ack_age_s
        found.troubles[ChannelName.DISCORD] = lambda: ""
    return found


def entrance(
    config: Config,
    stores: Stores,
    clock: Clock,
    *,
    keyed: Callable[[str], bytes],
    language: Callable[[IncomingMessage], Language],
    is_urgent: Callable[[str], bool],
) -> Doorkeeper:
    """Who is let in."""
    return Doorkeeper(
        settings=config.access,
        admins=config.admins,
        store=stores.admissions,
        blocks=stores.blocks,
        clock=clock,
        keyed=keyed,
        language=language,
        is_urgent=is_urgent,
    )
