"""Daily limits: which is used up, and what people and admins are told of it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.core import CoreSettings
from bot.limits import DailyLimits, OncePerDay, has_messages_left, limit_note, limit_notice, over_limit, refusal_text
from bot.notices import notice_text
from bot.ports import Preview, Usage
from bot.types import LANGUAGES, AdminNotice, Generation, Kind, Language, Limit, Outcome, OverLimit, Reply, Turn
from tests.house import Doing, house, text

DAY = date(2026, 11, 20)
ALL = DailyLimits(messages_per_day=1, tokens_per_day=10, money_per_day=20, tokens_per_day_of_all=30, money_per_day_of_all=40)


def noticed(limit: str, most: str) -> AdminNotice:
    return AdminNotice(kind=limit, day=DAY, facts={"limit": most}, at=datetime(2026, 11, 20, 12, tzinfo=UTC))


def test_nothing_is_used_up_where_no_limit_is_set_or_nothing_was_counted() -> None:
    everything = Usage(messages=10**9, tokens=10**9, cost=10**9, tokens_of_all=10**9, cost_of_all=10**9)
    assert over_limit(DailyLimits(), everything) is None
    assert has_messages_left(DailyLimits(), everything)
    assert over_limit(ALL, Usage(messages=5)) is None


@pytest.mark.parametrize(
    ("usage", "limit", "most"),
    [
        (Usage(tokens=10, cost=20, tokens_of_all=30, cost_of_all=40), Limit.TOKENS, 10),
        (Usage(tokens=9, cost=20, tokens_of_all=30, cost_of_all=40), Limit.MONEY, 20),
        (Usage(tokens=9, cost=19, tokens_of_all=30, cost_of_all=40), Limit.TOKENS_OF_ALL, 30),
        (Usage(tokens=9, cost=19, tokens_of_all=29, cost_of_all=41), Limit.MONEY_OF_ALL, 40),
    ],
)
def test_the_first_limit_that_is_used_up_is_the_one(usage: Usage, limit: Limit, most: int) -> None:
    assert over_limit(ALL, usage) == OverLimit(limit=limit, most=most)


def test_one_below_a_limit_is_not_used_up() -> None:
    assert over_limit(ALL, Usage(messages=1, tokens=9, cost=19, tokens_of_all=29, cost_of_all=39)) is None
    assert not has_messages_left(ALL, Usage(messages=1))
    assert has_messages_left(ALL, Usage(messages=0, tokens=10))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_limit_is_told_in_its_own_words(language: Language) -> None:
    people = [limit_note(limit, language) for limit in Limit]
    admins = [notice_text(noticed(limit.value, "1234567"), language, "EUR") for limit in Limit]
    assert len(set(people)) == len(set(admins)) == len(Limit)
    assert all("00:00 UTC" in text for text in (*people, *admins))
    assert all(f"limits.{limit.value}" in text for limit, text in zip(Limit, admins, strict=True))


def test_amounts_are_told_to_admins_in_tokens_or_in_the_currency() -> None:
    assert "1,234,567 tokens" in notice_text(noticed("tokens_per_day", "1234567"), "en", "EUR")
    assert "1.23\N{NO-BREAK SPACE}USD" in notice_text(noticed("money_per_day_all", "1234567"), "en", "USD")


def test_a_notice_carries_its_limit_and_nobody() -> None:
    told = limit_notice(OverLimit(limit=Limit.MONEY, most=5), DAY)
    assert (told.kind, told.day, told.facts) == ("money_per_day", DAY, {"limit": "5"})


def test_a_notice_of_an_unknown_kind_is_told_with_its_bare_facts() -> None:
    unknown = AdminNotice(kind="model_changed", day=DAY, facts={"to": "b", "from": "a"}, at=datetime(2026, 11, 20, tzinfo=UTC))
    assert notice_text(unknown, "en", "EUR") == "model_changed (from=a, to=b)"
    assert notice_text(noticed("tokens_per_day", "many"), "en", "EUR") == "tokens_per_day (limit=many)"


def test_a_refusal_says_how_many_messages_there_are() -> None:
    assert "7" in refusal_text(DailyLimits(messages_per_day=7), "en")


def test_something_is_told_once_on_each_day_to_each_and_never_of_a_day_before() -> None:
    told, next_day = OncePerDay(lambda: 0.0), DAY + timedelta(days=1)
    assert [told.is_first("ana", DAY), told.is_first("luis", DAY), told.is_first("ana", DAY)] == [True, True, False]
    assert [told.is_first("ana", next_day), told.is_first("ana", DAY)] == [True, False]


# --- in the core ---


class Starts(Doing):
    """A handler of commands alone."""

    def matches(self, turn: Turn) -> bool:
        return turn.message.kind is Kind.COMMAND


def priced(turn: Turn, preview: Preview) -> Outcome:
    """An answer of 10 tokens that costs 10: of a language model, or of the offline answerer when a limit is used up."""
    is_model = turn.over_limit is None
    return Outcome(
        reply=Reply(text="by the model" if is_model else "from memory"),
        generation=Generation(
            model="model" if is_model else "offline",
            prompt_tokens=6,
            completion_tokens=4,
            seconds=0.1,
            cost=10 if is_model else 0,
            is_counted=is_model,
        ),
    )


LIMITS = {
    Limit.TOKENS: CoreSettings(tokens_per_day=20),
    Limit.MONEY: CoreSettings(money_per_day=20),
    Limit.TOKENS_OF_ALL: CoreSettings(tokens_per_day_of_all=20),
    Limit.MONEY_OF_ALL: CoreSettings(money_per_day_of_all=20),
}


@pytest.mark.parametrize(("limit", "settings"), LIMITS.items())
async def test_when_tokens_or_money_are_used_up_the_simpler_answerer_goes_on_and_it_is_told_once(
    tmp_path: Path, limit: Limit, settings: CoreSettings
) -> None:
    chat = Doing(priced)
    async with house(tmp_path, [chat], settings=settings) as here:
        for number in range(5):
            await here.door.receive([text(f"m{number}")])
            await here.settled()
        said = f"from memory\n\n{limit_note(limit, 'en')}"
        assert here.channel.texts == ["by the model", "by the model", said, "from memory", "from memory"]
        assert [turn.over_limit for turn in chat.seen] == [None, None, *[OverLimit(limit=limit, most=20)] * 3]
        assert await here.rows("select state from inbox") == [("sent",)] * 5
        assert await here.rows("select messages, tokens, cost from usage") == [(5, 20, 20)]
        today = datetime.now(UTC).date()
        (notice,) = await here.stores.notices.recent(today - timedelta(days=1), 10)
        assert (notice.kind, notice.facts) == (limit.value, {"limit": "20"})
        assert await here.rows("select count(*) from turns where note is not null") == [(1,)]


@pytest.mark.parametrize(("limit", "settings"), LIMITS.items())
async def test_a_limit_of_one_person_leaves_the_others_their_answers(
    tmp_path: Path, limit: Limit, settings: CoreSettings
) -> None:
    async with house(tmp_path, [Doing(priced)], settings=settings) as here:
        for number in range(2):
            await here.door.receive([text(f"m{number}")])
            await here.settled()
        await here.door.receive([text("hello", user="bea")])
        await here.settled()
        is_of_all = limit in (Limit.TOKENS_OF_ALL, Limit.MONEY_OF_ALL)
        assert here.channel.texts[-1].startswith("from memory" if is_of_all else "by the model")
        assert (limit_note(limit, "en") in here.channel.texts[-1]) is is_of_all, "everybody is told for themselves"


async def test_what_is_told_of_a_limit_stands_below_the_handlers_own_note(tmp_path: Path) -> None:
    def notes(turn: Turn, preview: Preview) -> Outcome:
        return dataclasses.replace(priced(turn, preview), note="I could not read your file.")

    async with house(tmp_path, [Doing(notes)], settings=CoreSettings(tokens_per_day=10)) as here:
        await here.door.receive([text("one"), text("two")])
        await here.settled()
        told = limit_note(Limit.TOKENS, "en")
        assert here.channel.texts[1] == f"from memory\n\nI could not read your file.\n\n{told}"


async def test_the_operator_reads_of_a_used_up_limit_once_a_day_in_the_log(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with house(tmp_path, [Doing(priced)], settings=CoreSettings(tokens_per_day=10)) as here:
            for user in ("ana", "bea"):
                for number in range(3):
                    await here.door.receive([text(f"m{number}", user=user)])
                    await here.settled()
    warnings = [line for line in logs if line["log_level"] == "warning"]
    assert warnings == [{"event": "limit.reached", "limit": "tokens_per_day", "most": 10, "log_level": "warning"}]


async def test_nothing_is_told_below_what_no_model_would_have_been_asked_for(tmp_path: Path) -> None:
    def sometimes(turn: Turn, preview: Preview) -> Outcome:
        return Outcome(reply=Reply(text="nothing to repeat")) if turn.message.text == "/again" else priced(turn, preview)

    async with house(tmp_path, [Doing(sometimes)], settings=CoreSettings(tokens_per_day=10)) as here:
        await here.door.receive([text("one"), text("/again"), text("two")])
        await here.settled()
        assert here.channel.texts[1] == "nothing to repeat"
        assert limit_note(Limit.TOKENS, "en") in here.channel.texts[2]


async def test_handlers_that_ask_no_model_know_no_limit(tmp_path: Path) -> None:
    chat, start = Doing(priced), Starts(lambda turn, preview: "welcome", name="start")
    async with house(tmp_path, [start, chat], settings=CoreSettings(tokens_per_day=10)) as here:
        await here.door.receive([text("one"), text("/start")])
        await here.settled()
        assert start.seen[0].over_limit is None
        assert here.channel.texts[1] == "welcome"


async def test_refused_messages_are_told_though_a_used_up_limit_was_told_before(tmp_path: Path) -> None:
    settings = CoreSettings(messages_per_day=2, tokens_per_day=10)
    async with house(tmp_path, [Doing(priced)], settings=settings) as here:
        for number in range(4):
            await here.door.receive([text(f"m{number}")])
            await here.settled()
        assert [limit_note(Limit.TOKENS, "en") in said for said in here.channel.texts] == [False, True, False]
        assert "the limit here is 2" in here.channel.texts[2]
