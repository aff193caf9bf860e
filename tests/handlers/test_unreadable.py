"""Attachments that nothing here can read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.types import LANGUAGES, Attachment, Language, Question, TurnId
from handlers.unreadable import What, unread_note, what
from tests.handlers.fakes import FakeModel, answer, message, said, services, turn


def file(name: str, media_type: str) -> Attachment:
    return Attachment(name=name, media_type=media_type, size=9, reference="r")


PICTURE, VOICE = file("photo", "image/jpeg"), file("voice", "audio/ogg")
EXAMPLES = [
    (PICTURE, What.PICTURE),
    (file("cat.PNG", "IMAGE/PNG"), What.PICTURE),
    (VOICE, What.VOICE),
    (file("voice-message.ogg", "audio/ogg; codecs=opus"), What.VOICE),
    (file("song.mp3", "audio/mpeg"), What.AUDIO),
    (file("video_note", "video/mp4"), What.VIDEO),
    (file("sticker", "image/webp"), What.STICKER),
    (file("sticker", "application/x-tgsticker"), What.STICKER),
    (file("a.pdf", "application/pdf"), What.OTHER),
    (file("location", "application/x-telegram"), What.OTHER),
    (file("notes.md", "application/octet-stream"), What.TEXT),
    (file("notes", "text/plain; charset=utf-8"), What.TEXT),
    (file("trap.md", "video/mp4"), What.VIDEO),
    (file("", ""), What.OTHER),
]
WORDS = {
    What.TEXT: "text file",
    What.PICTURE: "pictures",
    What.VOICE: "voice messages",
    What.AUDIO: "sound recordings",
    What.VIDEO: "videos",
    What.STICKER: "stickers",
    What.OTHER: "attachments of that kind",
}


@pytest.mark.parametrize(("attachment", "expected"), EXAMPLES)
def test_what_an_attachment_is(attachment: Attachment, expected: What) -> None:
    assert what(attachment) is expected


@pytest.mark.parametrize(("attachment", "is_a"), EXAMPLES)
async def test_alone_it_is_named_and_what_works_is_said(attachment: Attachment, is_a: What) -> None:
    model = FakeModel()
    handler, outcome = await answer(turn(replace(message(text=" \n"), attachments=(attachment,))), services(model=model))
    assert handler.name == "unreadable"
    assert model.prompts == []
    assert WORDS[is_a] in said(outcome)
    assert ".txt" in said(outcome)
    assert outcome.reply is not None
    assert not outcome.reply.rateable
    assert outcome.writes == ()


async def test_several_are_all_named_each_once() -> None:
    _, outcome = await answer(turn(replace(message(), attachments=(PICTURE, VOICE, PICTURE))))
    assert said(outcome).count("pictures") == 1
    assert said(outcome).index("pictures") < said(outcome).index("voice messages")


async def test_the_text_beside_it_is_answered_and_the_file_owned_up_to_below() -> None:
    model = FakeModel()
    handler, outcome = await answer(
        turn(replace(message(text="What is in it?"), attachments=(PICTURE,))), services(model=model)
    )
    assert handler.name == "chat"
    assert said(outcome) == "Hello, world.", "the note is no part of the answer that is stored and rated"
    assert "pictures" in outcome.note
    assert "only your text" in outcome.note


async def test_without_attachments_nothing_is_owned_up_to() -> None:
    _, outcome = await answer(turn(message(text="Hello")))
    assert outcome.note == ""
    assert unread_note("en", ()) == ""


async def test_no_name_of_a_file_is_repeated() -> None:
    secret = file("my-diagnosis.pdf", "application/pdf")
    _, alone = await answer(turn(replace(message(), attachments=(secret,))))
    _, beside = await answer(turn(replace(message(text="hola"), attachments=(secret,))))
    assert "diagnosis" not in said(alone) + said(beside) + beside.note


async def test_a_picture_answers_no_question_that_waits_for_text() -> None:
    waiting = Question(turn_id=TurnId("t5"), kind="remember", choices=(), state={})
    handler, outcome = await answer(turn(replace(message(), attachments=(PICTURE,)), awaiting=waiting))
    assert handler.name == "unreadable"
    assert outcome.writes == (), "it stays open"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("is_a", What)
async def test_it_is_said_in_both_languages(language: Language, is_a: What) -> None:
    attachment = next(one for one, expected in EXAMPLES if expected is is_a)
    _, outcome = await answer(turn(replace(message(), attachments=(attachment,)), language))
    _, other = await answer(turn(replace(message(), attachments=(attachment,)), "es" if language == "en" else "en"))
    assert said(outcome) != said(other)
    assert unread_note("en", (attachment,)) != unread_note("es", (attachment,))
