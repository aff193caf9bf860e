"""Slash commands, presses, menus and forms: stored first, acknowledged within two seconds whatever happens (R-07)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from bot import buttons as signed
from bot.buttons import read_button
from bot.channel_ports import Manners
from bot.channels.discord import buttons
from bot.channels.discord.commands import PRIVATE, typed
from bot.channels.discord.handles import Handle, Pending
from bot.channels.discord.places import Place, Places
from bot.channels.discord.rest import EPHEMERAL, Json, Rest, body
from bot.channels.discord.tasks import ClientTasks
from bot.errors import DeliveryError, IntakeError, StoreError
from bot.locale import say
from bot.ports import Clock
from bot.types import (
    Address,
    Chosen,
    GivenRating,
    IncomingMessage,
    Kind,
    Language,
    PlatformId,
    Receipt,
    ReceiptStatus,
    TurnId,
)

if TYPE_CHECKING:
    from discord import Interaction

_log = structlog.get_logger("martin.channel.discord")

DEFER_AFTER_S: Final = 1.5
"""How long the store may take before the acknowledgement goes out without it; Discord waits for three seconds."""
LOOK_UP_S: Final = 1.5
MOST_CHARS: Final = 2000

_COMMAND, _COMPONENT, _MODAL = 2, 3, 5
_SLASH, _MESSAGE_MENU = 1, 3
_ANSWER, _DEFERRED, _DEFERRED_UPDATE, _UPDATE, _FORM = 4, 5, 6, 7, 9


class NotHere(Enum):
    """Not taken, because nobody is to be answered there."""

    NOT_HERE = "not here"


NOT_HERE: Final = NotHere.NOT_HERE

Stored = Callable[[Sequence[IncomingMessage]], Awaitable[Sequence[Receipt]]]
TurnOf = Callable[[Address, PlatformId], Awaitable[TurnId | None]]


class Interactions:
    """Takes interactions in and answers them. `turn_of` finds the turn that one of our messages belongs to."""

    def __init__(
        self,
        *,
        rest: Rest,
        stored: Stored,
        tasks: ClientTasks,
        places: Places,
        pending: Pending,
        manners: Manners,
        secret: bytes,
        admins: Collection[int],
        clock: Clock,
        language: Callable[[IncomingMessage], Language],
        turn_of: TurnOf,
    ) -> None:
        self._rest, self._stored, self._tasks, self._places, self._pending = rest, stored, tasks, places, pending
        self._manners, self._secret, self._admins, self._clock = manners, secret, frozenset(admins), clock
        self._language, self._turn_of = language, turn_of

    async def take(self, interaction: Interaction) -> None:
        """Take one in, and acknowledge it."""
        data: Mapping[str, Any] = dict(interaction.data or {})
        kind = interaction.type.value
        try:
            if kind == _COMMAND and data.get("type", _SLASH) == _SLASH:
                await self._command(interaction, data)
            elif kind == _COMMAND and data.get("type") == _MESSAGE_MENU:
                await self._menu_entry(interaction, data)
            elif kind == _COMPONENT:
                await self._press(interaction, data)
            elif kind == _MODAL:
                await self._form(interaction, data)
        except DeliveryError as error:
            _log.warning("discord.interaction", event_id=str(interaction.id), error=type(error).__name__)

    # --- commands ---

    async def _command(self, interaction: Interaction, data: Mapping[str, Any]) -> None:
        name = str(data["name"])
        argument = next((str(one["value"]) for one in data.get("options") or () if "value" in one), "")
        is_stop = name == "stop"
        message = self._message(interaction, Kind.STOP if is_stop else Kind.COMMAND, text=typed(name, argument))
        if is_stop:
            await self._absorb(interaction, message)
        else:
            await self._answer_later(interaction, message, is_ephemeral=not message.is_private and name in PRIVATE)

    async def _answer_later(self, interaction: Interaction, message: IncomingMessage, *, is_ephemeral: bool) -> None:
        """Store it, and say that an answer will come; delivery fills it in."""
        handle = Handle(
            application=interaction.application_id,
            token=interaction.token,
            at=interaction.created_at,
            is_ephemeral=is_ephemeral,
        )
        self._pending.begin(handle.token)
        storing = self._tasks.begin(partial(self._taken_here, _with_handle(message, handle)))
        if storing is None:
            return
        await asyncio.wait({storing}, timeout=DEFER_AFTER_S)
        if storing.done() and storing.result() is NOT_HERE:
            self._pending.done(handle.token, None)
            await self._rest.respond(interaction.id, interaction.token, _ANSWER, body(self._not_here(message), flags=EPHEMERAL))
            return
        flags = {"flags": EPHEMERAL} if is_ephemeral else None
        made: int | None = None
        try:
            made = await self._rest.respond(interaction.id, interaction.token, _DEFERRED, flags)
        finally:
            self._pending.done(handle.token, made)
        receipt = await storing
        text = self._not_here(message) if receipt is NOT_HERE else self._said_at_once(message, receipt)
        if text is not None:
            await self._rest.edit_original(handle, body(text[:MOST_CHARS]))

    async def _taken_here(self, message: IncomingMessage) -> Receipt | NotHere | None:
        """The receipt; NOT_HERE where an admin wants nobody answered: nothing is stored then."""
        try:
            if not await self._manners.is_addressed(message, is_named=True):
                return NOT_HERE
        except StoreError:
            return None
        return await self._taken(message)

    def _not_here(self, message: IncomingMessage) -> str:
        return say(self._language(message), "I answer nobody here; write to me in private.")

    def _said_at_once(self, message: IncomingMessage, receipt: Receipt | NotHere | None) -> str | None:
        """What to say where no reply will be delivered."""
        language = self._language(message)
        if not isinstance(receipt, Receipt):
            return say(language, "Something went wrong on my side. Please send that again.")
        if receipt.status is ReceiptStatus.REFUSED and receipt.reply is None:
            return say(language, "I could not take that.")  # too fast, or not invited: both were told once
        if receipt.status is ReceiptStatus.ABSORBED:
            return _result(receipt, language)
        return None

    # --- presses ---

    async def _press(self, interaction: Interaction, data: Mapping[str, Any]) -> None:
        read = read_button(self._secret, str(data.get("custom_id", "")))
        if read is None:
            await self._unknown(interaction)
            return
        turn_id, says = read
        if says == signed.CORRECT:
            await self._open_form(interaction, turn_id)
            return
        meant = buttons.meant(turn_id, says, [str(value) for value in data.get("values") or ()])
        if meant is None:
            await self._unknown(interaction)
        elif isinstance(meant, Chosen):
            message = self._message(interaction, Kind.CHOICE, choice=meant)
            is_ephemeral = not message.is_private and (_is_ephemeral(interaction) or not _is_for(interaction))
            await self._answer_later(interaction, message, is_ephemeral=is_ephemeral)
        else:
            message = self._message(interaction, Kind.RATING, rating=meant)
            await self._absorb(interaction, message, is_update=says in buttons.ON_THANKS)

    async def _unknown(self, interaction: Interaction) -> None:
        """A button that is none of ours, or of a version that had others."""
        language = self._language(self._message(interaction, Kind.RATING))
        text = say(language, "I don't know that answer (any more).")
        await self._rest.respond(interaction.id, interaction.token, _ANSWER, body(text, flags=EPHEMERAL))

    # --- corrections ---

    async def _menu_entry(self, interaction: Interaction, data: Mapping[str, Any]) -> None:
        """Open the form for the answer that was picked; which turn it belongs to stands on its buttons, or in the store."""
        target = str(data.get("target_id", ""))
        shape = (data.get("resolved") or {}).get("messages", {}).get(target, {})
        turn_id = self._on_buttons(shape.get("components") or ()) or await self._looked_up(interaction, target)
        if turn_id is not None:
            await self._open_form(interaction, turn_id)
            return
        text = say(self._language(self._message(interaction, Kind.RATING)), "That message is not an answer that can be rated.")
        await self._rest.respond(interaction.id, interaction.token, _ANSWER, body(text, flags=EPHEMERAL))

    def _on_buttons(self, rows: Sequence[Mapping[str, Any]]) -> TurnId | None:
        parts = [part for row in rows for part in row.get("components") or ()]
        read = (read_button(self._secret, str(part.get("custom_id", ""))) for part in parts)
        return next((found[0] for found in read if found is not None and found[1] == signed.CORRECT), None)

    async def _looked_up(self, interaction: Interaction, target: str) -> TurnId | None:
        """A form has to be opened at once: a store that is slow now is not waited for."""
        address = self._message(interaction, Kind.RATING).address
        try:
            async with asyncio.timeout(LOOK_UP_S):
                return await self._turn_of(address, PlatformId(target))
        except (TimeoutError, StoreError):
            return None

    async def _open_form(self, interaction: Interaction, turn_id: TurnId) -> None:
        language = self._language(self._message(interaction, Kind.RATING))
        form = buttons.correction_form(self._secret, turn_id, language)
        await self._rest.respond(interaction.id, interaction.token, _FORM, form)

    async def _form(self, interaction: Interaction, data: Mapping[str, Any]) -> None:
        read, correction = read_button(self._secret, str(data.get("custom_id", ""))), _typed(data.get("components") or ())
        if read is None or read[1] != signed.CORRECT or correction is None:
            await self._unknown(interaction)
            return
        rating = GivenRating(turn_id=read[0], value=-1, correction=correction)
        await self._absorb(interaction, self._message(interaction, Kind.RATING, rating=rating))

    # --- what is answered at once ---

    async def _absorb(self, interaction: Interaction, message: IncomingMessage, *, is_update: bool = False) -> None:
        """Store it and answer for the person's eyes only; where the store is slow, the answer follows its acknowledgement.

        `is_update` puts the answer in the place of the message with the button, which was for the person's eyes only too.
        """
        storing = self._tasks.begin(partial(self._taken, message))
        if storing is None:
            return
        await asyncio.wait({storing}, timeout=DEFER_AFTER_S)
        if storing.done():
            kind, flags = (_UPDATE, 0) if is_update else (_ANSWER, EPHEMERAL)
            shown = self._thanks(message, storing.result(), flags=flags)
            await self._rest.respond(interaction.id, interaction.token, kind, shown)
            return
        kind = _DEFERRED_UPDATE if is_update else _DEFERRED
        await self._rest.respond(interaction.id, interaction.token, kind, None if is_update else {"flags": EPHEMERAL})
        handle = Handle(application=interaction.application_id, token=interaction.token, at=interaction.created_at)
        receipt = await storing
        await self._rest.edit_original(handle, self._thanks(message, receipt))

    def _thanks(self, message: IncomingMessage, receipt: Receipt | None, *, flags: int = 0) -> Json:
        language, rating = self._language(message), message.rating
        if receipt is None:
            text = say(language, "Something went wrong on my side. Please send that again.")
            return body(text, components=(), flags=flags)
        text = _result(receipt, language)
        rows: Sequence[Json] = ()
        if rating is not None and not receipt.is_refused and rating.correction is None and rating.reason is None:
            rows = buttons.after_rating(self._secret, rating.turn_id, rating.value, language)
        return body(text[:MOST_CHARS], components=rows, flags=flags)

    async def _taken(self, message: IncomingMessage) -> Receipt | None:
        """The receipt; None for what is stored but could not be done."""
        try:
            (receipt,) = await self._stored([message])
        except IntakeError:
            return None
        return receipt

    # --- reading ---

    def _message(
        self,
        interaction: Interaction,
        kind: Kind,
        *,
        text: str = "",
        choice: Chosen | None = None,
        rating: GivenRating | None = None,
    ) -> IncomingMessage:
        place = self._place(interaction)
        target = choice.turn_id if choice is not None else rating.turn_id if rating is not None else None
        return IncomingMessage(
            event_id=str(interaction.id),
            address=place.address(interaction.user.id),
            kind=kind,
            sent_at=interaction.created_at,
            text=text,
            choice=choice,
            rating=rating,
            target=target,
            is_private=place.is_private,
            is_admin=interaction.user.id in self._admins,
            sender_name=interaction.user.display_name,
            locale=interaction.locale.value,
        )

    def _place(self, interaction: Interaction) -> Place:
        from discord import Thread

        channel = interaction.channel
        parent = channel.parent_id if isinstance(channel, Thread) else None
        here = interaction.channel_id or (channel.id if channel is not None else 0)
        return self._places.note(Place(channel=here, guild=interaction.guild_id, parent=parent))


def _is_ephemeral(interaction: Interaction) -> bool:
    """Whether the message with the button is for the person's eyes only."""
    return interaction.message is not None and interaction.message.flags.ephemeral


def _is_for(interaction: Interaction) -> bool:
    """Whether the message with the button is known to answer whoever pressed it."""
    from discord import Message

    message = interaction.message
    if message is None:
        return False
    if message.interaction_metadata is not None:
        return message.interaction_metadata.user.id == interaction.user.id
    replied = message.reference.resolved if message.reference is not None else None
    return isinstance(replied, Message) and replied.author.id == interaction.user.id


def _result(receipt: Receipt, language: Language) -> str:
    """What a message did that became no turn."""
    if receipt.reply is not None:
        return receipt.reply.text
    return say(language, "I could not take that.") if receipt.is_refused else say(language, "Done.")


def _with_handle(message: IncomingMessage, handle: Handle) -> IncomingMessage:
    return replace(message, handle=handle.written())


def _typed(components: Sequence[Mapping[str, Any]]) -> str | None:
    """What was written into the form."""
    for one in components:
        if one.get("custom_id") == buttons.FIELD:
            return str(one.get("value", ""))
        inner = [*(one.get("components") or ()), *([one["component"]] if "component" in one else [])]
        found = _typed(inner) if inner else None
        if found is not None:
            return found
    return None
