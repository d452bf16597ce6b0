"""Batch norm over time: whose statistics are used, and that padding and batch mates stay out of them."""

import pytest
import torch
from torch import Tensor

from metalstm.nn.cells import recurrent
from metalstm.nn.cells.normalised import BatchNorm, BatchNormLSTM
from metalstm.nn.cells.options import BatchNormOptions
from metalstm.nn.cells.stack import Stack

TOLERANCE = 1e-10
INPUT, HIDDEN = 3, 4


def build(**options: object) -> Stack:
    torch.manual_seed(1)
    module = recurrent("bnlstm", INPUT, HIDDEN, bidirectional=False, **options).double()
    for parameter in module.parameters():
        parameter.data.normal_(std=0.5)
    return module


def only_cell(module: Stack) -> BatchNormLSTM:
    cell = module.layers[0][0]
    assert isinstance(cell, BatchNormLSTM)
    return cell


def ragged(seed: int, lengths: list[int]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(len(lengths), max(lengths), INPUT, generator=generator, dtype=torch.float64)
    return inputs.requires_grad_(), torch.tensor(lengths)


def in_training(cell: BatchNormLSTM, sentences: list[Tensor]) -> list[Tensor]:
    """The equations, step by step, over a list of the sentences that still run; each step needs two of them."""

    def norm(rows: list[Tensor], of: BatchNorm) -> list[Tensor]:
        mean = sum(rows) / len(rows)
        variance = sum((row - mean) ** 2 for row in rows) / len(rows)
        return [of.gamma * (row - mean) / (variance + 1e-5) ** 0.5 for row in rows]

    h = [torch.zeros(HIDDEN, dtype=torch.float64) for _ in sentences]
    c = list(h)
    outputs: list[list[Tensor]] = [[] for _ in sentences]
    for t in range(max(map(len, sentences))):
        runs = [k for k, sentence in enumerate(sentences) if len(sentence) > t]
        from_x = norm([cell.W_x @ sentences[k][t] for k in runs], cell.norm_x)
        from_h = norm([cell.W_h @ h[k] for k in runs], cell.norm_h)
        exits = {}
        for k, a, b in zip(runs, from_x, from_h, strict=True):
            i, f, g, o = (a + b + cell.b).chunk(4)
            c[k] = torch.sigmoid(f) * c[k] + torch.sigmoid(i) * torch.tanh(g)
            exits[k] = torch.sigmoid(o)
        for k, seen in zip(runs, norm([c[k] for k in runs], cell.norm_c), strict=True):
            h[k] = exits[k] * torch.tanh(seen + cell.beta_c)
            outputs[k].append(h[k])
    return [torch.stack(rows) for rows in outputs]


def training_differences(seed: int, lengths: list[int]) -> tuple[float, float]:
    module = build()
    inputs, counts = ragged(seed, lengths)
    fast = module(inputs, counts)
    slow = torch.zeros_like(fast)
    rows = in_training(only_cell(module), [inputs[k, :length] for k, length in enumerate(lengths)])
    for k, row in enumerate(rows):
        slow[k, : len(row)] = row
    weights = torch.randn(fast.shape, dtype=torch.float64)
    wanted = [inputs, *module.parameters()]
    slopes = [torch.autograd.grad((outputs * weights).sum(), wanted) for outputs in (fast, slow)]
    gap = max((a - b).abs().max().item() for a, b in zip(*slopes, strict=True))
    return (fast - slow).abs().max().item(), gap


@pytest.mark.parametrize(("seed", "lengths"), [(1, [5, 5, 5]), (2, [3, 7, 1, 7, 4, 2]), (3, [2, 2])])
def test_training_agrees_with_the_equations(seed: int, lengths: list[int]) -> None:
    outputs, slopes = training_differences(seed, lengths)
    assert outputs < TOLERANCE
    assert slopes < TOLERANCE


def test_gradients_agree_with_finite_differences_in_training() -> None:
    module = build()
    names = [key for key, _ in module.named_parameters()]
    inputs, lengths = ragged(4, [4, 4, 2, 4])

    def outputs(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (x, lengths))

    assert torch.autograd.gradcheck(outputs, (inputs, *module.parameters()), fast_mode=True)


def test_every_scale_starts_at_a_tenth() -> None:
    cell = only_cell(recurrent("bnlstm", INPUT, HIDDEN, bidirectional=False))
    for norm in (cell.norm_x, cell.norm_h, cell.norm_c):
        assert (norm.gamma == 0.1).all()


def test_population_statistics_are_those_of_all_tokens_of_a_step() -> None:
    module = build(decay=1.0, max_steps=4)
    cell = only_cell(module)
    batches = [ragged(5, [6, 2, 4]), ragged(6, [1, 5]), ragged(7, [3])]
    tokens: list[list[Tensor]] = [[] for _ in range(4)]
    with torch.no_grad():
        for inputs, lengths in batches:
            module(inputs, lengths)
            for sentence, length in zip(inputs, lengths.tolist(), strict=True):
                for t in range(length):
                    tokens[min(t, 3)].append(cell.W_x @ sentence[t])  # later steps share the last row
    for t, seen in enumerate(tokens):
        assert cell.norm_x.count[t] == len(seen)
        together = torch.stack(seen)
        torch.testing.assert_close(cell.norm_x.mean[t], together.mean(0))
        torch.testing.assert_close(cell.norm_x.squares[t] / len(seen), together.var(0, unbiased=False))


def test_old_batches_weigh_less() -> None:
    norm = BatchNormOptions(decay=0.5, max_steps=1)
    cell = BatchNormLSTM(INPUT, HIDDEN, norm).double()
    for value in (0.0, 1.0):
        cell(torch.full((1, 4, INPUT), value, dtype=torch.float64), torch.ones(4, dtype=torch.int64))
    expected = cell.W_x.sum(1) * 4 / (0.5 * 4 + 4)
    torch.testing.assert_close(cell.norm_x.mean[0], expected)


def trained(**options: object) -> Stack:
    module = build(**options)
    for seed in range(3):
        module(*ragged(seed, [6, 4, 6, 3]))
    return module.eval()


def test_at_test_time_neither_batch_mates_nor_padding_matter() -> None:
    module = trained()
    inputs, lengths = ragged(9, [6, 1, 3])
    together = module(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = module(inputs[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(together[row, :length], alone[0], rtol=0, atol=TOLERANCE)


def test_at_test_time_nothing_is_learned() -> None:
    module = trained()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    module(*ragged(9, [6, 1, 3]))
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key])


def test_padding_never_enters_the_statistics() -> None:
    states = []
    for filling in (0.0, float("nan")):
        module = build()
        inputs = ragged(9, [5, 2, 3, 5])[0].detach().clone()
        lengths = torch.tensor([5, 2, 3, 5])
        for row, length in enumerate(lengths):
            inputs[row, length:] = filling
        outputs = module(inputs, lengths)
        states.append([outputs, *module.state_dict().values()])
    for clean, dirty in zip(*states, strict=True):
        assert torch.equal(clean, dirty)
        assert clean.isfinite().all()


def test_steps_that_training_never_reached_use_the_last_that_it_did() -> None:
    module = trained(max_steps=50)
    cell = only_cell(module)
    assert cell.norm_x.known() == 6
    filled = trained(max_steps=50)
    for norm in (only_cell(filled).norm_x, only_cell(filled).norm_h, only_cell(filled).norm_c):
        for statistic in (norm.count, norm.mean, norm.squares):
            statistic[6:] = statistic[5]
    inputs, lengths = ragged(10, [12, 8])
    torch.testing.assert_close(module(inputs, lengths), filled(inputs, lengths), rtol=0, atol=TOLERANCE)


def test_a_batch_of_one_sentence_trains() -> None:
    module = build()
    inputs, lengths = ragged(11, [4])
    outputs = module(inputs, lengths)
    outputs.sum().backward()
    assert outputs.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in module.parameters())
    assert only_cell(module).norm_x.known() == 0  # one sentence has no variance


def test_statistics_are_stored_with_the_weights() -> None:
    module, copy = trained(), build().eval()
    copy.load_state_dict(module.state_dict())
    inputs, lengths = ragged(12, [5, 3])
    assert torch.equal(module(inputs, lengths), copy(inputs, lengths))
