"""Counting and finding letters: the task of the a1 paper's first figure (arXiv 2504.14597)."""

from __future__ import annotations

from random import Random

from eagdata.tasks.families.draft import Draft, dial, ordinal
from eagdata.tasks.families.words import WORDS

_FORM = "Upper and lower case count alike. Give one integer."


def draw(rng: Random, difficulty: float) -> Draft:
    """A count of a letter, of vowels, of words or of different letters, or the place of a letter, in one to fourteen words."""
    words = rng.sample(WORDS, dial(1, 14, difficulty))
    text = " ".join(words).capitalize() if len(words) > 1 else words[0]
    low = text.lower()
    letter = rng.choice([c for c in low if c != " "])
    kinds = ("letter", "position", "distinct") if len(words) == 1 else ("letter", "vowels", "position", "words", "distinct")
    kind = rng.choice(kinds)
    if kind == "letter":
        what = "word" if len(words) == 1 else "sentence"
        return _draft(kind, f'How many times does the letter "{letter}" occur in the {what} "{text}"?', low.count(letter))
    if kind == "vowels":
        return _draft(kind, f'How many vowels (a, e, i, o, u) are there in the sentence "{text}"?', sum(c in "aeiou" for c in low))
    if kind == "words":
        found = sum(letter in word for word in low.split())
        return _draft(kind, f'How many words of the sentence "{text}" contain the letter "{letter}"?', found)
    if kind == "distinct":
        return _draft(kind, f'How many different letters occur in "{text}"?', len(set(low) - {" "}))
    places = [i for i, c in enumerate(low, start=1) if c == letter]
    which = rng.randint(1, len(places))
    ask = f'At which position does the letter "{letter}" occur for the {ordinal(which)} time in "{text}"?'
    return _draft(kind, f"{ask} The first character has position 1 and spaces count.", places[which - 1])


def _draft(kind: str, ask: str, answer: int) -> Draft:
    return Draft(kind=kind, question=f"{ask} {_FORM}", verifier="number", reference=answer, answer=str(answer))
