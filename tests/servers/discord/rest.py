"""Channels, messages, threads, reactions and who the bot is: the part of the REST side that needs the bot's token."""

from __future__ import annotations

from typing import Final

from tests.servers.discord.calls import Answer, Call, Route, snowflake
from tests.servers.discord.events import Intent
from tests.servers.discord.nouns import Channel, ChannelKind, Json, Message, MessageFlag, Permission
from tests.servers.discord.refusals import Form, refusal
from tests.servers.discord.rules import check_files, check_message, replied_message

SETTABLE: Final = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.COMPONENTS_V2


# --- who the bot is ---


def me(call: Call) -> Answer:
    """The bot."""
    return Answer(200, call.world.shapes.me())


def application(call: Call) -> Answer:
    """Its application."""
    return Answer(200, call.world.shapes.application())


def user(call: Call) -> Answer:
    """Anybody."""
    found = call.world.people.get(call.id("user_id"))
    if found is None:
        raise refusal(10013)
    return Answer(200, call.world.shapes.user(found))


def gateway(call: Call) -> Answer:
    """Where the gateway is."""
    return Answer(200, {"url": call.gateway_url})


def gateway_of_bot(call: Call) -> Answer:
    """Where it is, in how many shards, and how often a bot may begin there."""
    limit = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
    return Answer(200, {"url": call.gateway_url, "shards": call.shards, "session_start_limit": limit})


# --- channels ---


def open_dm(call: Call) -> Answer:
    """The direct messages with somebody, whether they take any or not."""
    person = call.world.people.get(snowflake(call.body.get("recipient_id"), "recipient_id"))
    if person is None or person.is_bot:
        raise refusal(10013)
    return Answer(200, call.world.shapes.channel(call.world.open_dm(person)))


def get_channel(call: Call) -> Answer:
    """A channel, thread or direct message."""
    return Answer(200, call.world.shapes.channel(call.channel))


def type_in(call: Call) -> Answer:
    """Show that the bot types."""
    _may_send(call.channel)
    call.world.type_in(call.channel, call.world.bot)
    return Answer(204)


def open_thread(call: Call) -> Answer:
    """A thread out of nothing."""
    parent = _thread_parent(call)
    kind = ChannelKind(call.body.get("type") or ChannelKind.PRIVATE_THREAD)
    thread = call.world.add_thread(parent, _thread_name(call.body), call.world.bot, kind=kind)
    return Answer(201, call.world.shapes.thread(thread))


def open_thread_on(call: Call) -> Answer:
    """A thread out of a message; there is at most one."""
    message, parent = call.message, _thread_parent(call)
    if message.thread is not None:
        raise refusal(160004)
    return Answer(
        201, call.world.shapes.thread(call.world.add_thread(parent, _thread_name(call.body), call.world.bot, on=message))
    )


def active_threads(call: Call) -> Answer:
    """The threads of a guild that are not archived."""
    guild = next((one for one in call.world.guilds if one.id == call.id("guild_id")), None)
    if guild is None:
        raise refusal(10004)
    threads = [one for one in guild.channels if one.is_thread and not one.is_archived and one.may(Permission.VIEW)]
    return Answer(200, {"threads": [call.world.shapes.thread(one) for one in threads], "members": [], "has_more": False})


# --- messages ---


def list_messages(call: Call) -> Answer:
    """Messages of a channel, newest first: before, after or around one, else the last ones."""
    channel, limit = call.channel, _limit(call)
    if not channel.may(Permission.HISTORY):
        return Answer(200, [])
    there = [one for one in channel.messages.values() if not one.is_deleted and not one.is_ephemeral]
    if "after" in call.query:
        found = [one for one in there if one.id > snowflake(call.query["after"], "after")][:limit]
    elif "around" in call.query:
        near = sorted(there, key=lambda one: abs(one.id - snowflake(call.query["around"], "around")))[:limit]
        found = sorted(near, key=lambda one: one.id)
    else:
        before = snowflake(call.query.get("before") or 1 << 63, "before")
        found = [one for one in there if one.id < before][-limit:]
    return Answer(200, [shown(call, one) for one in reversed(found)])


def get_message(call: Call) -> Answer:
    """One message."""
    if not call.channel.may(Permission.HISTORY):
        raise refusal(50001)
    return Answer(200, shown(call, call.message))


def send(call: Call) -> Answer:
    """A new message; the one that is there already when its nonce says so."""
    channel, body = call.channel, call.body
    _may_send(channel)
    check_message(body, len(call.files))
    check_files([data for _, _, data in call.files])
    if call.files and not channel.may(Permission.FILES):
        raise refusal(50013)
    replied = replied_message(body, channel)
    if replied is not None and not channel.may(Permission.HISTORY):
        raise refusal(160002)
    nonce = body.get("nonce")
    if nonce is not None and body.get("enforce_nonce"):
        known = call.world.known_nonce(call.world.bot, nonce)
        if known is not None:
            return Answer(200, shown(call, known))
    message = call.world.add_message(
        channel,
        call.world.bot,
        body.get("content") or "",
        replied=replied,
        allowed=body.get("allowed_mentions"),
        nonce=nonce,
        flags=MessageFlag(int(body.get("flags") or 0)) & SETTABLE,
        embeds=body.get("embeds") or (),
        components=body.get("components") or (),
        files=call.files,
    )
    return Answer(200, shown(call, message))


def edit(call: Call) -> Answer:
    """Change a message of the bot's own."""
    message = call.message
    if message.author is not call.world.bot:
        raise refusal(50005)
    if message.channel.is_archived:
        raise refusal(50083)
    check_message(call.body, len(call.files), now=message)
    call.world.edit_message(message, call.body, call.files)
    return Answer(200, shown(call, message))


def delete(call: Call) -> Answer:
    """Take a message of the bot's own away; others' need a permission that it never has here."""
    message = call.message
    if message.author is not call.world.bot:
        raise refusal(50003 if message.channel.is_dm else 50013)
    call.world.delete_message(message)
    return Answer(204)


def react(call: Call) -> Answer:
    """React as the bot."""
    message = call.message
    if not message.channel.may(Permission.REACT) or not message.channel.may(Permission.HISTORY):
        raise refusal(50013)
    call.world.add_reaction(message, call.world.bot, _emoji(call))
    return Answer(204)


def unreact(call: Call) -> Answer:
    """Take the bot's reaction back."""
    call.world.remove_reaction(call.message, call.world.bot, _emoji(call))
    return Answer(204)


# --- helpers ---


def shown(call: Call, message: Message) -> Json:
    """A message as the bot reads it: others' words only where it may read them."""
    shape = call.world.shapes.message(message)
    world = call.world
    is_open = message.channel.is_dm or message.author is world.bot or world.bot in message.mentions
    return shape if is_open or world.granted & Intent.MESSAGE_CONTENT else world.shapes.bare(shape)


def _may_send(channel: Channel) -> None:
    if channel.person is not None and channel.is_dm and not channel.person.takes_dms:
        raise refusal(50007)
    if not channel.bot_may_send:
        raise refusal(50013)
    if channel.is_archived:
        raise refusal(50083)


def _thread_parent(call: Call) -> Channel:
    channel = call.channel
    if channel.is_dm or channel.is_thread:
        raise refusal(50003)
    if not channel.may(Permission.THREADS):
        raise refusal(50013)
    return channel


def _thread_name(body: Json) -> str:
    form = Form()
    form.length("name", value=body.get("name") or "", least=1, most=100)
    form.done()
    return str(body["name"])


def _limit(call: Call) -> int:
    limit = snowflake(call.query.get("limit", 50), "limit")
    if not 1 <= limit <= 100:
        form = Form()
        form.wrong("limit", code="NUMBER_TYPE_MAX", message="int value should be between 1 and 100.")
        form.done()
    return limit


def _emoji(call: Call) -> str:
    """The emoji of the path: a real one, or the name and id of a guild's own, of which there are none here."""
    emoji = call.names["emoji_name"]
    if emoji.isascii():
        raise refusal(10014)
    return emoji


_CHANNEL: Final = "/channels/{channel_id}"
_MESSAGE: Final = "/channels/{channel_id}/messages/{message_id}"
ROUTES: Final = (
    Route("GET", "/users/@me", me),
    Route("GET", "/users/{user_id}", user),
    Route("GET", "/applications/@me", application),
    Route("GET", "/oauth2/applications/@me", application),
    Route("GET", "/gateway", gateway, is_open=True),
    Route("GET", "/gateway/bot", gateway_of_bot),
    Route("POST", "/users/@me/channels", open_dm),
    Route("GET", _CHANNEL, get_channel),
    Route("POST", f"{_CHANNEL}/typing", type_in),
    Route("POST", f"{_CHANNEL}/threads", open_thread),
    Route("GET", f"{_CHANNEL}/messages", list_messages),
    Route("POST", f"{_CHANNEL}/messages", send),
    Route("GET", _MESSAGE, get_message),
    Route("PATCH", _MESSAGE, edit),
    Route("DELETE", _MESSAGE, delete),
    Route("POST", f"{_MESSAGE}/threads", open_thread_on),
    Route("PUT", f"{_MESSAGE}/reactions/{{emoji_name}}/@me", react),
    Route("DELETE", f"{_MESSAGE}/reactions/{{emoji_name}}/@me", unreact),
    Route("GET", "/guilds/{guild_id}/threads/active", active_threads),
)
