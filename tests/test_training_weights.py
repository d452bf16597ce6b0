import torch

from metalstm.training.weights import LastEpochs


def test_the_mean_is_of_the_last_epochs_and_of_floats_alone() -> None:
    last = LastEpochs(2)
    for value in (5.0, 1.0, 2.0):
        last.add({"w": torch.full((2,), value), "count": torch.tensor(int(value))})
    assert last.mean()["w"].tolist() == [1.5, 1.5]
    assert last.mean()["count"].item() == 2


def test_epochs_of_a_checkpoint_may_be_on_another_device_than_the_model() -> None:
    last = LastEpochs(2, [{"w": torch.ones(2)}])
    last.add({"w": torch.ones(2, device="meta")})
    assert last.mean()["w"].device.type == "meta"
