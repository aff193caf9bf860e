"""A new folder for a use case is whole, is accepted by the bot, finds what it is asked, and holds data that trainers take."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import load_config
from bot.errors import TemplateRefused
from bot.knowledge import FolderKnowledge, read_file
from bot.lexical import content_words, fold, guess_language, stem
from bot.setting_problems import KNOWN
from learning.data_check import check_data
from learning.new import TEMPLATES, Kind, kinds, write_template
from learning.records import LANGUAGES, Language
from tests.fakes import FakeClock

EVERY = [(kind, language) for kind in Kind for language in LANGUAGES]
MARK: Mapping[Language, str] = {"es": "[CAMBIA", "en": "[CHANGE"}
each = pytest.mark.parametrize(("kind", "language"), EVERY)


def place(kind: Kind, language: Language) -> Path:
    return TEMPLATES / kind / language


def json_lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    lines = text[:-1].split("\n")
    assert all(lines), "an empty line"
    rows = [json.loads(line) for line in lines]
    assert all(isinstance(row, dict) for row in rows)
    return rows


def table(path: Path) -> list[list[str]]:
    content = path.read_bytes()
    assert b"\r" not in content
    return list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))


def conversations(language: Language) -> Iterator[tuple[Kind, dict[str, Any]]]:
    for kind in (Kind.SUPPORT, Kind.SALES, Kind.CONTENT):
        for row in json_lines(place(kind, language) / "examples" / "examples.jsonl"):
            yield kind, row


def asked(kind: Kind, language: Language) -> list[str]:
    """What the examples ask, in order."""
    if kind is Kind.CLASSIFIER:
        return [row[0] for row in table(place(kind, language) / "examples" / "examples.csv")[1:]]
    rows = json_lines(place(kind, language) / "examples" / "examples.jsonl")
    return [message["content"] for row in rows for message in row["messages"] if message["role"] == "user"]


def trials(kind: Kind, language: Language) -> list[dict[str, Any]]:
    (path,) = (place(kind, language) / "evaluation").iterdir()
    return json_lines(path)


def test_there_is_a_template_for_every_use_case_in_every_language() -> None:
    assert sorted(path.name for path in TEMPLATES.iterdir()) == sorted(Kind)
    for kind in Kind:
        assert sorted(path.name for path in (TEMPLATES / kind).iterdir()) == sorted(LANGUAGES)


def test_each_use_case_is_described_in_one_line() -> None:
    for language in LANGUAGES:
        said = kinds(language)
        assert list(said) == list(Kind)
        assert all(line[-1].isalpha() and "\n" not in line and len(line) <= 100 for line in said.values())
        assert len(set(said.values())) == len(Kind)


@each
def test_a_new_folder_holds_everything_and_the_bot_accepts_its_settings(kind: Kind, language: Language, tmp_path: Path) -> None:
    folder = tmp_path / "mine" / 'a "new" bot'
    written = write_template(kind, folder, language)
    assert written == sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in written]
    assert {"README.md", "config.toml"} < set(names)
    assert {name.partition("/")[0] for name in names} == {"README.md", "config.toml", "evaluation", "examples", "knowledge"}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    config = load_config(folder / "config.toml", environ={}, folder=tmp_path)
    assert (config.data_dir, config.knowledge.folder) == (folder / "data", folder / "knowledge")
    assert config.language.default == language
    assert config.bot.name != "Martín"
    assert (folder / "knowledge").is_dir()


@each
def test_what_a_new_folder_says_to_type_names_its_own_files(kind: Kind, language: Language, tmp_path: Path) -> None:
    folder = tmp_path / "it's mine; rm"
    write_template(kind, folder, language)
    page = (folder / "README.md").read_text("utf-8")
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    words = [word for _, block in blocks for word in shlex.split(block) if word.startswith("/")]
    assert len(words) == 5
    assert all(Path(word).exists() and Path(word).is_relative_to(folder) for word in words)
    assert "{{" not in page
    commands = set(re.findall(r"-m bot (\w+)", page))
    assert commands == {"run", "data", "night"}
    assert re.findall(r"^\d\. ", page, re.MULTILINE) == ["1. ", "2. ", "3. ", "4. ", "5. "]
    named = re.findall(r"`((?:examples|evaluation|knowledge)/[^`]*)`", page)
    assert named
    assert [name for name in named if not (folder / name).exists()] == []
    root = TEMPLATES.parent.parent
    assert [name for name in re.findall(r"`(docs/[^`]+)`", page) if not (root / name).exists()] == []
    settings = set(re.findall(r"`((?:bot|core|learning|limits|models|web)\.\w+)`", page))
    assert settings
    assert {".".join(path) for path in KNOWN} >= settings
    said = len(asked(kind, language)) if kind is Kind.CLASSIFIER else len(json_lines(folder / "examples" / "examples.jsonl"))
    assert f" {said} " in page, "the page tells another number of examples"


def test_the_same_folder_gets_the_same_bytes(tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in write_template("sales", tmp_path / "a", "en")}
    (tmp_path / "a").rename(tmp_path / "b")
    assert {path.name: path.read_bytes() for path in write_template("sales", tmp_path / "a", "en")} == first


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert write_template("content", tmp_path / "empty", "es")


def test_a_link_to_an_empty_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    written = write_template("content", tmp_path / "link", "es")
    assert (tmp_path / "link").is_symlink()
    assert all(path.is_relative_to(tmp_path / "real") for path in written)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_folder_with_anything_in_it_is_refused_and_left_as_it_is(language: Language, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".hidden").write_text("kept")
    with pytest.raises(TemplateRefused, match="mine"):
        write_template("support", tmp_path / "mine", language)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", ".hidden"]
    assert (tmp_path / "mine" / ".hidden").read_text() == "kept"


def test_a_second_call_overwrites_nothing(tmp_path: Path) -> None:
    write_template("support", tmp_path / "mine", "en")
    (tmp_path / "mine" / "README.md").write_text("my own words")
    with pytest.raises(TemplateRefused, match="not empty"):
        write_template("support", tmp_path / "mine", "en")
    assert (tmp_path / "mine" / "README.md").read_text() == "my own words"


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(TemplateRefused, match="is a file"):
        write_template("support", tmp_path / "file", "en")
    for folder in (tmp_path / "file" / "below", tmp_path / "loop" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(TemplateRefused, match="cannot be written"):
            write_template("support", folder, "en")
    for name in ("two\nlines", "\0", "bad\udcff"):
        with pytest.raises(TemplateRefused, match="characters"):
            write_template("support", tmp_path / name, "en")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


def test_the_folder_one_is_in_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TemplateRefused, match="you are in"):
        write_template("support", Path(), "en")


def test_an_unknown_use_case_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(TemplateRefused, match=r"'shop'.*support, sales, classifier, content"):
        write_template("shop", tmp_path / "mine", "en")


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30))
def test_any_name_that_can_be_shown_can_be_a_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("names") / ("x" + name.replace("/", "-"))
    if not str(folder).isprintable():
        with pytest.raises(TemplateRefused):
            write_template("content", folder, "en")
        return
    write_template("content", folder, "en")
    assert load_config(folder / "config.toml", environ={}, folder=folder).data_dir == folder / "data"


@each
async def test_every_text_is_read_as_knowledge_and_marks_what_to_fill_in(kind: Kind, language: Language) -> None:
    folder = place(kind, language) / "knowledge"
    knowledge = FolderKnowledge(folder, clock=FakeClock())
    await knowledge.refresh()
    assert knowledge.problems == ()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert {path.suffix for path in files} == {".md", ".csv"}
    for path in files:
        passages, problems = read_file(path.relative_to(folder).as_posix(), path.read_bytes())
        assert not problems
        assert {passage.language for passage in passages} == {language}
        assert all(len(passage.text) <= 600 for passage in passages), "a page that nobody reads to its end"
    text = "".join(path.read_text("utf-8") for path in files)
    assert text.count(MARK[language]) >= 6
    other: Language = "en" if language == "es" else "es"
    assert MARK[other] not in text
    assert len(re.findall(r"\[(?:CAMBIA|CHANGE): [^\[\]]+\]", text)) == text.count(MARK[language]), "a mark that is not closed"


@pytest.mark.parametrize(("kind", "language"), [found for found in EVERY if found[0] is not Kind.CLASSIFIER])
async def test_the_bot_finds_the_text_that_answers_a_test_question(kind: Kind, language: Language) -> None:
    folder = place(kind, language) / "knowledge"
    knowledge = FolderKnowledge(folder, clock=FakeClock())
    known = [row for row in trials(kind, language) if row["source"]]
    assert len(known) >= (4 if kind is Kind.CONTENT else 9)
    missed = []
    for row in known:
        said = fold((folder / row["source"]).read_text("utf-8"))
        lacking = [item for item in row["contains"] if not any(fold(word) in said for word in item.split("|"))]
        assert lacking == [], f"{row['source']} does not say what is expected of {row['question']!r}"
        found = await knowledge.search(row["question"], language, 3)
        if row["source"] not in {evidence.source for evidence in found}:
            missed.append(row["question"])
    assert len(missed) <= 1, missed


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_of_conversations_pass_the_rules_of_trainers(language: Language) -> None:
    counted: Counter[Kind] = Counter()
    for kind, row in conversations(language):
        counted[kind] += 1
        assert set(row) == {"messages"}
        messages = row["messages"]
        assert all(set(message) == {"role", "content"} for message in messages)
        assert all(isinstance(message["content"], str) and message["content"].strip() for message in messages)
        assert all(message["content"] == message["content"].strip() for message in messages)
        roles = [message["role"] for message in messages]
        assert roles == ["system", *["user", "assistant"] * (len(roles) // 2)]
        assert len(roles) >= 3
        assert sum(len(message["content"]) for message in messages) < 2_000
    assert set(counted) == {Kind.SUPPORT, Kind.SALES, Kind.CONTENT}
    assert min(counted.values()) >= 24


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_share_one_instruction_and_are_varied(language: Language) -> None:
    for kind in (Kind.SUPPORT, Kind.SALES, Kind.CONTENT):
        rows = [row["messages"] for found, row in conversations(language) if found is kind]
        assert len({messages[0]["content"] for messages in rows}) == 1
        firsts = [fold(messages[1]["content"]) for messages in rows]
        answers = [fold(message["content"]) for messages in rows for message in messages if message["role"] == "assistant"]
        assert len(set(firsts)) == len(firsts)
        assert len(set(answers)) == len(answers)
        assert sum(len(messages) > 3 for messages in rows) >= 2, "conversations of more than one exchange"
        beginnings = Counter(" ".join(answer.split()[:2]) for answer in answers)
        assert beginnings.most_common(1)[0][1] <= len(answers) // 4, beginnings.most_common(1)
        spoken = [guess_language(answer) for answer in answers]
        assert language == Counter(found for found in spoken if found).most_common(1)[0][0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_of_labels_pass_the_rules_of_trainers(language: Language) -> None:
    head, *rows = table(place(Kind.CLASSIFIER, language) / "examples" / "examples.csv")
    assert head == ["text", "label"]
    assert all(len(row) == 2 and all(cell.strip() == cell != "" for cell in row) for row in rows)
    assert not any(cell[0] in "=+-@" for row in rows for cell in row)
    assert len(rows) >= 24
    assert len({fold(text) for text, _ in rows}) == len(rows)
    labels = Counter(label for _, label in rows)
    assert len(labels) == 4
    assert min(labels.values()) >= 10
    assert {row["label"] for row in trials(Kind.CLASSIFIER, language)} == set(labels)
    page = (place(Kind.CLASSIFIER, language) / "knowledge" / language).glob("01-*.md")
    headings = re.findall(r"^## (\w+):", next(page).read_text("utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(labels), "each label is explained, and nothing else"


@each
def test_test_questions_are_complete_and_are_no_examples(kind: Kind, language: Language) -> None:
    rows = trials(kind, language)
    assert len(rows) >= 12
    if kind is Kind.CLASSIFIER:
        assert all(list(row) == ["text", "label", "note"] and row["text"] and row["label"] for row in rows)
    else:
        assert all(list(row) == ["question", "contains", "avoids", "source", "note"] for row in rows)
        assert all(row["question"] and row["contains"] and row["note"] for row in rows)
        for row in rows:
            listed = [*row["contains"], *row["avoids"]]
            assert all(isinstance(item, str) and all(word.strip() for word in item.split("|")) for item in listed)
            assert row["source"] == "" or (place(kind, language) / "knowledge" / row["source"]).is_file()
    texts = [fold(row.get("question") or row["text"]) for row in rows]
    assert len(set(texts)) == len(texts)
    examples = [(text, meaning(text, language)) for text in asked(kind, language)]
    for text in texts:
        said = meaning(text, language)
        near = [other for other, words in examples if len(said & words) >= 0.6 * max(1, len(said | words))]
        assert near == [], f"{text!r} is learnt by heart from {near}"


def meaning(text: str, language: Language) -> set[str]:
    return {stem(word, language) for word in content_words(text, language)}


@pytest.mark.parametrize("path", sorted(path for path in TEMPLATES.rglob("*") if path.is_file()), ids=str)
def test_nothing_in_a_template_looks_like_somebody_s_details(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"\b[\w.]+@[\w.]+\.\w+|https?://(?!127\.0\.0\.1)|(?:\d[ -]?){9,}", text) == []


@pytest.mark.parametrize("path", sorted({*TEMPLATES.glob("*/es/**/*.md"), *TEMPLATES.glob("*/es/examples/*.jsonl")}), ids=str)
def test_questions_and_exclamations_open_as_spanish_does(path: Path) -> None:
    said = path.read_text("utf-8") if path.suffix == ".md" else " ".join(answers_of(path))
    assert said.count("?") == said.count("¿")
    assert said.count("!") - said.count("<!--") == said.count("¡")


def answers_of(path: Path) -> list[str]:
    """What the house says, not what people type."""
    messages = [message for row in json_lines(path) for message in row["messages"]]
    return [message["content"] for message in messages if message["role"] != "user"]


@pytest.mark.parametrize("kind", Kind)
def test_both_languages_give_the_same_settings_and_headings(kind: Kind, tmp_path: Path) -> None:
    def shape(page: Path) -> list[str]:
        return re.findall(r"^ *(#+ |```\w*|\d\. |\| )", page.read_text("utf-8"), re.MULTILINE)

    def settings(path: Path) -> list[str]:
        return re.findall(r"^(\w+) =|^(\[\w+\])$", path.read_text("utf-8"), re.MULTILINE)

    spanish, english = place(kind, "es"), place(kind, "en")
    assert shape(spanish / "README.md") == shape(english / "README.md")
    assert settings(spanish / "config.toml") == settings(english / "config.toml")


@each
def test_the_check_of_own_data_finds_nothing_wrong(kind: Kind, language: Language) -> None:
    (path,) = (place(kind, language) / "examples").iterdir()
    report = check_data(path)
    assert [finding for finding in report.findings if finding.level == "error"] == []
    assert report.rows >= 24


def test_both_pages_about_templates_have_the_same_shape() -> None:
    def shape(page: Path) -> list[str]:
        return re.findall(r"^ *(#+ |```\w*|\d\. |- \*\*|\| )", page.read_text("utf-8"), re.MULTILINE)

    def code(page: Path) -> list[str]:
        text = re.sub(r"--language \w\w", "", page.read_text("utf-8"))
        return re.findall(r"^ *```\w+\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)

    docs = TEMPLATES.parent.parent / "docs"
    english, spanish = docs / "templates.md", docs / "templates.es.md"
    assert shape(english) == shape(spanish)
    assert code(english) == code(spanish)
    assert len(code(english)) == 5
