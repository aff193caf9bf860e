"""How people, channels, messages and interactions look on the wire, over REST and over the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tests.servers.discord.nouns import (
    ALL_PERMISSIONS,
    Attachment,
    Channel,
    Guild,
    Interaction,
    InteractionKind,
    Json,
    Message,
    User,
)

SEVEN_DAYS_MIN: Final = 10_080
_FILE_LIMIT: Final = 10 * 1024 * 1024
_ROLE_COLOURS: Final = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}


def moment(at: datetime) -> str:
    """A moment as Discord writes it."""
    return at.isoformat(timespec="microseconds")


@dataclass(slots=True)
class Shapes:
    """`address` is where attachments are fetched; `bot` is the bot, whose application has the same id."""

    bot: User
    address: str = ""
    commands: dict[int, Json] = field(default_factory=dict)

    def user(self, user: User) -> Json:
        """A person."""
        return {
            "id": str(user.id),
            "username": user.name,
            "global_name": None if user.is_bot else user.name.capitalize(),
            "avatar": None,
            "discriminator": "0",
            "public_flags": 0,
            "flags": 0,
            "bot": user.is_bot,
            "banner": None,
            "accent_color": None,
            "avatar_decoration_data": None,
            "collectibles": None,
            "primary_guild": None,
        }

    def me(self) -> Json:
        """The bot as it sees itself."""
        return self.user(self.bot) | {"mfa_enabled": True, "locale": self.bot.locale, "verified": True, "email": None}

    def application(self) -> Json:
        """The bot's application."""
        return {
            "id": str(self.bot.id),
            "name": self.bot.name,
            "icon": None,
            "description": "",
            "type": None,
            "bot": self.user(self.bot),
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 1 << 19,
            "flags_new": str(1 << 19),
            "max_participants": None,
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": self.user(self.bot) | {"bot": False},
            "approximate_guild_count": 1,
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
        }

    def member(self, user: User, guild: Guild, *, with_user: bool = True) -> Json:
        """A person as a guild's member."""
        shape: Json = {
            "avatar": None,
            "banner": None,
            "communication_disabled_until": None,
            "deaf": False,
            "flags": 0,
            "joined_at": "2026-01-01T00:00:00.000000+00:00",
            "mute": False,
            "nick": None,
            "pending": False,
            "premium_since": None,
            "roles": [],
        }
        return shape | ({"user": self.user(user)} if with_user else {})

    def attachment(self, one: Attachment, channel: Channel) -> Json:
        """A file of a message."""
        url = f"{self.address}/attachments/{channel.id}/{one.id}/{one.name}"
        return {
            "id": str(one.id),
            "filename": one.name,
            "size": len(one.data),
            "url": url,
            "proxy_url": url,
            "content_type": one.media_type,
        }

    def message(self, one: Message, *, is_event: bool = False, with_replied: bool = True) -> Json:
        """A message; in an event with its guild and its author as member."""
        channel = one.channel
        shape: Json = {
            "id": str(one.id),
            "channel_id": str(channel.id),
            "type": int(one.kind),
            "content": one.content,
            "author": self.user(one.author),
            "mentions": [self.user(user) for user in one.mentions],
            "mention_roles": [str(role) for role in one.role_mentions],
            "mention_everyone": one.mentions_everyone,
            "attachments": [self.attachment(part, channel) for part in one.attachments],
            "embeds": one.embeds,
            "components": one.components,
            "flags": int(one.flags),
            "timestamp": moment(one.sent_at),
            "edited_timestamp": None if one.edited_at is None else moment(one.edited_at),
            "pinned": False,
            "tts": False,
        }
        if one.nonce is not None:
            shape["nonce"] = one.nonce
        if one.reactions:
            shape["reactions"] = [self.reaction(emoji, who) for emoji, who in one.reactions.items()]
        if one.thread is not None:
            shape["thread"] = self.thread(one.thread)
        if one.reference is not None:
            shape |= self._reference(one, with_replied=with_replied)
        if one.interaction is not None:
            shape |= self._answered(one.interaction)
        if is_event:
            shape["channel_type"] = int(channel.kind)
            if channel.guild is not None:
                shape["guild_id"] = str(channel.guild.id)
                shape["member"] = self.member(one.author, channel.guild, with_user=False)
        return shape

    def _reference(self, one: Message, *, with_replied: bool) -> Json:
        channel = one.channel
        place = {"type": 0, "channel_id": str(channel.id), "message_id": str(one.reference)}
        shape: Json = {"message_reference": place | ({"guild_id": str(channel.guild.id)} if channel.guild else {})}
        if with_replied:
            found = channel.messages.get(one.reference or 0)
            is_there = found is not None and not found.is_deleted
            shape["referenced_message"] = self.message(found, with_replied=False) if found is not None and is_there else None
            if shape["referenced_message"] is not None:
                shape["referenced_message"].pop("reactions", None)
        return shape

    def _answered(self, interaction: Interaction) -> Json:
        """What a message says about the interaction that it answers."""
        shape: Json = {"application_id": str(self.bot.id), "webhook_id": str(self.bot.id)}
        return shape | {"interaction_metadata": self._metadata(interaction)}

    def _metadata(self, interaction: Interaction) -> Json:
        shape: Json = {
            "id": str(interaction.id),
            "type": int(interaction.kind),
            "user": self.user(interaction.user),
            "authorizing_integration_owners": self._owners(interaction.channel),
        }
        if interaction.kind is InteractionKind.COMPONENT and interaction.message is not None:
            shape["interacted_message_id"] = str(interaction.message.id)
        if interaction.kind is InteractionKind.MODAL and interaction.opened_by is not None:
            shape["triggering_interaction_metadata"] = self._metadata(interaction.opened_by)
        return shape

    def _owners(self, channel: Channel) -> Json:
        return {"0": str(channel.guild.id) if channel.guild is not None else "0"}

    def bare(self, shape: Json) -> Json:
        """A message as a bot without the message content intent gets it."""
        return shape | {"content": "", "embeds": [], "attachments": [], "components": []}

    def reaction(self, emoji: str, who: list[User]) -> Json:
        """How often people reacted with an emoji."""
        return {
            "emoji": {"id": None, "name": emoji},
            "count": len(who),
            "count_details": {"burst": 0, "normal": len(who)},
            "burst_colors": [],
            "me": self.bot in who,
            "me_burst": False,
        }

    def channel(self, one: Channel) -> Json:
        """A channel, thread or direct message."""
        if one.is_dm:
            assert one.person is not None
            return {
                "id": str(one.id),
                "type": int(one.kind),
                "flags": 0,
                "last_message_id": _last(one),
                "recipients": [self.user(one.person)],
            }
        return self.thread(one) if one.is_thread else self._text_channel(one)

    def _text_channel(self, one: Channel) -> Json:
        assert one.guild is not None
        missing = ALL_PERMISSIONS & ~one.own_permissions
        denied = [{"id": str(self.bot.id), "type": 1, "allow": "0", "deny": str(int(missing))}] if missing else []
        return {
            "id": str(one.id),
            "type": int(one.kind),
            "flags": 0,
            "guild_id": str(one.guild.id),
            "name": one.name,
            "parent_id": None,
            "position": one.guild.channels.index(one),
            "topic": None,
            "nsfw": False,
            "rate_limit_per_user": 0,
            "last_message_id": _last(one),
            "permission_overwrites": denied,
        }

    def thread(self, one: Channel) -> Json:
        """A thread."""
        assert one.guild is not None
        assert one.parent is not None
        return {
            "id": str(one.id),
            "type": int(one.kind),
            "flags": 0,
            "guild_id": str(one.guild.id),
            "parent_id": str(one.parent.id),
            "owner_id": str((one.person or self.bot).id),
            "name": one.name,
            "last_message_id": _last(one),
            "rate_limit_per_user": 0,
            "message_count": len(one.messages),
            "total_message_sent": len(one.messages),
            "member_count": 2,
            "thread_metadata": {
                "archived": one.is_archived,
                "archive_timestamp": moment(one.made_at),
                "auto_archive_duration": SEVEN_DAYS_MIN,
                "locked": False,
                "create_timestamp": moment(one.made_at),
            },
        }

    def guild(self, one: Guild) -> Json:
        """A guild as GUILD_CREATE brings it."""
        everyone = {str(one.id): "@everyone"} | {str(id): name for id, name in one.roles.items()}
        shape: Json = dict.fromkeys(("icon", "splash", "banner", "description", "vanity_url_code", "afk_channel_id"))
        empty = (
            "emojis",
            "stickers",
            "voice_states",
            "presences",
            "stage_instances",
            "guild_scheduled_events",
            "soundboard_sounds",
        )
        shape |= {key: [] for key in empty}
        threads = [channel for channel in one.channels if channel.is_thread and not channel.is_archived]
        return shape | {
            "id": str(one.id),
            "name": one.name,
            "owner_id": str(one.owner.id),
            "features": [],
            "preferred_locale": "en-US",
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "afk_timeout": 300,
            "unavailable": False,
            "large": False,
            "joined_at": "2026-01-01T00:00:00.000000+00:00",
            "member_count": len(one.members),
            "roles": [self._role(id, name, number) for number, (id, name) in enumerate(everyone.items())],
            "members": [self.member(user, one) for user in one.members],
            "channels": [self.channel(channel) for channel in one.channels if not channel.is_thread],
            "threads": [self.thread(thread) for thread in threads],
        }

    def _role(self, id: str, name: str, position: int) -> Json:
        return {
            "id": id,
            "name": name,
            "color": 0,
            "colors": _ROLE_COLOURS,
            "hoist": False,
            "position": position,
            "permissions": str(int(ALL_PERMISSIONS)),
            "managed": False,
            "mentionable": True,
            "flags": 0,
            "icon": None,
            "unicode_emoji": None,
        }

    def interaction(self, one: Interaction) -> Json:
        """An interaction as INTERACTION_CREATE brings it."""
        channel, guild = one.channel, one.channel.guild
        permissions = str(int(channel.permissions))
        shape: Json = {
            "id": str(one.id),
            "application_id": str(self.bot.id),
            "type": int(one.kind),
            "token": one.token,
            "version": 1,
            "data": one.data,
            "channel_id": str(channel.id),
            "channel": self.channel(channel) | {"permissions": permissions},
            "app_permissions": permissions,
            "locale": one.user.locale,
            "entitlements": [],
            "authorizing_integration_owners": self._owners(channel),
            "context": 0 if guild is not None else 1,
            "attachment_size_limit": _FILE_LIMIT,
        }
        if guild is None:
            shape["user"] = self.user(one.user)
        else:
            shape |= {"guild_id": str(guild.id), "guild_locale": "en-US"}
            shape["guild"] = {"id": str(guild.id), "locale": "en-US", "features": []}
            shape["member"] = self.member(one.user, guild) | {"permissions": permissions}
        if one.message is not None:
            shape["message"] = self.message(one.message)
        return shape


def _last(channel: Channel) -> str | None:
    return str(max(channel.messages)) if channel.messages else None
