"""The application's commands: set all at once, checked as Discord checks them, and read back."""

from __future__ import annotations

import re
from typing import Final

from tests.servers.discord.calls import Answer, Call, Route
from tests.servers.discord.nouns import Json
from tests.servers.discord.refusals import Form, refusal

LOCALES: Final = frozenset(
    (
        *("id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no", "pl", "pt-BR", "ro"),
        *("fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja", "zh-TW", "ko"),
    )
)
_NAME: Final = re.compile(r"[-_'\w]{1,32}", re.UNICODE)
_MOST: Final = {1: 100, 2: 15, 3: 15}
_MOST_CHARS: Final = 8000


def set_commands(call: Call) -> Answer:
    """Put these commands in the place of all that were there; a known name of the same kind keeps its id."""
    _own(call)
    given: list[Json] = call.payload or []
    form = Form()
    for number, one in enumerate(given):
        _check(form, number, one)
    keys = [(one.get("type") or 1, one.get("name")) for one in given]
    for kind, most in _MOST.items():
        if sum(1 for one, _ in keys if one == kind) > most:
            form.wrong(code="APPLICATION_COMMAND_TOO_MANY", message=f"There may be {most} commands of kind {kind}.")
    for number, key in enumerate(keys):
        if key in keys[:number]:
            form.wrong(number, code="APPLICATION_COMMANDS_DUPLICATE_NAME", message="Application command names must be unique")
    form.done()
    known = {(one["type"], one["name"]): one["id"] for one in call.world.commands}
    call.world.commands = [_registered(call, one, known) for one in given]
    call.world.touch()
    return Answer(200, call.world.commands)


def get_commands(call: Call) -> Answer:
    """The commands that are there."""
    _own(call)
    with_names = call.query.get("with_localizations", "").lower() in ("1", "true")
    hidden = () if with_names else ("name_localizations", "description_localizations")
    return Answer(200, [{key: value for key, value in one.items() if key not in hidden} for one in call.world.commands])


def _own(call: Call) -> None:
    if call.id("application_id") != call.world.bot.id:
        raise refusal(50001)


def _registered(call: Call, one: Json, known: dict[tuple[int, str], str]) -> Json:
    kind = one.get("type") or 1
    kept = {key: value for key, value in one.items() if key not in ("handler", "id")}
    permissions = one.get("default_member_permissions")
    shape = {
        "id": known.get((kind, one["name"])) or str(call.world.ids.new()),
        "application_id": str(call.world.bot.id),
        "version": str(call.world.ids.new()),
        "type": kind,
        "default_member_permissions": None if permissions is None else str(permissions),
        "description": one.get("description") or "",
        "dm_permission": one.get("dm_permission", True),
        "contexts": one.get("contexts"),
        "integration_types": one.get("integration_types") or [0],
        "nsfw": bool(one.get("nsfw")),
    }
    kept["options"] = [_without_none(option) for option in one.get("options") or []]
    return _without_none(kept) | shape


def _without_none(one: Json) -> Json:
    kept = {key: value for key, value in one.items() if value is not None}
    if isinstance(kept.get("options"), list):
        kept["options"] = [_without_none(option) for option in kept["options"]]
    return kept


def _check(form: Form, number: int, one: Json) -> None:
    """One command: its name and what it says of itself, in every language, and its options."""
    kind = one.get("type") or 1
    names = [("name", one.get("name") or "")]
    names += [(f"name_localizations.{locale}", name) for locale, name in (one.get("name_localizations") or {}).items()]
    for place, name in names:
        _check_name(form, (number, *place.split(".")), name, is_slash=kind == 1)
    if kind == 1:
        _check_described(form, (number,), one)
        _check_options(form, (number,), one.get("options") or [])
    elif one.get("description"):
        form.wrong(number, "description", code="BASE_TYPE_MAX_LENGTH", message="Must be 0 in length.")
    for key in ("name_localizations", "description_localizations"):
        for locale in one.get(key) or {}:
            if locale not in LOCALES:
                form.wrong(number, key, locale, code="BASE_TYPE_CHOICES", message="Unknown locale.")
    if _chars(one) > _MOST_CHARS:
        form.wrong(number, code="APPLICATION_COMMAND_TOO_LARGE", message=f"Command exceeds maximum size ({_MOST_CHARS})")


def _check_name(form: Form, place: tuple[str | int, ...], name: str, *, is_slash: bool) -> None:
    form.length(*place, value=name, least=1, most=32)
    if is_slash and (not _NAME.fullmatch(name) or name != name.lower()):
        form.wrong(*place, code="APPLICATION_COMMAND_INVALID_NAME", message="Command name is invalid")


def _check_described(form: Form, place: tuple[str | int, ...], one: Json) -> None:
    form.length(*place, "description", value=one.get("description") or "", least=1, most=100)
    for locale, text in (one.get("description_localizations") or {}).items():
        form.length(*place, "description_localizations", locale, value=text, least=1, most=100)


def _check_options(form: Form, place: tuple[str | int, ...], options: list[Json]) -> None:
    form.length(*place, "options", value=options, most=25)
    is_optional = False
    for number, one in enumerate(options):
        here = (*place, "options", number)
        _check_name(form, (*here, "name"), one.get("name") or "", is_slash=True)
        for locale, name in (one.get("name_localizations") or {}).items():
            _check_name(form, (*here, "name_localizations", locale), name, is_slash=True)
        _check_described(form, here, one)
        form.length(*here, "choices", value=one.get("choices"), most=25)
        if is_optional and one.get("required"):
            form.wrong(
                *here,
                code="APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                message="Required options must be placed before non-required options",
            )
        is_optional = is_optional or not one.get("required")
        if one.get("type") in (1, 2):
            is_optional = False
            _check_options(form, here, one.get("options") or [])


def _chars(one: Json) -> int:
    """The characters that count towards a command's size: names, descriptions and values, the longest language of each."""
    whole = 0
    for key in ("name", "description"):
        whole += max(len(text) for text in (one.get(key) or "", *(one.get(f"{key}_localizations") or {}).values()))
    whole += sum(len(str(choice.get("name"))) + len(str(choice.get("value"))) for choice in one.get("choices") or [])
    return whole + sum(_chars(option) for option in one.get("options") or [])


ROUTES: Final = (
    Route("GET", "/applications/{application_id}/commands", get_commands),
    Route("PUT", "/applications/{application_id}/commands", set_commands),
)
