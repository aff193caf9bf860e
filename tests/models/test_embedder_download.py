"""Fetching a model's folder: whole or not at all, resumed, checked, and never over somebody's files."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from bot.errors import (
    ModelBroken,
    ModelBusy,
    ModelError,
    ModelMissing,
    ModelNoSpace,
    ModelRejected,
    ModelTimedOut,
    ModelUnreachable,
)
from bot.model_types import PullProgress
from bot.models.embedder_download import (
    SOURCES,
    FolderRefused,
    Source,
    SourceFile,
    download,
    source_at,
    why_not,
)
from bot.setting_types import host_of, is_near
from bot.types import LANGUAGES
from profiles.onnx_child import SentenceModel
from tests.onnx_models import write_folder
from tests.servers.http import HttpServer, Request, Response

PIECE = 65_536
MODEL = bytes(range(256)) * 4096
TOKENIZER = b'{"model": {}}'


class FileServer(HttpServer):
    """Hands out files, in pieces; `cuts` says after how many bytes each of the next answers breaks off."""

    def __init__(self) -> None:
        super().__init__()
        self.files = {"/m/big.onnx": MODEL, "/m/tokenizer.json": TOKENIZER}
        self.cuts: list[int] = []
        self.tag, self.knows_ranges = '"v1"', True
        self.moved: dict[str, str] = {}
        self.refusals: dict[str, int] = {}
        self.headers: Mapping[str, str] = {}
        self.sent = 0

    @property
    def ranges(self) -> list[str]:
        """What each request for the model wanted of it."""
        return [one.headers.get("range", "all") for one in self.requests if one.path.endswith(".onnx")]

    async def answer(self, request: Request, response: Response) -> None:
        if request.path in self.moved:
            await response.json({}, 302, {"Location": self.moved[request.path]})
            return
        if status := self.refusals.get(request.path, 0 if request.path in self.files else 404):
            await response.json({"error": "no"}, status)
            return
        whole, start = self.files[request.path], 0
        wanted = request.headers.get("range")
        if wanted and self.knows_ranges and request.headers.get("if-range", self.tag) == self.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(whole):
                await response.json({}, 416)
                return
        ranged = {"Content-Range": f"bytes {start}-{len(whole) - 1}/{len(whole)}"} if start else {}
        await response.start(206 if start else 200, {"ETag": self.tag, **ranged, **self.headers})
        await self._send(whole[start:], response)

    async def _send(self, data: bytes, response: Response) -> None:
        left = self.cuts.pop(0) if self.cuts and len(data) > PIECE else len(data)
        for at in range(0, left, PIECE):
            await response.send(data[at : min(at + PIECE, left)])
            self.sent += min(PIECE, left - at)
        if left < len(data):
            await asyncio.sleep(0.05)  # else what was sent is lost with the connection
            response.cut()
        else:
            await response.end()


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with FileServer() as running:
        yield running


def source(server: FileServer, **changes: object) -> Source:
    files = (
        SourceFile(path="big.onnx", name="model.onnx", size=len(MODEL), sha256=sha256(MODEL).hexdigest()),
        SourceFile(path="tokenizer.json", name="tokenizer.json", size=len(TOKENIZER), sha256=sha256(TOKENIZER).hexdigest()),
    )
    made = Source(name="tiny", address=server.address + "/m/", files=files, recipe={"query": "query: "})
    return replace(made, **changes)  # type: ignore[arg-type]


class Seen:
    """What was shown of a download."""

    def __init__(self) -> None:
        self.progress: list[PullProgress] = []

    def __call__(self, progress: PullProgress) -> None:
        self.progress.append(progress)


async def test_the_folder_appears_whole_with_its_recipe(server: FileServer, tmp_path: Path) -> None:
    seen, folder = Seen(), tmp_path / "models" / "e5"
    await download(source(server), folder, seen)
    assert (folder / "model.onnx").read_bytes() == MODEL
    assert json.loads((folder / "embedder.json").read_text()) == {"query": "query: "}
    assert sorted(one.name for one in folder.iterdir()) == ["embedder.json", "model.onnx", "tokenizer.json"]
    assert [one.name for one in folder.parent.iterdir()] == ["e5"]
    assert seen.progress[-1] == PullProgress(step="tokenizer.json", done=len(MODEL + TOKENIZER), total=len(MODEL + TOKENIZER))
    done = [one.done for one in seen.progress]
    assert done == sorted(done)


async def test_what_came_is_a_model_that_runs(server: FileServer, tmp_path: Path) -> None:
    made = write_folder(tmp_path / "made")
    server.files = {f"/m/{name}": (made / name).read_bytes() for name in ("model.onnx", "tokenizer.json")}
    await download(source_at(server.address + "/m"), tmp_path / "fetched", Seen())
    assert SentenceModel(tmp_path / "fetched", 1).name == SentenceModel(made, 1).name


async def test_what_is_there_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    await download(source(server), tmp_path / "e5", Seen())
    server.requests.clear()
    seen = Seen()
    await download(source(server), tmp_path / "e5", seen)
    assert server.requests == []
    assert seen.progress == [PullProgress(step="tiny", done=len(MODEL + TOKENIZER), total=len(MODEL + TOKENIZER))]
    (tmp_path / "e5" / "model.onnx").write_bytes(b"damaged")
    await download(source(server), tmp_path / "e5", Seen())
    assert (tmp_path / "e5" / "model.onnx").read_bytes() == MODEL
    assert [one.name for one in tmp_path.iterdir()] == ["e5"]


async def test_a_lost_connection_is_made_again_where_it_broke_off(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [300_000, 100_000, 200_000]
    await download(source(server), tmp_path / "e5", Seen())
    assert (tmp_path / "e5" / "model.onnx").read_bytes() == MODEL
    assert len(server.ranges) == 4
    assert server.ranges[0] == "all"
    assert all(one != "all" for one in server.ranges[1:])
    assert server.sent < 1.5 * len(MODEL)


async def test_a_download_that_was_broken_off_goes_on_the_next_time(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [300_000, 0, 0, 0]
    with pytest.raises(ModelUnreachable):
        await download(source(server), tmp_path / "e5", Seen())
    assert not (tmp_path / "e5").exists()
    server.cuts, server.sent = [], 0
    await download(source(server), tmp_path / "e5", Seen())
    assert (tmp_path / "e5" / "model.onnx").read_bytes() == MODEL
    assert server.sent < len(MODEL)


async def test_a_download_that_was_cancelled_goes_on_the_next_time(server: FileServer, tmp_path: Path) -> None:
    first = asyncio.Event()
    task = asyncio.create_task(download(source(server), tmp_path / "e5", lambda _: first.set()))
    await first.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await download(source(server), tmp_path / "e5", Seen())
    assert (tmp_path / "e5" / "model.onnx").read_bytes() == MODEL


@pytest.mark.parametrize("change", ["ranges", "tag"])
async def test_another_version_or_a_server_that_knows_no_parts_begins_anew(
    server: FileServer, tmp_path: Path, change: str
) -> None:
    server.cuts = [300_000, 0, 0, 0]
    with pytest.raises(ModelUnreachable):
        await download(source(server), tmp_path / "e5", Seen())
    server.cuts = []
    if change == "ranges":
        server.knows_ranges = False
    else:
        server.tag = '"v2"'
    await download(source(server), tmp_path / "e5", Seen())
    assert (tmp_path / "e5" / "model.onnx").read_bytes() == MODEL


async def test_a_file_with_another_digest_is_refused_and_the_old_folder_stays(server: FileServer, tmp_path: Path) -> None:
    await download(source(server), tmp_path / "e5", Seen())
    files = (SourceFile(path="big.onnx", name="model.onnx", size=len(MODEL), sha256="ab" * 32),)
    for _ in range(2):
        with pytest.raises(ModelBroken, match=r"model\.onnx is not the file that was expected"):
            await download(source(server, files=files), tmp_path / "e5", Seen())
    assert (tmp_path / "e5" / "model.onnx").read_bytes() == MODEL


@pytest.mark.parametrize("size", [len(MODEL) - 1, len(MODEL) + 1])
async def test_a_file_of_another_size_is_refused(server: FileServer, tmp_path: Path, size: int) -> None:
    files = (SourceFile(path="big.onnx", name="model.onnx", size=size),)
    with pytest.raises(ModelBroken, match="expected"):
        await download(source(server, files=files), tmp_path / "e5", Seen())
    assert not (tmp_path / "e5").exists()


async def test_a_whole_part_of_unknown_size_is_not_lost_to_a_strange_answer(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "e5.part").mkdir()
    (tmp_path / "e5.part" / "model.onnx.part").write_bytes(MODEL)
    (tmp_path / "e5.part" / "model.onnx.etag").write_text(server.tag)
    files = (SourceFile(path="big.onnx", name="model.onnx"),)
    await download(source(server, files=files), tmp_path / "e5", Seen())
    assert (tmp_path / "e5" / "model.onnx").read_bytes() == MODEL
    assert server.ranges == [f"bytes={len(MODEL)}-", "all"]


# --- where it comes from ---


async def test_redirects_are_followed_with_the_part_that_is_wanted(server: FileServer, tmp_path: Path) -> None:
    server.files["/elsewhere/big.onnx"] = server.files.pop("/m/big.onnx")
    server.moved = {"/m/big.onnx": "/moved/big.onnx", "/moved/big.onnx": server.address + "/elsewhere/big.onnx"}
    server.cuts = [300_000]
    await download(source(server), tmp_path / "e5", Seen())
    assert (tmp_path / "e5" / "model.onnx").read_bytes() == MODEL
    assert [one for one in server.ranges if one != "all"] != []


async def test_a_redirect_out_of_the_house_over_http_is_not_followed(server: FileServer, tmp_path: Path) -> None:
    server.moved = {"/m/big.onnx": "http://models.example/big.onnx"}
    with pytest.raises(ModelRejected, match="not https"):
        await download(source(server), tmp_path / "e5", Seen())


async def test_a_far_address_without_https_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ModelRejected, match="not https"):
        await download(source_at("http://models.example/m"), tmp_path / "e5", Seen())


async def test_redirects_in_a_circle_end(server: FileServer, tmp_path: Path) -> None:
    server.moved = {"/m/big.onnx": "/m/big.onnx"}
    with pytest.raises(ModelRejected, match="more than 5 redirects"):
        await download(source(server), tmp_path / "e5", Seen())


@pytest.mark.parametrize(
    ("status", "kind"), [(404, ModelMissing), (403, ModelRejected), (429, ModelBusy), (500, ModelBroken), (204, ModelRejected)]
)
async def test_a_refusal_says_which(server: FileServer, tmp_path: Path, status: int, kind: type[ModelError]) -> None:
    server.refusals = {"/m/tokenizer.json": status}
    with pytest.raises(kind) as caught:
        await download(source(server), tmp_path / "e5", Seen())
    assert type(caught.value) is kind
    assert not (tmp_path / "e5").exists()


async def test_a_compressed_answer_is_refused(server: FileServer, tmp_path: Path) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(ModelBroken, match="compressed"):
        await download(source(server), tmp_path / "e5", Seen())


async def test_a_server_that_is_down_is_unreachable(server: FileServer, tmp_path: Path) -> None:
    wanted = source(server)
    await server.stop()
    with pytest.raises(ModelUnreachable):
        await download(wanted, tmp_path / "e5", Seen())


# --- the folder ---


@pytest.mark.parametrize("name", ["diary.txt", "model.onnx.bak", ".git"])
async def test_a_folder_with_other_files_is_left_alone(server: FileServer, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FolderRefused):
        await download(source(server), tmp_path, Seen())
    assert (tmp_path / name).read_text() == "mine"
    assert server.requests == []


async def test_a_file_or_a_link_in_place_of_the_folder_is_left_alone(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(FolderRefused):
            await download(source(server), tmp_path / name, Seen())
    assert (tmp_path / "link").is_symlink()


async def test_a_model_larger_than_the_disk_is_not_begun(server: FileServer, tmp_path: Path) -> None:
    files = (SourceFile(path="big.onnx", name="model.onnx", size=10**18),)
    with pytest.raises(ModelNoSpace):
        await download(source(server, files=files), tmp_path / "e5", Seen())
    assert server.requests == []


async def test_a_full_disk_on_the_way_says_so_and_keeps_what_came(server: FileServer, tmp_path: Path) -> None:
    def full(_: PullProgress) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ModelNoSpace):
        await download(source(server), tmp_path / "e5", full)
    assert (tmp_path / "e5.part" / "model.onnx.part").stat().st_size > 0


# --- what is told ---


def test_every_source_is_pinned_checked_and_beyond_the_house() -> None:
    assert next(iter(SOURCES)) == "multilingual-e5-small"
    for name, one in SOURCES.items():
        assert (one.name, one.licence, one.dimension) == (name, "MIT", 384)
        assert one.address.startswith("https://")
        assert not is_near(host_of(one.address))
        assert one.size == sum(file.size for file in one.files)
        assert all(len(file.sha256) == 64 for file in one.files)
        assert {file.name for file in one.files} == {"model.onnx", "tokenizer.json"}
    assert source_at("http://127.0.0.1:1/m").size == 0


def test_every_failure_has_words_of_its_own_in_both_languages() -> None:
    failures = (
        *(ModelMissing("m", "404"), ModelNoSpace("m", "full"), FolderRefused("m", "files"), ModelUnreachable("m", "lost")),
        *(ModelBroken("m", "digest"), ModelRejected("m", "403")),
    )
    for language in LANGUAGES:
        texts = [why_not(language, failure) for failure in failures]
        assert len(set(texts)) == len(texts)
        assert why_not(language, ModelTimedOut("m", "silent")) == why_not(language, ModelBusy("m", "429")) == texts[3]
