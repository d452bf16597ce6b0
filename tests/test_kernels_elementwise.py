import numpy as np
import pytest

from metalstm.kernels.compilation import compiled
from metalstm.kernels.elementwise import sigmoid, tanh
from metalstm.kernels.products import by_numpy, by_tiles, product
from metalstm.kernels.units import over_units

ROUNDING = {np.float32: 3e-7, np.float64: 1e-15}


def everywhere(number):
    """Numbers of all magnitudes, both signs, zero and infinity among them."""
    sizes = np.concatenate([np.logspace(-30, 3, 4001), np.linspace(0.0, 45.0, 20001), [np.inf]])
    return np.concatenate([-sizes, sizes]).astype(number)


@compiled
def sigmoid_in_place(x):
    units_to_sigmoid(x)


@compiled
def tanh_in_place(x):
    units_to_tanh(x)


@over_units("x")
def units_to_sigmoid(units):
    units.store(sigmoid(units.load("x")), "x")


@over_units("x")
def units_to_tanh(units):
    units.store(tanh(units.load("x")), "x")


@pytest.mark.parametrize("number", ROUNDING)
def test_tanh_is_right_to_the_last_digits_near_zero_too(number):
    x = everywhere(number)
    y = x[None].copy()
    tanh_in_place(y)
    expected = np.tanh(x.astype(np.float64))
    np.testing.assert_allclose(y[0], expected, rtol=ROUNDING[number], atol=0)


@pytest.mark.parametrize("number", ROUNDING)
def test_sigmoid(number):
    x = everywhere(number)
    y = x[None].copy()
    sigmoid_in_place(y)
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-x.astype(np.float64)))
    np.testing.assert_allclose(y[0], expected, rtol=0, atol=ROUNDING[number])


@pytest.mark.parametrize("function", [sigmoid_in_place, tanh_in_place])
def test_not_a_number_stays_so(function):
    y = np.array([[np.nan, 1.0]])
    function(y)
    assert np.isnan(y[0, 0])
    assert np.isfinite(y[0, 1])


@pytest.mark.parametrize("number", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [1, 7, 8, 15, 16, 17, 31, 32, 33, 100])
def test_what_stands_beside_the_units_is_left_alone(number, columns):
    x = np.random.default_rng(0).normal(size=(3, columns)).astype(number)
    room = np.full((5, columns + 9), 3, number)
    room[1:4, 4:-5] = x
    tanh_in_place(room[1:4, 4:-5])
    np.testing.assert_allclose(room[1:4, 4:-5], np.tanh(x), atol=ROUNDING[number])
    room[1:4, 4:-5] = 3
    assert (room == 3).all()


@pytest.mark.parametrize("number", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "m", "inner"),
    [(1, 1, 1), (3, 7, 5), (4, 4, 16), (10, 9, 100), (5, 2, 0), (0, 3, 4), (7, 127, 3), (17, 64, 8), (11, 113, 113)],
)
def test_products(n, m, inner, number):
    rng = np.random.default_rng(0)
    a, b, out = (rng.normal(size=shape).astype(number) for shape in ((n, inner), (inner, m), (n + 1, m + 1)))
    expected = out.copy()
    expected[:n, :m] += a @ b
    tolerance = 1e-12 if number is np.float64 else 1e-4
    result = out.copy()
    product(a, b, result)
    np.testing.assert_allclose(result, expected, atol=tolerance)
    views = np.zeros((3, n + 3, m + 5), number)
    views[1, :-2, 2:-2] = out
    product(np.stack([a.T] * 2, axis=2)[..., 1].T, np.pad(b, 2)[2:-2, 2:-2], views[1, :-2, 2:-2])
    np.testing.assert_allclose(views[1, :-2, 2:-2], expected, atol=tolerance)
    views[1, :-2, 2:-2] = 0
    assert not views.any()


@pytest.mark.parametrize("number", [np.float32, np.float64])
def test_products_of_any_number_of_columns_leave_the_next_ones_alone(number):
    rng = np.random.default_rng(2)
    for columns in range(1, 100):
        a, b = rng.normal(size=(9, 5)).astype(number), rng.normal(size=(5, columns)).astype(number)
        room = np.full(9 * columns + 3, 7, number)
        out = room[:-3].reshape(9, columns)
        out[:] = 0
        product(a, b, out)
        np.testing.assert_allclose(out, a @ b, atol=1e-12 if number is np.float64 else 1e-5)
        assert (room[-3:] == 7).all()


@pytest.mark.parametrize("inner", [1, 113, 500])
def test_large_products_of_arrays_and_of_transposes(inner):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(7, inner)), rng.normal(size=(19, inner))
    for left in (a, np.ascontiguousarray(a.T).T):
        for right in (b, np.ascontiguousarray(b.T).T):
            np.testing.assert_allclose(by_tiles(left, right), by_numpy(a, b), atol=1e-12)


def test_without_a_folder_for_machine_code_each_process_compiles(monkeypatch):
    import numba

    plain = numba.njit

    def nowhere(*arguments, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*arguments, **options)

    monkeypatch.setattr(numba, "njit", nowhere)
    assert compiled(lambda x: x + 1)(1) == 2
