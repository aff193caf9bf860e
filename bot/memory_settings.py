"""The settings of memory: what is remembered, how it is found again, and where its vectors lie."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from bot.setting_types import Accepts, Flag, Folder, ModelName, Section, ShortText, Token, Url, Whole, setting

EMBEDDERS: Final = ("auto", "hash", "onnx", "ollama", "mistral")


class MemorySettings(Section):
    """What the bot remembers of what people say, and how it finds that again."""

    enabled: Flag = setting(
        True,
        "Whether it remembers what people say. Each person can switch that off for themselves with `/memory`.",
        "Si recuerda lo que dice la gente. Cada persona puede apagarlo para sí con `/memoria`.",
    )
    embedder: Annotated[Literal["auto", "hash", "onnx", "ollama", "mistral"], Accepts("words", EMBEDDERS)] = setting(
        "auto",
        "What tells how alike two texts are in meaning. `auto` takes the model in `onnx_folder`, else an embedding model of "
        "a local Ollama, else `hash`, which compares letters and needs nothing. `mistral` sends text to Mistral's servers and "
        "is used only when named. Changing it puts every vector in anew.",
        "Lo que dice cuánto se parecen dos textos en significado. `auto` toma el modelo de `onnx_folder`, si no uno de un "
        "Ollama local, si no `hash`, que compara letras y no necesita nada. `mistral` manda texto a los servidores de Mistral "
        "y solo se usa si se nombra. Al cambiarlo se rehacen todos los vectores.",
    )
    onnx_folder: Folder = setting(
        Path("embedder"),
        "The folder with `model.onnx` and `tokenizer.json`, relative to the data folder. `python -m bot embedder-pull` fills "
        "it.",
        "La carpeta con `model.onnx` y `tokenizer.json`, relativa a la de datos. `python -m bot embedder-pull` la llena.",
    )
    embedder_model: ModelName = setting(
        "",
        "Which model of Ollama or Mistral embeds; empty takes the best one installed, or `mistral-embed`.",
        "Qué modelo de Ollama o Mistral se usa; vacío toma el mejor instalado, o `mistral-embed`.",
    )
    embedder_source: ShortText = setting(
        "multilingual-e5-small",
        "What `embedder-pull` fetches: a name it knows, or the address of a folder with the two files.",
        "Lo que trae `embedder-pull`: un nombre que conoce, o la dirección de una carpeta con los dos ficheros.",
    )
    extraction: Annotated[Literal["auto", "rules"], Accepts("words", ("auto", "rules"))] = setting(
        "auto",
        "How facts are drawn from what people say. `rules` needs nothing; `auto` also asks the language model, where one runs "
        "locally and has nothing else to do.",
        "Cómo se sacan hechos de lo que dice la gente. `rules` no necesita nada; `auto` pregunta además al modelo de lenguaje, "
        "si hay uno local y está libre.",
    )
    most: Whole = setting(
        20_000,
        "The most that is remembered of one person; beyond it the oldest of what was merely said goes first.",
        "Lo más que se recuerda de una persona; a partir de ahí se va primero lo más antiguo de lo que solo se dijo.",
        unit="memories",
        ge=10,
        le=1_000_000,
    )
    keep_days: Whole = setting(
        0,
        "How long a memory is kept; 0 is for ever. What repeats a conversation goes with it (`store.retention_days`).",
        "Cuánto se guarda un recuerdo; 0 es siempre. Lo que repite una conversación se va con ella (`store.retention_days`).",
        unit="days",
        ge=0,
        le=36_500,
    )
    chroma_server: Url = setting(
        "",
        "A Chroma server for the vectors, such as `http://127.0.0.1:8000`; empty keeps them in the data folder. It gets ids "
        "and vectors, never text.",
        "Un servidor Chroma para los vectores, como `http://127.0.0.1:8000`; vacío los guarda en la carpeta de datos. Recibe "
        "identificadores y vectores, nunca texto.",
    )
    chroma_token: Token = setting(
        None, "Secret. Only where that server asks for one.", "Secreto. Solo si ese servidor lo pide."
    )
