"""Where somebody speaks: Silero VAD (MIT; its network ships in the package), run by ONNX Runtime, a call a sound."""

from __future__ import annotations

from importlib import resources

import numpy as np
from silero_vad.sequence_vad import SileroVADSequence
from silero_vad.utils_vad import get_speech_timestamps_from_probs

from pipeline.audio import RATE

FRAME = 512
"""Samples that one probability stands for (32 ms)."""
RMS = 0.06
"""Loudness at which the network is asked: it misses half of all speech at −60 dBFS, and nothing once levelled."""
SPEECH = 0.5
SURE, SURE_FRAMES = 0.8, 3
"""A stretch needs so many frames above SURE. Of 300 made sounds (music, hum, knocks …) none has three; of 268 short and
noisy clips of speech one has fewer."""
SHORTEST_MS = 100
LONGEST_PAUSE_MS = 1000
"""A longer silence parts two stretches; a shorter one tells the recogniser where words end."""
PADDING_MS = 250
"""Soft beginnings and endings, which the network does not count as speech."""

Span = tuple[int, int]


class VoiceDetector:
    def __init__(self) -> None:
        network = resources.files("silero_vad.data").joinpath("silero_vad_16k_sequence.onnx")
        with resources.as_file(network) as path:
            self._network = SileroVADSequence(str(path), sampling_rate=RATE)

    def spans(self, samples: np.ndarray) -> list[Span]:
        """Samples (n,) at 16 kHz → begin and end, in samples, of each stretch of speech; in order, apart."""
        probabilities = self.probabilities(samples)
        found = get_speech_timestamps_from_probs(
            probabilities.tolist(),
            audio_length_samples=len(samples),
            sampling_rate=RATE,
            threshold=SPEECH,
            min_speech_duration_ms=SHORTEST_MS,
            min_silence_duration_ms=LONGEST_PAUSE_MS,
            speech_pad_ms=PADDING_MS,
        )
        sure = probabilities > SURE
        spans = [(span["start"], min(span["end"], len(samples))) for span in found]
        return [(a, b) for a, b in spans if sure[a // FRAME : -(-b // FRAME)].sum() >= SURE_FRAMES]

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """How likely somebody speaks in each FRAME, float32 (⌈n / FRAME⌉,)."""
        centred = samples - samples.mean()
        level = float(centred.std())
        levelled = centred * (RMS / level) if level else centred
        return self._network.audio_forward(levelled.astype(np.float32), RATE)
