"""People for admins: who is shown, without their words, and who can be kept out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.admin_ports import AdminDesk
from bot.admin_types import ShownPerson
from bot.codes import block_hash
from bot.errors import StoreBusy
from bot.types import (
    LANGUAGES,
    ChannelName,
    Choice,
    Chosen,
    Kind,
    Language,
    Outcome,
    PastTurn,
    PersonId,
    Question,
    Turn,
    TurnId,
)
from bot.writes import AddAudit, AskQuestion, CloseQuestion, EndSharingOf, SetBlock
from handlers.admin_people import MOST, USUAL
from tests.handlers.fake_desk import FakeBlocks, FakeCrowd, desk
from tests.handlers.fakes import ADDRESS, NOW, answer, command, message, past, pressed, said, services, turn

User = tuple[ChannelName, str]
TELEGRAM, DISCORD, WEB, CONSOLE = ChannelName.TELEGRAM, ChannelName.DISCORD, ChannelName.WEB, ChannelName.CONSOLE
SESSION = "secret-session"


def person(tag: str, *users: User, ago: timedelta | None = timedelta(hours=3), turns: int = 12) -> ShownPerson:
    return ShownPerson(
        id=PersonId(f"01jd3zq8x0fakefake{tag}"),
        tag=tag,
        users=users,
        since=NOW - timedelta(days=90),
        last_at=None if ago is None else NOW - ago,
        turns=turns,
    )


ME = person("adaadada", (ADDRESS.channel, ADDRESS.user))
"""The admin."""
BEA = person("beabeab1", (WEB, SESSION), (TELEGRAM, "123"))
LEO = person("leoleol2", (DISCORD, "77"))
BOSS = person("bossbos3", (TELEGRAM, "1"), (WEB, "boss-session"))
HOST = person("hosthos4", (CONSOLE, "owner"))


def hashed(*users: User) -> set[str]:
    return {block_hash(services().keyed, channel, user) for channel, user in users}


def nobodys(channel: str, user: str) -> str:
    """What stands in the audit log for a user whom the bot has never heard of."""
    (hashed_user,) = hashed((ChannelName(channel), user))
    return f"{channel}:{hashed_user[:12]}"


def with_people(*people: ShownPerson, out: set[str] | None = None) -> AdminDesk:
    return desk(crowd=FakeCrowd(list(people or (ME, BEA, LEO, BOSS, HOST))), blocks=FakeBlocks(out or set()))


async def asked(arguments: str, using: AdminDesk | None = None, language: Language = "en") -> Outcome:
    given = command("admin", language, arguments=arguments, is_admin=True)
    given = replace(given, person=replace(given.person, id=ME.id))
    handler, outcome = await answer(given, desk=using or with_people())
    assert handler.name == "admin"
    return outcome


def question_of(outcome: Outcome, *, chosen: str | None = None) -> PastTurn:
    """The turn that asked, as it is stored."""
    assert outcome.reply is not None
    return past(person=ME.id, handler="admin", kind=Kind.COMMAND, choices=outcome.reply.choices, chosen=chosen)


def press_of(asking: PastTurn, key: str, language: Language = "en", *, is_admin: bool = True) -> Turn:
    given = pressed(asking, key, language, person=asking.person_id)
    return replace(given, message=replace(given.message, is_admin=is_admin))


async def presses(asking: PastTurn, key: str, using: AdminDesk | None = None, language: Language = "en") -> Outcome:
    _, outcome = await answer(press_of(asking, key, language), desk=using or with_people())
    return outcome


def audited(outcome: Outcome) -> tuple[str, str, str]:
    (entry,) = (write for write in outcome.writes if isinstance(write, AddAudit))
    return entry.action, entry.subject, entry.result


def blocked(outcome: Outcome) -> dict[str, bool]:
    """The hashes that are written, with what is written of them."""
    return {write.hash: write.is_blocked for write in outcome.writes if isinstance(write, SetBlock)}


def closed(outcome: Outcome) -> list[str | None]:
    return [write.key for write in outcome.writes if isinstance(write, CloseQuestion)]


# --- who is there ---


async def test_people_are_listed_with_their_tags_places_and_times() -> None:
    outcome = await asked("users", with_people(BEA, LEO))
    assert "I know **2 people**. The 2 heard of last, newest first:" in said(outcome)
    facts = "`telegram:123`, the web page · here since 1 September 2026 · heard of 3 hours ago · 12 answered messages"
    assert f"- `beabeab1` · {facts}" in said(outcome).splitlines()
    assert "- `leoleol2` · `discord:77` · " in said(outcome)
    assert "`/admin block TAG`" in said(outcome)
    assert audited(outcome) == ("users", "", "shown")


async def test_list_is_in_spanish_too() -> None:
    text = said(await asked("usuarios", with_people(BEA, HOST), "es"))
    assert "`telegram:123`, la página web" in text
    assert "1 de septiembre de 2026" in text
    assert "la consola" in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_ids_of_sessions_and_of_the_console_are_never_shown(language: Language) -> None:
    for arguments in ("users", "users beabeab1", "users hosthos4", "block beabeab1"):
        text = said(await asked(arguments, language=language))
        assert SESSION not in text
        assert "owner" not in text


async def test_several_sessions_are_one_place() -> None:
    text = said(await asked("users", with_people(person("websweb5", (WEB, "s1"), (WEB, "s2")))))
    assert "· the web page ·" in text


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(minutes=-5), "in the last hour"),
        (timedelta(minutes=59), "in the last hour"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47, minutes=59), "47 hours ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=59), "59 days ago"),
        (timedelta(days=60), "about 2 months ago"),
        (timedelta(days=800), "about 26 months ago"),
    ],
)
async def test_how_long_ago_is_told_roughly(ago: timedelta, words: str) -> None:
    text = said(await asked("users", with_people(person("timetim6", (DISCORD, "5"), ago=ago))))
    assert f"heard of {words} ·" in text


async def test_somebody_who_was_never_answered_has_no_time_and_no_place_is_no_gap() -> None:
    text = said(await asked("users", with_people(person("newnewn7", ago=None, turns=0))))
    assert "- `newnewn7` · here since 1 September 2026 · 0 answered messages" in text.splitlines()


async def test_who_is_kept_out_by_any_of_their_users_is_marked() -> None:
    lines = said(await asked("users", with_people(BEA, LEO, out=hashed((TELEGRAM, "123"))))).splitlines()
    assert [line.split("`")[1] for line in lines if "kept out" in line] == ["beabeab1"]


@pytest.mark.parametrize(
    ("arguments", "shown"), [("users", USUAL), ("users 3", 3), ("users 0", 1), ("users 100", MOST), ("users 5000", MOST)]
)
async def test_as_many_are_shown_as_were_asked_for_within_bounds(arguments: str, shown: int) -> None:
    crowd = [person(f"many{number:04}", (DISCORD, str(number + 1))) for number in range(150)]
    text = said(await asked(arguments, with_people(*crowd)))
    assert sum(line.startswith("- `many") for line in text.splitlines()) == shown
    assert "I know **150 people**." in text


async def test_when_nobody_is_there_it_says_so() -> None:
    outcome = await asked("users", desk())
    assert said(outcome) == "Nobody has talked with me yet."
    assert not outcome.is_refused


@pytest.mark.parametrize("who", ["beabeab1", "BEABEAB1", "telegram:123", "Telegram: 123"])
async def test_one_person_is_shown_by_tag_or_number(who: str) -> None:
    outcome = await asked(f"users {who}")
    assert said(outcome).startswith("`beabeab1` · `telegram:123`, the web page · ")
    assert "leoleol2" not in said(outcome)
    assert "`/admin block " in said(outcome)
    assert audited(outcome) == ("users", "beabeab1", "shown")


async def test_one_who_is_kept_out_is_shown_with_how_to_let_them_in() -> None:
    text = said(await asked("users beabeab1", with_people(out=hashed((TELEGRAM, "123")))))
    assert "**kept out**" in text
    assert "`/admin unblock beabeab1`" in text


async def test_a_user_who_never_wrote_is_shown_as_such() -> None:
    text = said(await asked("users discord:999", with_people(out=hashed((DISCORD, "999")))))
    assert "`discord:999` · I have never heard of this user · **kept out**" in text


@pytest.mark.parametrize(
    "who",
    [
        "nobodyno",
        "bea",
        "@bea",
        "Bea Ruiz is my friend",
        "telegram:",
        "telegram:bea",
        "telegram:-100123",
        "telegram:0123",
        "telegram:١٢٣",
        "telegram:" + "9" * 21,
        f"web:{SESSION}",
        "matrix:123",
        ":123",
        "`beabeab1`; drop",
        "-1",
        "1.5",
    ],
)
@pytest.mark.parametrize("action", ["users", "block", "unblock"])
async def test_whoever_is_not_named_by_tag_or_number_is_unknown(action: str, who: str) -> None:
    outcome = await asked(f"{action} {who}")
    assert outcome.is_refused
    assert "`telegram:123`" in said(outcome)
    assert audited(outcome) == (action, "", "unknown"), "what was typed is in no log"
    assert blocked(outcome) == {}


async def test_somebody_without_any_user_cannot_be_kept_out() -> None:
    outcome = await asked("block nowherer", with_people(person("nowherer")))
    assert audited(outcome) == ("block", "", "unknown")


# --- who is kept out ---


@pytest.mark.parametrize("language", LANGUAGES)
async def test_keeping_out_is_asked_about_first_and_shows_who_it_is(language: Language) -> None:
    outcome = await asked("block beabeab1" if language == "en" else "bloquear beabeab1", language=language)
    assert "`beabeab1` · `telegram:123`, " in said(outcome)
    assert "`python -m bot forget`" in said(outcome)
    assert "`/admin " in said(outcome)
    assert outcome.reply is not None
    assert [choice.key for choice in outcome.reply.choices] == ["admin:block.yes.beabeab1", "admin:block.no"]
    assert any(isinstance(write, AskQuestion) for write in outcome.writes)
    assert blocked(outcome) == {}
    assert audited(outcome) == ("block", "beabeab1", "asked")


async def test_question_says_what_it_means() -> None:
    text = said(await asked("block beabeab1"))
    for words in ("silent", "even in a crisis", "on the page", "Nothing of theirs is erased", "`/admin queue`", "forgotten"):
        assert words in text, words


@pytest.mark.parametrize("language", LANGUAGES)
async def test_confirmed_all_their_places_are_kept_out(language: Language) -> None:
    asking = question_of(await asked("block telegram:123", language=language))
    outcome = await presses(asking, "admin:block.yes.telegram:123", language=language)
    assert blocked(outcome) == dict.fromkeys(hashed(*BEA.users), True)
    assert [write.person_id for write in outcome.writes if isinstance(write, EndSharingOf)] == [BEA.id]
    assert closed(outcome) == ["admin:block.yes.telegram:123"]
    assert audited(outcome) == ("block", "beabeab1", "done")
    assert "`beabeab1`" in said(outcome)
    assert not outcome.is_refused


async def test_a_user_who_never_wrote_can_be_kept_out() -> None:
    first = await asked("block Discord:999")
    assert "never heard of" in said(first)
    assert audited(first) == ("block", nobodys("discord", "999"), "asked")
    outcome = await presses(question_of(first), "admin:block.yes.discord:999")
    assert blocked(outcome) == dict.fromkeys(hashed((DISCORD, "999")), True)
    assert audited(outcome) == ("block", nobodys("discord", "999"), "done")


async def test_answer_no_changes_nothing() -> None:
    asking = question_of(await asked("block beabeab1"))
    outcome = await presses(asking, "admin:block.no")
    assert blocked(outcome) == {}
    assert closed(outcome) == ["admin:block.no"]
    assert audited(outcome) == ("block", "", "cancelled")


async def test_what_is_written_keeps_nobody_out() -> None:
    first = await asked("block beabeab1")
    assert first.reply is not None
    question = Question(turn_id=TurnId("t1"), kind="admin", choices=first.reply.choices)
    for text in ("a", "Yes, keep this person out"):
        given = turn(message(Kind.TEXT, text), person=ME.id, awaiting=question, is_admin=True)
        handler, outcome = await answer(given, desk=with_people())
        assert handler.name == "chat"
        assert blocked(outcome) == {}


async def test_what_is_told_of_people_is_not_stored() -> None:
    for arguments in ("users", "users telegram:123", "block telegram:123", "unblock telegram:123"):
        outcome = await asked(arguments)
        assert outcome.kept is not None
        assert "123" not in outcome.kept
        assert outcome.question == "/admin"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_press_after_the_question_was_answered_does_nothing(language: Language) -> None:
    asking = question_of(await asked("block beabeab1"), chosen="admin:block.no")
    outcome = await presses(asking, "admin:block.yes.beabeab1", language=language)
    assert outcome.is_refused
    assert blocked(outcome) == {}
    assert closed(outcome) == []
    assert audited(outcome) == ("block", "", "late")


@pytest.mark.parametrize(
    ("later", "result"),
    [
        (with_people(ME), "unknown"),
        (with_people(ME, replace(BEA, users=(*BEA.users, (TELEGRAM, "1")))), "admin"),
        (with_people(ME, BEA, out=hashed(*BEA.users)), "kept out already"),
    ],
)
async def test_late_press_finds_out_anew_who_it_is(later: AdminDesk, result: str) -> None:
    asking = question_of(await asked("block beabeab1"))
    outcome = await presses(asking, "admin:block.yes.beabeab1", later)
    assert outcome.is_refused
    assert blocked(outcome) == {}
    assert closed(outcome) == ["admin:block.yes.beabeab1"]
    assert audited(outcome)[2] == result


async def test_whoever_has_become_oneself_meanwhile_is_not_kept_out() -> None:
    asking = question_of(await asked("block telegram:123"))
    linked = replace(ME, users=(*ME.users, *BEA.users))
    outcome = await presses(asking, "admin:block.yes.telegram:123", with_people(linked))
    assert blocked(outcome) == {}
    assert audited(outcome) == ("block", "adaadada", "oneself")


async def test_whoever_is_forgotten_meanwhile_is_kept_out_by_their_number() -> None:
    asking = question_of(await asked("block telegram:123"))
    outcome = await presses(asking, "admin:block.yes.telegram:123", with_people(ME))
    assert blocked(outcome) == dict.fromkeys(hashed((TELEGRAM, "123")), True)
    assert audited(outcome) == ("block", nobodys("telegram", "123"), "done")


async def test_place_that_was_linked_meanwhile_is_kept_out_too() -> None:
    asking = question_of(await asked("block leoleol2"))
    linked = replace(LEO, users=(*LEO.users, (TELEGRAM, "55")))
    outcome = await presses(asking, "admin:block.yes.leoleol2", with_people(ME, linked))
    assert blocked(outcome) == dict.fromkeys(hashed((DISCORD, "77"), (TELEGRAM, "55")), True)


async def test_who_is_kept_out_in_some_places_can_be_kept_out_in_all() -> None:
    outcome = await asked("block beabeab1", with_people(out=hashed((TELEGRAM, "123"))))
    assert not outcome.is_refused
    outcome = await asked("block beabeab1", with_people(out=hashed(*BEA.users)))
    assert outcome.is_refused
    assert "`/admin unblock beabeab1`" in said(outcome)
    assert audited(outcome) == ("block", "beabeab1", "kept out already")


@pytest.mark.parametrize("is_admin", [True, False])
async def test_only_admins_presses_count(is_admin: bool) -> None:
    asking = question_of(await asked("block beabeab1"))
    _, outcome = await answer(press_of(asking, "admin:block.yes.beabeab1", is_admin=is_admin), desk=with_people())
    assert bool(blocked(outcome)) is is_admin


@pytest.mark.parametrize("arguments", ["users", "users beabeab1", "block beabeab1", "unblock beabeab1", "bloquear"])
async def test_who_is_no_admin_learns_of_nobody(arguments: str) -> None:
    using = with_people(out=hashed(*BEA.users))
    _, outcome = await answer(command("admin", arguments=arguments), desk=using)
    assert outcome.is_refused
    assert "beabeab1" not in said(outcome)
    assert outcome.writes == ()


@pytest.mark.parametrize(
    ("who", "result", "subject"),
    [
        ("adaadada", "oneself", "adaadada"),
        ("bossbos3", "admin", "bossbos3"),
        ("telegram:1", "admin", "bossbos3"),
        ("hosthos4", "console", "hosthos4"),
        ("console:owner", "console", ""),
        ("", "nobody named", ""),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_some_are_never_kept_out(who: str, result: str, subject: str, language: Language) -> None:
    outcome = await asked(f"block {who}".strip(), language=language)
    assert outcome.is_refused
    assert outcome.reply is not None
    assert outcome.reply.choices == ()
    assert audited(outcome) == ("block", subject, result)


async def test_admin_of_the_settings_who_never_wrote_is_not_kept_out() -> None:
    assert audited(await asked("block telegram:1", with_people(ME))) == ("block", nobodys("telegram", "1"), "admin")


async def test_admin_on_a_platform_is_not_kept_out_by_their_own_number() -> None:
    given = command("admin", arguments="block discord:5", is_admin=True)
    there = replace(given.message.address, channel=DISCORD, user="5")
    given = replace(given, message=replace(given.message, address=there))
    _, outcome = await answer(given, desk=with_people(BEA))
    assert audited(outcome) == ("block", nobodys("discord", "5"), "oneself")


# --- who is let in again ---


@pytest.mark.parametrize(("arguments", "language"), [("unblock beabeab1", "en"), ("desbloquear telegram:123", "es")])
async def test_letting_in_again_is_done_at_once_in_all_places(arguments: str, language: Language) -> None:
    outcome = await asked(arguments, with_people(out=hashed((TELEGRAM, "123"))), language)
    assert blocked(outcome) == dict.fromkeys(hashed(*BEA.users), False)
    assert audited(outcome) == ("unblock", "beabeab1", "done")
    assert "`beabeab1`" in said(outcome)
    assert outcome.reply is not None
    assert outcome.reply.choices == ()


async def test_somebody_who_is_forgotten_is_let_in_again_by_their_number() -> None:
    outcome = await asked("unblock telegram:555", with_people(out=hashed((TELEGRAM, "555"))))
    assert blocked(outcome) == dict.fromkeys(hashed((TELEGRAM, "555")), False)
    assert audited(outcome) == ("unblock", nobodys("telegram", "555"), "done")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_is_not_kept_out_is_told_apart_from_the_settings(language: Language) -> None:
    outcome = await asked("unblock beabeab1", language=language)
    assert outcome.is_refused
    assert blocked(outcome) == {}
    assert "`[access]`" in said(outcome)
    assert "`config.toml`" in said(outcome)
    assert audited(outcome) == ("unblock", "beabeab1", "not kept out")


async def test_letting_in_needs_a_name() -> None:
    outcome = await asked("unblock")
    assert "`/admin unblock TAG`" in said(outcome)
    assert audited(outcome) == ("unblock", "", "nobody named")


async def test_admin_who_was_kept_out_before_they_became_one_can_be_let_in() -> None:
    outcome = await asked("unblock bossbos3", with_people(out=hashed((TELEGRAM, "1"))))
    assert blocked(outcome) == dict.fromkeys(hashed(*BOSS.users), False)


class _BusyBlocks(FakeBlocks):
    async def is_blocked(self, hash: str) -> bool:
        raise StoreBusy("locked")


async def test_store_that_is_busy_writes_nothing_and_is_left_to_the_core() -> None:
    using = replace(with_people(), blocks=_BusyBlocks())
    asking = past(handler="admin", kind=Kind.COMMAND, choices=(Choice(key="admin:block.yes.beabeab1", label="Yes"),))
    given = press_of(asking, "admin:block.yes.beabeab1")
    assert given.message.choice == Chosen(turn_id=asking.id, key="admin:block.yes.beabeab1")
    with pytest.raises(StoreBusy):
        await answer(given, desk=using)
