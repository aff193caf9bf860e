"""What a value in the configuration may be: the types and checks that settings are made of."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

BUILT_PROVIDERS: Final = ("auto", "offline", "scripted")
LATER_PROVIDERS: Final = ("ollama", "mistral", "openai")
TOKEN_MIN_CHARS: Final = 16


def setting(default: object, en: str, es: str, *, unit: str = "", ge: float | None = None, le: float | None = None) -> Any:
    """A field with its reason in both languages."""
    extra: dict[str, Any] = {"es": es, "unit": unit}
    return Field(
        default,
        description=en,
        ge=ge,
        le=le,
        allow_inf_nan=False if isinstance(default, float) else None,
        json_schema_extra=extra,
    )


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("wrong_number", "not a number")
    return value


def _split(value: object) -> object:
    """Items of a text such as `1, 2` or `[1, 2]`, as the environment gives lists; anything else as it is."""
    if not isinstance(value, str):
        return value
    return [item.strip(" \"'") for item in value.strip().removeprefix("[").removesuffix("]").split(",") if item.strip(" \"'")]


def _provider(value: str) -> str:
    if value in LATER_PROVIDERS:
        raise PydanticCustomError("later_provider", "not built yet")
    if value not in BUILT_PROVIDERS:
        raise PydanticCustomError("unknown_provider", "not known")
    return value


def _token(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    text = value.get_secret_value()
    if len(text) < TOKEN_MIN_CHARS or not text.isascii() or not text.isprintable() or " " in text:
        raise PydanticCustomError("weak_token", "too short or not plain")
    return value


def _zone(value: str) -> str:
    if value:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise PydanticCustomError("unknown_zone", "not a zone") from None
    return value


def _path(value: Path) -> Path:
    if "\0" in str(value) or not str(value).strip():
        raise PydanticCustomError("bad_path", "not a path")
    try:
        return value.expanduser()
    except RuntimeError:
        raise PydanticCustomError("bad_path", "no such home") from None


def _empty_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _host(value: str) -> str:
    text = value.strip().removeprefix("[").removesuffix("]")
    if (
        not text
        or not text.isascii()
        or any(letter in "/@ \t\n?#" for letter in text)
        or (":" in text and not _is_address(text))
    ):
        raise PydanticCustomError("bad_host", "not a host")
    return text


def _country(value: str) -> str:
    if value and not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise PydanticCustomError("bad_country", "not a country")
    return value.upper()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Accepts:
    """What kind of value a setting takes, for messages and documents; `words` where it chooses from some."""

    kind: Literal[
        "whole", "number", "flag", "token", "folder", "file", "host", "hosts", "words", "list", "zone", "country", "ids", "text"
    ]
    words: tuple[str, ...] = ()


Whole = Annotated[int, BeforeValidator(_not_bool), Accepts("whole")]
Real = Annotated[float, BeforeValidator(_not_bool), Accepts("number")]
Flag = Annotated[bool, Accepts("flag")]
Token = Annotated[SecretStr | None, AfterValidator(_token), Accepts("token")]
Folder = Annotated[Path, AfterValidator(_path), Accepts("folder")]
PemFile = Annotated[Annotated[Path, AfterValidator(_path)] | None, BeforeValidator(_empty_is_none), Accepts("file")]
Host = Annotated[str, AfterValidator(_host), Accepts("host")]
Hosts = Annotated[tuple[Host, ...], BeforeValidator(_split), Accepts("hosts")]
Provider = Annotated[str, AfterValidator(_provider), Accepts("words", BUILT_PROVIDERS)]
Providers = Annotated[tuple[Provider, ...], BeforeValidator(_split), Accepts("list", BUILT_PROVIDERS)]
Zone = Annotated[str, AfterValidator(_zone), Accepts("zone")]
Country = Annotated[str, AfterValidator(_country), Accepts("country")]
ShortText = Annotated[str, Field(min_length=1, max_length=40), Accepts("text")]
LongText = Annotated[str, Field(max_length=100_000), Accepts("text")]
_Id = Annotated[int, BeforeValidator(_not_bool), Field(ge=1, lt=2**63)]
AdminIds = Annotated[tuple[_Id, ...], BeforeValidator(_split), Accepts("ids")]


class Section(BaseModel):
    """A table of `config.toml`: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine and nothing else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
