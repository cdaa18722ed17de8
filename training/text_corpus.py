"""Text for pretraining and the tokenizers made from it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from pipeline.korean import normalise
from training import data

EVERYDAY = ("nsmc.txt.xz", "3i4k.txt.xz", "petitions.txt.xz")
WRITTEN = ("kowiki_120MB.txt.xz",)
ALPHABET = 2_200


def lines(root: Path, everyday: int, written: int) -> list[str]:
    """Shuffled lines: all but the last ``everyday`` and ``written`` megabytes of characters of each kind, about."""
    chosen: list[str] = []
    for names, megabytes in ((EVERYDAY, everyday), (WRITTEN, written)):
        for name in names:
            budget = megabytes * 1_000_000 // len(names) // 2  # a Korean character is about 2.5 bytes with its spaces
            for line in data.lines(root, name):
                text = normalise(line)
                if len(text) >= 5:
                    chosen.append(text)
                    budget -= len(text)
                if budget < 0:
                    break
    random.Random(0).shuffle(chosen)
    return chosen


def word_piece(texts: Iterable[str], size: int, special: list[str]) -> Tokenizer:
    """BERT's tokenizer: WordPiece on words and marks."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=special, limit_alphabet=ALPHABET, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def byte_pair(texts: Iterable[str], size: int, special: list[str]) -> Tokenizer:
    """GPT-2's tokenizer in KoGPT2's manner: character BPE with the space as part of a word; a word that begins a text is
    the same piece as elsewhere."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, limit_alphabet=ALPHABET, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def kept(path: Path, make: Callable[[], Tokenizer]) -> Tokenizer:
    """The tokenizer stored in ``path``; made and stored there first if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        make().save(str(path))
    return Tokenizer.from_file(str(path))


def packed(tokenizer: Tokenizer, texts: list[str], end: int, length: int) -> np.ndarray:
    """All texts as token ids, each followed by ``end``, cut into rows: uint16 (rows, length)."""
    encoded = (
        encoding.ids
        for part in _chunks(texts, 10_000)
        for encoding in tokenizer.encode_batch(part, add_special_tokens=False)
    )
    flat = np.fromiter(itertools.chain.from_iterable([*ids, end] for ids in encoded), np.uint16)
    return flat[: len(flat) // length * length].reshape(-1, length)


def _chunks(items: list[str], size: int) -> Iterator[list[str]]:
    return (items[i : i + size] for i in range(0, len(items), size))
