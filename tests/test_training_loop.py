import csv
import io
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from metalstm.errors import UserError
from metalstm.nn.batch import collate
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import CharacterOptions, DropoutOptions, MultitaskOptions, TaggerOptions
from metalstm.nn.tagger import Tagger
from metalstm.training import checkpoints
from metalstm.training.batches import Example, number
from metalstm.training.history import Epoch, as_csv, best_epoch, best_score, out_of_patience, tokens_per_second
from metalstm.training.loop import fit, fit_to_corpus
from metalstm.training.options import (
    AveragingOptions,
    ContinuedOptions,
    JointTrainingOptions,
    OptimiserOptions,
    ScheduleOptions,
    TrainingOptions,
)
from metalstm.training.progress import Lines

EXAMPLES = [
    Example(("Aspirin", "helps", "."), ("S-Chemical", "O", "O"), "drugs"),
    Example(("No", "acetylsalicylic", "acid", "here"), ("O", "B-Chemical", "E-Chemical", "O"), "drugs"),
    Example(("Nothing",), ("O",), "drugs"),
    Example(("Take", "aspirin", "with", "water"), ("O", "S-Chemical", "O", "S-Chemical"), "drugs"),
    Example(("Folic", "acid", "was", "given"), ("B-Chemical", "E-Chemical", "O", "O"), "drugs"),
]
OPTIONS = TrainingOptions(
    epochs=5,
    batch_size=2,
    optimiser=OptimiserOptions(name="adamw", learning_rate=0.02),
    schedule=ScheduleOptions(name="cosine", floor=0.1),
)

KILLED = """
import os, signal, sys
from pathlib import Path
import test_training_loop as test
class Killer(test.Quiet):
    def step(self, epoch, step, loss, tokens_per_second):
        if (epoch, step) == (3, 2):
            os.kill(os.getpid(), signal.SIGKILL)
test.train(Path(sys.argv[1]), progress=Killer())
"""


class Quiet:
    def __init__(self):
        self.notes = []

    def start(self, epochs, steps): ...
    def step(self, epoch, step, loss, tokens_per_second): ...
    def epoch(self, row, *, best): ...
    def note(self, line):
        self.notes.append(line)

    def stop(self): ...


def new_tagger(lexicon_of=EXAMPLES) -> Tagger:
    torch.manual_seed(11)
    lexicon = Lexicon.build([(row.tokens, row.labels) for row in lexicon_of])
    options = TaggerOptions(
        word_size=6,
        hidden_size=5,
        characters=CharacterOptions(embedding_size=4, size=4),
        dropout=DropoutOptions(words=0.1, recurrent=0.1),
    )
    return Tagger(lexicon, options)


def right_labels(tagger: Tagger) -> float:
    batch = collate(tagger.lexicon, [row.tokens for row in EXAMPLES])
    pairs = zip(tagger.decode_labels(batch), EXAMPLES, strict=True)
    return 100 * sum(found == list(row.labels) for found, row in pairs) / len(EXAMPLES)


def minus_the_size_of_the_weights(tagger: Tagger) -> float:
    """A score in which any difference between two models shows."""
    return -sum(parameter.double().square().sum().item() for parameter in tagger.parameters())


def train(folder, options=OPTIONS, *, tagger=None, devel_score=minus_the_size_of_the_weights, **others):
    tagger = tagger or new_tagger()
    others = {"seed": 3, "identity": "a run", "progress": Quiet(), **others}
    outcome = fit(tagger, number(EXAMPLES, tagger.lexicon), options, devel_score=devel_score, folder=folder, **others)
    return tagger, outcome


def timeless(history):
    return [replace(row, wall_seconds=0.0, cpu_seconds=0.0, tokens_per_second=0.0) for row in history]


def same(one, other):
    (first, first_outcome), (second, second_outcome) = one, other
    assert timeless(first_outcome.history) == timeless(second_outcome.history)
    assert first_outcome.best_epoch == second_outcome.best_epoch
    assert first.state_dict().keys() == second.state_dict().keys()
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


class Stop(Exception):
    pass


def stop_after(epoch: int):
    def on_epoch(row: Epoch) -> None:
        if row.epoch == epoch:
            raise Stop

    return on_epoch


def test_it_learns(tmp_path):
    options = OPTIONS.model_copy(update={"epochs": 80})
    tagger, outcome = train(tmp_path, options, devel_score=right_labels)
    assert right_labels(tagger) == 100.0
    assert not tagger.training
    assert outcome.history[-1].loss < outcome.history[0].loss
    assert [row.epoch for row in outcome.history] == list(range(1, 81))
    assert outcome.history[0].learning_rate == 0.02
    assert outcome.history[-1].learning_rate == pytest.approx(0.002)
    assert outcome.best_epoch == next(row.epoch for row in outcome.history if row.devel_f1 == 100.0)
    assert outcome.wall_seconds == sum(row.wall_seconds for row in outcome.history) > 0
    assert outcome.cpu_seconds > 0
    assert outcome.tokens_per_second > 0
    assert outcome.peak_memory_mb > 50


def test_the_seed_decides_everything(tmp_path):
    first = train(tmp_path / "a")
    torch.rand(5)
    same(first, train(tmp_path / "b"))
    other = train(tmp_path / "c", seed=4)
    assert timeless(other[1].history) != timeless(first[1].history)


@pytest.mark.parametrize("scores", [[10.0, 30.0, 20.0, 30.0, 5.0]])
def test_the_first_best_epoch_is_kept(tmp_path, scores):
    seen = []

    def score(tagger):
        seen.append({name: value.clone() for name, value in tagger.state_dict().items()})
        return scores[len(seen) - 1]

    tagger, outcome = train(tmp_path, devel_score=score)
    assert outcome.best_epoch == 2
    assert all(torch.equal(value, seen[1][name]) for name, value in tagger.state_dict().items())


def test_train_and_devel_keeps_the_last_epoch_and_takes_no_score(tmp_path):
    def score(tagger):
        raise AssertionError("there is nothing to choose by")

    options = OPTIONS.model_copy(update={"train_on": "train+devel"})
    tagger, outcome = train(tmp_path, options, devel_score=score)
    assert outcome.best_epoch == OPTIONS.epochs
    assert [row.devel_f1 for row in outcome.history] == [None] * OPTIONS.epochs
    last = checkpoints.load(tmp_path)
    assert last is not None
    assert all(torch.equal(value, last.model[name]) for name, value in tagger.state_dict().items())


@pytest.mark.parametrize("averaging", [None, AveragingOptions(last_epochs=2)])
@pytest.mark.parametrize("train_on", ["train", "train+devel"])
@pytest.mark.parametrize("epoch", [1, 3, OPTIONS.epochs])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_training_that_stopped_goes_on_bit_for_bit(tmp_path, epoch, train_on, name, averaging):
    momentum = 0.9 if name == "sgd" else 0.0
    update = {
        "train_on": train_on,
        "optimiser": OptimiserOptions(name=name, learning_rate=0.02, momentum=momentum),
        "averaging": averaging,
    }
    options = OPTIONS.model_copy(update=update)
    with pytest.raises(Stop):
        train(tmp_path / "stopped", options, on_epoch=stop_after(epoch))
    torch.rand(7)
    other_start = new_tagger()
    with torch.no_grad():
        other_start.emission.bias.fill_(9.0)
    rows = []
    progress = Quiet()
    resumed = train(tmp_path / "stopped", options, tagger=other_start, on_epoch=rows.append, progress=progress)
    same(train(tmp_path / "whole", options), resumed)
    assert [row.epoch for row in rows] == list(range(epoch + 1, options.epochs + 1))
    assert progress.notes == [f"going on after epoch {epoch}, from {tmp_path / 'stopped' / 'checkpoint.pt'}"]


def test_a_training_that_was_killed_goes_on_bit_for_bit(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__), "OMP_NUM_THREADS": "1"}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "killed")], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = checkpoints.load(tmp_path / "killed")
    assert left is not None
    assert len(left.history) == 2
    same(train(tmp_path / "whole"), train(tmp_path / "killed"))


def test_cost_is_summed_over_resumes(tmp_path):
    with pytest.raises(Stop):
        train(tmp_path, on_epoch=stop_after(2))
    earlier = checkpoints.load(tmp_path)
    checkpoints.save(tmp_path, replace(earlier, peak_memory_mb=1e6))
    _, outcome = train(tmp_path)
    assert outcome.history[:2] == earlier.history
    assert outcome.wall_seconds == sum(row.wall_seconds for row in outcome.history)
    assert outcome.peak_memory_mb == 1e6
    assert {row.tokens for row in outcome.history} == {sum(len(example.tokens) for example in EXAMPLES)}
    assert outcome.tokens_per_second == tokens_per_second(outcome.history)


def test_a_full_disk_is_told_in_a_line(tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc]\n. unexpected pos")

    train(tmp_path)
    left = checkpoints.load(tmp_path)
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match=r"checkpoint\.pt: cannot be written: \[enforce fail"):
        checkpoints.save(tmp_path, left)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_fewer_graphics_processors_than_before_are_no_reason_to_stop(monkeypatch):
    given = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: given.append((state, device)))
    checkpoints.set_random_states([torch.get_rng_state(), "first", "second"])
    assert given == [("first", 0)]


def test_a_checkpoint_of_something_else_is_not_used(tmp_path):
    with pytest.raises(Stop):
        train(tmp_path / "a", identity="another run", on_epoch=stop_after(2))
    progress = Quiet()
    same(train(tmp_path / "b"), train(tmp_path / "a", progress=progress))
    assert len(progress.notes) == 1
    assert "is of other data or options and is not used" in progress.notes[0]


def test_patience(tmp_path):
    scores = iter([10.0, 30.0, 20.0, 30.0, 5.0])
    options = OPTIONS.model_copy(update={"patience": 2})
    _, outcome = train(tmp_path, options, devel_score=lambda tagger: next(scores))
    assert len(outcome.history) == 4
    assert outcome.best_epoch == 2
    # Once out of patience, always out of patience.
    assert train(tmp_path, options)[1] == replace(
        outcome, peak_memory_mb=pytest.approx(outcome.peak_memory_mb, rel=0.5)
    )


@pytest.mark.parametrize("clip_norm", [0.0, 5.0])
def test_a_loss_that_is_not_finite_stops_the_training_and_keeps_the_checkpoint(tmp_path, clip_norm):
    tagger = new_tagger()

    def poison(row):
        if row.epoch == 2:
            tagger.emission.bias.data.fill_(float("nan"))

    options = OPTIONS.model_copy(update={"clip_norm": clip_norm})
    message = r"epoch 3, step 1: the loss is nan.*learning_rate.*clip_norm"
    with pytest.raises(UserError, match=message):
        train(tmp_path, options, tagger=tagger, on_epoch=poison)
    left = checkpoints.load(tmp_path)
    assert len(left.history) == 2
    assert all(value.isfinite().all() for value in left.model.values() if value.is_floating_point())


def test_nothing_to_train_on():
    with pytest.raises(UserError, match="no sentence to train on"):
        number([], new_tagger().lexicon)


def test_patience_needs_a_development_set(tmp_path):
    options = OPTIONS.model_copy(update={"train_on": "train+devel", "patience": 3})
    with pytest.raises(UserError, match="patience"):
        train(tmp_path, options)


def test_a_checkpoint_is_removed_when_the_caller_says_so(tmp_path):
    train(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    # What another process, on this machine or another, was killed while writing.
    for name in (".node-7.123.checkpoint.pt", ".123.checkpoint-ills.pt"):
        (tmp_path / name).touch()
    checkpoints.remove(tmp_path)
    assert not list(tmp_path.iterdir())
    checkpoints.remove(tmp_path)


class Unsafe:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("not a checkpoint"),
        lambda path: torch.save({"format": 99}, path),
        lambda path: torch.save([1], path),
        lambda path: torch.save({"format": 1, "history": []}, path),
        lambda path: torch.save({"format": 1, "history": [{"epoch": 1}]}, path),
        lambda path: torch.save(Unsafe(), path),
    ],
)
def test_a_damaged_checkpoint_is_the_users_to_mend(tmp_path, damage, capsys):
    train(tmp_path)
    damage(tmp_path / "checkpoint.pt")
    with pytest.raises(UserError, match=r"checkpoint\.pt: not a checkpoint .* remove it"):
        train(tmp_path)
    assert capsys.readouterr().out == ""


def test_a_training_for_one_corpus_goes_as_it_always_has(tmp_path):
    """Losses of this training from before there was any other; neither seed nor options have changed."""
    _, outcome = train(tmp_path)
    losses = [4.487247776985169, 3.9287997484207153, 3.731371319293976, 3.594766986370087, 3.6229551315307615]
    assert [row.loss for row in outcome.history] == pytest.approx(losses, rel=1e-5)


def weights_of(tagger):
    return {name: value.clone() for name, value in tagger.state_dict().items()}


def test_the_mean_of_the_last_epochs_is_scored_and_kept(tmp_path):
    plain, scored = [], []
    without = OPTIONS.model_copy(update={"schedule": ScheduleOptions(name="constant")})
    train(tmp_path / "a", without, devel_score=lambda tagger: plain.append(weights_of(tagger)) or 1.0)
    options = without.model_copy(update={"averaging": AveragingOptions(last_epochs=3)})

    def score(tagger):
        scored.append(weights_of(tagger))
        return float(len(scored))

    tagger, _ = train(tmp_path / "b", options, devel_score=score)
    for epoch, found in enumerate(scored):
        window = plain[max(0, epoch - 2) : epoch + 1]
        for name, value in found.items():
            assert torch.allclose(value, torch.stack([weights[name] for weights in window]).mean(0), atol=1e-6)
    assert all(torch.equal(value, scored[-1][name]) for name, value in tagger.state_dict().items())


TWO = [*EXAMPLES, *(Example(row.tokens, tuple(f"{label}" for label in row.labels), "more") for row in EXAMPLES[:2])]
JOINT = JointTrainingOptions(**OPTIONS.model_dump(), continued=ContinuedOptions(epochs=3, learning_rate_share=0.5))


def joint_tagger() -> Tagger:
    torch.manual_seed(11)
    rows = [(row.tokens, row.labels) for row in TWO]
    labels = {name: {label for row in TWO if row.corpus == name for label in row.labels} for name in ("drugs", "more")}
    lexicon = Lexicon.build(rows, corpora=list(labels), corpus_labels=labels)
    characters = CharacterOptions(embedding_size=4, size=4)
    return Tagger(
        lexicon, TaggerOptions(word_size=6, hidden_size=5, characters=characters, multitask=MultitaskOptions())
    )


def go_on(tagger, folder, scores, options=JOINT, **others):
    return fit_to_corpus(
        tagger,
        number(TWO, tagger.lexicon),
        "more",
        options,
        seed=3,
        devel_score=lambda tagger: next(scores),
        folder=folder,
        identity="a run",
        **{"progress": Quiet(), **others},
    )


@pytest.mark.parametrize(("scores", "best"), [([50.0, 40.0, 50.0, 30.0], 0), ([50.0, 40.0, 60.0, 55.0], 2)])
def test_going_on_keeps_the_joint_weights_unless_an_epoch_is_better(tmp_path, scores, best):
    tagger = joint_tagger()
    before = weights_of(tagger)
    outcome = go_on(tagger, tmp_path, iter(scores))
    assert (outcome.best_epoch, outcome.start_score) == (best, 50.0)
    assert [row.epoch for row in outcome.history] == [1, 2, 3]
    assert outcome.history[0].learning_rate == pytest.approx(0.01)
    same_as_before = [torch.equal(value, before[name]) for name, value in tagger.state_dict().items()]
    assert all(same_as_before) == (best == 0)
    # The output layer of the other corpus is read by no batch.
    assert torch.equal(tagger.emission[0].weight, before["emission.0.weight"])


def test_going_on_that_stopped_goes_on_bit_for_bit(tmp_path):
    scores = [50.0, 40.0, 60.0, 70.0]
    whole, stopped = joint_tagger(), joint_tagger()
    first = go_on(whole, tmp_path / "whole", iter(scores))
    with pytest.raises(Stop):
        go_on(stopped, tmp_path / "stopped", iter(scores), on_epoch=stop_after(2))
    resumed = joint_tagger()
    second = go_on(resumed, tmp_path / "stopped", iter(scores[3:]))
    assert second.start_score == 50.0
    same((whole, first), (resumed, second))


def row(epoch: int, devel_f1: float | None) -> Epoch:
    return Epoch(epoch, 1.5, devel_f1, 0.1, 2.0, 1.0, 3e4)


def test_the_choice_of_the_epoch():
    assert best_epoch([row(1, 50.0), row(2, 60.0), row(3, 60.0)]) == 2
    assert best_epoch([row(1, 0.0), row(2, 0.0)]) == 1
    assert best_epoch([row(1, None), row(2, None)]) == 2
    assert best_epoch([row(1, 50.0), row(2, 60.0)], 60.0) == 0
    assert best_epoch([row(1, 50.0), row(2, 60.0)], 55.0) == 2
    assert (best_score([row(1, 50.0)], 60.0), best_score([row(1, 50.0)]), best_score([row(1, None)])) == (60, 50, None)
    assert not out_of_patience([], 1)
    assert not out_of_patience([row(1, 50.0), row(2, 40.0)], None)
    assert not out_of_patience([row(1, 50.0), row(2, 40.0)], 2)
    assert out_of_patience([row(1, 50.0), row(2, 40.0)], 1)


def test_speed_is_all_tokens_by_all_seconds():
    large, small = (replace(row(1, 50.0), tokens_per_second=1000.0, tokens=n) for n in (9000, 100))
    assert tokens_per_second([large, replace(small, tokens_per_second=100.0)]) == pytest.approx(9100 / 10)
    assert tokens_per_second([]) == 0.0


def test_history_as_csv_reads_back():
    history = [row(1, 100 / 3), row(2, None)]
    read = list(csv.DictReader(io.StringIO(as_csv(history))))
    assert list(read[0]) == list(asdict(history[0]))
    assert float(read[0]["devel_f1"]) == 100 / 3
    assert read[1]["devel_f1"] == ""


def test_lines_of_a_whole_training(tmp_path: Path):
    stream = io.StringIO()
    scores = iter([10.0, 30.0, 20.0, 30.0, 5.0])
    train(tmp_path, devel_score=lambda tagger: next(scores), progress=Lines(stream))
    lines = stream.getvalue().split("\n")
    assert [line.startswith(f"epoch {epoch}/5  loss ") for epoch, line in enumerate(lines[:-1], 1)] == [True] * 5
    assert ["*" in line for line in lines] == [True, True, False, False, False, False]
