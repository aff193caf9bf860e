"""A sentence-embedding model out of a folder: what is read of it, what is refused, and what its process may do to us."""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.errors import EmbedderError
from bot.system import SystemClock
from profiles.child import ChildState, Patience
from profiles.embed import OnnxEmbedder
from profiles.onnx_child import SentenceModel, Texts
from tests.onnx_models import ROWS, write_folder

QUICK = Patience(first_pause_s=0.05, longest_pause_s=0.1, silent_s=1.5, look_s=0.1)
SECRET = "a diary about the lighthouse"


def rows(folder: Path, *texts: str, is_query: bool = False) -> list[list[float]]:
    found: list[list[float]] = SentenceModel(folder, 1).embed(Texts(list(texts), is_query)).tolist()
    return [[round(number, 5) for number in row] for row in found]


def unit(*numbers: float) -> list[float]:
    length = sum(number**2 for number in numbers) ** 0.5
    return [round(number / length, 5) for number in numbers]


# --- the model ---


def test_a_text_is_the_mean_of_its_tokens_and_padding_does_not_count(tmp_path: Path) -> None:
    write_folder(tmp_path)
    assert rows(tmp_path, "cat", "cat dog sun sun", "dog") == [unit(1, 0, 0), unit(2, 1, 2), unit(1, 1, 0)]


def test_a_model_without_token_types_or_mask_is_given_only_what_it_takes(tmp_path: Path) -> None:
    write_folder(tmp_path, inputs=("input_ids",))
    assert rows(tmp_path, "cat sun") == [unit(1, 0, 1)]


def test_a_model_that_gives_one_row_for_each_text_is_not_pooled(tmp_path: Path) -> None:
    write_folder(tmp_path, output="sentence_embedding")
    assert rows(tmp_path, "cat dog", "sun") == [unit(2 + 0, 1, 0), unit(9, 9, 10)]


def test_the_first_tokens_row_is_taken_where_the_recipe_says_so(tmp_path: Path) -> None:
    write_folder(tmp_path, recipe={"pooling": "cls"})
    assert rows(tmp_path, "dog sun sun sun") == [unit(1, 1, 0)]


def test_questions_and_texts_get_the_recipes_prefixes(tmp_path: Path) -> None:
    write_folder(tmp_path, recipe={"query": "query: ", "text": "text: "})
    assert rows(tmp_path, "cat", is_query=True) == [unit(1, 5, 0)]
    assert rows(tmp_path, "cat") == [unit(1, 0, 5)]


@pytest.mark.parametrize(("max_tokens", "counted"), [(2, 2), (0, 512)])
def test_a_long_text_is_cut_where_the_tokenizer_says_else_at_512_tokens(tmp_path: Path, max_tokens: int, counted: int) -> None:
    write_folder(tmp_path, max_tokens=max_tokens)
    assert rows(tmp_path, "sun " * counted + "cat " * 5000) == [unit(0, 0, 1)]


def test_a_text_gets_the_same_row_whatever_stands_beside_it(tmp_path: Path) -> None:
    write_folder(tmp_path)
    texts = [" ".join(["cat", "dog", "moon"][: 1 + number % 3] * (1 + number % 50)) for number in range(300)]
    model = SentenceModel(tmp_path, 1)
    alone = np.concatenate([model.embed(Texts([text])) for text in texts])
    assert np.allclose(model.embed(Texts(texts)), alone, atol=1e-6)


def test_the_name_changes_with_every_file_that_decides_what_a_vector_is(tmp_path: Path) -> None:
    names = [
        SentenceModel(write_folder(tmp_path / "plain"), 1).name,
        SentenceModel(write_folder(tmp_path / "again"), 1).name,
        SentenceModel(write_folder(tmp_path / "model", rows={**ROWS, "cat": (1.0, 0.5, 0.0)}), 1).name,
        SentenceModel(write_folder(tmp_path / "tokenizer", max_tokens=9), 1).name,
        SentenceModel(write_folder(tmp_path / "recipe", recipe={"query": "query: "}), 1).name,
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 4
    assert all(name.startswith("onnx-") and name.endswith("-3") for name in names)


def _empty_model(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"")


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("[]")


def _strange_recipe(folder: Path) -> None:
    (folder / "embedder.json").write_text('{"pooling": "max"}')


def _strange_input(folder: Path) -> None:
    write_folder(folder, inputs=("input_ids", "pixel_values"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_empty_model, r"model\.onnx is no model that can be run"),
        (_no_tokenizer, r"tokenizer\.json is no tokenizer"),
        (_strange_recipe, r"embedder\.json holds something else"),
        (_strange_input, "found one that takes input_ids, pixel_values"),
    ],
)
def test_a_folder_that_cannot_be_used_says_what_is_wrong(tmp_path: Path, damage: Callable[[Path], None], told: str) -> None:
    damage(write_folder(tmp_path))
    with pytest.raises(EmbedderError, match=told):
        SentenceModel(tmp_path, 1)


# --- its process ---


@pytest.fixture
async def embedder(tmp_path: Path) -> AsyncIterator[OnnxEmbedder]:
    async with aclosing(OnnxEmbedder(write_folder(tmp_path), clock=SystemClock(), patience=QUICK)) as made:
        yield made


async def back(embedder: OnnxEmbedder, text: str = "cat") -> list[float]:
    """A text's row, once the process takes texts again."""
    async with asyncio.timeout(20):
        while True:
            try:
                found: list[float] = (await embedder.embed([text]))[0].tolist()
            except EmbedderError:
                await asyncio.sleep(0.05)
            else:
                return found


async def test_rows_come_back_in_the_order_of_the_texts_and_blank_ones_lean_nowhere(embedder: OnnxEmbedder) -> None:
    assert (embedder.name, embedder.dimension) == ("onnx", 0)
    texts = ["sun", "", "cat dog sun sun", *["dog " * (40 - number) for number in range(40)], "moon " * 3000]
    found = await embedder.embed(texts)
    assert found.shape == (44, 3)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    expected = [unit(0, 0, 1), unit(2, 1, 2), unit(1, 1, 0), unit(1, 1, 0), unit(0, 1, 1)]
    assert np.allclose(found[[0, 2, 3, 42, 43]], expected, atol=1e-4)
    assert found[1].tolist() == pytest.approx([3**-0.5] * 3)
    assert embedder.dimension == 3
    assert (await embedder.embed([])).shape == (0, 3)


async def test_questions_are_embedded_as_such(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, recipe={"query": "query: ", "text": "text: "})
    async with aclosing(OnnxEmbedder(folder, clock=SystemClock(), patience=QUICK)) as embedder:
        assert (await embedder.embed(["cat"], is_query=True))[0].tolist() == pytest.approx(unit(1, 5, 0), abs=1e-4)


async def test_a_question_waits_for_one_slice_of_an_import_at_most(embedder: OnnxEmbedder) -> None:
    await embedder.ready()
    order: list[str] = []

    async def ask(name: str, texts: list[str]) -> None:
        await embedder.embed(texts)
        order.append(name)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ask("import", ["cat dog"] * 400))
        await asyncio.sleep(0)
        tasks.create_task(ask("question", ["cat"]))
    assert order == ["question", "import"]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_process_that_dies_is_an_embedder_error_and_is_made_anew(embedder: OnnxEmbedder, sent: signal.Signals) -> None:
    await embedder.ready()
    name, pid = embedder.name, embedder.child.status.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    asking = asyncio.create_task(embedder.embed([SECRET]))
    await asyncio.sleep(0.05)
    os.kill(pid, sent)
    if sent is not signal.SIGKILL:  # which also ends a process that is stopped
        os.kill(pid, signal.SIGCONT)
    with pytest.raises(EmbedderError) as caught:
        await asking
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert await back(embedder) == pytest.approx([1, 0, 0])
    assert embedder.name == name
    assert embedder.child.status.pid != pid


async def test_a_process_that_hangs_is_killed_and_made_anew(embedder: OnnxEmbedder) -> None:
    await embedder.ready()
    pid = embedder.child.status.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EmbedderError):
        await embedder.embed(["cat"])
    assert await back(embedder) == pytest.approx([1, 0, 0])


async def test_a_slice_that_takes_too_long_ends_the_process(tmp_path: Path) -> None:
    made = OnnxEmbedder(write_folder(tmp_path), clock=SystemClock(), patience=replace(QUICK, silent_s=60), slice_may_take_s=2.0)
    async with aclosing(made) as embedder:
        await embedder.ready()
        pid = embedder.child.status.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(EmbedderError, match="took longer than 2 s"):
            await embedder.embed(["cat"])
        assert await back(embedder) == pytest.approx([1, 0, 0])


async def test_another_model_in_the_folder_is_never_mixed_in(embedder: OnnxEmbedder, tmp_path: Path) -> None:
    await embedder.ready()
    name, pid = embedder.name, embedder.child.status.pid
    write_folder(tmp_path, rows={**ROWS, "cat": (0.0, 0.0, 1.0)})
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while embedder.child.status.state is not ChildState.READY or embedder.child.status.pid == pid:
            await asyncio.sleep(0.05)
    with pytest.raises(EmbedderError, match="another model than at the start"):
        await embedder.embed(["cat"])
    assert embedder.name == name


async def test_a_folder_without_a_model_is_told_at_once_and_starts_nothing(tmp_path: Path) -> None:
    async with aclosing(OnnxEmbedder(tmp_path, clock=SystemClock())) as embedder:
        with pytest.raises(EmbedderError, match=r"there is no model\.onnx in the folder"):
            await embedder.ready()
        assert embedder.child.status.state is ChildState.STOPPED


async def test_a_model_that_cannot_be_run_is_told_without_waiting_for_another_start(tmp_path: Path) -> None:
    write_folder(tmp_path, inputs=("pixel_values",))
    async with aclosing(OnnxEmbedder(tmp_path, clock=SystemClock())) as embedder, asyncio.timeout(20):
        with pytest.raises(EmbedderError, match=r"is not ready; .*(is no model|takes pixel_values)"):
            await embedder.ready()


async def test_closing_ends_the_process(embedder: OnnxEmbedder) -> None:
    await embedder.ready()
    pid = embedder.child.status.pid
    assert pid is not None
    await embedder.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
