"""Somebody in danger gets fixed, reviewed words and the help lines of their country, before and without any model (R-67)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from bot.ports import Preview
from bot.types import LANGUAGES, Flag, Kind, Language, Outcome, Reply, Turn
from handlers.signs import Danger, Sign, Signs, load_signs

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """The texts and help lines of `crisis.toml`."""

    texts: Mapping[tuple[Language, Danger], str]
    emergency: Mapping[Language, str]
    elsewhere: Mapping[Language, str]
    order: Mapping[Language, Sequence[str]]
    countries: Mapping[str, Mapping[str, Any]]

    def say(self, sign: Sign, countries: Sequence[str]) -> str:
        """The whole reply to `sign`, with the lines of `countries` (ISO 3166 codes); of the language's where none is known."""
        known = [code for code in dict.fromkeys(countries) if code in self.countries] or self.order[sign.language]
        lines = [f"- {self._line(sign, self.countries[code])}" for code in known]
        lines.append(f"- {self.elsewhere[sign.language]}")
        return self.texts[sign.language, sign.danger].format(lines="\n".join(lines))

    def _line(self, sign: Sign, country: Mapping[str, Any]) -> str:
        language = sign.language
        parts = [f"{self.emergency[language]} **{country['emergency']}**"]
        parts += [f"**{line['number']}**, {line[language]}" for line in country[sign.danger]]
        return f"{country['name'][language]}: " + " · ".join(parts)


class CrisisHandler:
    """First in the order: no prompt, setting or pending question comes before it, and it needs nothing that can be down."""

    name = "crisis"

    def __init__(self, *, signs: Signs, guidance: Guidance, country: str = "") -> None:
        self._signs, self._guidance, self._country = signs, guidance, country.upper()

    def matches(self, turn: Turn) -> bool:
        """Whether a text shows a sign of danger."""
        return turn.message.kind is Kind.TEXT and self._signs.find(turn.message.text) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The fixed text; never rated, never remembered, never material for training."""
        outcome = self.respond(turn, turn.message.text)
        assert outcome is not None, "handle is only called where matches said yes"
        return outcome

    def respond(self, turn: Turn, text: str) -> Outcome | None:
        """What to say to `text`, which may be an edit or an earlier question; None when it shows no danger."""
        sign = self._signs.find(text)
        if sign is None:
            return None
        reply = Reply(text=self._guidance.say(sign, self._countries(turn, sign.language)))
        return Outcome(reply=reply, flags=frozenset({Flag.CRISIS}))

    def _countries(self, turn: Turn, language: Language) -> Sequence[str]:
        """The client's region where its language is that of the text, and the operator's country."""
        spoken, _, region = turn.message.locale.replace("_", "-").partition("-")
        there = [region[-2:].upper()] if spoken.lower() == language and len(region) >= 2 else []
        return [*there, self._country] if self._country else there


@cache
def load_guidance(path: Path = FOLDER / "crisis.toml") -> Guidance:
    """The reviewed texts and lines. Raises KeyError when a language, a text or a country's field is missing."""
    source = tomllib.loads(path.read_text("utf-8"))
    return Guidance(
        texts={(language, danger): source[language][danger].strip() for language in LANGUAGES for danger in Danger},
        emergency={language: source[language]["emergency"] for language in LANGUAGES},
        elsewhere={language: source[language]["elsewhere"] for language in LANGUAGES},
        order={language: source[language]["order"] for language in LANGUAGES},
        countries=source["countries"],
    )


def crisis_handler(country: str = "") -> CrisisHandler:
    """The handler over the shipped signs and lines; `country` is the operator's ISO 3166 code, empty when not set."""
    return CrisisHandler(signs=load_signs(), guidance=load_guidance(), country=country)
