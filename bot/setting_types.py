"""What a value in the configuration may be: the types and checks that settings are made of."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

PROVIDERS: Final = ("auto", "ollama", "mistral", "openai", "offline", "scripted")
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
    if value not in PROVIDERS:
        raise PydanticCustomError("unknown_provider", "not known")
    return value


def _token(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    text = value.get_secret_value()
    if len(text) < TOKEN_MIN_CHARS or not text.isascii() or not text.isprintable() or " " in text:
        raise PydanticCustomError("weak_token", "too short or not plain")
    return value


def _key(value: SecretStr | None) -> SecretStr | None:
    text = value.get_secret_value().strip() if value is not None else ""
    if not text:
        return None
    if not text.isascii() or not text.isprintable() or " " in text:
        raise PydanticCustomError("bad_key", "not plain")
    return SecretStr(text)


def _url(value: str) -> str:
    """An address as `http://host:port/path`, without a slash at its end; what Ollama allows in `OLLAMA_HOST` is filled in."""
    text = value.strip(" \t\n\"'")
    if not text:
        return ""
    if _is_address(text) and ":" in text:
        text = f"[{text}]"
    try:
        parts = urlsplit(text if "://" in text else "http://" + (f"127.0.0.1{text}" if text.startswith(":") else text))
        port = parts.port
    except ValueError:
        raise PydanticCustomError("bad_url", "not an address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise PydanticCustomError("bad_url", "not an address")
    host = _host(parts.hostname)
    # What a server listens on is not where it is found: Ollama's own client does the same.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — compared, not bound
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port is not None else ''}{parts.path.rstrip('/')}"


def _ollama_url(value: str) -> str:
    """An address of Ollama: without scheme and port it is on port 11434, as its own client has it."""
    address = _url(value)
    parts = urlsplit(address)
    return address if not address or parts.port or "://" in value else f"{address}:11434"


def _gateway(value: str) -> str:
    """A WebSocket address, without a slash at its end."""
    scheme, _, rest = value.strip().partition("://")
    if scheme and (not rest or scheme not in ("ws", "wss")):
        raise PydanticCustomError("bad_url", "not an address")
    return _url(f"http{scheme[2:]}://{rest}").replace("http", "ws", 1) if rest else ""


def _platform_user(value: str) -> str:
    """`telegram:1234`."""
    platform, _, number = value.strip().lower().partition(":")
    if platform not in ("telegram", "discord") or not number.isascii() or not number.isdigit() or len(number) > 20:
        raise PydanticCustomError("bad_person", "not a platform's user")
    return f"{platform}:{int(number)}"


def _prefix(value: str) -> str:
    text = value.strip()
    if len(text) > 20 or any(letter.isspace() or not letter.isprintable() for letter in text) or text.startswith("/"):
        raise PydanticCustomError("bad_prefix", "not a prefix")
    return text


def _model(value: str) -> str:
    text = value.strip()
    if len(text) > 200 or not all(letter.isascii() and (letter.isalnum() or letter in "._:/@+-") for letter in text):
        raise PydanticCustomError("bad_model", "not a name")
    return text


def _digest(value: str) -> str:
    text = value.strip().lower().removeprefix("sha256:")
    if text and (not 12 <= len(text) <= 64 or not set(text) <= set("0123456789abcdef")):
        raise PydanticCustomError("bad_digest", "not a digest")
    return text


def _currency(value: str) -> str:
    if not (len(value) == 3 and value.isascii() and value.isalpha()):
        raise PydanticCustomError("bad_currency", "not a currency")
    return value.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in currency per million tokens. `model` may hold `*`, which stands for anything."""

    model: str
    of_prompt: float
    of_answer: float

    def __str__(self) -> str:
        """As the setting is written."""
        return f"{self.model}={self.of_prompt:g}/{self.of_answer:g}"


def _price(value: object) -> object:
    """A price out of `MODEL=IN/OUT`."""
    if isinstance(value, Price):
        return value
    model, _, amounts = str(value).partition("=")
    of_prompt, _, of_answer = amounts.partition("/")
    try:
        prices = float(of_prompt), float(of_answer)
    except ValueError:
        raise PydanticCustomError("bad_price", "not a price") from None
    if not model.strip() or not all(0 <= price <= 1e6 for price in prices):
        raise PydanticCustomError("bad_price", "not a price")
    return Price(model=model.strip(), of_prompt=prices[0], of_answer=prices[1])


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
        "whole",
        "number",
        "flag",
        "token",
        "folder",
        "file",
        "host",
        "hosts",
        "words",
        "list",
        "zone",
        "country",
        "ids",
        "text",
        "key",
        "url",
        "model",
        "digest",
        "prices",
        "currency",
        "gateway",
        "people",
        "prefix",
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
Provider = Annotated[str, AfterValidator(_provider), Accepts("words", PROVIDERS)]
Providers = Annotated[tuple[Provider, ...], BeforeValidator(_split), Accepts("list", PROVIDERS)]
ApiKey = Annotated[SecretStr | None, AfterValidator(_key), Accepts("key")]
Url = Annotated[str, AfterValidator(_url), Accepts("url")]
OllamaUrl = Annotated[str, AfterValidator(_ollama_url), Accepts("url")]
ModelName = Annotated[str, AfterValidator(_model), Accepts("model")]
Digest = Annotated[str, AfterValidator(_digest), Accepts("digest")]
GatewayUrl = Annotated[str, AfterValidator(_gateway), Accepts("gateway")]
_PlatformUser = Annotated[str, AfterValidator(_platform_user)]
People = Annotated[tuple[_PlatformUser, ...], BeforeValidator(_split), Accepts("people")]
"""Users of platforms, as `telegram:1234`."""
Prefix = Annotated[str, AfterValidator(_prefix), Accepts("prefix")]
Prices = Annotated[tuple[Annotated[Price, BeforeValidator(_price)], ...], BeforeValidator(_split), Accepts("prices")]
Currency = Annotated[str, AfterValidator(_currency), Accepts("currency")]
Zone = Annotated[str, AfterValidator(_zone), Accepts("zone")]
Country = Annotated[str, AfterValidator(_country), Accepts("country")]
ShortText = Annotated[str, Field(min_length=1, max_length=40), Accepts("text")]
LongText = Annotated[str, Field(max_length=100_000), Accepts("text")]
_Id = Annotated[int, BeforeValidator(_not_bool), Field(ge=1, lt=2**63)]
AdminIds = Annotated[tuple[_Id, ...], BeforeValidator(_split), Accepts("ids")]


class Section(BaseModel):
    """A table of `config.toml`: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def host_of(address: str) -> str:
    """The host of an `http://host:port/path`."""
    return urlsplit(address).hostname or ""


NEAR_NAMES: Final = (".localhost", ".local", ".lan", ".internal", ".home.arpa")


def is_near(host: str) -> bool:
    """Whether `host` is this machine or in a private network, told from its name or address alone: nobody is asked for it.

    A name without a dot (`ollama` in a compose file) and the names that never leave a house (RFC 6762, RFC 8375) count.
    """
    name = host.strip("[]").lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        is_bare = bool(name) and "." not in name and not name[0].isdigit()  # 0x08080808 is an address, whoever reads it
        return name == "localhost" or is_bare or name.endswith(NEAR_NAMES)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or any(address in net for net in _PRIVATE if net.version == address.version)


_PRIVATE: Final = tuple(
    ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10")
)
"""RFC 1918, RFC 4193, and IPv6's own link. Not 169.254.0.0/16: providers answer there with the machine's credentials."""


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine and nothing else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
