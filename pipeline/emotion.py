"""BERT: text → one of seven emotions with all their probabilities, and whether it is sure enough to be named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, BertForSequenceClassification

from pipeline.errors import WeightsMissing
from pipeline.korean import normalise
from pipeline.pretrained import load_strictly
from pipeline.turn import EMOTIONS, Emotion

MAX_TOKENS = 128
# Our model was trained on written and on spoken sentences, told apart by a first token; a talk is spoken and everyday.
SOURCE_TOKENS = {"single": "[SINGLE]", "dialog": "[DIALOG]", "story": "[STORY]", "voice": "[VOICE]"}

UNCALIBRATED_THRESHOLD = 0.5
"""Least probability of an emotion that is named where nothing was measured: more likely right than wrong, if believed."""


@dataclass(frozen=True)
class Calibration:
    """How far a model's probabilities can be believed: ``calibration`` in its config.json, by `training.calibrate_emotion`.

    temperature: by source, what the logits are divided by (Guo et al. 2017); threshold: the least probability of the
    best class at which it is named as what the person feels. A model without an entry (the Hub's) gets the defaults.
    """

    temperature: Mapping[str, float] = field(default_factory=dict)
    threshold: float = UNCALIBRATED_THRESHOLD

    @classmethod
    def of(cls, entry: Mapping[str, Any] | None) -> Calibration:
        """Raises `WeightsMissing` for an entry that is none."""
        if entry is None:
            return cls()
        try:
            temperature = {source: float(value) for source, value in entry["temperature"].items()}
            made = cls(temperature, float(entry["threshold"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise WeightsMissing(f"not a calibration: {entry!r}") from error
        if set(entry) != {"temperature", "threshold"} or set(temperature) != set(SOURCE_TOKENS):
            raise WeightsMissing(f"a calibration of other parts: {entry!r}")
        if not all(0.05 <= value <= 20 for value in temperature.values()) or not 0 <= made.threshold <= 1:
            raise WeightsMissing(f"a calibration that makes no sense: {entry!r}")
        return made


class BertEmotionReader:
    """Reads with a Hugging Face folder. The labels are `EMOTIONS` by index: names in config.json are not trusted."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        torch.set_num_threads(threads)
        self.model = load_strictly(BertForSequenceClassification, folder)
        if self.model.config.num_labels != len(EMOTIONS):
            raise WeightsMissing(f"{folder} tells {self.model.config.num_labels} classes apart, not {len(EMOTIONS)}")
        self.calibration = Calibration.of(getattr(self.model.config, "calibration", None))
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # a broken file raises one of several kinds
            raise WeightsMissing(f"no usable tokenizer in {folder}: {error}") from error

    def read(self, text: str) -> Emotion:
        scores = self.probabilities([text])[0].tolist()
        best = max(range(len(EMOTIONS)), key=scores.__getitem__)
        sure = scores[best] >= self.calibration.threshold
        return Emotion(EMOTIONS[best], dict(zip(EMOTIONS, scores, strict=True)), sure)

    def probabilities(self, texts: list[str], source: str = "voice") -> torch.Tensor:
        """(texts, 7), calibrated, rows sum to 1. source: a key of SOURCE_TOKENS, the style of the texts."""
        return (self.logits(texts, source) / self.calibration.temperature.get(source, 1.0)).softmax(-1)

    @torch.inference_mode()
    def logits(self, texts: list[str], source: str = "voice") -> torch.Tensor:
        """(texts, 7), as the model gives them. The source is told to a model that has a token for it."""
        token = SOURCE_TOKENS[source]
        texts = [normalise(text) for text in texts]  # as in training
        if token in self.tokenizer.get_vocab():
            texts = [f"{token} {text}" for text in texts]
        batch = self.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=MAX_TOKENS)
        batch = batch.to(self.model.device)
        return self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.cpu()
