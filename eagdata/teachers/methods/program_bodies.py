"""The function bodies that the method `programs` knows, and how they come out wrong. `{0}` and `{1}` are the parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eagdata.teachers.methods.plan import Slip


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One known specification. `of_nothing`: what the function gives for an empty argument, as code."""

    pattern: re.Pattern[str]
    thoughts: tuple[str, ...]
    codes: tuple[str, ...]
    slips: tuple[Slip, ...]
    of_nothing: str
    blind: tuple[Slip, ...] = ()


BODIES = (
    Body(
        pattern=re.compile(r"the list of the numbers in `values` that are greater than (\d+), in their order"),
        thoughts=("A comprehension with a strict comparison keeps the order.",),
        codes=(
            "return [v for v in values if v > {0}]",
            "kept = []\nfor v in values:\n    if v > {0}:\n        kept.append(v)\nreturn kept",
        ),
        slips=(
            Slip("v > {0}", "v < {0}", "The comparison points the wrong way."),
            Slip("if v > {0}", "if v > {0}0", "I typed one zero too many."),
        ),
        blind=(Slip("v > {0}", "v >= {0}", "Greater does not include equal."),),
        of_nothing="[]",
    ),
    Body(
        pattern=re.compile(r"the sum of the numbers in `values` that are divisible by (\d+)"),
        thoughts=("A number is divisible if its remainder is 0; those I add up.",),
        codes=(
            "total = 0\nfor v in values:\n    if v % {0} == 0:\n        total += v\nreturn total",
            "return sum(v for v in values if v % {0} == 0)",
        ),
        slips=(
            Slip("v % {0} == 0", "v % {0}", "A remainder that is not 0 is true in Python, so I selected exactly the wrong numbers."),
            Slip("total += v", "total += 1", "I counted the numbers instead of adding them."),
        ),
        blind=(Slip("v % {0} == 0", "v > 0 and v % {0} == 0", "Negative multiples count too."),),
        of_nothing="0",
    ),
    Body(
        pattern=re.compile(r"the (\d+)\w\w largest different number in `values`, or None if .*"),
        thoughts=("A set removes repetitions; sorted downwards, the wanted number is at index k - 1.",),
        codes=("different = sorted(set(values), reverse=True)\nif len(different) < {0}:\n    return None\nreturn different[{0} - 1]",),
        slips=(
            Slip("different[{0} - 1]", "different[{0}]", "Indices start at 0, so the k-th one is at k - 1."),
            Slip("set(values), reverse=True", "set(values)", "The largest must come first, so the sorting has to be reversed."),
            Slip("if len(different) < {0}:\n        return None\n    ", "", "I forgot the case of too few different numbers."),
        ),
        blind=(Slip("sorted(set(values)", "sorted(list(values)", "Repeated numbers must count once."),),
        of_nothing="None",
    ),
    Body(
        pattern=re.compile(r"`values` rotated to the left by (\d+) places, which may be more than its length"),
        thoughts=("Rotation is two slices; the number of places is first reduced modulo the length, which must not be 0.",),
        codes=("if not values:\n    return []\nk = {0} % len(values)\nreturn values[k:] + values[:k]",),
        slips=(
            Slip("if not values:\n        return []\n    ", "", "An empty list has length 0, and I divided by it."),
            Slip("values[k:] + values[:k]", "values[-k:] + values[:-k]", "That rotates to the right."),
            Slip(
                "values[k:] + values[:k]",
                "values[k:] + values[k]",
                "I joined a list with a single element: the second slice lost its colon.",
            ),
        ),
        blind=(Slip("{0} % len(values)", "min({0}, len(values))", "More places than elements have to wrap around."),),
        of_nothing="[]",
    ),
    Body(
        pattern=re.compile(r"the list of every (\d+)\w\w element of `values`, starting with the first element"),
        thoughts=("That is a slice with a step.",),
        codes=("return values[::{0}]", "return [values[i] for i in range(0, len(values), {0})]"),
        slips=(
            Slip("values[::{0}]", "values[{0}::{0}]", "The first element belongs to the result, but I started later."),
            Slip("range(0, len(values), {0})", "range({0} - 1, len(values), {0})", "The count starts with the first element, at index 0."),
        ),
        blind=(Slip("return values[::{0}]", "return values[:-1:{0}]", "The last element may belong to the result."),),
        of_nothing="[]",
    ),
    Body(
        pattern=re.compile(r"the number of words in `text` that have more than (\d+) letters"),
        thoughts=("Split at blanks, then count the words that are long enough.",),
        codes=(
            "return sum(1 for word in text.split() if len(word) > {0})",
            "return len([word for word in text.split() if len(word) > {0}])",
        ),
        slips=(
            Slip("in text.split()", "in text", "Without split the loop runs over characters."),
            Slip("len(word) > {0}", "word > {0}", "I compared the word itself with a number; its length was meant."),
        ),
        blind=(Slip("len(word) > {0}", "len(word) >= {0}", "More than does not include equal."),),
        of_nothing="0",
    ),
    Body(
        pattern=re.compile(r"`text` with each word of at least (\d+) letters reversed and the words separated by one space"),
        thoughts=("I take the words one by one, turn the long ones around and join them with single spaces.",),
        codes=(
            'return " ".join(word[::-1] if len(word) >= {0} else word for word in text.split())',
            'words = []\nfor word in text.split():\n    words.append(word[::-1] if len(word) >= {0} else word)\nreturn " ".join(words)',
        ),
        slips=(
            Slip("word[::-1]", "reversed(word)", "reversed gives an iterator, not a string; a slice with step -1 does."),
            Slip('" ".join', '"".join', "The words need a space between them."),
            Slip("len(word) >= {0} else", "len(word) < {0} else", "I turned the short words around instead of the long ones."),
        ),
        blind=(Slip("len(word) >= {0}", "len(word) > {0}", "At least includes equal."),),
        of_nothing='""',
    ),
    Body(
        pattern=re.compile(r"`text` with each letter from a to z and A to Z moved (\d+) places forward in the alphabet, wrapping .*"),
        thoughts=("Letters move within their own alphabet, modulo 26, and everything else stays.",),
        codes=(
            'moved = ""\nfor c in text:\n    if c.isalpha():\n        first = ord("a") if c.islower() else ord("A")\n'
            "        c = chr((ord(c) - first + {0}) % 26 + first)\n    moved += c\nreturn moved",
        ),
        slips=(
            Slip("(ord(c) - first + {0}) % 26 + first", "ord(c) + {0}", "Without modulo 26 the letters run past z."),
            Slip("    if c.isalpha():\n", "    if True:\n", "Blanks must stay as they are."),
            Slip("(ord(c) - first + {0})", "(c - first + {0})", "A character has to go through ord before I can calculate with it."),
            Slip("- first + {0})", "- first - {0})", "Forward means plus."),
        ),
        blind=(Slip('ord("a") if c.islower() else ord("A")', 'ord("a")', "Capitals have their own first letter."),),
        of_nothing='""',
    ),
    Body(
        pattern=re.compile(r"the list of \[value, length\] for each run of equal neighbours in `values` that is at least (\d+) long"),
        thoughts=("I build the runs one by one and keep those that are long enough.",),
        codes=(
            "runs = []\nfor v in values:\n    if runs and runs[-1][0] == v:\n        runs[-1][1] += 1\n"
            "    else:\n        runs.append([v, 1])\n"
            "return [run for run in runs if run[1] >= {0}]",
        ),
        slips=(
            Slip("if runs and runs[-1][0] == v", "if runs[-1][0] == v", "There is no last run yet when the first value comes."),
            Slip("runs.append([v, 1])", "runs.append([v, 0])", "A new run has length 1 already."),
            Slip("runs.append([v, 1])", "runs.append((v, 1))", "A tuple cannot be changed, and pairs as lists were asked for."),
        ),
        blind=(Slip("run[1] >= {0}", "run[1] > {0}", "At least includes equal."),),
        of_nothing="[]",
    ),
    Body(
        pattern=re.compile(r"`values` cut into lists of (\d+) elements, the last one possibly shorter"),
        thoughts=("I step through the list and slice; the last slice is shorter by itself.",),
        codes=("return [values[i:i + {0}] for i in range(0, len(values), {0})]",),
        slips=(
            Slip("values[i:i + {0}]", "values[i:{0}]", "The end of each slice moves along with its start."),
            Slip("range(0, len(values), {0})", "range(0, len(values))", "The step was missing, so the lists overlapped."),
        ),
        blind=(Slip("range(0, len(values), {0})", "range(0, len(values) - 1, {0})", "A single last element was lost."),),
        of_nothing="[]",
    ),
    Body(
        pattern=re.compile(r"the number of pairs of positions i < j in `values` whose elements add up to (\d+)"),
        thoughts=("Two loops over positions with i < j; the lists are short enough.",),
        codes=(
            "count = 0\nfor i in range(len(values)):\n    for j in range(i + 1, len(values)):\n        if values[i] + values[j] == {0}:\n"
            "            count += 1\nreturn count",
        ),
        slips=(
            Slip(
                "range(i + 1, len(values))",
                "range(len(values))",
                "Each pair was counted twice, and elements with themselves: j must start after i.",
            ),
            Slip("values[i] + values[j]", "i + j", "I added the positions instead of the elements."),
            Slip("range(i + 1, len(values))", "range(i + 1, len(values) + 1)", "The range ran one past the end."),
        ),
        blind=(Slip("range(i + 1, len(values))", "range(i + 1, min(i + 4, len(values)))", "Pairs may lie further apart."),),
        of_nothing="0",
    ),
    Body(
        pattern=re.compile(r"the list of the sums of each (\d+) neighbouring elements of `values`, from left to right"),
        thoughts=("There are len - k + 1 windows, and each is a slice.",),
        codes=("return [sum(values[i:i + {0}]) for i in range(len(values) - {0} + 1)]",),
        slips=(
            Slip("range(len(values) - {0} + 1)", "range(len(values) - {0})", "The last window was missing: there are len - k + 1 of them."),
            Slip("range(len(values) - {0} + 1)", "range(len(values))", "Near the end the windows were too short; they must stop earlier."),
        ),
        blind=(
            Slip(
                "range(len(values) - {0} + 1)", "range(max(1, len(values) - {0} + 1) if values else 0)", "Too few elements make no window."
            ),
        ),
        of_nothing="[]",
    ),
    Body(
        pattern=re.compile(r"the (\d+) most frequent letters of `text` as one string, most frequent first, .*"),
        thoughts=("I count the letters in lower case and sort by falling count, then by letter.",),
        codes=(
            "low = text.lower()\n"
            "letters = sorted({{c for c in low if c.isalpha()}}, key=lambda c: (-low.count(c), c))\n"
            'return "".join(letters[:{0}])',
            "counts = {{}}\nfor c in text.lower():\n    if c.isalpha():\n        counts[c] = counts.get(c, 0) + 1\n"
            'letters = sorted(counts, key=lambda c: (-counts[c], c))\nreturn "".join(letters[:{0}])',
        ),
        slips=(
            Slip("(-low.count(c), c)", "(low.count(c), c)", "The most frequent must come first, so the count needs a minus sign."),
            Slip('return "".join(letters[:{0}])', "return letters[:{0}]", "One string was asked for, and I returned a list."),
            Slip("counts.get(c, 0) + 1", "counts[c] + 1", "The first time a letter comes it has no count yet."),
        ),
        blind=(Slip("text.lower()", "text", "Capitals count as small letters."),),
        of_nothing='""',
    ),
    Body(
        pattern=re.compile(r"`values` with each number below (\d+) replaced by \d+ and each number above (\d+) replaced by \d+"),
        thoughts=("min and max together keep a number between the two bounds.",),
        codes=(
            "return [min(max(v, {0}), {1}) for v in values]",
            "clipped = []\nfor v in values:\n    if v < {0}:\n        v = {0}\n    if v > {1}:\n        v = {1}\n"
            "    clipped.append(v)\nreturn clipped",
        ),
        slips=(
            Slip("min(max(v, {0}), {1})", "max(min(v, {0}), {1})", "I swapped min and max."),
            Slip("v = {1}\n        clipped", "v = {0}\n        clipped", "Above the upper bound the upper bound has to be put in."),
        ),
        blind=(Slip("min(max(v, {0}), {1})", "max(v, {0})", "There is an upper bound as well."),),
        of_nothing="[]",
    ),
    Body(
        pattern=re.compile(r"`values` without the repetitions of any number after its first (\d+) occurrences, in order"),
        thoughts=("I keep a number while the result holds it fewer than k times.",),
        codes=(
            "kept = []\nfor v in values:\n    if kept.count(v) < {0}:\n        kept.append(v)\nreturn kept",
            "seen = {{}}\nkept = []\nfor v in values:\n    seen[v] = seen.get(v, 0) + 1\n    if seen[v] <= {0}:\n"
            "        kept.append(v)\nreturn kept",
        ),
        slips=(
            Slip("kept.count(v) < {0}", "kept.count(v) > {0}", "Nothing is ever kept with that comparison; it must be fewer."),
            Slip("seen.get(v, 0) + 1", "seen[v] + 1", "The first time a number comes it is not in the dictionary yet."),
        ),
        blind=(Slip("kept.count(v) < {0}", "kept.count(v) <= {0}", "One occurrence too many was kept."),),
        of_nothing="[]",
    ),
    Body(
        pattern=re.compile(r"the list of the numbers in `values` whose decimal digits, the sign left out, add up to (\d+)"),
        thoughts=("The digits come from the text of the absolute value.",),
        codes=("return [v for v in values if sum(int(d) for d in str(abs(v))) == {0}]",),
        slips=(
            Slip("str(abs(v))", "str(v)", "A minus sign is no digit; the absolute value has to be taken."),
            Slip("sum(int(d) for d", "sum(d for d", "The digits are characters until int makes numbers of them."),
        ),
        blind=(Slip("str(abs(v))", "str(max(v, 0))", "Negative numbers have digits too."),),
        of_nothing="[]",
    ),
)
