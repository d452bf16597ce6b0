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
_TABLE = str.maketrans(_SPELLINGS)


def in_ascii(text: str) -> str:
    """`TNFα` as `TNFalpha`, `±` as `+/-`, `naïve` as `naive`; what has no such spelling stays as it is."""
    # A mark may hide what has a spelling, as it does on an accented Greek letter: spell before and after.
    apart = unicodedata.normalize("NFKD", text.translate(_TABLE))
    bare = apart if apart.isascii() else "".join(mark for mark in apart if not _is_unseen(mark))
    return bare.translate(_TABLE) or text


def _is_unseen(character: str) -> bool:
    """Accents, and what stands within a word for the typesetter: soft hyphens, joiners, variation selectors."""
    return bool(
        unicodedata.combining(character) or unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"
    )
