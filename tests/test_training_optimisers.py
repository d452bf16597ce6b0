import copy
import math
import subprocess
import sys
from typing import get_args

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from metalstm.training.optimisers import Optimiser, for_parameters, optimiser, rate
from metalstm.training.options import OptimiserOptions, ScheduleOptions
from metalstm.training.sparse_gradients import RowSGD

NAMES = get_args(OptimiserOptions.model_fields["name"].annotation)


class Bag(nn.Module):
    """A table of words and one layer: the parameters of a tagger, in small."""

    def __init__(self, *, sparse: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(7, 3, sparse=sparse)
        self.layer = nn.Linear(3, 2)

    def row_parameters(self) -> list[nn.Parameter]:
        return list(self.words.parameters())

    def dense_parameters(self) -> list[nn.Parameter]:
        return list(self.layer.parameters())

    def loss(self, words: list[int], scale: float = 1.0) -> torch.Tensor:
        return scale * self.layer(self.words(torch.tensor(words))).pow(2).sum()


def learn(bag: Bag, steps: Optimiser, batches: list[list[int]], limit: float = 0.0) -> None:
    for words in batches:
        steps.zero_grad()
        bag.loss(words).backward()
        steps.clip(limit)
        steps.step()


ALL = list(range(7))


@pytest.mark.parametrize("limit", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_torchs_when_every_batch_reads_every_row(momentum, limit):
    rows, dense = Bag(), Bag(sparse=False)
    ours = optimiser(OptimiserOptions(name="sgd", learning_rate=0.01, momentum=momentum), rows)
    learn(rows, ours, [ALL, [*ALL, 2, 2], ALL], limit)
    torchs = torch.optim.SGD(dense.parameters(), lr=0.01, momentum=momentum)
    for words in [ALL, [*ALL, 2, 2], ALL]:
        torchs.zero_grad()
        dense.loss(words).backward()
        if limit:
            nn.utils.clip_grad_norm_(dense.parameters(), limit)
        torchs.step()
    for ours_now, torchs_now in zip(rows.parameters(), dense.parameters(), strict=True):
        torch.testing.assert_close(ours_now, torchs_now)


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam"])
def test_dense_parameters_are_torchs_and_rows_take_adam(name):
    bag, twin = Bag(), Bag(sparse=False)
    learn(bag, optimiser(OptimiserOptions(name=name, learning_rate=0.01, weight_decay=0.1), bag), [ALL])
    twin.loss(ALL).backward()
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "nadam": torch.optim.NAdam}[name]
    kind(twin.layer.parameters(), lr=0.01, weight_decay=0.1).step()
    torch.optim.Adam(twin.words.parameters(), lr=0.01).step()
    for ours_now, torchs_now in zip(bag.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours_now, torchs_now)


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_no_batch_reads_never_move(name):
    bag = Bag()
    before = bag.words.weight.detach().clone()
    learn(
        bag,
        optimiser(OptimiserOptions(name=name, learning_rate=0.15, weight_decay=0.1), bag),
        [[1, 2], [2, 2, 5]],
        limit=1.0,
    )
    moved = (bag.words.weight != before).any(dim=1)
    assert moved.nonzero().flatten().tolist() == [1, 2, 5]


def test_momentum_of_a_row_waits_until_the_row_is_read():
    table = nn.Embedding(2, 1, sparse=True)
    nn.init.zeros_(table.weight)
    steps = RowSGD(table.parameters(), lr=1.0, momentum=0.5)
    for row in (0, 1, 0):
        steps.zero_grad()
        table(torch.tensor([row])).sum().backward()
        steps.step()
    # Row 0 takes 1, then 0.5 * 1 + 1.
    assert table.weight.flatten().tolist() == [-2.5, -1.0]


@pytest.mark.parametrize("limit", [0.0, 0.5, 1e9])
def test_clipping_is_over_rows_and_dense_parameters_together(limit):
    bag, twin = Bag(), Bag(sparse=False)
    words = [1, 1, 1, 4]
    bag.loss(words).backward()
    twin.loss(words).backward()
    norm = optimiser(OptimiserOptions(), bag).clip(limit)
    expected = torch.cat([parameter.grad.flatten() for parameter in twin.parameters()])
    assert norm == pytest.approx(expected.norm().item())
    scale = min(1.0, limit / norm) if limit else 1.0
    clipped = torch.cat([parameter.grad.to_dense().flatten() for parameter in bag.parameters()])
    torch.testing.assert_close(clipped, expected * scale)


@pytest.mark.parametrize("scale", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_is_reported(scale):
    bag = Bag()
    bag.loss([1, 2], scale).backward()
    assert not math.isfinite(optimiser(OptimiserOptions(), bag).clip(5.0))


@pytest.mark.parametrize(("name", "momentum"), [*((name, 0.0) for name in NAMES), ("sgd", 0.9)])
def test_going_on_from_a_state_is_exact(name, momentum):
    options = OptimiserOptions(name=name, learning_rate=0.05, momentum=momentum)
    whole, half = Bag(), Bag()
    first, second = [[1, 2], [2, 3]], [[2, 2, 4], [0, 6]]
    learn(whole, optimiser(options, whole), [*first, *second], limit=1.0)

    before = optimiser(options, half)
    learn(half, before, first, limit=1.0)
    resumed = Bag()
    resumed.load_state_dict(copy.deepcopy(half.state_dict()))
    after = optimiser(options, resumed)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    learn(resumed, after, second, limit=1.0)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_model_without_rows_has_one_part():
    bag = Bag()
    bag.row_parameters = list
    steps = optimiser(OptimiserOptions(), bag)
    assert len(steps.parts) == 1
    learn(bag, steps, [[1]])


def test_the_rate_is_set_for_all_parts():
    steps = optimiser(OptimiserOptions(name="adamw", learning_rate=0.2), Bag())
    steps.set_rate(0.25)
    assert [group["lr"] for part in steps.parts for group in part.param_groups] == [0.05, 0.05]
    steps.set_rate(0.5)
    assert steps.learning_rate == 0.1


def test_every_name_that_can_be_chosen_is_built():
    for name in NAMES:
        assert optimiser(OptimiserOptions(name=name, learning_rate=0.15), Bag()).learning_rate == 0.15


def test_to_learn_imports_nothing_of_torch_compile():
    code = (
        "import sys, torch; from metalstm.training.optimisers import for_parameters;"
        "from metalstm.training.options import OptimiserOptions;"
        "weight = torch.nn.Parameter(torch.ones(2));"
        f"made = [for_parameters(OptimiserOptions(name=name, learning_rate=0.15), [weight]) for name in {NAMES}];"
        "weight.sum().backward(); [steps.step() for steps in made];"
        "[steps.load_state_dict(steps.state_dict()) for steps in made];"
        "print('torch._dynamo' in sys.modules, weight.tolist() != [1, 1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_momentum_for_an_optimiser_with_its_own_is_refused():
    with pytest.raises(ValidationError, match="adam has moments of its own"):
        OptimiserOptions(name="adam", learning_rate=0.01, momentum=0.9)


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam"])
def test_an_adaptive_optimiser_without_a_rate_does_not_get_that_of_sgd(name):
    with pytest.raises(ValidationError, match=f"{name} needs a `learning_rate`"):
        OptimiserOptions(name=name)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (ScheduleOptions(name="constant"), [1, 1, 1, 1, 1]),
        (ScheduleOptions(name="inverse", decay=0.5), [1, 1 / 1.5, 1 / 2, 1 / 2.5, 1 / 3]),
        (ScheduleOptions(name="linear", floor=0.2), [1, 0.8, 0.6, 0.4, 0.2]),
        (ScheduleOptions(name="cosine"), [1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4, 0]),
        (ScheduleOptions(name="cosine", floor=0.1), [1, 0.1 + 0.9 * (2 + 2**0.5) / 4, 0.55, 0.231802, 0.1]),
    ],
)
def test_schedules(schedule, expected):
    assert [rate(schedule, epoch, 5) for epoch in range(5)] == pytest.approx(expected, abs=1e-6)
    assert rate(schedule, 0, 1) == 1.0


def test_the_rate_rises_before_the_schedule_is_followed_in_full():
    schedule = ScheduleOptions(name="constant", warmup_epochs=3)
    assert [rate(schedule, epoch, 6) for epoch in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    falling = ScheduleOptions(name="linear", warmup_epochs=1)
    assert [rate(falling, epoch, 5) for epoch in range(5)] == pytest.approx([0.5, 0.75, 0.5, 0.25, 0.0])


@pytest.mark.parametrize(
    "options",
    [OptimiserOptions(momentum=momentum) for momentum in (0.0, 0.9)]
    + [OptimiserOptions(name=name, learning_rate=0.15) for name in ("adam", "adamw", "nadam")],
)
def test_a_parameter_may_get_its_first_gradient_later_than_others(options):
    """As the output layer of a corpus does, when the first batch is of another one."""
    early, late = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    steps = for_parameters(options, [early, late])
    for loss in (lambda: early.sum(), lambda: early.sum() + late.sum(), lambda: late.sum()):
        steps.zero_grad()
        loss().backward()
        steps.step()
    alone = torch.nn.Parameter(torch.ones(2))
    steps = for_parameters(options, [alone])
    for _ in range(2):
        alone.grad = torch.ones(2)
        steps.step()
    assert torch.equal(late, alone)
