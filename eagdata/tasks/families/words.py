"""The words that the families write with: common English words and given names, chosen by us."""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
apple balloon banana barrel bicycle blanket bottle bridge butter cabbage candle carpet castle cellar cheese cherry
chimney coffee committee cottage cotton curtain dinner dollar engine evening feather fellow ferry finger flannel flower
forest funnel garden giraffe glass grammar grass hammer harbour hollow hurricane island jacket jelly journey kettle kitten
ladder lantern lesson letter lettuce lobster marble meadow melon mirror mississippi mitten morning mountain mushroom
necklace needle notebook occurrence onion orchard oyster paddle parallel parrot pebble pepper piano pillow pocket pottery
pudding pumpkin puzzle queen rabbit raccoon referee ribbon river rocket saddle salmon saucer scissors seed sheep shoulder
silver sleeve slipper spinach squirrel staircase strawberry street success summer sunflower table tattoo teapot temple
terrace thunder toffee tomorrow tunnel umbrella valley vanilla village violin waffle wagon walnut weather wheel willow
window winter yellow zipper
"""

_NAMES: Final = """
Ada Ben Cleo Dan Eva Finn Gina Hugo Iris Jack Kira Leo Mona Ned Olga Paul Quinn Rosa Sam Tara Umar Vera Will Xena
Yuri Zoe Anton Berta Carl Dora Emil Frida Georg Hanna Ivan Jana Karl Lena Marco Nina
"""

WORDS = tuple(_WORDS.split())
NAMES = tuple(_NAMES.split())
