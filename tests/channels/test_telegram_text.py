"""What people see on Telegram: text with entities, cut to its limit, and no link that they did not bring."""

from __future__ import annotations

import pytest

from bot.channels.telegram.text import LIMIT, MOST_ENTITIES, Part, preview, rendered
from bot.splitting import units


def cut_out(part: Part) -> list[tuple[str, str]]:
    """Each entity's kind and what it covers, read in UTF-16 as Telegram does."""
    data = part.text.encode("utf-16-le")
    return [
        (entity.kind.value, data[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le"))
        for entity in part.entities
    ]


def one(markdown: str, *, seen: str = "") -> tuple[str, list[tuple[str, str]]]:
    (part,) = rendered(markdown, seen=seen)
    return part.text, cut_out(part)


@pytest.mark.parametrize(
    ("markdown", "text", "entities"),
    [
        ("**b** *i* ~~s~~ `c`", "b i s c", [("bold", "b"), ("italic", "i"), ("strikethrough", "s"), ("code", "c")]),
        ("<u>u</u> ||hidden|| a || b", "u hidden a || b", [("underline", "u"), ("spoiler", "hidden")]),
        ("👩‍👩‍👧‍👦 **ñ** 🇪🇸 *é*", "👩‍👩‍👧‍👦 ñ 🇪🇸 é", [("bold", "ñ"), ("italic", "é")]),
        ("# One\ntext\n\n### *Two*", "One\ntext\n\nTwo", [("bold", "One"), ("bold", "Two"), ("italic", "Two")]),
        ("**a `c` b**", "a c b", [("bold", "a "), ("code", "c"), ("bold", " b")]),
        ("**a *b***", "a b", [("bold", "a b"), ("italic", "b")]),
        ("- a\n  - b\n- [x] c\n\n3. d\n4. e", "• a\n  • b\n☑ c\n\n3. d\n4. e", []),
        ("> q **b**\n> > r\n\n> s", "q b\nr\n\ns", [("blockquote", "q b\nr"), ("bold", "b"), ("blockquote", "s")]),
        ("a\n\n---\n\nb", "a\n\n————————\n\nb", []),
        ("$a_1 * b_2$, \\(x^*\\) and \\[\ny\n\\]", "$a_1 * b_2$, \\(x^*\\) and \\[\ny\n\\]", []),
        ("List<String> & &lt;b&gt; <!-- x --> <wbr>y", "List<String> & <b> <!-- x --> y", []),
        ("about ~5 or ~6~", "about ~5 or ~6~", []),
    ],
)
def test_markdown_becomes_text_and_entities(markdown: str, text: str, entities: list[tuple[str, str]]) -> None:
    assert one(markdown) == (text, entities)


def test_a_block_of_code_keeps_its_language_and_its_text() -> None:
    (part,) = rendered("Look:\n```python\nif a:\n    b('**x**', \"@ana\")\n```\nend")
    assert part.text == "Look:\nif a:\n    b('**x**', \"@ana\")\nend"
    assert cut_out(part) == [("pre", "if a:\n    b('**x**', \"@ana\")")]
    assert part.entities[0].language == "python"


def test_a_table_is_drawn_in_columns_with_every_cell() -> None:
    text, entities = one("| Name | n |\n|---|---|\n| 你好 | **1** |\n| b | 2 | surplus |")
    assert text == "Name │ n │\n─────┼───┼────────\n你好 │ 1 │\nb    │ 2 │ surplus"
    assert entities == [("pre", text)]


@pytest.mark.parametrize("said", ["", "Nothing about it", "https://example.org.evil.com"])
def test_a_link_to_a_host_that_the_person_did_not_name_is_code(said: str) -> None:
    text, entities = one("See [this](https://example.org/x) or https://example.org/y.", seen=said)
    assert text == "See this (https://example.org/x) or https://example.org/y."
    assert entities == [("code", "https://example.org/x"), ("code", "https://example.org/y")]


def test_a_link_to_a_host_that_the_person_named_is_plain_text_with_its_address() -> None:
    said = "¿Qué dice www.example.org?"
    assert one("[this](https://example.org/x) <https://example.org/y>", seen=said) == (
        "this (https://example.org/x) https://example.org/y",
        [],
    )


def test_an_image_is_never_more_than_its_text_and_address() -> None:
    text, entities = one("![a *cat*](https://example.org/c.png)", seen="https://example.org")
    assert text == "a cat (https://example.org/c.png)"
    assert ("code", "https://example.org/c.png") in entities


@pytest.mark.parametrize(
    ("markdown", "code"),
    [
        ("[me](tg://user?id=42)", "tg://user?id=42"),
        ("tg://resolve?domain=x", "tg://resolve?domain=x"),
        ("ask @some_name now", "@some_name"),
        ("evil.**com**/x", "evil.com/x"),
        ("https://ev**il**.com", "https://evil.com"),
        ('<a href="https://evil.com">x</a>', "https://evil.com"),
    ],
)
def test_nothing_that_telegram_would_make_active_stays_plain(markdown: str, code: str) -> None:
    _, entities = one(markdown, seen="tg://user?id=42 @some_name")
    assert ("code", code) in entities


def test_long_texts_are_cut_at_paragraphs_within_utf16_units() -> None:
    paragraph = "👍🏽 " * 300 + "fin"
    parts = rendered("\n\n".join([paragraph] * 12))
    assert len(parts) > 1
    assert all(units(part.text) <= LIMIT and part.text.endswith("fin") for part in parts)


def test_a_long_block_of_code_goes_on_in_the_next_message_with_its_language() -> None:
    parts = rendered("```py\n" + "\n".join(f"line_{number} = {number}" for number in range(900)) + "\n```")
    assert len(parts) > 2
    for part in parts:
        (entity,) = part.entities
        assert (entity.kind.value, entity.language, entity.length) == ("pre", "py", units(part.text))
    assert "\n".join(part.text for part in parts).count("line_") == 900


def test_a_mark_across_a_cut_is_on_both_sides() -> None:
    parts = rendered("**" + "word " * 200 + "end**", limit=300)
    assert [cut_out(part) for part in parts] == [[("bold", part.text)] for part in parts]


def test_no_message_has_more_entities_than_telegram_draws() -> None:
    parts = rendered(" ".join(f"`{number}`" for number in range(250)))
    assert [len(part.entities) for part in parts] == [MOST_ENTITIES, MOST_ENTITIES, 50]


@pytest.mark.parametrize("blank", ["", "  \n", "\x00", "```\n```", "****"[:0]])
def test_an_answer_without_text_is_an_ellipsis(blank: str) -> None:
    assert rendered(blank) == (Part("…"),)
    assert preview(blank) == Part("…")


@pytest.mark.parametrize(
    ("running", "text", "entities"),
    [
        ("An **open", "An open", [("bold", "open")]),
        ("An **open and *more", "An open and more", [("bold", "open and more"), ("italic", "more")]),
        ("A `co", "A co", [("code", "co")]),
        ("A **", "A", []),
        ("See [this](https://exa", "See this", []),
        ("See [", "See", []),
        ("```py\nx = [", "x = [", [("pre", "x = [")]),
        ("```\nx\n``", "x", [("pre", "x")]),
        ("**a** b *", "a b", [("bold", "a")]),
        ("2 * 3 * 4", "2 * 3 * 4", []),
    ],
)
def test_a_running_answer_looks_as_it_will(running: str, text: str, entities: list[tuple[str, str]]) -> None:
    part = preview(running)
    assert (part.text, cut_out(part)) == (text, entities)


def test_a_long_running_answer_shows_its_newest_text() -> None:
    part = preview("old " * 2000 + "**new👍", limit=100)
    assert part.text.startswith("…old ")
    assert units(part.text) <= 100
    assert cut_out(part) == [("bold", "new👍")]
