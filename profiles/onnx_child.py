"""What runs in the `onnx` embedder's process: a sentence-embedding model out of a folder, texts in, unit rows out.

The folder holds `model.onnx` (its weights may lie in `model.onnx_data` beside it) and `tokenizer.json`. An `embedder.json` may
say what is put before a question and before any other text, and how the rows of a text's tokens become one:
`{"query": "query: ", "text": "passage: ", "pooling": "mean"}`, pooling being `mean` or `cls`. A model that gives one row for
each text, as an output `sentence_embedding` or as its first, is not pooled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from bot.errors import EmbedderError
from bot.vectors import unit_rows
from profiles.child_process import Opened, TellLog, operation, serve

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Encoding, Tokenizer

    from bot.memory_ports import Vectors

MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
RECIPE: Final = "embedder.json"
MOST_TOKENS: Final = 512
"""Of a text, where its tokenizer does not say: what nearly all such models were trained for."""
TOKENS_AT_ONCE: Final = 512
"""Tokens of a batch, its padding included, unless one text has more: larger batches were slower on a small machine."""
_NAME_CHARS: Final = 12
_KINDS: Final = {"tensor(int64)": "int64", "tensor(int32)": "int32"}


def lacking(folder: Path) -> str:
    """The first file that a folder would need to hold a model and does not, empty when nothing is missing."""
    return next((name for name in (MODEL, TOKENIZER) if not (folder / name).is_file()), "")


class Folder(msgspec.Struct):
    """What the process is started with."""

    path: str
    threads: int


class Told(msgspec.Struct):
    """What it tells of the model, once that is loaded."""

    name: str
    dimension: int


class Texts(msgspec.Struct):
    """What is to be embedded; none of it blank."""

    texts: list[str]
    is_query: bool = False


class Rows(msgspec.Struct):
    """The rows as float32 in the machine's byte order, one after the other."""

    data: bytes


class Recipe(msgspec.Struct, forbid_unknown_fields=True):
    """`embedder.json`."""

    query: str = ""
    text: str = ""
    pooling: Literal["mean", "cls"] = "mean"


class _Written(msgspec.Struct):
    """What every tokenizer.json holds."""

    model: dict[str, object]


class SentenceModel:
    """The model of a folder. Raises EmbedderError where that cannot be used; `threads` is how many compute one batch."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._recipe = _recipe(folder / RECIPE)
        digest = _digest(folder)
        self._tokenizer, self._padding = _tokenizer(folder / TOKENIZER)
        self._session = _session(folder / MODEL, threads)
        self._inputs = _inputs(self._session)
        self._output, self._is_pooled = _output(self._session)
        self.dimension = self.embed(Texts(["a"])).shape[1]
        self.name = f"onnx-{digest[:_NAME_CHARS]}-{self.dimension}"

    def embed(self, asked: Texts) -> Vectors:
        """Rows of unit length, in the order of the texts. Raises EmbedderError."""
        import numpy as np

        prefix = self._recipe.query if asked.is_query else self._recipe.text
        encoded = self._tokenizer.encode_batch([prefix + text for text in asked.texts])
        order = sorted(range(len(encoded)), key=lambda number: len(encoded[number]))
        batches = [self._run([encoded[number] for number in batch]) for batch in _batches(order, encoded)]
        found = np.empty((len(encoded), batches[0].shape[1]), dtype=np.float32)
        found[order] = np.concatenate(batches)
        return unit_rows(found, count=len(encoded), of="onnx")

    def _run(self, batch: Sequence[Encoding]) -> NDArray[Any]:
        """One row for each text, not of unit length yet."""
        import numpy as np

        width = max(1, *(len(one) for one in batch))
        ids = np.full((len(batch), width), self._padding, dtype=np.int64)
        mask = np.zeros((len(batch), width), dtype=np.int64)
        for row, one in enumerate(batch):
            ids[row, : len(one)], mask[row, : len(one)] = one.ids, 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        fed = {name: given[name].astype(kind) for name, kind in self._inputs.items()}
        with _as_embedder_error("cannot compute these texts"):
            rows: NDArray[Any] = self._session.run([self._output], fed)[0].astype(np.float32)
        if self._is_pooled:
            return rows
        if self._recipe.pooling == "cls":
            first: NDArray[Any] = rows[:, 0]
            return first
        weight = mask[:, :, None].astype(np.float32)
        mean: NDArray[Any] = (rows * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1.0)
        return mean


def _batches(order: Sequence[int], encoded: Sequence[Encoding]) -> Iterator[list[int]]:
    """Texts of about the same length together, shortest first, as many as `TOKENS_AT_ONCE` allows; never none."""
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * len(encoded[number]) > TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(number)
    yield batch


def _digest(folder: Path) -> str:
    """One digest of everything that decides what a vector is."""
    whole = sha256()
    for name in sorted(file.name for file in folder.iterdir() if file.name.startswith(MODEL)):
        whole.update(_file_digest(folder / name))
    whole.update(_file_digest(folder / TOKENIZER))
    if (folder / RECIPE).is_file():
        whole.update(_file_digest(folder / RECIPE))
    return whole.hexdigest()


def _file_digest(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return file_digest(stream, "sha256").digest()
    except OSError as error:
        raise EmbedderError(f"onnx: {file.name} cannot be read: {error.strerror}") from error


def _recipe(file: Path) -> Recipe:
    if not file.is_file():
        return Recipe()
    try:
        return msgspec.json.decode(file.read_bytes(), type=Recipe)
    except (OSError, msgspec.DecodeError) as error:
        raise EmbedderError(f'onnx: {RECIPE} holds something else than "query", "text" and "pooling" (mean or cls)') from error


def _tokenizer(file: Path) -> tuple[Tokenizer, int]:
    """The tokenizer, which cuts long texts and leaves padding to us, and the id to pad with."""
    from tokenizers import Tokenizer

    try:
        written = file.read_bytes()
        msgspec.json.decode(written, type=_Written)
    except (OSError, msgspec.DecodeError) as error:
        raise EmbedderError(f"onnx: {TOKENIZER} is no tokenizer") from error
    found = Tokenizer.from_buffer(written)  # raises a bare Exception, which ends the process
    padding = (found.padding or {}).get("pad_id")
    if padding is None:
        padding = next((it for name in ("[PAD]", "<pad>") if (it := found.token_to_id(name)) is not None), 0)
    found.no_padding()
    if found.truncation is None:
        found.enable_truncation(MOST_TOKENS)
    return found, padding


def _session(file: Path, threads: int) -> Any:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # its warnings are about graphs, and nobody here can do anything about them
    options.enable_mem_pattern = False  # every batch has a shape of its own
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with _as_embedder_error("is no model that can be run"):
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


@contextmanager
def _as_embedder_error(what: str) -> Iterator[None]:
    """Raise what the runtime says of a model or its input as EmbedderError; they share no class, and may quote values."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    known = (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoSuchFile,
        state.NotImplemented,
    )
    try:
        yield
    except (*known, state.RuntimeException) as error:
        raise EmbedderError(f"onnx: {MODEL} {what} ({type(error).__name__})") from None


def _inputs(session: Any) -> dict[str, str]:
    """What the model takes, and as which kind of number. Raises EmbedderError for what we do not know how to give."""
    found = {one.name: _KINDS.get(one.type, "") for one in session.get_inputs()}
    strange = [
        name for name, kind in found.items() if not kind or name not in ("input_ids", "attention_mask", "token_type_ids")
    ]
    if strange or "input_ids" not in found:
        raise EmbedderError(
            "onnx: expected a model that takes input_ids, attention_mask and token_type_ids as whole numbers, "
            f"found one that takes {', '.join(found)}"
        )
    return found


def _output(session: Any) -> tuple[str, bool]:
    """The output to read, and whether it holds one row for each text already."""
    found = {one.name: len(one.shape) for one in session.get_outputs()}
    name = next((one for one in ("sentence_embedding", "last_hidden_state") if one in found), next(iter(found)))
    if found[name] not in (2, 3):
        raise EmbedderError(f"onnx: expected an output of 2 or 3 dimensions, found {name} with {found[name]}")
    return name, found[name] == 2


def _open(setup: msgspec.Raw, log: TellLog) -> Opened:
    """Load the model of the folder."""
    folder = msgspec.msgpack.decode(setup, type=Folder)
    model = SentenceModel(Path(folder.path), folder.threads)
    log("embedder.loaded", model=model.name)
    told = Told(name=model.name, dimension=model.dimension)
    return told, {"embed": operation(Texts, lambda asked: Rows(model.embed(asked).tobytes()))}


if __name__ == "__main__":
    serve(_open)
