"""The commands, the same on every channel: their names in both languages and what they do, in one line each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: its English name (the one that handlers see), its Spanish names, and its summary in both languages.

    What may stand behind it is the `argumento` in Spanish, where that is another than the `argument` in English.

    The summary of one that `is_for_admins` says so: where lists are the same for everybody, that is how they learn it.
    """

    name: str
    spanish: tuple[str, ...]
    summary: str
    resumen: str
    argument: str = ""
    argumento: str = ""
    is_for_admins: bool = False


COMMANDS: tuple[Command, ...] = (
    Command(name="start", spanish=("empezar",), summary="say hello and set things up", resumen="saludar y empezar"),
    Command(name="help", spanish=("ayuda",), summary="what I can do", resumen="qué sé hacer"),
    Command(name="new", spanish=("nueva",), summary="start a new conversation", resumen="empezar una conversación nueva"),
    Command(name="stop", spanish=("parar",), summary="stop the answer being written", resumen="parar la respuesta en curso"),
    Command(
        name="again", spanish=("repetir",), summary="answer the last question again", resumen="responder otra vez a lo último"
    ),
    Command(
        name="why",
        spanish=("porque", "por_que"),
        summary="what the last answer rests on, and which model wrote it",
        resumen="en qué se apoya la última respuesta y qué modelo la escribió",
    ),
    Command(
        name="language",
        spanish=("idioma",),
        argument="es|en",
        summary="choose Spanish or English",
        resumen="elegir español o inglés",
    ),
    Command(
        name="profile",
        spanish=("perfil",),
        argument="on|off|reset",
        argumento="encender|apagar|borrar",
        summary="how you like things explained, and what I do with it",
        resumen="cómo prefieres que te explique, y qué hago con ello",
    ),
    Command(
        name="memory",
        spanish=("memoria",),
        argument="on|off",
        argumento="encender|apagar",
        summary="what I remember of you, to see, correct and forget it",
        resumen="qué recuerdo de ti, para verlo, corregirlo y olvidarlo",
    ),
    Command(
        name="remember",
        spanish=("recuerda",),
        argument="TEXT",
        argumento="TEXTO",
        summary="have me note something about you",
        resumen="que anote algo sobre ti",
    ),
    Command(
        name="forget",
        spanish=("olvida",),
        argument="WHAT",
        argumento="QUÉ",
        summary="find something I remember and forget it",
        resumen="buscar algo que recuerdo y olvidarlo",
    ),
    Command(
        name="share",
        spanish=("compartir",),
        summary="corrections of yours that may answer everybody",
        resumen="correcciones tuyas que pueden servir a todo el mundo",
    ),
    Command(name="mydata", spanish=("misdatos",), summary="everything I hold about you", resumen="todo lo que guardo de ti"),
    Command(name="forgetme", spanish=("olvidame",), summary="erase everything about you", resumen="borrar todo lo tuyo"),
    Command(
        name="link",
        spanish=("vincular",),
        argument="CODE",
        argumento="CÓDIGO",
        summary="be one person to me in two places",
        resumen="ser la misma persona para mí en dos sitios",
    ),
    Command(
        name="unlink",
        spanish=("desvincular",),
        summary="separate this place from the others again",
        resumen="separar este sitio de los demás",
    ),
    Command(
        name="about",
        spanish=("acerca",),
        summary="what I am and where your words go",
        resumen="qué soy y adónde van tus palabras",
    ),
    Command(
        name="admin",
        spanish=("admin",),
        argument="status|night|queue|users|…",
        argumento="estado|noche|cola|usuarios|…",
        summary="how everything is, training files, people, models, usage (admins only)",
        resumen="cómo está todo, archivos de entrenamiento, personas, modelos, uso (solo para quienes administran)",
        is_for_admins=True,
    ),
)

_NAMES = {name: command.name for command in COMMANDS for name in (command.name, *command.spanish)}
_PLAIN = str.maketrans("áéíóúñ", "aeioun")


def parse_command(text: str) -> tuple[str, str] | None:
    """The English name and the argument text of a known command, else None. `/Olvídame@martin_bot now` is `forgetme`, `now`."""
    if not text.startswith("/"):
        return None
    word = text[1:].split(maxsplit=1)[0] if text[1:2].strip() else ""
    name = _NAMES.get(word.partition("@")[0].lower().translate(_PLAIN))
    return None if name is None else (name, text[1 + len(word) :].strip())
