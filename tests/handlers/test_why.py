"""`/why`: what is told of an answer, and of which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.amounts import BLANK
from bot.commands import parse_command
from bot.memory_types import BOT, MemoryKind, Origin
from bot.model_types import ModelStatus
from bot.ports import HandlerSettings, Services
from bot.profile_types import AnswerStyle, Condition, LoggedStyle, ProfileEventKind
from bot.types import LANGUAGES, EvidenceKind, Flag, Generation, Kind, Language, PastTurn, PersonId, Source, TurnId, TurnStatus
from bot.writes import DropMemories
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fakes import ADA, BOB, NOW, FakeProfiles, answer, command, message, past, pressed, said, services, turn

NEAR = ModelStatus(name="ollama/small", is_ready=True, is_remote=False, detail="")
FAR = ModelStatus(name="mistral/big", is_ready=True, is_remote=True, detail="")
OFFLINE = ModelStatus(name="offline", is_ready=True, is_remote=False, detail="")
MADE = Generation(
    model="ollama/small",
    prompt_tokens=1234,
    completion_tokens=210,
    seconds=4.2,
    first_token_s=0.35,
    version="a80c4f17acd5",
)
UNCOUNTED = Generation(model="offline", prompt_tokens=0, completion_tokens=0, seconds=0.02, is_counted=False)


def answered(
    made: Generation | None = MADE,
    *,
    flags: Sequence[Flag] = (),
    sources: Sequence[Source] = (),
    id: str = "t1",
    person: PersonId = ADA,
    handler: str = "chat",
    kind: Kind = Kind.TEXT,
    status: TurnStatus = TurnStatus.ANSWERED,
) -> PastTurn:
    """A stored answer."""
    return past(
        id,
        person=person,
        handler=handler,
        kind=kind,
        status=status,
        model=made.model if made else "",
        generation=made,
        flags=frozenset(flags),
        sources=tuple(sources),
    )


def source(kind: EvidenceKind, score: float, name: str = "t0", title: str = "") -> Source:
    return Source(kind=kind, source=name, score=score, title=title)


async def why(
    *stored: PastTurn,
    statuses: Sequence[ModelStatus] = (NEAR, FAR, OFFLINE),
    language: Language = "en",
    using: Services | None = None,
) -> str:
    """What is told of the last of these."""
    handler, outcome = await answer(command("why", language), using or services(turns=stored, statuses=statuses))
    assert handler.name == "why"
    assert outcome.reply is not None
    assert not outcome.reply.rateable
    return said(outcome).replace(BLANK, " ")


@pytest.mark.parametrize("word", ["/why", "/porque", "/porqué", "/Por_Que", "/por_qué"])
def test_it_is_asked_for_in_both_languages(word: str) -> None:
    assert parse_command(word) == ("why", "")


async def test_it_names_the_model_its_version_time_and_tokens() -> None:
    text = await why(answered())
    for part in (
        "`ollama/small`",
        "`a80c4f17acd5`",
        "It took 4.2 s; the first word came after 0.35 s.",
        "1,234 tokens",
        "wrote 210",
    ):
        assert part in text, part
    assert "cost" not in text, "what cost nothing is not told as a cost"


async def test_numbers_are_written_as_spanish_does() -> None:
    text = await why(answered(), language="es")
    assert "0,35 s" in text
    assert "1234 tokens" in text


async def test_it_tells_what_an_answer_cost_in_the_currency_that_is_set() -> None:
    priced = answered(replace(MADE, model="mistral/big", cost=3_000))
    using = services(turns=[priced], statuses=[FAR], settings=HandlerSettings(currency="USD"))
    assert "0.003 USD" in await why(using=using)


# --- where the words went ---


async def test_a_remote_model_means_that_the_text_left_the_machine() -> None:
    text = await why(answered(replace(MADE, model="mistral/big")))
    assert "left the machine I run on: it went to `mistral/big`" in text
    assert "stayed" not in text


async def test_a_near_model_means_that_the_text_stayed() -> None:
    text = await why(answered())
    assert "stayed on the machine I run on." in text
    networked = await why(answered(), statuses=(replace(NEAR, is_networked=True),))
    assert "stayed in the private network of the machine I run on" in networked
    assert "left the machine" not in text + networked


@pytest.mark.parametrize("statuses", [(), (OFFLINE,)])
async def test_where_the_text_went_is_not_guessed_for_a_model_that_is_not_known_any_more(
    statuses: Sequence[ModelStatus],
) -> None:
    text = await why(answered(), statuses=statuses)
    assert "I cannot tell" in text
    assert "stayed" not in text


@pytest.mark.parametrize("made", [MADE, UNCOUNTED])
async def test_a_fallback_owns_that_the_first_choice_may_have_got_the_text(made: Generation) -> None:
    stored = answered(made, flags=[Flag.FALLBACK])
    assert "may have reached `mistral/big`" in await why(stored, statuses=(FAR, NEAR, OFFLINE))
    assert "may have reached" not in await why(stored, statuses=(NEAR, OFFLINE, FAR))


async def test_a_remote_model_that_nobody_named_and_that_is_not_there_got_nothing() -> None:
    unwanted = replace(FAR, is_ready=False, is_wanted=False)
    assert "mistral" not in await why(answered(flags=[Flag.FALLBACK]), statuses=(unwanted, NEAR))


# --- how it ended ---


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        (Flag.FALLBACK, "first choice did not answer"),
        (Flag.LIMITED, "daily limit"),
        (Flag.PARTIAL, "not complete"),
        (Flag.STOPPED, "You stopped it"),
        (Flag.TIMED_OUT, "longer than it may"),
        (Flag.TRIMMED, "left out"),
        (Flag.NO_RECALL, "what you have taught me"),
        (Flag.PARTIAL_RECALL, "some of it may be missing"),
        (Flag.UNKNOWN, "found nothing"),
    ],
)
async def test_each_flag_is_told_in_words(flag: Flag, words: str) -> None:
    assert words in await why(answered(flags=[flag]))
    assert words in await why(answered(replace(MADE, flags=frozenset({flag}))))
    assert words not in await why(answered())


async def test_what_was_stopped_is_not_called_incomplete_too_nor_a_limit_a_fallback() -> None:
    assert "not complete" not in await why(answered(flags=[Flag.STOPPED, Flag.PARTIAL]))
    limited = await why(answered(UNCOUNTED, flags=[Flag.LIMITED, Flag.FALLBACK]), statuses=(FAR, OFFLINE))
    assert "first choice" not in limited
    assert "mistral" not in limited, "nobody was asked before"


async def test_an_answer_that_reached_its_greatest_length_says_so() -> None:
    assert "greatest length" in await why(answered(replace(MADE, stop="length")))


async def test_offline_says_that_no_language_model_was_asked() -> None:
    known = source(EvidenceKind.KNOWLEDGE, 0.8, "about.md", "What › it is")
    text = await why(answered(UNCOUNTED, sources=[known]))
    assert "without a language model" in text
    assert "stayed on the machine I run on." in text
    assert "It took 0.02 s." in text
    assert "tokens" not in text
    assert "- the file `about.md`: What › it is" in text


async def test_an_answer_of_an_earlier_version_without_its_details_still_names_the_model() -> None:
    old = replace(answered(None), model="ollama/small")
    assert "`ollama/small`" in await why(old)
    assert "without a language model" in await why(replace(old, model="offline"))


@pytest.mark.parametrize("stored", [answered(None, handler="none", status=TurnStatus.FAILED), answered(flags=[Flag.FAILED])])
async def test_a_question_without_an_answer_is_owned(stored: PastTurn) -> None:
    assert (await why(stored, statuses=(NEAR, OFFLINE))).endswith("/again tries it anew.")
    text = await why(stored, statuses=(NEAR, FAR, OFFLINE))
    assert "no answer" in text
    assert "/again" in text
    assert "may have reached `mistral/big`" in text
    assert "It took" not in text


# --- what it had to go on ---


async def test_sources_are_told_once_each_and_best_first() -> None:
    text = await why(
        answered(
            sources=[
                source(EvidenceKind.KNOWLEDGE, 0.5, "about.md", "Who"),
                source(EvidenceKind.LIKED, 0.9, "t2"),
                source(EvidenceKind.CORRECTION, 1.0, "t3"),
                source(EvidenceKind.LIKED, 0.3, "t4"),
                source(EvidenceKind.KNOWLEDGE, 0.4, "about.md", "Who"),
                source(EvidenceKind.APPROVED, 0.1, "t6"),
            ]
        )
    )
    _, _, listed = text.partition("best first:\n")
    assert listed.splitlines() == [
        "- your correction",
        "- 2 answers you liked",
        "- the file `about.md`: Who",
        "- an answer approved for everyone",
    ]


REMEMBERED = (
    source(EvidenceKind.MEMORY, 0.7, "said"),
    source(EvidenceKind.FACT, 0.9, "home"),
    source(EvidenceKind.ANSWERED, 0.5, "answer"),
)


def held() -> FakeMemories:
    """What an answer rested on: a fact, a message, and what the bot once answered; and the same of somebody else."""
    memories = FakeMemories()
    memories.add(ADA, "home", "Lives in Lima.", slot="home")
    memories.add(ADA, "said", "I live in Lima", kind=MemoryKind.EPISODE, origin=Origin.SAID)
    memories.add(ADA, "answer", "Lima is large.", kind=MemoryKind.EPISODE, origin=Origin.ANSWERED, said_by=BOT)
    memories.add(BOB, "bobs", "Lives in Bogotá.")
    return memories


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "en",
            [
                "I remembered this, best first:",
                "1. “Lives in Lima.”, 1 November 2026: I noted it from what you said in private",
                "2. “I live in Lima”, 2 November 2026: you said it in private",
                "3. “Lima is large.”, 3 November 2026: I answered it in private",
            ],
        ),
        (
            "es",
            [
                "Recordé esto, lo mejor primero:",
                "1. «Lives in Lima.», 1 de noviembre de 2026: lo anoté de lo que dijiste en privado",
                "2. «I live in Lima», 2 de noviembre de 2026: lo dijiste en privado",
                "3. «Lima is large.», 3 de noviembre de 2026: lo respondí en privado",
            ],
        ),
    ],
)
async def test_the_memories_it_rested_on_are_named_each_with_a_button_that_forgets_it(
    language: Language, lines: list[str]
) -> None:
    memories = held()
    parts = services(turns=[answered(sources=REMEMBERED)], memories=memories)
    _, outcome = await answer(command("why", language), parts)
    assert said(outcome).splitlines()[-4:] == lines
    assert outcome.reply is not None
    assert [choice.key for choice in outcome.reply.choices] == ["forget:one.home", "forget:one.said", "forget:one.answer"]
    handler, forgetting = await answer(pressed(past("t9", choices=outcome.reply.choices), "forget:one.said", language), parts)
    assert handler.name == "forget"
    assert forgetting.writes == (DropMemories(person_id=ADA, ids=("said",)),)


async def test_other_sources_are_told_before_the_memories() -> None:
    parts = services(turns=[answered(sources=(*REMEMBERED, source(EvidenceKind.LIKED, 0.2)))], memories=held())
    text = await why(using=parts)
    assert "best first:\n- an answer you liked\n\nI remembered this" in text
    assert "Nothing that you taught me" not in text


async def test_memories_are_told_as_they_are_now_and_those_forgotten_since_as_gone() -> None:
    memories = held()
    memories.end(ADA, "home", by="other")
    gone = (source(EvidenceKind.FACT, 0.8, "nowhere"), source(EvidenceKind.FACT, 0.8, "bobs"))
    text = await why(using=services(turns=[answered(sources=(*REMEMBERED, *gone))], memories=memories))
    assert "“Lives in Lima.”, 1 November 2026: I noted it from what you said in private; no longer current" in text
    assert text.endswith("Besides, 2 memories that are forgotten since.")
    assert "Bogotá" not in text


async def test_where_all_of_them_are_gone_it_says_only_that() -> None:
    text = await why(using=services(turns=[answered(sources=REMEMBERED[:1])]))
    assert text.endswith("Besides, 1 memory that is forgotten since.")
    assert "Nothing that you taught me" not in text


async def test_in_a_group_no_memory_from_elsewhere_is_repeated() -> None:
    memories = held()
    memories.add(ADA, "here", "Plays chess.", group="a1")
    stored = answered(sources=(*REMEMBERED, source(EvidenceKind.FACT, 0.4, "here")))
    asked = turn(message(Kind.COMMAND, "/why", is_private=False), command="why")
    _, outcome = await answer(asked, services(turns=[stored], memories=memories))
    assert "Plays chess." in said(outcome)
    assert "Lima" not in said(outcome)
    assert "3 memories from elsewhere" in said(outcome)


async def test_no_more_than_eight_memories_are_told() -> None:
    memories = FakeMemories()
    for number in range(20):
        memories.add(ADA, f"m{number}", f"Likes number {number}.")
    many = [source(EvidenceKind.FACT, 1 - number / 100, f"m{number}") for number in range(20)]
    text = await why(using=services(turns=[answered(sources=many)], memories=memories))
    assert text.count("Likes number") == 8
    assert "8. “Likes number 7.”" in text


async def test_no_more_than_eight_sources_are_told() -> None:
    many = [source(EvidenceKind.KNOWLEDGE, 1 - number / 100, f"file{number}.md") for number in range(20)]
    text = await why(answered(sources=many))
    assert text.count("the file") == 8
    assert "`file7.md`" in text
    assert "`file8.md`" not in text


@pytest.mark.parametrize(("made", "rests"), [(MADE, True), (UNCOUNTED, False)])
async def test_nothing_to_go_on_is_told(made: Generation, rests: bool) -> None:
    text = await why(answered(made))
    assert "none of my texts" in text
    assert ("what the model knows" in text) is rests


async def test_names_of_files_and_models_cannot_break_the_layout() -> None:
    odd = source(EvidenceKind.KNOWLEDGE, 1.0, "a`b\n# c.md", "two\n\nlines")
    assert "- the file `a'b # c.md`: two lines" in await why(answered(sources=[odd]))


# --- which answer ---


async def test_the_last_answer_is_explained_past_commands_and_other_people() -> None:
    first = answered(replace(MADE, version="one"), id="t1")
    stored = (first, answered(id="t2", person=BOB), past("t3", handler="help", kind=Kind.COMMAND))
    assert "`one`" in await why(*stored)


async def test_the_named_answer_is_explained() -> None:
    named = answered(replace(MADE, version="one"))
    asked = turn(message(Kind.COMMAND, "/why", target=TurnId("t1")), command="why", target=named)
    _, outcome = await answer(asked, services(turns=[named, answered(id="t2")], statuses=[NEAR]))
    assert "`one`" in said(outcome)


async def test_somebody_elses_answer_is_not_explained() -> None:
    asked = turn(message(Kind.COMMAND, "/why", target=TurnId("t1")), command="why", target=answered(person=BOB))
    _, outcome = await answer(asked, services(turns=[answered(person=BOB), answered(id="t2")]))
    assert outcome.is_refused
    assert "ollama" not in said(outcome)


@pytest.mark.parametrize(
    "stored",
    [
        replace(past(handler="crisis"), flags=frozenset({Flag.CRISIS})),
        replace(past(handler="again", kind=Kind.COMMAND), flags=frozenset({Flag.CRISIS})),
    ],
)
async def test_help_in_a_crisis_is_not_explained_as_an_answer_of_a_model(stored: PastTurn) -> None:
    for asked in (
        command("why"),
        turn(message(Kind.COMMAND, "/why", target=TurnId("t1")), command="why", target=stored),
    ):
        _, outcome = await answer(asked, services(turns=[answered(id="t0"), stored]))
        assert outcome.is_refused
        assert "People prepared those words" in said(outcome)


async def test_a_commands_reply_has_nothing_to_explain() -> None:
    stored = past(handler="help", kind=Kind.COMMAND, question="/help")
    asked = turn(message(Kind.COMMAND, "/why", target=TurnId("t1")), command="why", target=stored)
    _, outcome = await answer(asked, services(turns=[stored]))
    assert outcome.is_refused
    assert "fixed text" in said(outcome)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_before_any_answer_and_after_a_new_beginning_there_is_nothing(language: Language) -> None:
    for stored in ([], [answered(), past("t2", handler="new", kind=Kind.COMMAND)]):
        _, outcome = await answer(command("why", language), services(turns=stored))
        assert outcome.is_refused
        assert said(outcome)


# --- how it was to be explained ---

STYLE = AnswerStyle(
    thread="t1",
    condition=Condition.FULL,
    is_measured=True,
    topic="general",
    level=1.0,
    goal="task",
    length=-1.0,
    arms=(-1, 0, 0, 1),
    asked=(-1, 0, 0, 1),
    used=(-1, 0, 0, 0),
    propensities=((0.05, 0.05, 0.9),) * 4,
    obeyed=(True, None, None, False),
    is_length_obeyed=False,
    words=200,
    version="1",
)


def styled(style: AnswerStyle, answer_id: str = "t1", made: Generation = MADE) -> Services:
    """An answer in whose log this style stands."""
    profiles, asked = FakeProfiles(), command("why")
    profiles.add(ADA, ProfileEventKind.CONSENT, granted=True, version="1")
    profiles.add(ADA, ProfileEventKind.PIN, dimension="ENT", arm=-1)
    logged = LoggedStyle(turn_id=TurnId(answer_id), style=style, at=NOW)
    profiles.styles.append((asked.address_id, asked.conversation_id, ADA, logged))
    return services(turns=[answered(made)], profiles=profiles)


@pytest.mark.parametrize(
    ("language", "level", "goal"),
    [("en", "Starting from zero", "Solve something now"), ("es", "Empiezo de cero", "Resolver algo")],
)
async def test_it_tells_what_the_profile_asked_of_the_answer(language: Language, level: str, goal: str) -> None:
    text = await why(using=styled(STYLE), language=language)
    for part in (level, goal, "60"):
        assert part in text, part


async def test_it_tells_which_of_it_was_done() -> None:
    lines = (await why(using=styled(STYLE))).splitlines()
    done, missed = ([line for line in lines if line.endswith(end)] for end in ("(done)", "(not done)"))
    assert done == ["- first the general idea and why it holds, an example at the end (done)"]
    assert missed == ["- Length: about 60 words (not done)", "- as a trial: an outline of short headings and points (not done)"]


@pytest.mark.parametrize(("language", "words"), [("en", "Without a language model"), ("es", "Sin modelo de lenguaje")])
async def test_an_answer_without_a_language_model_is_not_judged(language: Language, words: str) -> None:
    text = await why(using=styled(STYLE, made=UNCOUNTED), language=language)
    assert words in text
    assert "not done" not in text
    assert "60" in text


async def test_it_owns_that_an_answer_was_neutral_on_purpose() -> None:
    text = await why(using=styled(replace(STYLE, condition=Condition.NONE)))
    assert "left out of it on purpose" in text
    assert "Level" not in text


async def test_an_answer_without_a_logged_style_says_nothing_of_profiles() -> None:
    assert await why(using=styled(STYLE, "t0")) == await why(answered(), statuses=(OFFLINE,))


async def test_in_a_group_the_style_is_not_told() -> None:
    asked = turn(message(Kind.COMMAND, "/why", is_private=False), command="why")
    _, outcome = await answer(asked, styled(STYLE))
    assert "`ollama/small`" in said(outcome)
    assert "Level" not in said(outcome)
    assert "general idea" not in said(outcome)
