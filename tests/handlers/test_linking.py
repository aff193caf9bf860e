"""/link and /unlink: a code in one place, confirmed in the other, and apart again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.channel_types import CodeKind
from bot.codes import block_hash
from bot.link_ports import Holdings, LinkStore, Place, StoredCode
from bot.ports import Handler
from bot.types import LANGUAGES, ChannelName, Kind, Language, Outcome, PersonId, Question, Turn, TurnId
from bot.writes import AddCode, AddJob, AskQuestion, CloseQuestion, UseCode
from handlers.linking import LinkHandler, UnlinkHandler
from tests.handlers.fake_desk import FakeBlocks
from tests.handlers.fakes import ADA, ADDRESS, BOB, NOW, FakePreview, command, message, past, pressed, said, services, turn

HERE = Place(channel=ADDRESS.channel, user=ADDRESS.user)
TELEGRAM = Place(channel=ChannelName.TELEGRAM, user="7")
SHOWN = re.compile(r"[2-9A-Z]{4}-[2-9A-Z]{4}")


@dataclass
class Links:
    """A `LinkStore` that has what handlers write."""

    codes: dict[str, StoredCode] = field(default_factory=dict)
    where: dict[PersonId, list[Place]] = field(default_factory=lambda: {ADA: [HERE], BOB: [TELEGRAM]})

    async def code(self, hash: str) -> StoredCode | None:
        return self.codes.get(hash)

    async def places(self, person: PersonId) -> list[Place]:
        return self.where[person]

    async def holdings(self, person: PersonId) -> Holdings:
        return Holdings(turns=12, memories=3)

    def take(self, outcome: Outcome) -> None:
        """Store the codes that an outcome gives or uses up."""
        for write in outcome.writes:
            if isinstance(write, AddCode):
                self.codes[write.hash] = StoredCode(
                    kind=write.kind, person_id=write.person_id, expires_at=write.expires_at, is_used=False
                )
            if isinstance(write, UseCode):
                self.codes[write.hash] = replace(self.codes[write.hash], is_used=True)


class Passing:
    """A clock whose monotonic time is set."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.passed


async def handled(handler: Handler, given: Turn) -> Outcome:
    assert handler.matches(given)
    return await handler.handle(given, FakePreview())


def code_in(text: str) -> str:
    found = SHOWN.search(text)
    assert found is not None
    return found.group()


def linking(links: LinkStore | None = None) -> LinkHandler:
    return LinkHandler(services(), links or Links(), FakeBlocks())


async def code_of(links: Links, handler: LinkHandler, person: PersonId = BOB) -> str:
    """A fresh code of somebody, as they saw it."""
    outcome = await handled(handler, replace(command("link"), person=replace(command("link").person, id=person)))
    links.take(outcome)
    return code_in(said(outcome))


async def asked(links: Links, handler: LinkHandler) -> tuple[str, Question, str]:
    """A code of Bob's, the question that it leads Ada to, and that question's text."""
    code = await code_of(links, handler)
    outcome = await handled(handler, command("link", arguments=code))
    (write,) = outcome.writes
    assert isinstance(write, AskQuestion)
    return code, replace(write.question, turn_id=TurnId("t1")), said(outcome)


def answering(question: Question, key: str, *, open: bool = True, chosen: str | None = None) -> Turn:
    press = pressed(past(choices=question.choices, chosen=chosen), key)
    return replace(press, awaiting=question if open else None)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_code_is_shown_once_and_only_its_keyed_hash_is_kept(language: Language) -> None:
    links = Links()
    outcome = await handled(linking(links), command("link", language))
    code = code_in(said(outcome))
    (write,) = outcome.writes
    assert isinstance(write, AddCode)
    assert (write.kind, write.person_id, write.expires_at) == (CodeKind.LINK, ADA, NOW + timedelta(minutes=10))
    assert outcome.kept is not None
    assert code not in outcome.kept and code not in repr(outcome.writes) and code.replace("-", "") not in repr(outcome.writes)


async def test_an_answer_made_again_after_a_crash_gives_the_same_code_and_another_message_another_one() -> None:
    first, again = [await handled(linking(), command("link")) for _ in range(2)]
    assert first == again
    other = await handled(linking(), replace(command("link"), id=TurnId("t10")))
    assert code_in(said(other)) != code_in(said(first))


async def test_entering_a_code_shows_what_is_joined_and_asks() -> None:
    _, question, text = await asked(links := Links(), linking(links))
    assert question.kind == "link"
    assert [choice.key for choice in question.choices] == ["link:yes", "link:no"]
    assert "Telegram" in text and "12" in text and "3" in text and "somebody else" in text


@pytest.mark.parametrize("form", [str.lower, lambda code: code.replace("-", ""), lambda code: f"  {code[:2]} {code[2:]} "])
async def test_a_code_may_be_written_in_any_form(form: type[str]) -> None:
    links = Links()
    handler = linking(links)
    outcome = await handled(handler, command("link", arguments=form(await code_of(links, handler))))
    assert isinstance(outcome.writes[0], AskQuestion)
    assert outcome.question == "/link", "the code that was written is not kept"


async def test_yes_uses_the_code_up_and_joins_after_this_reply() -> None:
    links = Links()
    handler = linking(links)
    _, question, _ = await asked(links, handler)
    outcome = await handled(handler, answering(question, "link:yes"))
    assert outcome.writes == (
        CloseQuestion(turn_id=TurnId("t1"), key="link:yes"),
        UseCode(hash=question.state["code"], by=ADA),
        AddJob(kind="link", person_id=ADA, after_turn=TurnId("t9")),
    )


async def test_no_leaves_everything_and_the_code_as_it_was() -> None:
    links = Links()
    handler = linking(links)
    _, question, _ = await asked(links, handler)
    outcome = await handled(handler, answering(question, "link:no"))
    assert outcome.writes == (CloseQuestion(turn_id=TurnId("t1"), key="link:no"),)


async def test_a_confirmation_counts_once_and_while_its_question_is_the_open_one() -> None:
    links = Links()
    handler = linking(links)
    _, question, _ = await asked(links, handler)
    for stale in (answering(question, "link:yes", chosen="link:no"), answering(question, "link:yes", open=False)):
        outcome = await handled(handler, stale)
        assert outcome.is_refused
        assert not any(isinstance(write, AddJob | UseCode) for write in outcome.writes)


async def test_a_code_that_was_used_up_before_the_confirmation_joins_nothing() -> None:
    links = Links()
    handler = linking(links)
    _, question, _ = await asked(links, handler)
    links.take(await handled(handler, answering(question, "link:yes")))
    outcome = await handled(handler, answering(question, "link:yes"))
    assert outcome.is_refused and outcome.writes == (CloseQuestion(turn_id=TurnId("t1"), key=None),)


@pytest.mark.parametrize("what", ["used", "old", "for pairing", "mistyped", "no code at all", "of nobody"])
async def test_what_is_no_good_code_is_told_in_one_sentence_that_tells_no_more(what: str) -> None:
    links = Links()
    handler = linking(links)
    code = await code_of(links, handler)
    ((hash, row),) = links.codes.items()
    bad = {
        "used": replace(row, is_used=True),
        "old": replace(row, expires_at=NOW),
        "for pairing": replace(row, kind=CodeKind.PAIR),
        "of nobody": replace(row, person_id=None),
    }
    links.codes = {hash: bad[what]} if what in bad else {}
    outcome = await handled(handler, command("link", arguments="please" if what == "no code at all" else code))
    assert outcome.is_refused and outcome.writes == ()
    assert "does not work" in said(outcome)
    assert outcome.question == "/link"


async def test_ones_own_code_is_explained() -> None:
    links = Links()
    handler = linking(links)
    outcome = await handled(handler, command("link", arguments=await code_of(links, handler, ADA)))
    assert outcome.is_refused and "of your own" in said(outcome)


async def test_nobody_walks_round_a_block_by_another_place() -> None:
    links = Links()
    blocked = block_hash(services().keyed, links.where[BOB][0].channel, links.where[BOB][0].user)
    blocks = FakeBlocks()
    handler = LinkHandler(services(), links, blocks)
    code, question, _ = await asked(links, handler)
    blocks.hashes.add(blocked)
    outcome = await handled(handler, answering(question, "link:yes"))
    assert outcome.is_refused, "blocked between the question and the answer"
    assert not [write for write in outcome.writes if isinstance(write, AddJob | UseCode)]
    assert "does not work" in said(await handled(handler, command("link", arguments=code)))


async def test_five_tries_an_hour_and_no_more_even_of_a_good_code() -> None:
    links, clock = Links(), Passing()
    handler = LinkHandler(replace(services(), clock=clock), links, FakeBlocks())
    code = await code_of(links, handler)
    for number in range(5):
        clock.passed = 600.0 * number
        assert "does not work" in said(await handled(handler, command("link", arguments="WRONG234")))
    clock.passed = 3599.0
    refused = await handled(handler, command("link", arguments=code))
    assert refused.is_refused and "wait an hour" in said(refused)
    clock.passed = 3600.0
    assert not (await handled(handler, command("link", arguments=code))).is_refused


async def test_a_group_is_refused_and_a_code_shown_there_is_burnt() -> None:
    links = Links()
    handler = linking(links)
    code = await code_of(links, handler)
    group = turn(message(Kind.COMMAND, "/link", is_private=False), command="link")
    plain = await handled(handler, group)
    assert plain.is_refused and plain.writes == ()
    assert "private" in said(plain)
    outcome = await handled(handler, replace(group, arguments=code))
    assert outcome.is_refused
    assert outcome.question == "/link"
    assert "no longer works" in said(outcome)
    links.take(outcome)
    assert [row.is_used for row in links.codes.values()] == [True]


# --- /unlink ---


def separating() -> UnlinkHandler:
    return UnlinkHandler(Links(where={ADA: [HERE, TELEGRAM, Place(channel=ChannelName.CONSOLE, user="u")]}))


async def test_separating_says_first_what_goes_and_what_stays() -> None:
    outcome = await handled(separating(), command("unlink"))
    (write,) = outcome.writes
    assert isinstance(write, AskQuestion)
    assert [choice.key for choice in write.question.choices] == ["unlink:yes", "unlink:no"]
    assert "Telegram, the console" in said(outcome)
    assert "This place keeps" in said(outcome) and "The rest keeps" in said(outcome)


async def test_yes_separates_after_this_reply_and_no_does_not() -> None:
    handler = separating()
    (write,) = (await handled(handler, command("unlink"))).writes
    assert isinstance(write, AskQuestion)
    asking = past(choices=write.question.choices)
    assert (await handled(handler, pressed(asking, "unlink:yes"))).writes == (
        CloseQuestion(turn_id=TurnId("t1"), key="unlink:yes"),
        AddJob(kind="unlink", person_id=ADA, after_turn=TurnId("t9")),
    )
    no = await handled(handler, pressed(asking, "unlink:no"))
    assert no.writes == (CloseQuestion(turn_id=TurnId("t1"), key="unlink:no"),)
    again = await handled(handler, pressed(replace(asking, chosen="unlink:no"), "unlink:yes"))
    assert again.is_refused and again.writes == ()


async def test_a_place_of_its_own_has_nothing_to_separate() -> None:
    handler = UnlinkHandler(Links())
    outcome = await handled(handler, command("unlink"))
    assert outcome.is_refused and outcome.writes == ()
    (write,) = (await handled(separating(), command("unlink"))).writes
    assert isinstance(write, AskQuestion)
    late = await handled(handler, pressed(past(choices=write.question.choices), "unlink:yes"))
    assert not any(isinstance(write, AddJob) for write in late.writes)


async def test_separating_is_not_offered_in_a_group() -> None:
    group = turn(message(Kind.COMMAND, "/unlink", is_private=False), command="unlink")
    outcome = await handled(separating(), group)
    assert outcome.is_refused and "private" in said(outcome)
