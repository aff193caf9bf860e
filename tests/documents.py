"""The pages of `docs/` that are made from code, and `config.toml`: `python -m tests.documents` writes them anew."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo

from bot.__main__ import build_cli
from bot.commands import COMMANDS
from bot.setting_problems import accepted_values, environment_name
from bot.settings import every_setting, is_secret
from web.routes_doc import markdown as routes_markdown

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MADE = {"en": "<!-- Made from the code by `make docs`. -->", "es": "<!-- Hecha a partir del código con `make docs`. -->"}
SECTIONS = {
    "": ("The folder of everything the bot keeps", "La carpeta con todo lo que guarda el bot"),
    "bot": ("Who the bot is", "Quién es el bot"),
    "web": ("The page", "La página"),
    "admins": ("Who administers", "Quién administra"),
    "models": ("What answers", "Qué responde"),
    "models.local": ("Deadlines of models on this machine", "Plazos de los modelos en esta máquina"),
    "models.remote": ("Deadlines of models elsewhere", "Plazos de los modelos de fuera"),
    "models.ollama": ("Ollama", "Ollama"),
    "models.mistral": ("Mistral: text leaves this machine", "Mistral: el texto sale de esta máquina"),
    "models.openai": ("Any OpenAI-compatible server", "Cualquier servidor compatible con OpenAI"),
    "models.scripted": ("The stand-in for tests", "El sustituto para pruebas"),
    "store": ("Database and backups", "Base de datos y copias"),
    "limits": ("Limits, counted per UTC day", "Límites, por día UTC"),
    "core": ("How a conversation runs", "Cómo transcurre una conversación"),
    "telegram": ("Telegram", "Telegram"),
    "discord": ("Discord", "Discord"),
    "groups": ("Groups", "Grupos"),
    "access": ("Who may talk with it", "Quién puede hablar con él"),
    "memory": ("What it remembers of what people say", "Lo que recuerda de lo que le dicen"),
    "recall": ("What it finds again of what people taught it", "Lo que recuerda de lo que le enseñan"),
    "profile": ("How answers follow a person's profile", "Cómo las respuestas siguen el perfil de cada persona"),
    "knowledge": ("Your own texts", "Tus propios textos"),
    "learning": ("What is made of feedback every night", "Lo que se hace cada noche con las valoraciones"),
    "language": ("Language", "Idioma"),
    "log": ("Logs", "Registros"),
    "privacy": ("Care", "Cuidado"),
}

SETTINGS_INTRO = {
    "en": """
        Each setting may stand in `config.toml` or, under the name of the second column, in `.env` or in the environment. The
        environment beats `.env`, which beats `config.toml`. Secrets do not belong into `config.toml`. An unknown name is an
        error. `python -m bot doctor` shows what differs from the defaults and where it comes from.""",
    "es": """
        Cada ajuste puede ir en `config.toml` o, con el nombre de la segunda columna, en `.env` o en el entorno. El entorno
        manda sobre `.env`, y `.env` sobre `config.toml`. Los secretos no van en `config.toml`. Un nombre desconocido es un
        error. `python -m bot doctor` muestra lo que difiere de los valores por defecto y de dónde viene.""",
}
COMMANDS_INTRO = {
    "en": """
        `python -m bot COMMAND` with the Python of `.venv`, or `.venv/bin/martin COMMAND`. It exits with 0 when all went well,
        1 when something failed, 2 when the configuration or the command is wrong, and 3 when another process uses the data
        folder. `--help` after any of them helps.""",
    "es": """
        `python -m bot ORDEN` con el Python de `.venv`, o `.venv/bin/martin ORDEN`. Sale con 0 si todo fue bien, 1 si algo
        falló, 2 si la configuración o la orden están mal y 3 si otro proceso usa la carpeta de datos. `--help` detrás de
        cualquiera ayuda.""",
}
ROUTES_INTRO = """
    What the page, the console and scripts use. A script sends `Authorization: Bearer SESSION`, any 16 to 128 of
    `[A-Za-z0-9_-]` of its own choice: the first use makes a person. Beyond loopback it also sends `X-Martin-Access: TOKEN`.
    Bodies are JSON, at most 1 MiB. Streams are `text/event-stream`. An error is `{"error": {"code", "message"}}`, or within a
    stream an `error` event with a `message`."""


def sections() -> list[tuple[str, list[tuple[tuple[str, ...], FieldInfo]]]]:
    """The settings by section, in order."""
    return [(name, list(group)) for name, group in groupby(every_setting(), key=lambda item: ".".join(item[0][:-1]))]


def toml_value(value: object) -> str:
    """A default as TOML writes it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else json.dumps(str(value), ensure_ascii=False)


def reason(field: FieldInfo, language: str) -> str:
    """What a setting is for."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    return str(field.description if language == "en" else extra["es"])


UNIDADES = {
    "": "", "1/s": "1/s", "h": "h", "min": "min", "ms": "ms", "s": "s", "tokens": "tokens",
    "backups": "copias", "characters": "caracteres", "conversations": "conversaciones", "days": "días",
    "exchanges": "intercambios", "folders": "carpetas", "memories": "recuerdos", "messages": "mensajes",
    "million parameters": "millones de parámetros", "passages": "pasajes", "per cent": "por ciento", "rows": "filas",
}  # fmt: skip


def unit(field: FieldInfo, language: str = "en") -> str:
    """Its unit, empty for none."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    return UNIDADES[str(extra["unit"])] if language == "es" else str(extra["unit"])


def config_toml() -> str:
    """Every setting with default, unit and reason."""
    lines = [
        "# Every setting of Martín with its default. The environment beats `.env`, which beats this file:",
        "# `web.port` is MARTIN_WEB__PORT there. Secrets do not belong here: put them into `.env` or the environment.",
        "# Unknown names are refused. `python -m bot doctor` shows what differs from the defaults and where it comes from.",
    ]
    for name, settings in sections():
        lines += ["", f"# {SECTIONS[name][0]}"] + ([f"[{name}]"] if name else [])
        for path, field in settings:
            accepted = accepted_values(field, "en").replace("`", "'")
            text = f"{reason(field, 'en')} {f'In {unit(field)}. ' if unit(field) else ''}Accepted: {accepted}."
            lines += ["", *textwrap.wrap(text, 116, initial_indent="# ", subsequent_indent="# ", break_long_words=False)]
            lines.append(f"# {environment_name(path)}" if is_secret(field) else f"{path[-1]} = {toml_value(field.default)}")
    return "\n".join(lines) + "\n"


def settings_page(language: str) -> str:
    """`docs/settings.md`."""
    spanish = language == "es"
    title = "# Ajustes" if spanish else "# Settings"
    intro = " ".join(SETTINGS_INTRO[language].split())
    lines = [MADE[language], "", title, "", intro]
    head = (
        "| ajuste | entorno | por defecto | admite | para qué |"
        if spanish
        else "| setting | environment | default | accepts | what for |"
    )
    for name, settings in sections():
        lines += ["", f"## {SECTIONS[name][spanish]}" + (f" `[{name}]`" if name else ""), "", head, "|---|---|---|---|---|"]
        for path, field in settings:
            default = ("ninguno" if spanish else "none") if is_secret(field) else f"`{toml_value(field.default)}`"
            cells = (
                f"`{'.'.join(path)}`",
                f"`{environment_name(path)}`",
                f"{default} {unit(field, language)}".strip(),
                accepted_values(field, language),
                reason(field, language),
            )
            lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def commands_page(language: str) -> str:
    """`docs/commands.md`: what people write in a chat, and the command line."""
    spanish = language == "es"
    lines = [
        MADE[language],
        "",
        "# Órdenes" if spanish else "# Commands",
        "",
        "## En la conversación" if spanish else "## In a chat",
        "",
    ]
    lines += [
        "Iguales en todos los canales. Valen los dos nombres, con acentos o sin ellos."
        if spanish
        else "The same on every channel. Both names work, with accents or without.",
        "",
        "| orden | en inglés | qué hace |" if spanish else "| command | in Spanish | what it does |",
        "|---|---|---|",
    ]
    for command in COMMANDS:
        in_english, in_spanish = (
            f" {argument}".replace("|", "/") if argument else ""
            for argument in (command.argument, command.argumento or command.argument)
        )
        names = ", ".join(f"`/{name}{in_spanish}`" for name in command.spanish)
        english = f"`/{command.name}{in_english}`"
        lines.append(
            f"| {names} | {english} | {command.resumen} |" if spanish else f"| {english} | {names} | {command.summary} |"
        )
    lines += ["", "## En la línea de órdenes" if spanish else "## On the command line", ""]
    lines.append(" ".join(COMMANDS_INTRO[language].split()))
    group: Any = typer.main.get_command(build_cli(language))
    for name, command in _single_commands(group):
        arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
        options = [parameter for parameter in command.params if parameter.param_type_name == "option" and parameter.help]
        usage = " ".join([name, *(str(argument.metavar) for argument in arguments)])
        lines += ["", f"### `{usage}`", "", command.help, ""]
        lines += [f"- `{argument.metavar}`: {argument.help}" for argument in arguments]
        lines += [f"- `{' '.join(filter(None, (option.opts[0], option.metavar)))}`: {option.help}" for option in options]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _single_commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Each command with its name; those of a group under the group's."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _single_commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def routes_page() -> str:
    """`docs/routes.md`: the page's HTTP surface."""
    intro = " ".join(ROUTES_INTRO.split())
    return f"{MADE['en']}\n\n# Routes\n\n{intro}\n\n{routes_markdown().rstrip()}\n"


PAGES: Mapping[Path, Callable[[], str]] = {
    ROOT / "config.toml": config_toml,
    DOCS / "settings.md": lambda: settings_page("en"),
    DOCS / "settings.es.md": lambda: settings_page("es"),
    DOCS / "commands.md": lambda: commands_page("en"),
    DOCS / "commands.es.md": lambda: commands_page("es"),
    DOCS / "routes.md": routes_page,
}


def main(arguments: Sequence[str]) -> int:
    """Write every page; `--check` only names those that are not in step."""
    stale = [path for path, make in PAGES.items() if not path.exists() or path.read_text("utf-8") != make()]
    for path in stale:
        print(path.relative_to(ROOT))
        if "--check" not in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(PAGES[path](), "utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
