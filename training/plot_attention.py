"""How the voice reads six sentences of our own: symbols against time → checkpoints/tts/attention.png.

    python -m training.plot_attention

A good reading is one sharp line from the lower left to the upper right; a gap is a skip, a step back a repeat.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from pipeline import spectrogram
from pipeline.guard import Spoken, find_fault
from pipeline.korean import read_aloud
from pipeline.settings import Settings
from pipeline.symbols import encode, to_symbols
from pipeline.tts import TacotronSpeaker

SENTENCES = (
    "네, 듣고 있어요.",
    "오늘 하루는 어떠셨어요?",
    "괜찮아요, 천천히 말씀해 주세요.",
    "힘드실 때는 109나 1577-0199로 전화해 주세요.",
    "넓은 들판에 누워 별을 보고 싶다고 하셨지요.",
    "그렇게 혼자서 오랫동안 참고 견디느라 얼마나 외롭고 지치셨을지 생각하니 마음이 무거워요.",
)


def draw(axes: Axes, phrase: str, spoken: Spoken) -> None:
    seconds = len(spoken.mel) * spectrogram.FRAME_SECONDS
    symbols = to_symbols(phrase)
    axes.imshow(
        spoken.alignment.T, origin="lower", aspect="auto", cmap="gray_r", vmin=0, vmax=1, interpolation="nearest",
        extent=(0, seconds, 0, len(symbols)),
    )  # fmt: skip
    spaces = [i for i, symbol in enumerate(symbols) if symbol == " "]
    axes.set_yticks([i + 0.5 for i in spaces], ["·"] * len(spaces))
    fault = find_fault(spoken, encode(phrase))
    axes.set_title(f"{len(symbols)} symbols, {seconds:.1f} s: {fault or 'read to its end'}", fontsize=9)


def main() -> None:
    settings = Settings.from_env()
    speaker = TacotronSpeaker(settings.checkpoints / "tts", settings.threads)
    figure, grid = pyplot.subplots(2, 3, figsize=(12, 6), layout="constrained")
    for axes, sentence in zip(grid.flat, SENTENCES, strict=True):
        phrase = read_aloud(sentence)
        draw(axes, phrase, speaker.decode(encode(phrase)))
    figure.supxlabel("seconds")
    figure.supylabel("symbols (· a space)")
    figure.savefig(settings.checkpoints / "tts/attention.png", dpi=80)


if __name__ == "__main__":
    main()
