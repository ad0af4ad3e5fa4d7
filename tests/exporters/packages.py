"""Every export from whole trees, read by the package that it is meant for: `python -m tests.exporters.packages FOLDER [--make]`.

`--make` first makes an environment for each package under FOLDER (2 GB, some minutes; needs a package index): TRL, with a CPU build of
torch where the index has one, and beside it the last TRL that trains on stepwise rows; the models of harbor without its 90 dependencies;
verifiers. Then a small run and the trees of `tests.exporters.grown` are exported, and each package reads its rows: TRL trains two steps.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eagdata.pipeline.export import export
from eagdata.publish.parquet import TRACES_SCHEMA, ShardWriter
from tests.exporters import grown

ROOT = Path(__file__).parents[2]
TRL = ("trl==1.16.0",)
TRL_WITH_PRM = "trl==1.13.0"
HARBOR = ("--no-deps", "harbor==0.25.0")
VERIFIERS = ("verifiers==0.4.0",)

HARBOR_READS = """
import json, sys
from importlib.metadata import version
from pathlib import Path
from harbor.models.trajectories import Trajectory
from harbor.utils.trajectory_validator import TrajectoryValidator
files = sorted(Path(sys.argv[1]).glob("*.json"))
steps = copied = 0
for file in files:
    validator = TrajectoryValidator()
    assert validator.validate(file), (file.name, validator.get_errors())
    document = json.loads(file.read_text("utf-8"))
    read = Trajectory.model_validate(document)
    assert [step.message for step in read.steps] == [step["message"] for step in document["steps"]]
    steps += len(read.steps)
    copied += sum(step.is_copied_context is True for step in read.steps)
print(json.dumps({"harbor": version("harbor"), "documents": len(files), "valid": len(files), "steps": steps, "copied": copied}))
"""

VERIFIERS_READS = """
import json, sys
from importlib.metadata import version
from pathlib import Path
import verifiers.v1 as vf
found = {"verifiers": version("verifiers"), "episodes": 0, "traces": 0, "branches": 0, "rewarded": 0, "unscored": 0}
for line in Path(sys.argv[1]).open(encoding="utf-8"):
    given, read = json.loads(line), vf.WireEpisode.model_validate_json(line)
    found["episodes"] += 1
    for one, trace in zip(given["traces"], read.traces, strict=True):
        found["traces"] += 1
        ends = set(range(len(one["nodes"]))) - {node["parent"] for node in one["nodes"]}
        assert len(trace.branches) == len(ends)
        found["branches"] += len(ends)
        assert [node.message.content for node in trace.nodes] == [node["message"]["content"] for node in one["nodes"]]
        assert trace.num_turns == sum(node["sampled"] for node in one["nodes"])
        scores = [reward and reward["score"] for reward in one["rewards"].values()]
        assert trace.reward == sum(score for score in scores if score is not None)
        found["unscored" if None in scores else "rewarded"] += 1
        assert trace.task.data.answer == one["task"]["data"]["answer"]
print(json.dumps(found))
"""


def make(folder: Path) -> None:
    """Environments for all packages; those that are there are taken as they are."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        needs = tomllib.load(file)["project"]["dependencies"]
    # Newer builds of torch come with several GB for GPUs, where the index has no CPU build of them.
    _environment(folder / "trl", (3, 11), ["torch==2.13.0"], [*TRL, *needs])
    if not (folder / "trl_with_prm").exists():
        _pip(folder / "trl", ["--no-deps", "--target", str(folder / "trl_with_prm"), TRL_WITH_PRM])
    _environment(folder / "harbor", (3, 12), list(HARBOR), ["pydantic"])
    _environment(folder / "verifiers", (3, 11), list(VERIFIERS))


def rows(folder: Path, run: Path) -> Path:
    """All exports of a run and of the trees made by hand, JSON lines and Parquet."""
    out, hand = folder / "rows", folder / "grown"
    shutil.rmtree(out, ignore_errors=True)
    with ShardWriter(hand / "data" / "traces", TRACES_SCHEMA) as shards:
        for made in (grown.branched(), grown.tooled(), grown.retried(), grown.hostile(), grown.disputed()):
            shards.write({**dict.fromkeys(TRACES_SCHEMA.names), **grown.row(made)})
    for name in ("preference", "unpaired", "stepwise"):
        export(name, [run, hand], out / f"{name}.parquet", given={})
    export("atif", [run, hand], out / "atif", given={})
    for form in ("branches", "tree"):
        export("verifiers", [run, hand], out / f"{form}.jsonl", given={"form": form})
    return out


def check(folder: Path, run: Path) -> Iterator[dict[str, Any]]:
    """What each package found in its rows. Raises: AssertionError, with its words, if one does not take them."""
    made = rows(folder, run)
    for kind in ("dpo", "kto", "prm"):
        paths = [*([str(folder / "trl_with_prm")] if kind == "prm" else []), str(ROOT)]
        yield _asked(folder / "trl", ["-m", "tests.exporters.tuning", str(made), kind], paths)
    yield _asked(folder / "harbor", ["-c", HARBOR_READS, str(made / "atif")])
    for form in ("branches", "tree"):
        yield _asked(folder / "verifiers", ["-c", VERIFIERS_READS, str(made / f"{form}.jsonl")])


def small_run(folder: Path) -> Path:
    """A run with refused answers, made once."""
    out = folder / "run"
    if not (out / "manifest.json").exists():
        misread = ["--set", "teacher.blind_rate=0.3", "--set", "thresholds.min_kept=0"]
        subprocess.run([sys.executable, "-m", "eagdata.cli", "generate", "--n", "20", "--out", str(out), "--fresh", *misread], check=True)
    return out


def _asked(environment: Path, arguments: list[str], paths: list[str] | None = None) -> dict[str, Any]:
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(paths or [])}
    command = [str(environment / "bin" / "python"), "-W", "ignore", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **offline})
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _environment(place: Path, least: tuple[int, int], *installs: list[str]) -> None:
    if not place.exists():
        subprocess.run([_python(least), "-m", "venv", str(place)], check=True)
        for arguments in installs:
            _pip(place, arguments)


def _pip(place: Path, arguments: list[str]) -> None:
    subprocess.run([str(place / "bin" / "python"), "-m", "pip", "install", "-q", *arguments], check=True)


def _python(least: tuple[int, int]) -> str:
    """An interpreter that is new enough: this one, one on the path, one of pyenv's. Raises: SystemExit."""
    kept = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
    for name in (sys.executable, *(f"python3.{minor}" for minor in range(least[1], 15)), *map(str, kept)):
        asked = [name, "-c", f"import sys; sys.exit(sys.version_info < {least})"]
        if shutil.which(name) and subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return name
    raise SystemExit(f"no Python {least[0]}.{least[1]} or later was found")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true", help="make the environments first")
    given = parser.parse_args()
    folder = given.folder.absolute()
    if given.make:
        make(folder)
    for found in check(folder, small_run(folder)):
        print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
