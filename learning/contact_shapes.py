"""Where a text says how somebody is reached: e-mail, addresses of pages and machines, account names; pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from learning.personal_data import BARRIER, WORDS, Cue, Found, Kind, Scene, bare, flat
from learning.secret_shapes import is_random

_MAIL: Final = re.compile(r"(?<![\w.+%'\-])[\w.+%'\-]++(?P<at>\s?(?:@|＠|&#0?64;|%40)\s?)[\w\-]++(?:\.[\w\-]++)++")
_ENDING: Final = re.compile(r"(?:[^\W\d_]{2,24}|xn--[a-z0-9\-]{2,40})")
_AT: Final = "|".join(WORDS["mail"]["at"])
_SURE: Final = frozenset(WORDS["mail"]["sure"])
_DOT: Final = "|".join(WORDS["mail"]["dot"])
_DOMAINS: Final = frozenset(WORDS["mail"]["domains"])
_PROVIDERS: Final = frozenset(WORDS["mail"]["providers"])
_SPOKEN_DOT: Final = rf"(?:\s?[(\[{{]\s?(?:{_DOT}|\.)\s?[)\]}}]\s?|\s(?:{_DOT})\s|\s?\.\s?)"
_SPOKEN: Final = re.compile(
    rf"(?<![^\W_])(?<![.+\-])(?P<local>[^\W_][\w.+\-]*+(?:\s(?:{_DOT})\s[\w+\-]++){{0,3}}?)"
    rf"(?:\s?[(\[{{<]\s?(?P<closed>{_AT}|@|at)\s?[)\]}}>]\s?|\s(?P<open>{_AT})\s)"
    rf"(?P<host>[^\W_][\w\-]*+(?:{_SPOKEN_DOT}[^\W_]++(?:-[^\W_]++)*+){{1,3}}+)"
)
_SPOKEN_CUE: Final = Cue(WORDS["mail"]["at"])
_DOT_WORD: Final = re.compile(rf"\s(?:{_DOT})\s|\s?[(\[{{]\s?(?:{_DOT}|\.)\s?[)\]}}]\s?|\s?\.\s?")

_IPV4: Final = re.compile(r"(?<![^\W_])(?<!\.)(?:\d{1,3}\.){3}\d{1,3}(?![^\W_]|\.\d|-\w)")
_DOTTED: Final = re.compile(r"\d\.\d{1,3}\.\d")
_QUADS: Final = re.compile(r"[0-9A-Fa-f]\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]")
_IPV6: Final = re.compile(
    r"(?<![^\W_])(?<![:.])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}+(?:(?:\.\d{1,3}){3})?(?:%\w{1,16})?(?![^\W_]|:)"
)
_MAC: Final = re.compile(
    r"(?<![^\W_])(?<![:\-])(?:[0-9A-Fa-f]{2}([:\-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![^\W_]|:|-\w)"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![^\W_]|:|\.\d))"
)
_EVERYBODYS: Final = frozenset(WORDS["nobody"]["machines"])
"""Addresses that belong to nobody or to all: this machine, and the public name servers that manuals name."""
_VERSION: Final = Cue(WORDS["version"]["before"])
_NETWORK: Final = Cue(WORDS["version"]["network"])

_TELLING: Final = re.compile(
    r"token|secret|passw|pwd|apikey|api_key|api-key|\bkey\b|auth|\bsig\b|signature|session|\bsid\b|\bcode\b|email|e-mail|mail|correo|phone|"
    r"telefono|\btel\b|\buser\b|username|usuario|user_?id|\bdni\b|credential|invite|ticket|\bpin\b|nombre|\bname\b|\buid\b"
)
"""Names of parameters whose values are somebody's."""
_PRIVATE: Final = re.compile(
    r"hooks\.slack\.com/|/api/webhooks/|discord\.gg/\w|discord(?:app)?\.com/invite/|t\.me/(?:joinchat/|\+)|chat\.whatsapp\.com/\w|"
    r"zoom\.us/(?:j|my)/|meet\.google\.com/\w|teams\.microsoft\.com/l/meetup|calendly\.com/\w|/(?:document|spreadsheets|presentation|file|forms)/d/\w|/maps/.{0,80}@-?\d|[?&]q=-?\d+\.\d{3,}"
)
_WA: Final = re.compile(r"(?:wa\.me/|api\.whatsapp\.com/send\?phone=)\+?(\d{8,15})")
_PROFILE: Final = re.compile(
    r"(?:(?:t|telegram)\.me/|tg://resolve\?domain=|instagram\.com/|facebook\.com/|fb\.com/|(?:twitter|x)\.com/|tiktok\.com/@|linkedin\.com/in/|"
    r"discord(?:app)?\.com/users/|(?:reddit\.com)/(?:u|user)/|youtube\.com/@|twitch\.tv/|snapchat\.com/add/|threads\.(?:net|com)/@|"
    r"bsky\.app/profile/|medium\.com/@|steamcommunity\.com/(?:id|profiles)/|open\.spotify\.com/user/|paypal\.me/|"
    r"(?:github|gitlab)\.com/(?=[\w.\-]{1,40}/?(?![\w/.?#\-])))(?P<name>[\w.\-]{2,64})"
)
_NO_PERSON: Final = frozenset(WORDS["nobody"]["pages"])
_FOLDER: Final = re.compile(
    r"(?:/home/|/users/|[a-z]:(?:\\{1,2}|/)(?:users|usuarios)(?:\\{1,2}|/)|(?<=/)~)(?P<name>[\w.\-]{2,64})"
)
_NO_FOLDER: Final = frozenset(WORDS["nobody"]["accounts"])

_AT_NAME: Final = re.compile(r"(?<![^\W_])(?<![@/.＠])[@＠](?P<name>[^\W\d][\w]{2,31}(?:\.\w{1,31}){0,2})(?![\w@]|/\w)")
_TAG: Final = re.compile(r"(?<![^\W_])(?<![#/.&])(?P<name>[^\W\d_][\w.]{1,31})#(?P<number>\d{4})(?![^\W_])")
_MENTION: Final = re.compile(r"<@!?\d{15,20}>")
_REDDIT: Final = re.compile(r"(?<![^\W_])(?<![/.])/?u/[\w\-]{3,20}(?![\w/])")
_COUNTED: Final = frozenset(WORDS["nobody"]["counted"])
_NOBODY: Final = frozenset(WORDS["nobody"]["code"])
_ANNOTATION: Final = re.compile(r"[\w.]*(?:\([^\n]*\))?[ \t]*(?:\n|\Z)")
_NETWORKS: Final = Cue(WORDS["network"]["all"])
_ACCOUNT: Final = re.compile(
    rf"(?:[ ](?:de|on|en|in|handle|account|user|id|cuenta|usuario|name)){{0,2}}\s?"
    rf"(?:[:=]|(?:es|is|e|ist|est)(?=\s))\s?[\"'`*]{{0,2}}@?"
    rf"(?P<name>[\w.\-]{{3,32}})(?![\w@(:{BARRIER}])"
)
_SIGNS: Final = re.compile(r"[^\W\d]*[\d_]|[^\W\d_]+\.[^\W\d_]+")


def mails_in(scene: Scene) -> Iterator[Found]:
    """E-mail addresses, also those spelled out: `name at example dot com`."""
    text = scene.text
    if "@" in text or "＠" in text or "%40" in text or "&#" in text:
        for match in _MAIL.finditer(text):
            yield from _mail(match)
    if scene.knows(_SPOKEN_CUE) or "(@" in text or "[@" in text or "{@" in text:
        for match in _SPOKEN.finditer(scene.low):
            yield from _spoken(match)


def _mail(match: re.Match[str]) -> Iterator[Found]:
    start, end, text = match.start(), match.end(), match.string
    while end > start and text[end - 1] in "_-'":
        end -= 1
    begin = start + len(match[0]) - len(match[0].lstrip("_*'.-+%"))
    local, host = text[begin : match.start("at")], text[match.end("at") : end]
    is_clone = local in ("git", "hg", "svn") and text[end : end + 1] == ":"
    is_apart = any(letter.isspace() for letter in match["at"]) and flat(host).split(".")[-1] not in _DOMAINS
    if local and _ENDING.fullmatch(host.rpartition(".")[2]) and not is_clone and not is_apart:
        yield Found(begin, end, Kind.EMAIL, f"{local}@{host}".lower())


def _spoken(match: re.Match[str]) -> Iterator[Found]:
    labels = [label for label in _DOT_WORD.split(match["host"]) if label]
    while labels and labels[-1] not in _DOMAINS:
        labels.pop()
    is_clear = (
        match["closed"]
        or match["open"] in _SURE
        or re.search(rf"\s(?:{_DOT})\s", match["host"])
        or (labels[:1] and labels[0] in _PROVIDERS)
    )
    if len(labels) < 2 or not is_clear:
        return
    end = match.start("host")
    for label in labels:
        end = match.string.index(label, end) + len(label)
    local = re.sub(rf"\s(?:{_DOT})\s", ".", match["local"])
    yield Found(match.start(), end, Kind.EMAIL, f"{local}@{'.'.join(labels)}")


def machines_in(scene: Scene) -> Iterator[Found]:
    """Addresses of machines, IPv4, IPv6 and MAC; neither versions nor times, nor addresses that are everybody's."""
    text = scene.text
    if not scene.has_digits:
        return
    colons = text.count(":")
    if colons > 4 or text.count("-") > 4 or _QUADS.search(text):
        for match in _MAC.finditer(text):
            if "-" not in match[0] or not bare(match[0]).isdigit():
                yield Found(match.start(), match.end(), Kind.MAC, bare(match[0]))
    for match in _IPV4.finditer(text) if _DOTTED.search(text) else ():
        if _is_address(scene, match):
            yield Found(match.start(), match.end(), Kind.IP, match[0])
    for match in _IPV6.finditer(text) if colons > 1 else ():
        written = match[0].rstrip(":") if match[0].endswith(":") and not match[0].endswith("::") else match[0]
        groups = [group for group in re.split("[:.%]", written) if group]
        is_told = len(groups) >= 3 or written[:2].lower() in ("fe", "fd", "fc", "20", "26", "2a")
        if is_told and any(letter.isdigit() for letter in written) and _parses(written):
            yield Found(match.start(), match.start() + len(written), Kind.IP, written.lower())


def _parses(text: str) -> bool:
    try:
        return str(ipaddress.ip_address(text)) not in _EVERYBODYS
    except ValueError:
        return False


def _is_address(scene: Scene, match: re.Match[str]) -> bool:
    text, start = match[0], match.start()
    if not _parses(text) or text.startswith("255."):
        return False
    before = scene.text[max(0, start - 2) : start]
    is_named = scene.is_behind(_NETWORK, start, 24)
    if before.endswith(("==", ">=", "<=", "~=", "^", "~")) or re.search(r"[\w]-$", before) or before.endswith("§ "):
        return False
    if scene.is_behind(_VERSION, start, 24) and not is_named:
        return False
    return is_named or any(len(octet) > 1 for octet in text.split("."))


def links_in(scene: Scene) -> Iterator[Found]:
    """Addresses with credentials, tokens or somebody's place in them; profiles, and home folders by their owner's name."""
    text, low = scene.text, scene.low
    for start, end in scene.links:
        if _is_private(text[start:end]):
            yield Found(start, end, Kind.URL, text[start:end])
    if "." in text and "/" in text:
        for match in _WA.finditer(low):
            yield Found(_opening(low, match.start()), match.end(), Kind.PHONE, match[1][-9:])
        for match in _PROFILE.finditer(low):
            name = match["name"].rstrip(".-")
            if (name not in _NO_PERSON and not name.isdigit()) or "users/" in match[0]:
                yield Found(_opening(low, match.start()), match.start("name") + len(name), Kind.HANDLE, name.lstrip("@"))
    if "/" in text or "\\" in text:
        for match in _FOLDER.finditer(low):
            name = match["name"].rstrip(".-")
            if name not in _NO_FOLDER and (
                (match[0][0] == "/" and not text[match.start() - 1 : match.start()].isalnum()) or ":" in match[0]
            ):
                yield Found(match.start("name"), match.start("name") + len(name), Kind.HANDLE, name)


def _opening(low: str, place: int) -> int:
    """Where the address begins that has its host at `place`."""
    begin = place
    for piece in ("www.", "m.", "https://", "http://"):
        if low.startswith(piece, begin - len(piece), begin):
            begin -= len(piece)
    return begin


def _is_private(link: str) -> bool:
    try:
        parts = urlsplit(link if "://" in link else f"https://{link}")
        asked = parse_qsl(parts.query, max_num_fields=64) + parse_qsl(parts.fragment, max_num_fields=64)
    except ValueError:
        return False
    if "@" in parts.netloc and parts.netloc.rpartition("@")[0] not in ("git", ""):
        return True
    if _PRIVATE.search(link[:400].lower()):
        return True
    if any(value and (_TELLING.search(name.lower()) or is_random(value) or "@" in value) for name, value in asked):
        return True
    return any(is_random(piece) or ("@" in piece[1:] and "." in piece) for piece in unquote(parts.path).split("/"))


def handles_in(scene: Scene) -> Iterator[Found]:
    """Account names: `@name`, `name#1234`, mentions, and what follows the name of a network; not decorators and packages."""
    text, low = scene.text, scene.low
    if "@" in text or "＠" in text:
        for match in _MENTION.finditer(text):
            yield Found(match.start(), match.end(), Kind.HANDLE, match[0])
        for match in _AT_NAME.finditer(text):
            if _is_person(scene, match):
                yield Found(match.start(), match.end("name"), Kind.HANDLE, match["name"].lower())
    if "#" in text:
        for match in _TAG.finditer(text):
            if flat(match["name"]) not in _COUNTED:
                yield Found(match.start(), match.end(), Kind.HANDLE, match[0].lower())
    if "u/" in text:
        for match in _REDDIT.finditer(text):
            yield Found(match.start(), match.end(), Kind.HANDLE, match[0].lower().lstrip("/"))
    if scene.knows(_NETWORKS):
        for cue in _NETWORKS.pattern.finditer(low):
            account = None if scene.in_link(cue.start()) else _ACCOUNT.match(low, cue.end())
            name = account["name"].rstrip(".-") if account else ""
            if account and len(name) > 2 and _SIGNS.match(name) and not name.replace(".", "").isdigit():
                yield Found(account.start("name"), account.start("name") + len(name), Kind.HANDLE, name)


def _is_person(scene: Scene, match: re.Match[str]) -> bool:
    text, start = scene.text, match.start()
    name = flat(match["name"]).split(".")[0]
    if name in _NOBODY or scene.in_link(start) or BARRIER in match[0]:
        return False
    line = text.rfind("\n", 0, start) + 1
    is_first = not text[max(line, start - 80) : start].strip() and start - line < 80
    if is_first and ("\n" in text or "(" in match[0]) and _ANNOTATION.match(text, match.end()):
        behind = text[match.end() : match.end() + 200].partition("\n")[2].lstrip()
        if behind.startswith(
            ("def ", "class ", "async ", "@", "public ", "private ", "protected ", "function ", "export ", "func ", "fn ")
        ):
            return False
        if "(" in text[match.end() : match.end() + 40].partition("\n")[0]:
            return False
    if scene.in_code(start):
        return text[start - 1 : start] in ("'", '"', "`") or "_" in name or any(letter.isdigit() for letter in name)
    return text[match.end() : match.end() + 1] != "("
