"""Where the terms of a teacher stand: what its maker asks of those who use its text. Names and links; what they mean is for a lawyer."""

from __future__ import annotations

from fnmatch import fnmatchcase

PROGRAMS = frozenset({"procedural", "replay"})
"""Teachers that are programs of ours: nobody's terms apply to their text."""

# Names of models as the makers' own endpoints give them -> the maker and the page of its terms.
_MAKERS = (
    (("gpt-*", "chatgpt-*", "o1*", "o3*", "o4-*", "codex-*"), "OpenAI", "https://openai.com/policies/"),
    (("claude-*",), "Anthropic", "https://www.anthropic.com/legal/commercial-terms"),
    (("gemini-*",), "Google", "https://ai.google.dev/gemini-api/terms"),
    (("deepseek-*",), "DeepSeek", "https://huggingface.co/deepseek-ai (models), https://cdn.deepseek.com/policies/ (its own endpoint)"),
    (("grok-*",), "xAI", "https://x.ai/legal"),
    (("mistral-*", "magistral-*", "ministral-*", "codestral-*"), "Mistral AI", "https://mistral.ai/terms"),
)
_OPEN = ("gpt-oss*",)
"""Open weights under a name that would be taken for the endpoint's."""


def terms_of(model: str) -> str:
    """The maker of a model and where its terms stand, as text; `unknown` if the name does not tell.

    `owner/name` is read as a model of the Hub, whose card holds its licence; that of a router, such as `openai/gpt-4.1`, as its maker's.
    """
    if model in PROGRAMS:
        return "a program, not a model: no terms"
    owner, _, short = model.rpartition("/")
    for patterns, maker, page in _MAKERS:
        if any(fnmatchcase(short.lower(), pattern) for pattern in patterns) and not any(fnmatchcase(short.lower(), p) for p in _OPEN):
            return f"{maker}, {page}"
    if owner and "/" not in owner:
        return f"the licence on its card, https://huggingface.co/{model}"
    return "unknown"
