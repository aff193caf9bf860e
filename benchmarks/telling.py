"""How a benchmark is called and how it tells what it found: the same for all."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping

from bot import __version__


def command(name: str, doc: str | None) -> argparse.ArgumentParser:
    """The command line of `python -m benchmarks.NAME`, explained by its module's docstring, with `--json`."""
    summed_up, _, more = (doc or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=summed_up,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    return parser


def judged(name: str, figures: Mapping[str, object], aims: Mapping[str, float]) -> dict[str, object]:
    """The figures with what is to be known of them; `missed` are those above what they are to be at most."""
    missed = [one for one, most in aims.items() if isinstance(value := figures[one], int | float) and value > most]
    about = {"benchmark": name, "version": __version__, "python": platform.python_version()}
    return {**about, **figures, "aims": aims, "missed": missed}


def tell(result: Mapping[str, object], *, only_json: bool) -> None:
    """Print the figures a line each, unless only JSON is wanted, and one JSON object on the last line."""
    if not only_json:
        width = max(len(name) for name in result) + 1
        for name, value in result.items():
            print(f"{name:{width}} {value}")
    print(json.dumps(result))
