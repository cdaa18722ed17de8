"""Speak the six example clips with the project's own voice: examples/*.wav and examples/manifest.csv.

python -m training.make_examples
"""

from __future__ import annotations

import csv

from pipeline import audio, load
from pipeline.settings import ROOT, Settings
from pipeline.turn import Speech

ORIGIN = "지우의 Tacotron 목소리로 합성 (synthesised by this project's voice)"
CLIPS = {
    "happy": ("행복", "오늘 친구가 깜짝 선물을 줘서 정말 행복했어요."),
    "sad": ("슬픔", "오래 키우던 강아지가 떠나서 너무 슬퍼요."),
    "angry": ("분노", "동생이 내 물건을 또 망가뜨려서 너무 화가 나요."),
    "afraid": ("공포", "밤에 혼자 있으면 자꾸 무서운 생각이 들어요."),
    "surprised": ("놀람", "갑자기 큰 소리가 나서 정말 깜짝 놀랐어요."),
    "disgusted": ("혐오", "길에 쓰레기를 버리는 사람을 보면 정말 역겨워요."),
}


def main() -> None:
    folder = ROOT / "examples"
    speaker = load.LoadedStages(Settings.from_env()).speaker
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "text", "emotion", "origin"])
        for name, (emotion, text) in CLIPS.items():
            audio.write_wav(folder / f"{name}.wav", Speech(tuple(speaker.speak(text))).audio)
            rows.writerow([f"{name}.wav", text, emotion, ORIGIN])


if __name__ == "__main__":
    main()
