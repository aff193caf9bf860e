"""What one client hears, from its login to its end: every event goes to where it belongs, in order per channel."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.channels.discord.catching_up import LATELY, MOST_UNSURE, CatchUp, Read
from bot.channels.discord.client import log_error
from bot.channels.discord.intake import UNREADABLE, Event, Intake, Marks
from bot.channels.discord.interactions import Interactions, TurnOf
from bot.channels.discord.places import Place, Places, snowflake_at
from bot.channels.discord.reading import Reactions, Reader
from bot.channels.discord.tasks import ClientTasks
from bot.ports import Clock
from bot.types import IncomingMessage, PlatformId

if TYPE_CHECKING:
    from discord import Client, Interaction, Message, RawMessageUpdateEvent, RawReactionActionEvent

_log = structlog.get_logger("martin.channel.discord")


class Live:
    """The handlers of one client. discord.py calls each in a task of its own, which it begins in the order of the events."""

    def __init__(
        self,
        client: Client,
        tasks: ClientTasks,
        *,
        intake: Intake,
        interactions: Interactions,
        catch_up: CatchUp,
        read: Read,
        places: Places,
        marks: Marks,
        reader: Reader,
        reactions: Reactions,
        turn_of: TurnOf,
        admins: Collection[int],
        clock: Clock,
    ) -> None:
        self._client, self._tasks, self._intake, self._interactions = client, tasks, intake, interactions
        self._catch_up, self._places, self._marks, self._clock = catch_up, places, marks, clock
        self._turn_of, self._may_ask = turn_of, MOST_UNSURE
        self._read, self._reader, self._reactions, self._admins = read, reader, reactions, frozenset(admins)

    def begin(self) -> None:
        """Listen from now on."""
        for hear in (self.on_connect, self.on_ready, self.on_resumed):
            self._client.event(hear)
        self._client.event(self.on_shard_ready)
        self._client.event(self.on_message)
        self._client.event(self.on_raw_message_edit)
        self._client.event(self.on_raw_reaction_add)
        self._client.event(self.on_raw_reaction_remove)
        self._client.event(self.on_interaction)
        self._client.on_error = log_error  # type: ignore[method-assign]

    # --- connections ---

    async def on_connect(self) -> None:
        """A session began: whatever was said since the marks may have been missed."""
        self._may_ask = MOST_UNSURE
        self._intake.fall_behind([place.channel for place, _ in self._marks.channels])
        await self._marks.begin()

    async def on_ready(self) -> None:
        """All servers are known: look where something was missed, where people talked last first."""
        visible = self._catch_up.visible()
        await self._marks.settle(max((last for _, last in visible), default=0))
        for place, _ in visible:
            if self._marks.of(place.channel) is None:
                self._marks.start(place, self._catch_up.start(place))
                self._intake.fall_behind([place.channel])
        for place, mark in self._newest_first():
            if not self._intake.is_behind(place.channel):
                continue
            is_needed = self._catch_up.is_needed(place, mark)
            if is_needed is False:
                self._intake.is_current(place.channel)
            elif is_needed or self._may_ask:
                self._may_ask -= 0 if is_needed else 1
                self._intake.wake(place)

    async def on_shard_ready(self, _: int) -> None:
        """One shard of several came back."""
        await self.on_ready()

    async def on_resumed(self) -> None:
        """A session goes on, and Discord brings what was missed; where people talked lately we look as well."""
        lately = snowflake_at(self._clock.now() - LATELY)
        busy = [place for place, mark in self._newest_first() if mark >= lately]
        self._intake.fall_behind([place.channel for place in busy])
        for place in busy[:MOST_UNSURE]:
            self._intake.wake(place)

    def _newest_first(self) -> list[tuple[Place, int]]:
        return sorted(self._marks.channels, key=lambda seen: seen[1], reverse=True)

    # --- what people do ---

    async def on_message(self, message: Message) -> None:
        """Somebody wrote."""
        place = await self._place(message.channel.id, message.guild.id if message.guild is not None else _guild(message))
        if place is not None:
            self._intake.put(
                Event(id=str(message.id), place=place, message=message.id, read=lambda: self._read(message, place))
            )

    async def on_raw_message_edit(self, payload: RawMessageUpdateEvent) -> None:
        """Somebody changed what they had written."""
        message = payload.message
        place = await self._place(payload.channel_id, payload.guild_id or _guild(message))
        if place is not None:
            self._intake.put(Event(id=f"{message.id}/e", place=place, read=lambda: self._reader.edit(message, place, self._me)))

    async def on_raw_reaction_add(self, payload: RawReactionActionEvent) -> None:
        """Somebody reacted."""
        if payload.message_author_id in (None, self._me):
            await self._reacted(payload, is_added=True)

    async def on_raw_reaction_remove(self, payload: RawReactionActionEvent) -> None:
        """Somebody took a reaction back."""
        await self._reacted(payload, is_added=False)

    async def on_interaction(self, interaction: Interaction) -> None:
        """Somebody used a command, pressed something, or sent a form."""
        self._tasks.begin(partial(self._interact, interaction))

    async def _interact(self, interaction: Interaction) -> None:
        try:
            await self._interactions.take(interaction)
        except UNREADABLE as error:
            _log.error("discord.unreadable", event_id=str(interaction.id), error=type(error).__name__)

    async def _reacted(self, payload: RawReactionActionEvent, *, is_added: bool) -> None:
        if payload.user_id == self._me or payload.emoji.id is not None:
            return
        place = await self._place(payload.channel_id, payload.guild_id)
        if place is None:
            return

        async def read() -> IncomingMessage | None:
            message = PlatformId(str(payload.message_id))
            is_ours = payload.message_author_id == self._me
            if not is_ours and await self._turn_of(place.address(payload.user_id), message) is None:
                return None  # what people think of each other is no business of ours
            return await self._reactions.told(
                message=payload.message_id,
                user=payload.user_id,
                emoji=payload.emoji.name,
                is_added=is_added,
                place=place,
                is_admin=payload.user_id in self._admins,
            )

        self._intake.put(Event(id=f"r/{payload.message_id}", place=place, read=read))

    @property
    def _me(self) -> int:
        user = self._client.user
        return user.id if user is not None else 0

    async def _place(self, channel: int, guild: int | None) -> Place | None:
        """Where it happened; None where Discord does not say: without the parent of a thread nobody could be answered."""
        import aiohttp
        from discord import HTTPException

        known = self._places.known(self._client, channel, guild)
        if known is not None:
            return known
        try:
            return await self._places.of(self._client, channel, guild)
        except (HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
            _log.error("discord.place", channel=channel, error=type(error).__name__)
            return None


def _guild(message: Message) -> int | None:
    """The server of a message whose server is not known yet."""
    return getattr(message.channel, "guild_id", None)
