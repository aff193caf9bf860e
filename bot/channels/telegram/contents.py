"""What a message of Telegram's holds: its text with our own name taken out, its files, and what is neither. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.channels.telegram.wire import WireEntity, WireFile, WireMessage, content_of
from bot.types import Attachment

_FILES: Final = {
    "animation": "video/mp4",
    "audio": "audio/mpeg",
    "sticker": "image/webp",
    "video": "video/mp4",
    "video_note": "video/mp4",
    "voice": "audio/ogg",
}
_ABOUT: Final = """
    message_id message_thread_id direct_messages_topic from sender_chat sender_boost_count sender_business_bot sender_tag date
    guest_query_id business_connection_id chat forward_origin is_topic_message is_automatic_forward reply_to_message
    external_reply quote reply_to_story reply_to_checklist_task_id reply_to_poll_option_id via_bot guest_bot_caller_user
    guest_bot_caller_chat edit_date has_protected_content is_from_offline is_paid_post media_group_id author_signature
    paid_star_count link_preview_options effect_id show_caption_above_media has_media_spoiler reply_markup
"""
_NOTICES: Final = """
    new_chat_members left_chat_member chat_owner_left chat_owner_changed new_chat_title new_chat_photo delete_chat_photo
    group_chat_created supergroup_chat_created channel_chat_created message_auto_delete_timer_changed migrate_to_chat_id
    migrate_from_chat_id pinned_message invoice successful_payment refunded_payment users_shared chat_shared gift unique_gift
    gift_upgrade_sent connected_website write_access_allowed passport_data proximity_alert_triggered boost_added
    chat_background_set checklist_tasks_done checklist_tasks_added direct_message_price_changed forum_topic_created
    forum_topic_edited forum_topic_closed forum_topic_reopened general_forum_topic_hidden general_forum_topic_unhidden
    giveaway_created giveaway giveaway_winners giveaway_completed managed_bot_created paid_message_price_changed
    poll_option_added poll_option_deleted suggested_post_approved suggested_post_approval_failed suggested_post_declined
    suggested_post_info suggested_post_paid suggested_post_refunded video_chat_scheduled video_chat_started video_chat_ended
    video_chat_participants_invited web_app_data
"""
"""What Telegram itself says in a chat (Bot API 10.1). A field in neither list is a content, perhaps one that is new to us."""
_NO_CONTENT: Final = frozenset((_ABOUT + _NOTICES).split())
_SAYS_TELEGRAM: Final = frozenset(_NOTICES.split())


def text_of(message: WireMessage) -> tuple[str, tuple[WireEntity, ...]]:
    """What a message says, be it as its text or below a file, and the marks in it."""
    return (message.text, message.entities) if message.text else (message.caption, message.caption_entities)


def covered(text: str, mark: WireEntity) -> str:
    """The stretch of a text under an entity, whose places count in UTF-16."""
    wide = text.encode("utf-16-le", "surrogatepass")
    return wide[2 * mark.offset : 2 * (mark.offset + mark.length)].decode("utf-16-le", "replace")


def is_for_another(text: str, marks: Sequence[WireEntity], mention: str) -> bool:
    """Whether it begins with a command that names another bot."""
    first = next((mark for mark in marks if mark.type == "bot_command" and mark.offset == 0), None)
    name = covered(text, first).partition("@")[2] if first is not None else ""
    return bool(name) and f"@{name}".lower() != mention


def without_mentions(text: str, marks: Sequence[WireEntity], me: int, mention: str) -> str:
    """The text without the bot's own name in it, nor the comma or colon behind a name that it begins with."""
    cuts = sorted((mark for mark in marks if names_bot(text, mark, me, mention)), key=lambda one: one.offset, reverse=True)
    for mark in cuts:
        wide = text.encode("utf-16-le", "surrogatepass")
        before = wide[: 2 * mark.offset].decode("utf-16-le", "replace")
        after = wide[2 * (mark.offset + mark.length) :].decode("utf-16-le", "replace")
        if not before.strip():
            before, after = "", (after[1:] if after[:1] in (",", ":") else after).lstrip()
        elif not after or after[0].isspace():
            before = before.rstrip(" ")
        text = before + after
    return text


def names_bot(text: str, mark: WireEntity, me: int, mention: str) -> bool:
    """Whether this entity mentions the bot, which has this id and this @name (in small letters)."""
    if mark.type == "text_mention":
        return mark.user is not None and mark.user.id == me
    return mark.type == "mention" and covered(text, mark).lower() == mention


def attachments_of(message: WireMessage, raw: bytes) -> tuple[Attachment, ...]:
    """The file of a message, or what it has that is neither text nor file; none of what Telegram itself says in a chat."""
    if message.document is not None and message.animation is None:
        return (_attachment(message.document, "file", "application/octet-stream"),)
    if message.photo:
        return (_attachment(message.photo[-1], "photo", "image/jpeg"),)  # the largest of its sizes
    for kind, media_type in _FILES.items():
        file: WireFile | None = getattr(message, kind)
        if file is not None:
            return (_attachment(file, kind, media_type),)
    if message.text or message.caption:
        return ()
    fields = content_of(raw)
    found = sorted(fields - _NO_CONTENT)
    if not found or fields & _SAYS_TELEGRAM:
        return ()
    return (Attachment(name=_name(found[0], "content"), media_type="application/x-telegram", size=0, reference=""),)


def _attachment(file: WireFile, name: str, media_type: str) -> Attachment:
    return Attachment(
        name=_name(file.file_name, name),
        media_type=_name(file.mime_type, media_type)[:100],
        size=file.file_size,
        reference=_name(file.file_id, "")[:250],
    )


def _name(given: str, otherwise: str) -> str:
    """A name that is safe to store and to show in one line."""
    return "".join(letter for letter in given[:400] if letter.isprintable()).strip()[:150] or otherwise
