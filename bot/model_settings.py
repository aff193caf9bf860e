"""The settings of what answers: providers, their order, deadlines and prices."""

from __future__ import annotations

from bot.setting_types import (
    ApiKey,
    Currency,
    Digest,
    Flag,
    LongText,
    ModelName,
    OllamaUrl,
    Prices,
    Provider,
    Providers,
    Real,
    Section,
    Url,
    Whole,
    host_of,
    is_loopback,
    is_near,
    setting,
)

OLLAMA_HOST = "http://127.0.0.1:11434"
"""Where Ollama listens unless it is told otherwise."""


class LocalDeadlines(Section):
    """How long a model on this machine may take (R-14)."""

    first_token_s: Real = setting(
        90.0,
        "To the first token, loading the model included.",
        "Hasta la primera palabra, con la carga del modelo.",
        unit="s",
        ge=0.05,
        le=3600,
    )
    between_tokens_s: Real = setting(20.0, "Between two tokens.", "Entre dos palabras.", unit="s", ge=0.05, le=3600)
    total_s: Real = setting(
        300.0,
        "For the whole answer, waiting and retries included.",
        "Para toda la respuesta, con esperas y reintentos.",
        unit="s",
        ge=0.05,
        le=86400,
    )


class RemoteDeadlines(LocalDeadlines):
    """How long a model elsewhere may take (R-14)."""

    first_token_s: Real = setting(30.0, "To the first token.", "Hasta la primera palabra.", unit="s", ge=0.05, le=3600)
    between_tokens_s: Real = setting(15.0, "Between two tokens.", "Entre dos palabras.", unit="s", ge=0.05, le=3600)
    total_s: Real = setting(
        120.0,
        "For the whole answer, waiting and retries included.",
        "Para toda la respuesta, con esperas y reintentos.",
        unit="s",
        ge=0.05,
        le=86400,
    )


class ScriptedSettings(Section):
    """The `scripted` model: a stand-in with known text and timing, for tests and measurements."""

    text: LongText = setting("", "What it says; empty repeats the question.", "Lo que dice; vacío repite la pregunta.")
    delay_ms: Whole = setting(0, "Time to the first token.", "Tiempo hasta la primera palabra.", unit="ms", ge=0, le=3_600_000)
    tokens_per_s: Real = setting(
        0.0, "Speed afterwards; 0 is at once.", "Velocidad después; 0 es de inmediato.", unit="1/s", ge=0, le=1_000_000
    )


class OllamaSettings(Section):
    """Ollama: a server of language models, on this machine or in the house."""

    host: OllamaUrl = setting(
        OLLAMA_HOST,
        "Where it listens. `OLLAMA_HOST` in the environment is honoured too. A host that is neither on this machine nor in a "
        "private network counts as remote: it is asked only when `ollama` is named.",
        "Dónde escucha. También vale `OLLAMA_HOST` en el entorno. Un servidor fuera de esta máquina y de una red privada "
        "cuenta como remoto: solo se le pregunta si se nombra `ollama`.",
    )
    model: ModelName = setting(
        "",
        "Which of its models; empty takes the newest one installed there that can talk and is not forwarded to a cloud.",
        "Cuál de sus modelos; vacío toma el más reciente de los instalados que sepa conversar y no se reenvíe a una nube.",
    )
    digest: Digest = setting(
        "",
        "The model's digest, or its first 12 characters or more. When it is another one, the model is not used.",
        "El digest del modelo, o sus primeros 12 caracteres o más. Si es otro, el modelo no se usa.",
    )
    keep_alive_minutes: Whole = setting(
        30,
        "How long it keeps the model in memory after an answer.",
        "Cuánto mantiene el modelo en memoria tras una respuesta.",
        unit="min",
        ge=0,
        le=100_000,
    )
    think: Flag = setting(
        False,
        "Whether a model that can reason does so first. Better answers, later; the reasoning itself is never shown.",
        "Si un modelo que sabe razonar lo hace antes. Mejores respuestas, más tarde; el razonamiento nunca se muestra.",
    )


class MistralSettings(Section):
    """Mistral's own servers, or another address with the same interface. Text leaves this machine."""

    api_key: ApiKey = setting(
        None,
        "Secret. `MISTRAL_API_KEY` is honoured too. A key alone changes nothing: `provider` or `chain` must name `mistral`.",
        "Secreto. También vale `MISTRAL_API_KEY`. La clave sola no cambia nada: `provider` o `chain` debe nombrar `mistral`.",
    )
    server_url: Url = setting("https://api.mistral.ai", "Where it listens.", "Dónde escucha.")
    model: ModelName = setting("mistral-small-latest", "Which of its models.", "Cuál de sus modelos.")


class OpenAiSettings(Section):
    """Any server that speaks OpenAI's chat interface: llama.cpp, vLLM, LM Studio, hosted ones."""

    base_url: Url = setting(
        "",
        "Its address up to `/v1`, such as `http://127.0.0.1:8000/v1`. In a private network it joins `auto`; elsewhere it is "
        "remote and must be named.",
        "Su dirección hasta `/v1`, como `http://127.0.0.1:8000/v1`. En una red privada entra en `auto`; fuera es remoto y hay "
        "que nombrarlo.",
    )
    api_key: ApiKey = setting(None, "Secret. Only where the server asks for one.", "Secreto. Solo si el servidor lo pide.")
    model: ModelName = setting(
        "",
        "Which of its models; empty takes the first that it lists.",
        "Cuál de sus modelos; vacío toma el primero que anuncia.",
    )


class ModelSettings(Section):
    """What answers."""

    provider: Provider = setting(
        "auto",
        "What answers. `auto` is Ollama, then a local OpenAI-compatible server, then `offline`: whatever is found, and nothing "
        "outside this machine and its private network. `scripted` is for tests.",
        "Qué responde. `auto` es Ollama, luego un servidor local compatible con OpenAI, luego `offline`: lo que se encuentre, "
        "y nada fuera de esta máquina y su red privada. `scripted` es para pruebas.",
    )
    chain: Providers = setting(
        (),
        'Providers tried in this order, instead of `provider`, such as `["ollama", "mistral"]`; `offline` always comes last.',
        'Proveedores que se prueban en este orden, en lugar de `provider`, como `["ollama", "mistral"]`; `offline` siempre va '
        "al final.",
    )
    max_tokens: Whole = setting(1024, "The longest answer.", "La respuesta más larga.", unit="tokens", ge=16, le=131_072)
    temperature: Real = setting(
        0.4,
        "How freely a model words its answer; 0 is the most predictable.",
        "Con cuánta libertad redacta el modelo; 0 es lo más previsible.",
        ge=0,
        le=2,
    )
    prompt_budget: Whole = setting(
        4096,
        "The longest prompt: instructions, evidence, history and question together.",
        "El prompt más largo: instrucciones, pruebas, historia y pregunta.",
        unit="tokens",
        ge=512,
        le=1_048_576,
    )
    parallel: Whole = setting(
        4,
        "Answers written at the same time by a model on this machine; the others wait their turn.",
        "Respuestas que un modelo de esta máquina escribe a la vez; las demás esperan.",
        ge=1,
        le=1000,
    )
    prices: Prices = setting(
        (),
        "What models cost, as `MODEL=IN/OUT` per million tokens, such as `mistral/*=0.10/0.30`; `*` stands for anything, and "
        "the first that fits counts. Models without a price cost nothing.",
        "Lo que cuestan los modelos, como `MODELO=ENTRADA/SALIDA` por millón de tokens, p. ej. `mistral/*=0.10/0.30`; `*` vale "
        "por cualquier cosa y cuenta el primero que encaje. Los que no tienen precio no cuestan nada.",
    )
    currency: Currency = setting("EUR", "The currency of prices and limits.", "La moneda de precios y límites.")
    local: LocalDeadlines = LocalDeadlines()
    remote: RemoteDeadlines = RemoteDeadlines()
    ollama: OllamaSettings = OllamaSettings()
    mistral: MistralSettings = MistralSettings()
    openai: OpenAiSettings = OpenAiSettings()
    scripted: ScriptedSettings = ScriptedSettings()

    @property
    def named(self) -> tuple[str, ...]:
        """The providers as they were named, in order, each once; `auto` where it was left to the bot."""
        return tuple(dict.fromkeys(self.chain or (self.provider,)))

    def is_remote(self, provider: str) -> bool:
        """Whether text leaves this machine and its private network when this provider is asked.

        Of Ollama this is the server's place; that a model is only forwarded to a cloud is known when its name is.
        """
        host = self._host(provider)
        return bool(host) and not is_near(host)

    def is_networked(self, provider: str) -> bool:
        """Whether it runs on another machine of the private network."""
        host = self._host(provider)
        return bool(host) and is_near(host) and not is_loopback(host)

    def _host(self, provider: str) -> str:
        addresses = {"ollama": self.ollama.host, "mistral": self.mistral.server_url, "openai": self.openai.base_url}
        return host_of(addresses.get(provider, ""))
