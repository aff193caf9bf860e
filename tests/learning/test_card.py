"""The card says what is in the folder, in both languages; the list names what LLaMA-Factory can read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from learning.card import card, dataset_info
from learning.manifest import Manifest, Stale
from learning.records import Dropped
from tests.learning.exports import some, written


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return written(tmp_path_factory.mktemp("card") / "out", some(), [Dropped(row="x", step="clean", reason="spam")])


def test_the_head_tells_the_hub_what_to_load(manifest: Manifest) -> None:
    _, head, text = card("en", manifest, {}).split("---\n", 2)
    told = yaml.safe_load(head)
    assert told["language"] == ["en", "es"]
    assert told["size_categories"] == ["n<1K"]
    sft = next(config for config in told["configs"] if config["config_name"] == "sft")
    assert sft["data_files"][0] == {"split": "train", "path": "train/sft.jsonl"}
    assert text.startswith("\n# Training files of 2026-11-20")


def test_the_other_card_has_no_head_and_the_same_figures(manifest: Manifest) -> None:
    spanish, english = card("es", manifest, {}), card("en", manifest, {})
    assert spanish.startswith("# ")
    for figures in ("| clean | spam | 1 |", "`sft.jsonl`", f"| {manifest.files['train/sft.jsonl'].rows} |"):
        assert figures in spanish
        assert figures in english


def test_what_is_left_out_skipped_or_stale_is_said(manifest: Manifest) -> None:
    from msgspec.structs import replace

    without = replace(manifest, left_out={"kto.jsonl": "only one of the two labels"}, stale=Stale(on="2026-11-25", removed=3))
    text = card("en", without, {"train/sft.jsonl: again": 2})
    assert "- `kto.jsonl`: only one of the two labels" in text
    assert "> 3 rows were taken out on 2026-11-25" in text
    assert "2 lines were left out of single files" in text
    assert "taken out" not in card("en", manifest, {})


def test_llama_factory_is_told_of_files_that_it_can_read(manifest: Manifest, tmp_path: Path) -> None:
    told = dataset_info(manifest)
    assert len(told) == 9
    assert json.dumps(told["martin_train_messages"], sort_keys=True) == json.dumps(
        {
            "columns": {"messages": "messages"},
            "file_name": "train/messages.jsonl",
            "formatting": "sharegpt",
            "tags": {
                "assistant_tag": "assistant",
                "content_tag": "content",
                "role_tag": "role",
                "system_tag": "system",
                "user_tag": "user",
            },
        }
    )
    assert dataset_info(written(tmp_path / "few", some(5))) == {}
