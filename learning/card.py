"""What people and programs read about a folder of training files: the card in both languages, and LLaMA-Factory's list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from bot.locale import say
from learning.files import CARDS, INFO_FILE, MANIFEST_FILE, Kind, data_paths, path_of, put
from learning.manifest import Manifest, encoded
from learning.records import Split

_SIZES: Final = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
"""The Hub's words for sizes (`size_categories` of its dataset cards)."""

_LLAMA_FACTORY: Final[Mapping[Kind, Mapping[str, object]]] = {
    Kind.MESSAGES: {
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    },
    Kind.PROMPT_COMPLETION: {"formatting": "alpaca", "columns": {"prompt": "prompt", "response": "completion"}},
    Kind.INPUT_RESPONSE: {"formatting": "alpaca", "columns": {"prompt": "input", "response": "response"}},
}
"""Those that it reads as they are (0.9.5, `data/converter.py`). It wants preferences as one object each and KTO within the
conversation, where TRL wants lists; so `dpo.jsonl` and `kto.jsonl` are not in the list."""


def put_words(folder: Path, manifest: Manifest, skipped: Mapping[str, int]) -> Manifest:
    """Write the cards, the list and, last, the manifest; the manifest with these files in it.

    `skipped` says how many rows are not in a file that they would be in, by what the card says of it.
    """
    files = {**manifest.files, INFO_FILE: put(folder / INFO_FILE, encoded(dataset_info(manifest)))}
    for language, name in CARDS.items():
        files[name] = put(folder / name, card(language, manifest, skipped).encode())
    manifest = msgspec.structs.replace(manifest, files=files)
    put(folder / MANIFEST_FILE, encoded(manifest))
    return manifest


def dataset_info(manifest: Manifest) -> dict[str, object]:
    """The entries of LLaMA-Factory's `dataset_info.json`: `martin_train_messages` and so on."""
    return {
        f"martin_{part.value}_{Path(kind.value).stem}": {"file_name": path_of(part, kind), **entry}
        for kind, entry in _LLAMA_FACTORY.items()
        for part in Split
        if (found := manifest.files.get(path_of(part, kind))) and found.rows
    }


def card(language: str, manifest: Manifest, skipped: Mapping[str, int]) -> str:
    """The card in one language; the English one has the Hub's head, which tells `datasets` what to load."""
    head = "\n".join(_head(manifest)) if language == "en" else ""
    return head + "\n\n".join(_sections(language, manifest, skipped)) + "\n"


def _head(manifest: Manifest) -> Iterator[str]:
    languages = sorted(language for language, rows in manifest.languages.items() if rows)
    size = next((word for limit, word in _SIZES if manifest.kept < limit), "n>10M")
    yield from ("---", f'pretty_name: "Martín {manifest.date}"', "license: other")
    yield from (("language:", *(f"- {language}" for language in languages)) if languages else ())
    yield from ("task_categories:", "- text-generation", "- text-classification", "size_categories:", f"- {size}")
    yield from ("tags:", "- conversational", "- human-feedback")
    configs = [line for kind in Kind for line in _config(kind, manifest)]
    yield from (("configs:", *configs) if configs else ())
    yield from ("---", "", "")


def _config(kind: Kind, manifest: Manifest) -> Iterator[str]:
    """What `datasets` loads under the kind's name; only parts that have rows, as it takes no empty file."""
    paths = {part: path_of(part, kind) for part in Split}
    full = {part: path for part, path in paths.items() if (found := manifest.files.get(path)) and found.rows}
    if full:
        yield from (f"- config_name: {Path(kind.value).stem}", "  data_files:")
        for part, path in full.items():
            yield from (f"  - split: {part.value}", f"    path: {path}")


def _sections(language: str, manifest: Manifest, skipped: Mapping[str, int]) -> Iterator[str]:
    yield "# " + say(language, "Training files of {date}", date=manifest.date)
    if manifest.stale:
        yield "> " + say(
            language,
            "{rows} rows were taken out on {date}, because their people asked for it or they were found to be bad. "
            "What was trained on these files before then is to be trained anew.",
            rows=manifest.stale.removed,
            date=manifest.stale.on,
        )
    yield say(
        language,
        "Rated and corrected answers of a Martín, cleaned, labelled and scrubbed, of people who agreed to it. "
        "For training and testing models of your own; not for publication.",
    )
    yield "## " + say(language, "What is in it")
    yield "\n".join(_table(language, manifest))
    yield from _absent(language, manifest, skipped)
    yield "## " + say(language, "For whom")
    yield say(
        language,
        "`sft.jsonl` is for TRL (the loss counts the answer only), `messages.jsonl` for trainers that read chats, such as "
        "mistral-finetune and LLaMA-Factory (`dataset_info.json` lists what it reads), `dpo.jsonl` and `kto.jsonl` for "
        "learning from preferences, `prompt_completion.jsonl` and `input_response.jsonl` for tools that take plain texts, and "
        "the CSV files for classifiers. Train on `train`, choose on `validation`, and look at `test` once, at the end.",
    )
    yield "## " + say(language, "How it was made")
    yield from _made(language, manifest)
    yield "## " + say(language, "Limits")
    yield "\n".join(f"- {limit}" for limit in _limits(language, manifest))


def _table(language: str, manifest: Manifest) -> Iterator[str]:
    what = {
        Kind.SFT: say(language, "prompt and completion as messages"),
        Kind.MESSAGES: say(language, "chats; earlier answers have the weight 0"),
        Kind.DPO: say(language, "prompt, better and worse answer"),
        Kind.KTO: say(language, "prompt, answer, and whether it was liked"),
        Kind.PROMPT_COMPLETION: say(language, "all that came before and the answer, as plain texts"),
        Kind.INPUT_RESPONSE: say(language, "questions that stand alone and their answers, as plain texts"),
        Kind.INTENT: say(language, "questions by what somebody wants"),
        Kind.TOPIC: say(language, "questions by topic"),
        Kind.LIKED: say(language, "question, blank line and answer: 1 liked, 0 not"),
    }
    yield f"| {say(language, 'File')} | {say(language, 'What each row is')} | train | validation | test |"
    yield "| --- | --- | ---: | ---: | ---: |"
    there = set(data_paths(manifest.files))
    for kind, text in what.items():
        if path_of(Split.TRAIN, kind) in there:
            rows = " | ".join(str(manifest.files[path_of(part, kind)].rows) for part in Split)
            yield f"| `{kind.value}` | {text} | {rows} |"


def _absent(language: str, manifest: Manifest, skipped: Mapping[str, int]) -> Iterator[str]:
    if manifest.left_out:
        reasons = {
            "fewer than 10 rows to learn from": say(language, "fewer than 10 rows to learn from"),
            "fewer than 1,000 bytes to learn from": say(language, "fewer than 1,000 bytes to learn from"),
            "only one of the two labels": say(language, "only one of the two labels"),
            "fewer than two labels with five rows each": say(language, "fewer than two labels with five rows each"),
        }
        yield say(language, "Left out, because nothing could be learned from them:")
        yield "\n".join(f"- `{name}`: {reasons.get(why, why)}" for name, why in sorted(manifest.left_out.items()))
    if skipped:
        yield say(
            language,
            "{rows} lines were left out of single files, where an earlier row has the same text with another label, "
            "or is in another part.",
            rows=sum(skipped.values()),
        )


def _made(language: str, manifest: Manifest) -> Iterator[str]:
    yield say(
        language,
        "{collected} rated answers were collected and {kept} kept, of {people} people; `rows.jsonl` names the row behind each "
        "line, `dropped.jsonl` the rows that were not kept, and `manifest.json` the hash of each file.",
        collected=manifest.collected,
        kept=manifest.kept,
        people=manifest.people,
    )
    if manifest.dropped:
        yield "\n".join(
            (
                f"| {say(language, 'Step')} | {say(language, 'Reason')} | {say(language, 'Rows')} |",
                "| --- | --- | ---: |",
                *(
                    f"| {step} | {reason} | {rows} |"
                    for step, reasons in sorted(manifest.dropped.items())
                    for reason, rows in sorted(reasons.items())
                ),
            )
        )
    if manifest.split.by == "person":
        yield say(language, "Each person's rows are in one part only.")
    else:
        yield say(language, "There are too few people to keep them apart: each conversation is in one part only.")
    yield say(
        language,
        "Of {planted} planted secrets and identifiers, the scrubber left {left}.",
        planted=manifest.scrub.planted,
        left=manifest.scrub.left,
    )


def _limits(language: str, manifest: Manifest) -> Iterator[str]:
    yield say(language, "A thumb says what one person thought of one answer; it is no proof that the answer is true.")
    yield say(language, "Names and places that have no fixed form may be left in the texts.")
    if manifest.cohort.is_small:
        yield say(language, "The rows come from few people, whose way of speaking the model will take on.")
    if manifest.people and manifest.split.by != "person":
        yield say(language, "The same person may be in training and test: results will look better than they are.")
    yield say(language, "Classifiers learn from labels that a program set, except where somebody set them by hand.")
