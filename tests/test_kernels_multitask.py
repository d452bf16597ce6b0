import torch

from kernel_parity import assert_gradient_of_gradient, assert_parity, numbers
from metalstm.nn.cells import recurrent

TASKS = 3
OPTIONS = {"num_tasks": TASKS, "meta_size": 9, "embedding_size": 5}


def corpora(lengths):
    """Tasks in no order, and in large batches the last of them missing."""
    return torch.arange(len(lengths)) * 7 % 5 % (TASKS if len(lengths) < 100 else TASKS - 1)


def loop(cell, inputs, lengths, mask):
    return cell.eager(inputs, lengths, mask, corpus=corpora(lengths))


def kernel(cell, inputs, lengths, mask):
    return cell.compiled(inputs, lengths, mask, corpora(lengths))


@numbers
def test_the_kernel_says_what_the_loop_says(dtype):
    assert_parity("metamtl", dtype, ways=(loop, kernel), **OPTIONS)


def test_one_task():
    assert_parity("metamtl", ways=(loop, kernel), num_tasks=5, meta_size=16, embedding_size=8)


def test_gradients_of_gradients():
    assert_gradient_of_gradient("metamtl", ways=(loop, kernel), **OPTIONS)


def test_layers_with_recurrent_dropout():
    layers = []
    for kernels in ("auto", "off"):
        torch.manual_seed(2)
        layers.append(recurrent("metamtl", 6, 8, num_layers=2, dropout_recurrent=0.3, kernels=kernels, **OPTIONS))
    inputs, lengths, corpus = torch.randn(5, 9, 6), torch.tensor([4, 9, 1, 9, 6]), torch.tensor([2, 0, 0, 2, 2])
    results = []
    for layer in layers:
        torch.manual_seed(3)
        outputs = layer.double()(inputs.double(), lengths, corpus)
        outputs.square().sum().backward()
        results.append([outputs, *(parameter.grad for parameter in layer.parameters())])
    for fast, slow in zip(*results, strict=True):
        assert (fast is None) == (slow is None)
        if fast is not None:
            torch.testing.assert_close(fast, slow)
