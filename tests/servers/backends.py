"""The backends that ask a server, each with the local server that speaks its protocol."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from bot.model_ports import ChatModel
from tests.servers import mistral, ollama, openai
from tests.servers.http import ModelServer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBackend:
    """A server's class, and what makes the model that asks one such server."""

    server: type[ModelServer]
    model: Callable[..., ChatModel]


SERVED: Mapping[str, ServedBackend] = {
    "mistral": ServedBackend(server=mistral.MistralServer, model=mistral.model),
    "ollama": ServedBackend(server=ollama.OllamaServer, model=ollama.model),
    "openai": ServedBackend(server=openai.OpenAiServer, model=openai.model),
}


@asynccontextmanager
async def served(name: str, server: ModelServer | None = None) -> AsyncGenerator[tuple[ModelServer, ChatModel], None]:
    """A running server (`server`, or a new one of this backend's) and a model of it; both are let go of at the end."""
    backend = SERVED[name]
    async with server or backend.server() as running, aclosing(backend.model(running)) as model:
        yield running, model


def settings_for(name: str, address: str) -> Mapping[str, str]:
    """The settings of a bot that asks this server, and nothing else before `offline`."""
    return {
        "MARTIN_MODELS__PROVIDER": name,
        "MARTIN_MODELS__OLLAMA__HOST": address,
        "MARTIN_MODELS__OPENAI__BASE_URL": f"{address}/v1",
        "MARTIN_MODELS__MISTRAL__SERVER_URL": address,
        "MARTIN_MODELS__MISTRAL__API_KEY": mistral.KEY,
    }
