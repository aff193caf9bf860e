"""What is wrong with a setting, in words for the operator that never show the value: it may be a secret in the wrong place."""

from __future__ import annotations

import difflib
import re
import ssl
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.errors import Problem
from bot.locale import say
from bot.model_settings import ModelSettings
from bot.setting_types import TOKEN_MIN_CHARS, host_of, is_near
from bot.settings import accepts, every_setting, is_secret

PathOf = tuple[str, ...]
PREFIX = "MARTIN_"
KNOWN: dict[PathOf, FieldInfo] = dict(every_setting())
CERTIFICATE: PathOf = ("web", "certificate")
CERTIFICATE_KEY: PathOf = ("web", "certificate_key")
_PEM_MAX_BYTES = 1 << 20
MISTRAL_KEY: PathOf = ("models", "mistral", "api_key")
OPENAI_URL: PathOf = ("models", "openai", "base_url")
MISTRAL_HOTTEST = 1.5
"""The highest temperature of Mistral's interface (its published description, 2026-11)."""
PLATFORM: Mapping[str, PathOf] = {"PORT": ("web", "port")}
"""Names that hosting platforms set for whoever runs there; only our own name in the environment beats them."""
ALIASES: Mapping[str, PathOf] = {
    "OLLAMA_HOST": ("models", "ollama", "host"),
    "MISTRAL_API_KEY": MISTRAL_KEY,
}
"""Names that others gave to a setting of ours; wherever ours is set, it wins."""


def environment_name(path: PathOf) -> str:
    """`MARTIN_WEB__PORT` for `web.port`."""
    return PREFIX + "__".join(path).upper()


BY_NAME: dict[str, PathOf] = {environment_name(path): path for path in KNOWN}


def unknown_name(name: str, where: str, language: str) -> Problem:
    """A `MARTIN_…` name that is no setting.

    A forgotten `=` glues a secret to its name: so only the letters of a name are shown, and nothing behind a known secret's.
    """
    shown = re.match(r"\w*", name, re.ASCII)
    plain = shown.group()[:60].upper() if shown else PREFIX
    glued = next((known for known, path in BY_NAME.items() if is_secret(KNOWN[path]) and plain.startswith(known)), None)
    reason = say(language, "there is no setting of this name")
    if glued is not None:
        return Problem(path=f"{where}{glued}…", reason=reason, nearest=glued)
    accepted = say(language, "the names in docs/settings.md")
    return Problem(path=where + plain, reason=reason, accepted=accepted, nearest=_nearest(plain, BY_NAME))


def explain(detail: ErrorDetails, names: Mapping[PathOf, str], file: Path, language: str) -> Problem:
    """One finding of pydantic's. `names` says how each given setting is called where it was given."""
    path = tuple(str(part) for part in detail["loc"])
    known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in KNOWN), None)
    if known is not None:
        return Problem(
            path=names.get(known, ".".join(known)),
            reason=_reason(detail["type"], language),
            accepted=accepted_values(KNOWN[known], language),
            nearest=_nearest(str(detail["input"]), accepts(KNOWN[known]).words),
        )
    place = f"{file.name}: {'.'.join(path)}"
    parent = path[:-1]
    siblings = sorted({known[len(parent)] for known in KNOWN if known[: len(parent)] == parent and len(known) > len(parent)})
    near = _nearest(path[-1], siblings)
    nearest = ".".join((*parent, near)) if near else _nearest(".".join(path), [".".join(known) for known in KNOWN])
    reason = say(language, "there is no setting of this name")
    return Problem(path=place, reason=reason, accepted=", ".join(siblings), nearest=nearest)


def accepted_values(field: FieldInfo, language: str) -> str:
    """What the setting may be, in a few words."""
    takes = accepts(field)
    words = ", ".join(takes.words)
    least, most = _bound(field, "ge"), _bound(field, "le")
    known = {
        "whole": say(language, "a whole number from {least} to {most}", least=least, most=most),
        "number": say(language, "a number from {least} to {most}", least=least, most=most),
        "flag": "true, false",
        "token": say(language, "at least {count} plain characters without spaces", count=TOKEN_MIN_CHARS),
        "folder": say(language, "a folder"),
        "file": say(language, "a PEM file, or empty"),
        "host": say(language, "a host name or address, without port"),
        "hosts": say(language, "a list of host names or addresses"),
        "words": words,
        "list": say(language, "a list of: {words}", words=words),
        "zone": say(language, "a time zone such as `Europe/Madrid`, or empty"),
        "country": say(language, "a two-letter country code, or empty"),
        "ids": say(language, "a list of positive whole numbers, such as `[1234, 5678]`"),
        "key": say(language, "plain characters without spaces"),
        "url": say(language, "an address such as `http://127.0.0.1:11434`"),
        "model": say(language, "a model's name such as `ministral-3:3b`, or empty"),
        "digest": say(language, "at least 12 hexadecimal digits, or empty"),
        "prices": say(language, "a list of `MODEL=IN/OUT` per million tokens, such as `mistral/*=0.10/0.30`"),
        "gateway": say(language, "an address such as `wss://gateway.discord.gg`, or empty"),
        "people": say(language, "a list such as `telegram:1234, discord:5678`"),
        "prefix": say(language, "at most {count} characters without spaces that do not begin with `/`, or empty", count=20),
        "currency": say(language, "a three-letter currency code such as `EUR`"),
        "text": say(language, "a text of at most {count} characters", count=_bound(field, "max_length")),
    }
    return known[takes.kind]


def model_problems(models: ModelSettings, names: Mapping[PathOf, str], language: str) -> Iterator[Problem]:
    """What the named providers lack, and addresses to which text would travel in the clear."""
    named_in: PathOf = ("models", "chain" if models.chain else "provider")
    where = names.get(named_in, ".".join(named_in))
    if "mistral" in models.named and models.mistral.api_key is None:
        accepted = say(language, "{name} in the environment or in `.env`", name=environment_name(MISTRAL_KEY))
        yield Problem(path=where, reason=say(language, "`mistral` needs a key"), accepted=accepted)
    if "openai" in models.named and not models.openai.base_url:
        accepted = say(language, "{name}, such as http://127.0.0.1:8000/v1", name=environment_name(OPENAI_URL))
        yield Problem(path=where, reason=say(language, "`openai` needs the server's address"), accepted=accepted)
    if "mistral" in models.named and models.temperature > MISTRAL_HOTTEST:
        path: PathOf = ("models", "temperature")
        reason = say(language, "Mistral takes at most {most}", most=MISTRAL_HOTTEST)
        accepted = say(language, "a number from 0 to {most}", most=MISTRAL_HOTTEST)
        yield Problem(path=names.get(path, ".".join(path)), reason=reason, accepted=accepted)
    addresses = {"ollama": models.ollama.host, "mistral": models.mistral.server_url, "openai": models.openai.base_url}
    settings = {"ollama": "host", "mistral": "server_url", "openai": "base_url"}
    for provider, address in addresses.items():
        if provider in models.named and address.startswith("http:") and not is_near(host_of(address)):
            path = ("models", provider, settings[provider])
            reason = say(language, "text and key would cross the internet in the clear")
            yield Problem(path=names.get(path, ".".join(path)), reason=reason, accepted=say(language, "an https:// address"))


def certificate_problems(certificate: Path, key: Path, names: Mapping[PathOf, str], language: str) -> Iterator[Problem]:
    """What is wrong with the page's certificate and its key. Reads both files; shows nothing of them, nor their names."""
    accepted = say(language, "a PEM file; `python -m bot certificate` makes both")
    is_readable = True
    for path, file in ((CERTIFICATE, certificate), (CERTIFICATE_KEY, key)):
        if reason := _unreadable(file, language):
            is_readable = False
            yield Problem(path=names[path], reason=reason, accepted=accepted)
    if is_readable and (found := _unusable(certificate, key, language)) is not None:
        path, reason = found
        yield Problem(path=names[path], reason=reason, accepted=accepted)


def lonely_certificate(path: PathOf, names: Mapping[PathOf, str], language: str) -> Problem:
    """The certificate or its key stands at `path`, and the other one nowhere."""
    other = environment_name(CERTIFICATE_KEY if path == CERTIFICATE else CERTIFICATE)
    reason = say(language, "a certificate and its key belong together, and only one is given")
    return Problem(path=names[path], reason=reason, accepted=say(language, "{name} as well, or neither", name=other))


def _unreadable(file: Path, language: str) -> str:
    """Why this file cannot be read, empty when it can. Nothing but a plain file is opened: a pipe would wait for ever."""
    try:
        facts = file.stat()
        if not stat.S_ISREG(facts.st_mode):
            return say(language, "this is not a file")
        if facts.st_size > _PEM_MAX_BYTES:
            return say(language, "it is larger than 1 MiB")
        with file.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        return say(language, "it cannot be read ({cause})", cause=error.strerror or type(error).__name__)
    return ""


def _unusable(certificate: Path, key: Path, language: str) -> tuple[PathOf, str] | None:
    """Which of two readable files cannot be served with, and why; None when TLS takes them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asked: list[bool] = []

    def passphrase() -> str:
        """There is none: without this, OpenSSL would ask at the terminal."""
        asked.append(True)
        return ""

    try:
        context.load_verify_locations(certificate)
    except ssl.SSLError:
        return CERTIFICATE, say(language, "it holds no certificate in PEM form")
    try:
        context.load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        if asked:
            return CERTIFICATE_KEY, say(language, "the key is locked with a passphrase")
        reason = error.reason or ""
        if "MISMATCH" in reason or reason == "NO_CERTIFICATE_ASSIGNED":  # the latter where it is of another kind
            return CERTIFICATE_KEY, say(language, "this key does not belong to the certificate")
        if "TOO_SMALL" in reason or "TOO_WEAK" in reason:
            return CERTIFICATE, say(language, "the certificate is too weak for today's browsers")
        return CERTIFICATE_KEY, say(language, "it holds no private key in PEM form")
    return None


def _bound(field: FieldInfo, name: str) -> object:
    return next((getattr(item, name) for item in field.metadata if hasattr(item, name)), "")


def _reason(type_of_error: str, language: str) -> str:
    """Words for pydantic's type of error, or for one of `bot.setting_types`."""
    known = {
        ("wrong_number", "int_type", "int_parsing", "int_from_float", "int_parsing_size", "float_type", "float_parsing"): say(
            language, "this is not such a number"
        ),
        ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"): say(
            language, "the number is out of bounds"
        ),
        ("bool_type", "bool_parsing"): say(language, "this is neither true nor false"),
        ("weak_token",): say(language, "the token is too weak or not plain text"),
        ("literal_error", "unknown_provider"): say(language, "this is not one of the accepted words"),
        ("tuple_type", "list_type"): say(language, "this is not a list"),
        ("string_too_short", "string_too_long"): say(language, "the text is too short or too long"),
    }
    unusable = say(language, "this value cannot be used here")
    return next((text for types, text in known.items() if type_of_error in types), unusable)


def _nearest(word: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), "")
