"""JSON in pieces is the same JSON: whatever its shape, and wherever the pieces are cut."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.importers.json_stream import MAX_DEPTH, CutShort, JsonStream, NotJson

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=20,
)


def _pieces(text: bytes, size: int) -> Callable[[int], bytes]:
    """A `read` that hands out `size` bytes at a time, however many are asked for."""
    place = 0

    def read(_: int) -> bytes:
        nonlocal place
        place += size
        return text[place - size : place]

    return read


@given(st.lists(VALUES, max_size=8), st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]))
def test_elements_come_out_as_they_went_in(values: list[object], size: int, is_ascii: bool, indent: int | None) -> None:
    text = json.dumps(values, ensure_ascii=is_ascii, indent=indent).encode()
    stream = JsonStream(_pieces(text, size))
    assert [stream.value() for _ in stream.elements()] == values
    assert stream.is_done()


@given(st.dictionaries(st.text(), VALUES, max_size=6), st.integers(1, 40), st.sets(st.integers(0, 5)))
def test_members_that_are_not_taken_are_passed_over(values: dict[str, object], size: int, taken: set[int]) -> None:
    stream = JsonStream(_pieces(json.dumps(values).encode(), size))
    found = {key: stream.value() for place, key in enumerate(stream.members()) if place in taken}
    assert found == {key: value for place, (key, value) in enumerate(values.items()) if place in taken}
    assert stream.is_done()


@given(st.lists(VALUES, min_size=1, max_size=8), st.integers(1, 40), st.data())
def test_a_text_that_is_cut_gives_the_elements_before_the_cut(values: list[object], size: int, data: st.DataObject) -> None:
    text = json.dumps(values).encode()
    stream = JsonStream(_pieces(text[: data.draw(st.integers(0, len(text) - 1))], size))
    found: list[object] = []
    with pytest.raises(CutShort):
        for _ in stream.elements():
            raw = stream.raw(1_000_000)
            assert raw is not None
            found.append(raw)
    # A number at the very end may be the beginning of a longer one.
    whole = [json.dumps(value).encode() for value in values]
    assert found[:-1] == whole[: len(found)][:-1]
    assert len(found) <= len(whole)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_end_in_values_or_no_json(text: bytes, size: int) -> None:
    stream = JsonStream(_pieces(b"[" + text, size))
    try:
        assert all(len(stream.raw(100) or b"") <= 100 for _ in stream.elements())
    except NotJson as error:
        assert 1 <= error.line <= text.count(b"\n") + 1


@pytest.mark.parametrize("size", [50_000, 300_000, 10_000_000])
@pytest.mark.parametrize(
    "long", ['"' + 'x\\"[' * 1_000_000 + '"', '{"k": "' + "x" * 4_000_000 + '"}', "[" * 5_000 + "]" * 5_000]
)
def test_what_is_too_long_or_too_deep_is_passed_over_without_holding_it(long: str, size: int) -> None:
    stream = JsonStream(_pieces(f"[1, {long},\n2]".encode(), size))
    assert [(line, stream.raw(100_000)) for line in stream.elements()] == [(1, b"1"), (1, None), (2, b"2")]


def test_depth_up_to_the_bound_is_kept() -> None:
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert JsonStream(_pieces(deep, 7)).raw(1_000) == deep
    assert JsonStream(_pieces(b"[" + deep + b"]", 7)).raw(1_000) is None


@pytest.mark.parametrize("text", ["", "5", "{", '{"a"}', '{"a": 1 "b"}', "{5: 1}", '{"a": }', '{"a": ]}'])
def test_what_is_no_object_is_told(text: str) -> None:
    stream = JsonStream(_pieces(text.encode(), 3))
    with pytest.raises(NotJson):
        list(stream.members())
