"""The figures are computed right: on made-up rows whose answers are known by counting."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile

from pipeline.settings import Settings
from tests.fakes import FakeSpeaker, FakeTranscriber, tone
from training import cards, data, evaluate


def only(**stages) -> Any:
    """The stages a measurement needs, without the others."""
    return SimpleNamespace(**stages)


@pytest.fixture
def clips(tmp_path, monkeypatch) -> None:
    """Each recognition set is two clips of 가나다라, by two speakers of one source."""
    sound, rows = tone(1.0), []
    for speaker in ("secret name", "another"):
        path = tmp_path / "speech" / "tedx" / speaker / "a.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, sound.samples, sound.rate)
        rows.append(data.Clip(path, speaker, "가나다라", 1.0))
    monkeypatch.setattr(data, "speech", lambda root, name: rows)
    monkeypatch.setattr(evaluate, "NON_SPEECH", 13)


def test_recognition_counts_every_kind_of_error(clips, tmp_path):
    got = evaluate.stt(only(transcriber=FakeTranscriber("가마다")), tmp_path, 10)
    assert set(got["sets"]) == set(evaluate.STT_SETS)
    one = got["sets"]["asr_dev"]
    assert (one["substitutions"], one["deletions"], one["insertions"], one["letters"]) == (2, 2, 0, 8)
    assert one["cer"] == 0.5 and one["clips"] == 2 and "whisper_base" not in one
    assert one["by_speaker"] == {"tedx 1": {"clips": 1, "cer": 0.5}, "tedx 2": {"clips": 1, "cer": 0.5}}


def test_words_where_nobody_speaks_are_counted(clips, tmp_path):
    chatty = evaluate.stt(only(transcriber=FakeTranscriber("네")), tmp_path, 10)["non_speech"]
    assert chatty["clips"] == 13 == len(chatty["with_words"])
    assert not evaluate.stt(only(transcriber=FakeTranscriber("")), tmp_path, 10)["non_speech"]["with_words"]


def test_another_recogniser_hears_the_same_clips(clips, tmp_path):
    ours, other = FakeTranscriber("가마다"), FakeTranscriber("가나다라")
    one = evaluate.stt(only(transcriber=ours), tmp_path, 10, other)["sets"]["asr_dev"]
    assert one["cer"] == 0.5 and one["whisper_base"]["cer"] == 0.0
    assert len(other.calls) == 2 * len(evaluate.STT_SETS)


def test_confidence_is_held_against_what_was_right(clips, tmp_path):
    def of(text, confidence):
        stages = only(transcriber=FakeTranscriber(text, confidence))
        return evaluate.stt(stages, tmp_path, 10)["sets"]["asr_dev"]["confidence"]

    sure = of("가마다", 0.9)
    assert (sure["mean"], sure["right"], sure["asked_again"]) == (0.9, 0.5, 0)
    assert sure["calibration_error"] == pytest.approx(0.4)
    wrong = of("마", 0.1)
    assert wrong["asked_again"] == wrong["asked_again_under_half_right"] == wrong["under_half_right"] == 2
    assert of("가나다라", 1.0)["calibration_error"] == 0.0


def test_the_voice_is_listened_to_next_to_the_recording(tmp_path, monkeypatch):
    listener = tmp_path / "judge.py"
    listener.write_text(
        "import json, sys\n"
        "lines = open(sys.argv[2], encoding='utf-8').read().splitlines()\n"
        "[print('0/1') for _ in lines]\n"
        "print(json.dumps({'clips': len(lines), 'cer': 0.25 if 'clip' in lines[0] else 0.5, 'long': 0, 'short': 1}))\n",
        "utf-8",
    )
    clips = [
        data.Clip(tmp_path / "clip.wav", "lmy", "안녕하세요. 반가워요.", 2.0),
        data.Clip(tmp_path / "clip.wav", "lmy", "네.", 1.0),
    ]
    soundfile.write(tmp_path / "clip.wav", tone(2.0).samples, 16_000)
    monkeypatch.setattr(data, "speech", lambda root, name: clips)
    monkeypatch.setattr(evaluate, "dnsmos", lambda sound: sound.seconds)
    monkeypatch.chdir(tmp_path)
    got = evaluate.tts(only(speaker=FakeSpeaker(), settings=Settings()), tmp_path, 10, listener)
    assert (got["cer"], got["recorded_voice_cer"], got["too_short"], got["not_spoken"]) == (0.5, 0.25, 1, 0)
    assert (got["dnsmos"], got["recorded_voice_dnsmos"]) == (pytest.approx(0.3), 2.0)
    assert got["length_to_recorded"] == pytest.approx(0.6 / 3, abs=1e-3)


def test_a_sentence_that_cannot_be_spoken_is_counted_not_hidden(tmp_path, monkeypatch):
    monkeypatch.setattr(
        data, "speech", lambda root, name: [data.Clip(tmp_path / "c.wav", "lmy", text, 1.0) for text in ("네.", "응.")]
    )
    soundfile.write(tmp_path / "c.wav", tone(1.0).samples, 16_000)
    monkeypatch.setattr(evaluate, "dnsmos", lambda sound: 3.0)
    monkeypatch.setattr(evaluate, "_listen", lambda listener, lines, folder: {"cer": 0.0, "long": 0, "short": 0})
    monkeypatch.chdir(tmp_path)
    speaker = FakeSpeaker()
    speak = speaker.speak
    monkeypatch.setattr(
        speaker, "speak", lambda text: FakeSpeaker(fails_at=0).speak(text) if text == "응." else speak(text)
    )
    got = evaluate.tts(only(speaker=speaker, settings=Settings()), tmp_path, 10, tmp_path)
    assert got["not_spoken"] == 1 and got["sentences"] == 2


def test_only_a_whole_measurement_is_written_down(tmp_path, monkeypatch):
    monkeypatch.setitem(evaluate.MEASURES, "emotion", lambda stages, root, limit: {"limit": limit})
    settings = Settings(checkpoints=tmp_path)
    monkeypatch.setattr(Settings, "from_env", lambda: settings)
    (tmp_path / "emotion").mkdir()
    evaluate.main(["emotion", "--limit", "3", "--root", str(tmp_path)])
    assert not (tmp_path / "emotion/metrics.json").exists()
    evaluate.main(["emotion", "--root", str(tmp_path)])
    assert json.loads((tmp_path / "emotion/metrics.json").read_text("utf-8")) == {"limit": 10**9}


def test_the_voice_is_measured_twice_and_both_are_kept(tmp_path, monkeypatch):
    settings = Settings(checkpoints=tmp_path)
    monkeypatch.setattr(Settings, "from_env", lambda: settings)
    monkeypatch.setattr(evaluate, "WhisperTranscriber", lambda *_: None)
    monkeypatch.setitem(evaluate.MEASURES, "tts", lambda *_: {"cer": 0.1})
    monkeypatch.setitem(evaluate.MEASURES, "voice", lambda *_: {"guard": {}})
    (tmp_path / "tts").mkdir()
    evaluate.main(["tts", "voice", "tts", "--root", str(tmp_path)])
    assert json.loads((tmp_path / "tts/metrics.json").read_text("utf-8")) == {"cer": 0.1, "guard": {}}


def test_the_table_shows_every_measured_set(checkpoints):
    table = cards.table(checkpoints)
    for stage in ("stt", "emotion"):
        sets = json.loads((checkpoints / stage / "metrics.json").read_text("utf-8"))["sets"]
        assert all(f"`{name}`" in table for name in sets)


def test_ordinary_talk_that_alarms_is_counted_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(said: str, split: str) -> data.Dialogue:
        return data.Dialogue((("user", said), ("bot", "네.")), "중립", split, "talks")

    talks = [talk("빨래를 했어요", "test"), talk("죽고 싶어요", "test"), talk("죽고 싶어요", "train")]
    monkeypatch.setattr(data, "talks", lambda: talks)
    got = evaluate._everyday(10)
    assert got["own_talks"] == {"sentences": 2, "alarms": 0.5, "grave_alarms": 0.5, "alarmed": ["죽고 싶어요"]}
    assert got["prompts"]["sentences"] == 10
