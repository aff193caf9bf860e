"""The rows of a JSONL file as Parquet, for trainers that load it faster. Needs `pyarrow` (the extra `parquet`)."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from bot.errors import ParquetMissing
from learning.files import Kind, records, sealed
from learning.manifest import FileFacts

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_ROWS_AT_ONCE: Final = 5_000
"""Of a group of rows, too: what is read at once, and what is written at once."""


def has_parquet() -> bool:
    """Whether Parquet can be written, without loading what does it."""
    return find_spec("pyarrow") is not None


def require() -> None:
    """Raise ParquetMissing when Parquet cannot be written."""
    if not has_parquet():
        raise ParquetMissing("Parquet files need pyarrow: python -m pip install pyarrow")


def put_parquet(source: Path, target: Path) -> FileFacts:
    """Write the rows of `source`, a file of a `learning.files.Kind`, into `target`; what the manifest says of it.

    The same rows give the same bytes with the same version of `pyarrow`. Loads it: 60 MB of memory. Raises ParquetMissing.
    """
    require()
    import pyarrow as pa
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    schema, rows = _schema(Kind(source.name)), 0
    decode = msgspec.json.Decoder().decode
    lines = records(source)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        while found := [decode(line) for line in islice(lines, _ROWS_AT_ONCE)]:
            writer.write_table(pa.Table.from_pylist(found, schema=schema))
            rows += len(found)
    return sealed(target, rows)


def _schema(kind: Kind) -> pa.Schema:
    import pyarrow as pa

    text = pa.string()
    message = [pa.field("role", text), pa.field("content", text)]
    plain, weighted = pa.list_(pa.struct(message)), pa.list_(pa.struct([*message, pa.field("weight", pa.int8())]))
    columns: dict[Kind, dict[str, pa.DataType]] = {
        Kind.SFT: {"prompt": plain, "completion": plain},
        Kind.MESSAGES: {"messages": weighted},
        Kind.DPO: {"prompt": plain, "chosen": plain, "rejected": plain},
        Kind.KTO: {"prompt": plain, "completion": plain, "label": pa.bool_()},
        Kind.PROMPT_COMPLETION: {"prompt": text, "completion": text},
        Kind.INPUT_RESPONSE: {"input": text, "response": text},
    }
    return pa.schema(columns[kind])
