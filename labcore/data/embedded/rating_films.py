"""Four hundred films that nobody has made: titles, genres and years for ``ratings``."""

import numpy as np

GENRES = (
    "Action", "Adventure", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Horror", "Musical",
    "Mystery", "Romance", "Sci-Fi", "War", "Western",
)  # fmt: skip
SHARES = (0.11, 0.06, 0.06, 0.18, 0.08, 0.05, 0.17, 0.05, 0.06, 0.03, 0.04, 0.05, 0.04, 0.01, 0.01)
"""How often a genre is a film's first; roughly MovieLens's order."""
COMPANY = {
    "Action": ("Adventure", "Crime", "Sci-Fi", "War"),
    "Adventure": ("Action", "Fantasy", "Comedy"),
    "Animation": ("Comedy", "Fantasy", "Musical", "Adventure"),
    "Comedy": ("Romance", "Drama", "Crime", "Musical"),
    "Crime": ("Drama", "Mystery", "Action"),
    "Documentary": ("War", "Comedy"),
    "Drama": ("Romance", "War", "Crime", "Mystery"),
    "Fantasy": ("Adventure", "Romance", "Animation"),
    "Horror": ("Mystery", "Sci-Fi", "Comedy"),
    "Musical": ("Romance", "Comedy", "Drama"),
    "Mystery": ("Crime", "Drama", "Horror"),
    "Romance": ("Comedy", "Drama", "Fantasy"),
    "Sci-Fi": ("Action", "Adventure", "Mystery"),
    "War": ("Drama", "Action"),
    "Western": ("Action", "Drama", "Comedy"),
}
"""Genres that a first genre likes to be seen with."""

_FRAMES = {
    "Action": (
        "{odd} Impact", "Maximum {thing}", "{number} Seconds to {place}", "The {place} Convoy",
        "No Brakes in {place}", "Hard {thing}", "{thing} Patrol", "Outrun the {thing}",
    ),
    "Adventure": (
        "The Lost {thing} of {place}", "Beyond the {odd} Sea", "The Map to {place}", "{number} Leagues from {place}",
        "The {odd} Caravan", "Sailing for {place}",
    ),
    "Animation": (
        "The {odd} Little {thing}", "{who} and the Flying {thing}", "The {odd} {creature} Who Could Whistle",
        "{creature} Town", "A {creature} for {who}", "The {odd} {creature}",
    ),
    "Comedy": (
        "My Neighbour the {creature}", "{who} Buys a {thing}", "Two {plural} and a {thing}",
        "Nobody Told the {creature}", "The {odd} Wedding in {place}", "{number} {plural}, One {thing}",
        "Who Ordered the {thing}?", "The {thing} Ate My Homework", "{who} Goes to {place}", "Mostly {odd}",
    ),
    "Crime": (
        "The {place} Job", "A Quiet {thing}", "Honest {plural}", "The {odd} Ledger", "Blood on the {thing}",
        "Nine Fingers in {place}", "The {creature} Always Pays",
    ),
    "Documentary": (
        "{thing}: A History", "The Last {plural} of {place}", "A Year with the {creature}",
        "Inside the {thing} Factory", "The {odd} Life of {plural}",
    ),
    "Drama": (
        "The {odd} Hour", "What {who} Knew", "Letters from {place}", "A House in {place}",
        "The {thing} Maker's Daughter", "All the {odd} Rooms", "{who}, {who2} and the Rain",
        "Winter at the {thing} Works", "After {place}", "The Weight of a {thing}",
    ),
    "Fantasy": (
        "The {thing} of {place}", "{who} and the {odd} Crown", "The {creature} King", "A Sword Named {who}",
        "The {odd} Kingdom", "Daughter of the {creature}",
    ),
    "Horror": (
        "The {thing} in the Cellar", "Do Not Feed the {creature}", "It Came from {place}", "The {odd} Guest",
        "Night of the {plural}", "{who} Is Still Upstairs", "The {thing} Hums",
    ),
    "Musical": (
        "{place} Serenade", "Sing, {who}, Sing", "The {odd} Orchestra", "{number} Trombones for {who}",
        "Tap Dance in {place}",
    ),
    "Mystery": (
        "The {creature} Did It", "The Case of the {odd} {thing}", "Murder on the {place} Ferry",
        "The {number}th {thing}", "Who Moved the {thing}?",
    ),
    "Romance": (
        "Meet Me in {place}", "{who} Loves {who2}", "A {thing} for Two", "The {odd} Proposal",
        "Slow Train to {place}", "Kisses from {place}",
    ),
    "Sci-Fi": (
        "The {odd} Planet", "Orbit {number}", "{thing} from Tomorrow", "The {place} Paradox",
        "Do Robots Dream of {plural}?", "{number} Light Years from {place}",
    ),
    "War": (
        "The Bridge at {place}", "{number} Days in {place}", "The {odd} Regiment", "Home before {place}",
    ),
    "Western": (
        "High {thing} at {place}", "A Fistful of {plural}", "The {odd} Sheriff", "Last Stage to {place}",
    ),
}  # fmt: skip
"""Title patterns of each genre; the words in braces come from the lists below."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("-", " ") for word in text.split())


_WORDS = {
    "odd": _words(
        """
        Crooked Velvet Invisible Reluctant Borrowed Amber Sleepless Improbable Hollow Gentle Paper Restless
        Second-Hand Unfinished Polite Silver Wandering Stubborn Forgotten Electric Silent Thirteenth Curious
        Accidental Golden
        """
    ),
    "thing": _words(
        """
        Teapot Lantern Umbrella Piano Compass Ladder Suitcase Typewriter Cuckoo-Clock Thunder Turnip Bicycle
        Telescope Marmalade Elevator Accordion Lighthouse Toaster Carousel Wheelbarrow Biscuit Submarine Cactus
        Mirror Sandwich
        """
    ),
    "plural": _words(
        """
        Lanterns Accountants Umbrellas Pancakes Librarians Turnips Pianos Dentists Beekeepers Plumbers Cousins
        Tubas Gardeners Ferrymen Biscuits Postmen Astronomers Bakers
        """
    ),
    "creature": _words(
        """
        Heron Badger Goldfish Walrus Moth Hedgehog Magpie Tortoise Otter Donkey Pelican Owl Snail Lynx Octopus
        """
    ),
    "place": _words(
        """
        Umberfield Lower-Wix Port-Salvo Karnholm Villadora Saint-Orso Mirefleet Tannenloch Quillon-Bay Vesperia
        Old-Harrow Montefumo Dry-Creek Ostermouth Bellamarsh Kestrel-Rock Novagrad Pomerelle
        """
    ),
    "who": _words(
        """
        Agnes Barnaby Clementine Desmond Eudora Fergus Griselda Horace Ines Jasper Leopold Mathilda Nestor
        Ottilie Percival Rosalind Thaddeus Wilhelmina
        """
    ),
    "number": _words(
        """
        Three Seven Eleven Forty Nineteen Twelve Ninety
        """
    ),
}


def invent(rng: np.random.Generator, count: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """``count`` films in the order of their numbers.

    Returns:
        Titles (unique, year in brackets as MovieLens writes them), genres bool [count, 15], years int32 [count].
    """
    titles, taken = [], set()
    genres = np.zeros((count, len(GENRES)), bool)
    # Most films that people rate are young; a quarter is older than the raters.
    years = (2022 - np.minimum(rng.gamma(1.3, 15.0, count), 88)).astype(np.int32)
    firsts = rng.choice(len(GENRES), count, p=SHARES)
    for film in range(count):
        first = GENRES[firsts[film]]
        genres[film, firsts[film]] = True
        for other in rng.choice(COMPANY[first], rng.choice([0, 1, 2], p=[0.35, 0.45, 0.20]), replace=False):
            genres[film, GENRES.index(other)] = True
        while True:
            words = {kind: choices[rng.integers(len(choices))] for kind, choices in _WORDS.items()}
            words["who2"] = _WORDS["who"][rng.integers(len(_WORDS["who"]))]
            frame = _FRAMES[first][rng.integers(len(_FRAMES[first]))]
            name = frame.format(**words)
            if name not in taken and words["who2"] != words["who"]:
                break
        taken.add(name)
        titles.append(f"{_article(name)} ({years[film]})")
    return titles, genres, years


def _article(name: str) -> str:
    """A before a vowel's sound becomes An; and numbers as ordinals are spelt."""
    for vowel in "AEIO":
        name = name.replace(f"A {vowel}", f"An {vowel}").replace(f" a {vowel}", f" an {vowel}")
    name = name.replace(" a Umbrella", " an Umbrella").replace("A Umbrella", "An Umbrella")
    for number, ordinal in (("Three", "Third"), ("Twelve", "Twelf"), ("Forty", "Fortie"), ("Ninety", "Ninetie")):
        name = name.replace(f"{number}th", ordinal if ordinal == "Third" else ordinal + "th")
    return name
