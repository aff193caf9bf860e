"""Made-up personal data for measuring: all kinds in their usual spellings, in sentences of six languages; seeded."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from learning.planted_numbers import KINDS as NUMBERED
from learning.planted_numbers import Draw, Numbered, cut

_WORDS: Final[Mapping[str, Any]] = tomllib.loads((Path(__file__).parent / "planting.toml").read_text("utf-8"))
LANGUAGES: Final = ("es", "en", "pt", "fr", "de", "it")
UNSURE: Final = frozenset({"name", "address"})
"""Kinds that have no structure to find them by, reported apart."""
_WORD: Final = string.ascii_letters + string.digits
_URL_SAFE: Final = _WORD + "-_"


class Planted(NamedTuple):
    """`value` stands in `text` and must not be there any more once it is scrubbed."""

    kind: str
    language: str
    value: str
    text: str


class _Item(NamedTuple):
    """A value, the sentences that it may stand in, and the name of its document."""

    value: str
    said: str = "plain"
    label: str = ""
    is_bare: bool = True
    """Whether the value tells what it is, and so may stand in code with no word before it."""


class Planter:
    """Draws values and sentences; the same seed draws the same."""

    def __init__(self, seed: int) -> None:
        self._draw: Final = Draw(seed)
        self._kinds: Final[Mapping[str, Callable[[], _Item]]] = {
            "email": self._email,
            "phone": self._phone,
            "iban": self._iban,
            "card": self._card,
            "ip": self._ip,
            "mac": self._mac,
            "url": self._url,
            "key": self._key,
            "random": self._drawn,
            "password": self._password,
            "code": self._code,
            "handle": self._handle,
            **{kind: partial(self._numbered, drawn) for kind, drawn in NUMBERED.items()},
        }

    def planted(self, number: int) -> Planted:
        """The next structured item; kinds and languages take turns."""
        kinds = list(self._kinds)
        kind = kinds[number % len(kinds)]
        return self._set(kind, LANGUAGES[number // len(kinds) % len(LANGUAGES)], self._kinds[kind]())

    def unsure(self, number: int) -> Planted:
        """The next name or address."""
        language = LANGUAGES[number % len(LANGUAGES)]
        names = _WORDS["names"]
        if number // len(LANGUAGES) % 2:
            street = self._draw.random.choice(names["streets"][language]).replace("{n}", str(self._draw.random.randint(2, 199)))
            return self._set("address", language, _Item(street, "address"))
        name = f"{self._draw.random.choice(names['given'])} {self._draw.random.choice(names['family'])}"
        return self._set("name", language, _Item(name, "name"))

    def _set(self, kind: str, language: str, item: _Item) -> Planted:
        frames, value = _WORDS["frames"], item.value
        if item.is_bare and item.said in ("plain", "email", "phone", "handle") and self._draw.random.random() < 0.2:
            text = self._draw.random.choice(frames["code"]).format(value=value)
            return Planted(kind, language, value, text)
        is_framed = item.said in ("plain", "email", "phone", "handle", "id")
        framed = self._draw.random.choice(frames["any"]).format(value=value) if is_framed else value
        sentence = self._draw.random.choice(_WORDS[language][item.said]).format(value=framed, label=item.label)
        return Planted(kind, language, value, sentence)

    # People and machines ------------------------------------------------------------------------------------------------

    def _email(self) -> _Item:
        first, last = self._draw.some(string.ascii_lowercase, 5), self._draw.some(string.ascii_lowercase, 6)
        local = self._draw.one(
            f"{first}.{last}",
            f"{first}_{last}",
            f"{first}{self._draw.digits(2)}",
            f"{first}+{last}",
            f"{first.title()}.{last.title()}",
        )
        host = self._draw.one(
            "example.com", "example.org", "gmail.com", "mail.example.es", "correo.example.mx", "example.co.uk", "hotmail.com"
        )
        spoken_host = host.replace(".", " punto ")
        value = self._draw.one(
            *[f"{local}@{host}"] * 6,
            f"{local.replace('.', ' punto ')} arroba {spoken_host}",
            f"{local} at {host.replace('.', ' dot ')}",
            f"{local} (at) {host.replace('.', ' (dot) ')}",
            f"{local}[at]{host}",
        )
        return _Item(value, self._draw.one("plain", "email"))

    def _phone(self) -> _Item:
        draw = self._draw.digits
        spanish, mexican = "6" + draw(8), "55" + draw(8)
        american = (
            self._draw.one("212", "305", "415", "512", "617", "702")
            + self._draw.some("23456789", 1)
            + self._draw.some("23456789", 1)
            + draw(5)
        )
        british, chilean = "77" + draw(8), "9" + self._draw.some("6789", 1) + draw(7)
        peruvian, colombian = "9" + draw(8), "310" + draw(7)
        gap = self._draw.one(" ", "-", ".")
        wide = [
            "+34" + self._draw.one("", " ") + spanish,
            "+34 " + cut(spanish, 3, 3, 3, by=gap),
            "0034 " + cut(spanish, 3, 2, 2, 2, by=" "),
            "+52 " + cut(mexican, 2, 4, 4, by=gap),
            f"+1 ({american[:3]}) {american[3:6]}-{american[6:]}",
            "+1" + self._draw.one("-", " ", ".") + cut(american, 3, 3, 4, by=gap),
            "+44 " + british[:4] + " " + british[4:],
            "+56 " + cut(chilean, 1, 4, 4, by=" "),
            "+51 " + cut(peruvian, 3, 3, 3, by=gap),
            "+57" + self._draw.one("", " ") + colombian,
            "+54 9 11 " + cut("4" + draw(7), 4, 4, by="-"),
            "+351 91" + cut(draw(7), 1, 3, 3, by=" "),
            "+33 6 " + cut(draw(8), 2, 2, 2, 2, by=" "),
            "+49 171 " + draw(7),
            "+39 347 " + draw(7),
            "+55 11 9" + cut("8" + draw(7), 4, 4, by="-"),
            f"({american[:3]}) {american[3:6]}-{american[6:]}",
            cut(american, 3, 3, 4, by=gap),
            cut(spanish, 3, 3, 3, by=" "),
            cut(spanish, 3, 2, 2, 2, by=" "),
        ]
        near = [
            spanish,
            mexican,
            american,
            "0" + british,
            peruvian,
            colombian,
            cut(spanish, 3, 3, 3, by="."),
            "06" + draw(8),
            "4" + draw(7),
        ]
        return (
            _Item(self._draw.one(*wide), self._draw.one("plain", "phone"))
            if self._draw.random.random() < 0.7
            else _Item(self._draw.one(*near), "phone", is_bare=False)
        )

    def _iban(self) -> _Item:
        country, size = self._draw.random.choice(
            [("ES", 20), ("DE", 18), ("FR", 23), ("PT", 21), ("GB", 18), ("IT", 23), ("CR", 18), ("DO", 24)]
        )
        body = self._draw.digits(size)
        body = {"GB": "NWBK" + body[4:], "IT": "X" + body[1:], "DO": "BAGR" + body[4:]}.get(country, body)
        values = {letter: str(number) for number, letter in enumerate(string.digits + string.ascii_uppercase)}
        left = 0
        for letter in "".join(values[letter] for letter in body + country + "00"):
            left = (left * 10 + int(letter)) % 97
        code = f"{country}{98 - left:02d}{body}"
        grouped = " ".join(code[place : place + 4] for place in range(0, len(code), 4))
        return _Item(self._draw.one(code, grouped, grouped.replace(" ", "-"), code.lower()))

    def _card(self) -> _Item:
        opening, size = self._draw.random.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16)])
        body = opening + self._draw.some(string.digits, size - len(opening) - 1)
        table = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
        total = sum(table[int(digit)] if place % 2 == 0 else int(digit) for place, digit in enumerate(body[::-1]))
        number = body + str(-total % 10)
        groups = (4, 6, 5) if size == 15 else (4, 4, 4, 4)
        return _Item(self._draw.one(number, cut(number, *groups, by=" "), cut(number, *groups, by="-")))

    def _ip(self) -> _Item:
        octets = [self._draw.random.randint(11, 223), *(self._draw.random.randint(10, 254) for _ in range(3))]
        four = ".".join(map(str, octets))
        groups = [f"{self._draw.random.randint(0x1000, 0xFFFF):x}" for _ in range(6)]
        six = f"2001:db8:{':'.join(groups)}"
        return _Item(
            self._draw.one(
                four,
                four,
                f"{four}:8080",
                six,
                six.upper(),
                f"2001:db8::{groups[0]}:{groups[1]}",
                f"fe80::{groups[0]}:{groups[2]}",
            )
        )

    def _mac(self) -> _Item:
        code = self._draw.some("0123456789abcdef", 11) + "a"
        return _Item(
            self._draw.one(cut(code, *[2] * 6, by=":"), cut(code.upper(), *[2] * 6, by="-"), cut(code, 4, 4, 4, by="."))
        )

    def _url(self) -> _Item:
        word, secret = self._draw.some(string.ascii_lowercase, 7), self._draw.some(_WORD, 24)
        return _Item(
            self._draw.one(
                f"https://{word}:{secret[:10]}@example.com/inicio",
                f"https://example.com/reset?token={secret}",
                f"https://example.org/alta?email={word}%40example.com&id=3",
                f"postgresql://{word}:{secret[:12]}@db.example.com:5432/tienda",
                f"mongodb+srv://{word}:{secret[:9]}@cluster0.example.net/app",
                f"https://docs.example.com/document/d/{secret}{secret[::-1]}/edit",
                f"https://t.me/{word}_{secret[:2].lower()}",
                f"https://www.instagram.com/{word}.{word[:3]}/",
                f"https://www.linkedin.com/in/{word}-{word[:4]}",
            )
        )

    def _handle(self) -> _Item:
        word = self._draw.some(string.ascii_lowercase, 6)
        name = self._draw.one(f"{word}_{self._draw.digits(2)}", f"{word}{self._draw.digits(3)}", f"{word}_{word[:3]}", word)
        if self._draw.random.random() < 0.3:
            return _Item(f"{word}{self._draw.digits(2)}", "account")
        return _Item(
            self._draw.one(
                f"@{name}", f"@{name}", f"{name}#{self._draw.digits(4)}", f"u/{name}", f"<@{self._draw.digits(18)}>"
            ),
            "handle",
        )

    # Secrets ------------------------------------------------------------------------------------------------------------

    def _key(self) -> _Item:
        some = self._draw.some
        jwt = f"eyJhbGciOiJIUzI1NiJ9.eyJ{some(_URL_SAFE, 30)}.{some(_URL_SAFE, 42)}x"
        begin, end = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
        return _Item(
            self._draw.one(
                f"sk-proj-{some(_URL_SAFE, 47)}x",
                f"sk-{some(_WORD, 48)}",
                f"AKIA{some(string.ascii_uppercase + '234567', 16)}",
                f"ghp_{some(_WORD, 36)}",
                f"github_pat_{some(_WORD, 22)}_{some(_WORD, 59)}",
                f"glpat-{some(_URL_SAFE, 19)}x",
                f"xoxb-{self._draw.digits(12)}-{self._draw.digits(12)}-{some(_WORD, 24)}",
                f"sk_live_{some(_WORD, 24)}",
                f"{self._draw.digits(10)}:AA{some(_URL_SAFE, 32)}x",
                f"M{some(_WORD, 23)}.{some(_URL_SAFE, 6)}.{some(_URL_SAFE, 26)}x",
                f"AIza{some(_URL_SAFE, 34)}x",
                f"hf_{some(string.ascii_letters, 34)}",
                jwt,
                f"{begin}\n{some(_WORD, 64)}\n{some(_WORD, 64)}\n{some(_WORD, 30)}==\n{end}",
            )
        )

    def _drawn(self) -> _Item:
        """A key without a shape: Mistral's are 32 letters and digits, Amazon's second half is 40."""
        key = self._draw.some(_WORD, self._draw.random.choice([32, 40, 44, 64]))
        return _Item(key, self._draw.one("plain", "key"))

    def _password(self) -> _Item:
        word = self._draw.some(string.ascii_lowercase, 6)
        return _Item(
            self._draw.one(
                f"{word.title()}{self._draw.digits(4)}",
                f"{word}.{self._draw.digits(2)}",
                f"{word.title()}-{word[::-1]}7",
                f"{word}{self._draw.digits(3)}#Z",
                f"{word[:2]}${self._draw.digits(3)}{word}",
            ),
            "password",
        )

    def _code(self) -> _Item:
        return _Item(self._draw.digits(6), "code")

    def _numbered(self, drawn: Callable[[Draw], Numbered]) -> _Item:
        value, label, is_plain = drawn(self._draw)
        return _Item(value, self._draw.one("plain", "id") if is_plain else "id", label)
