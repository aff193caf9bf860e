"""Every single thing that can be spoilt in a correct folder, with the codes under which it is to be found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.learning.handmade import Export, assistant, quoted, user

Spoil = Callable[[Export], None]
SFT, MESSAGES, DPO, KTO = "train/sft.jsonl", "train/messages.jsonl", "train/dpo.jsonl", "train/kto.jsonl"
INTENT, LIKED = "train/classifier-intent.csv", "train/classifier-liked.csv"


def put(path: str, place: int, **values: Any) -> Spoil:
    """Other values in a row."""

    def spoil(export: Export) -> None:
        export.rows[path][place] = {**export.rows[path][place], **values}

    return spoil


def message(place: int, **values: Any) -> Spoil:
    """Other values in a message of the first row of messages.jsonl."""

    def spoil(export: Export) -> None:
        messages = export.rows[MESSAGES][0]["messages"]
        messages[place] = {**messages[place], **values}

    return spoil


def without(path: str, key: str) -> Spoil:
    def spoil(export: Export) -> None:
        del export.rows[path][0][key]

    return spoil


def message_without(key: str) -> Spoil:
    def spoil(export: Export) -> None:
        del export.rows[MESSAGES][0]["messages"][2][key]

    return spoil


def said(*messages: dict[str, Any]) -> Spoil:
    return put(MESSAGES, 0, messages=list(messages))


def cell(text: str | None = None, label: str | None = None, *, path: str = INTENT, place: int = 0) -> Spoil:
    def spoil(export: Export) -> None:
        cells = export.cells[path][place]
        export.cells[path][place] = [text if text is not None else cells[0], label if label is not None else cells[1]]

    return spoil


def raw(path: str, change: Callable[[bytes], bytes]) -> Spoil:
    """The bytes of a file changed before the manifest is made."""

    def spoil(export: Export) -> None:
        lines = export.rows.get(path)
        text = "" if lines is None else "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        if path in export.cells:
            text = "text,label\n" + "".join(f"{quoted(one)},{quoted(other)}\n" for one, other in export.cells[path])
        export.raw[path] = change(text.encode())

    return spoil


def replaced(path: str, old: bytes, new: bytes) -> Spoil:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return raw(path, change)


def manifest(**values: Any) -> Spoil:
    def spoil(export: Export) -> None:
        for name, value in values.items():
            if isinstance(value, dict) and isinstance(export.manifest[name], dict):
                export.manifest[name] = {**export.manifest[name], **value}
            else:
                export.manifest[name] = value

    return spoil


def unlisted_key(export: Export) -> None:
    del export.manifest["seed"]


def lineage(change: Callable[[list[dict[str, Any]]], object]) -> Spoil:
    def spoil(export: Export) -> None:
        export.named = export.lineage()
        change(export.named)

    return spoil


def fewer(export: Export) -> None:
    for path in (SFT,):
        del export.rows[path][5:], export.ids[path][5:]


def one_label(export: Export) -> None:
    for row in export.rows[KTO]:
        row["label"] = True


def both_labels(export: Export) -> None:
    export.rows[KTO][1] = {**export.rows[KTO][0], "label": False}


def copied_to_test(name: str) -> Spoil:
    def spoil(export: Export) -> None:
        files: Any = export.cells if name.endswith(".csv") else export.rows
        files[f"test/{name}"][0] = files[f"train/{name}"][3]

    return spoil


def two_labels(export: Export) -> None:
    cells = export.cells[INTENT]
    cells[2] = [cells[4][0], cells[4][1]]
    cells[3] = [cells[4][0], "request"]


def row_moved(export: Export) -> None:
    export.ids["test/sft.jsonl"][0] = "r00"


def of_labels(*labels: str) -> Spoil:
    def spoil(export: Export) -> None:
        for cells, label in zip(export.cells[INTENT], labels, strict=True):
            cells[1] = label

    return spoil


def ranked(export: Export) -> None:
    export.info["dpo"] = {"file_name": DPO, "formatting": "sharegpt", "columns": {"messages": "prompt"}, "ranking": True}


def info(**values: Any) -> Spoil:
    def spoil(export: Export) -> None:
        export.info["martin_messages"] = {**export.info["martin_messages"], **values}

    return spoil


def left_in(export: Export) -> None:
    export.manifest["left_out"]["dpo.jsonl"] = "too few rows"


def silently_left_out(export: Export) -> None:
    export.leave_out("dpo.jsonl")
    export.manifest["left_out"].clear()


def only_in_train(export: Export) -> None:
    for part in ("validation", "test"):
        del export.rows[f"{part}/dpo.jsonl"], export.ids[f"{part}/dpo.jsonl"]


def all_weighted(export: Export) -> None:
    for place in (1, 3):
        export.rows[MESSAGES][0]["messages"][place]["weight"] = 0


IBAN, CARD_NUMBER = "ES91 2100 0418 4502 0005 1332", "4111 1111 1111 1111"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJlLW9mLWl0"

SPOILT: dict[str, tuple[Spoil, set[str]]] = {
    # Texts.
    "an e-mail address": (put(SFT, 0, completion=[assistant("Escribe a ana.perez@correo.es.")]), {"email"}),
    "an e-mail address in a label": (cell(label="ana@correo.es"), {"email", "csv-small-label"}),
    "an account number": (put(SFT, 0, completion=[assistant(f"Paga a {IBAN} HOY")]), {"iban"}),
    "a card": (put(SFT, 0, completion=[assistant(f"Es {CARD_NUMBER}.")]), {"card-number"}),
    "a key": (put(SFT, 0, completion=[assistant("Usa AKIAABCDEFGHIJKLMNOP aquí")]), {"token"}),
    "a web token": (put(SFT, 0, completion=[assistant(f"Usa {JWT}")]), {"token"}),
    "a bell": (put(SFT, 0, completion=[assistant("Din\x07 don")]), {"control-character"}),
    "half a character": (raw(SFT, lambda content: content.replace(b"Abre", b"\\ud83d", 1)), {"surrogate"}),
    "a byte order mark": (raw(SFT, lambda content: b"\xef\xbb\xbf" + content), {"bom"}),
    "latin-1": (raw(SFT, lambda content: content.replace("ó".encode(), b"\xf3", 1)), {"not-utf8"}),
    "windows lines": (raw(SFT, lambda content: content.replace(b"\n", b"\r\n", 1)), {"carriage-return"}),
    "no last line feed": (raw(SFT, lambda content: content[:-1]), {"no-final-line-feed"}),
    "an empty line": (raw("train/dpo.jsonl", lambda content: content + b"\n"), {"empty-line", "rows-differ", "file-rows"}),
    # JSONL.
    "half a line": (raw(SFT, lambda content: b'{"prompt": [\n' + content.split(b"\n", 1)[1]), {"not-json"}),
    "not a number": (raw(SFT, lambda content: b'{"prompt": NaN}\n' + content.split(b"\n", 1)[1]), {"not-json"}),
    "a list": (raw(SFT, lambda content: b"[1, 2]\n" + content.split(b"\n", 1)[1]), {"not-an-object"}),
    "a key twice": (replaced(SFT, b'"completion":', b'"prompt": 1, "completion":'), {"key-twice"}),
    "a missing key": (without(SFT, "completion"), {"key-missing"}),
    "an additional key": (put(SFT, 0, source="web"), {"key-unknown"}),
    "the person": (put(SFT, 0, person="p1"), {"identity-in-row"}),
    "the row's id": (put(MESSAGES, 0, row="r00"), {"identity-in-row"}),
    "text among messages": (put(KTO, 0, prompt="¿Qué tal va?", completion="Muy bien."), {"mixed-kinds"}),
    "a number as a text": (put("train/prompt_completion.jsonl", 0, prompt=5), {"text-not-a-string", "mixed-kinds"}),
    "an empty text": (put("train/input_response.jsonl", 0, response=" \n"), {"text-empty"}),
    "too few rows": (fewer, {"too-few-rows"}),
    "an endless example": (put("train/prompt_completion.jsonl", 0, prompt="a " * 120_000), {"example-too-long"}),
    "the test learned by heart": (copied_to_test("sft.jsonl"), {"shared-between-parts"}),
    "the test learned by heart, as text": (copied_to_test("prompt_completion.jsonl"), {"shared-between-parts"}),
    "the classifier's test learned by heart": (copied_to_test("classifier-topic.csv"), {"shared-between-parts"}),
    # Messages.
    "no messages": (said(), {"messages-empty"}),
    "messages as a text": (put(MESSAGES, 0, messages="hola"), {"messages-empty", "mixed-kinds"}),
    "a message as a text": (put(MESSAGES, 0, messages=["hola", assistant("sí")]), {"message-not-an-object"}),
    "a function call": (message(3, function_call={}), {"message-key-unknown"}),
    "a weight outside of messages.jsonl": (
        put(SFT, 0, completion=[{**assistant("Sí."), "weight": 1}]),
        {"message-key-unknown"},
    ),
    "no role": (message_without("role"), {"role-missing"}),
    "another role": (message(2, role="human"), {"role-unknown"}),
    "no content": (message_without("content"), {"content-missing"}),
    "content in parts": (message(2, content=[{"type": "text"}]), {"content-not-a-string"}),
    "no words": (message(2, content="  "), {"content-empty"}),
    "half a weight": (message(3, weight=0.5), {"weight-value"}),
    "a weight in quotes": (message(3, weight="1"), {"weight-value"}),
    "true as a weight": (message(3, weight=True), {"weight-value"}),
    "no weight": (message(3, weight=None), {"weight-value"}),
    "the user's weight": (message(2, weight=1), {"weight-not-assistant"}),
    "a name with spaces": (message(2, name="Ana Pérez"), {"name-invalid"}),
    "two system messages": (
        said({"role": "system", "content": "A"}, {"role": "system", "content": "B"}, user("¿Y bien?"), assistant("Bien.")),
        {"system-twice"},
    ),
    "system later": (said(user("¿Y bien?"), {"role": "system", "content": "A"}, assistant("Bien.")), {"system-not-first"}),
    "two questions in a row": (said(user("¿Hay alguien?"), user("¿Y bien?"), assistant("Bien.")), {"turn-order"}),
    "the assistant first": (said(assistant("Hola."), user("¿Y bien?"), assistant("Bien.")), {"turn-order"}),
    "no user": (said({"role": "system", "content": "A"}, assistant("Bien.")), {"no-user", "turn-order"}),
    "no assistant": (said(user("¿Hay alguien ahí?")), {"no-assistant", "last-not-assistant"}),
    "the user has the last word": (said(user("¿Y bien?"), assistant("Bien."), user("Gracias.")), {"last-not-assistant"}),
    "only context": (all_weighted, {"nothing-to-learn"}),
    # Prompt and completion, preferences, thumbs.
    "a prompt that was answered": (put(SFT, 0, prompt=[user("¿Y bien?"), assistant("Sí")]), {"prompt-not-ended-by-user"}),
    "two answers": (put(SFT, 0, completion=[assistant("Sí."), assistant("No.")]), {"not-one-answer"}),
    "a chosen answer of the user": (put(DPO, 0, chosen=[user("Sí.")]), {"not-one-answer"}),
    "no rejected answer": (put(DPO, 0, rejected=[]), {"not-one-answer"}),
    "the same answer twice": (put(DPO, 0, chosen=[assistant("Vale")], rejected=[assistant("Vale")]), {"chosen-is-rejected"}),
    "a label in quotes": (put(KTO, 0, label="true"), {"label-not-boolean", "mixed-kinds"}),
    "one label only": (one_label, {"one-label-only"}),
    "both labels": (both_labels, {"label-contradicts"}),
    # CSV.
    "another header": (replaced(INTENT, b"text,label", b"text;label"), {"csv-header"}),
    "an open quote": (
        replaced(INTENT, b",question\n", b',"question\n'),
        {"csv-quoting", "file-rows", "rows-differ", "csv-few-labels", "csv-label-not-in-train"},
    ),
    "letters after a quote": (replaced(LIKED, b'",1\n', b'"x,1\n'), {"csv-quoting"}),
    "a third column": (replaced(INTENT, b",question\n", b",question,yes\n"), {"csv-columns"}),
    "no text": (cell(text=" "), {"csv-text-empty"}),
    "no label": (cell(label=""), {"csv-label-empty", "csv-small-label"}),
    "a thumb in words": (cell(label="yes", path=LIKED), {"csv-label-unknown", "csv-small-label"}),
    "two labels for a text": (two_labels, {"csv-two-labels"}),
    "one label": (of_labels(*["question"] * 12), {"csv-few-labels", "csv-label-not-in-train"}),
    "a rare label": (of_labels(*["question", "request"] * 5, *["chat"] * 2), {"csv-small-label"}),
    "a label that only the test has": (cell(label="chat", path="test/classifier-intent.csv"), {"csv-label-not-in-train"}),
    "a guard against formulas": (cell(text="'=A1+B1"), {"csv-guarded"}),
    "an e-mail address in a cell": (cell(text="¿Es ana@correo.es correcto?"), {"email"}),
    # rows.jsonl and dropped.jsonl.
    "lineage without a row": (lineage(lambda rows: rows[0].pop("row")), {"rows-keys", "rows-order", "rows-differ"}),
    "lineage with the person": (lineage(lambda rows: rows[-1].update(person="p")), {"rows-keys", "rows-differ"}),
    "lineage out of order": (lineage(lambda rows: rows.insert(0, rows.pop(1))), {"rows-order"}),
    "lineage of no file": (
        lineage(lambda rows: rows.append({"file": "validation/x.jsonl", "line": 1, "row": "r"})),
        {"rows-file-unknown"},
    ),
    "lineage too short": (lineage(lambda rows: rows.pop()), {"rows-differ"}),
    "lineage with a row twice": (lineage(lambda rows: rows[1].update(row=rows[0]["row"])), {"row-twice"}),
    "a row in two parts": (row_moved, {"row-in-two-parts"}),
    "a dropped row without a reason": (
        lambda export: export.dropped.__setitem__(2, {"row": "d3", "step": "guard", "reason": ""}),
        {"dropped-keys", "dropped-differ"},
    ),
    "a row dropped twice": (lambda export: export.dropped[1].update(row="d1"), {"dropped-twice"}),
    "a dropped row in a file": (lambda export: export.dropped[0].update(row="r03"), {"dropped-but-kept"}),
    "dropped for another reason": (lambda export: export.dropped[0].update(reason="spam"), {"dropped-differ"}),
    # The manifest.
    "a missing key of the manifest": (unlisted_key, {"manifest-key-missing"}),
    "a key of its own": (lambda export: export.manifest.update(host="server"), {"manifest-key-unknown"}),
    "a count in quotes": (manifest(people="16"), {"manifest-type"}),
    "a count below zero": (manifest(people=-1), {"manifest-type"}),
    "true as a count": (manifest(people=True), {"manifest-type"}),
    "another format": (manifest(format="martin-training/2"), {"manifest-format"}),
    "no such day": (manifest(date="2026-02-30"), {"manifest-date"}),
    "a clock time": (manifest(code="0.1.0 built 2026-11-20T03:15:00Z"), {"manifest-clock-time"}),
    "a time of day as the date": (manifest(date="2026-11-20T03:15"), {"manifest-clock-time", "manifest-date"}),
    "one more collected": (manifest(collected=20), {"counts-differ"}),
    "a language too many": (manifest(languages={"en": 1}), {"languages-differ"}),
    "nobody": (manifest(people=0), {"people-differ"}),
    "parts that make fewer": (manifest(split={"rows": {"train": 11, "validation": 2, "test": 2}}), {"split-differs"}),
    "split by day": (manifest(split={"by": "day"}), {"split-why"}),
    "another rate": (manifest(scrub={"rate": 0.2}), {"scrub-rate"}),
    "too much left": (manifest(scrub={"left": 40, "rate": 0.02}), {"scrub-residual"}),
    "nothing planted": (manifest(scrub={"planted": 0, "left": 0, "rate": 0.0}), {"scrub-residual"}),
    "fewer kept than there are": (
        manifest(collected=18, kept=15, languages={"es": 15}, split={"rows": {"train": 11, "validation": 2, "test": 2}}),
        {"split-differs"},
    ),
    "a small train part": (
        manifest(collected=103, kept=100, languages={"es": 100}, split={"rows": {"train": 20, "validation": 60, "test": 20}}),
        {"split-shares"},
    ),
    # The folder.
    "left out and there": (left_in, {"left-out-but-there"}),
    "left out in silence": (silently_left_out, {"kind-not-accounted-for"}),
    "only in train": (only_in_train, {"not-in-all-parts"}),
    "another file": (lambda export: export.raw.update({"train/notes.jsonl": b"{}\n"}), {"file-unknown"}),
    "a folder too many": (lambda export: export.raw.update({"old/sft.jsonl": b"{}\n"}), {"folder-unknown"}),
    "a card without a head": (lambda export: export.raw.update({"README.md": b"# Data\n"}), {"card-head"}),
    "a card that is only a head": (lambda export: export.raw.update({"README.md": b"---\na: b\n---\n"}), {"card-head"}),
    "info about another file": (info(file_name="train/all.jsonl"), {"info-file-missing"}),
    "info about another column": (info(columns={"messages": "conversations"}), {"info-column"}),
    "info about pairs without their names": (ranked, {"info-column"}),
    "info without a file": (info(file_name=None), {"info-shape"}),
    "info in another layout": (info(formatting="openai"), {"info-shape"}),
    "broken info": (lambda export: export.raw.update({"dataset_info.json": b"{\n"}), {"not-json"}),
}


def gone(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


def changed(path: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / path).write_bytes(change((folder / path).read_bytes()))

    return spoil


def of_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        told = json.loads((folder / "manifest.json").read_text())
        change(told)
        Export.seal(folder, told)

    return spoil


def linked(folder: Path) -> None:
    (folder / "README.md").rename(folder.parent / "card.md")
    (folder / "README.md").symlink_to(folder.parent / "card.md")


def part_gone(folder: Path) -> None:
    for file in (folder / "test").iterdir():
        file.unlink()
    (folder / "test").rmdir()


AFTERWARDS: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "no manifest": (gone("manifest.json"), {"manifest-missing"}),
    "half a manifest": (changed("manifest.json", lambda content: content[:200]), {"manifest-not-json", "no-final-line-feed"}),
    "a list as manifest": (changed("manifest.json", lambda _: b"[]\n"), {"manifest-not-json"}),
    "a key of the manifest twice": (
        changed("manifest.json", lambda c: c.replace(b"{", b'{\n  "code": "x",', 1)),
        {"key-twice"},
    ),
    "keys out of order": (
        changed("manifest.json", lambda c: json.dumps(dict(reversed(json.loads(c).items())), indent=2).encode() + b"\n"),
        {"manifest-layout"},
    ),
    "one long line": (
        changed("manifest.json", lambda c: json.dumps(json.loads(c), sort_keys=True).encode() + b"\n"),
        {"manifest-layout"},
    ),
    "no lineage": (gone("rows.jsonl"), {"rows-missing", "file-missing"}),
    "no list of what was dropped": (gone("dropped.jsonl"), {"dropped-missing", "file-missing"}),
    "no card": (gone("README.md"), {"card-missing", "file-missing"}),
    "no info": (gone("dataset_info.json"), {"info-missing", "file-missing"}),
    "a file that is gone": (gone("test/sft.jsonl"), {"not-in-all-parts", "file-missing", "rows-file-unknown"}),
    "a part that is gone": (part_gone, {"part-missing", "file-missing", "rows-file-unknown"}),
    "a file that is not listed": (of_manifest(lambda told: told["files"].pop(SFT)), {"file-not-listed"}),
    "another size": (of_manifest(lambda told: told["files"][SFT].update(bytes=1)), {"file-size"}),
    "another number of rows": (of_manifest(lambda told: told["files"][SFT].update(rows=13)), {"file-rows"}),
    "another hash": (of_manifest(lambda told: told["files"][SFT].update(sha256="0" * 64)), {"file-hash"}),
    "no hash": (of_manifest(lambda told: told["files"][SFT].update(sha256="")), {"manifest-type", "file-hash"}),
    "a letter changed by hand": (changed(SFT, lambda content: content.replace(b"Abre", b"Abri", 1)), {"file-hash"}),
    "a link": (linked, {"not-a-plain-file", "card-missing", "file-missing"}),
}
