"""Who may import whom (docs/design.md), each SDK behind its own file, and nothing that turns data into code (R-69)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("bot", "handlers", "learning", "profiles", "web", "benchmarks", "tests")

CONFIG = {
    "bot.config",
    "bot.settings",
    "bot.model_settings",
    "bot.memory_settings",
    "bot.learning_settings",
    "bot.channel_settings",
    "bot.setting_types",
    "bot.setting_problems",
}
"""One group: reading, records, types and wording of the configuration."""
PURE = {
    f"profiles.{name}"
    for name in (
        *("events", "reasons", "weights", "posterior", "replay"),
        *("data_files", "items", "questionnaire", "directives", "wishes", "obeyed", "person", "stored", "topics", "shown"),
        *("intervals", "uplift", "uplift_words"),
    )
}
SOUGHT = {f"profiles.{name}" for name in ("ranking", "book", "asked", "wanted", "days", "everyday", "yardstick")}
"""How memories are ranked; pure."""
CHROMA = {f"profiles.{name}" for name in ("chroma_child", "chroma_calls", "chroma_files", "chroma_canary")}
"""What runs in the index's own process."""
LEARNING_CHECK = {
    f"learning.{name}"
    for name in ("check", "check_codes", "check_files", "check_hashes", "check_manifest", "check_parquet", "check_rules")
}
"""Shares no code with the writers; the standard library is all it needs."""
LEAVES = {
    "bot",
    "bot.types",
    "bot.model_types",
    "bot.profile_types",
    "bot.memory_types",
    "bot.channel_types",
    "bot.job_types",
    "bot.admin_types",
    "bot.sharing_types",
    "bot.writes",
    "bot.errors",
    "bot.locale",
}
BASE = {
    *LEAVES,
    "bot.ports",
    "bot.model_ports",
    "bot.profile_ports",
    "bot.memory_ports",
    "bot.channel_ports",
    "bot.link_ports",
    "bot.admin_ports",
    "bot.sharing_ports",
    "bot.web_ports",
    "bot.amounts",
    "bot.commands",
    "bot.codes",
    "bot.reason_words",
    "bot.intent_words",
    "bot.night_words",
    "bot.text_files",
    "bot.control_tokens",
    "bot.vectors",
    "bot.download_words",
    "bot.messages",
    "bot.failures",
    "bot.notes",
    "bot.notices",
    "bot.where",
    "bot.subprocesses",
    "bot.system",
    "bot.tokens",
    "bot.training_types",
    *CONFIG,
}
APP = {
    "bot.admin_parts",
    "bot.answer_desk",
    "bot.app",
    "bot.backends",
    "bot.chores",
    "bot.banner",
    "bot.downloads",
    "bot.channel_parts",
    "bot.embedders",
    "bot.memory_parts",
    "bot.running_index",
    "bot.memory_chores",
    "bot.health",
    "bot.histories",
    "bot.learning_chores",
    "bot.learning_desk",
    "bot.learning_parts",
    "bot.night_child",
    "bot.night_order",
    "bot.nights",
    "bot.part_settings",
    "bot.supervise",
}
"""The one group that names concrete classes."""
ANYTHING = {"bot.*", "handlers.*", "profiles.*", "web.*", "learning.*"}


def _same(names: Iterable[str], allowed: set[str]) -> dict[str, set[str]]:
    return dict.fromkeys(names, allowed)


ALLOWED: Mapping[str, set[str]] = {
    **_same(
        ("bot", "bot.types", "bot.writes", "bot.errors", "bot.locale"),
        {
            *("bot.types", "bot.profile_types", "bot.memory_types", "bot.channel_types", "bot.job_types", "bot.writes"),
            *("bot.errors", "bot.locale"),
        },
    ),
    **_same(("bot.download_words", "bot.notices"), {*LEAVES, "bot.amounts"}),
    "bot.control_tokens": LEAVES,
    "bot.vectors": {*LEAVES, "bot.memory_ports", "bot.tokens"},
    "bot.messages": {*LEAVES, "bot.control_tokens", "bot.tokens"},
    **_same(("bot.amounts", "bot.commands", "bot.codes", "bot.failures", "bot.notes", "bot.tokens", "bot.where"), LEAVES),
    **_same(("bot.reason_words", "bot.text_files"), LEAVES),
    "bot.intent_words": {*LEAVES, "bot.training_types"},
    "bot.night_words": LEAVES,
    "bot.system": LEAVES,
    "bot.process": LEAVES,
    "bot.certificate": {*LEAVES, "bot.subprocesses"},
    "bot.subprocesses": LEAVES,
    "bot.model_types": {"bot.errors"},
    "bot.profile_types": set(),
    "bot.memory_types": set(),
    "bot.channel_types": set(),
    "bot.job_types": {"bot.types"},
    "bot.admin_types": {"bot.types"},
    "bot.admin_ports": {"bot.types", "bot.admin_types", "bot.sharing_ports"},
    "bot.sharing_types": {"bot.types"},
    "bot.sharing_ports": {"bot.types", "bot.sharing_types"},
    "bot.training_types": {"bot.types", "bot.profile_types"},
    "bot.channel_ports": {"bot.types", "bot.channel_types"},
    **_same(("bot.buttons", "bot.links", "bot.splitting", "bot.pacing"), {*LEAVES, "bot.ports"}),
    "bot.link_ports": {"bot.types", "bot.channel_types", "bot.job_types"},
    **_same(
        ("bot.markdown", "bot.markdown.*"),
        {*LEAVES, "bot.markdown", "bot.markdown.*", "bot.links", "bot.splitting", "bot.normalise"},
    ),
    "bot.memory_ports": {"bot.types", "bot.memory_types", "bot.writes"},
    "bot.profile_ports": {"bot.types", "bot.profile_types"},
    "bot.model_ports": {"bot.types", "bot.model_types"},
    **_same(
        ("bot.ports", "bot.web_ports"),
        {
            *("bot.types", "bot.model_types", "bot.job_types", "bot.writes"),
            *("bot.model_ports", "bot.profile_ports", "bot.memory_ports", "bot.sharing_ports"),
        },
    ),
    **_same(CONFIG, {"bot.errors", "bot.locale", *CONFIG}),
    "bot.log": CONFIG,
    **_same(("bot.router", "bot.prompt", "bot.lexical", "bot.normalise", "bot.preview", "bot.limits"), BASE),
    "bot.records": BASE,
    **_same(
        ("bot.core", "bot.delivery", "bot.door"),
        {
            *BASE,
            "bot.records",
            "bot.router",
            "bot.core",
            "bot.delivery",
            "bot.door",
            "bot.preview",
            "bot.limits",
            "bot.buttons",
        },
    ),
    "bot.manners": BASE,
    "bot.access": {*BASE, "bot.limits"},
    "bot.likeness": {*BASE, "bot.lexical"},
    "bot.shelf": {*BASE, "bot.lexical", "bot.likeness"},
    "bot.knowledge": {*BASE, "bot.lexical", "bot.shelf"},
    "bot.channels.*": BASE,
    **_same(
        ("bot.channels.telegram.*", "bot.channels.discord.*"),
        {*BASE, "bot.buttons", "bot.links", "bot.splitting", "bot.pacing", "bot.manners", "bot.markdown", "bot.markdown.*"},
    ),
    "bot.store.*": BASE,
    "bot.store.open": {*BASE, "bot.store.*"},
    "bot.models.*": BASE,
    **_same(("bot.models.offline", "bot.models.passages"), {*BASE, "bot.lexical"}),
    "bot.models.said_text": {*BASE, "bot.normalise"},
    "bot.jobs.*": BASE,
    **_same(PURE, {*BASE, *PURE}),
    **_same(
        (
            *("profiles.remember", "profiles.indexer", "profiles.recall", "profiles.memories", "profiles.imported"),
            *("profiles.kept", "profiles.approved"),
        ),
        {
            *BASE,
            "bot.lexical",
            "profiles.facts",
            "profiles.facts.*",
            "profiles.settling",
            "profiles.recall",
            "profiles.memories",
            "profiles.remember",
            "profiles.embedding",
            *PURE,
            *SOUGHT,
        },
    ),
    "profiles.embedding": BASE,
    "profiles.settling": {*BASE, "bot.lexical", "profiles.facts", "profiles.facts.*", *SOUGHT},
    **_same(SOUGHT, {*BASE, "bot.lexical", *SOUGHT}),
    **_same(("profiles.facts", "profiles.facts.*"), {*BASE, "bot.lexical", "profiles.facts.*"}),
    **_same(("profiles.importers", "profiles.importers.*"), {*BASE, "bot.normalise", "profiles.importers.*"}),
    "profiles.embed": {*BASE, "profiles.child", "profiles.onnx_child"},
    "profiles.onnx_child": {*BASE, "profiles.child_process"},
    "profiles": BASE,
    "profiles.child_process": BASE,
    "profiles.child": {*BASE, "profiles.child_process"},
    "profiles.index": {*BASE, "profiles.child", "profiles.chroma_calls"},
    **_same(CHROMA, {*BASE, "profiles.child_process", *CHROMA}),
    "handlers": {*BASE, "bot.prompt", "handlers.*", *PURE},
    "handlers.*": {*BASE, "bot.prompt", "handlers.*", "profiles.settling", "profiles.facts.*", *PURE},
    "web": {*BASE, "web.*"},
    "web.*": {*BASE, "web.*"},
    "learning": set(),
    **_same(LEARNING_CHECK, set(LEARNING_CHECK)),
    "learning.*": {"bot", *BASE, "bot.amounts", "bot.lexical", "bot.normalise", "learning.*"},
    **_same(APP, ANYTHING),
    "bot.terminal": {
        *CONFIG,
        *LEAVES,
        "bot.amounts",
        "bot.jobs.doctor",
        "bot.log",
        "bot.model_types",
        "bot.process",
    },
    "bot.admin_commands": {*APP, *CONFIG, *LEAVES, "bot.terminal"},
    "bot.learning_commands": {
        *APP,
        *CONFIG,
        *LEAVES,
        *("bot.night_words", "bot.amounts", "bot.terminal", "bot.process"),
        "learning.*",
    },
    "bot.__main__": {
        *APP,
        *CONFIG,
        "bot.admin_commands",
        "bot.learning_commands",
        "bot.terminal",
        "bot.amounts",
        "bot.certificate",
        "bot.download_words",
        "bot.errors",
        "bot.locale",
        "bot.model_types",
        "bot.types",
        "bot.log",
        "bot.process",
        "bot.jobs.doctor",
        "bot",
        "learning.*",
    },
    "benchmarks": {*ANYTHING, "benchmarks.*"},
    "benchmarks.*": {*ANYTHING, "benchmarks.*", "tests.*"},
    "tests": {*ANYTHING, "tests.*"},
    "tests.*": {*ANYTHING, "tests.*", "benchmarks.*"},
}

SIBLINGS: Mapping[str, set[str]] = {
    "bot.channels": {"bot.channels.console.*", "bot.channels.telegram.*", "bot.channels.discord.*"},
    "bot.store": {
        f"bot.store.{floor}"
        for floor in (
            *(
                "schema",
                "agreeing",
                "building",
                "statements",
                "memory_statements",
                "memory_writes",
                "channel_writes",
                "admin_writes",
                "sharing_writes",
                "users",
                "access",
                "link_statements",
                "deletions",
                "order",
                "codec",
                "driver",
                "writer",
                "db",
                "keys",
                "messages",
                "writes",
            ),
            *("check", "folder", "migrations", "backup", "tombstones", "erasure"),
        )
    },
    "bot.models": {
        f"bot.models.{floor}"
        for floor in (
            *("breaker", "guard", "chain", "unthought", "said_text", "sse", "over_http", "connections", "passages"),
            *("ollama_api", "openai_wire", "openai_said", "openai_trouble", "mistral_wire"),
        )
    },
    "bot.jobs": set(),
}
"""What the files of a group may import of each other: table groups rest on the store's floor, never on another adapter."""

SDKS: Mapping[str, str] = {
    "telegram": "bot.channels.telegram.*",
    "pyromark": "bot.markdown.*",
    "discord": "bot.channels.discord.*",
    "ollama": "bot.models.ollama_api",
    "mistralai": "bot.models.mistral",
    "onnxruntime": "profiles.onnx_child",
    "tokenizers": "profiles.onnx_child",
    "sklearn": "profiles.embed|learning.clusters",
    "rensa": "learning.duplicates",
    "ftfy": "learning.text_faults",
    "py3langid": "learning.spoken|learning.text_faults",
    "phonenumbers": "learning.telephones",
    "pyarrow": "learning.parquet",
    "chromadb": "profiles.chroma_child|profiles.chroma_files|profiles.chroma_canary",
    "sqlalchemy": "bot.store.*",
    "alembic": "bot.store.*",
    "aiosqlite": "bot.store.*",
    "subprocess": "bot.subprocesses",  # of the standard library, but only that one starts processes without a fork
    "multiprocessing": "bot.subprocesses",
    "sqlite3": "bot.store.*|profiles.chroma_files",
    "apscheduler": "bot.app",
    "fastapi": "web.*",
    "starlette": "web.*",
    "uvicorn": "web.*",
    "jinja2": "web.*",
    "pydantic_settings": "bot.settings|bot.config",
    "dotenv": "bot.config",
    "typer": "bot.__main__|bot.terminal|bot.learning_commands|bot.admin_commands",
    "prompt_toolkit": "bot.channels.console.*",
    "rich": "bot.channels.console.*",
    "torch": "learning.train",
    "transformers": "learning.train",
}

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "input"}
FORBIDDEN_ATTRIBUTES = {
    ("yaml", "load"),
    ("yaml", "full_load"),
    ("yaml", "unsafe_load"),
    ("torch", "load"),
    ("os", "system"),
    ("os", "popen"),
    ("os", "fork"),
    ("asyncio", "create_subprocess_exec"),
    ("asyncio", "create_subprocess_shell"),
}


def name_of(file: Path) -> str:
    """The dotted name of a file's module."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(file): file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))}
PRODUCT = {name: file for name, file in FILES.items() if not name.startswith(("tests", "benchmarks"))}


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(), str(FILES[name]))


def imports(name: str) -> Iterator[tuple[str, ast.stmt]]:
    """The dotted names that a module imports, each with its statement: `a.b` for `from a import b` where that is a module."""
    package = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((full if (full := f"{base}.{alias.name}") in FILES else base, node) for alias in node.names)


def fits(name: str, pattern: str) -> bool:
    """Whether a module is the named one, or below `group.*`."""
    return name == pattern or (pattern.endswith(".*") and (name + ".").startswith(pattern[:-1]))


def allowed(name: str) -> set[str] | None:
    """What a module may import, by the most exact entry of the table."""
    entries = sorted((entry for entry in ALLOWED if fits(name, entry)), key=lambda entry: (not entry.endswith("*"), len(entry)))
    return ALLOWED[entries[-1]] if entries else None


def group_of(name: str) -> str:
    return next((group for group in SIBLINGS if name.startswith(group + ".")), "")


def test_every_module_has_a_place_in_the_table() -> None:
    assert [name for name in FILES if allowed(name) is None] == []


@pytest.mark.parametrize("name", FILES)
def test_a_module_imports_only_what_the_table_allows(name: str) -> None:
    may = {*(allowed(name) or set()), *(SIBLINGS[group] if (group := group_of(name)) else set())}
    package = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
    ours = [target for target, _ in imports(name) if target.split(".")[0] in (*FOLDERS, "learning")]
    # A package's own name says nothing: `bot.store` is an empty file.
    wrong = [target for target in ours if not any(fits(target, pattern) for pattern in may) and target not in (name, package)]
    assert wrong == []


def test_no_two_packages_import_each_other() -> None:
    edges = {
        (_package(name), _package(target))
        for name in PRODUCT
        for target, _ in imports(name)
        if target.split(".")[0] in FOLDERS and _package(name) != _package(target)
    }
    # `bot` holds both the nouns that all rest on and the app that knows all: the table above tells its files apart.
    assert [edge for edge in edges if edge[::-1] in edges and "bot" not in edge] == []


def _package(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "bot" and len(parts) > 2 else parts[0]


@pytest.mark.parametrize("name", PRODUCT)
def test_every_sdk_lives_behind_its_own_file(name: str) -> None:
    strays = [
        target
        for target, _ in imports(name)
        if (home := SDKS.get(target.split(".")[0])) and not any(fits(name, place) for place in home.split("|"))
    ]
    assert strays == []


@pytest.mark.parametrize("name", PRODUCT)
def test_our_own_packages_are_imported_at_the_top(name: str) -> None:
    top = {id(node) for node in ast.walk(tree(name)) if isinstance(node, (ast.Import, ast.ImportFrom))} - {
        id(inner)
        for function in ast.walk(tree(name))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(function)
    }
    hidden = [target for target, node in imports(name) if target.split(".")[0] in FOLDERS and id(node) not in top]
    assert sorted(hidden) == sorted(LAZY.get(name, ()))


LAZY: Mapping[str, tuple[str, ...]] = {
    "learning.topics": ("learning.clusters",),
    "bot.app": ("bot.channels.console",),
    "bot.learning_desk": ("learning.scrub",),
    "bot.answer_desk": ("learning.for_everybody",),
    "bot.channel_parts": ("bot.channels.discord.channel", "bot.channels.telegram.channel"),
}
"""Imports of ours inside a function, and why: the libraries of a terminal (a quarter of a second), of Discord (a seventh) and
of Telegram are not owed by a bot that talks elsewhere, nor scikit-learn by who only reads topics, nor what scrubs rows (a
tenth) by a bot that nobody shows any."""


@pytest.mark.parametrize("name", PRODUCT)
def test_nothing_turns_data_into_code(name: str) -> None:
    found = [target for target, _ in imports(name) if target.split(".")[0] in FORBIDDEN_MODULES]
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                found.append(node.func.id)
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                called = (node.func.value.id, node.func.attr)
                found += [".".join(called)] if called in FORBIDDEN_ATTRIBUTES else []
            found += [keyword.arg for keyword in node.keywords if keyword.arg in ("shell", "allow_pickle")]
    assert found == []


BROAD: Mapping[str, int] = {"bot.core": 1, "bot.supervise": 1, "bot.jobs.runner": 1}
"""Where a broad catch may stand: one turn, one channel, one chore or step of a night."""


@pytest.mark.parametrize("name", PRODUCT)
def test_broad_catches_stand_only_at_the_three_boundaries(name: str) -> None:
    broad = [
        node.lineno
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _names(node.type) & {"Exception", "BaseException"})
        if not (len(node.body) and isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    ]
    assert len(broad) <= BROAD.get(name, 0), broad


def _names(node: ast.expr) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def test_pure_parts_read_no_clock_and_roll_no_dice() -> None:
    pure = ("bot.types", "bot.errors", "bot.ports", "bot.commands", "bot.router", "bot.prompt", "bot.lexical", "bot.normalise")
    impure = {"time", "random", "secrets", "uuid", "socket", "subprocess"}
    assert [(name, target) for name in pure if name in FILES for target, _ in imports(name) if target in impure] == []
