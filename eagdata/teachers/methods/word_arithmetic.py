"""Method for the family `word_arithmetic`: one line of arithmetic for each sentence, checked backwards or by simulation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from eagdata.teachers.methods.plan import Plan, Slip, Step


@dataclass(frozen=True, slots=True)
class _Move:
    """What a sentence does to a running total: code with {0}, {1} for its numbers, a slip of it, and the way back."""

    pattern: re.Pattern[str]
    code: str
    wrong: str
    lesson: str
    back: str


_MOVES = (
    _Move(
        re.compile(r"finds (\d+) more"),
        "total = total + {0}",
        "total = total - {0}",
        "Finding more adds, and I subtracted.",
        "back = back - {0}",
    ),
    _Move(
        re.compile(r"gives away (\d+) "),
        "total = total - {0}",
        "total = total + {0}",
        "Giving away subtracts, and I added.",
        "back = back + {0}",
    ),
    _Move(
        re.compile(r"buys (\d+) packs of (\d+)"),
        "total = total + {0} * {1}",
        "total = total + {0} + {1}",
        "The packs and their size have to be multiplied.",
        "back = back - {0} * {1}",
    ),
    _Move(
        re.compile(r"is multiplied by (\d+)"),
        "total = total * {0}",
        "total = total + {0}",
        "The number is multiplied, not increased.",
        "back = back // {0}",
    ),
    _Move(
        re.compile(r"loses (\d+) percent"),
        "total = total * (100 - {0}) // 100",
        "total = total * {0} // 100",
        "What is lost goes away: the rest is 100 minus the percentage.",
        "back = back * 100 // (100 - {0})",
    ),
    _Move(
        re.compile(r"equally among (\d+) people"),
        "total = total // {0}",
        "total = total - {0}",
        "Sharing divides, and I subtracted.",
        "back = back * {0}",
    ),
)
_BOXES = re.compile(r"(\w+) has (\d+) boxes with (\d+) (\w+) in each box\.")
_START = re.compile(r"(\w+) starts with (\d+) (\w+)\.")
_ITEM = re.compile(r"(\d+) \w+ at (\d+) dollars each")
_LEG = re.compile(r"(\d+) hours at (\d+) km/h")


def plan(question: str) -> Plan | None:
    if "drives" in question and _LEG.search(question):
        return _journey(question)
    if "percent off the whole bill" in question:
        return _bill(question)
    if (_BOXES.search(question) or _START.search(question)) and "Give one number" in question:
        return _stock(question)
    return None


def _stock(question: str) -> Plan:
    boxes, start = _BOXES.search(question), _START.search(question)
    begin = f"{boxes[2]} * {boxes[3]}" if boxes else start[2] if start else "0"
    moves = [(move, found.groups()) for sentence in question.split(". ") for move in _MOVES if (found := move.pattern.search(sentence))]
    lines = [move.code.format(*numbers) for move, numbers in moves]
    slips = tuple(Slip(move.code.format(*numbers), move.wrong.format(*numbers), move.lesson) for move, numbers in moves)
    work = Step(
        makes="total",
        thoughts=(
            "I follow the story sentence by sentence and keep a running total.",
            "Each sentence changes the number once, so I write one line for each.",
        ),
        codes=(
            "total = start\n" + "\n".join(f"{line}\nprint(total)" for line in lines),
            "total = start\n" + "\n".join(lines) + "\nprint(total)",
        ),
        slips=slips,
    )
    backward = "\n".join(move.back.format(*numbers) for move, numbers in reversed(moves))
    ending, told = _ending(question)
    check = f'back = total\n{backward}\nassert back == start, f"going backwards from {{total}} I reach {{back}}, not {{start}}"\n{ending}'
    total = _followed(begin, moves)
    value = _ended(told, total)
    head = (f"I follow the story from {begin} on, sentence by sentence, and reach {total}.", str(value))
    return _plan(f"start = {begin}", work, check="back", code=check, head=head)


def _ending(question: str) -> tuple[str, tuple[str, int]]:
    """The lines that turn the total into the answer, and the same as a name and a number."""
    bags = re.search(r"fills bags of (\d+)", question)
    price = re.search(r"for (\d+) dollars each", question)
    if bags and "How many full bags" in question:
        return f"print(total // {bags[1]})", ("//", int(bags[1]))
    if bags:
        return f"print(total % {bags[1]})", ("%", int(bags[1]))
    return (f"print(total * {price[1]})", ("*", int(price[1]))) if price else ("print(total)", ("*", 1))


def _ended(told: tuple[str, int], total: int) -> int:
    sign, number = told
    return total // number if sign == "//" else total % number if sign == "%" else total * number


def _followed(begin: str, moves: list[tuple[_Move, tuple[str, ...]]]) -> int:
    a, _, b = begin.partition(" * ")
    total = int(a) * int(b or 1)
    for move, numbers in moves:
        n = [int(number) for number in numbers]
        after = (total + n[0], total - n[0], total + n[0] * n[-1], total * n[0], total * (100 - n[0]) // 100, total // n[0])
        total = after[_MOVES.index(move)]
    return total


def _bill(question: str) -> Plan:
    items = [(int(count), int(price)) for count, price in _ITEM.findall(question)]
    percent = _number(r"takes (\d+) percent off", question)
    coupon, delivery = _number(r"another (\d+) dollars", question), _number(r"Delivery costs (\d+)", question)
    data = f"items = {items}\npercent = {percent}\ncoupon = {coupon}\ndelivery = {delivery}"
    code = (
        "from fractions import Fraction\n\ntotal = sum(count * price for count, price in items)\nprint(total)\n"
        "total = total - Fraction(total * percent, 100)\nprint(total)\ntotal = total - coupon + delivery\nprint(total)"
    )
    work = Step(
        makes="total",
        thoughts=(
            "First the sum of the items, then the percentage off, then the fixed amounts, in the order of the text.",
            "I add the lines of the bill and then apply discount, coupon and delivery in turn.",
        ),
        codes=(code, code.replace("total - Fraction(total * percent, 100)", "Fraction(total * (100 - percent), 100)")),
        slips=(
            Slip("count * price for", "count + price for", "Count and price have to be multiplied for each item."),
            Slip("total - Fraction(total * percent, 100)", "total - percent", "I took the percentage off as if it were dollars."),
            Slip(
                "Fraction(total * (100 - percent), 100)",
                "Fraction(total * percent, 100)",
                "That is the discount itself; what is left is the other part.",
            ),
            Slip("count * price for count, price", "count * price for count, price, _", "Each item has two entries, and I unpacked three."),
        ),
    )
    check = (
        "from fractions import Fraction\n\nexpected = Fraction(0)\nfor count, price in items:\n"
        "    expected += count * price * Fraction(100 - percent, 100)\n"
        'expected += delivery - coupon\nassert total == expected, f"{total}, but item by item it is {expected}"\nprint(Fraction(total))'
    )
    value = sum(c * p for c, p in items) * Fraction(100 - percent, 100) - coupon + delivery
    head = (f"The items come to {sum(c * p for c, p in items)} dollars. I take {percent} percent off and add the rest.", str(value))
    return _plan(data, work, check="expected", code=check, head=head)


_JOURNEY_SLIPS = (
    Slip("sum(hours * speed for", "sum(hours + speed for", "The way of a leg is hours times speed, not their sum."),
    Slip("    way += hours * speed", "    way += speed", "I forgot to multiply the speed by the hours."),
    Slip(
        "Fraction(way, time)",
        "Fraction(sum(speed for _, speed in legs), len(legs))",
        "The mean of the speeds is not the average speed: the legs last differently.",
    ),
    Slip("Fraction(way, time)", "Fraction(time, way)", "Speed is way over time; I had it upside down."),
    Slip(
        "for hours, speed in legs) + rest",
        "for hours in legs) + rest",
        "Each leg is a pair, so the hours have to be unpacked from it.",
    ),
)


def _journey(question: str) -> Plan:
    legs = [(int(hours), int(speed)) for hours, speed in _LEG.findall(question)]
    rest, whole = _number(r"rests for (\d+) hours", question), "How many km" in question
    way, time = sum(h * v for h, v in legs), sum(h for h, _ in legs) + rest
    result = "Fraction(way)" if whole else "Fraction(way, time)"
    code = (
        "from fractions import Fraction\n\nway = sum(hours * speed for hours, speed in legs)\n"
        "time = sum(hours for hours, speed in legs) + rest\n"
        f"print(way, time)\nanswer = {result}\nprint(answer)"
    )
    loop = (
        "from fractions import Fraction\n\nway, time = 0, rest\nfor hours, speed in legs:\n"
        "    way += hours * speed\n    time += hours\n    print(way, time)\n"
        f"answer = {result}"
    )
    work = Step(
        makes="answer",
        thoughts=(
            "The way is the sum of time times speed over the legs.",
            "I add up the ways and the hours of the legs, then combine them.",
        ),
        codes=(code, loop),
        slips=_JOURNEY_SLIPS,
    )
    check = (
        "driven = 0\nfor hours, speed in legs:\n    for _ in range(hours):\n        driven += speed\n"
        + ("" if whole else "hours_in_all = sum(leg[0] for leg in legs) + rest\n")
        + f'assert answer{"" if whole else " * hours_in_all"} == driven, f"{{answer}} does not fit {{driven}} km"\nprint(answer)'
    )
    head = (f"The legs add up to {way} km in {time} hours, rests included.", str(Fraction(way) if whole else Fraction(way, time)))
    return _plan(f"legs = {legs}\nrest = {rest}", work, check="driven", code=check, head=head)


_CLOSING = ("The check agrees with the story.", "Computed forwards and checked backwards.", "The numbers fit together.")


def _plan(data: str, work: Step, *, check: str, code: str, head: tuple[str, str]) -> Plan:
    names = [line.split(" =")[0] for line in data.splitlines()]
    given = Step(
        makes=names[0],
        thoughts=(
            "I pick the numbers out of the text.",
            "First what is given, in the units of the question.",
            "Let me write down the known quantities.",
        ),
        codes=(data, f"{data}\nprint({', '.join(names)})"),
    )
    verify = Step(
        makes=check,
        thoughts=(
            "I check the result before I answer.",
            "Does this fit the story? I test it another way.",
            "Going over it once more from the other side.",
        ),
        codes=(code,),
    )
    return Plan(steps=(given, work, verify), head=lambda: head, closing=_CLOSING)


def _number(pattern: str, question: str) -> int:
    found = re.search(pattern, question)
    return int(found[1]) if found else 0
