"""Chat templates: the Jinja programs by which models are taught where a message begins and ends.

They run as in transformers (utils/chat_template_utils.py, https://github.com/huggingface/transformers): an immutable sandbox, `tojson`
that escapes nothing for HTML, `raise_exception`, `{% generation %}` blocks, `break` and `continue`. Only `strftime_now` is missing, so that
an export is the same tomorrow; templates that ask for it (Llama 3.1) have a fixed date for that case.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from eagdata.errors import RecipeError
from eagdata.exporters.chats import Chat, Said, joined, thought
from eagdata.records import Json

_ACTS = """\
{%- if tools or messages | selectattr('tool_calls') | list -%}
{{- raise_exception('it has no place for tool calls') -}}
{%- endif -%}
"""

CHATML = (
    _ACTS
    + """\
{%- for message in messages -%}
{{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""
)
"""Source: OpenAI, chatml.md of openai-python 0.27; without a default system prompt."""

LLAMA3 = (
    _ACTS
    + """\
{{- bos_token -}}
{%- for message in messages -%}
{{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\\n\\n' ~ (message.content | trim) ~ '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}{%- endif -%}
"""
)
"""Writes what the template of Meta-Llama-3-8B-Instruct writes. Source: the prompt format in Llama 3's model card."""

QWEN25 = """\
{%- set begins = messages[0].role == 'system' -%}
{%- set about = messages[0].content if begins
    else 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.' -%}
{{- '<|im_start|>system\\n' ~ about -}}
{%- if tools -%}
{{- '\\n\\n# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\n' -}}
{{- 'You are provided with function signatures within <tools></tools> XML tags:\\n<tools>' -}}
{%- for tool in tools -%}{{- '\\n' ~ (tool | tojson) -}}{%- endfor -%}
{{- '\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within ' -}}
{{- '<tool_call></tool_call> XML tags:\\n<tool_call>\\n{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call>' -}}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- for message in (messages[1:] if begins else messages) -%}
{%- if message.role == 'tool' -%}
{{- '<|im_start|>user' if loop.previtem is undefined or loop.previtem.role != 'tool' -}}
{{- '\\n<tool_response>\\n' ~ message.content ~ '\\n</tool_response>' -}}
{{- '<|im_end|>\\n' if loop.nextitem is undefined or loop.nextitem.role != 'tool' -}}
{%- else -%}
{{- '<|im_start|>' ~ message.role -}}
{{- '\\n' ~ message.content if message.content or not message.tool_calls -}}
{%- for call in message.tool_calls or [] -%}
{{- '\\n<tool_call>\\n{"name": "' ~ call.function.name ~ '", "arguments": ' ~ (call.function.arguments | tojson) ~ '}\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""
"""Writes what the template of Qwen2.5-Instruct writes, whose system texts are part of the format. Source: its tokenizer_config.json."""

BUNDLED = {"chatml": CHATML, "llama3": LLAMA3, "qwen2.5": QWEN25}


class ChatTemplate:
    """A template by its bundled name or by its file. Raises: RecipeError if there is none, or it is no Jinja."""

    def __init__(self, name: str) -> None:
        self._name = name
        source, marks = (BUNDLED[name], {}) if name in BUNDLED else _read(Path(name))
        # A tokenizer puts its first mark before a text by itself: a text that has it too would be trained with two.
        self._marks = {**marks, "bos_token": ""}
        self._reasons = "reasoning_content" in source
        try:
            self._template = _environment().from_string(source)
        except TemplateError as error:
            raise RecipeError(f"{name!r} is no chat template", why=str(error), mend="give a Jinja file or a tokenizer's folder") from error

    def render(self, chat: Chat, messages: Sequence[Said], *, reply_follows: bool = False) -> str:
        """`messages` of `chat` as text; `reply_follows`: up to where the assistant's next reply begins.

        Reasoning goes where the template has a place for it, else before the words, between `<think>` marks.

        Raises: RecipeError if the template refuses them.
        """
        shown = messages if self._reasons else [_said_aloud(message) for message in messages]
        try:
            return self._template.render(messages=shown, tools=chat.tools or None, add_generation_prompt=reply_follows, **self._marks)
        except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
            mend = "choose a template that can: --set template=qwen2.5, or the folder of your model's tokenizer"
            raise RecipeError(f"the template {self._name!r} cannot write row {chat.id!r}", why=str(error), mend=mend) from error


class _Generation(Extension):
    """`{% generation %}` marks what the assistant wrote; as text it is what is in it."""

    tags = {"generation"}  # noqa: RUF012  # jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    made.filters["tojson"] = _as_json
    made.globals["raise_exception"] = _raise
    return made


def _as_json(value: Json, indent: int | None = None, **given: Any) -> str:  # Any: what json.dumps takes
    return json.dumps(value, **{"ensure_ascii": False, "indent": indent, **given})


def _raise(why: str) -> NoReturn:
    raise TemplateError(why)


def _said_aloud(message: Said) -> Said:
    return {**message, "content": joined(thought(message.get("reasoning_content", "")), message["content"])}


def _read(path: Path) -> tuple[str, dict[str, str]]:
    """Source and special tokens. A file of its own wins over `tokenizer_config.json`, as in transformers."""
    try:
        if path.is_dir():
            config = path / "tokenizer_config.json"
            source, marks = _configured(config.read_text("utf-8")) if config.exists() else (None, {})
            own = path / "chat_template.jinja"
            source = own.read_text("utf-8") if own.exists() else source
        elif path.suffix == ".json":
            source, marks = _configured(path.read_text("utf-8"))
        else:
            source, marks = path.read_text("utf-8"), {}
    except (OSError, ValueError) as error:
        known = ", ".join(BUNDLED)
        raise RecipeError(f"there is no chat template {str(path)!r}", why=str(error), mend=f"name one of {known}, or a file") from error
    if source is None:
        raise RecipeError(f"{str(path)!r} has no chat template", why="its tokenizer comes without one", mend="--set template=chatml")
    return source, marks


def _configured(text: str) -> tuple[str | None, dict[str, str]]:
    config = json.loads(text)
    marks = {key: value["content"] if isinstance(value, dict) else value for key, value in config.items() if key.endswith("_token")}
    source = config.get("chat_template")
    if isinstance(source, list):  # several by name, of which `default` is the one that chats
        source = next((one["template"] for one in source if one["name"] == "default"), None)
    return source, {key: value for key, value in marks.items() if isinstance(value, str)}
