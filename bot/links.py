"""Which addresses in a text a platform would make into links, and which of them may be: the person's own (R-47).

An address in a model's answer can carry away what the model read. So only hosts that the person named stay links; all
others are shown as text that no client makes clickable. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LONGEST_LINK: Final = 500
"""Characters of an address that may stay a link: longer ones serve to carry data more than to lead somewhere."""

_FOUND: Final = re.compile(
    r"(?P<url>[A-Za-z][A-Za-z0-9+.\-]{0,30}+://[^\s<>\x00]+)"
    r"|(?<![\w-])(?P<host>[\w-]++(?:\.[\w-]++)+)(?::\d{1,5})?(?:[/?#][^\s<>\x00]*)?"
)
_NAME: Final = re.compile(r"@\w{2,}")
_LOCAL: Final = re.compile(r"[\w.+-]+@$")
_LONGEST_LOCAL: Final = 65
_REST: Final = re.compile(r"[^\s<>\x00]*")
_CLOSERS: Final = {")": "(", "]": "[", "}": "{", "»": "«", "”": "“"}
_UNSAFE: Final = re.compile(r"[\s\\<>`|\"{}^\x00-\x20\x7f]")
_COUNTRY_CODES: Final = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bv bw by bz ca "
    "cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr "
    "ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm "
    "jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq "
    "mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa "
    "re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn "
    "to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
"""Domains of two letters (IANA's list of 2026); all longer ones are taken for domains, so that new ones need no new release."""
_COUNTRIES: Final = frozenset(_COUNTRY_CODES.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Something in `text[start:end]` that a client may make into a link."""

    start: int
    end: int
    text: str


def addresses(text: str) -> tuple[Address, ...]:
    """Every address in a text, in order: with a scheme, or as bare as `example.org/page`; a file's name may be among them."""
    found: list[Address] = []
    place = end = 0  # where to look on, and where the last address ended
    while match := _FOUND.search(text, place):
        start = match.start()
        if match["host"] is None:
            whole = match[0]
        elif text.startswith("://", match.end("host")):  # a scheme with a word stuck to it
            rest = _REST.match(text, start)
            whole = rest[0] if rest else match[0]
        elif _is_domain(match["host"]):
            local = _LOCAL.search(text[max(end, start - _LONGEST_LOCAL) : start])
            start -= len(local[0]) if local else 0
            whole = text[start : match.end()]
        else:
            place = match.end("host")
            continue
        address = _without_closing(whole)
        place = end = start + len(address)
        found.append(Address(start=start, end=end, text=address))
    return tuple(found)


def names(text: str) -> tuple[Address, ...]:
    """Every `@name` in a text, in order."""
    return tuple(Address(start=match.start(), end=match.end(), text=match[0]) for match in _NAME.finditer(text))


def hosts(text: str) -> frozenset[str]:
    """The hosts that a text names, as `is_active` compares them."""
    return frozenset(host for address in addresses(text) if (host := _host(address.text)))


def is_active(address: str, allowed: frozenset[str]) -> bool:
    """Whether an address may be a link: on the web, of a host that was named, and without anything that hides where it goes."""
    if len(address) > LONGEST_LINK or _UNSAFE.search(address) or address.count("://") > 1:
        return False
    scheme = address.partition("://")[0].lower() if "://" in address else "https"
    return scheme in ("http", "https") and _host(address) in allowed


def _host(address: str) -> str:
    """Lower case and without `www.`; empty where there is none or where somebody's name stands before it."""
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        host = parts.hostname or ""
    except ValueError:  # brackets that are no IPv6 address
        return ""
    if "@" in parts.netloc:
        return ""
    return host.lower().rstrip(".").removeprefix("www.")


def _is_domain(host: str) -> bool:
    """Whether clients could take a name with dots for a host; `3.14`, `fin.Luego` and `EE.UU` are none."""
    labels = host.split(".")
    if all(label.isdecimal() for label in labels):
        return len(labels) == 4 and all(int(label) <= 255 for label in labels if len(label) < 4)
    return any(_is_ending(label) for label in labels[1:])


def _is_ending(label: str) -> bool:
    lowered = label.lower()
    if label != lowered and label[1:] == lowered[1:]:
        return False  # a capital letter alone begins a sentence whose blank was forgotten
    if lowered.isascii():
        return lowered.startswith("xn--") or lowered in _COUNTRIES or (len(lowered) > 2 and lowered.isalpha())
    return len(lowered) > 1 and lowered.isalpha()


def _without_closing(address: str) -> str:
    """Without the punctuation of the sentence around it; a bracket stays where it was opened inside."""
    while address:
        last = address[-1]
        opener = _CLOSERS.get(last)
        if last in ".,;:!?'\"*_~|`…" or (opener is not None and address.count(last) > address.count(opener)):
            address = address[:-1]
        else:
            break
    return address
