"""How the page looks, and the parts of it that stand still: theme, help lines, example clips, the table of models."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from pipeline.load import ModelInfo

CSS = Path(__file__).with_name("style.css")
# Fonts of the visitor's own system: no font server learns who comes here.
FONTS = ("Pretendard", "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", "sans-serif")

TITLE = """# 지우
이야기를 듣고 마음을 함께 살펴보는 한국어 음성 상담 데모예요. **AI 데모이며 치료가 아닙니다.**"""
WAVE = gr.WaveformOptions(waveform_color="#a8a29e", waveform_progress_color="#0f766e")
STAGES = {"stt": "받아쓰기 (Wav2Vec2)", "emotion": "감정 (BERT)", "reply": "대답 (GPT-2)", "tts": "목소리 (Tacotron)"}
LOCKS = {"locked": "고정됨", "not locked": "고정되지 않음"}
SOURCES = {"bundled": "함께 들어 있음", "hub": "Hugging Face Hub", "missing": "없음"}


@dataclass(frozen=True)
class Example:
    """A clip that a visitor can try with one click."""

    path: Path
    text: str
    emotion: str
    origin: str


def theme() -> gr.themes.Base:
    """Calm green on warm grey; every text colour reaches a contrast of 4.5 on its ground."""
    calm = gr.themes.Soft(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        text_size=gr.themes.sizes.text_lg,
        radius_size=gr.themes.sizes.radius_lg,
        font=FONTS,
        font_mono=("ui-monospace", "monospace"),
    )
    return calm.set(
        body_background_fill="*neutral_100",
        block_border_width="1px",
        block_border_color="*neutral_300",
        input_border_width="1px",
        input_border_color="*neutral_500",
        button_secondary_border_color="*neutral_400",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*primary_800",
        block_label_background_fill="*primary_50",
        block_title_text_color="*primary_800",
        block_title_background_fill="none",
        block_title_padding="0",
        block_label_background_fill_dark="*primary_800",
        block_title_text_color_dark="*primary_100",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_300",
        link_text_color="*primary_700",
        link_text_color_hover="*primary_800",
        link_text_color_visited="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited_dark="*primary_300",
        button_secondary_background_fill_hover_dark="*neutral_700",
        checkbox_border_color="*neutral_500",
        checkbox_background_color_selected="*primary_700",
        checkbox_border_color_selected="*primary_700",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_text_color_selected="*primary_800",
        checkbox_label_background_fill_selected_dark="*primary_800",
        checkbox_label_text_color_selected_dark="*primary_100",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
    )


def examples(folder: Path) -> list[Example]:
    """The rows of manifest.csv (path, text, emotion, origin) whose clip is there; none when there is no manifest."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        return []
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = [Example(folder / r["path"], r["text"], r["emotion"], r["origin"]) for r in csv.DictReader(lines)]
    return [example for example in rows if example.path.is_file()]


def notices(models: Sequence[ModelInfo]) -> str:
    """What a visitor should know of the weights in use, each sentence once; empty when all is as it should be."""
    return " ".join(dict.fromkeys(model.notice for model in models if model.notice))
