"""Many texts through both renderers; and the eyes that check them see what they are there to see."""

from __future__ import annotations

import pytest

from benchmarks.discord_view import view
from benchmarks.rendering import letters, lost, measure, message_faults, part_faults
from bot.channels.telegram.text import Entity, EntityKind, Part


@pytest.mark.parametrize("seed", range(0, 120, 40))
def test_some_texts_break_no_rule_of_either_platform(seed: int) -> None:
    """`python -m benchmarks.rendering --texts 10000` does the same for more of them."""
    assert measure(40, seed=seed)["by_kind"] == {}


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        (Part("x" * 4097), "empty or too long"),
        (Part("👍" * 2049), "empty or too long"),
        (Part(" "), "empty or too long"),
        (Part("abc", (Entity(EntityKind.BOLD, 2, 2),)), "entity outside the text"),
        (Part("👍👍", (Entity(EntityKind.BOLD, 1, 2),)), "entity cuts a surrogate pair"),
        (Part("abc", (Entity(EntityKind.BOLD, 1, 1), Entity(EntityKind.ITALIC, 0, 1))), "entities out of order"),
        (Part("abc", (Entity(EntityKind.BOLD, 0, 2), Entity(EntityKind.ITALIC, 1, 2))), "entities overlap"),
        (Part("abc", (Entity(EntityKind.BOLD, 0, 3), Entity(EntityKind.CODE, 1, 1))), "code inside another entity"),
        (Part("abc", (Entity(EntityKind.CODE, 0, 3), Entity(EntityKind.BOLD, 1, 1))), "entity inside code"),
        (Part("abc", (Entity(EntityKind.BLOCKQUOTE, 0, 3), Entity(EntityKind.BLOCKQUOTE, 1, 1))), "entity inside its own kind"),
        (Part("ask @somebody"), "active mention"),
        (Part("see https://evil.example/x"), "active link"),
        (Part("see evil.com"), "active link"),
        (Part("x" * 101, tuple(Entity(EntityKind.BOLD, place, 1) for place in range(101))), "too many entities"),
    ],
)
def test_what_telegram_would_refuse_is_seen(part: Part, fault: str) -> None:
    assert fault in set(part_faults(part, 4096))


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("x" * 2001, "empty or too long"),
        ("👍" * 1001, "empty or too long"),
        ("```py\nx", "fence left open"),
        ("hi @everyone", "something active"),
        ("<@123>", "something active"),
        ("see https://seen.example/x", "something active"),
        ("[x](https://seen.example/x)", "something active"),
        ("<https://evil.example/x>", "active link"),
    ],
)
def test_what_discord_would_make_active_is_seen(message: str, fault: str) -> None:
    assert fault in set(message_faults(message, 2000))


def test_discords_marks_are_read_as_its_clients_read_them() -> None:
    seen = view("**a *b*** \\*c\\* `*d*` __e__ f_g_h\n> ||i||\n```py\n**j**\n```")
    assert letters(letter for letter, _ in seen) == "ab*c*" + "*d*" + "ef_g_hi**j**"
    assert dict(seen)["b"] == {"bold", "italic"}
    assert dict(seen)["c"] == frozenset()
    assert dict(seen)["d"] == {"code"}
    assert dict(seen)["e"] == {"underline"}
    assert dict(seen)["i"] == {"spoiler"}
    assert dict(seen)["j"] == {"pre"}


def test_a_word_that_is_gone_or_in_another_place_is_missed() -> None:
    assert not lost(["one", "two"], "one, two")
    assert lost(["one", "two"], "two, one")
    assert lost(["one", "two"], "one")
