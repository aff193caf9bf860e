"""Where a text has somebody's identity number, bank account or card: by shape and check digit, or by the word before it; pure.

Each rule is that of the office that issues the number: Spain's Orden INT/2058/2008 (CIF) and Real Decreto 1553/2005 (DNI, NIE),
Mexico's CURP instructions of 2018 and RFC rules of the SAT, the civil and tax registries of Chile, Argentina, Uruguay, Peru,
Ecuador, Colombia and Venezuela, Brazil's Receita Federal (CNPJ with letters since July 2026), the SSA (SSN) and the IRS (ITIN),
HMRC's NIM39110 (NINO), the tax offices of Portugal, France, Italy and Germany (ISO 7064, MOD 11,10), ISO 13616 (IBAN) and
ISO/IEC 7812 (cards). A number whose shape says little, such as Colombia's cédula, counts only behind its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from learning.personal_data import WORDS, Cue, Found, Kind, Scene, bare, words_of

_S: Final = "[ \u00a0\u202f.\\-–/]?"
"""What may stand between groups."""
_D: Final = "[ \u00a0\u202f]?[\\-–][ \u00a0\u202f]?"
_RUN: Final = re.compile(r"\d+")
_ENOUGH: Final = re.compile(r"(?:[^\d\n]{0,6}\d){5}")
"""No number of any kind has fewer digits."""
_LEAD: Final = re.compile(r"(?<![^\W_])((?:[^\W\d_]|&){1,6}+)[ .\-–]?\Z")
"""Up to six letters before a digit, where a word begins."""
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_CIF_LETTERS: Final = "JABCDEFGHI"
_CURP_VALUES: Final = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_RFC_VALUES: Final = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"


def _digits(text: str) -> list[int]:
    return [int(letter) for letter in text]


def _weighted(text: str, weights: Sequence[int]) -> int:
    return sum(int(letter) * weight for letter, weight in zip(text, weights, strict=False))


def is_luhn(text: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(_digits(text))):
        total += digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return total % 10 == 0


def is_dni(text: str) -> bool:
    """Spain's DNI and NIE: eight digits, or X, Y or Z and seven, and the letter of their remainder by 23."""
    number = text[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return number.isdecimal() and _DNI_LETTERS[int(number) % 23] == text[-1]


def is_cif(text: str) -> bool:
    """Spain's number of a company: a letter, seven digits and a control digit or letter."""
    odd = sum(sum(divmod(2 * digit, 10)) for digit in _digits(text[1:8:2]))
    control = -(odd + sum(_digits(text[2:8:2]))) % 10
    return text[8] in (str(control), _CIF_LETTERS[control])


def is_spanish_nss(text: str) -> bool:
    """Spain's social security: province, number, and their remainder by 97."""
    province, number, control = int(text[:2]), int(text[2:10]), int(text[10:])
    whole = province * 10**7 + number if number < 10**7 else int(text[:10])
    return 1 <= province <= 53 and whole % 97 == control


def _is_date(text: str) -> bool:
    """Whether yymmdd can be a day."""
    return 1 <= int(text[2:4]) <= 12 and 1 <= int(text[4:6]) <= 31


def is_curp(text: str) -> bool:
    """Mexico's CURP: its day exists; the shape is so rare that a wrong check digit is taken for a slip."""
    return _is_date(text[4:10])


def curp_digit(text: str) -> str:
    """The check digit of a CURP's first seventeen."""
    return str(-sum(_CURP_VALUES.find(letter) * (18 - place) for place, letter in enumerate(text[:17])) % 10)


def is_rfc(text: str) -> bool:
    """Mexico's RFC of a person or company: its day exists; and it checks, or it is a person's (whose are not always right)."""
    return _is_date(text[-9:-3]) and (len(text) == 13 or rfc_digit(text[:-1]) == text[-1])


def rfc_digit(text: str) -> str:
    """The check digit of an RFC without it."""
    left = sum(_RFC_VALUES.find(letter) * (13 - place) for place, letter in enumerate(text.rjust(12))) % 11
    return {0: "0", 1: "A"}.get(left, str(11 - left))


def is_rut(text: str) -> bool:
    """Chile's RUT: weights 2 to 7 from the right, remainder by 11, 10 written K."""
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(text[:-1])))
    return "0123456789K0"[11 - total % 11] == text[-1] if text[:-1].isdecimal() else False


def is_cuit(text: str) -> bool:
    """Argentina's CUIT and CUIL."""
    return -_weighted(text[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 % 10 == int(text[10])


def is_ruc_of_peru(text: str) -> bool:
    """Peru's RUC."""
    return (11 - _weighted(text[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10 == int(text[10])


def is_nit(text: str) -> bool:
    """Colombia's NIT: nine or ten digits and a check digit behind a dash."""
    primes = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43)
    left = sum(int(digit) * prime for digit, prime in zip(reversed(text[:-1]), primes, strict=False)) % 11
    return (left if left < 2 else 11 - left) == int(text[-1])


def is_ecuadorian(text: str) -> bool:
    """Ecuador's cédula."""
    is_place = 1 <= int(text[:2]) <= 24 or text[:2] == "30"
    return is_place and int(text[2]) < 6 and is_luhn(text)


def is_ecuadorian_ruc(text: str) -> bool:
    """Ecuador's RUC: a person's is the cédula and 001; companies and offices have their own check digits."""
    if not (1 <= int(text[:2]) <= 24 or text[:2] == "30") or not 1 <= int(text[-3:]) <= 99:
        return False
    if text[2] == "9":
        return -_weighted(text[:9], (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 % 10 == int(text[9])
    if text[2] == "6":
        return -_weighted(text[:8], (3, 2, 7, 6, 5, 4, 3, 2)) % 11 % 10 == int(text[8])
    return is_ecuadorian(text[:10])


def is_uruguayan(text: str) -> bool:
    """Uruguay's CI."""
    return -_weighted(text[:-1].zfill(7), (2, 9, 8, 7, 6, 3, 4)) % 10 == int(text[-1])


def is_cpf(text: str) -> bool:
    """Brazil's CPF: two check digits; eleven times the same digit is none."""
    if len(set(text)) == 1:
        return False
    return all((_weighted(text[:n], range(n + 1, 1, -1)) * 10) % 11 % 10 == int(text[n]) for n in (9, 10))


def is_cnpj(text: str) -> bool:
    """Brazil's CNPJ, also the kind with letters: two check digits over the letters' codes less 48."""
    values = [ord(letter) - 48 for letter in text]
    for size in (12, 13):
        weights = [2 + (size - 1 - place) % 8 for place in range(size)]
        left = sum(value * weight for value, weight in zip(values, weights, strict=False)) % 11
        if (0 if left < 2 else 11 - left) != values[size]:
            return False
    return len(set(text)) > 1


def is_rif(text: str) -> bool:
    """Venezuela's RIF."""
    total = 4 * ("VEJPG".index(text[0]) + 1 if text[0] in "VEJP" else 5) + _weighted(text[1:9], (3, 2, 7, 6, 5, 4, 3, 2))
    return (11 - total % 11) % 11 % 10 == int(text[9])


def is_ssn(text: str) -> bool:
    """The United States' SSN or ITIN, by the numbers that were ever given out."""
    area, group, serial = int(text[:3]), int(text[3:5]), int(text[5:])
    if area >= 900:
        return 50 <= group <= 99 and group not in (66, 67, 68, 69, 89, 93)
    return area not in (0, 666) and group > 0 and serial > 0


def is_nino(text: str) -> bool:
    """The United Kingdom's NINO."""
    return text[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def is_nir(text: str) -> bool:
    """France's NIR: 97 less the remainder by 97; Corsica's departments count as 19 and 18."""
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return number.isdecimal() and 97 - int(number) % 97 == int(text[13:])


def is_codice_fiscale(text: str) -> bool:
    """Italy's codice fiscale: the shape is so rare that a wrong check letter is taken for a slip."""
    return text[8] in "ABCDEHLMPRST"


def is_steuer_id(text: str) -> bool:
    """Germany's Steuer-ID: MOD 11,10; among the first ten digits one is there two or three times."""
    product = 10
    for digit in _digits(text[:10]):
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    counts = sorted(text[:10].count(digit) for digit in set(text[:10]))
    return (11 - product) % 10 == int(text[10]) and counts[-1] in (2, 3) and counts[-2] == 1 and text[0] != "0"


def is_nif_of_portugal(text: str) -> bool:
    """Portugal's NIF."""
    left = _weighted(text[:8], range(9, 1, -1)) % 11
    return (0 if left < 2 else 11 - left) == int(text[8])


class Shape(NamedTuple):
    """One kind of number: how it is written and what its letters and digits, in capitals, must obey."""

    pattern: re.Pattern[str]
    is_valid: Callable[[str], bool]


def _shape(pattern: str, is_valid: Callable[[str], bool]) -> Shape:
    return Shape(re.compile(rf"(?:{pattern})(?![^\W_]|[.,]\d)", re.IGNORECASE), is_valid)


def _always(_: str) -> bool:
    return True


_LETTERED: Final = (
    _shape(rf"[XYZ]{_S}\d{_S}\d{{3}}{_S}\d{{3}}{_S}[A-Z]", is_dni),
    _shape(rf"(?:ES)?[ABCDEFGHJNPQRSUVW]{_S}\d{{2}}{_S}\d{{3}}{_S}\d{{2}}{_S}[0-9A-J]", lambda text: is_cif(text[-9:])),
    _shape(rf"ES{_S}[0-9XYZ]\d{{7}}{_S}[A-Z]", lambda text: is_dni(text[2:])),
    _shape(rf"[A-Z]{{4}}{_S}\d{{6}}{_S}[HMX][A-Z]{{2}}[A-Z]{{3}}{_S}[0-9A-Z]\d", is_curp),
    _shape(rf"[A-ZÑ&]{{3,4}}{_S}\d{{6}}{_S}[0-9A-Z]{{2}}[0-9A]", is_rfc),
    _shape(rf"[VEJPG]{_D}\d{{8}}{_D}\d", _always),
    _shape(rf"[VEJPG]{_S}\d{{8}}{_S}\d", is_rif),
    _shape(rf"[VE](?:{_D}|\.)\d{{1,2}}[. ]?\d{{3}}[. ]?\d{{3}}", _always),
    _shape(rf"[VE]{_S}\d{{1,2}}\.\d{{3}}\.\d{{3}}", _always),
    _shape(rf"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]{_S}\d{{2}}{_S}\d{{2}}{_S}\d{{2}}{_S}[A-D]", is_nino),
    _shape(
        rf"[A-Z]{{3}}{_S}[A-Z]{{3}}{_S}[0-9LMNPQRSTUV]{{2}}{_S}[A-EHLMPRST][0-9LMNPQRSTUV]{{2}}{_S}"
        rf"[A-Z][0-9LMNPQRSTUV]{{3}}{_S}[A-Z]",
        is_codice_fiscale,
    ),
    _shape(r"[A-Z0-9]{2}\.?[A-Z0-9]{3}\.?[A-Z0-9]{3}/?[A-Z0-9]{4}-?\d{2}", is_cnpj),
    _shape(rf"PT{_S}\d{{3}}{_S}\d{{3}}{_S}\d{{3}}", lambda text: is_nif_of_portugal(text[2:])),
)
_NUMBERED: Final = (
    _shape(rf"\d{{1,2}}[ .]?\d{{3}}[ .]?\d{{3}}{_S}[A-Z]", is_dni),
    _shape(rf"\d{{1,2}}\.?\d{{3}}\.?\d{{3}}{_D}[0-9K]", is_rut),
    _shape(r"\d{1,2}\.\d{3}\.\d{3}K|\d{7,8}K", is_rut),
    _shape(r"\d\.?\d{3}\.?\d{3}[\-/]\d", is_uruguayan),
    _shape(rf"\d{{2}}{_S}\d{{8}}{_S}\d{{2}}", is_spanish_nss),
    _shape(rf"(?:2[03-7]|3[034]){_S}\d{{2}}{_S}\d{{3}}{_S}\d{{3}}{_S}\d", is_cuit),
    _shape(r"(?:10|15|16|17|20)\d{9}", is_ruc_of_peru),
    _shape(rf"\d{{3}}\.?\d{{3}}\.?\d{{3,4}}{_D}\d", is_nit),
    _shape(rf"(?:0\d|1[0-3]|2[0-4]|30)\d{{8}}|\d{{9}}{_D}\d", is_ecuadorian),
    _shape(rf"(?:[0-2]\d|30)\d{{8}}{_S}\d{{3}}", is_ecuadorian_ruc),
    _shape(rf"\d{{3}}{_S}\d{{3}}{_S}\d{{3}}{_S}\d{{2}}", is_cpf),
    _shape(r"\d{2}[. ]?[A-Z0-9]{3}[. ]?[A-Z0-9]{3}[/ ]?[A-Z0-9]{4}[\- ]?\d{2}", is_cnpj),
    _shape(r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}", is_ssn),
    _shape(rf"[12]{_S}\d{{2}}{_S}\d{{2}}{_S}(?:\d{{2}}|2[AB]){_S}\d{{3}}{_S}\d{{3}}{_S}\d{{2}}", is_nir),
    _shape(rf"[1-9]\d{_S}\d{{3}}{_S}\d{{3}}{_S}\d{{3}}", is_steuer_id),
)
_BRANDS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[0-9]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|6\d|[89]\d)\d{11,13}|35\d{14}|6\d{15,18}"
)
"""Visa, Mastercard, American Express, Diners Club, JCB, and Discover, UnionPay and Maestro."""
_CARD: Final = re.compile("\\d(?:[ \u00a0\u202f.\\-–_]?\\d){12,18}")
_CARD_GROUPS: Final = {
    (4, 4, 4, 4),
    (4, 6, 5),
    (4, 6, 4),
    (4, 4, 4, 4, 3),
    (4, 4, 4, 2),
    (4, 4, 4, 1),
    (4, 4, 4, 3),
    (4, 5, 4),
    (8, 8),
}
_IBAN_LENGTHS: Final = {
    code: int(length)
    for code, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22GI23GL18GR27"
        "GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30NI28NL18NO15PK24"
        "PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27SV28TL23TN24TR26UA29VA22VG24XK20",
    )
}
"""Letters and digits of an IBAN by country: the SWIFT registry, release 99."""
_SEPARATORS: Final = " \u00a0\u202f.-–_/·"

_CUE: Final = Cue(
    word for table in [WORDS["identity"]] for word in words_of({k: v for k, v in table.items() if k != "between"})
)
_BETWEEN: Final = "|".join(sorted(map(re.escape, WORDS["identity"]["between"]), key=len, reverse=True))
_JOIN: Final = re.compile(rf"(?:[\s:=#()\[{{«“|>\"'`*_.,\-]|n[ºo°]|\((?:[a-z ]{{1,20}})\)|(?:{_BETWEEN})(?![a-z0-9])){{0,14}}+")
_VALUE: Final = re.compile(rf"(?:[A-Za-z]{{1,3}}{_S})?\d(?:{_S}\d){{4,19}}(?:{_S}[A-Za-z](?![^\W_]))?(?![^\W_])")
_DATE: Final = re.compile(r"\d{1,2}[./\-]\d{1,2}[./\-](?:19|20)?\d\d|(?:19|20)\d\d[./\-]\d{1,2}[./\-]\d{1,2}")


def numbers_in(scene: Scene) -> Iterator[Found]:
    """Accounts, cards and identity numbers that their shape and check digits give away."""
    if not scene.has_digits:
        return
    text = scene.text
    for start, letters in _starts(text):
        if text[start - 1 : start] == "+":
            continue
        found = (letters == 2 and _iban(text, start)) or (letters == 0 and not scene.in_link(start) and _card(text, start))
        if found:
            yield found
            continue
        shapes = _LETTERED if letters else _NUMBERED
        if letters or not scene.in_link(start):
            for shape in shapes:
                match = shape.pattern.match(text, start)
                if match and shape.is_valid(_code(match[0])) and not _DATE.fullmatch(match[0]):
                    yield Found(start, match.end(), Kind.ID, bare(match[0]))
                    break


def _starts(text: str) -> Iterator[tuple[int, int]]:
    """Where numbers may begin: a word's first digit, or the up to six letters before; with how many letters those are."""
    for run in _RUN.finditer(text):
        place = run.start()
        if not _ENOUGH.match(text, place):
            continue
        lead = _LEAD.search(text, max(0, place - 8), place)
        if lead:
            yield lead.start(), len(lead[1])
        before = text[place - 1 : place]
        is_fraction = before in (".", ",") and text[place - 2 : place - 1].isdecimal()
        if not before.isalnum() and not is_fraction:
            yield place, 0


def named_numbers_in(scene: Scene) -> Iterator[Found]:
    """Numbers of six digits or more behind the name of an identity document."""
    if not scene.has_digits or not scene.knows(_CUE):
        return
    text = scene.text
    for cue in _CUE.pattern.finditer(scene.low):
        join = _JOIN.match(scene.low, cue.end())
        value = _VALUE.match(text, join.end()) if join and join.end() > cue.end() else None
        if value and sum(letter.isdigit() for letter in value[0]) >= 6 and not _DATE.match(value[0]):
            yield Found(value.start(), value.end(), Kind.ID, bare(value[0]))


def _code(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum() or letter == "&")


def _iban(text: str, start: int) -> Found | None:
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    place, code = start, ""
    while place < len(text) and len(code) < length:
        letter = text[place]
        if letter.isascii() and letter.isalnum():
            code += letter.upper()
        elif letter not in _SEPARATORS or text[place - 1] in _SEPARATORS:
            return None
        place += 1
    if len(code) < length or not length or text[place : place + 1].isalnum():
        return None
    moved = "".join(str(int(letter, 36)) for letter in code[4:] + code[:4])
    return Found(start, place, Kind.IBAN, code) if int(moved) % 97 == 1 else None


def _card(text: str, start: int) -> Found | None:
    run = _CARD.match(text, start) if text[start] in "23456" else None
    if not run:
        return None
    places = [place for place in range(start, run.end()) if text[place].isdigit()]
    digits = "".join(text[place] for place in places)
    for size in (16, 15, 14, 13, 19, 18, 17):
        if size > len(places) or not _BRANDS.fullmatch(digits, 0, size) or not is_luhn(digits[:size]):
            continue
        end = places[size - 1] + 1
        groups = tuple(len(group) for group in re.split(r"\D", text[start:end]))
        if (len(groups) == 1 or groups in _CARD_GROUPS) and not text[end : end + 1].isalnum():
            return Found(start, end, Kind.CARD, digits[:size])
    return None
