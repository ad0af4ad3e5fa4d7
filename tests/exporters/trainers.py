"""Two steps of TRL's trainer on each export that it reads: `python -m tests.exporters.trainers`, where `trl` is installed.

The model is a Qwen2 of random weights, the tokenizer is trained on the spot, nothing is fetched; about a minute on two cores. The
settings are those that `eagdata export` writes beside the file. What is checked: no row is cut, and just the tokens that the format
promises are learned.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from eagdata.exporters.messages import MessagesExporter
from eagdata.exporters.prompt_completion import PromptCompletionExporter
from eagdata.exporters.text import TextExporter
from eagdata.exporters.trainers import trainer_files
from eagdata.pipeline.exported import write_export
from tests.exporters.rows import plain, reasoned, tooled

MAX_LENGTH = 1_024
SOURCE = [plain(), tooled(), reasoned(), plain()]
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "messages": (MessagesExporter, {}),
    "prompt-completion": (PromptCompletionExporter, {}),
    "prompt-completion of turns": (PromptCompletionExporter, {"each": "turn"}),
    "prompt-completion of text": (PromptCompletionExporter, {"template": "qwen2.5"}),
    "text": (TextExporter, {"template": "qwen2.5"}),
}


def tokenizer() -> Any:
    """Byte-pair encoding of the rows themselves, with Qwen2.5's marks and the template that TRL ships for it."""
    import tokenizers
    import trl
    from transformers import PreTrainedTokenizerFast

    texts = [str(row["text"]) for row in TextExporter(TextExporter.Config(template="qwen2.5")).rows(SOURCE)]
    bare = tokenizers.Tokenizer(tokenizers.models.BPE())
    bare.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bare.train_from_iterator(texts, tokenizers.trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet))
    made = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.chat_template = (Path(trl.__file__).parent / "chat_templates" / "qwen2_5.jinja").read_text()
    return made


def trained(name: str, folder: Path) -> list[str]:
    """Export, load, train two steps; gives the text that was learned of each row. Raises: AssertionError."""
    import datasets
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM
    from trl import SFTConfig, SFTTrainer

    cls, given = CASES[name]
    made = cls(cls.Config(**given))
    out = folder / "sft.parquet"
    write_export(out, made.rows(SOURCE), schema=made.schema, documents=False)
    files = trainer_files(name.split()[0], given, data=str(out), max_length=MAX_LENGTH, counted="")
    settings: Mapping[str, Any] = yaml.safe_load(files["trl.yaml"])
    rows = datasets.load_dataset("parquet", data_files=str(out), split="train", cache_dir=str(folder / "cache"))
    words = tokenizer()
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=len(words), max_position_embeddings=MAX_LENGTH, **shape))
    quiet: dict[str, Any] = {"report_to": [], "save_strategy": "no", "use_cpu": True}
    config = SFTConfig(output_dir=str(folder / "model"), max_steps=2, per_device_train_batch_size=2, **quiet, **settings)
    trainer = SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=words)
    learned = [words.decode([token for token in row["labels"] if token != -100]) for row in trainer.train_dataset]
    assert max(len(row["input_ids"]) for row in trainer.train_dataset) < MAX_LENGTH
    result = trainer.train()
    assert result.global_step == 2
    assert 0 < result.training_loss < 20
    return learned


def check(name: str) -> None:
    """Raises: AssertionError if a row does not train, or other tokens are learned than the format promises."""
    with tempfile.TemporaryDirectory() as folder:
        learned = trained(name, Path(folder))
    whole = "\n".join(learned)
    assert "It is \\boxed{5}." in whole
    assert '{"name": "python", "arguments": {"code": "2+3"}}' in whole, "arguments are an object, not a text in a text"
    learns_observations = name not in ("messages", "prompt-completion of turns")
    assert ("Output:\n5" in whole) == learns_observations
    assert ("<|im_start|>user\n2+3?" in whole) == (name == "text")


def main() -> None:
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    for name in CASES:
        check(name)
        print(f"{name}: two steps, and learned is what may be")  # noqa: T201


if __name__ == "__main__":
    main()
