"""What an event gets at once, besides the answer: words on a pressed button, other buttons, a word on what was edited."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from bot import buttons
from bot.channels.telegram import text
from bot.channels.telegram.buttons import after_press, correction_hint
from bot.channels.telegram.delivering import PastTurns
from bot.channels.telegram.events import Press
from bot.channels.telegram.intake import Heard
from bot.channels.telegram.presence import Presence
from bot.channels.telegram.sending import Place, Sender, place_of
from bot.errors import ChatClosed, DeliveryError, DeliveryPaused, StoreError
from bot.locale import say
from bot.types import IncomingMessage, Kind, Language, ReceiptStatus, TurnId

_log = structlog.get_logger("martin.telegram")

LONGEST_TOAST: Final = 200
"""Characters that Telegram shows over a pressed button."""
TRIES: Final = 5
CHOICES_REMEMBERED: Final = 1_000


class Answers:
    """Answers events whose messages are on disk. Nothing of it is stored: a crash in the middle leaves it out."""

    def __init__(
        self,
        sender: Sender,
        presence: Presence,
        *,
        secret: bytes,
        language: Callable[[IncomingMessage], Language],
        turns: PastTurns,
    ) -> None:
        self._sender, self._presence, self._secret, self._language = sender, presence, secret, language
        self._turns = turns
        self._chosen: OrderedDict[TurnId, Press] = OrderedDict()

    def wants(self, heard: Heard) -> bool:
        """Whether there is anything to do; whoever now waits for an answer is seen to at once."""
        message, receipt = heard.message, heard.receipt
        if message is not None and receipt is not None and receipt.status is ReceiptStatus.ACCEPTED:
            self._presence.begin(receipt.turn_id, place_of(message.address))
            if heard.event.press is not None and message.kind is Kind.CHOICE:
                self._chosen[receipt.turn_id] = heard.event.press
                if len(self._chosen) > CHOICES_REMEMBERED:
                    self._chosen.popitem(last=False)
        if heard.event.press is not None:
            return True
        return receipt is not None and receipt.status is ReceiptStatus.ABSORBED and receipt.reply is not None

    async def answer(self, heard: Heard) -> None:
        """Do it, as well as it can be done."""
        try:
            if heard.event.press is not None:
                await self._answer_press(heard, heard.event.press)
            elif heard.message is not None:
                await self._tell(heard, heard.message)
        except DeliveryError as error:
            _log.info("telegram.unanswered", error=type(error).__name__)

    def has_choice(self, turn_id: TurnId) -> bool:
        """Whether this turn is a pressed choice that is not marked yet."""
        return turn_id in self._chosen

    async def mark_choice(self, turn_id: TurnId) -> None:
        """Mark a pressed choice whose turn is over, if it is the one that counts: not anybody's, and not a second one."""
        press = self._chosen.pop(turn_id, None)
        if press is None or press.keyboard is None or press.turn_id is None:
            return
        try:
            asking = await self._turns.past(press.turn_id)
            place = int(press.says.removeprefix(buttons.CHOICE))
            if asking is None or [one.key for one in asking.reply.choices[place : place + 1]] != [asking.chosen]:
                return
            rows = after_press(press.keyboard, press.turn_id, press.says, self._secret, asking.language)
            await self._sender.set_buttons(place_of(press.by.address), press.message_id, rows)
        except (DeliveryError, StoreError, ValueError) as error:
            _log.info("telegram.unmarked", error=type(error).__name__)

    async def _answer_press(self, heard: Heard, press: Press) -> None:
        """A press is answered whatever became of it: until then the button shows that it waits."""
        language = self._language(press.by)
        await self._sender.answer_press(press.id, self._toast(heard, press, language)[:LONGEST_TOAST])
        receipt = heard.receipt
        is_choice = heard.message is not None and heard.message.kind is Kind.CHOICE  # marked once it is judged
        took_effect = receipt is not None and not receipt.is_refused and receipt.status is not ReceiptStatus.REFUSED
        if took_effect and not is_choice and press.keyboard is not None and press.turn_id is not None:
            rows = after_press(press.keyboard, press.turn_id, press.says, self._secret, language)
            await self._sender.set_buttons(place_of(press.by.address), press.message_id, rows)

    def _toast(self, heard: Heard, press: Press, language: Language) -> str:
        if press.says == buttons.CORRECT:
            return correction_hint(language)
        if heard.message is None:
            return say(language, "I don't know that answer (any more).")
        reply = heard.receipt.reply if heard.receipt is not None else None
        return reply.text if reply is not None else ""

    async def _tell(self, heard: Heard, message: IncomingMessage) -> None:
        """Say what came of a message that becomes no turn, such as `/stop` or an edit that calls for help."""
        reply = heard.receipt.reply if heard.receipt is not None else None
        if reply is None or message.kind is Kind.REACTION:
            return
        place = place_of(message.address, message.handle)
        for number, part in enumerate(text.rendered(reply.text, seen=message.text)):
            await self._send(place if number == 0 else Place(chat=place.chat, thread=place.thread), part)

    async def _send(self, place: Place, part: text.Part) -> None:
        for attempt in range(TRIES):
            try:
                await self._sender.send(place, part)
            except ChatClosed:
                raise
            except DeliveryPaused as pause:
                await asyncio.sleep(pause.retry_after_s)
            except DeliveryError:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(0.5 * 2**attempt)
            else:
                return
