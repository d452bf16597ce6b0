"""The CRF against a sum over all paths, against autograd and against pytorch-crf."""

from itertools import pairwise, product

import pytest
import torch
import torchcrf
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metalstm.errors import UserError
from metalstm.nn.batch import real
from metalstm.nn.crf import LinearChainCRF, list_viterbi, viterbi
from metalstm.nn.iobes import allowed_transitions

IOBES = ["O", "B-x", "I-x", "E-x", "S-x", "B-y", "I-y", "E-y", "S-y"]


def randomised(crf: LinearChainCRF, seed: int = 0) -> LinearChainCRF:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return crf


def normal(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def scores_of_all_paths(crf: LinearChainCRF, emissions: Tensor) -> dict[tuple[int, ...], float]:
    """Every allowed path through one sentence's `emissions [time, labels]` and its score, by the definition."""
    scores = {}
    for path in product(range(crf.num_labels), repeat=len(emissions)):
        steps = list(pairwise(path))
        possible = [crf.allowed_start[path[0]], crf.allowed_end[path[-1]]]
        possible += [crf.allowed_transitions[step] for step in steps]
        if all(possible):
            score = crf.start[path[0]] + crf.end[path[-1]] + sum(crf.transitions[step] for step in steps)
            scores[path] = (score + sum(emissions[t, label] for t, label in enumerate(path))).item()
    return scores


@st.composite
def lattices(draw: st.DrawFn) -> tuple[LinearChainCRF, Tensor, Tensor]:
    """A CRF with random scores and random forbidden transitions, which leave a path of label 0, and a ragged batch."""
    labels = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    time = max(lengths) + draw(st.integers(0, 2))
    seed = draw(st.integers(0, 10**6))
    generator = torch.Generator().manual_seed(seed)
    share = draw(st.sampled_from([0.0, 0.3, 0.7]))
    allowed = tuple(
        torch.rand(*shape, generator=generator) >= share for shape in ((labels, labels), (labels,), (labels,))
    )
    for part in allowed:
        part[(0,) * part.dim()] = True
    crf = LinearChainCRF(labels, allowed=allowed, valid_when_training=True).double()
    emissions = torch.randn(len(lengths), time, labels, generator=generator, dtype=torch.float64) * draw(
        st.sampled_from([0.1, 1.0, 30.0])
    )
    return randomised(crf, seed), emissions, torch.tensor(lengths)


@settings(deadline=None, max_examples=40)
@given(lattices())
def test_equal_to_brute_force(lattice: tuple[LinearChainCRF, Tensor, Tensor]) -> None:
    crf, emissions, lengths = lattice
    partition = crf.log_partition(emissions, lengths)
    marginals = crf.marginals(emissions, lengths)
    best_paths, best_scores = crf.decode(emissions, lengths)
    n_paths, n_scores = crf.n_best(emissions, lengths, 7)
    for row, length in enumerate(lengths.tolist()):
        scores = scores_of_all_paths(crf, emissions[row, :length])
        total = torch.tensor(list(scores.values()), dtype=torch.float64).logsumexp(0)
        assert torch.isclose(partition[row], total, rtol=1e-12, atol=1e-12)

        expected = torch.zeros_like(marginals[row])
        for path, score in scores.items():
            expected[torch.arange(length), list(path)] += torch.exp(score - total)
        assert torch.allclose(marginals[row], expected, atol=1e-12)

        ranked = sorted(scores, key=lambda path: -scores[path])[:7]
        assert best_paths[row] == list(ranked[0])
        assert float(best_scores[row]) == pytest.approx(scores[ranked[0]], abs=1e-10)
        assert n_paths[row] == [list(path) for path in ranked]
        assert n_scores[row] == pytest.approx([scores[path] for path in ranked], abs=1e-10)


@settings(deadline=None, max_examples=20)
@given(lattices(), st.data())
def test_likelihood_of_a_path_is_its_share_of_all(
    lattice: tuple[LinearChainCRF, Tensor, Tensor], data: st.DataObject
) -> None:
    crf, emissions, lengths = lattice
    labels = torch.full(emissions.shape[:2], -100)
    expected = []
    for row, length in enumerate(lengths.tolist()):
        scores = scores_of_all_paths(crf, emissions[row, :length])
        path = data.draw(st.sampled_from(sorted(scores)))
        labels[row, :length] = torch.tensor(path)
        total = torch.tensor(list(scores.values()), dtype=torch.float64).logsumexp(0)
        expected.append(float(total) - scores[path])
    loss = crf.neg_log_likelihood(emissions, labels, lengths)
    assert loss.tolist() == pytest.approx(expected, abs=1e-10)


def test_gradients_are_those_of_the_function() -> None:
    lengths, labels = torch.tensor([4, 1, 3]), torch.tensor([[0, 2, 1, 1], [2, 0, 0, 0], [1, 1, 0, 0]])
    allowed = (torch.tensor([[True, True, True], [True, True, False], [True, True, False]]),) + (
        torch.ones(3).bool(),
    ) * 2
    for forbidding in (False, True):
        crf = randomised(LinearChainCRF(3, allowed=allowed, valid_when_training=forbidding)).double()

        def loss(emissions: Tensor, *parameters: Tensor, crf: LinearChainCRF = crf) -> Tensor:
            values = dict(zip(("transitions", "start", "end"), parameters, strict=True))
            call = (emissions, labels, lengths)
            return torch.func.functional_call(
                _Loss(crf), {f"crf.{name}": value for name, value in values.items()}, call
            )

        inputs = [normal(3, 4, 3).requires_grad_(), *(p.detach().clone().requires_grad_() for p in crf.parameters())]
        assert torch.autograd.gradcheck(loss, inputs)


class _Loss(torch.nn.Module):
    def __init__(self, crf: LinearChainCRF) -> None:
        super().__init__()
        self.crf = crf

    def forward(self, emissions: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        return self.crf.neg_log_likelihood(emissions, labels, lengths)


def test_marginals_are_the_gradient_of_the_log_partition() -> None:
    crf = randomised(LinearChainCRF(5)).double()
    emissions, lengths = normal(4, 9, 5).requires_grad_(), torch.tensor([9, 1, 5, 8])
    crf.log_partition(emissions, lengths).sum().backward()
    assert emissions.grad is not None
    assert torch.allclose(crf.marginals(emissions, lengths), emissions.grad, atol=1e-12)


def test_equal_to_pytorch_crf() -> None:
    crf = randomised(LinearChainCRF(9)).double()
    theirs = torchcrf.CRF(9, batch_first=True).double()
    with torch.no_grad():
        theirs.transitions.copy_(crf.transitions)
        theirs.start_transitions.copy_(crf.start)
        theirs.end_transitions.copy_(crf.end)
    lengths = torch.tensor([20, 1, 13, 2])
    mask = real(lengths, 20)
    labels = torch.randint(9, (4, 20), generator=torch.Generator().manual_seed(3))
    ours_in, theirs_in = normal(4, 20, 9).requires_grad_(), normal(4, 20, 9).requires_grad_()

    loss = crf.neg_log_likelihood(ours_in, labels, lengths)
    their_loss = -theirs(theirs_in, labels, mask=mask, reduction="none")
    assert torch.allclose(loss, their_loss, atol=1e-12)
    loss.sum().backward()
    their_loss.sum().backward()
    for ours, expected in (
        (ours_in, theirs_in),
        (crf.transitions, theirs.transitions),
        (crf.start, theirs.start_transitions),
        (crf.end, theirs.end_transitions),
    ):
        assert ours.grad is not None
        assert torch.allclose(ours.grad, expected.grad, atol=1e-12)
    assert crf.decode(ours_in, lengths)[0] == theirs.decode(theirs_in, mask=mask)


@pytest.mark.parametrize("garbage", [1e30, float("nan"), float("inf")])
def test_padding_is_never_read(garbage: float) -> None:
    crf = randomised(LinearChainCRF(9, allowed=allowed_transitions(IOBES))).double()
    lengths, labels = torch.tensor([6, 1, 3]), torch.zeros(3, 6, dtype=torch.int64)
    clean = normal(3, 6, 9)
    dirty = clean.masked_fill(~real(lengths, 6)[:, :, None], garbage)

    def everything(emissions: Tensor, labels: Tensor) -> list[object]:
        emissions = emissions.clone().requires_grad_()
        crf.zero_grad()
        loss = crf.neg_log_likelihood(emissions, labels, lengths)
        loss.sum().backward()
        values = [loss, emissions.grad, *(parameter.grad for parameter in crf.parameters())]
        values += [crf.log_partition(emissions, lengths), crf.marginals(emissions, lengths)]
        paths, scores = crf.decode(emissions, lengths)
        return [value.tolist() for value in values if value is not None] + [
            paths,
            scores.tolist(),
            crf.n_best(emissions, lengths, 3),
        ]

    assert everything(clean, labels) == everything(dirty, labels.masked_fill(~real(lengths, 6), -100))


def test_only_valid_paths_are_decoded() -> None:
    crf = randomised(LinearChainCRF(9, allowed=allowed_transitions(IOBES)))
    emissions, lengths = 5 * normal(20, 12, 9, dtype=torch.float32), torch.arange(20) % 12 + 1
    paths, _ = crf.decode(emissions, lengths)
    n_paths, _ = crf.n_best(emissions, lengths, 4)
    for path in paths + [path for ranked in n_paths for path in ranked]:
        assert bool(crf.allowed_start[path[0]] & crf.allowed_end[path[-1]])
        assert all(crf.allowed_transitions[step] for step in pairwise(path))
    crf.valid_when_decoding = False
    assert crf.decode(emissions, lengths)[0] != paths


def test_forbidden_in_training_is_a_choice_apart() -> None:
    allowed = allowed_transitions(IOBES)
    emissions, lengths = normal(1, 4, 9), torch.tensor([4])
    free = LinearChainCRF(9, allowed=allowed)
    bound = LinearChainCRF(9, allowed=allowed, valid_when_training=True)
    assert (free.log_partition(emissions, lengths) > bound.log_partition(emissions, lengths)).all()
    assert free.log_partition(emissions, lengths, valid=True) == bound.log_partition(emissions, lengths)
    assert bound.marginals(emissions, lengths)[0, 0, IOBES.index("E-x")] == 0
    assert free.marginals(emissions, lengths)[0, 0, IOBES.index("E-x")] > 0

    broken = torch.tensor([[0, IOBES.index("B-x"), IOBES.index("E-y"), 0]])
    assert torch.isfinite(free.neg_log_likelihood(emissions, broken, lengths)).all()
    with pytest.raises(UserError, match="valid_when_training"):
        bound.neg_log_likelihood(emissions, broken, lengths)


FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", FLOATS)
def test_forbidden_transitions_leave_every_float_type_finite(dtype: torch.dtype) -> None:
    crf = LinearChainCRF(9, allowed=allowed_transitions(IOBES), valid_when_training=True).to(dtype)
    emissions, lengths = normal(3, 500, 9, dtype=dtype).requires_grad_(), torch.tensor([500, 1, 60])
    loss = crf.neg_log_likelihood(emissions, torch.zeros(3, 500).long(), lengths)
    loss.sum().backward()
    for tensor in (loss, emissions.grad, *(parameter.grad for parameter in crf.parameters())):
        assert tensor is not None
        assert torch.isfinite(tensor).all()
    assert not crf.transitions.grad[~crf.allowed_transitions].any()
    assert torch.allclose(crf.marginals(emissions, lengths).sum(2), real(lengths, 500).to(loss.dtype), atol=1e-5)


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_answer_stays_finite_where_no_path_is_allowed(dtype: torch.dtype) -> None:
    nothing = (torch.zeros(2, 2).bool(), torch.zeros(2).bool(), torch.zeros(2).bool())
    crf = LinearChainCRF(2, allowed=nothing, valid_when_training=True).to(dtype)
    emissions, lengths = normal(2, 300, 2, dtype=dtype), torch.tensor([300, 1])
    paths, scores = crf.decode(emissions, lengths)
    assert [len(path) for path in paths] == [300, 1]
    assert [[len(path) for path in ranked] for ranked in crf.n_best(emissions, lengths, 3)[0]] == [[300], [1]]
    for tensor in (scores, crf.log_partition(emissions, lengths), crf.marginals(emissions, lengths)):
        assert torch.isfinite(tensor).all()


def test_half_precision_is_computed_in_single() -> None:
    crf = randomised(LinearChainCRF(9)).bfloat16()
    emissions, lengths = normal(2, 40, 9, dtype=torch.bfloat16), torch.tensor([40, 7])
    assert torch.equal(crf.log_partition(emissions, lengths), crf.float().log_partition(emissions.float(), lengths))


def test_large_scores_neither_overflow_nor_beat_what_is_forbidden() -> None:
    crf = LinearChainCRF(2, allowed=(torch.tensor([[True, True], [False, True]]), *torch.ones(2, 2).bool()))
    emissions = torch.tensor([[[0.0, 1e6], [1e6, 0.0]]])
    assert crf.decode(emissions, torch.tensor([2]))[0] in ([[0, 0]], [[1, 1]])
    assert torch.isfinite(crf.log_partition(emissions, torch.tensor([2]))).all()


def test_one_label_has_one_path() -> None:
    crf = randomised(LinearChainCRF(1)).double()
    emissions, lengths = normal(2, 3, 1), torch.tensor([3, 1])
    assert crf.neg_log_likelihood(emissions, torch.zeros(2, 3).long(), lengths).abs().max() < 1e-12
    assert crf.n_best(emissions, lengths, 5)[0] == [[[0, 0, 0]], [[0]]]


def test_one_best_of_many_is_viterbi() -> None:
    crf = randomised(LinearChainCRF(4)).double()
    scores = (crf.transitions.detach(), crf.start.detach(), crf.end.detach())
    emissions, lengths = normal(5, 8, 4), torch.tensor([8, 3, 1, 7, 8])
    path, score = viterbi(emissions, lengths, *scores)
    paths, many = list_viterbi(emissions, lengths, *scores, 1)
    assert torch.equal(paths[:, 0], path)
    assert torch.equal(many[:, 0], score)


def test_wrong_shapes_are_refused() -> None:
    crf = LinearChainCRF(3)
    emissions = normal(2, 4, 3)
    for bad in (torch.tensor([4, 0]), torch.tensor([5, 1])):
        with pytest.raises(ValueError, match="between 1 and 4"):
            crf.decode(emissions, bad)
    with pytest.raises(ValueError, match="are not"):
        crf.log_partition(emissions[:, :, :2], torch.tensor([4, 1]))
    with pytest.raises(ValueError, match="do not fit"):
        crf.neg_log_likelihood(emissions, torch.zeros(2, 3).long(), torch.tensor([3, 1]))
    with pytest.raises(ValueError, match="at least 1"):
        crf.n_best(emissions, torch.tensor([4, 1]), 0)
    with pytest.raises(ValueError, match="allowed_start"):
        LinearChainCRF(2, allowed=(torch.ones(2, 2).bool(), torch.ones(3).bool(), torch.ones(2).bool()))


def test_iobes_allows_exactly_the_sequences_of_whole_entities() -> None:
    labels = [*IOBES, "S-BC5CDR-chem"]
    transition, start, end = allowed_transitions(labels)

    def valid(path: tuple[str, ...]) -> bool:
        """Read entity by entity: what is left open, or goes on without a beginning, is not IOBES."""
        inside = None
        for label in path:
            position, _, entity_type = label.partition("-")
            if (inside is None) != (position in "OBS") or inside not in (None, entity_type):
                return False
            inside = entity_type if position in "BI" else None
        return inside is None

    for path in product(range(len(labels)), repeat=3):
        allowed = start[path[0]] & transition[path[0], path[1]] & transition[path[1], path[2]] & end[path[2]]
        assert bool(allowed) == valid(tuple(labels[label] for label in path))


@pytest.mark.parametrize("label", ["X-gene", "B", "S-", "o", "", "O-gene"])
def test_labels_of_another_scheme_are_refused(label: str) -> None:
    with pytest.raises(UserError, match="not IOBES"):
        allowed_transitions(["O", label])
