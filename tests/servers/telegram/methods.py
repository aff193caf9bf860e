"""The Bot API's methods by name: which are simulated, with which parameters, and what they do."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from tests.servers.telegram.chats import Account, Chat, bad
from tests.servers.telegram.people import Desk
from tests.servers.telegram.sending import Parameters, Sending
from tests.servers.telegram.updates import Webhook

Files = Mapping[str, tuple[str, str, bytes]]
Result = dict[str, Any] | list[Any] | bool
Method = Callable[[Parameters, Files], Result | Awaitable[Result]]

LARGEST_DOWNLOAD: Final = 20 * 1024 * 1024
_TEXT: Final = (
    "chat_id message_thread_id text entities link_preview_options disable_notification protect_content reply_parameters "
    "reply_markup"
)
_SIMULATED: Final = {
    "getMe": "",
    "getUpdates": "offset limit timeout allowed_updates",
    "setWebhook": "url certificate max_connections allowed_updates drop_pending_updates secret_token",
    "deleteWebhook": "drop_pending_updates",
    "getWebhookInfo": "",
    "sendMessage": _TEXT,
    "sendDocument": "chat_id message_thread_id document caption caption_entities disable_content_type_detection "
    "disable_notification protect_content reply_parameters reply_markup",
    "sendMessageDraft": "chat_id message_thread_id draft_id text entities",
    "sendChatAction": "chat_id message_thread_id action",
    "editMessageText": "chat_id message_id text entities link_preview_options reply_markup",
    "editMessageReplyMarkup": "chat_id message_id reply_markup",
    "deleteMessage": "chat_id message_id",
    "setMessageReaction": "chat_id message_id reaction is_big",
    "answerCallbackQuery": "callback_query_id text show_alert url cache_time",
    "setMyCommands": "commands scope language_code",
    "getMyCommands": "scope language_code",
    "deleteMyCommands": "scope language_code",
    "getFile": "file_id",
    "getChat": "chat_id",
    "getChatMember": "chat_id user_id",
}
SIMULATED: Final = {name: frozenset(parameters.split()) for name, parameters in _SIMULATED.items()}
"""What this server does; of anything else it says so, and counts it as a violation."""
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{0,256}")


class Methods:
    """Does what the bot asks for. Commands are kept by scope and language, `("", "")` being everybody's."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.world, self.updates = desk, desk.world, desk.updates
        self.sending = Sending(desk.world)
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}
        self.press_lives_s = 60.0
        one = self.sending
        self._plain: Mapping[str, Callable[[Parameters], Result | Awaitable[Result]]] = {
            "getMe": self.get_me,
            "getUpdates": self.get_updates,
            "setWebhook": self.set_webhook,
            "deleteWebhook": self.delete_webhook,
            "getWebhookInfo": self.webhook_info,
            "sendMessage": one.send_message,
            "sendMessageDraft": one.send_draft,
            "sendChatAction": one.send_action,
            "editMessageText": one.edit_text,
            "editMessageReplyMarkup": one.edit_buttons,
            "deleteMessage": one.delete,
            "setMessageReaction": one.react,
            "answerCallbackQuery": self.answer_press,
            "setMyCommands": self.set_commands,
            "getMyCommands": self.get_commands,
            "deleteMyCommands": self.delete_commands,
            "getFile": self.get_file,
            "getChat": self.get_chat,
            "getChatMember": self.get_member,
        }

    def call(self, name: str, given: Parameters, files: Files) -> Result | Awaitable[Result]:
        """The result of a simulated method, to be awaited where it takes time. Raises Refused."""
        if name == "sendDocument":
            return self.sending.send_document(given, files)
        return self._plain[name](given)

    # --- updates ---

    async def get_updates(self, given: Parameters) -> Result:
        """getUpdates."""
        if self.updates.webhook is None:
            self.updates.want(given.get("allowed_updates"))
        return await self.updates.poll(given.get("offset", 0), given.get("limit", 100), given.get("timeout", 0))

    def set_webhook(self, given: Parameters) -> Result:
        """setWebhook. As on a local Bot API server, a loopback address may do without TLS."""
        if not given["url"]:
            return self.delete_webhook(given)
        url, secret = urlsplit(given["url"]), given.get("secret_token", "")
        if url.scheme != "https" and not (url.scheme == "http" and _is_here(url.hostname or "")):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if not _SECRET.fullmatch(secret):
            raise bad("secret token contains unallowed characters" if len(secret) <= 256 else "secret token is too long")
        if given.get("drop_pending_updates"):
            self.updates.clear()
        self.updates.want(given.get("allowed_updates"))
        self.updates.stop_poller("Conflict: terminated by setWebhook request")
        self.updates.webhook = Webhook(
            url=given["url"],
            secret=secret,
            most_connections=given.get("max_connections", 40),
            has_certificate="certificate" in given,
        )
        self.updates.wake()
        self.world.touch()
        return True

    def delete_webhook(self, given: Parameters) -> Result:
        """deleteWebhook."""
        if given.get("drop_pending_updates"):
            self.updates.clear()
        self.updates.webhook = None
        self.world.touch()
        return True

    def webhook_info(self, given: Parameters) -> Result:
        """getWebhookInfo."""
        del given
        webhook, wanted = self.updates.webhook, self.updates.wanted
        body: dict[str, Any] = {
            "url": webhook.url if webhook else "",
            "has_custom_certificate": webhook is not None and webhook.has_certificate,
            "pending_update_count": len(self.updates.waiting),
        }
        if webhook is not None:
            body["max_connections"] = webhook.most_connections
            if webhook.last_error:
                body |= {"last_error_message": webhook.last_error, "last_error_date": int(webhook.last_error_at)}
        return body | ({"allowed_updates": sorted(wanted)} if wanted is not None else {})

    # --- the bot itself ---

    def get_me(self, given: Parameters) -> Result:
        """getMe."""
        del given
        flags = {
            "can_join_groups": True,
            "can_read_all_group_messages": self.world.reads_everything,
            "supports_inline_queries": False,
        }
        return self.world.bot.shown() | flags

    def set_commands(self, given: Parameters) -> Result:
        """setMyCommands."""
        commands: list[dict[str, str]] = given["commands"]
        if len(commands) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for one in commands:
            if not _COMMAND.fullmatch(one["command"].removeprefix("/")):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(one["description"]) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[_scope(given)] = [one | {"command": one["command"].removeprefix("/")} for one in commands]
        self.world.touch()
        return True

    def get_commands(self, given: Parameters) -> Result:
        """getMyCommands."""
        return list(self.commands.get(_scope(given), ()))

    def delete_commands(self, given: Parameters) -> Result:
        """deleteMyCommands."""
        self.commands.pop(_scope(given), None)
        return True

    def menu(self, account: Account, chat: Chat) -> list[dict[str, str]]:
        """The commands that somebody's app shows there: the narrowest scope and their language win."""
        wide = "all_private_chats" if chat.is_private else "all_group_chats"
        for scope in (f"chat:{chat.id}", wide, ""):
            for language in (account.language, ""):
                if (scope, language) in self.commands:
                    return self.commands[scope, language]
        return []

    # --- the rest ---

    def answer_press(self, given: Parameters) -> Result:
        """answerCallbackQuery: once, and not too late."""
        press = self.desk.presses.get(given["callback_query_id"])
        now = time.time()
        if press is None or press.is_answered or now - press.pressed_at > self.press_lives_s:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        if len(given.get("text", "")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        press.is_answered, press.text, press.is_alert = True, given.get("text", ""), given.get("show_alert", False)
        press.answered_after = now - press.pressed_at
        self.world.touch()
        return True

    def get_file(self, given: Parameters) -> Result:
        """getFile."""
        stored = self.world.files.get(given["file_id"])
        if stored is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if stored.size > LARGEST_DOWNLOAD:
            raise bad("file is too big")
        about = {"file_id": stored.id, "file_unique_id": f"U{stored.id}"}
        return about | {"file_size": stored.size, "file_path": stored.path}

    def get_chat(self, given: Parameters) -> Result:
        """getChat: a `ChatFullInfo` with what it must have."""
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        full = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
        return self.sending.known_chat(given["chat_id"]).shown() | full

    def get_member(self, given: Parameters) -> Result:
        """getChatMember."""
        chat = self.sending.chat(given["chat_id"])
        everyone = {one.id: one for one in (self.world.bot, *self.world.people.values())}
        account = everyone.get(given["user_id"])
        if account is None:
            raise bad("PARTICIPANT_ID_INVALID")
        if account.id == chat.owner:
            return {"status": "creator", "user": account.shown(), "is_anonymous": False}
        return {"status": "member" if account.id in chat.members else "left", "user": account.shown()}


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _scope(given: Parameters) -> tuple[str, str]:
    scope = given.get("scope", {"type": "default"})
    name = scope["type"] if scope["type"] != "default" else ""
    parts = [str(scope[key]) for key in ("chat_id", "user_id") if key in scope]
    return ":".join([name, *parts]), given.get("language_code", "")
