"""What the gateway brings to a bot, and which bots it is for."""

from __future__ import annotations

from dataclasses import dataclass

from tests.servers.discord.nouns import Channel, Guild, Json, Permission


class Intent:
    """The intents that matter here; three of them have to be granted in the portal."""

    GUILDS = 1 << 0
    MEMBERS = 1 << 1
    PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_REACTIONS = 1 << 10
    GUILD_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_REACTIONS = 1 << 13
    DIRECT_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    PRIVILEGED = MEMBERS | PRESENCES | MESSAGE_CONTENT
    KNOWN = (1 << 26) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. `bare` is what a bot without the message content intent gets instead; `channel` is None for all others."""

    name: str
    data: Json
    intent: int = 0
    guild: Guild | None = None
    channel: Channel | None = None
    bare: Json | None = None

    def is_for(self, intents: int, shard: tuple[int, int]) -> bool:
        """Whether a session with these intents and this shard gets it. Direct messages come to shard 0."""
        if self.intent and not intents & self.intent:
            return False
        if self.channel is not None and not self.channel.may(Permission.VIEW):
            return False
        return shard[0] == ((self.guild.id >> 22) % shard[1] if self.guild is not None else 0)

    def shape(self, intents: int) -> Json:
        """What such a session gets."""
        return self.data if self.bare is None or intents & Intent.MESSAGE_CONTENT else self.bare
