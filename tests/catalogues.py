"""The Spanish catalogue: what the source says is looked up in it, and what it says is compiled.

`python -m tests.catalogues` extracts every `say` and `say_many`, keeps the translations there are, and compiles them;
`--merge FILE…` takes translations from other catalogues first. It exits with 1 and names what has no translation yet.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("bot", "handlers", "learning", "profiles", "web")
PO = ROOT / "bot" / "locale" / "es" / "LC_MESSAGES" / "martin.po"
MO = PO.with_suffix(".mo")
HEADER = """\
# What Martín says, in Spanish. `make locale` keeps it in step with the source; only the msgstr lines are written by hand.
#"""
TEXTS = {"say": 1, "say_many": 2}
"""How many texts each function looks up, after the language."""


class NotLiteral(ValueError):
    """A text that nobody can extract, because it is not written out where it is said."""


def said(file: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    """The texts that a file looks up, singular and plural together, each with its line. Raises NotLiteral."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Call) and (count := TEXTS.get(_called(node.func))) is not None:
            texts = [argument.value for argument in node.args[1 : 1 + count] if isinstance(argument, ast.Constant)]
            if len(texts) != count or not all(isinstance(text, str) and text for text in texts):
                raise NotLiteral(f"{file}:{node.lineno}: the text must be written out")
            yield tuple(str(text) for text in texts), node.lineno


def _called(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else ""


def extract() -> Catalog:
    """Every text of the source, without translations."""
    catalogue = Catalog(locale="es", project="martin-bot", header_comment=HEADER, charset="utf-8", fuzzy=False)
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file == ROOT / "bot" / "locale" / "__init__.py":
                continue
            for texts, line in said(file):
                flags = ["python-brace-format"] if any(placeholders(text) for text in texts) else []
                place = (file.relative_to(ROOT).as_posix(), line)
                catalogue.add(texts if len(texts) > 1 else texts[0], locations=[place], flags=flags)
    return catalogue


def placeholders(text: str) -> frozenset[str]:
    """The `{names}` in a text."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def forms(message: Message) -> tuple[str, ...]:
    """A message's translations: one, or one per plural form."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def originals(message: Message) -> tuple[str, ...]:
    """A message's English: one text, or singular and plural."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def is_whole(message: Message) -> bool:
    """Whether every form has its translation."""
    return len(forms(message)) == len(originals(message)) and all(forms(message))


def read(file: Path) -> Catalog:
    """A catalogue file; an empty one where there is none."""
    if not file.exists():
        return Catalog(locale="es")
    with file.open("rb") as stream:
        return read_po(stream, locale="es", charset="utf-8")


def updated(translations: Sequence[Catalog]) -> Catalog:
    """The source's texts with the translations of the first catalogue that has one."""
    catalogue = extract()
    for message in catalogue:
        if message.id:
            found = (other.get(originals(message)[0]) for other in translations)
            known = (one.string for one in found if one is not None and originals(one) == originals(message) and is_whole(one))
            message.string = next(known, message.string)
    return catalogue


def po_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as a file: sorted by text, with the files that say it, and nothing that changes by itself."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=120, sort_output=True, include_lineno=False, ignore_obsolete=True, omit_header=True)
    fields = (
        "Language: es",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "Plural-Forms: nplurals=2; plural=(n != 1);",
    )
    head = "\n".join([HEADER, 'msgid ""', 'msgstr ""', *(f'"{field}\\n"' for field in fields), "", ""])
    return head.encode() + stream.getvalue()


def mo_bytes(po: bytes) -> bytes:
    """A catalogue file, compiled."""
    stream = io.BytesIO()
    catalogue = read_po(io.BytesIO(po), locale="es", charset="utf-8")
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)  # else it would change by itself
    write_mo(stream, catalogue)
    return stream.getvalue()


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts without a whole translation."""
    return [originals(message)[0] for message in catalogue if message.id and (not is_whole(message) or message.fuzzy)]


def main() -> int:
    """Write both files; 1 when something has no translation."""
    parser = argparse.ArgumentParser(prog="make locale", description=__doc__)
    parser.add_argument(
        "--merge", nargs="+", type=Path, default=[], metavar="FILE", help="catalogues to take translations from"
    )
    catalogue = updated([read(PO), *(read(file) for file in parser.parse_args().merge)])
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(po_bytes(catalogue))
    MO.write_bytes(mo_bytes(PO.read_bytes()))
    missing = untranslated(catalogue)
    print(f"{len(catalogue)} texts, {len(missing)} without Spanish")
    print("\n".join(f"  {text!r}" for text in missing), end="\n" if missing else "")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
