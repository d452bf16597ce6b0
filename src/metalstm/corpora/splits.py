"""The parts of a corpus, each with a file of its own."""

SPLITS = ("train", "devel", "test")
"""In the order in which a tagger meets them."""
