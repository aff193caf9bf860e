"""What admins may ask for, and that nobody else may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from structlog.testing import capture_logs

from bot.amounts import BLANK
from bot.downloads import BackgroundDownloads
from bot.errors import ModelError, ModelMissing, ModelNoSpace, ModelUnreachable
from bot.model_types import InstalledModel, ModelStatus, PullProgress
from bot.ports import HandlerSettings, Services, UsageOfDay
from bot.types import LANGUAGES, AdminNotice, Kind, Language, Limit
from bot.writes import AddAudit, AskQuestion, CloseQuestion
from handlers.installed import PULL
from tests.handlers.fakes import (
    ADA,
    NOW,
    FakeLibrary,
    FakeNotices,
    FakePreview,
    FakeUsage,
    FixedClock,
    answer,
    beside_the_audit,
    command,
    message,
    past,
    pressed,
    said,
    services,
    turn,
)

OFFLINE = ModelStatus(name="offline", is_ready=True, is_remote=False, detail="")
SMALL = ModelStatus(name="ollama/small:1b", is_ready=True, is_remote=False, detail="", version="a80c4f17acd5")
CLOUD = ModelStatus(name="mistral/big", is_ready=False, is_remote=True, detail="no key", next_step="Set the key.")
LONELY = ModelStatus(name="openai", is_ready=False, is_remote=False, detail="", is_wanted=False)
HALF = PullProgress(step="downloading", done=1_100_000_000, total=2_600_000_000)


@dataclass
class Library(FakeLibrary):
    """A local server whose download gets half-way, waits for `gate`, and then ends, or raises `fails`."""

    recommended: str = "small:1b"
    recommended_size: int = 2_600_000_000
    steps: Sequence[PullProgress] = (HALF,)
    fails: ModelError | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    is_closed: bool = False

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        self.asked.append(model)
        try:
            for step in self.steps:
                yield step
            await self.gate.wait()
            if self.fails is not None:
                raise self.fails
        finally:
            self.is_closed = True


@asynccontextmanager
async def with_downloads(
    library: Library, *, statuses: Sequence[ModelStatus] = (OFFLINE,), watch_s: float = 5.0
) -> AsyncIterator[Services]:
    """Services whose downloads run."""
    downloads = BackgroundDownloads(library, FixedClock())
    settings = HandlerSettings(version="0.1.0", watch_s=watch_s)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(downloads.run())
        await asyncio.sleep(0)
        yield replace(services(library=library, statuses=statuses, settings=settings), downloads=downloads)
        running.cancel()


async def asked(
    arguments: str, using: Services | None = None, *, language: Language = "en", preview: FakePreview | None = None
) -> str:
    """What an admin is told."""
    handler, outcome = await answer(command("admin", language, arguments=arguments, is_admin=True), using, preview)
    assert handler.name == "admin"
    return said(outcome)


async def shown(preview: FakePreview, text: str) -> None:
    """Return once a preview with this text was shown."""
    async with asyncio.timeout(5):
        while not any(text in one for one in preview.shown):
            await asyncio.sleep(0.01)


# --- who may ---


@pytest.mark.parametrize("arguments", ["", "help", "models", "modelos", "pull x", "descargar", "usage", "uso", "nonsense"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_is_no_admin_learns_nothing(arguments: str, language: Language) -> None:
    library = Library()
    using = services(library=library, statuses=[SMALL])
    handler, outcome = await answer(command("admin", language, arguments=arguments), using)
    _, other = await answer(command("admin", language))
    assert handler.name == "admin"
    assert outcome == other, "whatever is asked for, the answer is the same"
    assert outcome.is_refused
    assert "small" not in said(outcome)
    assert library.asked == []


async def test_admin_in_a_group_is_sent_to_a_private_chat() -> None:
    given = turn(message(Kind.COMMAND, "/admin models", is_private=False), command="admin", arguments="models", is_admin=True)
    _, outcome = await answer(given, services(statuses=[SMALL]))
    assert outcome.is_refused
    assert "private" in said(outcome)
    assert "small" not in said(outcome)


async def test_press_of_somebody_who_is_no_admin_any_more_downloads_nothing() -> None:
    library = Library()
    async with with_downloads(library) as using:
        _, listed = await answer(command("admin", arguments="models", is_admin=True), using)
        assert listed.reply is not None
        asking = past(handler="admin", kind=Kind.COMMAND, choices=listed.reply.choices)
        _, outcome = await answer(pressed(asking, "pull:small:1b"), using)
    assert outcome.is_refused
    assert library.asked == []


@pytest.mark.parametrize(
    ("arguments", "action"), [("models", "models"), ("uso", "usage"), ("", "help"), ("a secret", "unknown")]
)
async def test_every_try_is_one_log_line_without_what_was_typed(arguments: str, action: str) -> None:
    with capture_logs() as logs:
        await asked(arguments)
        await answer(command("admin", arguments=arguments))
    lines = [line for line in logs if line["event"] == "admin"]
    assert [(line["action"], line["result"], line["person_id"]) for line in lines] == [
        (action, "done", ADA),
        (action, "refused", ADA),
    ]
    assert "secret" not in str(lines)


@pytest.mark.parametrize("action", ["models", "usage", "pair", "here", "status", "night", "queue", "users", "audit"])
async def test_what_an_admin_does_or_tries_is_one_entry_of_the_audit_log(action: str) -> None:
    given = command("admin", arguments=f"{action} a secret", is_admin=True)
    _, outcome = await answer(given)
    (entry,) = [write for write in outcome.writes if isinstance(write, AddAudit)]
    assert (entry.id, entry.channel, entry.user, entry.action) == (given.id, "web", "u", action)
    assert entry.result
    assert "secret" not in str(entry)


@pytest.mark.parametrize("is_admin", [True, False])
async def test_the_list_of_commands_and_strangers_leave_no_entry(is_admin: bool) -> None:
    for arguments in ("", "help", "nonsense") if is_admin else ("status", "block telegram:7", "night run"):
        _, outcome = await answer(command("admin", arguments=arguments, is_admin=is_admin))
        assert outcome.writes == ()


@pytest.mark.parametrize("text", ["difundir\nHola", "broadcast \n Hola", "BROADCAST\tHola"])
async def test_what_stands_behind_the_word_may_begin_on_a_line_of_its_own(text: str) -> None:
    assert "Hola" in await asked(text)


@pytest.mark.parametrize(("language", "word"), [("en", "/admin usage"), ("es", "/admin uso")])
async def test_without_a_known_word_the_list_is_shown(language: Language, word: str) -> None:
    for arguments in ("", "help", "ayuda", "dance"):
        assert word in await asked(arguments, language=language)


@pytest.mark.parametrize("is_admin", [True, False])
async def test_help_shows_the_command_to_admins_only(is_admin: bool) -> None:
    _, outcome = await answer(command("help", is_admin=is_admin))
    assert ("/admin" in said(outcome)) is is_admin


# --- models ---


async def test_models_are_listed_with_their_state_version_place_and_next_step() -> None:
    text = await asked("models", services(statuses=[SMALL, CLOUD, LONELY, OFFLINE]))
    lines = text.splitlines()
    assert "- `ollama/small:1b` · ready · version `a80c4f17acd5`" in lines
    assert "- `mistral/big` · not ready · text leaves the private network · no key" in lines
    assert "  - Set the key." in lines
    assert any(line.startswith("- `openai` · not in use") for line in lines)


async def test_models_of_the_local_server_are_listed_with_their_sizes_and_clouds_are_marked() -> None:
    models = [InstalledModel(name="small:1b", size=2_600_000_000), InstalledModel(name="x:cloud", size=0, is_remote=True)]
    async with with_downloads(Library(models=models), statuses=[SMALL, OFFLINE]) as using:
        text = await asked("models", using)
        spanish = await asked("modelos", using, language="es")
    assert f"- `small:1b` · 2.6{BLANK}GB" in text
    assert f"- `small:1b` · 2,6{BLANK}GB" in spanish
    assert "- `x:cloud` · runs in a cloud" in text


async def test_local_server_that_is_down_is_told_with_what_to_do_and_nothing_is_offered() -> None:
    library = Library(error=ModelUnreachable("ollama", "refused"))
    async with with_downloads(library) as using:
        _, outcome = await answer(command("admin", arguments="models", is_admin=True), using)
    assert "`ollama serve`" in said(outcome)
    assert outcome.reply is not None
    assert outcome.reply.choices == ()


@pytest.mark.parametrize(("language", "label"), [("en", "about 2.6"), ("es", "2,6")])
async def test_where_no_language_model_answers_one_press_downloads_the_recommended_one(language: Language, label: str) -> None:
    library = Library()
    library.gate.set()
    async with with_downloads(library) as using:
        _, listed = await answer(command("admin", language, arguments="models", is_admin=True), using)
        assert listed.reply is not None
        (choice,) = listed.reply.choices
        assert choice.key == "pull:small:1b"
        assert label in choice.label
        (write,) = beside_the_audit(listed)
        assert isinstance(write, AskQuestion)
        assert write.question.kind == PULL
        asking = past(handler="admin", kind=Kind.COMMAND, choices=listed.reply.choices)
        press = replace(pressed(asking, choice.key, language).message, is_admin=True)
        _, outcome = await answer(turn(press, language, target=asking), using)
    assert library.asked == ["small:1b"]
    assert beside_the_audit(outcome) == (CloseQuestion(turn_id=asking.id, key="pull:small:1b"),)


@pytest.mark.parametrize(
    ("statuses", "models"),
    [([SMALL, OFFLINE], []), ([OFFLINE], [InstalledModel(name="small:1b", size=1)]), ([], [])],
)
async def test_no_download_is_offered_where_it_would_not_help(
    statuses: Sequence[ModelStatus], models: list[InstalledModel]
) -> None:
    async with with_downloads(Library(models=models), statuses=statuses) as using:
        _, outcome = await answer(command("admin", arguments="models", is_admin=True), using)
    assert outcome.reply is not None
    assert outcome.reply.choices == ()
    assert beside_the_audit(outcome) == ()


# --- downloads ---


async def test_download_is_a_bar_while_it_runs_and_says_at_the_end_that_the_model_answers() -> None:
    library, preview = Library(), FakePreview()
    async with with_downloads(library, statuses=[SMALL, OFFLINE]) as using, asyncio.TaskGroup() as group:
        pulling = group.create_task(asked("pull small:1b", using, preview=preview))
        await shown(preview, f"42{BLANK}% · 1.1 of 2.6{BLANK}GB")
        library.gate.set()
        text = await pulling
    assert "Downloading `small:1b`" in preview.shown[0]
    assert all(before != after for before, after in zip(preview.shown, preview.shown[1:], strict=False))
    assert text == "`small:1b` is there. It answers from now on; there is nothing more to do."


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([replace(SMALL, name="ollama/other"), SMALL, OFFLINE], "It answers when `ollama/other` cannot"),
        ([replace(SMALL, name="ollama/other"), OFFLINE], '`model = "small:1b"`'),
        ([OFFLINE], '`model = "small:1b"`'),
    ],
)
async def test_end_of_a_download_says_what_is_left_to_do(statuses: Sequence[ModelStatus], words: str) -> None:
    library = Library()
    library.gate.set()
    async with with_downloads(library, statuses=statuses) as using:
        assert words in await asked("pull", using)


async def test_tag_that_is_meant_anyway_makes_no_other_model() -> None:
    library = Library(recommended="small:latest")
    library.gate.set()
    async with with_downloads(library, statuses=[replace(SMALL, name="ollama/small")]) as using:
        assert "nothing more to do" in await asked("pull", using)


async def test_stop_ends_the_download_and_says_what_is_kept() -> None:
    library, preview = Library(), FakePreview()
    async with with_downloads(library) as using, asyncio.TaskGroup() as group:
        pulling = group.create_task(asked("descargar small:1b", using, language="es", preview=preview))
        await shown(preview, "42")
        preview.stop()
        text = await pulling
        assert library.is_closed
    assert "`/admin" in text
    assert "small:1b" in text


async def test_download_that_takes_longer_goes_on_and_can_be_watched_again() -> None:
    library = Library()
    async with with_downloads(library, watch_s=0.1) as using:
        assert "goes on in the background" in await asked("pull small:1b", using)
        assert f"`small:1b`: ▓▓▓▓▓▓▓▓░░░░░░░░░░░░ 42{BLANK}%" in await asked("models", using)
        library.gate.set()
        assert "is there" in await asked("pull small:1b", using)
        assert "`small:1b`: done" in await asked("models", using)
    assert library.asked == ["small:1b"], "it was joined, not begun anew"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModelMissing("x", "404"), "no such model"),
        (ModelNoSpace("x", "full"), "disk"),
        (ModelUnreachable("x", "gone"), "`ollama serve`"),
    ],
)
async def test_download_that_fails_says_why_and_what_to_do(error: ModelError, words: str) -> None:
    library = Library(fails=error)
    library.gate.set()
    async with with_downloads(library) as using:
        assert words in await asked("pull x", using)
        assert words in await asked("models", using)


@pytest.mark.parametrize("name", ["../etc", "a b", "x`y", "-rf", "é", "x" * 300])
async def test_what_is_no_models_name_is_not_asked_for(name: str) -> None:
    library = Library()
    async with with_downloads(library) as using:
        text = await asked(f"pull {name}", using)
    assert "not a model's name" in text
    assert name not in text
    assert library.asked == []


async def test_without_a_local_server_it_says_how_to_get_one() -> None:
    assert "https://ollama.com/download" in await asked("pull small:1b")


# --- usage ---


async def test_usage_tells_two_days_the_limits_that_are_set_and_the_notices() -> None:
    days = {
        NOW.date(): UsageOfDay(day=NOW.date(), people=1, messages=12, tokens=45_120, cost=3_000),
        date(2026, 11, 29): UsageOfDay(day=date(2026, 11, 29), people=3, messages=1, tokens=7, cost=0),
    }
    notice = AdminNotice(kind=Limit.TOKENS_OF_ALL, day=NOW.date(), facts={"limit": "50000"}, at=NOW)
    old = AdminNotice(kind=Limit.TOKENS, day=date(2026, 11, 1), facts={"limit": "1"}, at=NOW)
    settings = HandlerSettings(currency="USD", limits={Limit.TOKENS_OF_ALL: 50_000, Limit.MONEY: 2_000_000, Limit.TOKENS: 0})
    using = services(usage=FakeUsage(days), notices=FakeNotices([notice, old]), settings=settings)
    text = (await asked("usage", using)).replace(BLANK, " ")
    assert "**Today** (UTC): 1 person · 12 messages · 45,120 tokens · 0.003 USD" in text
    assert "**Yesterday**: 3 people · 1 message · 7 tokens · 0.00 USD" in text
    assert "- `tokens_per_day_all`: 50,000 tokens for everyone together" in text
    assert "- `money_per_day`: 2.00 USD for each person" in text
    assert "`tokens_per_day`" not in text
    assert "- 2026-11-30: everyone together used up" in text
    assert "2026-11-01" not in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_usage_says_that_no_limit_is_set(language: Language) -> None:
    text = await asked("usage", language=language)
    assert "`[limits]`" in text
    assert "0" in text
