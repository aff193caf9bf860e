"""The Bot API's methods that make and change messages, with Telegram's refusals."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.servers.telegram.chats import Account, Chat, Draft, Message, Refused, World, bad
from tests.servers.telegram.text import MOST_UNITS, Entity, EntityProblem, checked, found, trimmed, units

Parameters = Mapping[str, Any]

_ACTIONS: Final = """
    typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker find_location
    record_video_note upload_video_note
"""
MOST_CAPTION_UNITS: Final = 1024
MOST_BUTTONS: Final = 100
_GENERAL_TOPIC: Final = 1
_NOT_MODIFIED: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
_WEB: Final = re.compile(r"(https?://[^\s/]+\.[^\s]+|tg://\S+)")
_EMOJI: Final = """
    ❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨
    😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎
    👾 🤷‍♂ 🤷 🤷‍♀ 😡
"""
"""What a bot may react with (core.telegram.org/bots/api#reactiontypeemoji, 10.1)."""


class Sending:
    """What the bot may do in chats. Every method takes checked parameters, and raises `Refused` as Telegram would."""

    def __init__(self, world: World) -> None:
        self.world = world

    def chat(self, given: int | str) -> Chat:
        """The chat that the bot may write in."""
        chat = self.known_chat(given)
        if chat.upgraded_to:
            raise Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.upgraded_to,
            )
        if chat.bot_is_gone:
            raise Refused(403, f"Forbidden: bot was kicked from the {chat.kind} chat")
        if chat.is_private and chat.person.has_blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return chat

    def known_chat(self, given: int | str) -> Chat:
        """Any chat that there is; a person who never wrote has none."""
        chat = self.world.chats.get(int(given)) if str(given).lstrip("-").isdigit() else None
        if chat is None or (chat.is_private and not chat.messages):
            raise bad("chat not found")
        return chat

    # --- new messages ---

    def send_message(self, given: Parameters) -> dict[str, Any]:
        """sendMessage."""
        chat = self.chat(given["chat_id"])
        text, entities = self._text(given["text"], given.get("entities", ()), MOST_UNITS, "message is too long")
        message = self._send(chat, given, text=text, entities=entities)
        chat.drafts.clear()
        return message.shown()

    def send_document(self, given: Parameters, files: Mapping[str, tuple[str, str, bytes]]) -> dict[str, Any]:
        """sendDocument. A file is its name, its media type and its bytes."""
        chat = self.chat(given["chat_id"])
        text, entities = self._caption(given)
        document: str = given["document"]
        if document.startswith("attach://"):
            name, media_type, data = files[document.removeprefix("attach://")]
            if not data:
                raise bad("file must be non-empty")
            stored = self.world.keep_file(name, data)
        elif (known := self.world.files.get(document)) is not None:
            stored, name, media_type = known, known.path.rsplit("_", 1)[-1], "application/octet-stream"
        else:
            raise bad("wrong file identifier/HTTP URL specified")
        about = {"file_id": stored.id, "file_unique_id": f"U{stored.id}", "file_size": stored.size}
        media = {"document": about | {"file_name": name, "mime_type": media_type}}
        return self._send(chat, given, text=text, entities=entities, media=media).shown()

    def send_draft(self, given: Parameters) -> bool:
        """sendMessageDraft: what is shown while the bot still writes, in private chats only."""
        chat = self.chat(given["chat_id"])
        if not chat.is_private:
            raise bad("TEXTDRAFT_PEER_INVALID")
        if not given["draft_id"]:
            raise bad("TEXTDRAFT_RANDOM_ID_INVALID")
        self._thread(chat, given)
        raw = given.get("text", "")
        text, entities = self._text(raw, given.get("entities", ()), MOST_UNITS, "message is too long") if raw else ("", [])
        before = chat.drafts.get(given["draft_id"])
        shown = before.shown + 1 if before else 1
        chat.drafts[given["draft_id"]] = Draft(text=text, entities=entities, at=time.time(), shown=shown)
        self.world.touch()
        return True

    def send_action(self, given: Parameters) -> bool:
        """sendChatAction."""
        chat = self.chat(given["chat_id"])
        self._thread(chat, given)
        if given["action"] not in _ACTIONS.split():
            raise bad("wrong parameter action in request")
        chat.actions.append((given["action"], time.time()))
        self.world.touch()
        return True

    # --- changes ---

    def edit_text(self, given: Parameters) -> dict[str, Any]:
        """editMessageText. Buttons that are not given again go away."""
        message = self._own(given, "edit")
        if message.media:
            raise bad("there is no text in the message to edit")
        text, entities = self._text(given.get("text", ""), given.get("entities", ()), MOST_UNITS, "MESSAGE_TOO_LONG")
        return self._change(message, given, text=text, entities=entities, buttons=_buttons(given))

    def edit_buttons(self, given: Parameters) -> dict[str, Any]:
        """editMessageReplyMarkup."""
        return self._change(self._own(given, "edit"), given, buttons=_buttons(given))

    def delete(self, given: Parameters) -> bool:
        """deleteMessage: the bot's own, and what people wrote in private chats or where it is an administrator."""
        message = self._there(given, "delete")
        chat = message.chat
        if message.sender is not self.world.bot and not (chat.is_private or chat.bot_is_admin):
            raise bad("message can't be deleted")
        message.is_deleted = True
        self.world.touch()
        return True

    def react(self, given: Parameters) -> bool:
        """setMessageReaction: a bot puts one emoji at most."""
        message = self._there(given, "react")
        emoji = [one.get("emoji") for one in given.get("reaction", ())]
        if any(one not in _EMOJI.split() for one in emoji):
            raise bad("REACTION_INVALID")
        if len(emoji) > 1:
            raise bad("REACTIONS_TOO_MANY")
        message.reactions[self.world.bot.id] = emoji
        self.world.touch()
        return True

    # --- what they share ---

    def _send(self, chat: Chat, given: Parameters, **facts: Any) -> Message:
        buttons, thread = _buttons(given), self._thread(chat, given)
        reply_to = self._replied(chat, given)
        if not thread and chat.is_forum and reply_to is not None and reply_to.chat is chat:
            thread = reply_to.thread  # a reply lands in the topic of what it replies to
        facts |= {"buttons": buttons, "thread": thread, "reply_to": reply_to, "asked": dict(given)}
        return self.world.new_message(chat, self.world.bot, **facts)

    def _change(self, message: Message, given: Parameters, **facts: Any) -> dict[str, Any]:
        if all(getattr(message, name) == value for name, value in facts.items()):
            raise bad(_NOT_MODIFIED)
        preview = {name: given[name] for name in ("link_preview_options",) if name in given}
        if "text" in facts:
            message.edited = time.time()  # other buttons alone are no edit that people see
        self.world.change_message(message, asked=message.asked | preview, **facts)
        return message.shown()

    def _thread(self, chat: Chat, given: Parameters) -> int:
        """The thread to write in. Where a chat has no topics Telegram passes over it, in private chats it does not."""
        thread = given.get("message_thread_id", 0)
        if not thread or not (chat.is_forum or chat.is_private):
            return 0
        if thread == _GENERAL_TOPIC or thread not in chat.topics:
            raise bad("message thread not found")
        return int(thread)

    def _replied(self, chat: Chat, given: Parameters) -> Message | None:
        asked = given.get("reply_parameters")
        if asked is None:
            return None
        place = self.known_chat(asked["chat_id"]) if "chat_id" in asked else chat
        message = place.messages.get(asked["message_id"])
        if message is None or message.is_deleted:
            if asked.get("allow_sending_without_reply"):
                return None
            raise bad("message to be replied not found")
        if asked.get("quote", "") not in message.text:
            raise bad("QUOTE_TEXT_INVALID")
        return message

    def _there(self, given: Parameters, verb: str) -> Message:
        if "chat_id" not in given or "message_id" not in given:
            raise bad("message identifier is not specified")
        message = self.chat(given["chat_id"]).messages.get(given["message_id"])
        if message is None or message.is_deleted:
            raise bad(f"message to {verb} not found")
        return message

    def _own(self, given: Parameters, verb: str) -> Message:
        message = self._there(given, verb)
        if message.sender is not self.world.bot:
            raise bad("message can't be edited")
        return message

    def _caption(self, given: Parameters) -> tuple[str, list[Entity]]:
        if not given.get("caption"):
            return "", []
        too_long = "message caption is too long"
        return self._text(given["caption"], given.get("caption_entities", ()), MOST_CAPTION_UNITS, too_long)

    def _text(self, text: str, entities: Sequence[Entity], most: int, too_long: str) -> tuple[str, list[Entity]]:
        """A text and its entities as Telegram keeps them."""
        if not text:
            raise bad("message text is empty")
        try:
            checked(text, entities)
        except EntityProblem as problem:
            raise bad(str(problem)) from problem
        for user in (one["user"]["id"] for one in entities if one["type"] == "text_mention"):
            if user not in self._accounts():
                raise bad("ENTITY_MENTION_USER_INVALID")
        kept, marks = trimmed(text, entities)
        if not kept:
            raise bad("text must be non-empty")
        if units(kept) > most:
            raise bad(too_long)
        return kept, found(kept, marks)

    def _accounts(self) -> Mapping[int, Account]:
        return {one.id: one for one in (self.world.bot, *self.world.people.values())}


def _buttons(given: Parameters) -> list[list[dict[str, Any]]]:
    """The inline keyboard of a request, without empty rows. Other keyboards show no buttons under a message."""
    rows = [row for row in given.get("reply_markup", {}).get("inline_keyboard", ()) if row]
    if sum(map(len, rows)) > MOST_BUTTONS:
        raise bad("reply markup is too long")
    for button in (one for row in rows for one in row):
        if not button["text"].strip():
            raise bad("can't parse inline keyboard button: BUTTON_TEXT_EMPTY")
        kinds = [name for name in button if name not in ("text", "style", "icon_custom_emoji_id")]
        if len(kinds) != 1:
            raise bad("can't parse inline keyboard button: text buttons are unallowed in the inline keyboard")
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")
        if "url" in button and not _WEB.fullmatch(button["url"]):
            raise bad("BUTTON_URL_INVALID")
    return rows
