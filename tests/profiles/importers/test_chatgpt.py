"""ChatGPT's export: the branch that was shown last, both sides of it, and nothing that was hidden."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.memory_types import SELF, ImportedRecord
from profiles.importers import Format, read
from profiles.importers.chatgpt import MAX_CONVERSATION
from tests.profiles.importers.exports import NOON, Json, bad, chatgpt_conversation, chatgpt_node, good, written, zipped


def _talk(name: str = "c1") -> Json:
    """A question that was edited: the first branch was left behind."""
    return chatgpt_conversation(
        name,
        [
            chatgpt_node("q0", "root", "user", "What I wrote first"),
            chatgpt_node("a0", "q0", "assistant", "An answer to it"),
            chatgpt_node("q1", "root", "user", "¿Qué es un río?"),
            chatgpt_node("a1", "q1", "assistant", "Agua que corre.", create_time=NOON + 1.5),
        ],
    )


def test_the_branch_that_was_shown_last_is_read_with_both_sides(tmp_path: Path) -> None:
    reader = read(written(tmp_path / "conversations.json", [_talk()]))
    assert reader.format is Format.CHATGPT
    question, answer = good(reader)
    assert (question.key, question.text, question.said_by, question.is_own) == ("chatgpt:c1:q1", "¿Qué es un río?", SELF, True)
    assert answer == ImportedRecord(
        key="chatgpt:c1:a1",
        text="Agua que corre.",
        said_by="ChatGPT",
        is_own=False,
        said_at=datetime(2023, 11, 15, 12, 0, 1, 500_000, tzinfo=UTC),
        session="chatgpt:c1",
        position=1,
        line=2,
    )
    assert bad(reader) == []
    assert reader.bytes_read == reader.bytes_total


def test_what_the_system_tools_and_hidden_messages_say_is_left_out(tmp_path: Path) -> None:
    voice = {"content_type": "audio_transcription", "text": "spoken", "direction": "in"}
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file"}
    nodes = [
        chatgpt_node("n0", "root", "system", "You are"),
        chatgpt_node("n1", "n0", "user", "My instructions", metadata={"is_visually_hidden_from_conversation": True}),
        chatgpt_node(
            "n2",
            "n1",
            "user",
            picture,
            "see",
            voice,
            content={"content_type": "multimodal_text", "parts": [picture, "see", voice]},
        ),
        chatgpt_node("n3", "n2", "assistant", "search()", recipient="browser"),
        chatgpt_node("n4", "n3", "tool", "results"),
        chatgpt_node(
            "n5", "n4", "assistant", content={"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "c"}]}
        ),
        chatgpt_node("n6", "n5", "assistant", content={"content_type": "code", "language": "python", "text": "1"}),
        chatgpt_node("n7", "n6", "assistant", ""),
        chatgpt_node("n8", "n7", "assistant", "A river."),
    ]
    reader = read(written(tmp_path / "conversations.json", [chatgpt_conversation("c1", nodes)]))
    assert [(record.text, record.position) for record in good(reader)] == [("see\nspoken", 0), ("A river.", 1)]
    assert bad(reader) == []


def test_a_message_without_a_time_has_that_of_the_one_before(tmp_path: Path) -> None:
    nodes = [
        chatgpt_node("q", "root", "user", "Hi", create_time=NOON + 9),
        chatgpt_node("a", "q", "assistant", "Hello", create_time=None),
    ]
    records = good(read(written(tmp_path / "conversations.json", [chatgpt_conversation("c1", nodes)])))
    assert [record.said_at.timestamp() for record in records] == [NOON + 9, NOON + 9]


def test_a_conversation_that_names_no_current_node_is_read_to_its_last_leaf(tmp_path: Path) -> None:
    talk = {**_talk(), "current_node": None}
    assert [record.key for record in good(read(written(tmp_path / "conversations.json", [talk])))] == [
        "chatgpt:c1:q1",
        "chatgpt:c1:a1",
    ]


def test_a_tree_that_runs_in_a_circle_ends(tmp_path: Path) -> None:
    nodes = [chatgpt_node("q", "a", "user", "Hi"), chatgpt_node("a", "q", "assistant", "Hello")]
    assert len(good(read(written(tmp_path / "conversations.json", [chatgpt_conversation("c1", nodes)])))) == 2


@pytest.mark.parametrize("folder", ["", "text_export/"])
def test_large_accounts_come_in_numbered_files_and_no_conversation_twice(tmp_path: Path, folder: str) -> None:
    members = {
        "user.json": "{}",
        "chat.html": "<html></html>",
        f"{folder}conversations-000.json": json.dumps([_talk("c1"), _talk("c2")]),
        f"{folder}conversations-001.json": json.dumps([_talk("c2"), _talk("c3")]),
    }
    reader = read(zipped(tmp_path / "export.zip", members))
    assert list(dict.fromkeys(record.session for record in good(reader))) == ["chatgpt:c1", "chatgpt:c2", "chatgpt:c3"]
    assert [report.reason.split(": ")[0] for report in bad(reader)] == [f"{folder}conversations-001.json"]


@pytest.mark.parametrize(
    "broken", [5, None, {"mapping": 5}, {"mapping": {}, "title": "no id"}, {"mapping": {}, "id": "x" * 101}, []]
)
def test_a_broken_conversation_is_named_and_the_next_is_read(tmp_path: Path, broken: object) -> None:
    file = tmp_path / "conversations.json"
    file.write_text(f"[{json.dumps(_talk('c1'))},\n{json.dumps(broken)},\n{json.dumps(_talk('c2'))}]")
    reader = read(file)
    assert len(good(reader)) == 4
    assert [report.line for report in bad(reader)] == [2]


def test_a_broken_message_costs_itself_alone(tmp_path: Path) -> None:
    nodes = [
        chatgpt_node("q", "root", "user", "Hi"),
        ("x", {"id": "x", "parent": "q", "message": {"author": "nobody", "content": 5}}),
        chatgpt_node("a", "x", "assistant", "Hello"),
    ]
    reader = read(written(tmp_path / "conversations.json", [chatgpt_conversation("c1", nodes)]))
    assert [record.text for record in good(reader)] == ["Hi", "Hello"]
    assert len(bad(reader)) == 1


def test_a_conversation_beyond_all_bounds_is_passed_over(tmp_path: Path) -> None:
    huge = json.dumps({"mapping": {"n": "x" * (MAX_CONVERSATION + 1)}, "id": "huge"})
    file = tmp_path / "conversations.json"
    file.write_text(f"[{huge},{json.dumps(_talk())}]")
    reader = read(file)
    assert len(good(reader)) == 2
    assert ["too long" in report.reason for report in bad(reader)] == [True]
