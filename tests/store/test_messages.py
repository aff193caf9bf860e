"""Messages and replies survive their JSON unchanged."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import StoreConflict
from bot.profile_types import Reason
from bot.store.messages import (
    choices_json,
    choices_of,
    evidence_json,
    flags_json,
    flags_of,
    generation_json,
    generation_of,
    json_text,
    message_json,
    message_of,
    outgoing_json,
    outgoing_of,
    sources_of,
)
from bot.types import (
    Address,
    Attachment,
    ChannelName,
    Choice,
    Chosen,
    Evidence,
    EvidenceKind,
    Flag,
    Generation,
    GivenRating,
    IncomingMessage,
    Kind,
    OutboxId,
    Outgoing,
    OutgoingKind,
    PlatformId,
    Reply,
    ReplyFile,
    Source,
    TurnId,
    TurnStatus,
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
addresses = st.builds(Address, channel=st.sampled_from(ChannelName), chat=words, user=words, thread=words)
choices = st.lists(st.builds(Choice, key=words, label=words, row=st.integers(0, 9)), max_size=3).map(tuple)
times = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
messages = st.builds(
    IncomingMessage,
    event_id=words,
    address=addresses,
    kind=st.sampled_from(Kind),
    sent_at=times,
    text=words,
    choice=st.none() | st.builds(Chosen, turn_id=words.map(TurnId), key=words),
    rating=st.none()
    | st.builds(
        GivenRating,
        turn_id=words.map(TurnId),
        value=st.sampled_from([1, 0, -1]),
        reason=st.none() | st.sampled_from(Reason),
        correction=st.none() | words,
    ),
    target=st.none() | words.map(PlatformId),
    attachments=st.lists(
        st.builds(Attachment, name=words, media_type=words, size=st.integers(0, 2**40), reference=words), max_size=2
    ).map(tuple),
    is_private=st.booleans(),
    is_addressed=st.booleans(),
    is_admin=st.booleans(),
    sender_name=words,
    locale=words,
)
files = st.lists(st.builds(ReplyFile, name=words, media_type=words, content=st.binary(max_size=9)), max_size=2).map(tuple)
seconds = st.floats(0, 1e6)
generations = st.builds(
    Generation,
    model=words,
    prompt_tokens=st.integers(0, 10**9),
    completion_tokens=st.integers(0, 10**9),
    seconds=seconds,
    stop=st.sampled_from(["end", "length", "stopped", "deadline", "error"]),
    first_token_s=st.none() | seconds,
    flags=st.frozensets(st.sampled_from(Flag)),
    version=words,
    cost=st.integers(0, 2**62),
    is_counted=st.booleans(),
)
outgoings = st.builds(
    Outgoing,
    id=words.map(OutboxId),
    kind=st.sampled_from(OutgoingKind),
    address=addresses,
    reply=st.builds(
        Reply,
        text=words,
        choices=choices,
        files=st.lists(st.builds(ReplyFile, name=words, media_type=words, content=st.binary(max_size=9)), max_size=2).map(
            tuple
        ),
        rateable=st.booleans(),
    ),
    nonce=words,
    turn_id=st.none() | words.map(TurnId),
    event_id=words,
    model=words,
    status=st.none() | st.sampled_from(TurnStatus),
    generation=st.none() | generations,
    flags=st.frozensets(st.sampled_from(Flag)),
    attempts=st.integers(0, 99),
)


@settings(max_examples=50)
@given(message=messages)
def test_a_message_comes_back_as_it_went(message: IncomingMessage) -> None:
    stored = message_json(message)
    assert message_of(stored, event_id=message.event_id, address=message.address, kind=message.kind) == message


@settings(max_examples=50)
@given(outgoing=outgoings)
def test_a_reply_comes_back_as_it_went(outgoing: Outgoing) -> None:
    address = outgoing.address
    row = (
        outgoing.id, outgoing.kind.value, outgoing.turn_id, address.channel.value, address.chat, address.user, address.thread,
        outgoing.event_id, outgoing.nonce, outgoing.attempts, outgoing_json(outgoing),
    )  # fmt: skip
    assert outgoing_of(row) == outgoing


@given(given_choices=choices, flags=st.frozensets(st.sampled_from(Flag)))
def test_choices_and_flags_come_back_as_they_went(given_choices: tuple[Choice, ...], flags: frozenset[Flag]) -> None:
    assert choices_of(choices_json(given_choices)) == given_choices
    assert flags_of(flags_json(flags)) == flags


def test_nothing_is_stored_for_nothing() -> None:
    assert (choices_json(()), flags_json(frozenset()), evidence_json(()), generation_json(None)) == (None, None, None, None)
    assert (sources_of(None), generation_of(None)) == ((), None)


@given(generation=generations)
def test_a_generation_comes_back_as_it_went(generation: Generation) -> None:
    assert generation_of(generation_json(generation)) == generation


def test_a_generation_is_kept_without_what_is_as_it_mostly_is() -> None:
    stored = generation_json(Generation(model="m", prompt_tokens=1, completion_tokens=2, seconds=0.5))
    assert stored == '{"model":"m","prompt_tokens":1,"completion_tokens":2,"seconds":0.5}'


def test_a_generation_of_the_first_version_is_read() -> None:
    stored = (
        '{"model":"offline","prompt_tokens":1,"completion_tokens":2,"seconds":0.5,"stop":"end","first_token_s":null,'
        '"flags":["unknown"]}'
    )
    expected = Generation(model="offline", prompt_tokens=1, completion_tokens=2, seconds=0.5, flags=frozenset({Flag.UNKNOWN}))
    assert generation_of(stored) == expected


def test_sources_come_back_without_the_evidences_text() -> None:
    evidence = [
        Evidence(kind=EvidenceKind.KNOWLEDGE, text="un pasaje", source="about.md", score=0.5, title="Qué es"),
        Evidence(kind=EvidenceKind.CORRECTION, text="es Lima", source="turn", score=1.0, question="¿capital?"),
    ]
    assert sources_of(evidence_json(evidence)) == (
        Source(kind=EvidenceKind.KNOWLEDGE, source="about.md", score=0.5, title="Qué es"),
        Source(kind=EvidenceKind.CORRECTION, source="turn", score=1.0),
    )


def test_text_that_is_no_unicode_is_refused_as_a_conflict() -> None:
    with pytest.raises(StoreConflict, match="not valid Unicode"):
        json_text("\ud800")
