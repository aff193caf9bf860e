"""What the documents say is what the code does: made pages in step, names that exist, blocks that run, twin READMEs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.commands import parse_command
from bot.setting_problems import BY_NAME
from tests.documents import DOCS, PAGES, ROOT, config_toml
from web.routes_doc import routes

READMES = (ROOT / "README.md", ROOT / "README.es.md")
HAND_WRITTEN = (
    *READMES,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *(DOCS / name for name in ("design.md", "memory.md", "memory.es.md")),
    *(DOCS / name for name in ("models.md", "models.es.md", "profile.md", "profile.es.md")),
    *(DOCS / f"{name}{ending}" for name in ("admin", "learning", "templates") for ending in (".md", ".es.md")),
    *(DOCS / f"{name}{ending}" for name in ("telegram", "discord", "channels") for ending in (".md", ".es.md")),
)
EVERY_PAGE = (*HAND_WRITTEN, *(path for path in PAGES if path.suffix == ".md"))


def pages() -> list[Path]:
    """Everything that people read about Martín, what the bot answers from included."""
    return [*EVERY_PAGE, *sorted((ROOT / "knowledge").rglob("*.md"))]


def blocks(page: Path) -> list[str]:
    """The shell blocks of a page."""
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [path for path in PAGES if path.suffix == ".md"], ids=lambda path: path.name)
def test_made_pages_are_in_step_with_the_code(page: Path) -> None:
    assert page.read_text("utf-8") == PAGES[page](), "run: make docs"


def test_the_configuration_file_shows_every_setting_whatever_values_it_was_given() -> None:
    def shape(text: str) -> list[str]:
        return [re.sub(r"^(\w+) = .*", r"\1 =", line) for line in text.splitlines()]

    assert shape((ROOT / "config.toml").read_text("utf-8")) == shape(config_toml()), "run: make docs"


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_of_settings_exist(page: Path) -> None:
    named = set(re.findall(r"\bMARTIN_[A-Z][A-Z_]*[A-Z]\b", page.read_text("utf-8")))
    assert named - BY_NAME.keys() - {"MARTIN_SECTION__KEY", "MARTIN_SPECS", "MARTIN_PRISM"} == set()


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_words_of_make_and_of_the_command_line_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    words = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    commands = {
        "run",
        "chat",
        "migrate",
        "doctor",
        "model-pull",
        "embedder-pull",
        "import",
        "reindex",
        "backup",
        "restore",
        "forget",
        "certificate",
        "version",
        "audit",
        "night",
        "data",
        "new",
        "--help",
        "COMMAND",
        "ORDEN",
    }
    assert (
        set(re.findall(r"`make ([a-z-]+)", text))
        | {word for block in blocks(page) for word in re.findall(r"^make ([a-z-]+)", block, re.MULTILINE)}
        <= words
    )
    assert set(re.findall(r"python -m bot (\S+?)[`\s.,;:)]", text)) <= commands


@pytest.mark.parametrize("page", [*HAND_WRITTEN, *sorted((ROOT / "knowledge").rglob("*.md"))], ids=lambda path: path.name)
def test_chat_commands_exist(page: Path) -> None:
    named = re.findall(r"`(/[a-záéíóúñ]+)(?: [^`]*)?`", page.read_text("utf-8"))
    unknown = {name for name in named if parse_command(name) is None}
    assert unknown - {path for _, path, _ in routes()} - {"/save", "/keys"} == set()


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
    assert [target for target in targets if not target.startswith("https://") and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_addresses_of_the_api_exist(page: Path) -> None:
    known = {re.sub(r"\{\w+\}", "{}", path) for _, path, _ in routes()}
    named = {
        re.sub(r"\{\w+\}", "{}", path)
        for path in re.findall(r"(?<![\w.])(/(?:api|health)/[a-z/{}_]+)", page.read_text("utf-8"))
    }
    assert named <= known


def test_both_readmes_have_the_same_shape() -> None:
    def shape(page: Path) -> list[str]:
        return re.findall(r"^(#+ |```sh|- \*\*|- |\| )", page.read_text("utf-8"), re.MULTILINE)

    assert shape(READMES[0]) == shape(READMES[1])
    assert blocks(READMES[0]) == blocks(READMES[1])


def test_both_pages_about_memory_have_the_same_shape() -> None:
    def shape(page: Path) -> list[str]:
        return re.findall(r"^(#+ |```\w*|- \*\*|\| )", page.read_text("utf-8"), re.MULTILINE)

    def names(page: Path) -> list[str]:
        return re.findall(r"`((?:FIGURE:|memory\.|store\.|recall\.|MARTIN_)[^`]*)`", page.read_text("utf-8"))

    english, spanish = DOCS / "memory.md", DOCS / "memory.es.md"
    assert shape(english) == shape(spanish)
    assert blocks(english) == blocks(spanish)
    assert names(english) == names(spanish)


@pytest.mark.parametrize("name", ["telegram", "discord", "channels"])
def test_both_pages_about_a_channel_have_the_same_shape(name: str) -> None:
    def shape(page: Path) -> list[str]:
        return re.findall(r"^ *(#+ |```\w*|\d\. |- \*\*|\| )", page.read_text("utf-8"), re.MULTILINE)

    def cells(page: Path) -> list[str]:
        """What is said of each rule: done, exempt or open, whatever the language."""
        kinds = {"done": "done", "hecho": "done", "exempt": "exempt", "exento": "exempt", "open": "open", "abierto": "open"}
        return [kinds[word] for word in re.findall(rf"\| ({'|'.join(kinds)})\b", page.read_text("utf-8"))]

    def code(page: Path) -> list[str]:
        return re.findall(r"^( *)```\w+\n(.*?)^\1```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)

    def names(page: Path) -> list[str]:
        return re.findall(r"`((?:groups\.|admins\.|limits\.|MARTIN_)[^`]*)`", page.read_text("utf-8"))

    english, spanish = DOCS / f"{name}.md", DOCS / f"{name}.es.md"
    assert shape(english) == shape(spanish)
    assert cells(english) == cells(spanish)
    assert code(english) == code(spanish)
    assert names(english) == names(spanish)


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda path: path.name)
def test_links_within_a_page_lead_to_one_of_its_headings(page: Path) -> None:
    text = page.read_text("utf-8")
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= {heading.replace(" ", "-") for heading in headings}


def test_the_readme_starts_without_any_account() -> None:
    assert blocks(READMES[0])[0] == "make run\n"


def commands_to_run() -> list[str]:
    """The lines of the README that are cheap to run as they stand: all of the command line but what serves."""
    lines = [line for block in blocks(READMES[0]) for line in block.splitlines()]
    cheap = [line for line in lines if line.startswith((".venv/bin/python -m bot", "echo "))]
    return [line for line in cheap if "bot certificate" not in line or shutil.which("openssl")]


def test_the_blocks_of_the_readme_run_in_their_order(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARTIN_") and name != "PORT"}
    environment = {**kept, "PYTHONPATH": str(ROOT), "VIRTUAL_ENV": sys.prefix}
    run = [sys.executable, "-m", "bot", "migrate"]
    subprocess.run(run, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert len(commands_to_run()) >= 6
    for line in commands_to_run():
        shell = line.replace(".venv/bin/python", sys.executable)
        done = subprocess.run(["sh", "-c", shell], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "martin-copy.db").exists()


def test_no_page_names_a_path_of_somebodys_machine() -> None:
    wrong = re.compile(r"/(?:home|Users|root|work)/\w+")
    assert [page.name for page in EVERY_PAGE if wrong.search(page.read_text("utf-8"))] == []


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
