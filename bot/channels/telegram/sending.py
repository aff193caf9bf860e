"""One message to one chat: in its pace, with Telegram's refusals told apart, and plainer where it will not have it as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from bot.channels.telegram.buttons import Row
from bot.channels.telegram.requests import ApiRefused, Connection
from bot.channels.telegram.text import Part
from bot.errors import ChatClosed, DeliveryError, DeliveryPaused, DeliveryRefused
from bot.pacing import Pace, Rate
from bot.ports import Clock
from bot.types import Address, PlatformId, ReplyFile

if TYPE_CHECKING:
    from telegram import InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, ReplyParameters

_log = structlog.get_logger("martin.telegram")

_UNCHANGED: Final = ("message is not modified",)
_GONE: Final = ("message to edit not found", "message can't be edited", "message_id_invalid", "no text in the message to edit")
_TOO_LONG: Final = ("message is too long", "message_too_long", "text is too long")
_NO_THREAD: Final = ("message thread not found", "topic_deleted", "topic_closed", "topic_id_invalid")
_CLOSED: Final = (
    "chat not found",
    "peer_id_invalid",
    "user is deactivated",
    "chat_write_forbidden",
    "group chat was deactivated",
    "not enough rights to send",
    "have no rights to send",
    "chat_restricted",
    "bot was kicked",
    "bot was blocked",
)

_T = TypeVar("_T")


class Unchanged(DeliveryError):
    """The message says exactly that already."""


class MessageGone(DeliveryError):
    """Somebody deleted the message that was to be filled."""


class NoThread(DeliveryError):
    """The topic was closed or deleted."""


class TooLong(DeliveryError):
    """Telegram counts more than it takes."""


class Moved(DeliveryError):
    """The group has become a supergroup, with another id."""

    def __init__(self, chat: int) -> None:
        self.chat = chat
        super().__init__("the group has another id now")


class NotTaken(DeliveryRefused):
    """Telegram will not have this message as it is; perhaps it will have a plainer one."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"Telegram refused the message itself ({code})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message goes: a chat, and in a forum one of its topics. `reply_to` is the message it answers, in groups."""

    chat: int
    thread: int | None = None
    reply_to: int | None = None

    @property
    def is_group(self) -> bool:
        """Telegram's ids of groups are below 0."""
        return self.chat < 0


def place_of(address: Address, handle: str = "") -> Place:
    """The place of an address. In groups what is said there answers the message that `handle` names."""
    chat = int(address.chat)
    reply_to = int(handle) if chat < 0 and handle.isdecimal() else None
    return Place(chat=chat, thread=int(address.thread) if address.thread else None, reply_to=reply_to)


def telegram_pace(clock: Clock) -> Pace:
    """What Telegram allows a bot: 30 messages a second, one a second in a chat, 20 a minute in a group; edits count.

    The second of the burst makes up for what a busy machine oversleeps, which is a tenth of the time otherwise.
    """
    return Pace(
        clock,
        overall=Rate(per_s=29, burst=2),
        per_chat=Rate(per_s=1, burst=3),
        per_group=Rate.within(20, 60, burst=3),
    )


class Sender:
    """Sends, edits and shows, each in its turn. Raises DeliveryError: ChatClosed, DeliveryPaused and those of this file."""

    def __init__(self, connected: Callable[[], Awaitable[Connection]], pace: Pace) -> None:
        self._connected, self._pace = connected, pace

    async def send(
        self,
        place: Place,
        part: Part,
        rows: Sequence[Row] = (),
        *,
        is_again: bool = False,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> PlatformId:
        """Send a new message; `before` is awaited once it is its turn. Where Telegram will not have it, a plainer one goes."""

        async def once(where: Place, part: Part, rows: Sequence[Row]) -> PlatformId:
            connection = await self._turn(where, is_again=is_again)
            if before is not None:
                await before()
            sent = await self._ask(
                connection,
                where,
                connection.bot.send_message(
                    where.chat,
                    part.text,
                    entities=_entities(part),
                    link_preview_options=_no_preview(),
                    message_thread_id=where.thread,
                    reply_parameters=_reply(where),
                    reply_markup=_keyboard(rows),
                ),
            )
            return PlatformId(str(sent.message_id))

        return await _plainer(once, place, part, rows)

    async def edit(self, place: Place, id: PlatformId, part: Part, rows: Sequence[Row] = (), *, is_again: bool = False) -> None:
        """Fill a message of ours; that it says so already is well. Raises MessageGone where somebody deleted it."""

        async def once(where: Place, part: Part, rows: Sequence[Row]) -> None:
            await self._edit(await self._turn(where, is_again=is_again), where, id, part, rows)

        await _plainer(once, place, part, rows)

    async def show(self, place: Place, id: PlatformId, part: Callable[[], Part]) -> None:
        """Edit a message if that may be done at once; `part` is made only then."""
        if self._pace.may_now(str(place.chat), is_group=place.is_group):
            await self._edit(await self._connected(), place, id, part(), ())

    async def show_draft(self, place: Place, number: int, part: Callable[[], Part]) -> None:
        """Show in a private chat what is being written, if that may be done at once."""
        if self._pace.may_now(str(place.chat)):
            connection, shown = await self._connected(), part()
            draft = connection.bot.send_message_draft(
                place.chat, number, shown.text, message_thread_id=place.thread, entities=_entities(shown)
            )
            await self._ask(connection, place, draft)

    async def set_buttons(self, place: Place, id: int, rows: Sequence[Row]) -> None:
        """Put other buttons under a message of ours."""
        connection = await self._turn(place, is_again=False)
        step = connection.bot.edit_message_reply_markup(place.chat, id, reply_markup=_keyboard(rows))
        with suppress(Unchanged):
            await self._ask(connection, place, step)

    async def send_file(self, place: Place, file: ReplyFile, *, is_again: bool = False) -> PlatformId:
        """Send a file as a document."""
        from telegram import InputFile

        connection = await self._turn(place, is_again=is_again)
        document = InputFile(file.content, filename=file.name)
        step = connection.bot.send_document(
            place.chat, document, message_thread_id=place.thread, reply_parameters=_reply(place)
        )
        return PlatformId(str((await self._ask(connection, place, step)).message_id))

    async def show_typing(self, place: Place) -> None:
        """Say that the bot is writing; people see it for five seconds."""
        connection = await self._connected()
        await self._ask(connection, place, connection.bot.send_chat_action(place.chat, "typing", place.thread))

    async def answer_press(self, id: str, text: str) -> None:
        """End the waiting sign on a button, with a few words or none."""
        connection = await self._connected()
        await connection.ask(connection.bot.answer_callback_query(id, text or None))

    async def _turn(self, place: Place, *, is_again: bool) -> Connection:
        connection = await self._connected()
        await self._pace.turn(str(place.chat), is_group=place.is_group, is_again=is_again)
        return connection

    async def _edit(self, connection: Connection, place: Place, id: PlatformId, part: Part, rows: Sequence[Row]) -> None:
        step = connection.bot.edit_message_text(
            part.text,
            place.chat,
            int(id),
            entities=_entities(part),
            link_preview_options=_no_preview(),
            reply_markup=_keyboard(rows),
        )
        with suppress(Unchanged):
            await self._ask(connection, place, step)

    async def _ask(self, connection: Connection, place: Place, step: Awaitable[_T]) -> _T:
        try:
            return await connection.ask(step)
        except ApiRefused as error:
            if error.retry_after_s:
                self._pace.pause(str(place.chat), error.retry_after_s)
            raise _told(error) from None


async def _plainer(
    once: Callable[[Place, Part, Sequence[Row]], Awaitable[_T]], place: Place, part: Part, rows: Sequence[Row]
) -> _T:
    """Do it, without the formatting and then without the buttons where Telegram will not have it as it is."""
    plain = Part(part.text)
    tries = [(part, rows), *([(plain, rows)] if part.entities else []), *([(plain, ())] if rows else [])]
    for number, (one, under) in enumerate(tries):
        try:
            return await once(place, one, under)
        except NoThread:
            place = replace(place, thread=None)
            return await once(place, one, under)
        except NotTaken as error:
            _log.warning("telegram.plainer", code=error.code, is_last=number == len(tries) - 1)
            if number == len(tries) - 1:
                raise
    raise AssertionError("there is always a first try")


def _told(error: ApiRefused) -> DeliveryError:
    """What a refusal means to us; its wording stays here."""
    if error.retry_after_s:
        return DeliveryPaused("Telegram asks to wait", error.retry_after_s)
    if error.moved_to:
        return Moved(error.moved_to)
    if error.code == 403 or (error.code == 400 and _says(error, _CLOSED)):
        return ChatClosed("Telegram will not let the bot write there")
    if error.code != 400:
        return error
    for words, kind in ((_UNCHANGED, Unchanged), (_GONE, MessageGone), (_NO_THREAD, NoThread), (_TOO_LONG, TooLong)):
        if _says(error, words):
            return kind()
    return NotTaken(error.code)


def _says(error: ApiRefused, words: Sequence[str]) -> bool:
    return any(word in error.description for word in words)


# --- in the client's own types ---


def _entities(part: Part) -> list[MessageEntity] | None:
    from telegram import MessageEntity

    found = [MessageEntity(one.kind.value, one.offset, one.length, language=one.language or None) for one in part.entities]
    return found or None


def _keyboard(rows: Sequence[Row]) -> InlineKeyboardMarkup | None:
    from telegram import InlineKeyboardButton, InlineKeyboardMarkup

    if not rows:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(one.label, callback_data=one.data) for one in row] for row in rows])


def _reply(place: Place) -> ReplyParameters | None:
    from telegram import ReplyParameters

    return ReplyParameters(place.reply_to, allow_sending_without_reply=True) if place.reply_to is not None else None


def _no_preview() -> LinkPreviewOptions:
    from telegram import LinkPreviewOptions

    return LinkPreviewOptions(is_disabled=True)
