"""How a training is judged: by its tagging of devel files, of which the best epoch's is kept."""

import statistics
from collections.abc import Mapping

from metalstm.corpora.columns import Sentence
from metalstm.corpora.schemes import OUTSIDE
from metalstm.errors import UserError
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.tagger import Tagger
from metalstm.scoring.scores import strict_f1
from metalstm.tagging.tokens import Reading, Tagged
from metalstm.training.history import Epoch


class Devel:
    """The devel files of some corpora, and what the best epoch so far found in them: it need not tag them again."""

    def __init__(self, corpora: Mapping[str, list[Sentence]], *, joined: bool) -> None:
        """`joined`: the tagger is one of several corpora, and is told which one a sentence is of."""
        self._corpora = corpora
        self._joined = joined
        self._readings: dict[str, Reading] = {}
        self._latest: dict[str, Tagged] = {}
        self._best: dict[str, Tagged] = {}
        self._best_epoch = 0
        self._best_f1 = -1.0

    def mean_f1(self, tagger: Tagger) -> float:
        """The mean over the corpora of the strict F1 on each one's own sentences, in per cent."""
        if not self._readings:
            self._readings = {
                corpus: reading(tagger.lexicon, sentences, corpus, joined=self._joined)
                for corpus, sentences in self._corpora.items()
            }
        self._latest = {corpus: known.tagged(tagger) for corpus, known in self._readings.items()}
        return statistics.fmean(
            strict_f1([sentence.labels for sentence in self._corpora[corpus]], found.labels)
            for corpus, found in self._latest.items()
        )

    def judged(self, row: Epoch) -> None:
        """The latest `mean_f1` was of this epoch; what it found is kept if no epoch before was as good."""
        if row.devel_f1 is not None and row.devel_f1 > self._best_f1:
            self._best, self._best_epoch, self._best_f1 = self._latest, row.epoch, row.devel_f1

    def found(self, corpus: str, epoch: int) -> Tagged | None:
        """What this epoch found, if it is the best one; None if that was before a resume, or is not known."""
        return self._best.get(corpus) if epoch == self._best_epoch else None


def require_entities(corpora: Mapping[str, list[Sentence]]) -> None:
    """Raise UserError for devel files without an entity: every epoch would have an F1 of 0, and the first be kept."""
    if all(set(sentence.labels) <= {OUTSIDE} for sentences in corpora.values() for sentence in sentences):
        raise UserError(
            f"{', '.join(corpora)}: no entity in any devel file, and so no F1 to choose an epoch by; "
            "name another devel file, or set training.train_on: train+devel"
        )


def reading(lexicon: Lexicon, sentences: list[Sentence], corpus: str, *, joined: bool) -> Reading:
    """Sentences of a corpus for a tagger that is trained on it alone, or on several and told which one it is."""
    return Reading(lexicon, [sentence.tokens for sentence in sentences], corpus if joined else None)
