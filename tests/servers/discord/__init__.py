"""A local Discord, strict as the real one: REST and gateway, with people in it whom a test (or a page in a browser) moves."""

from __future__ import annotations

from tests.servers.discord.faults import Fault, Way
from tests.servers.discord.nouns import Channel, Guild, Interaction, Message, Permission, User
from tests.servers.discord.server import DiscordServer

__all__ = ["Channel", "DiscordServer", "Fault", "Guild", "Interaction", "Message", "Permission", "User", "Way"]
