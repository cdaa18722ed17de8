"""The border of sound: what is an upload worth, and what may a hostile one do."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import audio
from pipeline.audio import RATE, decode, to_int16, write_wav
from pipeline.errors import JiwooError, UnusableSound
from pipeline.turn import Audio

ROOT = Path(__file__).parents[1]
FFMPEG = audio.find_ffmpeg()
HERTZ = 440.0
PEAK = 0.5


def tone(seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """float32 (n, channels): the same sine in every channel."""
    time_axis = np.arange(round(seconds * rate)) / rate
    wave = PEAK * np.sin(2 * np.pi * HERTZ * time_axis)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT", format="WAV")
    return path


def program(path: Path, text: str) -> str:
    """A stand-in for ffmpeg."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def level(sound: Audio) -> float:
    """RMS of the inner half: codecs fade in and out at the edges."""
    quarter = len(sound.samples) // 4
    return float(np.sqrt(np.mean(sound.samples[quarter:-quarter] ** 2)))


def frequency(sound: Audio) -> float:
    spectrum = np.abs(np.fft.rfft(sound.samples * np.hanning(len(sound.samples))))
    return float(spectrum.argmax()) * sound.rate / len(sound.samples)


def refusal(path: str | Path) -> UnusableSound:
    with pytest.raises(UnusableSound) as caught:
        decode(path)
    return caught.value


@pytest.fixture(params=["system", "wheel"])
def each_ffmpeg(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "wheel":
        monkeypatch.setenv("PATH", "")
    elif not shutil.which("ffmpeg"):
        pytest.skip("no system ffmpeg")


# --- what is heard -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [
        ("a.wav", "pcm_u8", 8_000, 1),
        ("a.wav", "pcm_s16le", 44_100, 2),
        ("a.wav", "pcm_s24le", 96_000, 6),
        ("a.wav", "pcm_s32le", 192_000, 1),
        ("a.wav", "pcm_f32le", 48_000, 8),
        ("a.wav", "pcm_f64le", 16_000, 3),
        ("a.aiff", "pcm_s16be", 32_000, 1),
        ("a.flac", "flac", 22_050, 2),
        ("a.flac", "flac", 192_000, 8),
        ("a.mp3", "libmp3lame", 8_000, 1),
        ("a.mp3", "libmp3lame", 44_100, 2),
        ("a.ogg", "libvorbis", 44_100, 1),
        ("a.ogg", "libopus", 48_000, 2),
        ("a.webm", "libopus", 48_000, 1),
        ("a.webm", "libvorbis", 48_000, 2),
        ("a.m4a", "aac", 16_000, 1),
        ("a.m4a", "aac", 48_000, 4),  # not 6: the encoder empties the subwoofer channel at 440 Hz
        ("a.aac", "aac", 44_100, 2),
    ],
)
@pytest.mark.usefixtures("each_ffmpeg")
def test_a_tone_keeps_its_pitch_length_and_loudness(
    tmp_path: Path, name: str, codec: str, rate: int, channels: int
) -> None:
    source = wav(tmp_path / "source.wav", tone(1.0, rate, channels), rate)
    upload = tmp_path / name
    ffmpeg("-i", source, "-c:a", codec, upload)

    heard = decode(upload)

    assert heard.rate == RATE
    assert heard.samples.dtype == np.float32 and heard.samples.ndim == 1
    assert heard.seconds == pytest.approx(1.0, abs=0.13)  # aac and mp3 pad to whole frames, longest at 8 kHz
    assert frequency(heard) == pytest.approx(HERTZ, abs=2)
    assert level(heard) == pytest.approx(PEAK / np.sqrt(2), rel=0.1)


def test_full_scale_stereo_is_averaged_not_summed_and_clipped(tmp_path: Path) -> None:
    both = decode(wav(tmp_path / "both.wav", 2 * tone(channels=2)))
    assert np.abs(both.samples).max() == pytest.approx(1.0, abs=0.01)
    assert level(both) == pytest.approx(1 / np.sqrt(2), rel=0.01)  # a clipped sine would be louder


@pytest.mark.parametrize("channels", range(2, 9))
def test_a_voice_in_one_channel_only_is_heard_whichever_it_is(tmp_path: Path, channels: int) -> None:
    for voice in range(channels):
        samples = np.zeros_like(tone(0.4, channels=channels))
        samples[:, voice] = tone(0.4)[:, 0]
        assert frequency(decode(wav(tmp_path / "one.wav", samples))) == pytest.approx(HERTZ, abs=3)


def test_the_sound_of_a_video_is_heard(tmp_path: Path) -> None:
    source, video = wav(tmp_path / "source.wav", tone()), tmp_path / "video.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-i", source, "-c:v", "mpeg4", "-c:a", "aac", video)
    assert frequency(decode(video)) == pytest.approx(HERTZ, abs=2)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_nan_and_inf_become_quiet_and_the_rest_is_kept(tmp_path: Path, rate: int) -> None:
    samples = tone(rate=rate, channels=2)
    samples[1000] = np.nan
    samples[3000, 0] = np.inf
    samples[-1, 1] = -np.inf
    heard = decode(wav(tmp_path / "broken.wav", samples, rate))
    assert np.isfinite(heard.samples).all()
    assert frequency(heard) == pytest.approx(HERTZ, abs=2)


def test_a_float_wave_beyond_full_scale_is_clipped(tmp_path: Path) -> None:
    heard = decode(wav(tmp_path / "loud.wav", 1e30 * tone()))
    assert np.abs(heard.samples).max() == 1.0


@pytest.mark.parametrize(
    "name", ["-i.wav", "-", "a:b.wav", "100%d.wav", "concat:a|b.wav", "http:x.wav", "한 마디 '?*#.wav", "$(id).wav"]
)
def test_odd_names_are_only_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    wav(tmp_path / name, tone())
    monkeypatch.chdir(tmp_path)
    assert decode(name).seconds == 1.0
    assert decode(tmp_path / name).seconds == 1.0


# --- what is refused -----------------------------------------------------------------------------------------------


def test_each_condition_has_its_own_sentence() -> None:
    sentences = [
        *(audio.MISSING, audio.NOT_SOUND, audio.TOO_SLOW, audio.TOO_LONG),
        *(audio.TOO_SHORT, audio.SILENT, audio.NO_DECODER),
    ]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence.endswith("요.") for sentence in sentences)


def test_missing_file_and_directory(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing.wav").kind == audio.MISSING
    assert refusal(tmp_path).kind == audio.MISSING


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.ogg", "a.webm", "a.m4a", "a.aac", "a"])
@pytest.mark.parametrize("content", [b"", "오늘은 조금 힘들었어요.\n".encode() * 3000, bytes(5000)])
def test_what_is_not_audio(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    error = refusal(tmp_path / name)
    assert error.kind == audio.NOT_SOUND
    assert str(error).startswith("not audio") and str(tmp_path) not in str(error)


def test_a_video_without_sound_is_not_audio(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-c:v", "mpeg4", tmp_path / "mute.mp4")
    assert refusal(tmp_path / "mute.mp4").kind == audio.NOT_SOUND


@pytest.mark.parametrize("name", ["list.wav", "list.m3u8", "list.ffconcat", "list.mp3"])
@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile 'secret.wav'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.wav\n#EXT-X-ENDLIST\n",
    ],
    ids=["concat", "hls", "hls-http"],
)
@pytest.mark.usefixtures("each_ffmpeg")
def test_a_playlist_cannot_read_another_file(tmp_path: Path, name: str, script: str) -> None:
    wav(tmp_path / "secret.wav", tone())
    (tmp_path / name).write_text(script)
    assert refusal(tmp_path / name).kind == audio.NOT_SOUND


def test_the_playlist_above_would_work_without_the_whitelist(tmp_path: Path) -> None:
    wav(tmp_path / "secret.wav", tone())
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile 'secret.wav'\n")
    ffmpeg("-i", tmp_path / "list.ffconcat", tmp_path / "stolen.wav")
    assert soundfile.info(tmp_path / "stolen.wav").duration == 1.0


@pytest.mark.parametrize(
    ("offset", "lie"),
    [
        *((22, lie.to_bytes(2, "little")) for lie in (0, 60, 65_535)),  # channels
        *((24, lie.to_bytes(4, "little")) for lie in (0, 1, 2_000_000_000, 0xFFFFFFFF)),  # rate
        *((32, lie.to_bytes(2, "little")) for lie in (0, 1, 65_535)),  # bytes a frame
        *((34, lie.to_bytes(2, "little")) for lie in (0, 3, 64, 65_535)),  # bits a sample
        *((40, lie.to_bytes(4, "little")) for lie in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF)),  # bytes of data
    ],
)
def test_a_header_that_lies_gives_clean_sound_or_a_refusal(tmp_path: Path, offset: int, lie: bytes) -> None:
    path = tmp_path / "lie.wav"
    soundfile.write(path, tone(), RATE, subtype="PCM_16")
    data = path.read_bytes()
    path.write_bytes(data[:offset] + lie + data[offset + len(lie) :])
    try:
        heard = decode(path)
    except UnusableSound:
        return
    assert np.isfinite(heard.samples).all() and np.abs(heard.samples).max() <= 1
    assert audio.MIN_SECONDS <= heard.seconds <= audio.MAX_SECONDS


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.28])
def test_too_short(tmp_path: Path, seconds: float) -> None:
    assert refusal(wav(tmp_path / "short.wav", tone(seconds))).kind == audio.TOO_SHORT


def test_just_long_enough(tmp_path: Path) -> None:
    assert decode(wav(tmp_path / "short.wav", tone(0.3))).seconds == 0.3


def test_a_minute_is_heard_and_more_is_refused_rather_than_cut(tmp_path: Path) -> None:
    assert decode(wav(tmp_path / "minute.wav", tone(60, 8_000), 8_000)).seconds == 60
    assert refusal(wav(tmp_path / "longer.wav", tone(61, 8_000), 8_000)).kind == audio.TOO_LONG


@pytest.mark.parametrize("codec", ["libopus", "libmp3lame"])
def test_joined_recordings_are_not_cut_silently(tmp_path: Path, codec: str) -> None:
    """Time stamps start again at each joint; 80 s of chained ogg came out as 42 s, without an error."""
    part = tmp_path / ("a.ogg" if codec == "libopus" else "a.mp3")
    ffmpeg("-i", wav(tmp_path / "source.wav", tone(2)), "-c:a", codec, part)
    joined = part.with_stem("joined")
    joined.write_bytes(part.read_bytes() * 3)
    assert decode(joined).seconds == pytest.approx(6.0, abs=0.2)
    joined.write_bytes(part.read_bytes() * 40)
    assert refusal(joined).kind == audio.TOO_LONG


@pytest.mark.parametrize("gain_db", [-np.inf, -90, -63])
def test_silence(tmp_path: Path, gain_db: float) -> None:
    quiet = tone() * np.float32(np.sqrt(2) / PEAK * 10 ** (gain_db / 20))  # RMS at gain_db dBFS
    assert refusal(wav(tmp_path / "quiet.wav", quiet)).kind == audio.SILENT


def test_a_constant_offset_and_only_nan_are_silence(tmp_path: Path) -> None:
    assert refusal(wav(tmp_path / "offset.wav", np.full_like(tone(), 0.1))).kind == audio.SILENT
    assert refusal(wav(tmp_path / "nan.wav", np.full_like(tone(), np.nan))).kind == audio.SILENT


def test_a_whisper_and_one_word_in_a_long_pause_are_not_silence(tmp_path: Path) -> None:
    decode(wav(tmp_path / "whisper.wav", 0.01 * tone()))  # RMS -49 dBFS
    pause = np.zeros((20 * RATE, 1), np.float32)
    pause[5 * RATE : 5 * RATE + 4800] = 0.02 * tone(0.3)
    decode(wav(tmp_path / "word.wav", pause))


# --- what it may cost ----------------------------------------------------------------------------------------------


def test_an_hour_of_silence_in_a_small_flac_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    hour = tmp_path / "hour.flac"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "3600", "-c:a", "flac", hour)
    assert hour.stat().st_size < 1_000_000
    script = """
import json, resource, sys
from pipeline import audio
from pipeline.errors import UnusableSound
def mib(who): return resource.getrusage(who).ru_maxrss // 1024
before = mib(resource.RUSAGE_SELF)
try:
    audio.decode(sys.argv[1])
except UnusableSound as error:
    print(json.dumps([error.kind, mib(resource.RUSAGE_SELF) - before, mib(resource.RUSAGE_CHILDREN)]))
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script, hour], cwd=ROOT, check=True, capture_output=True, text=True)
    kind, own_mib, child_mib = json.loads(done.stdout)
    assert kind == audio.TOO_LONG
    assert own_mib < 50 and child_mib < 200
    assert time.monotonic() - started < 10  # with the start of Python


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("exec sleep 60", audio.TOO_SLOW),
        ("while :; do :; done", audio.TOO_SLOW),
        ("exec cat /dev/zero", audio.TOO_LONG),
        ("while echo error >&2; do :; done; exit 1", audio.NOT_SOUND),
        ("kill -SEGV $$", audio.NOT_SOUND),
    ],
    ids=["wall clock", "CPU time", "endless output", "endless error log", "crash"],
)
def test_a_decoder_gone_wild_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str, kind: str
) -> None:
    fake = program(tmp_path / "ffmpeg", behaviour)
    monkeypatch.setattr(audio, "find_ffmpeg", lambda: fake)
    monkeypatch.setattr(audio, "WALL_SECONDS", 1.0 if "sleep" in behaviour else 20.0)
    monkeypatch.setattr(audio, "CPU_SECONDS", 1)
    started = time.monotonic()
    assert refusal(wav(tmp_path / "a.wav", tone())).kind == kind
    assert time.monotonic() - started < 15


def test_the_child_runs_under_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = program(tmp_path / "ffmpeg", "ulimit -v >&2; ulimit -t >&2; ulimit -c >&2; exit 1")
    monkeypatch.setattr(audio, "find_ffmpeg", lambda: fake)
    assert f"{audio.MEMORY_KIB} | {audio.CPU_SECONDS} | 0" in str(refusal(wav(tmp_path / "a.wav", tone())))


# --- which ffmpeg --------------------------------------------------------------------------------------------------


def test_without_a_system_ffmpeg_the_one_in_the_wheel_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "imageio_ffmpeg" in audio.find_ffmpeg()


def test_without_any_ffmpeg_the_log_says_the_fix_and_the_person_may_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(JiwooError, match="pip install imageio-ffmpeg") as caught:
        audio.find_ffmpeg()
    assert caught.value.kind == audio.NO_DECODER


def test_an_ffmpeg_that_does_not_start_is_not_blamed_on_the_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "find_ffmpeg", lambda: str(tmp_path / "gone"))
    with pytest.raises(JiwooError, match="reinstall") as caught:
        decode(wav(tmp_path / "a.wav", tone()))
    assert not isinstance(caught.value, UnusableSound)


# --- the way out ---------------------------------------------------------------------------------------------------


def test_int16_is_symmetric_and_never_wraps() -> None:
    samples = np.array([1.0, -1.0, 0.0, 0.5, 1.5, -7.0, np.nan, np.inf], np.float32)
    whole = to_int16(Audio(samples, RATE))
    assert whole.dtype == np.int16
    assert whole.tolist() == [32767, -32767, 0, 16384, 32767, -32767, 0, 0]


def test_a_written_wave_comes_back_the_same(tmp_path: Path) -> None:
    sound = Audio(2 * tone()[:, 0], RATE)
    write_wav(tmp_path / "out.wav", sound)
    assert soundfile.info(tmp_path / "out.wav").subtype == "PCM_16"
    np.testing.assert_allclose(decode(tmp_path / "out.wav").samples, sound.samples, atol=2 / 32768)


def test_a_written_wave_keeps_its_own_rate(tmp_path: Path) -> None:
    write_wav(tmp_path / "out.wav", Audio(tone(rate=22_050)[:, 0], 22_050))
    assert soundfile.info(tmp_path / "out.wav").samplerate == 22_050
    assert decode(tmp_path / "out.wav").seconds == pytest.approx(1.0, abs=0.001)


def test_importing_the_border_loads_no_model_library() -> None:
    script = "import sys, pipeline.audio; print({'torch', 'tensorflow', 'librosa', 'gradio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
