"""The shared Meta-LSTM: tasks that leave one another alone, and a shared part that learns from all."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from metalstm.nn.cells import recurrent
from metalstm.nn.cells.multitask import MetaMultiTask
from metalstm.nn.cells.stack import Stack

LENGTHS = torch.tensor([4, 6, 1, 5])


def build(num_tasks: int = 3) -> Stack:
    torch.manual_seed(2)
    return recurrent("metamtl", 5, 4, num_tasks=num_tasks, meta_size=3, embedding_size=2).double()


def sentences() -> Tensor:
    return torch.randn(4, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def shared_parameters(module: nn.Module) -> Iterator[nn.Parameter]:
    """What all tasks share: every Meta-LSTM and its W_z."""
    return (weight for name, weight in module.named_parameters() if ".tasks." not in f".{name}")


def test_it_says_that_it_takes_the_corpus() -> None:
    assert build().takes_corpus
    assert not recurrent("lstm", 5, 4).takes_corpus
    with pytest.raises(TypeError, match="corpus"):
        build()(sentences(), LENGTHS)


def test_a_product_is_that_of_the_explicit_weights() -> None:
    cell = build().layers[0][0]
    assert isinstance(cell, MetaMultiTask)
    x, h = torch.randn(1, 5, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)
    c = torch.randn(1, 4, dtype=torch.float64)
    h_hat, c_hat = torch.randn(2, 1, 3, dtype=torch.float64)
    (prepared,) = cell.prepare_tasks(x.unsqueeze(0), torch.tensor([1]))
    after, memory, h_hat_after, _ = cell.step(prepared, (h, c, h_hat, c_hat))

    z, own, x_and_h = (cell.W_z @ h_hat_after[0]), cell.tasks[1], torch.cat([x, h], dim=1)[0]
    W = torch.cat([own.P[gate].T @ torch.diag(z) @ own.Q[gate] for gate in range(4)])
    i, f, g, o = (W @ x_and_h + own.B.flatten(0, 1) @ z).chunk(4)
    expected = torch.sigmoid(f) * c[0] + torch.sigmoid(i) * torch.tanh(g)
    torch.testing.assert_close(memory[0], expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(after[0], torch.sigmoid(o) * torch.tanh(expected), rtol=0, atol=1e-12)


def test_tasks_of_other_sentences_get_no_gradient() -> None:
    module = build()
    module(sentences(), LENGTHS, torch.tensor([2, 0, 2, 2])).sum().backward()
    for cell in module.layers[0]:
        for task, own in enumerate(cell.tasks):
            for weight in own.parameters():
                if task == 1:
                    assert weight.grad is None
                else:
                    assert weight.grad.any()
        for weight in shared_parameters(cell):
            assert weight.grad.any()


def test_a_tasks_gradient_comes_from_its_own_sentences_alone() -> None:
    corpus = torch.tensor([1, 0, 1, 0])
    together, alone = build(), build()
    together(sentences(), LENGTHS, corpus).sum().backward()
    own = corpus == 0
    alone(sentences()[own], LENGTHS[own], corpus[own]).sum().backward()
    for a, b in zip(together.layers[0], alone.layers[0], strict=True):
        for mine, theirs in zip(a.tasks[0].parameters(), b.tasks[0].parameters(), strict=True):
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=0, atol=1e-12)


def test_the_shared_gradient_is_the_sum_over_all_tasks() -> None:
    corpus = torch.tensor([1, 2, 0, 0])  # a sentence of one token says nothing of the weights for h
    together = build()
    together(sentences(), LENGTHS, corpus).sum().backward()
    parts = []
    for task in range(3):
        alone = build()
        own = corpus == task
        alone(sentences()[own], LENGTHS[own], corpus[own]).sum().backward()
        parts.append([weight.grad for weight in shared_parameters(alone)])
    for weight, *slopes in zip(shared_parameters(together), *parts, strict=True):
        assert all(slope.any() for slope in slopes)
        torch.testing.assert_close(weight.grad, torch.stack(slopes).sum(0), rtol=0, atol=1e-12)


def test_the_corpus_changes_the_output() -> None:
    module = build()
    a, b = (module(sentences(), LENGTHS, torch.full((4,), corpus)) for corpus in (0, 1))
    assert not torch.allclose(a, b)


def test_transfer_learns_a_new_task_alone() -> None:
    old, new = build(num_tasks=2), build(num_tasks=3)
    missing = new.load_state_dict(old.state_dict(), strict=False).missing_keys
    assert missing
    assert all(".tasks.2." in key for key in missing)
    for weight in shared_parameters(new):
        weight.requires_grad_(False)
    new(sentences(), LENGTHS, torch.full((4,), 2)).sum().backward()
    learning = {key for key, weight in new.named_parameters() if weight.grad is not None}
    assert learning == set(missing)
    corpus = torch.tensor([0, 1, 1, 0])
    assert torch.equal(new(sentences(), LENGTHS, corpus), old(sentences(), LENGTHS, corpus))
