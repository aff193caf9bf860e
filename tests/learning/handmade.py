"""A small, correct folder of training files, put together by hand, with handles to spoil any of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

PARTS = {"train": range(12), "validation": range(12, 14), "test": range(14, 16)}
CARD = "---\nlanguage:\n- es\n---\n\n# What people asked\n\nRated answers of one bot.\n"
INFO = {
    "martin_messages": {
        "file_name": "train/messages.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    },
}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


class Export:
    """What is to be written. `raw` takes the place of a file's own bytes; the manifest is made of what is written."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Any]] = {}
        self.cells: dict[str, list[list[str]]] = {}
        self.ids: dict[str, list[str]] = {}
        self.raw: dict[str, bytes] = {}
        self.dropped = [
            {"row": "d1", "step": "clean", "reason": "greeting"},
            {"row": "d2", "step": "clean", "reason": "greeting"},
            {"row": "d3", "step": "guard", "reason": "too many of one person"},
        ]
        self.info: Any = json.loads(json.dumps(INFO))
        self.named: list[dict[str, Any]] | None = None
        self.manifest: dict[str, Any] = {
            "format": "martin-training/1",
            "date": "2026-11-20",
            "code": "0.1.0",
            "schema": "1",
            "seed": 7,
            "collected": 19,
            "kept": 16,
            "dropped": {"clean": {"greeting": 2}, "guard": {"too many of one person": 1}},
            "languages": {"en": 0, "es": 16},
            "people": 16,
            "split": {"by": "person", "why": "20 people or more", "rows": {"train": 12, "validation": 2, "test": 2}},
            "cohort": {"people": 16, "is_small": True, "approved": True},
            "scrub": {"planted": 2000, "left": 3, "rate": 0.0015, "kinds": {"email": 3}, "replaced": {"email": 4}},
            "left_out": {},
            "stale": None,
        }
        for part, numbers in PARTS.items():
            for number in numbers:
                self._add(part, number)

    def _add(self, part: str, number: int) -> None:
        question, good = f"¿Cómo cambio la opción {number}?", f'Abre "Ajustes", y elige la opción {number}.\nDespués guarda.'
        bad, liked = f"No lo sé {number}.", number % 2 == 0
        prompt = [{"role": "system", "content": "Explica paso a paso."}, user(question)]
        lines: dict[str, Any] = {
            "sft.jsonl": {"prompt": prompt, "completion": [assistant(good)]},
            "messages.jsonl": {
                "messages": [user("Hola"), {**assistant("¡Hola!"), "weight": 0}, user(question), assistant(good)]
            },
            "dpo.jsonl": {"prompt": [user(question)], "chosen": [assistant(good)], "rejected": [assistant(bad)]},
            "kto.jsonl": {"prompt": [user(question)], "completion": [assistant(good if liked else bad)], "label": liked},
            "prompt_completion.jsonl": {"prompt": question, "completion": good},
            "input_response.jsonl": {"input": question, "response": good},
            "classifier-intent.csv": [question, "question" if liked else "request"],
            "classifier-topic.csv": [question, "settings, other" if liked else "questions"],
            "classifier-liked.csv": [f"{question}\n\n{good}", "1" if liked else "0"],
        }
        for name, line in lines.items():
            path = f"{part}/{name}"
            (self.cells if name.endswith(".csv") else self.rows).setdefault(path, []).append(line)
            self.ids.setdefault(path, []).append(f"r{number:02}")

    def leave_out(self, name: str, reason: str = "too few rows") -> None:
        """Take a kind of file out of all parts."""
        for part in PARTS:
            for files in (self.rows, self.cells, self.ids):
                files.pop(f"{part}/{name}", None)
        self.manifest["left_out"][name] = reason

    def write(self, folder: Path) -> Path:
        """Write it all; the manifest lists what is there then."""
        contents: dict[str, bytes] = {}
        counted: dict[str, int | None] = {}
        for path, lines in self.rows.items():
            contents[path], counted[path] = jsonl(lines), len(lines)
        for path, cells in self.cells.items():
            contents[path] = b"text,label\n" + "".join(f"{quoted(text)},{quoted(label)}\n" for text, label in cells).encode()
            counted[path] = len(cells)
        named = self.named if self.named is not None else self.lineage()
        contents["rows.jsonl"], counted["rows.jsonl"] = jsonl(named), len(named)
        contents["dropped.jsonl"], counted["dropped.jsonl"] = jsonl(self.dropped), len(self.dropped)
        contents["README.md"] = CARD.encode()
        contents["dataset_info.json"] = json.dumps(self.info).encode() + b"\n"
        contents |= self.raw
        for path, content in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        files = {
            path: {"rows": counted.get(path), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for path, content in contents.items()
        }
        self.seal(folder, {**self.manifest, "files": files})
        return folder

    @staticmethod
    def seal(folder: Path, manifest: dict[str, Any]) -> None:
        text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")

    def lineage(self) -> list[dict[str, Any]]:
        return [
            {"file": path, "line": line, "row": row}
            for path, rows in sorted(self.ids.items())
            for line, row in enumerate(rows, 1)
        ]


def jsonl(lines: list[Any]) -> bytes:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode("utf-8", "surrogatepass")


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",\n') else text
