from kernel_parity import assert_gradient_of_gradient, assert_layers_alike, assert_parity, numbers


@numbers
def test_the_kernel_says_what_the_loop_says(dtype):
    assert_parity("lnlstm", dtype)


def test_layers_with_recurrent_dropout():
    assert_layers_alike("lnlstm")


def test_gradients_of_gradients():
    assert_gradient_of_gradient("lnlstm")
