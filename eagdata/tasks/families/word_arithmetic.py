"""Word problems of three to seven steps: a stock that grows and shrinks, a bill, a journey."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from eagdata.tasks.families.draft import Draft, dial
from eagdata.tasks.families.words import NAMES

_GOODS = ("pens", "marbles", "stamps", "cards", "beads", "coins", "shells", "stickers", "books", "apples")
_BOUGHT = ("notebooks", "lamps", "mugs", "towels", "plates", "candles", "chairs", "bottles")


def draw(rng: Random, difficulty: float) -> Draft:
    """One of three templates, each with as many steps as the dial asks for."""
    kind = rng.choice(("stock", "stock", "bill", "journey"))
    question, answer = {"stock": _stock, "bill": _bill, "journey": _journey}[kind](rng, difficulty)
    return Draft(kind=kind, question=question, verifier="number", reference=str(answer), answer=str(answer))


def _stock(rng: Random, difficulty: float) -> tuple[str, Fraction]:
    name, goods = rng.choice(NAMES), rng.choice(_GOODS)
    boxes, each = rng.randint(3, dial(8, 40, difficulty)), rng.randint(4, dial(9, 60, difficulty))
    if rng.random() < 0.6:
        total, sentences = boxes * each, [f"{name} has {boxes} boxes with {each} {goods} in each box."]
    else:
        total, sentences = boxes * each, [f"{name} starts with {boxes * each} {goods}."]
    steps = dial(2, 5, difficulty)
    while steps:
        sentence, total_after = _change(rng, total)
        if 0 < total_after <= 10**6:
            total, steps = total_after, steps - 1
            sentences.append(sentence.format(name=name, goods=goods))
    ask, answer = _stock_question(rng, total)
    return " ".join(sentences) + " " + ask.format(name=name, goods=goods), Fraction(answer)


def _change(rng: Random, total: int) -> tuple[str, int]:
    """One sentence of what happens, and the total after it; 0 where it does not divide."""
    n, k, packs = rng.randint(2, max(3, total // 2)), rng.randint(2, 5), rng.randint(2, 9)
    percent = rng.choice((10, 20, 25, 40, 50, 75))
    lost = total * percent
    return rng.choice(
        (
            (f"Then {{name}} finds {n} more {{goods}}.", total + n),
            (f"Then {{name}} gives away {n} {{goods}}.", total - n),
            (f"Then {{name}} buys {packs} packs of {k + 2} {{goods}}.", total + packs * (k + 2)),
            (f"Then the number of {{goods}} is multiplied by {k}.", total * k),
            (f"Then {{name}} loses {percent} percent of the {{goods}}.", 0 if lost % 100 else total - lost // 100),
            (f"Then {{name}} shares the {{goods}} equally among {k} people and keeps one share.", 0 if total % k else total // k),
        )
    )


def _stock_question(rng: Random, total: int) -> tuple[str, int]:
    size, price = rng.randint(3, 12), rng.randint(2, 15)
    bags = f"In the end {{name}} fills bags of {size} {{goods}}."
    ask, answer = rng.choice(
        (
            ("How many {goods} does {name} have in the end?", total),
            (f"{bags} How many full bags are there?", total // size),
            (f"{bags} How many {{goods}} are left over?", total % size),
            (f"In the end {{name}} sells all {{goods}} for {price} dollars each. How many dollars is that?", total * price),
        )
    )
    return f"{ask} Give one number.", answer


def _bill(rng: Random, difficulty: float) -> tuple[str, Fraction]:
    name, lines, total = rng.choice(NAMES), [], Fraction(0)
    for item in rng.sample(_BOUGHT, dial(2, 5, difficulty)):
        count, price = rng.randint(2, dial(6, 20, difficulty)), rng.randint(2, dial(12, 60, difficulty))
        lines.append(f"{count} {item} at {price} dollars each")
        total += count * price
    text = f"{name} buys {', '.join(lines[:-1])} and {lines[-1]}."
    percent, coupon, delivery = rng.choice((5, 10, 15, 20, 25)), rng.randint(2, 9), rng.randint(3, 20)
    text += f" The shop takes {percent} percent off the whole bill."
    total *= 1 - Fraction(percent, 100)
    if difficulty > 0.3:
        text += f" After that a coupon takes off another {coupon} dollars."
        total -= coupon
    if difficulty > 0.6:
        text += f" Delivery costs {delivery} dollars."
        total += delivery
    return f"{text} How many dollars does {name} pay? Give an integer or a fraction such as 7/3.", total


def _journey(rng: Random, difficulty: float) -> tuple[str, Fraction]:
    name, legs = rng.choice(NAMES), dial(2, 5, difficulty)
    parts, way, time = [], 0, 0
    for _ in range(legs):
        hours, speed = rng.randint(2, 6), 5 * rng.randint(2, dial(8, 26, difficulty))
        parts.append(f"{hours} hours at {speed} km/h")
        way, time = way + hours * speed, time + hours
    text = f"{name} drives {', then '.join(parts)}."
    rest = rng.randint(2, 4) if difficulty > 0.4 else 0
    if rest:
        text += f" On the way {name} rests for {rest} hours."
    if rng.random() < 0.25:
        ask, answer = "How many km is the whole journey?", Fraction(way)
    else:
        ask, answer = "What is the average speed in km/h over the whole time, rests included?", Fraction(way, time + rest)
    return f"{text} {ask} Give an integer or a fraction such as 7/3.", answer
