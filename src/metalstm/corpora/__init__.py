"""Annotated text: the files, their labelling schemes, and what joins several corpora into one."""

from metalstm.corpora.schemes import convert

__all__ = ["convert"]
