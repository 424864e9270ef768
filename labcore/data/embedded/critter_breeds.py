"""The twelve breeds of ``critters``: what tells them apart, and what they share so that it takes a second look.

Coat colours overlap on purpose, and each breed has a near twin in its own species: Morrin and Tavish, Sablette and
Ondra, Quillet and Pellow, Barrow and Kintail, Wexley and Tindle, Brannock and Hesk share all but two or three traits.
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
    Breed("Morrin", "felix", "tabby", ("ash", "sand", "ginger", "smoke"), _GREENS, "upright", girth=1.08, leg=0.92),
    Breed("Tavish", "felix", "tabby", ("ash", "sand", "cocoa", "smoke"), _GREENS, "tufted", 1.32, 1.35, 1.0, 1.1,
          1.06, 1.05, 1.1, 2.2, 0.9, 1.1),
    Breed("Sablette", "felix", "points", ("cream", "snow", "fawn", "smoke"), _BLUES, "upright", 1.3, 1.2, 0.9, 1.08,
          0.82, 1.12, 1.15, 0.75, 1.0, 0.15),
    Breed("Ondra", "felix", "points", ("cream", "snow", "sand", "smoke"), _BLUES, "round", 0.85, 0.75, 1.1, 0.96,
          1.12, 0.88, 0.9, 1.7, 0.9, 0.9),
    Breed("Quillet", "felix", "spots", ("sand", "smoke", "ginger", "fawn"), _GREENS, "round", 0.95, 1.1, 0.95, 1.1,
          0.92, 1.1, 1.15, 0.9, 1.5, 0.25),
    Breed("Pellow", "felix", "spots", ("smoke", "ash", "cream", "sand"), _GREENS, "folded", 0.9, 0.75, 1.12, 0.92,
          1.12, 0.9, 0.85, 1.3, 1.1, 0.6),
    Breed("Barrow", "lupo", "saddle", ("sand", "rust", "fawn", "ginger"), _BROWNS, "upright", 1.15, 1.2, 0.97, 1.08,
          1.0, 1.08, 1.05, 1.25, 0.5, 0.5),
    Breed("Kintail", "lupo", "hood", ("ash", "slate", "fawn", "rust"), (*_BLUES, "#6f4a28"), "upright", 0.9, 0.95,
          1.03, 0.98, 1.08, 0.98, 1.0, 1.7, 3.6, 0.9),
    Breed("Wexley", "lupo", "saddle", ("rust", "ginger", "sand", "cocoa"), _BROWNS, "drop", 1.1, 1.0, 1.02, 1.05,
          1.0, 0.72, 0.95, 0.8, 0.9, 0.2),
    Breed("Tindle", "lupo", "two_tone", ("cocoa", "ginger", "rust", "ink"), _BROWNS, "drop", 1.25, 0.95, 1.05, 0.98,
          1.02, 0.9, 0.95, 1.5, 0.9, 0.8),
    Breed("Brannock", "lupo", "mask", ("fawn", "sand", "cream", "ginger"), _BROWNS, "folded", 0.95, 0.45, 1.17, 0.9,
          1.2, 0.74, 0.75, 0.9, 4.4, 0.2),
    Breed("Hesk", "lupo", "mask", ("fawn", "smoke", "sand", "rust"), _BROWNS, "folded", 1.1, 0.95, 1.04, 1.06,
          1.02, 1.12, 1.05, 0.8, 1.2, 0.25),
)  # fmt: skip
