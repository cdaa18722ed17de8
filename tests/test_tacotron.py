"""The Tacotron's definition, at tiny sizes with random weights: shapes, no leaks, and one voice for both ways to run it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from pipeline.symbols import SYMBOLS
from pipeline.tacotron import Cbhg, Highway, LocationAttention, PostNet, Prenet, Seq2Seq
from training.train_tts import Run, Seq2SeqTrainer, made_up, seq2seq_batch

SIZES = {
    "n_symbols": 12, "n_speakers": 2, "n_mels": 6, "r": 2, "embedding": 8, "speaker": 4, "bank": 3, "units": 4, "decoder": 8,
}  # fmt: skip
N, STEPS = 7, 5
MELS, R = 6, 2
Batch = dict[str, np.ndarray]


def randomised(model, seed: int = 0):
    """Every weight random, also the statistics of the batch norms: nothing is hidden by a zero or a one."""
    model.build()
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        value = rng.normal(0, 0.4, weight.shape)
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value)
    return model


@pytest.fixture
def model() -> Seq2Seq:
    """Without the prenet's dropout, so that two calls can be compared."""
    made = randomised(Seq2Seq(**SIZES))
    made.prenet.rate = 0.0
    return made


def batch(count: int = 2, n: int = N, steps: int = STEPS, seed: int = 0, own: float = 0.0) -> Batch:
    rng = np.random.default_rng(seed)
    weights = rng.random((count, steps, n)) ** 4
    return {
        "symbols": rng.integers(1, SIZES["n_symbols"], (count, n)).astype(np.int32),
        "speakers": np.arange(count, dtype=np.int32) % 2,
        "frames": rng.normal(0, 1, (count, steps, MELS)).astype(np.float32),
        "alignment": (weights / weights.sum(-1, keepdims=True)).astype(np.float32),
        "own": np.full(count, own, np.float32),
    }


def values(out) -> Batch:
    return {name: np.array(value) for name, value in out.items()}


def assert_same(a: Batch, b: Batch, atol: float = 1e-5) -> None:
    assert set(a) == set(b)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], atol=atol, err_msg=name)


def until(step: int, out: Batch) -> Batch:
    return {name: value[:, :step] for name, value in out.items()}


# --- the parts -----------------------------------------------------------------------------------------------------


def test_shapes(model: Seq2Seq) -> None:
    out = values(model(batch(3)))
    assert {name: value.shape for name, value in out.items()} == {
        "mel": (3, STEPS, R * MELS), "log_weights": (3, STEPS, N), "stop": (3, STEPS),
    }  # fmt: skip
    np.testing.assert_allclose(np.exp(out["log_weights"]).sum(-1), 1, atol=1e-5)


def test_shapes_of_the_parts() -> None:
    x = np.random.default_rng(0).normal(0, 1, (2, 9, 5)).astype(np.float32)
    assert Highway(5)(x).shape == (2, 9, 5)
    assert Cbhg(bank=3, units=4, projection=6)(x, np.ones((2, 9), bool)).shape == (2, 9, 8)
    assert Prenet((6, 3))(x).shape == (2, 9, 3)
    postnet = randomised(PostNet(n_mels=5, n_linear=11, bank=2, units=4))
    assert postnet(x).shape == (2, 9, 11)


def test_a_closed_highway_lets_everything_through_and_an_open_one_transforms() -> None:
    x = np.random.default_rng(0).normal(0, 1, (4, 3)).astype(np.float32)
    highway = Highway(3)
    highway(x)
    for bias, wanted in ((-100.0, x), (100.0, np.array(highway.transform(x)))):
        highway.gate.bias.assign([bias] * 3)
        np.testing.assert_allclose(highway(x), wanted, atol=1e-6)


def test_prenet_masks_decide_what_passes() -> None:
    keras.utils.set_random_seed(0)  # three units may all be dropped, twice
    x = np.random.default_rng(0).normal(0, 1, (2, 5)).astype(np.float32)
    prenet = Prenet((6, 3), rate=0.5)
    ones, zeros = ([np.full((2, width), value, np.float32) for width in (6, 3)] for value in (1, 0))
    dry = np.array(prenet(x, ones))
    np.testing.assert_array_equal(prenet(x, zeros), np.zeros((2, 3)))
    assert not np.array_equal(prenet(x), prenet(x)), "without masks, dropout is drawn anew, also when not training"
    prenet.rate = 0.0
    np.testing.assert_array_equal(prenet(x), dry)


def test_attention_looks_only_where_it_is_allowed() -> None:
    rng = np.random.default_rng(0)
    attention = LocationAttention(units=5, filters=3, kernel=3)
    attention.build((None, None, 4), (None, None, 6))
    weights = rng.random((2, 3, N)).astype(np.float32)
    allowed = np.zeros((2, 3, N), bool)
    allowed[:, :, 2:4] = True
    query, memory = (rng.normal(0, 1, shape).astype(np.float32) for shape in ((2, 3, 4), (2, N, 6)))
    found = np.exp(attention(query, attention.key(memory), weights, weights, allowed))
    np.testing.assert_allclose(found[..., 2:4].sum(-1), 1, atol=1e-6)
    assert found[..., [0, 1, 4, 5, 6]].max() == 0


# --- save and load -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Seq2Seq, PostNet])
def test_config_and_weights_make_the_same_model_again(tmp_path: Path, kind) -> None:
    sizes = SIZES if kind is Seq2Seq else {"n_mels": MELS, "n_linear": 9, "bank": 2, "units": 4}
    x = batch() if kind is Seq2Seq else batch()["frames"]
    one, other = randomised(kind(**sizes)), kind.from_config(kind(**sizes).get_config())
    one.save_weights(tmp_path / "a.weights.h5")
    other.build()
    if kind is Seq2Seq:
        one.prenet.rate = other.prenet.rate = 0.0
    before, wanted = other(x), one(x)
    other.load_weights(tmp_path / "a.weights.h5")
    for a, b, c in zip(*map(keras.tree.flatten, (wanted, other(x), before)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.allclose(a, c), "the weights mattered"


def test_building_needs_no_data(model: Seq2Seq) -> None:
    """Or `load_weights` would find nothing to load into."""
    built = {weight.path.split("/", 1)[1] for weight in Seq2Seq(**SIZES).weights}
    assert not built
    fresh = Seq2Seq(**SIZES)
    fresh.build()
    count = len(fresh.weights)
    fresh(batch())
    assert len(fresh.weights) == count > 50


@pytest.mark.parametrize("change", [{"decoder": 9}, {"n_symbols": 13}, {"bank": 2}, {"n_speakers": 3}, {"r": 3}])
def test_weights_of_another_size_are_refused(tmp_path: Path, model: Seq2Seq, change: dict) -> None:
    model.save_weights(tmp_path / "a.weights.h5")
    other = Seq2Seq(**(SIZES | change))
    other.build()
    with pytest.raises(ValueError):
        other.load_weights(tmp_path / "a.weights.h5")


# --- padding -------------------------------------------------------------------------------------------------------


def padded(x: Batch, n: int, steps: int) -> Batch:
    """The same clips with more symbols (0) and more steps (anything)."""
    more_n, more_steps = n - x["symbols"].shape[1], steps - x["frames"].shape[1]
    rng = np.random.default_rng(9)
    alignment = np.pad(x["alignment"], ((0, 0), (0, more_steps), (0, more_n)))
    alignment[:, -more_steps:, 0] = 1
    frames = np.concatenate([x["frames"], rng.normal(0, 1, (len(alignment), more_steps, MELS))], 1)
    symbols = np.pad(x["symbols"], ((0, 0), (0, more_n)))
    return x | {"symbols": symbols, "alignment": alignment, "frames": frames.astype(np.float32)}


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_padding_does_not_leak_into_a_clip(model: Seq2Seq, own: float) -> None:
    short, long = batch(1, own=own), batch(1, n=N + 5, steps=STEPS + 4, seed=1, own=own)
    alone = values(model(short))
    wide = padded(short, N + 5, STEPS + 4)
    together = values(model({name: np.concatenate([wide[name], long[name]]) for name in short}))
    assert np.exp(together["log_weights"][0, :, N:]).max() == 0, "nothing is read from the padding"
    cut = {name: value[:1, :STEPS] for name, value in together.items()}
    assert_same(alone, cut | {"log_weights": cut["log_weights"][..., :N]})


@pytest.mark.parametrize("training", [False, True])
def test_padding_does_not_leak_within_the_cbhg(training: bool) -> None:
    """Also not into the statistics of the batch norms, when training."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (2, 6, 5)).astype(np.float32)
    cbhg = Cbhg(bank=4, units=3, projection=4)
    alone = np.array(cbhg(x, np.ones((2, 6), bool), training=training))
    mask = np.arange(10)[None] < np.full((2, 1), 6)
    wide = np.concatenate([x, rng.normal(0, 50, (2, 4, 5))], 1).astype(np.float32)
    np.testing.assert_allclose(cbhg(wide, mask, training=training)[:, :6], alone, atol=1e-5)
    np.testing.assert_array_equal(cbhg(wide, mask, training=training)[:, 6:], 0)


# --- time runs one way ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_a_later_frame_does_not_change_what_was_said_before(model: Seq2Seq, own: float) -> None:
    x, at = batch(own=own), 2
    frames = x["frames"].copy()
    frames[:, at] += 3
    before, after = values(model(x)), values(model(x | {"frames": frames}))
    assert_same(until(at + 1, before), until(at + 1, after))
    for name in before:
        assert not np.allclose(before[name][:, at + 1], after[name][:, at + 1], atol=1e-4), (
            f"{name} hears the last frame"
        )


def test_a_later_alignment_does_not_change_where_it_looks_now(model: Seq2Seq) -> None:
    x, at = batch(), 2
    alignment = x["alignment"].copy()
    alignment[:, at] = alignment[:, at, ::-1]
    before, after = values(model(x)), values(model(x | {"alignment": alignment}))
    assert_same(until(at, before), until(at, after))
    np.testing.assert_allclose(before["log_weights"][:, at], after["log_weights"][:, at], atol=1e-5)
    assert not np.allclose(before["mel"][:, at], after["mel"][:, at], atol=1e-4), "it reads where it is told to"


def test_it_speaks_by_text_and_by_speaker(model: Seq2Seq) -> None:
    x = batch()
    said = values(model(x))["mel"]
    other_text = x["symbols"].copy()
    other_text[:, 3] = other_text[:, 3] % 11 + 1
    for change in ({"symbols": other_text}, {"speakers": 1 - x["speakers"]}):
        assert not np.allclose(values(model(x | change))["mel"], said, atol=1e-4)


# --- step by step --------------------------------------------------------------------------------------------------


def fixed_prenet(model: Seq2Seq, monkeypatch: pytest.MonkeyPatch, count: int) -> list[np.ndarray]:
    """Dropout masks (count, STEPS, width) that the teacher-forced pass uses too."""
    rng = np.random.default_rng(3)
    masks = [rng.integers(0, 2, (count, STEPS, w)).astype(np.float32) * 2 for w in model.prenet.units]
    drawn = model.prenet.call
    monkeypatch.setattr(model.prenet, "call", lambda x, masks_=None: drawn(x, masks if masks_ is None else masks_))
    return masks


def test_step_by_step_says_what_the_teacher_forced_pass_says(model: Seq2Seq, monkeypatch) -> None:
    """Given the same last frame, the same last and summed weights and its own attention, each step is the same step."""
    x = batch(own=1.0)
    masks = fixed_prenet(model, monkeypatch, 2)
    forced = values(model(x))
    encoded = model.encode(x["symbols"], x["speakers"])
    state = model.first_state(encoded[0])
    total = np.array(state[3])
    for t in range(STEPS):
        mel, weights, stop, state = model.step(state, encoded, encoded[2], [mask[:, t] for mask in masks])
        np.testing.assert_allclose(mel, forced["mel"][:, t], atol=1e-5)
        np.testing.assert_allclose(weights, np.exp(forced["log_weights"][:, t]), atol=1e-5)
        np.testing.assert_allclose(stop, forced["stop"][:, t], atol=1e-5)
        last = x["alignment"][:, t]
        total = total + last
        state = (x["frames"][:, t], ops.matmul(last[:, None], encoded[0])[:, 0], last, total, *state[4:])


def test_what_it_says_on_its_own_the_teacher_forced_pass_repeats(model: Seq2Seq, monkeypatch) -> None:
    """Free running, then given its own frames and its own alignment: the same mel again, in one pass."""
    x = batch()
    masks = fixed_prenet(model, monkeypatch, 2)
    encoded = model.encode(x["symbols"], x["speakers"])
    state = model.first_state(encoded[0])
    said = []
    for t in range(STEPS):
        mel, weights, stop, state = model.step(state, encoded, encoded[2], [mask[:, t] for mask in masks])
        said.append([np.array(part) for part in (mel, weights, stop)])
    mels, weights, stops = (np.stack(part, 1) for part in zip(*said, strict=True))
    again = values(model(x | {"frames": mels[:, :, -MELS:], "alignment": weights}))
    np.testing.assert_allclose(again["mel"], mels, atol=1e-4)
    np.testing.assert_allclose(np.exp(again["log_weights"]), weights, atol=1e-4)
    np.testing.assert_allclose(again["stop"], stops, atol=1e-4)


def test_the_first_step_looks_from_the_first_symbol(model: Seq2Seq) -> None:
    memory = model.encode(batch()["symbols"], batch()["speakers"])[0]
    frame, context, last, total, *hidden = (np.array(part) for part in model.first_state(memory))
    np.testing.assert_array_equal(context, memory[:, 0])
    np.testing.assert_array_equal(last, np.eye(N)[[0, 0]])
    np.testing.assert_array_equal(total, last)
    assert not frame.any() and not any(part.any() for part in hidden)


# --- learning ------------------------------------------------------------------------------------------------------


def test_the_loss_falls(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    utterances = made_up(4)
    sizes = {
        "n_symbols": len(SYMBOLS),
        "n_speakers": 1,
        "embedding": 16,
        "speaker": 4,
        "bank": 2,
        "units": 16,
        "decoder": 32,
    }
    run = Run(Seq2SeqTrainer(Seq2Seq(**sizes)), tmp_path / "run.npz", rate=1e-2)
    rng = np.random.default_rng(0)
    losses = [run.train(seq2seq_batch(utterances, ["tiny"], run.trainer.model.r, step, rng)) for step in range(60)]
    assert np.mean(losses[-5:]) < 0.85 * np.mean(losses[:5])
