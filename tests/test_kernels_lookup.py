"""Features by kernel against torch's embedding, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metalstm.nn.compiled import kernels
from metalstm.nn.lookup import kernel, look_up


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 128),
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 30)), min_size=1, max_size=3),
)
def test_equal_to_torchs(batch, time, shapes):
    torch.manual_seed(0)
    places = [torch.randint(rows, (time, batch)).t() for rows, _ in shapes]
    weights = torch.randn(batch, time, sum(size for _, size in shapes), dtype=torch.float64)
    found = []
    for way in ("auto", "off"):
        torch.manual_seed(1)
        tables = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
        features = look_up(tables, places, way)
        (features * weights).sum().backward()
        found.append([features.detach(), *(table.grad for table in tables)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_frozen_table_gets_no_gradient():
    frozen, tuned = torch.randn(4, 2), torch.randn(3, 5, requires_grad=True)
    look_up([frozen, tuned], [torch.tensor([[0, 3]]), torch.tensor([[1, 1]])]).sum().backward()
    assert frozen.grad is None
    assert tuned.grad.sum(dim=1).tolist() == [0, 10, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_is_a_kernel(dtype):
    assert kernels(kernel, torch.zeros(1, dtype=dtype)) is not None
