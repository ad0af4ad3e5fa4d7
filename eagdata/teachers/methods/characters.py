"""Method for the family `characters`: write the text down, walk over it, count it a second way."""

from __future__ import annotations

import re

from eagdata.teachers.methods.plan import Plan, Slip, Step

_LETTER = re.compile(r'How many times does the letter "(\w)" occur in the (?:word|sentence) "([^"]*)"\?')
_VOWELS = re.compile(r'How many vowels \(a, e, i, o, u\) are there in the sentence "([^"]*)"\?')
_WORDS = re.compile(r'How many words of the sentence "([^"]*)" contain the letter "(\w)"\?')
_DISTINCT = re.compile(r'How many different letters occur in "([^"]*)"\?')
_POSITION = re.compile(r'At which position does the letter "(\w)" occur for the (\d+)\w\w time in "([^"]*)"\?')


def plan(question: str) -> Plan | None:
    if found := _LETTER.search(question):
        return _counting(found[2], letters=found[1], one=True)
    if found := _VOWELS.search(question):
        return _counting(found[1], letters="aeiou", one=False)
    if found := _WORDS.search(question):
        return _containing(found[1], found[2])
    if found := _DISTINCT.search(question):
        return _distinct(found[1])
    found = _POSITION.search(question)
    return _position(found[3], found[1], int(found[2])) if found else None


def _counting(text: str, *, letters: str, one: bool) -> Plan:
    name = "letter" if one else "vowels"
    condition = "character.lower() == letter" if one else "character.lower() in vowels"
    what = f'"{letters}"' if one else "vowels"
    loop = (
        f"count = 0\nfor place, character in enumerate(text, start=1):\n    if {condition}:\n"
        "        count += 1\n        print(place, character)"
    )
    listed = f"places = [place for place, character in enumerate(text, start=1) if {condition}]\nprint(places)\ncount = len(places)"
    second = "text.lower().count(letter)" if one else "sum(text.lower().count(vowel) for vowel in vowels)"
    count = Step(
        makes="count",
        thoughts=(
            f"I go through the text character by character and note each place where I meet {what}.",
            f"Now I walk over the text and count every {what if one else 'vowel'}, printing the places so that I can see them.",
            "One pass over the characters is enough; I lower each so that capitals count too.",
        ),
        codes=(loop, listed),
        slips=(
            Slip("count = 0", "count = 1", "I started the count at 1 instead of 0."),
            Slip("len(places)", "len(places) - 1", "I subtracted one although a length needs no correction."),
            Slip("in enumerate(text, start=1)", "in (text, 1)", "I left out enumerate, so the loop had nothing to unpack."),
        ),
    )
    return Plan(
        steps=(_text_step(text, letters, name), count, _check(second, "str.count")),
        head=lambda: _told(text, sum(c in letters for c in text.lower()), f"I spell the text out and mark each {what}."),
        closing=_CLOSING,
    )


def _containing(text: str, letter: str) -> Plan:
    loop = "count = 0\nfor word in text.split():\n    if letter in word.lower():\n        count += 1\n        print(word)"
    listed = "hits = [word for word in text.split() if letter in word.lower()]\nprint(hits)\ncount = len(hits)"
    count = Step(
        makes="count",
        thoughts=(
            f'I split the sentence into words and keep those with "{letter}" in them.',
            f'A word counts once, however often it has the letter "{letter}", so I test each word.',
        ),
        codes=(loop, listed),
        slips=(
            Slip("count = 0", "count = 1", "I started the count at 1 instead of 0."),
            Slip("in text.split()", "in text", "I looped over characters, not over words: the split was missing."),
            Slip("len(hits)", "len(hits) + 1", "I added one although a length needs no correction."),
        ),
    )
    second = "sum(min(1, word.lower().count(letter)) for word in text.split())"
    return Plan(
        steps=(_text_step(text, letter, "letter"), count, _check(second, "a count per word")),
        head=lambda: _told(text, sum(letter in word for word in text.lower().split()), f'I look for "{letter}" in each word in turn.'),
        closing=_CLOSING,
    )


def _distinct(text: str) -> Plan:
    loop = (
        "seen = []\nfor character in text.lower():\n    if character.isalpha() and character not in seen:\n        seen.append(character)\n"
        'print("".join(sorted(seen)))\ncount = len(seen)'
    )
    as_set = "letters = {character for character in text.lower() if character.isalpha()}\nprint(sorted(letters))\ncount = len(letters)"
    count = Step(
        makes="count",
        thoughts=("A set keeps each letter once; blanks must stay out.", "I collect the letters, each once, and leave the blanks out."),
        codes=(as_set, loop),
        paired=True,
        slips=(
            Slip(" if character.isalpha()}", "}", "I counted the blank as a letter."),
            Slip("len(seen)", "len(seen) - 1", "I took one off for the blank although it was never in the list."),
            Slip("text.lower()", "text", "I did not lower the text, so the capital counted as a letter of its own."),
        ),
    )
    step = Step(
        makes="text", thoughts=_TEXT_THOUGHTS, codes=(f"text = {text!r}\nprint(len(text))", f"text = {text!r}"), blind=_lost(text, text[-1])
    )
    second = 'sum(letter in text.lower() for letter in "abcdefghijklmnopqrstuvwxyz")'
    return Plan(
        steps=(step, count, _check(second, "going through the alphabet")),
        head=lambda: _told(text, len(set(text.lower()) - {" "}), "I write down each new letter as it comes."),
        closing=_CLOSING,
    )


def _position(text: str, letter: str, which: int) -> Plan:
    loop = (
        "seen = 0\nfor place, character in enumerate(text.lower(), start=1):\n    if character == letter:\n        seen += 1\n"
        "        print(seen, place)\n        if seen == which:\n            position = place"
    )
    listed = (
        "places = [i for i, character in enumerate(text.lower(), start=1) if character == letter]\n"
        "print(places)\nposition = places[which - 1]"
    )
    count = Step(
        makes="position",
        thoughts=(
            f'I number the characters from 1 and stop at occurrence {which} of "{letter}".',
            f'I list all the places of "{letter}" and take number {which} of them.',
        ),
        codes=(loop, listed),
        paired=True,
        slips=(
            Slip("enumerate(text.lower(), start=1)", "enumerate(text.lower())", "enumerate starts at 0, but positions start at 1 here."),
            Slip("places[which - 1]", "places[which]", "Lists count from 0, so occurrence n is at index n - 1."),
        ),
    )
    second = "[i + 1 for i in range(len(text)) if text[i].lower() == letter][which - 1]"
    check = Step(
        makes="again",
        thoughts=("I check the place a second way, by index.", "A second look: indexing the text must give the same place."),
        codes=(f'again = {second}\nassert position == again, f"position {{position}}, but by index it is {{again}}"\nprint(position)',),
    )
    places = [i for i, c in enumerate(text.lower(), start=1) if c == letter]
    return Plan(
        steps=(_text_step(text, letter, "letter", extra=f"\nwhich = {which}"), count, check),
        head=lambda: _told(text, places[which - 1], f'I number the characters and stop at "{letter}" number {which}.'),
        closing=_CLOSING,
    )


_CLOSING = ("Both counts agree.", "The second count gives the same number.", "The check confirms it.")
_TEXT_THOUGHTS = (
    "I put the text down exactly as it stands in the question.",
    "Counting by eye goes wrong easily, so I let Python hold the text.",
    "First I copy the text into a variable, letter for letter.",
)


def _text_step(text: str, letters: str, name: str, *, extra: str = "") -> Step:
    code = f"text = {text!r}\n{name} = {letters!r}{extra}"
    return Step(makes="text", thoughts=_TEXT_THOUGHTS, codes=(code, f"{code}\nprint(len(text), text)"), blind=_lost(text, letters))


def _lost(text: str, letters: str) -> tuple[Slip, ...]:
    """The text with one of the letters lost in copying."""
    at = next((i for i, c in enumerate(text) if c.lower() in letters), 0)
    return (Slip(repr(text), repr(text[:at] + text[at + 1 :]), "I lost a letter when I copied the text."),)


def _check(second: str, way: str) -> Step:
    return Step(
        makes="again",
        thoughts=(f"I count a second time with {way}; the two must agree.", f"To be sure, I compare with {way}."),
        codes=(f'again = {second}\nassert count == again, f"counted {{count}}, but {way} says {{again}}"\nprint(count)',),
    )


def _told(text: str, answer: int, how: str) -> tuple[str, str]:
    return f"{how} The text is: {text}. Going through it from left to right I arrive at {answer}.", str(answer)
