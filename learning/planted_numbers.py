"""Made-up identity numbers with their check digits in the usual spellings, drawn at random; for `learning.planting`.

Check digits are worked out here once more and otherwise, so that a mistake in the scrubber's own does not hide itself.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD_VALUES: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
"""What letters at odd places count in a codice fiscale; digits count as the letters from A on."""


class Numbered(NamedTuple):
    """A number, its document's name, and whether it tells what it is without that."""

    value: str
    label: str
    is_plain: bool = True


class Draw:
    """Draws letters, digits and choices; the same seed draws the same."""

    def __init__(self, seed: int) -> None:
        self.random: Final = random.Random(seed)  # noqa: S311 - what is drawn is no secret, and must be the same again

    def one(self, *options: str) -> str:
        """One of the options."""
        return self.random.choice(options)

    def some(self, letters: str, size: int) -> str:
        """`size` of the letters."""
        return "".join(self.random.choice(letters) for _ in range(size))

    def digits(self, size: int) -> str:
        """`size` digits, the first one not 0."""
        return self.some("123456789", 1) + self.some(string.digits, size - 1)

    def number(self, least: int, most: int) -> str:
        """A number of two digits or more."""
        return f"{self.random.randint(least, most):02d}"


def cut(text: str, *sizes: int, by: str) -> str:
    """`text` in groups of these sizes."""
    return by.join(text[start:end] for start, end in pairwise([0, *accumulate(sizes)]))


def _by_eleven(number: str, weights: str = "234567") -> int:
    """11 less the weighted sum's remainder by 11, weights from the right and over again; 11 is to be read as 0."""
    return 11 - sum(int(d) * int(weights[n % len(weights)]) for n, d in enumerate(number[::-1])) % 11


def _checked(draw: Draw, openings: tuple[str, ...], size: int) -> str:
    """A number whose check digit by eleven is none of those that need a second letter."""
    while True:
        body = draw.one(*openings) + draw.digits(size)
        if (digit := _by_eleven(body)) < 10:
            return f"{body}{digit}"


def spanish(draw: Draw) -> Numbered:
    """DNI, NIE, CIF or social security."""
    number = draw.digits(8)
    letter = _DNI_LETTERS[int(number) % 23]
    dotted = cut(number, 2, 3, 3, by=".")
    gaps = draw.one("", "-", " ")
    dni = draw.one(f"{number}{gaps}{letter}", f"{dotted}{gaps}{letter}", f"{number}{letter.lower()}", f"{number}-{letter}")
    which, rest = draw.random.randrange(3), draw.digits(7)
    end = _DNI_LETTERS[(which * 10**7 + int(rest)) % 23]
    nie = draw.one(f"{'XYZ'[which]}{rest}{end}", f"{'XYZ'[which]}-{rest}-{end}", f"{'XYZ'[which]}.{rest}.{end}")
    body = draw.digits(7)
    doubled = sum(int(letter) for digit in body[::2] for letter in str(2 * int(digit)))
    control = (10 - (doubled + sum(map(int, body[1::2]))) % 10) % 10
    cif = draw.one(f"B{body}{control}", f"B-{body}{control}", f"A{body}{control}", f"Q{body}{'JABCDEFGHI'[control]}")
    base = draw.number(1, 52) + draw.digits(8)
    nss = cut(f"{base}{int(base) % 97:02d}", 2, 8, 2, by=draw.one("", " ", "/"))
    return Numbered(*draw.random.choice([(dni, "DNI"), (dni, "DNI"), (nie, "NIE"), (cif, "CIF"), (nss, "NSS")]))


def mexican(draw: Draw) -> Numbered:
    """CURP or RFC."""
    consonants = "BCDFGHJLMNPRSTV"
    date = draw.number(50, 99) + draw.number(1, 12) + draw.number(1, 28)
    opening = draw.some(consonants, 1) + draw.some("AEIOU", 1) + draw.some(consonants, 2)
    body = f"{opening}{date}{draw.one('H', 'M')}{draw.one('DF', 'JC', 'NL', 'VZ')}{draw.some(consonants, 3)}0"
    alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    curp = body + str((10 - sum((18 - n) * alphabet.index(letter) for n, letter in enumerate(body)) % 10) % 10)
    stem = opening + date + draw.some("ABCDEFGHIJKLM" + string.digits, 2)
    order = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ"
    left = 11 - sum((13 - n) * order.index(letter) for n, letter in enumerate(stem)) % 11
    rfc = stem + {10: "A", 11: "0"}.get(left, str(left))
    spelled = [(curp, "CURP"), (curp.lower(), "CURP"), (rfc, "RFC"), (cut(rfc, 4, 6, 3, by="-"), "RFC")]
    return Numbered(*draw.random.choice(spelled))


def southern(draw: Draw) -> Numbered:
    """Chile's RUT, Argentina's CUIT or Uruguay's CI."""
    number = draw.digits(8)
    check = {10: "K", 11: "0"}.get(_by_eleven(number), str(_by_eleven(number)))
    cuit = _checked(draw, ("20", "27", "23"), 8)
    body = draw.digits(7)
    last = (10 - sum(int(a) * int(b) for a, b in zip(body, "2987634", strict=True)) % 10) % 10
    return Numbered(
        *draw.random.choice(
            [
                (f"{number}-{check}", "RUT"),
                (f"{cut(number, 2, 3, 3, by='.')}-{check}", "RUT"),
                (cuit, "CUIT"),
                (cut(cuit, 2, 8, 1, by="-"), "CUIL"),
                (f"{cut(body, 1, 3, 3, by='.')}-{last}", "CI"),
                (f"{body}-{last}", "cédula de identidad"),
            ]
        )
    )


def andean(draw: Draw) -> Numbered:
    """Peru's and Ecuador's RUC, Ecuador's cédula, Colombia's NIT, Venezuela's cédula."""
    body = draw.digits(9)
    left = sum(int(d) * p for d, p in zip(body[::-1], (3, 7, 13, 17, 19, 23, 29, 37, 41), strict=True)) % 11
    nit = f"-{left if left in (0, 1) else 11 - left}"
    base = draw.number(1, 24) + draw.some("012345", 1) + draw.some(string.digits, 6)
    summed = sum(int(letter) for n, d in enumerate(base) for letter in str(int(d) * (2 - n % 2)))
    cedula = f"{base}{(10 - summed % 10) % 10}"
    return Numbered(
        *draw.random.choice(
            [
                (_checked(draw, ("10", "20"), 8), "RUC", True),
                (body + nit, "NIT", True),
                (cut(body, 3, 3, 3, by=".") + nit, "NIT", True),
                (cedula, "cédula", False),
                (f"{cedula}001", "RUC", True),
                (f"V-{draw.digits(8)}", "cédula", True),
                (f"V-{cut(draw.digits(8), 2, 3, 3, by='.')}", "cédula", True),
            ]
        )
    )


def brazilian(draw: Draw) -> Numbered:
    """CPF or CNPJ."""
    body, firm = draw.digits(9), draw.digits(8) + "0001"
    for _ in range(2):
        left = sum(int(d) * n for n, d in enumerate(body[::-1], start=2)) % 11
        body += str(0 if left < 2 else 11 - left)
        left = sum(int(d) * (n % 8 + 2) for n, d in enumerate(firm[::-1])) % 11
        firm += str(0 if left < 2 else 11 - left)
    cpf = f"{cut(body, 3, 3, 3, by='.')}-{body[9:]}"
    cnpj = f"{cut(firm, 2, 3, 3, by='.')}/{firm[8:12]}-{firm[12:]}"
    return Numbered(*draw.random.choice([(body, "CPF"), (cpf, "CPF"), (firm, "CNPJ"), (cnpj, "CNPJ")]))


def english(draw: Draw) -> Numbered:
    """The United States' SSN or ITIN, or the United Kingdom's NINO."""
    ssn = f"{draw.number(100, 665)}-{draw.number(10, 99)}-{draw.digits(4)}"
    itin = f"9{draw.digits(2)}-7{draw.some('0123456', 1)}-{draw.digits(4)}"
    digits, end, pair = draw.digits(6), draw.one("A", "B", "C", "D"), draw.one("AB", "CE", "JG", "PW", "SX")
    return Numbered(
        *draw.random.choice(
            [
                (ssn, "SSN", True),
                (ssn.replace("-", " "), "SSN", True),
                (ssn.replace("-", ""), "SSN", False),
                (itin, "ITIN", True),
                (f"{pair}{digits}{end}", "NINO", True),
                (f"{pair} {cut(digits, 2, 2, 2, by=' ')} {end}", "NINO", True),
            ]
        )
    )


def european(draw: Draw) -> Numbered:
    """France's NIR, Italy's codice fiscale, Germany's Steuer-ID or Portugal's NIF."""
    body = draw.one("1", "2") + draw.number(40, 99) + draw.number(1, 12) + draw.one("75", "13", "2A", "69") + draw.digits(6)
    nir = f"{body}{97 - int(body.replace('2A', '19')) % 97:02d}"
    codice = _codice_fiscale(draw)
    steuer = _steuer_id(draw)
    nif = "2" + draw.digits(7)
    left = sum(int(d) * (9 - n) for n, d in enumerate(nif)) % 11
    nif += str(0 if left in (0, 1) else 11 - left)
    return Numbered(
        *draw.random.choice(
            [
                (nir, "NIR", True),
                (cut(nir, 1, 2, 2, 2, 3, 3, 2, by=" "), "NIR", True),
                (codice, "codice fiscale", True),
                (codice.lower(), "codice fiscale", True),
                (steuer, "Steuer-ID", True),
                (cut(steuer, 2, 3, 3, 3, by=" "), "Steuer-ID", True),
                (nif, "NIF", False),
                (cut(nif, 3, 3, 3, by=" "), "NIF", False),
            ]
        )
    )


def _codice_fiscale(draw: Draw) -> str:
    day = draw.number(1, 28)
    stem = f"{draw.some('BCDFGLMNPRSTV', 6)}{draw.number(50, 99)}{draw.one('A', 'D', 'H', 'T')}{day}H501"
    values = [int(letter) if letter.isdigit() else ord(letter) - ord("A") for letter in stem]
    total = sum(values[1::2]) + sum(_ODD_VALUES[value] for value in values[::2])
    return stem + string.ascii_uppercase[total % 26]


def _steuer_id(draw: Draw) -> str:
    digits = draw.random.sample(string.digits[1:], 9)
    digits.append(digits[3])
    product = 10
    for digit in digits:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return "".join(digits) + str((11 - product) % 10)


def named(draw: Draw) -> Numbered:
    """Numbers that only the name of the document tells."""
    eight = draw.digits(8)
    return Numbered(
        *draw.random.choice(
            [
                (eight, "DNI", False),
                (cut(eight, 2, 3, 3, by="."), "DNI", False),
                (draw.digits(10), "cédula", False),
                (f"1.0{cut(draw.digits(8), 2, 3, 3, by='.')}", "cédula de ciudadanía", False),
                (draw.digits(11), "NSS", False),
                (f"{draw.some('ABCDEFGH', 3)}{draw.digits(6)}", "pasaporte", False),
                (draw.digits(9), "passport", False),
            ]
        )
    )


KINDS: Final[Mapping[str, Callable[[Draw], Numbered]]] = {
    "spain": spanish,
    "mexico": mexican,
    "south": southern,
    "andes": andean,
    "brazil": brazilian,
    "english": english,
    "europe": european,
    "named": named,
}
"""What to draw, by the name it is counted under."""
