"""Tiny sentence-embedding models in ONNX's format, byte by byte, and a tokenizer of a few words for them.

The format is Protocol Buffers (onnx/onnx.proto3, IR version 8); a field is its number, its wire type, and its value.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

WORDS = ("[UNK]", "[PAD]", "cat", "dog", "sun", "moon", "query:", "text:")
ROWS: Mapping[str, Sequence[float]] = {
    "[UNK]": (0.1, 0.1, 0.1),
    "[PAD]": (9.0, 9.0, 9.0),
    "cat": (1.0, 0.0, 0.0),
    "dog": (1.0, 1.0, 0.0),
    "sun": (0.0, 0.0, 1.0),
    "moon": (0.0, 1.0, 1.0),
    "query:": (0.0, 5.0, 0.0),
    "text:": (0.0, 0.0, 5.0),
}
"""What the model knows of each word; of padding so much that it shows where it is counted."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_FLOAT, _INT64 = 1, 7


def write_folder(
    folder: Path,
    *,
    inputs: Sequence[str] = INPUTS,
    output: str = "last_hidden_state",
    recipe: Mapping[str, str] | None = None,
    rows: Mapping[str, Sequence[float]] = ROWS,
    max_tokens: int = 0,
) -> Path:
    """A folder as the `onnx` embedder wants it.

    Its model looks every token up in `rows`; with `sentence_embedding` as output it adds them up, padding included.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(_model(inputs, output, [rows[word] for word in WORDS]))
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(max_tokens)))
    if recipe is not None:
        (folder / "embedder.json").write_text(json.dumps(recipe))
    return folder


def _tokenizer(max_tokens: int) -> object:
    truncation = {"direction": "Right", "max_length": max_tokens, "strategy": "LongestFirst", "stride": 0}
    padding = {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None}
    return {
        "version": "1.0",
        "truncation": truncation if max_tokens else None,
        "padding": {**padding, "pad_id": 1, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: id for id, word in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }


def _model(inputs: Sequence[str], output: str, rows: Sequence[Sequence[float]]) -> bytes:
    """A ModelProto: Gather, and ReduceSum over the tokens where one row for each text is wanted."""
    is_pooled = output == "sentence_embedding"
    nodes = [_node("Gather", ("rows", "input_ids"), "looked_up" if is_pooled else output)]
    nodes += [_node("ReduceSum", ("looked_up", "axis"), output, keepdims=0)] if is_pooled else []
    width = len(rows[0])
    table = _field(1, len(rows)) + _field(1, width) + _field(2, _FLOAT) + _field(8, b"rows")
    table += _field(9, b"".join(struct.pack("<f", number) for row in rows for number in row))
    axis = _field(1, 1) + _field(2, _INT64) + _field(8, b"axis") + _field(9, struct.pack("<q", 1))
    shape = ("batch", width) if is_pooled else ("batch", "tokens", width)
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tiny")
    graph += _field(5, table) + (_field(5, axis) if is_pooled else b"")
    graph += b"".join(_field(11, _value(name, _INT64, ("batch", "tokens"))) for name in inputs)
    graph += _field(12, _value(output, _FLOAT, shape))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 17))


def _node(kind: str, inputs: Sequence[str], output: str, **whole_numbers: int) -> bytes:
    """A NodeProto."""
    made = b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode()) + _field(4, kind.encode())
    for name, value in whole_numbers.items():
        made += _field(5, _field(1, name.encode()) + _field(3, value) + _field(20, 2))
    return made


def _value(name: str, kind: int, shape: Sequence[str | int]) -> bytes:
    """A ValueInfoProto of a tensor; a named dimension may be any."""
    dims = [_field(2, one.encode()) if isinstance(one, str) else _field(1, one) for one in shape]
    tensor = _field(1, kind) + _field(2, b"".join(_field(1, one) for one in dims))
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
