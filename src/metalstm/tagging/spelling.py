"""The ASCII spelling of characters as the MTL-Bioinformatics-2016 corpora, which hold nothing else, have it."""

import unicodedata

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau upsilon "
    "phi chi psi omega"
)
_SPELLINGS = {
    **{chr(ord("α") + place): name for place, name in enumerate(_GREEK.split(" "))},
    **{chr(ord("Α") + place): name.capitalize() for place, name in enumerate(_GREEK.split(" "))},
    **{"ϕ": "phi", "ϵ": "epsilon", "ϑ": "theta", "µ": "micro", "°": "degrees", "ß": "ss", "ø": "o", "Ø": "O"},
    **{"±": "+/-", "≥": ">=", "≤": "<=", "≠": "!=", "×": "x", "÷": "/", "−": "-", "·": ".", "∼": "~", "≈": "~"},
    **{"→": "-->", "↔": "<-->", "®": "(R)", "™": "(TM)", "–": "-", "‐": "-", "‑": "-", "—": "--"},
    **dict.fromkeys("‘’‚′`´", "'"),
    **dict.fromkeys("“”„″«»", '"'),
}


def in_ascii(token: str) -> str:
    """`TNFα` as `TNFalpha`, `±` as `+/-`, `naïve` as `naive`; what has no such spelling stays as it is."""
    # A mark may hide what has a spelling, as it does on an accented Greek letter: spell before and after.
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", _spell(token)) if not unicodedata.combining(mark))
    return _spell(bare) or token


def _spell(text: str) -> str:
    return "".join(_SPELLINGS.get(character, character) for character in text)
