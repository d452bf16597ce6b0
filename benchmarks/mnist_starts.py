"""Which part of the study's start keeps its hypernetwork cells from learning MNIST: the table in docs/mnist.md.

Each classifier takes the same few steps of gradient descent. Its start is the paper's or the study's, and so is, on its
own, the start of the small network in it. Three minutes on one core, after `snakemake results/tables/MNIST.csv`:

    OMP_NUM_THREADS=1 python benchmarks/mnist_starts.py [FOLDER]
"""

import argparse
from itertools import product
from pathlib import Path

import torch
from torch.nn import functional

from metalstm.corpora import images
from metalstm.nn.rows import RowClassifier, RowClassifierOptions
from metalstm.studies import rows, starts

STEPS, BATCH, SEED = 200, 100, 1
Z = {"paper": "per_gate", "study": "shared"}


def classifier(cell: str, start: str, z: str) -> RowClassifier:
    torch.manual_seed(SEED)
    options = RowClassifierOptions(
        cell=cell,
        cell_options={"hyper_size": 64, "embedding_size": 64, "start": start, "z": z},
        hidden_size=128,
        num_layers=2,
        bidirectional=False,
        row_size=28,
        classes=10,
        pixel_mean=33.3,
        pixel_sd=78.6,
    )
    return RowClassifier(options)


def started(cell: str, large: str, small: str) -> RowClassifier:
    """A classifier that starts as `large`, but its small networks as `small`."""
    model, other = classifier(cell, large, Z[large]), classifier(cell, small, Z[small])
    borrowed = {name: value for name, value in other.state_dict().items() if ".hyper." in name}
    model.load_state_dict(borrowed, strict=False)
    return model


def train(model: RowClassifier, learning: images.Images) -> None:
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    order = torch.randperm(len(learning), generator=torch.Generator().manual_seed(SEED))
    for chosen in order[: STEPS * BATCH].split(BATCH):
        optimiser.zero_grad()
        labels = torch.from_numpy(learning.labels[chosen.numpy()]).long()
        functional.cross_entropy(model(rows.pixels(learning, chosen)), labels).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("data/raw/MNIST"))
    folder = parser.parse_args().folder
    read = images.read(folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz")
    learning, devel = read.part(0, 55000), read.part(55000, 60000)
    print("| Cell | Start | Small network's start | d | Devel accuracy |\n| --- | --- | --- | ---: | ---: |")
    for cell, large, small in product(("metarnn", "metalstm"), Z, Z):
        model = started(cell, large, small)
        start = starts.measure(model, devel.part(0, 500))
        train(model.train(), learning)
        accuracy = rows.accuracy(model, devel)
        print(
            f"| {cell} | {large} | {small} | {start.scale_mean:.3f} ± {start.scale_sd:.3f} | {accuracy:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
