"""Ollama as a local server for tests: its protocol, its refusals, and a strict eye on what it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from bot.models.ollama import OllamaModel
from bot.models.scripted import Fault
from bot.system import SystemClock
from tests.servers.http import ModelServer, Request, Response
from tests.servers.spec import spec

NDJSON: Final = "application/x-ndjson"
MODEL: Final = "llama3.2:latest"
_FIRST_DAY: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
_NUMBER: Final = (int, float)
_FIELDS: Final[Mapping[str, Mapping[str, type | tuple[type, ...]]]] = {
    "/api/show": {"model": str},
    "/api/chat": {
        "model": str,
        "messages": list,
        "tools": list,
        "stream": bool,
        "think": bool,
        "format": dict,
        "keep_alive": _NUMBER,
        "options": dict,
    },
    "/api/generate": {"model": str, "stream": bool, "keep_alive": _NUMBER, "options": dict},
    "/api/embed": {"model": str, "input": list, "truncate": bool, "keep_alive": str},
    "/api/pull": {"model": str, "insecure": bool, "stream": bool},
}
_OPTIONS: Final[Mapping[str, type | tuple[type, ...]]] = {"num_ctx": int, "num_predict": int, "temperature": _NUMBER}
_THOUGHT: Final = "\0"
"""Before a piece that is reasoning, between `_spoken` and `piece`."""
_asked: ContextVar[dict[str, Any]] = ContextVar("asked")
"""The request being answered; every connection has a task of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A model of the server. `capabilities` of None is what a server before 0.6.4 tells: nothing."""

    name: str
    capabilities: tuple[str, ...] | None = ("completion",)
    modified_at: datetime = _FIRST_DAY
    family: str = "llama"
    size: int = 2_019_393_189
    remote_host: str = ""
    digest: str = ""

    @property
    def full_digest(self) -> str:
        """The digest that was given, or one made from the name."""
        return self.digest or sha256(self.name.encode()).hexdigest()


def cloud(name: str = "gpt-oss:120b-cloud", *, days: int = 9, remote_host: str = "https://ollama.com:443") -> Installed:
    """A model that the server only forwards, by default the newest there is."""
    return Installed(
        name=name, size=384, remote_host=remote_host, modified_at=_FIRST_DAY + timedelta(days=days), family="gptoss"
    )


def newer(name: str, days: int = 1, **facts: Any) -> Installed:
    """A model installed so many days after the first."""
    return Installed(name=name, modified_at=_FIRST_DAY + timedelta(days=days), **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of a model that can be downloaded, in bytes; it comes in `parts`."""

    size: int
    parts: int = 4


@dataclass(slots=True)
class Loaded:
    """A model in memory."""

    model: str
    context: int
    keep_alive_s: float


def model(server: OllamaServer, **changes: Any) -> OllamaModel:
    """The adapter on this server as `auto` makes it, but for the `changes`."""
    settings: dict[str, Any] = {
        "host": server.address,
        "model": "",
        "digest": "",
        "context_tokens": 5120,
        "keep_alive_s": 1800.0,
        "think": False,
        "may_forward": False,
        "is_remote": False,
        "is_wanted": True,
        "clock": SystemClock(),
    }
    return OllamaModel(**{**settings, **changes})


class OllamaServer(ModelServer):
    """Speaks Ollama's protocol, as of 0.12. What a request holds that it should not is in `problems`.

    `models_asked` names every model of which anything was asked, `loads` every loading into memory, `library` what can be
    downloaded, each part after `part_s`. `embedded` holds every text that was to be embedded, each by `vector`.
    `thoughts` is what a thinking model says to itself unless it is told not to.
    `in_stream_error` is reported instead of an answer, `pull_error` in the middle of a download; `pull_is_cut` drops the
    connection there, `pull_just_ends` ends the answer. Without `counts_tokens` it leaves counts out. `connections` counts
    those that were made.
    """

    def __init__(self, *models: Installed) -> None:
        super().__init__()
        self.models = {one.name: one for one in models or (Installed(name=MODEL),)}
        self.models_asked: list[str] = []
        self.loads: list[Loaded] = []
        self.loaded: dict[str, Loaded] = {}
        self.thoughts: Sequence[str] = ("Let me ", "see.")
        self.library: dict[str, Sequence[Layer]] = {}
        self.embedded: list[str] = []
        self.vector: Callable[[str], Sequence[float]] = letter_counts
        self.pull_error = ""
        self.pull_is_cut = self.pull_just_ends = False
        self.part_s = 0.0
        self.counts_tokens = True
        self.in_stream_error = ""
        self.connections = 0
        self._spec = spec("ollama")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await super()._serve(reader, writer)

    async def answer(self, request: Request, response: Response) -> None:
        """Answer one request."""
        self._check(request)
        match request.method, request.path:
            case "GET", "/api/version":
                await response.json({"version": "0.12.6"})
            case "GET", "/api/tags":
                await response.json({"models": [_listed(one) for one in self.models.values()]})
            case "GET", "/api/ps":
                await response.json({"models": [self._running(one) for one in self.loaded.values()]})
            case "POST", "/api/show" | "/api/chat" | "/api/generate" | "/api/embed":
                await self._of_model(request, response)
            case "POST", "/api/pull":
                await self._pull(request.json["model"], response)
            case _:
                self.problems.append(f"no such path: {request.method} {request.path}")
                await response.json({"error": "404 page not found"}, 404)

    # --- the protocol of a stream ---

    def head(self) -> Mapping[str, str]:
        """Newline-delimited JSON."""
        return {"Content-Type": NDJSON}

    def piece(self, text: str) -> bytes:
        """A message with content, or with reasoning."""
        if self.in_stream_error:
            return _line({"error": self.in_stream_error})
        if text.startswith(_THOUGHT):
            return _line(_said("", thinking=text[1:]))
        return _line(_said(text))

    def farewell(self, prompt_tokens: int, completion_tokens: int, *, is_cut: bool) -> bytes:
        """The last message, with counts and times in nanoseconds."""
        counts = {"prompt_eval_count": prompt_tokens, "eval_count": completion_tokens} if self.counts_tokens else {}
        times = dict.fromkeys(("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"), 1_000_000)
        return _line({**_said("", done=True), "done_reason": "length" if is_cut else "stop", **times, **counts})

    def error(self, status: int) -> object:
        """An error; as servers and proxies may, it repeats what it was asked."""
        words = "server busy, please try again. maximum pending requests exceeded" if status == 503 else "refused"
        return {"error": f"{words}: {_asked.get()['messages'][-1]['content']}"}

    def broken(self) -> bytes:
        """No JSON."""
        return b'{"model": "llama3.2", "message": \n'

    async def _spoken(
        self, pieces: Sequence[str], fault: Fault | None, max_tokens: int, response: Response
    ) -> AsyncIterator[str]:
        asked = _asked.get()
        if "thinking" in (self.models[asked["model"]].capabilities or ()) and asked.get("think") is not False:
            for thought in self.thoughts:
                yield _THOUGHT + thought
        async for text in super()._spoken(pieces, fault, max_tokens, response):
            yield text

    # --- requests ---

    async def _of_model(self, request: Request, response: Response) -> None:
        """What is asked of one model."""
        body = request.json
        self.models_asked.append(body["model"])
        installed = self.models.get(_with_tag(body["model"]))
        if installed is None:
            await response.json({"error": f"model '{body['model']}' not found"}, 404)
        elif request.path == "/api/show":
            await response.json(_shown(installed))
        elif request.path == "/api/embed":
            await self._embed(installed, body, response)
        elif "completion" not in (installed.capabilities or ("completion",)):
            await response.json({"error": f'"{installed.name}" does not support chat'}, 400)
        elif "think" in body and "thinking" not in (installed.capabilities or ()):
            self.problems.append("think for a model that does not reason")
            await response.json({"error": f'"{installed.name}" does not support thinking'}, 400)
        else:
            self._load(installed.name, body)
            if request.path == "/api/chat":
                _asked.set({**body, "model": installed.name})
                question, most = body["messages"][-1]["content"], body["options"]["num_predict"]
                await self.generate(request, response, question=question, max_tokens=most)
            else:
                await response.json({**_said("", done=True), "response": "", "done_reason": "load"})

    async def _embed(self, installed: Installed, body: Mapping[str, Any], response: Response) -> None:
        """Vectors for every text; faults as for answers."""
        texts = body["input"]
        self.embedded += texts
        if self.fault is Fault.HUNG:
            await response.is_gone.wait()
        elif self.fault is Fault.CUT:
            response.cut()
        elif self.fault is Fault.UNAVAILABLE:
            await response.json({"error": f"server busy: {texts[0]}"}, 503)
        elif installed.capabilities is not None and "embedding" not in installed.capabilities:
            await response.json({"error": f'"{installed.name}" does not support embeddings'}, 400)
        else:
            rows = [self.vector(text) for text in texts]
            facts = {"total_duration": 14_143_917, "load_duration": 1_019_500, "prompt_eval_count": len(texts)}
            await response.json({"model": installed.name, "embeddings": rows, **facts})

    def _load(self, name: str, body: Mapping[str, Any]) -> None:
        """Keep a model in memory; another context needs a loading of its own."""
        wanted = Loaded(name, body.get("options", {}).get("num_ctx", 4096), body.get("keep_alive", 300.0))
        if body.get("keep_alive") == 0 and "messages" not in body:
            self.loaded.pop(name, None)
            return
        if name not in self.loaded or self.loaded[name].context != wanted.context:
            self.loads.append(wanted)
        self.loaded[name] = wanted

    async def _pull(self, name: str, response: Response) -> None:
        await response.start(200, self.head())
        await response.send(_line({"status": "pulling manifest"}))
        layers = self.library.get(_with_tag(name))
        if layers is None:
            await response.send(_line({"error": "pull model manifest: file does not exist"}))
            await response.end()
            return
        for number, layer in enumerate(layers):
            await self._send_layer(f"sha256:{sha256(f'{name}{number}'.encode()).hexdigest()}", layer, response)
        if self.pull_is_cut:
            response.cut()
            return
        if self.pull_error or self.pull_just_ends:
            await response.send(_line({"error": self.pull_error}) if self.pull_error else b"")
            await response.end()
            return
        for status in ("verifying sha256 digest", "writing manifest", "success"):
            await response.send(_line({"status": status}))
        newest = max(one.modified_at for one in self.models.values()) + timedelta(days=1)
        self.models[_with_tag(name)] = Installed(name=_with_tag(name), modified_at=newest)
        await response.end()

    async def _send_layer(self, digest: str, layer: Layer, response: Response) -> None:
        """A layer's progress; a part that failed on the way is fetched again, so it once seems to go back."""
        event: dict[str, Any] = {"status": f"pulling {digest[7:19]}", "digest": digest, "total": layer.size}
        await response.send(_line(event))
        for part in range(1, layer.parts + 1):
            await asyncio.sleep(self.part_s)
            for done in (part, part - 1) if part == 2 else (part,):
                await response.send(_line({**event, "completed": layer.size * done // layer.parts}))

    def _running(self, loaded: Loaded) -> dict[str, Any]:
        until = datetime.now(UTC) + timedelta(seconds=loaded.keep_alive_s)
        facts = {**_listed(self.models[loaded.model]), "expires_at": until.isoformat(), "context_length": loaded.context}
        return {name: value for name, value in facts.items() if name != "modified_at"}

    # --- strictness ---

    def _check(self, request: Request) -> None:
        """Note what a request holds that it should not."""
        body = request.json
        if request.method == "POST":
            self.problems += _wrong(body, _FIELDS.get(request.path, {}), request.path)
            self.problems += _wrong(body.get("options", {}), _OPTIONS, f"{request.path} options")
        for message in (body or {}).get("messages", ()):
            self.problems += _wrong(message, {"role": str, "content": str}, "a message")
        if "authorization" in request.headers:
            self.problems.append("a key, which this server never asked for")
        if self._spec is not None:
            self.problems += self._spec.request_problems(request.method, request.path, body)


def _wrong(body: Mapping[str, Any], fields: Mapping[str, type | tuple[type, ...]], place: str) -> list[str]:
    """Unknown fields and values of the wrong type; True is no number."""
    unknown = [f"{place}: unknown {name!r}" for name in body if name not in fields]
    return unknown + [
        f"{place}: {name!r} is {value!r}"
        for name, value in body.items()
        if name in fields and (not isinstance(value, fields[name]) or (isinstance(value, bool) and fields[name] is not bool))
    ]


def letter_counts(text: str) -> Sequence[float]:
    """How often each letter from a to h is in a text, as a vector; one of other letters leans nowhere."""
    return (
        [float(text.casefold().count(letter)) for letter in "abcdefgh"] if set("abcdefgh") & set(text.casefold()) else [1.0] * 8
    )


def _with_tag(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


def _line(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode() + b"\n"


def _said(text: str, *, thinking: str = "", done: bool = False) -> dict[str, Any]:
    """A message of the stream."""
    message = {"role": "assistant", "content": text, **({"thinking": thinking} if thinking else {})}
    created_at = "2026-05-02T08:30:00.123456789Z"
    model = _asked.get({}).get("model", MODEL)
    return {"model": model, "created_at": created_at, "message": message, "done": done}


def _details(one: Installed) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "" if one.remote_host else "gguf",
        "family": one.family,
        "families": None if one.remote_host else [one.family],
        "parameter_size": "3.2B",
        "quantization_level": "Q4_K_M",
    }


def _remote(one: Installed) -> dict[str, str]:
    return {"remote_model": one.name.removesuffix("-cloud"), "remote_host": one.remote_host} if one.remote_host else {}


def _listed(one: Installed) -> dict[str, Any]:
    return {
        "name": one.name,
        "model": one.name,
        **_remote(one),
        "modified_at": one.modified_at.isoformat().replace("+00:00", ".123456789Z"),
        "size": one.size,
        "digest": one.full_digest,
        "details": _details(one),
    }


def _shown(one: Installed) -> dict[str, Any]:
    told = {} if one.capabilities is None else {"capabilities": list(one.capabilities)}
    return {
        "license": "a licence of many pages",
        "modelfile": f"FROM {one.name}",
        "template": "{{ .Prompt }}",
        "details": _details(one),
        **_remote(one),
        "model_info": {"general.architecture": one.family, f"{one.family}.context_length": 131_072},
        "modified_at": one.modified_at.isoformat(),
        **told,
    }
