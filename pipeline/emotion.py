"""BERT: text → one of seven emotions with all their probabilities."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoTokenizer, BertForSequenceClassification

from pipeline.errors import WeightsMissing
from pipeline.korean import normalise
from pipeline.pretrained import load_strictly
from pipeline.turn import EMOTIONS, Emotion

MAX_TOKENS = 128
# Our model was trained on written and on spoken sentences, told apart by a first token; a talk is spoken.
SOURCE_TOKENS = {"single": "[SINGLE]", "dialog": "[DIALOG]", "voice": "[VOICE]"}


class BertEmotionReader:
    """Reads with a Hugging Face folder. The labels are `EMOTIONS` by index: names in config.json are not trusted."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        torch.set_num_threads(threads)
        self.model = load_strictly(BertForSequenceClassification, folder)
        if self.model.config.num_labels != len(EMOTIONS):
            raise WeightsMissing(f"{folder} tells {self.model.config.num_labels} classes apart, not {len(EMOTIONS)}")
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # a broken file raises one of several kinds
            raise WeightsMissing(f"no usable tokenizer in {folder}: {error}") from error

    def read(self, text: str) -> Emotion:
        scores = self.probabilities([text])[0].tolist()
        best = max(range(len(EMOTIONS)), key=scores.__getitem__)
        return Emotion(EMOTIONS[best], dict(zip(EMOTIONS, scores, strict=True)))

    @torch.inference_mode()
    def probabilities(self, texts: list[str], source: str = "voice") -> torch.Tensor:
        """(texts, 7), rows sum to 1. source: a key of SOURCE_TOKENS; without effect where the model has no such token."""
        token = SOURCE_TOKENS[source]
        texts = [normalise(text) for text in texts]  # as in training
        if token in self.tokenizer.get_vocab():
            texts = [f"{token} {text}" for text in texts]
        batch = self.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=MAX_TOKENS)
        batch = batch.to(self.model.device)
        return self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.softmax(-1).cpu()
