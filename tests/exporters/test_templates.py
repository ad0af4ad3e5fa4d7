"""Chat templates: the bundled ones, and those of files and tokenizer folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eagdata.errors import RecipeError
from eagdata.exporters.chats import Chat, chats
from eagdata.exporters.templates import BUNDLED, ChatTemplate
from tests.exporters.rows import TOOL, plain, reasoned, tooled


def chat(source: dict[str, object]) -> Chat:
    ((_, found),) = chats([source])  # type: ignore[list-item]
    return found


def write(name: str, found: Chat) -> str:
    return ChatTemplate(name).render(found, found.messages)


def test_qwen_names_the_tools_and_puts_calls_and_answers_between_marks() -> None:
    assert write("qwen2.5", chat(tooled())) == (
        "<|im_start|>system\nAct.\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
        f"{json.dumps(TOOL, sort_keys=True)}\n</tools>\n\n"
        "For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
        '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n2+3?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\nhm\n</think>\n\nI add.\n"
        '<tool_call>\n{"name": "python", "arguments": {"code": "2+3"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\nOutput:\n5\n</tool_response><|im_end|>\n"
        '<|im_start|>assistant\n<tool_call>\n{"name": "python", "arguments": {"code": "5+0"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\nOutput:\n5\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\nIt is 5.<|im_end|>\n"
    )


def test_qwen_puts_answers_of_several_tools_into_one_message() -> None:
    found = chat(tooled())
    text = ChatTemplate("qwen2.5").render(found, [*found.messages[:4], found.messages[3]])
    answer = "\n<tool_response>\nOutput:\n5\n</tool_response>"
    assert text.endswith(f"</tool_call><|im_end|>\n<|im_start|>user{answer}{answer}<|im_end|>\n")


def test_qwen_has_a_system_prompt_of_its_own_where_there_is_none() -> None:
    assert write("qwen2.5", chat(reasoned())).startswith("<|im_start|>system\nYou are Qwen, created by Alibaba Cloud.")


def test_llama_trims_what_is_said_and_leaves_the_first_mark_to_the_tokenizer() -> None:
    found = chat(reasoned())
    found.messages[0]["content"] = " 2+3? \n"
    assert write("llama3", found) == (
        "<|start_header_id|>user<|end_header_id|>\n\n2+3?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n<think>\ntwo and three\n</think>\n\n5<|eot_id|>"
    )


@pytest.mark.parametrize("name", BUNDLED)
def test_a_prompt_is_the_beginning_of_the_whole(name: str) -> None:
    found, template = chat(plain()), ChatTemplate(name)
    prompt = template.render(found, found.messages[:2], reply_follows=True)
    assert template.render(found, found.messages).startswith(prompt + "I add.")


def test_a_tokenizers_folder_gives_its_template_and_its_marks(tmp_path: Path) -> None:
    source = "{{ bos_token }}{% for m in messages %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% endfor %}"
    config = {"chat_template": source, "bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": None}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    words = "2+3?</s><think>\ntwo and three\n</think>\n\n5</s>"
    assert write(str(tmp_path), chat(reasoned())) == words
    assert write(str(tmp_path / "tokenizer_config.json"), chat(reasoned())) == words
    (tmp_path / "chat_template.jinja").write_text("{{ messages | length }}")
    assert write(str(tmp_path), chat(reasoned())) == "2"


def test_of_several_templates_the_default_one_is_taken(tmp_path: Path) -> None:
    several = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "talk"}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": several}))
    assert write(str(tmp_path), chat(reasoned())) == "talk"


def test_reasoning_goes_where_a_template_has_a_place_for_it(tmp_path: Path) -> None:
    (tmp_path / "own.jinja").write_text("{% for m in messages %}[{{ m.reasoning_content }}|{{ m.content }}]{% endfor %}")
    assert write(str(tmp_path / "own.jinja"), chat(reasoned())) == "[|2+3?][two and three|5]"


def test_json_in_a_template_is_not_escaped_for_html(tmp_path: Path) -> None:
    (tmp_path / "own.jinja").write_text("{{ {'a': \"<é> 'x' &\"} | tojson }}")
    assert write(str(tmp_path / "own.jinja"), chat(reasoned())) == '{"a": "<é> \'x\' &"}'


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ raise_exception('not so') }}", "not so"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{{ nothing.at_all }}", "undefined"),
        ("{{ 1 // 0 }}", "zero"),
    ],
)
def test_a_template_that_refuses_or_reaches_out_of_its_sandbox_is_an_error_with_the_row(tmp_path: Path, source: str, why: str) -> None:
    (tmp_path / "own.jinja").write_text(source)
    found = chat(reasoned())
    with pytest.raises(RecipeError, match="cannot write row") as raised:
        write(str(tmp_path / "own.jinja"), found)
    assert why in raised.value.why
    assert found.id in raised.value.what


def test_what_is_no_template_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.jinja").write_text("{% for %}")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "tokenizer_config.json").write_text("{}")
    (tmp_path / "broken.json").write_text("{")
    for name, words in {
        "bad.jinja": "no chat template",
        "bare": "has no chat template",
        "broken.json": "no chat template",
        "none": "chatml",
    }.items():
        with pytest.raises(RecipeError, match=words):
            ChatTemplate(str(tmp_path / name)) if name != "none" else ChatTemplate("chatlm")


def test_templates_say_the_same_as_those_that_trl_ships() -> None:
    trl = pytest.importorskip("trl")
    shipped = Path(trl.__file__).parent / "chat_templates"
    for ours, theirs in {"qwen2.5": "qwen2_5.jinja", "llama3": "llama3.jinja"}.items():
        for source in (plain(), reasoned(), *([tooled()] if ours == "qwen2.5" else [])):
            found = chat(source)
            assert write(ours, found) == write(str(shipped / theirs), found)
