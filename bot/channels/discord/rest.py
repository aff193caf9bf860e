"""Requests to Discord through discord.py, which keeps its rate limits; errors come out in our own words, without the SDK's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from bot.channels.discord.ceiling import Ceiling
from bot.channels.discord.handles import Handle
from bot.channels.discord.places import Place
from bot.channels.discord.reading import is_thumb
from bot.errors import ChatClosed, DeliveryError, DeliveryPaused, DeliveryRefused
from bot.types import ReplyFile

if TYPE_CHECKING:
    import aiohttp
    from discord import Client, HTTPException
    from discord.http import MultipartParameters
    from discord.webhook.async_ import AsyncWebhookAdapter

Json = dict[str, Any]

REQUEST_S: Final = 75.0
"""A request's deadline: discord.py tries a failing server five times within 25 s, and waits for its limits."""
LONGEST_WAIT_S: Final = 30.0
"""A longer wait for a limit is the delivery's to sit out, not a request's."""
NOBODY: Final[Json] = {"parse": [], "replied_user": False}
"""No mention is ever active, whatever a model writes (R-47)."""
EPHEMERAL: Final = 1 << 6
NO_PREVIEWS: Final = 1 << 2
"""No previews of links: to fetch one tells its host that the message was there (R-47)."""
_CLOSED: Final = frozenset({10003, 10013, 50001, 50007, 50013, 50083, 50278})
"""Unknown channel or user, no access, closed direct messages, no permission, archived thread, no server in common."""
_PAUSE_S: Final = 60.0
_FEW: Final = 2


class Gone(DeliveryError):
    """The message or interaction that was to be changed is not there (any more)."""


class NoReply(DeliveryError):
    """The message may not be a reply, because the history may not be read here."""


class Refused(DeliveryRefused):
    """Discord will not take this, for whatever other reason. `code` is Discord's."""

    def __init__(self, status: int, code: int) -> None:
        self.status, self.code = status, code
        super().__init__(f"Discord refused a request: status {status}, code {code}")


class Unsure(DeliveryError):
    """Nobody knows whether Discord has taken it."""


def body(text: str | None = None, *, components: Sequence[Json] | None = None, flags: int = 0) -> Json:
    """The payload of a message: no active mention, no previews."""
    payload: Json = {"allowed_mentions": NOBODY, "flags": NO_PREVIEWS | flags}
    if text is not None:
        payload["content"] = text
    if components is not None:
        payload["components"] = list(components)
    return payload


class Rest:
    """The REST side, for as long as a client is logged in. Every method raises DeliveryError (and the classes above)."""

    def __init__(self, ceiling: Ceiling) -> None:
        self.ceiling = ceiling
        self._client: Client | None = None

    def attach(self, client: Client | None) -> None:
        """Use this client from now on; None for none."""
        self._client = client

    @property
    def client(self) -> Client:
        """The client. Raises DeliveryPaused while there is none."""
        if self._client is None:
            raise DeliveryPaused("Discord is not connected", 1.0)
        return self._client

    @property
    def me(self) -> int:
        """The bot's own id."""
        user = self.client.user
        if user is None:
            raise DeliveryPaused("Discord is not connected", 1.0)
        return user.id

    # --- messages ---

    async def send(self, channel: int, payload: Json, files: Sequence[ReplyFile] = ()) -> Json:
        """A new message, or with a known nonce the one that is there already."""
        async with _asking():
            return dict(await self.client.http.send_message(channel, params=_parameters(payload, files)))

    async def edit(self, channel: int, message: int, payload: Json, files: Sequence[ReplyFile] = ()) -> Json:
        """Change a message of ours. Raises Gone."""
        async with _asking():
            return dict(await self.client.http.edit_message(channel, message, params=_parameters(payload, files)))

    async def history(self, channel: int, after: int, limit: int = 100) -> Sequence[Json]:
        """The messages after one, oldest first."""
        async with _asking():
            found = await self.client.http.logs_from(channel, limit, after=after)
            return sorted((dict(one) for one in found), key=lambda one: int(one["id"]))

    async def thumbs(self, place: Place, message: int, user: int) -> Sequence[str]:
        """The 👍 and 👎, of whatever colour, that somebody has under a message of ours."""
        async with _asking():
            shape: Json = dict(await self.client.http.get_message(place.channel, message))
            there = [str(one["emoji"]["name"]) for one in shape.get("reactions") or () if not one["emoji"].get("id")]
            there = [emoji for emoji in there if is_thumb(emoji)]
            if place.is_private:  # of the two who are here, the bot never reacts
                return there
            held = []
            for emoji in there:
                who = await self.client.http.get_reaction_users(place.channel, message, emoji, 1, after=user - 1)
                held += [emoji for one in who if int(one["id"]) == user]
            return held

    async def type_in(self, channel: int) -> None:
        """Show that something is being written."""
        async with _asking():
            await self.client.http.send_typing(channel)

    async def direct(self, user: int) -> int:
        """The channel of somebody's direct messages."""
        async with _asking():
            return int((await self.client.http.start_private_message(user))["id"])

    async def register(self, commands: list[Json]) -> None:
        """Put these commands in the place of all that Discord has of this bot."""
        application = self.client.application_id or self.me
        async with _asking():
            await self.client.http.bulk_upsert_global_commands(application, commands)

    def is_low(self, channel: int) -> bool:
        """Whether few edits are left in this channel just now, or requests at all: they are for answers, not for previews."""
        if self.ceiling.is_near:
            return True
        http = self.client.http
        route = "PATCH /channels/{channel_id}/messages/{message_id}"
        found = http._bucket_hashes.get(route)
        if found is None:
            return False
        bucket = http._buckets.get(f"{found}:{channel}")
        if bucket is None or bucket.expires is None or bucket.is_expired():
            return False
        return bucket.remaining - bucket.outgoing <= _FEW

    # --- interactions ---

    async def respond(self, interaction: int, token: str, kind: int, data: Json | None = None) -> int | None:
        """The one answer to an interaction; the id of the message that it made. Raises Gone when it comes too late."""
        from discord.webhook.async_ import interaction_response_params

        async with _asking():
            made = await _adapter().create_interaction_response(
                interaction, token, session=self._session(), params=interaction_response_params(kind, data)
            )
        found = made["interaction"].get("response_message_id")
        return int(found) if found is not None else None

    async def original(self, handle: Handle) -> int:
        """The id of the message that holds an interaction's answer. Raises Gone."""
        async with _asking():
            found = await _adapter().get_original_interaction_response(
                handle.application, handle.token, session=self._session()
            )
            return int(found["id"])

    async def edit_original(self, handle: Handle, payload: Json, files: Sequence[ReplyFile] = ()) -> Json:
        """Fill or change an interaction's answer. Raises Gone."""
        made = _parameters(payload, files)
        async with _asking():
            return dict(
                await _adapter().edit_original_interaction_response(
                    handle.application,
                    handle.token,
                    session=self._session(),
                    payload=made.payload,
                    multipart=made.multipart,
                    files=made.files,
                )
            )

    async def delete_original(self, handle: Handle) -> None:
        """Take an interaction's answer away. Raises Gone."""
        async with _asking():
            await _adapter().delete_original_interaction_response(handle.application, handle.token, session=self._session())

    async def follow_up(self, handle: Handle, payload: Json, files: Sequence[ReplyFile] = ()) -> Json:
        """Another message in answer to an interaction; Discord knows no nonce here. Raises Gone."""
        made = _parameters(payload, files)
        async with _asking():
            sent = await _adapter().execute_webhook(
                handle.application,
                handle.token,
                session=self._session(),
                payload=made.payload,
                multipart=made.multipart,
                files=made.files,
                wait=True,
            )
            return dict(sent or {})

    def _session(self) -> aiohttp.ClientSession:
        """The connections that discord.py made at login."""
        from discord import Webhook

        return Webhook.partial(self.me, "unused", client=self.client).session


def _adapter() -> AsyncWebhookAdapter:
    from discord.webhook.async_ import async_context

    return async_context.get()


def _parameters(payload: Json, files: Sequence[ReplyFile]) -> MultipartParameters:
    """The payload as discord.py takes it, with files as parts of a form."""
    from discord import File
    from discord.http import MultipartParameters
    from discord.utils import _to_json

    if not files:
        return MultipartParameters(payload=payload, multipart=None, files=None)
    made = [File(BytesIO(file.content), filename=file.name) for file in files]
    payload = {**payload, "attachments": [{"id": number, "filename": one.filename} for number, one in enumerate(made)]}
    parts: list[Json] = [{"name": "payload_json", "value": _to_json(payload)}]
    parts += [
        {
            "name": f"files[{number}]",
            "value": one.fp,
            "filename": one.filename,
            "content_type": "application/octet-stream",
        }
        for number, one in enumerate(made)
    ]
    return MultipartParameters(payload=None, multipart=parts, files=made)


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    """A request in its time, its errors as our own; what Discord or discord.py said stays out of them."""
    import aiohttp
    from discord import HTTPException, RateLimited

    try:
        async with asyncio.timeout(REQUEST_S):
            yield
    except RateLimited as limited:
        raise DeliveryPaused("Discord asks to wait", limited.retry_after) from None
    except HTTPException as error:
        raise _refusal(error) from None
    except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
        # RuntimeError: aiohttp says so of connections that were closed meanwhile.
        raise Unsure(f"the connection to Discord broke: {type(error).__name__}") from None


def _refusal(error: HTTPException) -> DeliveryError:
    if error.status == 429:
        return DeliveryPaused("Discord asks to wait", _retry_after(error))
    if error.status >= 500:
        return Unsure(f"Discord answered with status {error.status}")
    if error.code in _CLOSED:
        return ChatClosed(f"Discord: code {error.code}")
    if error.code == 160002:
        return NoReply("Discord: no reply without the history")
    if error.status == 404 or error.code == 50027:
        return Gone(f"Discord: code {error.code}")
    return Refused(error.status, error.code)


def _retry_after(error: HTTPException) -> float:
    told = error.response.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() else _PAUSE_S
