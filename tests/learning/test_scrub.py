"""What is personal goes from rows, the same thing under one placeholder; what is not stays, letter for letter."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.training_types import Intent
from learning.personal_data import flat, trimmed
from learning.planting import Planter
from learning.records import Agreement, Collected, Labelled, Labels, Said
from learning.scrub import Scrubber, counted

HARMLESS = """\
Hola, ¿qué tal? / Hello, world! / Hola Mundo
En 1492 Colón llegó a América; en 1810-1821 hubo guerra.
The war of 1914-1918 and that of 1939-1945
Quedamos el 23/11/2026 a las 12:30, o el 2026-11-24.
2026-11-23T10:15:30Z and 2026-11-23 10:15:30.123456
23.11.2026, 11/23/26, 3-4-2025
Cuesta 1.234.567 €, o sea $1,234,567.89
El piso vale 250.000 euros y la casa 1 250 000 €
USD 12 500 000, 4.5 million, 99,99 €
Madrid tiene 3 332 035 habitantes
La población es de 47 400 798 personas
2 + 2 = 4; 12345678 * 9 = 111111102
3.14159265358979323846 and 2.718281828459045
600000000 - 599999999 = 1
1234567890 and 9876543210 and 123456789
2147483647, 4294967296, 9007199254740991
The factorial of 12 is 479001600.
Unix time 1700000000 was in November 2023; 1700000000123 ms
1, 2, 3, 4, 5, 6, 7, 8, 9, 10
10 20 30 40 50 60
1 1 2 3 5 8 13 21 34 55 89 144
f(x) = 3x^2 + 2x - 1, x in [0, 100]
E = mc², c = 299792458 m/s
6.02214076e23 mol⁻¹
Versión 3.11.9, v2.0.1-rc.3, Python 3.12
Chrome 120.0.6099.129 en Windows 10.0.19045.3803
pip install numpy==2.4.6 requests>=2.31.0
version 1.2.3.4 of the firmware
Véase la sección 1.2.3.4 del manual
Escucha en 127.0.0.1:8000 o en 0.0.0.0
localhost:8080/api/v1/users?page=2&limit=50
ISBN 978-84-376-0494-7 y ISBN 0-306-40615-2
ISSN 2049-3630, DOI 10.1038/s41586-020-2649-2
RFC 2616 y RFC 9110
Pedido 4518273645 y factura 2024-000123
https://docs.python.org/3/library/re.html#re.compile
https://github.com/python/cpython/issues/123456
https://en.wikipedia.org/wiki/Ada_Lovelace?action=raw
https://www.youtube.com/watch?v=dQw4w9WgXcQ
git clone git@github.com:python/cpython.git
npm i @types/node@20.1.0 @babel/core
@dataclass(frozen=True)\\nclass Point:\\n    x: int
@app.get("/items")\\ndef items() -> list[int]: ...
@property\\ndef name(self): return self._name
@media (max-width: 600px) { body { margin: 0 } }
std::vector<int> v; a::b::c; x[1::2]
fe = cafe::beef
commit 3f786850e387550fdab836ed7e6dc881de23001b
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="
550e8400-e29b-41d4-a716-446655440000
d41d8cd98f00b204e9800998ecf8427e
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4
SGVsbG8sIGhvdyBhcmUgeW91IHRvZGF5Pw== is base64
getElementsByClassNameAndIdentifier2 and MAX_NUMBER_OF_RETRIES_PER_REQUEST
src/learning/identity_numbers.py:120: error
password = input("Password: ")
password: str
PASSWORD = os.environ["PASSWORD"]
token = get_token(user)
max_tokens=4096 and tokens: 1500
La contraseña es obligatoria y debe ser larga.
My password is incorrect, what should I do?
password: required
api_key = "YOUR_API_KEY"
export TOKEN=${TOKEN}
The key is to practise; la clave es la constancia.
mail me at school, look at example.com, meet at noon
we met at school dot by dot
C# 2024 and F#, issue#1234, PR #5678
Me llamo igual que mi abuelo.
My name is not important.
Soy profesor de inglés. I am Spanish.
I'm tired. I'm from New York.
Don Quijote de la Mancha, de Miguel de Cervantes
Estimados todos: un saludo
Plaza Mayor, Calle 13, Quinta Avenida y Wall Street
The 2008 Wall Street crash
Vive en la calle desde hace 5 años.
Take the 2nd street on the left, 5 miles away
Resolución 1920x1080, 60 Hz, 16:9, 4K
0xDEADBEEF, 0b1010, #ff8800, 1e-9
00:15:30 --> 00:15:34,500
GPT-4, RTX 4090, ISO 9001:2015, MP3, A4, B2
GET /v1/items HTTP/1.1 404
SELECT * FROM users WHERE id = 12345678;
[1, 22, 333, 4444, 55555, 666666]
lat, long, 5-3 = 2, 10/2 = 5, 7-0
El Real Madrid ganó 3-1; jugaron el 4-4-2
CC BY-SA 4.0; CI pipeline 12; RUN 3 tests
chmod 755 /home/user/app && cd ~/code
C:\\Users\\Public\\Documents
| 2023 | 1 200 | 3,5 % |
NaN, null, undefined, true
1.000.000.000 de parámetros; 70B, 405B
la línea 10 de la página 345 del capítulo 12
¿Cuánto es 15 % de 2.340.500?
El código es 404 y el error 10061
The secret is to keep calm. The password policy requires 12 characters.
Calle 13 es un grupo; Avenida 5 de Mayo; la plaza 3 del garaje
600 000 000 de personas, 7.900.000.000 humanos; 1000 2000 3000 4000; 100 200 300
call foo(1234567), then call f(10, 20, 3000000)
ssh -p 2222 host; mysql -u root -p; docker run -p 8080:80 nginx:1.25.3
k8s pod nginx-deployment-66b6c48dd5-7ch4j, s3://bucket/path/file-2024-01-01.parquet
ATGCGTACGTTAGCATGCCGATCGATTACG, C6H12O6, 120/80 mmHg
Ley 39/2015, de 1 de octubre; BOE-A-2015-10565; ISO/IEC 27001:2022
Vuelo IB3170, tren AVE 03142, A-6, M-30
¿Quién fue Gabriel García Márquez? ¿Y Frida Kahlo?
0.1 + 0.2 = 0.30000000000000004; 1/3 = 0.3333333333333333
[EMAIL_1] and [NAME_2] were scrubbed
""".splitlines()

PERSONAL = [
    ("ANA.Perez+x@Example.co.uk.", "[EMAIL_1]."),
    ("mailto:ana@example.com, <luis@example.org>", "mailto:[EMAIL_1], <[EMAIL_2]>"),
    ("ana punto perez arroba gmail punto com", "[EMAIL_1]"),
    ("name at example dot com", "[EMAIL_1]"),
    ("name (at) example (dot) com", "[EMAIL_1]"),
    ("Llámame al 612 345 678 (o al +34612345678)", "Llámame al [PHONE_1] (o al [PHONE_1])"),
    ("+1 (415) 823-2671 or 415.823.2671", "[PHONE_1] or [PHONE_1]"),
    ("00 52 55 1234 5678? mi celular: 5512345678", None),
    ("wa.me/34612345678", "[PHONE_1]"),
    ("ES91 2100 0418 4502 0005 1332 and 4111-1111-1111-1111", "[IBAN_1] and [CARD_1]"),
    ("ping 192.168.1.20 or 2001:db8::8a2e:370:7334", "ping [IP_1] or [IP_2]"),
    ("la MAC es 00:1A:2B:3C:4D:5E", "la MAC es [MAC_1]"),
    ("https://ana:pw1234@example.com/a y https://example.com/?token=abc.", "[URL_1] y [URL_2]."),
    ("postgres://tienda:s3creto@db:5432/tienda", "[URL_1]"),
    ("password: hunter2", "password: [SECRET_1]"),
    ("La contraseña del wifi es Gato2024, ¿vale?", "La contraseña del wifi es [SECRET_1], ¿vale?"),
    ('{"dbPassword": "una-frase9"}', '{"dbPassword": "[SECRET_1]"}'),
    ("Server=db;User Id=sa;Password=Abc123;Encrypt=yes", "Server=db;User Id=sa;Password=[SECRET_1];Encrypt=yes"),
    ("mi PIN es 4821.", "mi PIN es [SECRET_1]."),
    ("Authorization: Bearer abcdef1234567890abcdef", "Authorization: Bearer [SECRET_1]"),
    ("key AKIAIOSFODNN7EXAMPLE", "key [SECRET_1]"),
    ("Q7xV2mK9pLzR4tYw8NbC3dFgH6jS1aEu", "[SECRET_1]"),
    ("Soy @ana_perez y ana#1234 en t.me/anita99", "Soy [HANDLE_1] y [HANDLE_2] en [HANDLE_3]"),
    ("mira /home/anaperez/notas.txt y C:\\Users\\Luis\\x", "mira /home/[HANDLE_1]/notas.txt y C:\\Users\\[HANDLE_2]\\x"),
    ("Mi usuario de Telegram es ana.perez99", "Mi usuario de Telegram es [HANDLE_1]"),
    ("me llamo Ana Pérez. Soy Ana.", "me llamo [NAME_1]. Soy [NAME_1]."),
    ("Dear Mr. Thandiwe Okonkwo, my name is Philippa.", "Dear Mr. [NAME_1], my name is [NAME_2]."),
    ("Gracias.\n\nAtentamente,\nZoraida Quispe", "Gracias.\n\nAtentamente,\n[NAME_1]"),
    ("Vivo en C/ Olivar, 12, 3º B, 28012 Madrid.", "Vivo en [ADDRESS_1]."),
    ("I live at 221 Larkspur Lane, London.", "I live at [ADDRESS_1]."),
    ("Carrera 7 # 45-21, código postal 110231", None),
    ("SW1A 2AA", "[ADDRESS_1]"),
]


def row(question: str, answer: str = "", correction: str = "", history: tuple[Said, ...] = ()) -> Labelled:
    told = Collected(
        row="r1", person="p", thread="t", asked_on="2026-11-20", channel="web", is_private=True, language="es",
        question=question, answer=answer, correction=correction, history=history, value=1,
    )  # fmt: skip
    labels = Labels(language="es", intent=Intent.CHAT, topic="", needs_context=False, agreement=Agreement.GOOD)
    return Labelled(told=told, labels=labels)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_not_personal_stays(text: str) -> None:
    text = text.replace("\\n", "\n")
    assert Scrubber().scrub_texts([text]) == [text]


def test_there_are_enough_harmless_texts() -> None:
    assert len(HARMLESS) >= 60


@pytest.mark.parametrize(("text", "scrubbed"), PERSONAL)
def test_what_is_personal_goes(text: str, scrubbed: str | None) -> None:
    [found] = Scrubber().scrub_texts([text])
    if scrubbed is None:
        assert not re.search(r"\d{3}", found)
    else:
        assert found == scrubbed


def test_the_same_thing_has_one_placeholder_in_all_texts_of_a_row() -> None:
    scrubber = Scrubber()
    earlier = Said(question="Escribe a luis@example.org", answer="Escrito a luis@example.org.")
    done = scrubber.scrub(
        row(
            "Me llamo Zoraida, soy zora@example.com",
            "Hola, Zoraida. Escribo a LUIS@example.org y Zora@example.com",
            "zora@example.com",
            (earlier,),
        )
    ).told
    assert done.history == (Said(question="Escribe a [EMAIL_1]", answer="Escrito a [EMAIL_1]."),)
    assert done.question == "Me llamo [NAME_1], soy [EMAIL_2]"
    assert done.answer == "Hola, [NAME_1]. Escribo a [EMAIL_1] y [EMAIL_2]"
    assert done.correction == "[EMAIL_2]"
    assert scrubber.replaced == Counter({"EMAIL": 6, "NAME": 2})
    assert counted(scrubber.replaced) == {"EMAIL": 6, "NAME": 2}


def test_a_password_said_once_goes_wherever_it_is_repeated() -> None:
    done = Scrubber().scrub(row("mi contraseña es gatito77", "Cambia gatito77 por otra: gatito777 no basta.")).told
    assert done.question == "mi contraseña es [SECRET_1]"
    assert done.answer == "Cambia [SECRET_1] por otra: gatito777 no basta."


def test_a_row_without_anything_personal_is_the_same_row() -> None:
    told = row("¿Qué hora es en Lima?", "Son las 12:30.")
    assert Scrubber().scrub(told) is told


def test_all_else_of_a_row_stays() -> None:
    before = row("soy a@example.com")
    after = Scrubber().scrub(before)
    assert (after.labels, after.told.row, after.told.person) == (before.labels, "r1", "p")


def test_the_bots_own_name_stays() -> None:
    assert Scrubber().scrub_texts(["Hola, me llamo Martín."]) == ["Hola, me llamo Martín."]
    assert Scrubber(frozenset({"Ada"})).scrub_texts(["Me llamo Ada", "Me llamo Martín"]) == [
        "Me llamo Ada",
        "Me llamo [NAME_1]",
    ]


def test_numbers_go_on_from_placeholders_that_were_there() -> None:
    assert Scrubber().scrub_texts(["[EMAIL_2] y a@example.com"]) == ["[EMAIL_2] y [EMAIL_3]"]


PIECES = st.one_of(
    st.sampled_from(HARMLESS),
    st.sampled_from([text for text, _ in PERSONAL]),
    st.integers(0, 10**6).map(lambda seed: Planter(seed).planted(seed).text),
    st.integers(0, 10**6).map(lambda seed: Planter(seed).unsure(seed).text),
    st.text(max_size=12),
    st.sampled_from([" ", "\n", "password: ", "@", "[EMAIL_1]", "\ue000", "+", "://", ".", "Ana", "ſ", "K", "２", "²", "İ"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=6).map("".join), min_size=1, max_size=3))
def test_scrubbing_twice_changes_nothing(texts: list[str]) -> None:
    once = Scrubber().scrub_texts(texts)
    again = Scrubber()
    assert again.scrub_texts(once) == once
    assert not again.replaced


@given(st.text())
def test_places_are_the_same_in_the_flat_text(text: str) -> None:
    assert len(flat(text)) == len(text)
    assert text.startswith(trimmed(text))


# fmt: off
UNITS = [
    "a", "1", "1 ", "1.", "1-", ".", "@", "a@", "a.", "a@a.", "-", "_", ":", "a:", "/", "x/", "://", "a://", "(", ")", "((",
    "+", "+1", "=", "==", '"', "`", "``` ", "A", "Aa", "Aa ", "A1", "A1 ", "Aa1", "12345678", "1234 5678 ", "4111 ", "ES91 ",
    "1:", "a::", "fe80:", "00:", "00-", "sk-", "eyJ", "eyJa.", "-----BEGIN PRIVATE KEY-----", "\n", "password", "password:",
    "password: a1 ", "password is ", "contraseña de ", "dni ", "dni: ", "1234567 dni ", "me llamo ", "me llamo Ana ",
    "soy Ana ", "atentamente\n", " at ", "a at ", "arroba ", "a arroba b punto ", "calle ", "calle Mayor ", "calle Mayor 1 ",
    "1 street ", "1 Aa street ", "strasse ", "@a ", "@a\n", "#1234", "a#1234 ", "u/a", "t.me/", "/home/",
    "https://x.y/?token=a ", "https://a/", "www.", "[EMAIL_1]", "\ue000", "tel 1234567 ", "+34 612 345 678 ", "del usuario ",
    "1º b", "usuario: a1 ", "bearer ", "calle a ", "1 a ", "x\\n\\n", "Sr. Ana ", "nombre: Ana Paz ", "tarjeta 4", "u:p@",
    "-u a:", "mysql a ", "key = ", "token token ", "token a a a a a ", "2001:db8:", "1.1.1.1 ", "@@", "＠", "&#64;", "é", "ß",
    "ana arroba ",
]
# fmt: on


def spent(text: str) -> float:
    """Processor seconds to scrub `text`, the least of two."""
    least = float("inf")
    for _ in range(2):
        began = time.process_time()
        Scrubber().scrub_texts([text])
        least = min(least, time.process_time() - began)
    return least


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_no_faster_than_a_hostile_text(unit: str) -> None:
    small, size = 1000, 8
    text = unit * (small * size // len(unit))
    assert spent(text) <= 3 * size * max(0.001, spent(text[:small]))
