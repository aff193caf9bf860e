"""Fetching a sentence-embedding model into a folder, once and only when the owner asks: resumed, checked, then put in place."""

from __future__ import annotations

import asyncio
import errno
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

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
from bot.locale import say
from bot.model_types import PullProgress
from bot.models.connections import PLAIN
from bot.models.over_http import BUSY, CONNECT_S, trusted
from bot.setting_types import host_of, is_near
from bot.types import Language

if TYPE_CHECKING:
    import httpx

Show = Callable[[PullProgress], None]
"""Is told how far a download is, often."""
SILENT_S: Final = 60.0
MOST_BYTES: Final = 4_000_000_000
"""Of one file whose size nobody told."""
_PIECE: Final = 1_048_576
_MOST_REDIRECTS: Final = 5
_TRIES: Final = 3
"""In a row without a single byte; one that brings some on is none of them."""
_OURS: Final = re.compile(r"model\.onnx(_data)?|tokenizer\.json|embedder\.json")
"""What a folder may hold that is replaced."""
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file to fetch: `path` below the source's address, `name` in the folder; `size` 0 and `sha256` empty where not known."""

    path: str
    name: str
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a model lies. `recipe` becomes the folder's `embedder.json`; `licence` and `dimension` are for people."""

    name: str
    address: str
    files: tuple[SourceFile, ...]
    recipe: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    dimension: int = 0

    @property
    def size(self) -> int:
        """Bytes to download, 0 where not every file's is known."""
        sizes = [file.size for file in self.files]
        return sum(sizes) if all(sizes) else 0


_E5: Final = "https://huggingface.co/intfloat/multilingual-e5-small/resolve/614241f622f53c4eeff9890bdc4f31cfecc418b3/onnx/"
_E5_TOKENIZER: Final = SourceFile(
    path="tokenizer.json",
    name="tokenizer.json",
    size=17_082_730,
    sha256="0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
)
_E5_RECIPE: Final = {"query": "query: ", "text": "passage: "}

MULTILINGUAL_E5_SMALL: Final = Source(
    name="multilingual-e5-small",
    address=_E5,
    files=(
        SourceFile(
            path="model_qint8_avx512_vnni.onnx",
            name="model.onnx",
            size=118_346_824,
            sha256="dd476dd0c2514e9b9be83aeb3853fac0763e0bdf4a71645407587d77c48a2d88",
        ),
        _E5_TOKENIZER,
    ),
    recipe=_E5_RECIPE,
    licence="MIT",
    dimension=384,
)
"""The default: Spanish and English among 94 languages, weights of 8 bits (any processor runs them, some more quickly)."""

MULTILINGUAL_E5_SMALL_FULL: Final = Source(
    name="multilingual-e5-small-full",
    address=_E5,
    files=(
        SourceFile(
            path="model.onnx",
            name="model.onnx",
            size=470_268_510,
            sha256="ca456c06b3a9505ddfd9131408916dd79290368331e7d76bb621f1cba6bc8665",
        ),
        _E5_TOKENIZER,
    ),
    recipe=_E5_RECIPE,
    licence="MIT",
    dimension=384,
)
"""The same with its weights as they were trained, four times as large."""

SOURCES: Final[Mapping[str, Source]] = {one.name: one for one in (MULTILINGUAL_E5_SMALL, MULTILINGUAL_E5_SMALL_FULL)}


def source_at(address: str) -> Source:
    """A model of somebody's own: `model.onnx` and `tokenizer.json` below this address, nothing known of either."""
    files = (SourceFile(path="model.onnx", name="model.onnx"), SourceFile(path="tokenizer.json", name="tokenizer.json"))
    return Source(name=host_of(address) or "model", address=address.rstrip("/") + "/", files=files)


class FolderRefused(ModelRejected):
    """The folder cannot be written, or holds other files, which a download would replace."""


async def download(source: Source, folder: Path, show: Show) -> None:
    """Have the model in `folder`; nothing is fetched where it is there already. Raises ModelError.

    It grows in a folder of its own beside it, where it is kept when the download breaks off, and goes on there the next time.
    """
    if await asyncio.to_thread(_is_there, source, folder):
        show(PullProgress(step=source.name, done=source.size, total=source.size))
        return
    growing = folder.with_name(folder.name + ".part")
    with _as_model_errors(source.name):
        await asyncio.to_thread(_prepare, source, folder, growing)
        async with _client(source) as client:
            fetching = _Fetching(client, source, growing, show)
            for file in source.files:
                await fetching.fetch(file)
        await asyncio.to_thread(_put_in_place, source, growing, folder)


def why_not(language: Language, error: ModelError) -> str:
    """Why a download failed, and what to do next."""
    match error:
        case ModelMissing():
            return say(language, "There is no such model at that address.")
        case ModelNoSpace():
            return say(language, "The disk is full. Make room, then try again: what is there already is kept.")
        case FolderRefused():
            return say(language, "The folder cannot be written, or holds other files: name another one in memory.onnx_folder.")
        case ModelUnreachable() | ModelTimedOut() | ModelBusy():
            return say(
                language, "The download broke off. See whether this machine is online, then try again: what is there is kept."
            )
        case ModelBroken():
            return say(language, "What came is not the model that was expected. Nothing was changed.")
        case _:
            return say(language, "The server refuses this download.")


# --- the folder ---


def _is_there(source: Source, folder: Path) -> bool:
    """Whether the folder holds exactly this, as far as digests tell; what has none is fetched anew."""
    if not all(file.sha256 and (folder / file.name).is_file() for file in source.files):
        return False
    return all(_digest(folder / file.name) == file.sha256 for file in source.files) and _recipe_of(folder) == source.recipe


def _recipe_of(folder: Path) -> object:
    try:
        return json.loads((folder / "embedder.json").read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        return None


def _prepare(source: Source, folder: Path, growing: Path) -> None:
    """Make the folder that it grows in, and refuse what could not end well."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FolderRefused(source.name, "what the folder is called is something else")
    if folder.exists() and any(not _OURS.fullmatch(one.name) for one in folder.iterdir()):
        raise FolderRefused(source.name, "the folder holds other files")
    growing.mkdir(parents=True, exist_ok=True)
    for file in source.files:
        if (growing / file.name).exists():  # whole the last time; looked at again
            (growing / file.name).rename(growing / f"{file.name}.part")
    there = sum(one.stat().st_size for one in growing.iterdir())
    if shutil.disk_usage(growing).free < source.size - there:
        raise ModelNoSpace(source.name, "not enough space on the disk")


def _put_in_place(source: Source, growing: Path, folder: Path) -> None:
    """Make the folder of what has come, in place of the one before."""
    for file in growing.iterdir():
        if file.name not in {one.name for one in source.files}:
            file.unlink()
    if source.recipe:
        (growing / "embedder.json").write_text(json.dumps(dict(source.recipe)) + "\n")
    if folder.exists():
        before = folder.with_name(folder.name + ".old")
        shutil.rmtree(before, ignore_errors=True)
        folder.rename(before)
        growing.rename(folder)
        shutil.rmtree(before)
    else:
        growing.rename(folder)


def _digest(file: Path) -> str:
    whole = sha256()
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE):
            whole.update(piece)
    return whole.hexdigest()


# --- the files ---


class _Fetching:
    """The files of one source on their way, and how far they are together."""

    def __init__(self, client: httpx.AsyncClient, source: Source, growing: Path, show: Show) -> None:
        self._client, self._source, self._growing, self._show = client, source, growing, show
        self._done = {file.name: 0 for file in source.files}
        self._totals = {file.name: file.size for file in source.files}

    async def fetch(self, file: SourceFile) -> None:
        """Have one file whole. A connection that is lost is made again as long as each brings some of it on."""
        part = self._growing / f"{file.name}.part"
        misses = 0
        while True:
            before = await asyncio.to_thread(_size, part)
            try:
                with _as_model_errors(self._source.name):
                    await self._go_on(file, part, before)
                break
            except (ModelUnreachable, ModelTimedOut):
                misses = misses + 1 if await asyncio.to_thread(_size, part) <= before else 0
                if misses == _TRIES:
                    raise
        if file.sha256 and await asyncio.to_thread(_digest, part) != file.sha256:
            part.unlink()
            raise ModelBroken(self._source.name, f"{file.name} is not the file that was expected: its SHA-256 differs")
        part.rename(self._growing / file.name)

    async def _go_on(self, file: SourceFile, part: Path, start: int) -> None:
        """Go on with a file, of which `start` bytes are there, to its end. Raises ModelError and the client's own."""
        if file.size and start == file.size:
            self._tell(file.name, start, file.size)
            return
        tag = await asyncio.to_thread(_tag_of, part)
        headers = {"Range": f"bytes={start}-", "If-Range": tag} if start and tag else {}
        async with _answered(self._client, self._source, file, headers) as response:
            if response.status_code == 416:
                await asyncio.to_thread(part.unlink)
                raise ModelUnreachable(self._source.name, "416: there is no more of it; it begins anew")
            done, total = _from_where(self._source, response, start)
            await asyncio.to_thread(_note_tag, part, response.headers.get("etag", ""))
            with part.open("r+b" if done else "wb") as out:
                out.seek(done)
                async for piece in response.aiter_raw():
                    done += len(piece)
                    if done > (file.size or MOST_BYTES):
                        raise ModelBroken(self._source.name, f"{file.name} is larger than expected")
                    await asyncio.to_thread(out.write, piece)
                    self._tell(file.name, done, total)
        if file.size and done != file.size:
            raise ModelBroken(self._source.name, f"{file.name} has {done} bytes, expected {file.size}")

    def _tell(self, name: str, done: int, total: int) -> None:
        self._done[name], self._totals[name] = done, max(total, self._totals[name])
        totals = self._totals.values()
        self._show(PullProgress(step=name, done=sum(self._done.values()), total=sum(totals) if all(totals) else 0))


def _from_where(source: Source, response: httpx.Response, asked: int) -> tuple[int, int]:
    """Where the body begins in the file, and how large that is, 0 when nobody tells."""
    if response.status_code == 206:
        found = _RANGE.fullmatch(response.headers.get("content-range", ""))
        if found is None or int(found[1]) != asked:
            raise ModelBroken(source.name, "the server sends another part than was asked for")
        return asked, 0 if found[2] == "*" else int(found[2])
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isdecimal() else 0


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _tag_of(part: Path) -> str:
    """The version of the file that the part is of, as the server named it; empty when it did not."""
    marker = part.with_suffix(".etag")
    return marker.read_text() if marker.exists() else ""


def _note_tag(part: Path, tag: str) -> None:
    """Keep the version; a weak one does not promise the same bytes."""
    part.with_suffix(".etag").write_text("" if tag.startswith("W/") else tag)


# --- the server ---


@asynccontextmanager
async def _client(source: Source) -> AsyncIterator[httpx.AsyncClient]:
    """A client for this source; its libraries and certificates are loaded beside the loop."""
    import httpx

    is_remote = not is_near(host_of(source.address))

    def make() -> httpx.AsyncClient:
        try:
            return httpx.AsyncClient(
                verify=trusted(is_remote=is_remote),
                trust_env=is_remote,
                follow_redirects=False,
                timeout=httpx.Timeout(SILENT_S, connect=CONNECT_S),
                headers={**PLAIN, "User-Agent": "martin"},
            )
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            # Certificates or a proxy that the environment names wrongly.
            raise ModelUnreachable(source.name, f"no connection can be made: {type(error).__name__}") from error

    async with await asyncio.to_thread(make) as client:
        yield client


@asynccontextmanager
async def _answered(
    client: httpx.AsyncClient, source: Source, file: SourceFile, headers: Mapping[str, str]
) -> AsyncIterator[httpx.Response]:
    """The open answer for a file, behind redirects. Raises ModelError.

    Redirects lead to https only, or stay in the private network: libraries of models hand out what is large from elsewhere.
    """
    request = client.build_request("GET", source.address + file.path, headers=dict(headers))
    is_home = is_near(request.url.host)
    for _ in range(_MOST_REDIRECTS):
        if request.url.scheme != "https" and not (is_home and is_near(request.url.host)):
            raise ModelRejected(source.name, "its address, or where it sends us, is not https")
        response = await client.send(request, stream=True)
        try:
            if response.next_request is None:
                _accept(source, response)
                yield response
                return
        finally:
            await response.aclose()
        request = response.next_request
        request.headers.update(headers)
    raise ModelRejected(source.name, f"more than {_MOST_REDIRECTS} redirects")


def _accept(source: Source, response: httpx.Response) -> None:
    """Raise ModelError for a status that is none of success, or a body that is not the file's bytes."""
    status = response.status_code
    if status == 404:
        raise ModelMissing(source.name, "404: there is no such file")
    if status in BUSY:
        raise ModelBusy(source.name, f"{status}: busy")
    if status not in (200, 206, 416):
        raise (ModelBroken if status >= 500 else ModelRejected)(source.name, f"{status}: no file came")
    if response.headers.get("content-encoding", "identity") not in ("", "identity"):
        raise ModelBroken(source.name, "it sends compressed what it was asked to send plain")


@contextmanager
def _as_model_errors(model: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.TimeoutException as error:
        raise ModelTimedOut(model, "the server fell silent") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ModelUnreachable(model, f"the connection was lost: {type(error).__name__}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelNoSpace(model, "the disk is full") from error
        raise FolderRefused(model, f"the folder cannot be written: {error.strerror}") from error
