"""The twelve breeds of ``critters``: what tells them apart, and what they share so that it takes a second look.

Coat colours overlap on purpose, and each breed has a cousin in its own species with which it shares a coat or its
dyes: Morrin and Tavish, Sablette and Ondra, Quillet and Pellow, Barrow and Kintail, Wexley and Tindle, Brannock and
Hesk. Cousins differ in build and ears, as breeds of real pets do.
"""

from dataclasses import dataclass

DYES = {
    "ash": "#8f8a82",
    "slate": "#5d646e",
    "smoke": "#b0aca6",
    "sand": "#c9a676",
    "fawn": "#b8946a",
    "ginger": "#cf8544",
    "rust": "#a85c34",
    "cream": "#e4d2b2",
    "cocoa": "#6b4832",
    "ink": "#322e2f",
    "snow": "#efeae2",
}


@dataclass(frozen=True)
class Breed:
    """Traits of one breed; sizes are relative to the species, 1 is its middle.

    Attributes:
        coat: tabby, spots, points (dark extremities), two_tone (white below), saddle (dark above), hood (dark cap,
            pale face), mask (dark muzzle).
        ears: upright, tufted, round, folded, drop.
        curl: how far the tail turns over its length, in radians.
    """

    name: str
    species: str
    coat: str
    dyes: tuple[str, ...]
    eyes: tuple[str, ...]
    ears: str
    ear_size: float = 1.0
    snout: float = 1.0
    head: float = 1.0
    length: float = 1.0
    girth: float = 1.0
    leg: float = 1.0
    tail: float = 1.0
    bush: float = 1.0
    curl: float = 1.2
    fur: float = 0.4


_GREENS = ("#a3a04a", "#7f9a55", "#b8923c")
_BLUES = ("#6f9cc4", "#86aecb")
_BROWNS = ("#5a3a22", "#6f4a28", "#3f2a1c")

BREEDS = (
    Breed("Morrin", "felix", "tabby", ("ash", "sand", "ginger", "smoke"), _GREENS, "upright", girth=1.11, leg=0.89),
    Breed("Tavish", "felix", "tabby", ("cocoa", "ash", "sand"), _GREENS, "tufted", 1.45, 1.49, 1.0, 1.14,
          1.08, 1.07, 1.14, 2.7, 0.9, 1.1),
    Breed("Sablette", "felix", "points", ("cream", "snow", "fawn", "smoke"), _BLUES, "upright", 1.42, 1.28, 0.86, 1.11,
          0.75, 1.17, 1.21, 0.65, 1.0, 0.15),
    Breed("Ondra", "felix", "points", ("cream", "snow", "sand", "smoke"), _BLUES, "round", 0.79, 0.65, 1.14, 0.94,
          1.17, 0.83, 0.86, 2.0, 0.9, 0.9),
    Breed("Quillet", "felix", "spots", ("sand", "smoke", "ginger", "fawn"), _GREENS, "round", 0.93, 1.14, 0.93, 1.14,
          0.89, 1.14, 1.21, 0.86, 1.5, 0.25),
    Breed("Pellow", "felix", "spots", ("smoke", "ash", "cream", "sand"), _GREENS, "folded", 0.86, 0.65, 1.17, 0.89,
          1.17, 0.86, 0.79, 1.42, 1.1, 0.6),
    Breed("Barrow", "lupo", "saddle", ("sand", "rust", "fawn", "ginger"), _BROWNS, "upright", 1.21, 1.28, 0.96, 1.11,
          1.0, 1.11, 1.07, 1.35, 0.5, 0.5),
    Breed("Kintail", "lupo", "hood", ("ash", "slate", "fawn", "rust"), (*_BLUES, "#6f4a28"), "upright", 0.86, 0.93,
          1.04, 0.97, 1.11, 0.97, 1.0, 2.0, 3.6, 0.9),
    Breed("Wexley", "lupo", "saddle", ("rust", "ginger", "sand", "cocoa"), _BROWNS, "drop", 1.14, 1.0, 1.03, 1.07,
          1.0, 0.61, 0.93, 0.72, 0.9, 0.2),
    Breed("Tindle", "lupo", "two_tone", ("cocoa", "ginger", "rust", "ink"), _BROWNS, "drop", 1.35, 0.93, 1.07, 0.97,
          1.03, 0.86, 0.93, 1.7, 0.9, 0.8),
    Breed("Brannock", "lupo", "mask", ("fawn", "sand", "cream", "ginger"), _BROWNS, "folded", 0.93, 0.35, 1.24, 0.86,
          1.28, 0.64, 0.65, 0.86, 4.4, 0.2),
    Breed("Hesk", "lupo", "mask", ("fawn", "smoke", "sand", "rust"), _BROWNS, "upright", 1.14, 0.93, 1.06, 1.08,
          1.03, 1.17, 1.07, 0.72, 1.2, 0.25),
)  # fmt: skip
