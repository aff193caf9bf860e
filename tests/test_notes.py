"""A note stands below the answer, whatever the answer left open."""

from __future__ import annotations

import pytest

from bot.notes import with_note


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello.", "Hello.\n\nNote."),
        ("```python\nx = 1", "```python\nx = 1\n```\n\nNote."),
        ("```\na\n```\nand", "```\na\n```\nand\n\nNote."),
        ("~~~~\n```\n~~~", "~~~~\n```\n~~~\n~~~~\n\nNote."),
        ("````md\n```py\nx\n```", "````md\n```py\nx\n```\n````\n\nNote."),
        ("``` not `a` fence", "``` not `a` fence\n\nNote."),
        ("    ```\nindented code is no fence", "    ```\nindented code is no fence\n\nNote."),
        ("```js\nx\n```not closed by this", "```js\nx\n```not closed by this\n```\n\nNote."),
    ],
)
def test_a_note_is_outside_every_code_block(text: str, shown: str) -> None:
    assert with_note(text, "Note.") == shown


def test_without_a_note_the_answer_is_as_it_was() -> None:
    assert with_note("```python\nx = 1", "") == "```python\nx = 1"
