"""Linear-chain conditional random field (Lafferty, McCallum and Pereira 2001), exact.

A path y of labels through a sentence of T tokens has the score (Collobert 2011, equation 12, with a first and a last
label that count too)

    s(y) = start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_T]

and the probability exp(s(y)) / Z, where Z sums exp(s) over all paths. The functions below are the recursions over
time, one step for the whole batch at once. They take emissions that are finite on padding, and any scores; the module
at the end brings the learned scores, the forbidden transitions and the handling of padding.
"""

import math

import torch
from torch import Tensor, nn

from metalstm.errors import UserError
from metalstm.nn import compiled_crf
from metalstm.nn.batch import real
from metalstm.nn.compiled import Array, Pullback, array
from metalstm.nn.options import Kernels


def path_score(
    emissions: Tensor, labels: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """The score s(y) of one path a sentence: `[batch]` from `labels [batch, time]` (Collobert 2011, equation 12)."""
    inside = real(lengths, labels.shape[1])
    emitted = emissions.gather(2, labels[:, :, None]).squeeze(2)
    moved = transitions[labels[:, :-1], labels[:, 1:]]
    last = labels.gather(1, lengths[:, None] - 1).squeeze(1)
    return start[labels[:, 0]] + (emitted * inside).sum(1) + (moved * inside[:, 1:]).sum(1) + end[last]


def log_partition(emissions: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """log Z `[batch]`, by the forward recursion (Collobert 2011, equations 14 and 15; Rabiner 1989, 19 to 21)."""
    alpha = _forward(emissions, lengths, transitions, start)[-1]
    return (alpha + end).logsumexp(dim=1)  # log Z = log sum_j exp(alpha_T(j) + end_j)


def marginals(emissions: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """P(y_t = j | x) `[batch, time, labels]`, zero on padding, by forward and backward (Rabiner 1989, 27)."""
    alpha = torch.stack(_forward(emissions, lengths, transitions, start), dim=1)
    beta = torch.stack(_backward(emissions, lengths, transitions, end), dim=1)
    posterior = (alpha + beta).softmax(dim=2)  # gamma_t(j) = alpha_t(j) beta_t(j) / sum_i alpha_t(i) beta_t(i)
    return posterior * real(lengths, emissions.shape[1])[:, :, None]


def _forward(emissions: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor) -> list[Tensor]:
    """log alpha_t(j) at each step, each `[batch, labels]`; after a sentence's end its last value stays."""
    first, *others = emissions.unbind(1)  # not an index in the loop: its gradient is as large as all emissions
    alpha = start + first  # alpha_1(j) = start_j e_1(j)
    steps = [alpha]
    for t, emission in enumerate(others, start=1):
        # alpha_t(j) = [sum_i alpha_{t-1}(i) a_ij] e_t(j)
        following = (alpha[:, :, None] + transitions).logsumexp(dim=1) + emission
        alpha = torch.where((t < lengths)[:, None], following, alpha)
        steps.append(alpha)
    return steps


def _backward(emissions: Tensor, lengths: Tensor, transitions: Tensor, end: Tensor) -> list[Tensor]:
    """log beta_t(i) at each step, each `[batch, labels]`; from a sentence's last token on it is `end`."""
    beta = end.expand(len(emissions), -1)  # beta_T(i) = end_i
    steps = [beta]
    for t, emission in reversed(list(enumerate(emissions.unbind(1)))[1:]):
        # beta_{t-1}(i) = sum_j a_ij e_t(j) beta_t(j)
        preceding = (transitions + (emission + beta)[:, None, :]).logsumexp(dim=2)
        beta = torch.where((t < lengths)[:, None], preceding, beta)
        steps.append(beta)
    return steps[::-1]


def viterbi(
    emissions: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """The best path `[batch, time]` and its score `[batch]` (Rabiner 1989, 32 to 35).

    On padding a path repeats its last label.
    """
    stay = torch.arange(emissions.shape[2], device=emissions.device)
    delta = start + emissions[:, 0]  # delta_1(j) = start_j + e_1(j)
    pointers = []
    for t in range(1, emissions.shape[1]):
        inside = (t < lengths)[:, None]
        best = (delta[:, :, None] + transitions).max(dim=1)
        pointers.append(torch.where(inside, best.indices, stay))  # psi_t(j) = argmax_i delta_{t-1}(i) + a_ij
        delta = torch.where(inside, best.values + emissions[:, t], delta)  # delta_t(j) = max_i (...) + e_t(j)
    score, label = (delta + end).max(dim=1)
    path = [label]
    for pointer in reversed(pointers):
        label = pointer.gather(1, label[:, None]).squeeze(1)  # y_{t-1} = psi_t(y_t)
        path.append(label)
    return torch.stack(path[::-1], dim=1), score


def list_viterbi(
    emissions: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor, n: int
) -> tuple[Tensor, Tensor]:
    """The n best paths `[batch, n, time]`, best first, and their scores `[batch, n]`.

    The parallel list Viterbi algorithm (Seshadri and Sundberg 1994): the n best ways into each label are kept at
    each step. A path that does not exist, because a sentence has fewer than n, has the score -inf.
    """
    labels = emissions.shape[2]
    states = torch.arange(labels * n, device=emissions.device).view(labels, n)  # label * n + rank
    delta = emissions.new_full((len(emissions), labels, n), -math.inf)
    delta[:, :, 0] = start + emissions[:, 0]
    pointers = []
    for t in range(1, emissions.shape[1]):
        inside = (t < lengths)[:, None, None]
        ways = delta[:, :, :, None] + transitions[:, None, :]  # [batch, from, rank, to]
        best = ways.flatten(1, 2).topk(n, dim=1)
        pointers.append(torch.where(inside, best.indices.transpose(1, 2), states))
        delta = torch.where(inside, best.values.transpose(1, 2) + emissions[:, t, :, None], delta)
    score, state = (delta + end[:, None]).flatten(1).topk(n, dim=1)
    path = [state // n]
    for pointer in reversed(pointers):
        state = pointer.flatten(1).gather(1, state)
        path.append(state // n)
    return torch.stack(path[::-1], dim=2), score


class LinearChainCRF(nn.Module):
    """Learned transition scores over given emission scores.

    `allowed` says which transitions `[from, to]`, first labels and last labels are possible at all, as bool tensors.
    Paths that break it are left out of decoding, of training, of both or of neither, as the two switches say. In every
    method `emissions [batch, time, labels]` may be of any float type (half precision is computed in float32) and may
    hold anything on padding, NaN too; `lengths [batch]` are at least 1. A wrong shape is a ValueError, and so
    is a wrong length where it is looked at: on the CPU.

    With `kernels: auto` the loss and the best path come from `metalstm.kernels.crf` where that can serve (on the CPU),
    and else, as with `off`, from the functions above.
    """

    allowed_transitions: Tensor
    allowed_start: Tensor
    allowed_end: Tensor

    def __init__(
        self,
        num_labels: int,
        *,
        allowed: tuple[Tensor, Tensor, Tensor] | None = None,
        valid_when_decoding: bool = True,
        valid_when_training: bool = False,
        kernels: Kernels = "auto",
    ) -> None:
        """Start with all scores zero: no label is likelier after another than any."""
        super().__init__()
        self.kernels = kernels
        self.num_labels = num_labels
        self.valid_when_decoding = valid_when_decoding
        self.valid_when_training = valid_when_training
        self.transitions = nn.Parameter(torch.zeros(num_labels, num_labels))
        self.start = nn.Parameter(torch.zeros(num_labels))
        self.end = nn.Parameter(torch.zeros(num_labels))
        everything = tuple(torch.ones_like(scores, dtype=torch.bool) for scores in self.parameters())
        names = ("allowed_transitions", "allowed_start", "allowed_end")
        for name, possible, shape in zip(names, allowed or everything, everything, strict=True):
            if possible.shape != shape.shape:
                raise ValueError(f"{name} has the shape {list(possible.shape)}, not {list(shape.shape)}")
            # The names of the labels decide what is allowed, so it is no part of the weights.
            self.register_buffer(name, possible.to(torch.bool), persistent=False)

    def log_partition(self, emissions: Tensor, lengths: Tensor, *, valid: bool | None = None) -> Tensor:
        """log Z `[batch]`, over allowed paths only if `valid` (None: as in training).

        Where no path is allowed, Z is 0, and its logarithm the finite but huge negative score of forbidden transitions.
        """
        emissions, lengths = self._unpadded(*self._prepared(emissions, lengths))
        return log_partition(emissions, lengths, *self._scores(emissions.dtype, self._in_training(valid)))

    def marginals(self, emissions: Tensor, lengths: Tensor, *, valid: bool | None = None) -> Tensor:
        """P(label | sentence) at each token `[batch, time, labels]`, zero on padding; `valid` as in `log_partition`."""
        emissions, lengths = self._unpadded(*self._prepared(emissions, lengths))
        return marginals(emissions, lengths, *self._scores(emissions.dtype, self._in_training(valid)))

    def neg_log_likelihood(self, emissions: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        """-log P(labels | sentence) `[batch]` for gold `labels [batch, time]` (Collobert 2011, equation 13).

        Raises UserError if only allowed paths count in training and a gold path is not one of them.
        """
        self._check_shapes(emissions, lengths)
        if labels.shape != emissions.shape[:2]:
            raise ValueError(f"labels {list(labels.shape)} do not fit emissions {list(emissions.shape)}")
        if self.kernels == "auto" and emissions.dtype == self.transitions.dtype:
            scores = self._scores(emissions.dtype, self.valid_when_training)
            forbidden = _forbidden(emissions.dtype) / 2
            losses = compiled_crf.neg_log_likelihood(emissions, labels, lengths, *scores, forbidden=forbidden)
            if losses is not None:
                return losses
        emissions, lengths = self._unpadded(*self._prepared(emissions, lengths))
        scores = self._scores(emissions.dtype, self.valid_when_training)
        labels = labels.masked_fill(~real(lengths, labels.shape[1]), 0)
        gold = path_score(emissions, labels, lengths, *scores)
        if self.valid_when_training and bool((gold < _forbidden(gold.dtype) / 2).any()):
            raise UserError(
                "a gold sequence of labels is one that the scheme forbids: repair the labels, "
                "or switch off model.crf.valid_when_training"
            )
        return log_partition(emissions, lengths, *scores) - gold

    def losses(self, emissions: Array, labels: Tensor, lengths: Tensor) -> tuple[Array, Pullback] | None:
        """`neg_log_likelihood` over all paths by the kernel, and the way back to emissions, transitions, start and end.

        None where the kernel has no answer.
        """
        scores = [array(score) for score in (self.transitions, self.start, self.end)]
        forbidden = _forbidden(self.transitions.dtype) / 2
        return compiled_crf.losses(emissions, labels, lengths, scores, forbidden)

    @torch.no_grad()
    def decode(self, emissions: Tensor, lengths: Tensor) -> tuple[list[list[int]], Tensor]:
        """The best path of each sentence, without padding, and the scores `[batch]` of these paths.

        Where no path is allowed at all, the answer is one with as few forbidden transitions as can be.
        """
        emissions, lengths = self._prepared(emissions, lengths)
        scores = self._scores(emissions.dtype, self.valid_when_decoding)
        found = compiled_crf.viterbi(emissions, lengths, *scores) if self.kernels == "auto" else None
        paths, best = found or viterbi(*self._unpadded(emissions, lengths), *scores)
        return [path[:length] for path, length in zip(paths.tolist(), lengths.tolist(), strict=True)], best

    @torch.no_grad()
    def n_best(self, emissions: Tensor, lengths: Tensor, n: int) -> tuple[list[list[list[int]]], list[list[float]]]:
        """The n best paths of each sentence, best first, and their scores: what `decode` gives, one level deeper.

        A sentence with fewer than n allowed paths gets as many as there are; one with none still gets one path.
        """
        if n < 1:
            raise ValueError(f"n is {n}, not at least 1")
        emissions, lengths = self._unpadded(*self._prepared(emissions, lengths))
        paths, scores = list_viterbi(emissions, lengths, *self._scores(emissions.dtype, self.valid_when_decoding), n)
        kept = (scores > _forbidden(scores.dtype) / 2).sum(dim=1).clamp(min=1).tolist()
        return (
            [
                [path[:length] for path in ranked[:count]]
                for ranked, length, count in zip(paths.tolist(), lengths.tolist(), kept, strict=True)
            ],
            [ranked[:count] for ranked, count in zip(scores.tolist(), kept, strict=True)],
        )

    def _in_training(self, valid: bool | None) -> bool:
        return self.valid_when_training if valid is None else valid

    def _prepared(self, emissions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Emissions in the type to compute in, and lengths beside them."""
        self._check_shapes(emissions, lengths)
        time = emissions.shape[1]
        if lengths.device.type == "cpu":  # to look at those on a GPU is to wait for it
            spans = lengths.tolist()
            if min(spans) < 1 or max(spans) > time:
                raise ValueError(f"lengths must lie between 1 and {time}")
        lengths = lengths.to(emissions.device)
        dtype = torch.promote_types(torch.promote_types(emissions.dtype, self.transitions.dtype), torch.float32)
        return emissions.to(dtype), lengths

    def _check_shapes(self, emissions: Tensor, lengths: Tensor) -> None:
        if emissions.dim() != 3 or emissions.shape[2] != self.num_labels or lengths.shape != emissions.shape[:1]:
            raise ValueError(
                f"emissions {list(emissions.shape)} and lengths {list(lengths.shape)} "
                f"are not [batch, time, {self.num_labels}] and [batch]"
            )

    def _unpadded(self, emissions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Emissions with zeros on padding, as the functions above want them."""
        return emissions.masked_fill(~real(lengths, emissions.shape[1])[:, :, None], 0.0), lengths

    def _scores(self, dtype: torch.dtype, valid: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Transition, start and end scores to compute with, the forbidden ones out of reach if `valid`."""
        transitions, start, end = self.transitions.to(dtype), self.start.to(dtype), self.end.to(dtype)
        if not valid:
            return transitions, start, end
        forbidden = _forbidden(dtype)
        return (
            torch.where(self.allowed_transitions, transitions, forbidden),
            torch.where(self.allowed_start, start, forbidden),
            torch.where(self.allowed_end, end, forbidden),
        )


def _forbidden(dtype: torch.dtype) -> float:
    """The score of what is forbidden: minus the square root of the largest number of that type.

    No sum of real scores makes up for it, and as many of them as any sentence is long can be added up without
    reaching -inf, from which a log-sum-exp would make NaN.
    """
    return -math.sqrt(torch.finfo(dtype).max)
