"""Recurrent cells in BiRNN-CRF taggers for biomedical named entities: one model a corpus, or one for many."""

__version__ = "0.1.0"
