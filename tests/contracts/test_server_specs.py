"""Our test servers and adapters against the platforms' published descriptions, and the checker that says so."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx
import pytest

from bot.model_ports import ChatModel
from bot.models.ollama_api import OllamaApi
from bot.models.ollama_library import OllamaLibrary
from bot.models.scripted import Fault
from bot.models.sse import EventParser
from bot.types import Evidence, EvidenceKind, Exchange, Prompt
from tests.servers import mistral, ollama
from tests.servers.http import ModelServer, Request
from tests.servers.spec import ABSENT, JSON, NDJSON, SSE, Document, Spec, spec

PROMPT = Prompt(
    system="You are Martín.",
    question="¿De qué color es el faro?",
    language="es",
    directives=("Short sentences.",),
    history=(Exchange(question="Hola", answer="Hola. ¿Qué quieres saber?"),),
    evidence=(Evidence(kind=EvidenceKind.KNOWLEDGE, text="The lighthouse is green.", source="l.md", score=0.9),),
)


# --- the checker ---

TREE: Document = {
    "openapi": "3.1.0",
    "paths": {
        "/trees": {
            "get": {
                "parameters": [
                    {"name": "kind", "in": "query", "required": True, "schema": {"type": "string"}},
                    {"name": "most", "in": "query", "schema": {"type": "integer"}},
                ],
                "responses": {
                    "200": {"content": {JSON: {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}}}
                },
            },
            "post": {
                "requestBody": {"required": True, "content": {JSON: {"schema": {"$ref": "#/components/schemas/Tree"}}}},
                "responses": {
                    "204": {"description": "planted"},
                    "422": {"content": {JSON: {"schema": {"type": "object", "required": ["why"]}}}},
                },
            },
        },
        "/trees/{id}": {
            "get": {"responses": {"200": {"content": {NDJSON: {"schema": {"$ref": "#/components/schemas/Ring"}}}}}}
        },
        "/trees/oldest": {
            "get": {"responses": {"200": {"content": {SSE: {"schema": {"type": "object", "required": ["data"]}}}}}}
        },
    },
    "components": {
        "schemas": {
            "Tree": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "planted": {"type": "string", "format": "date-time"},
                    "leaf": {"allOf": [{"$ref": "#/components/schemas/Leaf"}, {"properties": {"colour": {"type": "string"}}}]},
                    "notes": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
                },
            },
            "Leaf": {"type": "object", "properties": {"length": {"type": "number"}}},
            "Ring": {"type": "object", "required": ["year"], "properties": {"year": {"type": "integer"}}},
        }
    },
}


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "/trees", {"name": "oak", "planted": "1874-05-01T12:00:00Z"}, ""),
        ("POST", "/trees", {"name": "oak", "leaf": {"length": 3, "colour": "green"}, "notes": {"a": "b", "c": 1}}, ""),
        ("POST", "/trees", {"name": 7}, "$.name: 7 is not of type 'string'"),
        ("POST", "/trees", {}, "'name' is a required property"),
        ("POST", "/trees", {"name": "oak", "height": 3}, "'height' was unexpected"),
        ("POST", "/trees", {"name": "oak", "planted": "last year"}, "is not a 'date-time'"),
        ("POST", "/trees", {"name": "oak", "planted": "1874-05-01T12:00:00"}, "is not a 'date-time'"),
        ("POST", "/trees", None, "the body is missing"),
        ("GET", "/trees?kind=oak&most=3", None, ""),
        ("GET", "/trees", None, "the query's 'kind' is missing"),
        ("GET", "/trees?kind=oak&old=1", None, "the query's 'old' is not described"),
        ("GET", "/trees?kind=oak", {}, "a body where none is described"),
        ("GET", "/trees/7", None, ""),
        ("GET", "/trees/7/leaves", None, "the path /trees/7/leaves is not described"),
        ("DELETE", "/trees/7", None, "DELETE of /trees/{id} is not described"),
    ],
)
def test_request_is_held_to_the_description(method: str, path: str, body: object, said: str) -> None:
    problems = Spec(TREE).request_problems(method, path, body)
    assert (len(problems), said in "".join(problems)) == (bool(said), True)


@pytest.mark.parametrize(
    ("call", "status", "body", "media_type", "said"),
    [
        ("GET /trees", 200, [{"name": "oak", "beyond": 1}], JSON, ""),
        ("GET /trees", 200, [{"name": "oak"}, {}], JSON, "$[1]: 'name' is a required property"),
        ("GET /trees", 200, [], NDJSON, f"the media type {NDJSON} is not described"),
        ("GET /trees", 201, [], JSON, "the status 201 is not described"),
        ("GET /trees", 503, "sorry", JSON, ""),
        ("POST /trees", 204, None, JSON, ""),
        ("POST /trees", 204, {}, JSON, "a body where none is described"),
        ("POST /trees", 422, {}, JSON, "'why' is a required property"),
        ("GET /trees/7", 200, {"year": 1874}, NDJSON, ""),
        ("GET /trees/7", 200, {"year": "1874"}, NDJSON, "is not of type 'integer'"),
        ("GET /trees/oldest", 200, {"anything": 1}, SSE, ""),
    ],
)
def test_answer_is_held_to_the_description(call: str, status: int, body: object, media_type: str, said: str) -> None:
    method, path = call.split()
    problems = Spec(TREE).answer_problems(method, path, status, body, media_type=media_type)
    assert (len(problems), said in "".join(problems)) == (bool(said), True)


def test_what_is_beyond_the_description_can_be_listed() -> None:
    described, answer = Spec(TREE), [{"name": "oak", "height": 3}]
    assert described.answer_problems("GET", "/trees", 200, answer, beyond=("height",)) == []
    assert "'height' was unexpected" in described.answer_problems("GET", "/trees", 200, answer, beyond=())[0]


def test_description_that_is_not_at_hand_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("MARTIN_SPECS", str(tmp_path))
    assert spec("mistral") is None


# --- our servers and adapters ---


async def use(model: ChatModel) -> None:
    """Everything that is asked of any model."""
    async with aclosing(model):
        assert (await model.check()).is_ready
        async for _ in model.stream(PROMPT, max_tokens=64, temperature=0.4):
            pass


async def use_mistral() -> ModelServer:
    server = mistral.MistralServer()
    async with server:
        await use(mistral.model(server))
        async with aclosing(mistral.model(server, model="mistral-embed")) as embeds:
            await embeds.embed(["The lighthouse is green."])
    return server


async def use_ollama() -> ModelServer:
    server = ollama.OllamaServer()
    server.library["gemma4:latest"] = (ollama.Layer(size=2000),)
    async with server:
        asked = ollama.model(server)
        await asked.warm()
        await use(asked)
        server.models["embeddinggemma:latest"] = ollama.newer("embeddinggemma:latest", 1, capabilities=("embedding",))
        async with aclosing(OllamaApi(host=server.address, is_remote=False)) as api:
            await api.embed("embeddinggemma", ["The lighthouse."], keep_alive_s=60)
        library = OllamaLibrary(host=server.address, is_remote=False, may_forward=False)
        assert await library.installed()
        assert [progress.step async for progress in library.pull("gemma4")][-1] == "success"
    return server


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A platform. `refusals` are the ways to say no that are tried, `beyond` what a path answers that is not described."""

    use: Callable[[], Awaitable[ModelServer]]
    refusals: tuple[int, ...] = ()
    beyond: Mapping[str, frozenset[str]] = field(default_factory=dict)


PEERS = {
    "mistral": Peer(use=use_mistral, refusals=(401, 404, 422, 429, 503)),
    "ollama": Peer(
        use=use_ollama,
        refusals=(404, 503),
        beyond={
            # The real one answers so too; the description names the counts only for answers in one piece.
            "/api/tags": frozenset({"parent_model"}),
            "/api/show": frozenset({"modelfile"}),
            "/api/chat": frozenset(
                {"done_reason", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"}
                | {"total_duration", "load_duration"}
            ),
            # Here only ours does, for want of two kinds of message; nobody reads it.
            "/api/generate": frozenset({"message"}),
        },
    ),
}


@pytest.fixture(params=sorted(PEERS))
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def described(name: str) -> Spec:
    found = spec(name)
    if found is None:
        pytest.skip(ABSENT)
    return found


async def test_every_request_of_the_adapter_is_as_described(name: str) -> None:
    checker, server = described(name), await PEERS[name].use()
    assert len(server.requests) >= 2
    problems = [
        f"{one.method} {one.path}: {problem}"
        for one in server.requests
        for problem in checker.request_problems(one.method, one.path, one.json)
    ]
    assert "\n".join([*problems, *server.problems]) == ""


async def test_every_answer_of_the_server_is_as_described(name: str) -> None:
    checker, peer = described(name), PEERS[name]
    server = await peer.use()
    requests = list(server.requests)
    problems: list[str] = []
    async with server, httpx.AsyncClient(base_url=server.address) as client:
        for status in (200, *peer.refusals):
            server.fault = None if status == 200 else Fault(str(status))
            for request in requests:
                answer = await again(client, request)
                beyond = peer.beyond.get(request.path, frozenset())
                media_type = answer.headers["content-type"].partition(";")[0]
                for piece in pieces(answer, media_type):
                    found = checker.answer_problems(
                        request.method, request.path, answer.status_code, piece, media_type=media_type, beyond=beyond
                    )
                    problems += [f"{request.path} {answer.status_code}: {problem}" for problem in found]
    assert "\n".join(dict.fromkeys(problems)) == ""


async def again(client: httpx.AsyncClient, request: Request) -> httpx.Response:
    """The answer to a request that was made before."""
    sent = {key: value for key, value in request.headers.items() if key in ("authorization", "accept", "content-type")}
    content = None if request.json is None else json.dumps(request.json)
    return await client.request(request.method, request.path, content=content, headers=sent)


def pieces(answer: httpx.Response, media_type: str) -> Iterator[object]:
    """What an answer holds: one JSON value, or those of its lines or events."""
    if media_type == SSE:
        parser = EventParser()
        events = [*parser.take(answer.content), *parser.end()]
        assert events[-1].data == b"[DONE]"
        yield from (json.loads(event.data) for event in events[:-1])
    elif media_type == NDJSON:
        yield from (json.loads(line) for line in answer.content.splitlines())
    else:
        yield answer.json()
