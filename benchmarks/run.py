"""`make bench`: every benchmark, as a table on the screen and in ``results.json``.

Usage: python3 -m benchmarks.run FOLDER [NAME ...]
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

from .skill import SKILL_WORLDS, measure_skill


def main(folder: Path, names: list[str]) -> None:
    """``names`` picks benchmarks; all when empty."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {"machine": f"{platform.machine()}, {platform.platform()}, Python {platform.python_version()}"}
    for name in names or SKILL_WORLDS:
        results[name] = measure_skill(folder / name, SKILL_WORLDS[name])
        print(_line(name, results[name]), flush=True)
        (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"Written to {folder / 'results.json'}.")


def _line(name: str, result: dict) -> str:
    values = ", ".join(f"{key} {value:.3f}" for key, value in result["values"].items())
    return f"{name} ({result['unit']}): {values}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
