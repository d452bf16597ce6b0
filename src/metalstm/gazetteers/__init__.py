"""Lists of names that are known from elsewhere, such as those of a taxonomy, and where a text has them."""

MOST_LISTS = 32
"""Lists that a tagger can look for: each has a bit in `matching.Gazetteers.lists`."""
