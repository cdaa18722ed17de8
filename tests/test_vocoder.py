"""The vocoder: spectrum ↔ sound, strict loading, and its training from made-up sound to a voice that speaks with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from pipeline import spectrogram
from pipeline.errors import WeightsMissing
from pipeline.tts import TacotronSpeaker
from pipeline.vocoder import Vocoder
from tests.fakes import DAMAGES, spoil, tone
from training import train_tts, train_vocoder
from training.train_vocoder import Made, Recording, told_apart

SIZES = {"width": 16, "blocks": 1, "hidden": 32}


@pytest.fixture(scope="module")
def trained(tiny_tts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """run/ and out/ as `train_vocoder all --tiny` leaves them; out/ was a Tacotron's. Do not write to it."""
    folder = tmp_path_factory.mktemp("tiny_vocoder")
    shutil.copytree(tiny_tts / "out", folder / "out")
    train_vocoder.main(["all", "--tiny", "--run", str(folder / "run"), "--out", str(folder / "out")])
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of out/ that a test may damage."""
    return Path(shutil.copytree(trained / "out", tmp_path / "tts"))


def a_sound() -> torch.Tensor:
    return torch.from_numpy(tone(0.5, spectrogram.RATE).samples)[None]


# --- spectrum and sound --------------------------------------------------------------------------------------------


def test_frames_become_a_hop_of_samples_each() -> None:
    mel = torch.zeros(2, 9, spectrogram.N_MELS)
    linear, phase = Vocoder(**SIZES).spectrum(mel)
    assert linear.shape == phase.shape == (2, 9, spectrogram.N_LINEAR)
    assert Vocoder(**SIZES)(mel).shape == (2, 8 * spectrogram.HOP)


def test_the_true_spectrum_gives_the_sound_back() -> None:
    sound = a_sound()
    vocoder = Vocoder(**SIZES)
    bins = torch.stft(
        sound, spectrogram.N_FFT, spectrogram.HOP, window=vocoder.window, pad_mode="constant", return_complex=True
    ).transpose(1, 2)
    linear = torch.log(bins.abs().clamp(min=spectrogram.FLOOR))
    back = vocoder.sound((linear - spectrogram.LOG_CENTRE) / spectrogram.LOG_SCALE, bins.angle())
    torch.testing.assert_close(back, sound[:, : back.shape[1]], atol=1e-3, rtol=0)


def test_rounds_make_the_frames_fit_together() -> None:
    """From phases drawn at random: the sound's own spectrum comes nearer to the one asked for."""
    torch.manual_seed(0)
    linear = train_vocoder.log_spectrum(a_sound())
    phase = 6.28 * torch.rand_like(linear)
    vocoder = Vocoder(**SIZES)

    def misfit(rounds: int) -> float:
        heard = train_vocoder.log_spectrum(vocoder.sound(linear, vocoder.agreeing(linear, phase, rounds)))
        return float((heard.exp() - linear.exp()).abs().mean())

    assert misfit(16) < 0.5 * misfit(0)


def test_training_sees_the_spectra_that_the_pipeline_defines() -> None:
    sound = a_sound()[0].numpy()
    recording = Recording.of(sound, [])
    linear = train_vocoder.log_spectrum(recording.sound[None])
    magnitudes = spectrogram.magnitude(sound)
    np.testing.assert_allclose(linear[0], spectrogram.log_linear(magnitudes), atol=0.2)  # the floors are not the same
    np.testing.assert_allclose(train_vocoder.mel_of(linear)[0], spectrogram.log_mel(magnitudes), atol=0.05)


# --- loading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_refused(folder: Path, damage: str) -> None:
    spoil(folder / "vocoder.safetensors", damage)
    with pytest.raises(WeightsMissing):
        TacotronSpeaker(folder, threads=1)


@pytest.mark.parametrize("changes", [{"width": 8}, {"blocks": 2}, {"hidden": 16}, {"surprise": 1}], ids=str)
def test_weights_that_do_not_fit_exactly_are_refused(folder: Path, changes: dict) -> None:
    with pytest.raises(WeightsMissing):
        Vocoder.load(folder / "vocoder.safetensors", SIZES | changes)


def test_it_speaks_any_number_of_frames_at_the_recordings_level(folder: Path) -> None:
    vocoder = Vocoder.load(folder / "vocoder.safetensors", SIZES, threads=1)
    rng = np.random.default_rng(0)
    for frames in (2, 3, 50):
        samples = vocoder.speak(rng.normal(0, 1, (frames, spectrogram.N_MELS)))
        assert samples.shape == ((frames - 1) * spectrogram.HOP,) and samples.dtype == np.float32
        assert np.isfinite(samples).all()


# --- training ------------------------------------------------------------------------------------------------------


def rows(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "history.jsonl").read_text("utf-8").splitlines()]


def test_both_stages_are_written_down(trained: Path) -> None:
    told = rows(trained / "run")
    assert [(row["stage"], row["step"]) for row in told] == [("reconstruct", 10), ("compete", 20)]
    assert all(np.isfinite(row["loss"]) and row["seconds_a_step"] > 0 for row in told)


def test_the_distance_falls(tmp_path: Path) -> None:
    run = train_vocoder.Run(tmp_path / "state.pt", SIZES, channels=2)
    run.optimiser.param_groups[0]["lr"] = 3e-3
    rng = np.random.default_rng(0)
    recordings = train_vocoder.made_up()
    losses = [run.reconstruct(*train_vocoder.draw(recordings, 2, rng)) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_a_step_against_the_judge_moves_vocoder_and_judge(tmp_path: Path) -> None:
    run = train_vocoder.Run(tmp_path / "state.pt", SIZES, channels=2)
    parts: list[torch.nn.Module] = [run.model, run.judge]
    before = [[p.clone() for p in part.parameters()] for part in parts]
    run.compete(*train_vocoder.draw(train_vocoder.made_up(), 2, np.random.default_rng(0)))
    for part, old in zip(parts, before, strict=True):
        assert any(not torch.equal(new, was) for new, was in zip(part.parameters(), old, strict=True))
        assert all(p.requires_grad for p in part.parameters())


def test_the_judge_is_right_when_it_tells_real_from_made() -> None:
    def judged(value: float) -> list[torch.Tensor]:
        return [torch.zeros(1), torch.full((2, 1), value)]

    assert told_apart(judged(1), judged(0)) == 0 < told_apart(judged(0), judged(1))


def test_predicted_and_heard_spectrum_agree_on_frames() -> None:
    made = Made.by(Vocoder(**SIZES), torch.zeros(2, train_vocoder.PIECE, spectrogram.N_MELS))
    assert made.predicted.shape == made.heard.shape == (2, train_vocoder.PIECE - 4, spectrogram.N_LINEAR)


def test_it_goes_on_where_it_stopped(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained / "run", tmp_path / "run"))
    before = torch.load(run / "state.pt")
    train_vocoder.main(["reconstruct", "--tiny", "--steps", "1", "--rate", "0", "--run", str(run)])
    after = torch.load(run / "state.pt")
    assert (before["step"], after["step"]) == (20, 21)
    for name, value in before["model"].items():
        assert torch.equal(after["model"][name], value)


# --- export --------------------------------------------------------------------------------------------------------


def test_the_voice_speaks_with_the_averaged_weights_in_place_of_the_post_net(trained: Path) -> None:
    assert not (trained / "out/postnet.weights.h5").exists()
    stored = safetensors.torch.load_file(trained / "out/vocoder.safetensors")
    average = torch.load(trained / "run/state.pt")["average"]
    assert stored.keys() == average.keys()
    speaker = TacotronSpeaker(trained / "out", threads=1)
    mel = np.zeros((20, spectrogram.N_MELS), np.float32)
    assert speaker.vocode(mel).shape == (19 * spectrogram.HOP,)


def test_exporting_the_tacotron_again_keeps_the_vocoder(folder: Path, tiny_tts: Path) -> None:
    train_tts.main(["export", "--tiny", "--run", str(tiny_tts / "run"), "--out", str(folder)])
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config["vocoder"] == Vocoder(**SIZES).sizes and set(config["steps"]) == {"seq2seq", "vocoder"}
    assert not (folder / "postnet.weights.h5").exists()
    TacotronSpeaker(folder, threads=1)
