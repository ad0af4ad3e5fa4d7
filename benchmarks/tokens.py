"""How fast tokens are counted, with and without the extra `fast`, against tiktoken alone; and whether all count the same.

    python benchmarks/tokens.py [--mb N] [--json FILE]

MB of UTF-8 for each CPU-second of one process, over real text that is on every machine: sources and documentation of Python and of the
packages installed beside eagdata. Of every sixteenth text half is in other scripts. Raw tiktoken is `len(encoding.encode_ordinary(text))`,
without the NFC that Qwen asks for. The ways take turns at every two megabytes, and of each the best pass counts, so that a busy
machine slows all alike. Exit code 1 if a goal is missed or a count differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import sysconfig
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eagdata.tokenizers.ranks import Cl100kBase, O200kBase, Qwen25, load_encoding

GOALS = {"ours": 0.95, "fast": 4.0}
"""Times the speed of raw tiktoken."""
PASSES = 5
_BLOCK = 2_000_000
"""Bytes that a way counts before the next one has its turn. At each turn caches are warmed anew, which shorter turns would measure."""
_LONGEST, _SHORTEST = 40_000, 500
_FOREIGN = (
    "数学の問題を解く。因此答案是四十二。 Ångström naïveté Việt Nam עברית हिन्दी ไทย 가나다 "
    "👩\u200d👩\u200d👧 Größenordnung, ça va? Привет, мир! "
)
HOSTILE = {
    "a million spaces": " " * 1_000_000,
    "a million spaces in words": "a" + " " * 1_000_000 + "b",
    "a million tabs and breaks": "\t\n" * 500_000,
    "runs of 90,000 spaces": ("x" + " " * 90_000) * 11,
    "1 MB of one letter": "a" * 1_000_000,
    "1 MB of one sign": "=" * 1_000_000,
    "1 MB of digits": "0123456789" * 100_000,
    "special tokens as text": "<|endoftext|><|im_start|>user\n<|fim_prefix|><tool_call></tool_call><think><|endofprompt|>" * 5_000,
    "lone surrogates": "a\ud800b\udfffc\ud83d\ude00d \udc00" * 20_000,
    "1 MB of Chinese": "因此答案是四十二。" * 40_000,
    "emoji": "👩\u200d👩\u200d👧\u200d👦🏳️\u200d🌈🤷🏽\u200d♀️" * 10_000,
    "decomposed letters": "e\u0301a\u0302\u0323" * 100_000,
    "controls": "\x00\x01\x1c\x85\u2028\u200b\ufeff\r\n \x0b" * 20_000,
}
_PANICS = ("a million spaces", "a million spaces in words")
"""Texts that stop tiktoken itself, so that there is no count of its own."""

Count = Callable[[str], int]


def corpus(megabytes: int) -> list[list[str]]:
    """Texts of about so many MB, in blocks; the same each time on one machine."""
    folders = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")]
    files = sorted(path for folder in folders for ending in ("py", "md", "rst", "txt") for path in folder.rglob(f"*.{ending}"))
    random.Random(6).shuffle(files)
    blocks: list[list[str]] = [[]]
    size = texts = 0
    for path in files:
        text = path.read_text(errors="replace")[:_LONGEST]
        if len(text) >= _SHORTEST:
            texts += 1
            blocks[-1].append(text[: len(text) // 2] + _FOREIGN * (len(text) // 2 // len(_FOREIGN)) if texts % 16 == 0 else text)
            size += len(blocks[-1][-1].encode())
        if size >= _BLOCK * len(blocks):
            if size >= 1_000_000 * megabytes:
                break
            blocks.append([])
    return blocks


def speeds(ways: dict[str, Count], blocks: Sequence[Sequence[str]]) -> tuple[dict[str, float], dict[str, list[int]]]:
    """MB for each CPU-second of each way, and what it counted."""
    took = dict.fromkeys(ways, 0.0)
    counts: dict[str, list[int]] = {name: [] for name in ways}
    for texts in blocks:
        best = dict.fromkeys(ways, float("inf"))
        for turn in range(PASSES):
            for name, count in ways.items():
                began = time.process_time()
                found = [count(text) for text in texts]
                best[name] = min(best[name], time.process_time() - began)
                if not turn:
                    counts[name] += found
        took = {name: took[name] + best[name] for name in ways}
    size = sum(len(text.encode()) for texts in blocks for text in texts) / 1e6
    return {name: size / seconds for name, seconds in took.items()}, counts


def unequal(ways: dict[str, Count]) -> list[str]:
    """Hostile texts on which the ways do not count the same."""
    found = []
    for name, text in HOSTILE.items():
        counts = {way: count(text) for way, count in ways.items() if way != "tiktoken" or name not in _PANICS}
        if len(set(counts.values())) > 1:
            found.append(f"{name}: {counts}")
    return found


def measured(plugin: type[O200kBase], blocks: Sequence[Sequence[str]]) -> dict[str, Any]:
    """One encoding: speeds, their ratios to raw tiktoken, what is unequal, and the goals that are missed."""
    encoding = load_encoding(plugin.ranks)
    ours, fast = plugin(plugin.Config(fast=False)), plugin(plugin.Config(fast=True))
    fast.load()
    ways: dict[str, Count] = {"tiktoken": lambda text: len(encoding.encode_ordinary(text)), "ours": ours.count}
    if fast.is_fast:
        ways["fast"] = fast.count
    speed, counts = speeds(ways, blocks)
    normal = (lambda text: unicodedata.normalize("NFC", text)) if plugin is Qwen25 else str
    expected = [len(encoding.encode_ordinary(normal(text))) for texts in blocks for text in texts]
    ratios = {name: speed[name] / speed["tiktoken"] for name in ways}
    compared = {name: count for name, count in ways.items() if name != "tiktoken" or plugin is not Qwen25}
    return {
        "name": ours.name,
        "notice": fast.notice if fast.is_fast or fast.notice else "the extra `fast` is not installed",
        "tokens": sum(expected),
        "mb_per_cpu_s": speed,
        "ratios": ratios,
        "differing": [name for name in ways if name != "tiktoken" and counts[name] != expected],
        "hostile": unequal(compared),
        "missed": [f"{name} {ratios[name]:.2f}x of {goal}x" for name, goal in GOALS.items() if name in ratios and ratios[name] < goal],
    }


def main() -> int:
    """Measure all three encodings and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mb", type=int, default=8)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    blocks = corpus(given.mb)
    print(f"{sum(map(len, blocks)):,} texts, {given.mb} MB; MB for each CPU-second")
    results = []
    for plugin in (O200kBase, Cl100kBase, Qwen25):
        found = measured(plugin, blocks)
        results.append(found)
        told = "  ".join(f"{name} {speed:6.1f} ({found['ratios'][name]:.2f}x)" for name, speed in found["mb_per_cpu_s"].items())
        print(f"{found['name']:12} {told}  {found['tokens']:,} tokens", flush=True)
        for what in ("notice", "differing", "hostile", "missed"):
            if found[what]:
                print(f"  {what}: {found[what]}")
    print(
        f"counts equal on the corpus and on {len(HOSTILE)} hostile texts: {not any(one['differing'] or one['hostile'] for one in results)}"
    )
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")
    return int(any(one["differing"] or one["hostile"] or one["missed"] for one in results))


if __name__ == "__main__":
    sys.exit(main())
