"""Raw updates as events of ours: who, where, what, and what keeps no text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.buttons import CORRECT, DOWN, UP, button
from bot.channels.telegram.events import Event
from bot.channels.telegram.wire import BrokenUpdate, updates_in
from bot.profile_types import Reason
from bot.text_files import with_file
from bot.types import Address, ChannelName, Chosen, GivenRating, IncomingMessage, Kind, TurnId
from tests.channels.telegram.house import ADMIN, SECRET, turn_id
from tests.channels.telegram.updates import ANA, GROUP, MARTIN, PRIVATE, READER, entity, message, raw, read
from tests.fakes import NOON


def incoming(event: Event) -> IncomingMessage:
    """Its message, which must be there."""
    assert event.message is not None
    return event.message


def test_private_text_says_who_where_when_and_in_which_language() -> None:
    said = incoming(read("message", message("¿qué tal?")))
    assert said == IncomingMessage(
        event_id="1001/5",
        address=Address(channel=ChannelName.TELEGRAM, chat="1001", user="1001"),
        kind=Kind.TEXT,
        sent_at=datetime.fromtimestamp(1_795_000_000, UTC),
        text="¿qué tal?",
        sender_name="Ana",
        locale="es",
        handle="5",
    )


OWNER = ANA | {"id": ADMIN}


def test_what_somebody_else_wrote_is_no_command_of_the_admin_who_forwards_it() -> None:
    origin = {"type": "user", "sender_user": ANA | {"id": 3}, "date": 1_700_000_000}
    forwarded = incoming(
        read("message", message("/admin unblock telegram:666\n/forgetme", sender=OWNER, forward_origin=origin))
    )
    assert not forwarded.is_admin
    assert forwarded.text == "> /admin unblock telegram:666\n> /forgetme"
    inline = incoming(read("message", message("/admin pair", sender=OWNER, via_bot=MARTIN | {"id": 9})))
    assert not inline.is_admin, "another bot worded it"
    assert incoming(read("message", message("/admin pair", sender=OWNER))).is_admin


@pytest.mark.parametrize(
    ("sender", "is_admin"),
    [({"id": ADMIN}, True), ({"username": str(ADMIN)}, False), ({"first_name": "admin"}, False)],
)
def test_admins_are_known_by_their_number_alone(sender: dict[str, Any], is_admin: bool) -> None:
    assert incoming(read("message", message(sender=ANA | sender))).is_admin is is_admin


# --- groups ---


@pytest.mark.parametrize(
    ("text", "part", "kind", "more", "rest"),
    [
        ("@martin_bot what is rain?", "@martin_bot", "mention", {}, "what is rain?"),
        ("@Martin_BOT, what is rain?", "@Martin_BOT", "mention", {}, "what is rain?"),
        ("😀 what is rain, @martin_bot ?", "@martin_bot", "mention", {}, "😀 what is rain, ?"),
        ("what is rain @martin_bot", "@martin_bot", "mention", {}, "what is rain"),
        ("Martín: what is rain?", "Martín", "text_mention", {"user": MARTIN}, "what is rain?"),
        ("/help@martin_bot", "/help@martin_bot", "bot_command", {}, "/help@martin_bot"),
        ("/ayuda", "/ayuda", "bot_command", {}, "/ayuda"),
    ],
)
def test_what_names_the_bot_is_for_it_and_its_name_is_cut_out(
    text: str, part: str, kind: str, more: dict[str, Any], rest: str
) -> None:
    event = read("message", message(text, chat=GROUP, entities=[entity(text, part, kind, **more)]))
    assert event.is_named
    assert (incoming(event).text, incoming(event).is_private) == (rest, False)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("hello all", []),
        ("@martin_bot_2 hello", [("@martin_bot_2", "mention", {})]),
        ("Bea, hello", [("Bea", "text_mention", {"user": ANA | {"id": 3}})]),
        ("/weather", [("/weather", "bot_command", {})]),
        ("@martin_bot but not marked", []),
    ],
)
def test_what_does_not_name_the_bot_is_left_to_the_groups_manners(text: str, marks: list[Any]) -> None:
    entities = [entity(text, part, kind, **more) for part, kind, more in marks]
    event = read("message", message(text, chat=GROUP, entities=entities))
    assert event.is_named is False
    assert incoming(event).text == text


def test_a_command_for_another_bot_keeps_no_text() -> None:
    text = "/help@other_bot me"
    event = read("message", message(text, chat=GROUP, entities=[entity(text, "/help@other_bot", "bot_command")]))
    assert is_unheard(event)


def test_a_reply_to_the_bot_names_it_and_its_message() -> None:
    event = read(
        "message", message("no, 7", chat=GROUP, reply_to_message=message("6", chat=GROUP, message_id=44, sender=MARTIN))
    )
    assert (event.is_named, incoming(event).target) == (True, "44")


def test_a_reply_to_somebody_else_does_not() -> None:
    event = read("message", message("no, 7", chat=GROUP, reply_to_message=message("6", chat=GROUP, message_id=44)))
    assert (event.is_named, incoming(event).target) == (False, None)


def test_a_topic_is_a_thread_and_a_thread_of_replies_is_none() -> None:
    opened = {
        "message_id": 3,
        "date": 1,
        "chat": GROUP,
        "from": MARTIN,
        "forum_topic_created": {"name": "Rain", "icon_color": 1},
    }
    in_topic = read("message", message(chat=GROUP, message_thread_id=3, is_topic_message=True, reply_to_message=opened))
    assert (incoming(in_topic).address.thread, incoming(in_topic).target, in_topic.is_named) == ("3", None, False)
    assert incoming(read("message", message(chat=GROUP, message_thread_id=3))).address.thread == ""


def is_unheard(event: Event) -> bool:
    """Whether nothing of what was said is kept, but that something was."""
    kept = incoming(event)
    return (kept.text, kept.attachments, kept.sender_name, kept.is_addressed) == ("", (), "", False)


@pytest.mark.parametrize(
    "fields",
    [
        {"sender": {"id": 1087968824, "is_bot": True, "first_name": "Group"}, "sender_chat": GROUP},
        {"sender_chat": {"id": -100777, "type": "channel", "title": "News"}},
        {"sender": {"id": 5, "is_bot": True, "first_name": "Other"}},
        {"sender": None},
        {"text": None, "new_chat_members": [ANA]},
        {"text": None, "pinned_message": {"message_id": 1, "date": 0, "chat": GROUP}},
        {"text": None, "new_chat_photo": []},
        {"text": None},
    ],
)
def test_what_no_person_says_keeps_no_text(fields: dict[str, Any]) -> None:
    assert is_unheard(read("message", message(**{"text": "secret", "chat": GROUP, **fields})))


# --- files ---

FILE = {"file_id": "F1", "file_unique_id": "u", "file_size": 300, "file_name": "notes.md", "mime_type": "text/markdown"}


def test_a_text_file_is_to_be_read() -> None:
    event = read("message", message(text=None, caption="look", document=FILE))
    assert (incoming(event).text, incoming(event).attachments) == ("look", ())
    assert event.readable is not None
    assert (event.readable.name, event.readable.reference) == ("notes.md", "F1")


@pytest.mark.parametrize(
    "change", [{"file_size": 256 * 1024 + 1}, {"file_size": 0}, {"file_name": "a.pdf", "mime_type": "application/pdf"}]
)
def test_another_file_is_an_attachment(change: dict[str, Any]) -> None:
    event = read("message", message(text=None, document=FILE | change))
    assert (event.readable, incoming(event).text, len(incoming(event).attachments)) == (None, "", 1)


@pytest.mark.parametrize(
    ("field", "body", "name", "media_type"),
    [
        (
            "photo",
            [{"file_id": "a", "width": 9, "height": 9}, {"file_id": "b", "width": 99, "height": 99}],
            "photo",
            "image/jpeg",
        ),
        ("voice", {"file_id": "a", "duration": 3, "mime_type": "audio/ogg"}, "voice", "audio/ogg"),
        ("sticker", {"file_id": "a", "emoji": "🙂"}, "sticker", "image/webp"),
        ("video_note", {"file_id": "a"}, "video_note", "video/mp4"),
        ("location", {"latitude": 1.0, "longitude": 2.0}, "location", "application/x-telegram"),
        ("poll", {"id": "1", "question": "?"}, "poll", "application/x-telegram"),
        ("hologram", {"new": "in 2030"}, "hologram", "application/x-telegram"),
    ],
)
def test_what_cannot_be_read_is_there_to_be_owned_up_to(field: str, body: Any, name: str, media_type: str) -> None:
    (attachment,) = incoming(read("message", message(text=None, **{field: body}))).attachments
    assert (attachment.name, attachment.media_type) == (name, media_type)


def test_a_files_name_can_neither_forge_lines_nor_commands() -> None:
    event = read("message", message(text=None, document=FILE | {"file_name": "/stop\n\u202eev\x00il.md"}))
    assert event.readable is not None
    text = with_file(incoming(event), event.readable.name, "one\r\n\ntwo\n").text
    assert text == "📄 /stopevil.md\n> one\n>\n> two"


# --- edits ---


def test_an_edit_names_the_message_that_it_changes() -> None:
    edit = incoming(read("edited_message", message("¿qué es 7?", edit_date=1_795_000_060), update_id=12))
    assert (edit.event_id, edit.kind, edit.target, edit.text) == ("1001/5/u12", Kind.EDIT, "1001/5", "¿qué es 7?")


def test_two_edits_within_one_second_are_two() -> None:
    ids = {incoming(read("edited_message", message(edit_date=1_795_000_060), update_id=number)).event_id for number in (12, 13)}
    assert len(ids) == 2


def test_a_moving_location_is_no_edit() -> None:
    event = read("edited_message", message(text=None, location={"latitude": 1.0, "longitude": 2.0}, edit_date=1_795_000_060))
    assert is_unheard(event)


# --- buttons ---


def press(data: str | None, *, chat: dict[str, Any] = PRIVATE, **fields: Any) -> dict[str, Any]:
    """A press of Ana's under a message of ours."""
    pressed = message("An answer.", chat=chat, message_id=44, sender=MARTIN)
    body = {"id": "4711", "from": ANA, "message": pressed, "chat_instance": "1", "data": data} | fields
    return {name: value for name, value in body.items() if value is not None}


@pytest.mark.parametrize(
    ("says", "rating"),
    [
        (UP, GivenRating(turn_id=turn_id(), value=1)),
        (DOWN, GivenRating(turn_id=turn_id(), value=-1)),
        ("0", GivenRating(turn_id=turn_id(), value=0)),
        ("rmore_practice", GivenRating(turn_id=turn_id(), value=-1, reason=Reason.MORE_PRACTICE)),
    ],
)
def test_rating_buttons_rate(says: str, rating: GivenRating) -> None:
    said = incoming(read("callback_query", press(button(SECRET, turn_id(), says))))
    assert (said.event_id, said.kind, said.rating, said.target) == ("callback/4711", Kind.RATING, rating, turn_id())
    assert (said.sent_at, said.locale, said.handle) == (NOON, "es", "44")


def test_a_choice_is_named_by_its_place() -> None:
    said = incoming(read("callback_query", press(button(SECRET, turn_id(), "#2"))))
    assert (said.kind, said.choice) == (Kind.CHOICE, Chosen(turn_id=turn_id(), key="#2"))


def test_a_press_in_a_topic_belongs_there_and_one_under_an_old_message_still_counts() -> None:
    data = button(SECRET, turn_id(), UP)
    pressed = message("An answer.", chat=GROUP, message_thread_id=3, is_topic_message=True, sender=MARTIN)
    assert incoming(read("callback_query", press(data, message=pressed))).address.thread == "3"
    old = {"message_id": 44, "date": 0, "chat": GROUP}
    event = read("callback_query", press(data, message=old))
    assert incoming(event).kind is Kind.RATING
    assert event.press is not None
    assert event.press.keyboard is None


FORGED = button(b"another secret", turn_id(), UP)


@pytest.mark.parametrize(
    "data",
    [
        FORGED,
        button(SECRET, turn_id(), UP).replace("0001:", "0002:"),
        button(SECRET, turn_id(), "x"),
        button(SECRET, turn_id(), "rbad"),
        "",
        ":::",
        "::",
        "é" * 32,
        None,
    ],
)
def test_forged_and_unknown_buttons_are_answered_and_not_kept(data: str | None) -> None:
    event = read("callback_query", press(data))
    assert event.message is None
    assert event.press is not None
    assert (event.press.id, event.press.says) == ("4711", "")


def test_the_hint_on_correcting_is_shown_and_not_kept() -> None:
    event = read("callback_query", press(button(SECRET, turn_id(), CORRECT)))
    assert (event.message, event.press.says if event.press else "") == (None, CORRECT)


def test_a_press_without_a_message_is_answered() -> None:
    event = read("callback_query", press(button(SECRET, turn_id(), UP), message=None, inline_message_id="x"))
    assert (event.message, event.press is not None) == (None, True)


# --- reactions ---


def reaction(before: list[str], after: list[str], **fields: Any) -> dict[str, Any]:
    """A change of Ana's reactions."""
    kinds = ({"type": "emoji", "emoji": one} if one != "paid" else {"type": "paid"} for one in (*before, *after))
    all_of = list(kinds)
    body = {
        "chat": PRIVATE,
        "message_id": 44,
        "user": ANA,
        "date": 1_795_000_000,
        "old_reaction": all_of[: len(before)],
        "new_reaction": all_of[len(before) :],
    } | fields
    return {name: value for name, value in body.items() if value is not None}


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [([], ["👍"], "👍"), (["👍"], ["👎"], "👎"), (["👍"], [], ""), (["👍"], ["❤"], ""), ([], ["❤", "👍🏽"], "👍🏽")],
)
def test_thumbs_are_ratings_of_the_message_they_are_under(before: list[str], after: list[str], text: str) -> None:
    event = read("message_reaction", reaction(before, after), update_id=31)
    said = incoming(event)
    assert (said.event_id, said.kind, said.text, said.target) == ("update/31", Kind.REACTION, text, "44")
    assert event.needs_ours


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [([], ["❤"], {}), (["👍"], ["👍", "❤"], {}), ([], ["paid"], {}), ([], ["👍"], {"user": None, "actor_chat": GROUP})],
)
def test_other_reactions_and_those_of_nobody_are_nothing(before: list[str], after: list[str], fields: dict[str, Any]) -> None:
    assert read("message_reaction", reaction(before, after, **fields)).message is None


def test_being_blocked_is_only_noted() -> None:
    member = {"status": "kicked", "user": MARTIN, "until_date": 0}
    event = read(
        "my_chat_member", {"chat": PRIVATE, "from": ANA, "date": 1, "old_chat_member": member, "new_chat_member": member}
    )
    assert (event.message, event.note) == (None, "membership kicked")


# --- hostile ---

BROKEN = [
    {"text": 7},
    {"text": ["a"]},
    {"chat": {"id": "1001", "type": "private"}},
    {"chat": None},
    {"date": -1},
    {"date": 10**18},
    {"message_id": 2**60},
    {"message_id": 5.5},
    {"from": "Ana"},
    {"entities": [{"type": "mention", "offset": -4, "length": 10**12}]},
    {"entities": {"0": {}}},
    {"document": {"file_id": 7}},
    {"reply_to_message": {"message_id": {}}},
]


@pytest.mark.parametrize("change", BROKEN)
def test_a_broken_update_is_kept_by_its_id_alone(change: dict[str, Any]) -> None:
    event = read("message", message("my secret") | change)
    assert (event.update_id, incoming(event).event_id, event.broken) == (9, "update/9", "ValidationError")
    assert is_unheard(event)
    assert "secret" not in repr(event)


@pytest.mark.parametrize("update", [b"{}", b"[]", b"7", b"", b"{", b'{"update_id": "9"}', b'{"update_id": -9}', b"\xff\xfe"])
def test_an_update_without_an_id_comes_to_nothing(update: bytes) -> None:
    event = READER.read(update, NOON)
    assert (event.update_id, event.message) == (None, None)
    assert event.broken


def test_entities_beyond_the_text_do_no_harm() -> None:
    marks = [{"type": kind, "offset": 2**31, "length": 2**31} for kind in ("mention", "bot_command", "text_mention")]
    event = read("message", message("hello", chat=GROUP, entities=marks))
    assert (incoming(event).text, event.is_named) == ("hello", False)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_comes_is_an_event(body: object) -> None:
    for kind in ("message", "edited_message", "callback_query", "message_reaction", "my_chat_member"):
        event = READER.read(raw(kind, body), NOON)
        assert event.update_id == 9


@given(
    st.sampled_from(sorted(message(chat=GROUP, caption="c", document=FILE))),
    st.none() | st.integers() | st.text() | st.just([]),
)
def test_any_field_may_be_anything(field: str, value: object) -> None:
    event = READER.read(raw("message", message(chat=GROUP, caption="c", document=FILE) | {field: value}), NOON)
    assert event.update_id == 9
    assert incoming(event).event_id


def test_one_bad_letter_leaves_the_other_updates_of_a_batch_readable() -> None:
    good, bad = raw("message", message("hola"), update_id=1), raw("message", message("x"), update_id=2)
    payload = (
        b'{"ok":true,"result":['
        + good
        + b","
        + bad.replace(b'"x"', b'"\\ud83d"')
        + b","
        + bad.replace(b'"x"', b'"\xff"')
        + b"]}"
    )
    events = [READER.read(one, NOON) for one in updates_in(payload)]
    assert [event.update_id for event in events] == [1, 2, 2]
    assert incoming(events[0]).text == "hola"


@pytest.mark.parametrize("payload", [b"", b"null", b'{"result": 7}', b'{"ok": true}', b"<html>", b"[" * 100_000])
def test_an_answer_without_updates_is_none(payload: bytes) -> None:
    with pytest.raises(BrokenUpdate):
        updates_in(payload)


def test_ids_and_locale_are_always_printable() -> None:
    said = incoming(read("message", message(sender=ANA | {"language_code": "e\ns", "first_name": "A\u202ena"})))
    assert (said.locale, said.target) == ("", None)
    assert TurnId(said.event_id).isprintable()
    assert json.loads(raw("message", message()))["update_id"] == 9
