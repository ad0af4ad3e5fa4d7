"""Two steps of TRL's trainers on pairs, labelled branches and labelled steps: `python -m tests.exporters.tuning FOLDER KIND`.

`FOLDER` holds `preference.parquet`, `unpaired.parquet` and `stepwise.parquet` with the settings that `eagdata export` writes beside them.
The model is a Qwen2 of random weights, the tokenizer is trained on the spot, nothing is fetched. What is checked: the columns are those
that the trainer takes, no row is cut, and the labels are where they belong. TRL has PRM up to 1.13.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

SHAPE = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
EXPORTS = {"dpo": "preference", "kto": "unpaired", "prm": "stepwise"}


def tokenizer(rows: Any) -> Any:
    """Byte-pair encoding of the rows themselves, so that they are no longer than counted, with Qwen2.5's marks and template."""
    import tokenizers
    import trl
    from transformers import PreTrainedTokenizerFast

    bare = tokenizers.Tokenizer(tokenizers.models.BPE())
    bare.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trained = tokenizers.trainers.BpeTrainer(vocab_size=4_000, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    bare.train_from_iterator((text for row in rows for text in texts(row)), trained)
    made = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.chat_template = (Path(trl.__file__).parent / "chat_templates" / "qwen2_5.jinja").read_text()
    return made


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def dpo(model: str, words: Any, rows: Any, settings: dict[str, Any]) -> Any:
    """Pairs. Raises: AssertionError if a pair is cut or its sides are not what was exported."""
    from trl import DPOConfig, DPOTrainer

    trainer = DPOTrainer(model=model, args=DPOConfig(**settings), train_dataset=rows, processing_class=words)
    for row, ids in zip(rows, trainer.train_dataset, strict=True):
        assert max(len(ids["prompt_ids"]) + len(ids[f"{side}_ids"]) for side in ("chosen", "rejected")) <= settings["max_length"]
        for side in ("chosen", "rejected"):
            assert all(message["content"].strip() in words.decode(ids[f"{side}_ids"]) for message in row[side])
    return trainer


def kto(model: str, words: Any, rows: Any, settings: dict[str, Any]) -> Any:
    """Labelled branches. Raises: AssertionError if one is cut, or there is only one kind of label."""
    from trl import KTOConfig, KTOTrainer

    assert set(rows["label"]) == {True, False}
    trainer = KTOTrainer(model=model, args=KTOConfig(**settings), train_dataset=rows, processing_class=words)
    assert trainer.train_dataset["label"] == rows["label"]
    for row, ids in zip(rows, trainer.train_dataset, strict=True):
        assert len(ids["prompt_ids"]) + len(ids["completion_ids"]) <= settings["max_length"]
        assert all(message["content"].strip() in words.decode(ids["completion_ids"]) for message in row["completion"])
    return trainer


def prm(model: str, words: Any, rows: Any, settings: dict[str, Any]) -> Any:
    """Labelled steps. Raises: AssertionError if a label is cut off or moved."""
    from transformers import AutoModelForTokenClassification
    from trl.experimental.prm import PRMConfig, PRMTrainer

    classifier = AutoModelForTokenClassification.from_pretrained(model, num_labels=2)
    trainer = PRMTrainer(model=classifier, args=PRMConfig(**settings), train_dataset=rows, processing_class=words)
    for row, ids in zip(rows, trainer.train_dataset, strict=True):
        assert [label for label in ids["labels"] if label != -100] == [int(label) for label in row["labels"]]
    return trainer


def train(folder: Path, kind: str) -> dict[str, Any]:
    """Two steps. Raises: AssertionError."""
    import datasets
    import torch
    import trl
    from transformers import Qwen2Config, Qwen2ForCausalLM

    file = folder / f"{EXPORTS[kind]}.parquet"
    given = yaml.safe_load((folder / "trainer" / file.name / "trl.yaml").read_text("utf-8"))
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as place:
        rows = datasets.load_dataset("parquet", data_files=str(file), split="train", cache_dir=f"{place}/cache")
        words = tokenizer(rows)
        words.save_pretrained(place)
        Qwen2ForCausalLM(Qwen2Config(vocab_size=len(words), max_position_embeddings=8_192, **SHAPE)).save_pretrained(place)
        quiet = {"report_to": [], "save_strategy": "no", "use_cpu": True, "disable_tqdm": True, "logging_steps": 1}
        settings = {"output_dir": f"{place}/out", "max_steps": 2, "per_device_train_batch_size": 2, **quiet, **given}
        made: Callable[..., Any] = {"dpo": dpo, "kto": kto, "prm": prm}[kind]
        trainer = made(place, words, rows, settings)
        result = trainer.train()
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    assert result.global_step == 2
    assert all(0 < float(loss) < 20 for loss in losses)
    return {"trl": trl.__version__, "trainer": type(trainer).__name__, "rows": len(rows), "settings": given, "losses": losses}


def main() -> None:
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    print(json.dumps(train(Path(sys.argv[1]), sys.argv[2])))  # noqa: T201


if __name__ == "__main__":
    main()
