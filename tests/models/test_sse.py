"""Server-sent events come out the same however their bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.sse import MOST_BYTES, Event, EventParser, EventTooLong


def read(*received: bytes) -> list[Event]:
    parser = EventParser()
    events = [event for piece in received for event in parser.take(piece)]
    return events + parser.end()


def data(*received: bytes) -> list[bytes]:
    return [event.data for event in read(*received)]


def test_an_event_ends_with_an_empty_line() -> None:
    parser = EventParser()
    assert parser.take(b"data: one\n") == []
    assert parser.take(b"\ndata: two\n\n") == [Event("message", b"one"), Event("message", b"two")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_one(end: bytes) -> None:
    assert data(end.join([b"data: one", b"data: two", b"", b"data: three", b"", b""])) == [b"one\ntwo", b"three"]


def test_one_space_after_the_colon_belongs_to_the_format_and_more_to_the_data() -> None:
    assert data(b"data:one\n\ndata: one\n\ndata:  one\n\ndata\n\n") == [b"one", b"one", b" one", b""]


def test_comments_ids_and_unknown_fields_say_nothing() -> None:
    assert data(b": ping\n\nid: 7\nretry: 10\nnews\ndata: {}\n: still here\n\n") == [b"{}"]


def test_type_of_an_event_is_its_own_and_not_that_of_the_next() -> None:
    assert read(b"event: error\ndata: 1\n\ndata: 2\n\n") == [Event("error", b"1"), Event("message", b"2")]


def test_type_without_data_is_no_event_and_is_forgotten() -> None:
    assert read(b"event: error\n\ndata: 2\n\n") == [Event("message", b"2")]


def test_byte_order_mark_at_the_beginning_is_passed_over() -> None:
    assert data(b"\xef", b"\xbb\xbf", b"data: one\n\n") == [b"one"]


def test_last_event_counts_without_its_empty_line() -> None:
    assert data(b"data: one\n\ndata: two") == [b"one", b"two"]


def test_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    parser = EventParser()
    with pytest.raises(EventTooLong):
        for _ in range(MOST_BYTES // 50_000 + 1):
            parser.take(b"x" * 50_000)


def test_event_of_endless_lines_is_refused() -> None:
    parser = EventParser()
    with pytest.raises(EventTooLong):
        for _ in range(MOST_BYTES // 50_000 + 1):
            parser.take(b"data: " + b"x" * 50_000 + b"\n")


def test_longest_event_still_passes() -> None:
    assert len(data(b"data: " + b"x" * (MOST_BYTES - 10) + b"\n\n")[0]) == MOST_BYTES - 10


LINE = st.sampled_from([b"data: a", b"data:b\xc3\xb1", b"data", b"event: e", b": c", b"", b"", b"id: 1", b"\xef\xbb\xbf"])


@given(st.lists(st.tuples(LINE, st.sampled_from([b"\n", b"\r\n", b"\r"])), max_size=20), st.data())
def test_events_are_the_same_however_the_bytes_are_cut(lines: list[tuple[bytes, bytes]], draw: st.DataObject) -> None:
    whole = b"".join(line + end for line, end in lines)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*pieces) == read(whole)
    assert read(*[whole[at : at + 1] for at in range(len(whole))]) == read(whole)
