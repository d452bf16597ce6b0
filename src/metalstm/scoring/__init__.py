"""How well predicted entities meet the annotated ones."""

from metalstm.scoring.scores import Scores, evaluate, strict_f1

__all__ = ["Scores", "evaluate", "strict_f1"]
