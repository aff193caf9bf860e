"""Numbers count as somebody's when their check digits are right, or when the name of the document stands before them."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.identity_numbers import is_cnpj, is_dni, is_luhn, is_nir, is_steuer_id, named_numbers_in, numbers_in
from learning.personal_data import Kind, Scene
from learning.planted_numbers import KINDS, Draw

KNOWN = [  # as offices and encyclopaedias print them as examples
    *("12345678Z", "12.345.678-z", "X1234567L", "A58818501", "281234567840", "28/12345678/40"),
    *("HEGG560427MVZRRL04", "GODE561231GR8", "12.345.678-5", "20-12345678-6", "20100070970", "860.002.964-4"),
    *(
        "1710034065001",
        "171003406-5",
        "1.234.567-2",
        "V-12.345.678",
        "529.982.247-25",
        "11.222.333/0001-81",
        "12.ABC.345/01DE-35",
    ),
    *("123-45-6789", "AB123456C", "AB 12 34 56 C", "255081416802538", "2 55 08 14 168 025 38", "RSSMRA85T10A562S"),
    *("65 929 970 489", "86095742719", "PT501442600"),
]
WRONG = [
    *("12345678A", "X1234567A", "A58818502", "281234567841", "HEGG569927MVZRRL04", "12.345.678-6", "20-12345678-7"),
    *("860.002.964-5", "1.234.567-3", "529.982.247-26", "11.222.333/0001-82", "666-45-6789", "GB123456C", "255081416802539"),
    *("86095742718", "PT501442601", "111.111.111-11", "12345678", "1710034065"),
]


def found(text: str) -> list[tuple[Kind, str]]:
    return [(one.kind, text[one.start : one.end]) for one in numbers_in(Scene(text))]


@pytest.mark.parametrize("number", KNOWN)
def test_published_examples_are_found(number: str) -> None:
    assert (Kind.ID, number) in found(f"Es {number}, creo.")


@pytest.mark.parametrize("number", WRONG)
def test_a_wrong_check_digit_is_no_number(number: str) -> None:
    assert found(f"Es {number}, creo.") == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ES91 2100 0418 4502 0005 1332", Kind.IBAN),
        ("gb82west12345698765432", Kind.IBAN),
        ("DE89-3704-0044-0532-0130-00", Kind.IBAN),
        ("4111 1111 1111 1111", Kind.CARD),
        ("378282246310005", Kind.CARD),
        ("5555-5555-5555-4444", Kind.CARD),
    ],
)
def test_accounts_and_cards_are_found_and_a_slip_in_them_is_not(text: str, kind: Kind) -> None:
    assert found(f"({text})") == [(kind, text)]
    slipped = text[:-1] + str((int(text[-1]) + 1) % 10)
    assert kind not in [one for one, _ in found(slipped)]


@given(st.integers(0, 10**9), st.sampled_from(sorted(KINDS)))
def test_what_others_work_out_is_found(seed: int, kind: str) -> None:
    drawn = KINDS[kind](Draw(seed))
    text = f"El número es {drawn.value}." if drawn.is_plain else f"Mi {drawn.label} es {drawn.value}."
    scene = Scene(text)
    spans = [text[one.start : one.end] for one in (*numbers_in(scene), *named_numbers_in(scene))]
    assert drawn.value in spans


@pytest.mark.parametrize(("number", "is_valid"), [("4111111111111111", is_luhn), ("86095742719", is_steuer_id)])
def test_every_single_slip_is_noticed(number: str, is_valid: object) -> None:
    assert callable(is_valid)
    slips = [number[:n] + d + number[n + 1 :] for n in range(len(number)) for d in string.digits if d != number[n]]
    assert is_valid(number)
    assert not any(map(is_valid, slips))


@given(st.integers(0, 10**8 - 1))
def test_one_letter_fits_a_dni_and_one_key_an_nir(number: int) -> None:
    assert sum(is_dni(f"{number:08}{letter}") for letter in string.ascii_uppercase) == 1
    assert sum(is_nir(f"1{number:08}0421{key:02}") for key in range(100)) == 1
    assert sum(is_cnpj(f"{number:08}0001{key:02}") for key in range(100)) == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Mi DNI es 30123456", "30123456"),
        ("Cédula de ciudadanía: 1.023.456.789", "1.023.456.789"),
        ("C.C. 52345678", "52345678"),
        ("passport no. 123456789", "123456789"),
        ("**Pasaporte:** PAA123456", "PAA123456"),
        ("NSS (IMSS) 12345678901", "12345678901"),
        ("my social security number is 123456789", "123456789"),
    ],
)
def test_a_number_behind_its_name_is_found(text: str, number: str) -> None:
    assert [text[one.start : one.end] for one in named_numbers_in(Scene(text))] == [number]


@pytest.mark.parametrize(
    "text", ["El DNI caduca el 12/03/2030", "CI 12", "RFC 2616", "en run 12 de 30", "pasaporte 2024-11-23"]
)
def test_dates_and_small_numbers_behind_such_a_name_stay(text: str) -> None:
    assert list(named_numbers_in(Scene(text))) == []
