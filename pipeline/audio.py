"""The only border of sound: any upload -> clean mono float32 at 16 kHz, and float -> int16 on the way out.

An upload is a stranger's file, so it is opened in one place only: an ffmpeg child that may read local files of a few
audio formats, for a limited time and with limited memory, and whose output is read up to a limit. What comes back from
`decode` can be trusted everywhere else: finite, in -1..1, long enough, loud enough.
"""

from __future__ import annotations

import math
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np
import soundfile

from pipeline.errors import JiwooError, UnusableSound
from pipeline.turn import Audio

RATE = 16_000
"""Samples a second of every decoded `Audio`; what Wav2Vec2 was trained on."""

MAX_SECONDS = 60.0
"""Longer uploads are refused, not cut: the sentence that matters may be the last one, and a person who is answered
believes that everything was heard."""

MIN_SECONDS = 0.3
"""Shorter than a spoken syllable with its edges: a slip on the record button."""

MARGIN_SECONDS = 0.5
"""A recording stopped at the limit is a little longer than it: codecs pad, recorders react late."""

SILENCE_DBFS = -60.0
"""The loudest 100 ms of a silent recording are quieter than this. A whisper peaks near -45 dBFS; a muted microphone
gives digital zero or the last bit of 16 (-90 dBFS); a quiet room through an ordinary microphone lies near -65 dBFS."""

WALL_SECONDS = 30.0
CPU_SECONDS = 20  # a minute of sound takes well below one
MEMORY_KIB = 768 * 1024  # address space, not use: ffmpeg starts with 300 MiB of it (libraries, thread stacks)
LOG_BLOCKS = 2048  # of 512 bytes: the most a file can make ffmpeg write into its error log
MAX_BYTES = 4 * round((MAX_SECONDS + MARGIN_SECONDS) * RATE)

FORMATS = "wav,w64,aiff,caf,mp3,flac,ogg,matroska,mov,aac,amr"
"""The demuxers an upload may use. Playlists and scripts (hls, concat, dash, ...) open other files: never add them."""

MISSING = "소리 파일을 찾지 못했어요. 다시 녹음하거나 올려 주세요."
NOT_SOUND = "소리 파일이 아니거나 열 수 없는 파일이에요. 다시 녹음하거나 다른 파일을 올려 주세요."
TOO_SLOW = "파일을 여는 데 너무 오래 걸려서 멈췄어요. 짧게 다시 녹음해 주세요."
TOO_LONG = f"한 번에 {MAX_SECONDS:.0f}초까지 들을 수 있어요. 조금씩 나누어 들려주시면 차근차근 들을게요."
TOO_SHORT = "소리가 너무 짧아서 듣지 못했어요. 조금 더 길게 말해 주세요."
SILENT = "아무 소리도 들리지 않았어요. 마이크가 켜져 있는지 살펴보고 다시 말해 주세요."
NO_DECODER = "지금은 소리를 들을 수 없어요. 글로 적어 주시면 이야기를 이어 갈 수 있어요."


def decode(path: str | Path) -> Audio:
    """Read any upload as mono float32 (n,) at 16 kHz, finite and in -1..1.

    Raises `UnusableSound` when the file is missing, not audio, too long, too short, silent or too slow to open, each
    with its own sentence for the person; `JiwooError` when this machine has no working ffmpeg.
    """
    path = Path(path).absolute()
    if not path.is_file():  # also false for a directory, a pipe and a device, which could block for ever
        raise UnusableSound("the upload is not a regular file", MISSING)
    raw = _run(_command(find_ffmpeg(), path), path)
    return _usable(Audio(_clean(np.frombuffer(raw, "<f4")), RATE))


def to_int16(audio: Audio) -> np.ndarray:
    """The samples as int16 (n,), NaN and Inf as 0. Times 32767: 32768 would turn +1.0 into the most negative value."""
    return np.rint(_clean(audio.samples) * 32767).astype(np.int16)


def write_wav(path: str | Path, audio: Audio) -> None:
    """Write 16-bit PCM at the sound's own rate."""
    soundfile.write(path, to_int16(audio), audio.rate, subtype="PCM_16", format="WAV")


def find_ffmpeg() -> str:
    """The system's ffmpeg (it gets security updates), else the one in the imageio-ffmpeg wheel."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        fix = "no ffmpeg: install the system package (apt-get install ffmpeg) or `pip install imageio-ffmpeg`"
        raise JiwooError(fix, NO_DECODER) from error


def _command(ffmpeg: str, path: Path) -> list[str]:
    """The capped ffmpeg call that writes mono f32le at `RATE` to stdout.

    The limits are set by a shell that then becomes ffmpeg: a preexec_fn may deadlock in a threaded server, and
    resource.prlimit(pid) is Linux only and leaves a moment without limits. A ulimit that fails (macOS has no -v, a
    container may already be stricter) leaves the limit as it was; the others and the wall clock still hold.
    """
    limits = f"ulimit -v {MEMORY_KIB}; ulimit -t {CPU_SECONDS}; ulimit -f {LOG_BLOCKS}; ulimit -c 0"
    # asetpts counts time by samples: in a chained ogg or a joined mp3 the stamps lie, and -t would cut it silently.
    # The rest makes -ac 1 a weighted mean: by itself it adds channels up (centred stereo comes out 1.4 times too loud,
    # eight channels 4.4 times) and drops the subwoofer channel, which in a file of three microphones is a voice.
    filters = "asetpts=N/SR/TB,aresample=rematrix_maxval=1:lfe_mix_level=1"
    return [
        *("/bin/sh", "-c", f'{{ {limits}; }} 2>/dev/null; exec "$@"', "sh", ffmpeg),
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1", "-filter_threads", "1"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS),
        *("-vn", "-sn", "-dn", "-i", f"file:{path}", "-map", "0:a:0", "-af", filters, "-ac", "1", "-ar", str(RATE)),
        *("-t", str(MAX_SECONDS + 2 * MARGIN_SECONDS), "-f", "f32le", "pipe:1"),
    ]


def _run(command: list[str], path: Path) -> bytes:
    """What the child wrote: at most `MAX_BYTES` within `WALL_SECONDS`; else `UnusableSound`.

    The errors go to a file, not to a second pipe, so that one plain read of stdout cannot deadlock.
    """
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log) as child,
    ):
        watchdog = threading.Timer(WALL_SECONDS, child.kill)
        watchdog.start()
        try:
            assert child.stdout is not None
            raw = child.stdout.read(MAX_BYTES + 1)
            if len(raw) > MAX_BYTES:
                raise UnusableSound(f"longer than {MAX_SECONDS} s", TOO_LONG)
            code = child.wait()
        finally:
            watchdog.cancel()
            child.kill()
        log.seek(0)
        _check_exit(code, log.read().decode(errors="replace").replace(str(path), "upload"))
    return raw


def _check_exit(code: int, log: str) -> None:
    """code: exit status, negative for a signal, as `subprocess` tells it; log: what ffmpeg said."""
    reason = " | ".join(log.split("\n")[-4:]).strip(" |")[-300:]
    if code in (126, 127):  # the shell's own: there was nothing it could become, or a library is missing
        raise JiwooError(f"ffmpeg does not start, reinstall it: {reason}", NO_DECODER)
    if code in (-signal.SIGKILL, -signal.SIGXCPU):  # the watchdog, or the limit of CPU time
        raise UnusableSound(f"stopped after {WALL_SECONDS} s or {CPU_SECONDS} s of CPU: {reason}", TOO_SLOW)
    if code != 0:
        raise UnusableSound(f"not audio (ffmpeg exit {code}): {reason}", NOT_SOUND)


def _clean(samples: np.ndarray) -> np.ndarray:
    """(n,) -> float32 (n,) in -1..1; NaN and Inf become 0, because neither is a sound."""
    finite = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(finite, -1.0, 1.0).astype(np.float32)  # (n,)


def _usable(audio: Audio) -> Audio:
    if audio.seconds < MIN_SECONDS:
        raise UnusableSound(f"too short: {audio.seconds:.2f} s", TOO_SHORT)
    level = _level(audio)
    if level < SILENCE_DBFS:
        raise UnusableSound(f"silent: {level:.0f} dBFS", SILENT)
    return audio


def _level(audio: Audio) -> float:
    """dBFS of the loudest 100 ms (-inf for digital silence); audio is at least that long.

    The loudest window, because one word in a minute of quiet is speech; the deviation from the window's mean, because
    the constant offset of a cheap microphone is not.
    """
    size = audio.rate // 10
    windows = audio.samples[: len(audio.samples) // size * size].reshape(-1, size)  # (windows, size)
    loudest = float(windows.std(axis=1).max())
    return 20 * math.log10(loudest) if loudest > 0 else -math.inf
