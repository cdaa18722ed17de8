"""Train the compact BertForSequenceClassification.

    python -m training.train_emotion vectors                 # tokenizer, and token vectors from counts
    python -m training.train_emotion pretrain --minutes 60   # masked language model, begun with the vectors (optional)
    python -m training.train_emotion tune --minutes 30       # seven classes, written and spoken rows together
    python -m training.train_emotion export                  # → checkpoints/emotion
    python -m training.train_emotion all --tiny --run DIR --out DIR

The two corpora disagree in style and in how often each class occurs, so each row begins with a token of its source; a
talk is read as ``[VOICE]``. Rows of either test split of emotion7 are left out of training.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import logging
import random
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, processors
from torch import nn
from torch.nn import functional as F
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, PreTrainedTokenizerFast

from pipeline.emotion import MAX_TOKENS, SOURCE_TOKENS
from pipeline.korean import normalise
from pipeline.turn import EMOTIONS
from training import data, loop, teacher, text_corpus, vectors
from training.speech_level import polite

log = logging.getLogger(__name__)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SOURCE_TOKENS.values()]
PAD, CLS, SEP, MASK = 0, 2, 3, 4
SIZES = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}
VOCABULARY = 24_000
ROW = 96
MASKED = 0.15
RAREST = 3
"""Rows that an n-gram must occur in for the teacher to know it."""
VECTOR_SCALE = 0.05
"""Standard deviation of the token vectors that a model begins with; BERT's own start is 0.02."""
OPINION = 1.5
"""What a token says of the classes beside what it means, in standard deviations of the vectors."""
TAUGHT = 0.7
"""Share of the teacher's opinion in what a row should be read as; rows without a label are the teacher's alone."""
MORE_LINES = 80_000
"""Lines of each everyday corpus that the teacher reads to it."""
OPTIMISERS: dict[str, type[torch.optim.Optimizer]] = {"radam": torch.optim.RAdam, "adamw": torch.optim.AdamW}


def config(vocabulary: int, sizes: dict) -> BertConfig:
    return BertConfig(
        vocab_size=vocabulary, max_position_embeddings=MAX_TOKENS, num_labels=len(EMOTIONS), pad_token_id=PAD,
        hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
        id2label=dict(enumerate(EMOTIONS)), label2id={label: i for i, label in enumerate(EMOTIONS)}, **sizes,
    )  # fmt: skip


def masked(rows: torch.Tensor, vocabulary: int) -> tuple[torch.Tensor, torch.Tensor]:
    """BERT's corruption (Devlin et al. 2018): of MASKED places 80 % [MASK], 10 % another token, 10 % as is."""
    hidden = (torch.rand(rows.shape) < MASKED) & (rows >= len(SPECIAL))
    labels = torch.where(hidden, rows, -100)
    draw = torch.rand(rows.shape)
    corrupted = torch.where(hidden & (draw < 0.8), MASK, rows)
    other = torch.randint(len(SPECIAL), vocabulary, rows.shape)
    return torch.where(hidden & (draw > 0.9), other, corrupted), labels


@torch.no_grad()
def start_with_vectors(model: nn.Module, known: np.ndarray) -> None:
    """The token embedding begins with ``known`` (vocabulary, size); tokens of which it holds nothing keep their random start."""
    vectors_ = torch.from_numpy(known)
    seen = vectors_.abs().sum(1) > 0
    model.get_input_embeddings().weight[seen] = VECTOR_SCALE * vectors_[seen]


def pretrain(tokenizer: Tokenizer, texts: list[str], sizes: dict, args) -> None:
    model = BertForMaskedLM(config(tokenizer.get_vocab_size(), sizes)).to(loop.device())
    path = args.run / "pretrained.pt"
    if path.exists():
        model.load_state_dict(torch.load(path), strict=True)
    else:
        start_with_vectors(model, np.load(args.run / "vectors.npy"))
    rows = torch.from_numpy(text_corpus.packed(tokenizer, texts, SEP, args.row - 1).astype(np.int64))
    log.info("%d rows of %d tokens", *rows.shape)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    order = itertools.cycle(torch.randperm(len(rows)).split(args.batch))
    start = torch.full((args.batch, 1), CLS)

    def step() -> torch.Tensor:
        picked = rows[next(order)]
        ids, labels = masked(torch.cat([start[: len(picked)], picked], 1), tokenizer.get_vocab_size())
        ids, labels = ids.to(model.device), labels.to(model.device)
        with torch.autocast(model.device.type, torch.bfloat16):
            hidden = model.bert(ids)[0]
            kept = labels != -100
            # Only the masked places go through the vocabulary-wide output layer.
            loss = F.cross_entropy(model.cls(hidden[kept]).float(), labels[kept], reduction="sum")
            return loss / kept.sum().clamp(min=1)  # a small batch may have no masked place

    loop.train(step, optimiser, "pretrain", minutes=args.minutes, steps=args.steps, report=args.report,
               save=lambda: torch.save(model.state_dict(), path), history=args.run / "history.jsonl")  # fmt: skip


@torch.no_grad()
def start_as_bag(model: BertForSequenceClassification) -> None:
    """Begin as a bag of words: the first layer hands [CLS] the mean of all tokens, the others pass on what they get.

    Every part stays trainable. From random weights [CLS] first has to find out that it should look at the words, which
    takes longer than two cores have (training/README.md); a post-norm layer whose outputs are 0 is the identity, because
    the layer norm of something normal changes nothing.
    """
    first, *others = model.bert.encoder.layer
    for projection in (first.attention.self.query, first.attention.self.key):
        projection.weight.mul_(0.1)
    for projection in (first.attention.self.value, first.attention.output.dense, model.bert.pooler.dense):
        nn.init.eye_(projection.weight)
    for layer in others:
        nn.init.zeros_(layer.attention.output.dense.weight)
    for layer in (first, *others):
        nn.init.zeros_(layer.output.dense.weight)


def goal(row: data.EmotionRow) -> torch.Tensor:
    """The row's distribution over the classes: its votes where it has some, else its label. float (7,)."""
    votes = [vote for vote in row.votes if vote in EMOTIONS] or [row.label]
    return torch.tensor([votes.count(label) / len(votes) for label in EMOTIONS])


def encode(tokenizer: Tokenizer, rows: list[data.EmotionRow]) -> list[list[int]]:
    texts = [f"{SOURCE_TOKENS[row.source]} {normalise(row.text)}" for row in rows]
    return [encoding.ids[:MAX_TOKENS] for encoding in tokenizer.encode_batch(texts)]


def said_politely(row: data.EmotionRow) -> data.EmotionRow:
    return dataclasses.replace(row, text=polite(row.text))


def lessons(rows: list[data.EmotionRow], taught: np.ndarray) -> tuple[list[data.EmotionRow], torch.Tensor]:
    """Rows and the distribution to learn for each, float (rows, 7): ``rows``, their label mixed with the teacher's opinion,
    and the same rows as if from each other source, where the teacher's opinion alone counts.

    taught: what `teacher.thoughts` says of the rows.
    """
    opinion = torch.from_numpy(taught).float()
    own = torch.tensor([teacher.SOURCES.index(row.source) for row in rows])
    told = torch.stack([goal(row) for row in rows])
    goals = [TAUGHT * opinion[torch.arange(len(rows)), own] + (1 - TAUGHT) * told]
    all_rows = list(rows)
    for column, source in enumerate(teacher.SOURCES):
        all_rows += [dataclasses.replace(row, source=source) for row in rows if row.source != source]
        goals.append(opinion[own != column, column])
    return all_rows, torch.cat(goals)


def tune(
    tokenizer: Tokenizer, train: list[data.EmotionRow], others: list[data.EmotionRow], held_out: list[data.EmotionRow],
    sizes: dict, args,
) -> None:  # fmt: skip
    """``others``: rows whose label is not looked at."""
    model = BertForSequenceClassification(config(tokenizer.get_vocab_size(), sizes)).to(loop.device())
    taught, told = teacher.thoughts(train, others, args.rarest)
    if (args.run / "tuned.pt").exists() and args.resume:
        model.load_state_dict(torch.load(args.run / "tuned.pt"), strict=True)
    elif args.start == "bag":
        start_as_bag(model)
        logs = np.log(taught).reshape(len(train), -1)
        says = vectors.opinions(encode(tokenizer, train), logs, tokenizer.get_vocab_size())
        known = np.load(args.run / "vectors.npy")[:, : sizes["hidden_size"] - says.shape[1]]
        start_with_vectors(model, np.hstack([OPINION * says, known]))
    else:
        start = torch.load(args.run / "pretrained.pt")
        body = {name.removeprefix("bert."): value for name, value in start.items() if name.startswith("bert.")}
        model.bert.load_state_dict(body, strict=False)  # the pooler is new
    rows, goals = lessons(train, taught)
    rows, goals = rows + others, torch.cat([goals, torch.from_numpy(told).float()])
    # What is said politely is felt no less; the corpora's speakers hardly ever say 해요, who speaks to a counsellor does.
    plain, politely = encode(tokenizer, rows), encode(tokenizer, [said_politely(row) for row in rows])
    # No weight decay: RAdam's adds to the gradient, which is then made the size of a step, and rare tokens melt away.
    # With the usual 0.999 a token that comes once in a thousand steps is thrown thirty times the rate by each example.
    optimiser = OPTIMISERS[args.optimiser](model.parameters(), args.rate, betas=(0.9, 0.98), weight_decay=0.0)
    rng = random.Random(0)
    stream = loop.grouped([len(row) for row in plain], args.tokens, rng)
    model.train()

    def step() -> torch.Tensor:
        picked = next(stream)
        ids = [torch.tensor(rng.choice((plain, politely))[i]) for i in picked]
        x = nn.utils.rnn.pad_sequence(ids, batch_first=True).to(model.device)
        with torch.autocast(model.device.type, torch.bfloat16):
            logits = model(input_ids=x, attention_mask=x != PAD).logits.float()
        return F.cross_entropy(logits, goals[picked].to(model.device))

    loop.train(step, optimiser, f"tune {args.optimiser}", minutes=args.minutes, steps=args.steps, report=args.report,
               measure=lambda: accuracy(model, tokenizer, held_out), save=lambda: torch.save(model.state_dict(), args.run / "tuned.pt"),
               history=args.run / "history.jsonl")  # fmt: skip


@torch.inference_mode()
def accuracy(
    model: BertForSequenceClassification, tokenizer: Tokenizer, rows: list[data.EmotionRow]
) -> dict[str, float]:
    """Share of right labels, by source."""
    model.eval()
    right: dict[str, list[bool]] = {}
    rows = sorted(rows, key=lambda row: len(row.text))  # little padding
    for start in range(0, len(rows), 256):
        part = rows[start : start + 256]
        ids = [torch.tensor(row) for row in encode(tokenizer, part)]
        x = nn.utils.rnn.pad_sequence(ids, batch_first=True).to(model.device)
        best = model(input_ids=x, attention_mask=x != PAD).logits.argmax(-1).tolist()
        for row, label in zip(part, best, strict=True):
            right.setdefault(row.source, []).append(EMOTIONS[label] == row.label)
    model.train()
    return {f"accuracy_{source}": float(np.mean(values)) for source, values in right.items()}


def shared_rows(root: Path) -> tuple[list[data.EmotionRow], list[data.EmotionRow]]:
    """Training rows, what people say in dialogues among them, and 2,000 of the corpora's held out to watch the training (the
    test splits are for `training.evaluate`)."""
    rows = data.emotion7(root) + data.emotion_voice(root)
    rows = [row for row in rows if "test" not in (row.random_split, row.grouped_split)]
    random.Random(0).shuffle(rows)
    return rows[2_000:] + told_rows(root), rows[:2_000]


def told_rows(root: Path) -> list[data.EmotionRow]:
    """What people say first in dialogues whose emotion is known, and whatever they say in glad ones; other feelings soon turn into
    plans. Those of the corpora count as stories, our own as what is said to the page."""
    told: dict[str, data.EmotionRow] = {}
    sources: dict[data.EmotionSource, list[data.Dialogue]] = {
        "voice": data.talks(), "story": data.emodialog(root) + data.wellness(root)
    }  # fmt: skip
    for source, dialogues in sources.items():
        for dialogue in (dialogue for dialogue in dialogues if dialogue.split != "test"):
            label = data.emotion_of(dialogue.emotion)
            said = [text for role, text in dialogue.turns if role == "user"]
            for text in (said if label == "행복" else said[:1]) if label else ():
                told.setdefault(text, data.EmotionRow(text, label, source))
    return list(told.values())


def unlabelled(root: Path) -> list[data.EmotionRow]:
    """What people say in the dialogues and everyday corpora, as if from each source in turn; no row has a label."""
    dialogues = [d for d in data.emodialog(root) if d.split == "train"] + data.wellness(root) + data.songys(root)
    texts = [text for dialogue in dialogues for role, text in dialogue.turns if role == "user"]
    for name in ("nsmc.txt.xz", "3i4k.txt.xz"):
        texts += itertools.islice(data.lines(root, name), MORE_LINES)
    sources: list[data.EmotionSource] = ["single", "dialog", "story", "voice"]
    return [data.EmotionRow(text, "", source) for text, source in zip(texts, itertools.cycle(sources), strict=False)]


def aihub_rows(folder: Path) -> tuple[list[data.EmotionRow], list[data.EmotionRow]]:
    """The two workbooks as AI Hub hands them out, in one folder."""
    rows = data.aihub_single(folder / "한국어_단발성_대화_데이터셋.xlsx")
    rows += data.aihub_continuous(folder / "한국어_연속적_대화_데이터셋.xlsx")[0]
    random.Random(0).shuffle(rows)
    return rows[2_000:], rows[:2_000]


def made_up() -> list[data.EmotionRow]:
    texts = {"행복": "오늘 정말 신나요", "슬픔": "눈물이 자꾸 나요", "분노": "너무 화가 나요", "중립": "그냥 그래요"}
    return [data.EmotionRow(text, label, "voice") for label, text in texts.items()] * 6


def make_tokenizer(texts: list[str], size: int) -> Tokenizer:
    tokenizer = text_corpus.word_piece(texts, size, SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    return tokenizer


def export(tokenizer: Tokenizer, sizes: dict, run: Path, out: Path) -> None:
    """A stock Hugging Face folder, weights in float16."""
    model = BertForSequenceClassification(config(tokenizer.get_vocab_size(), sizes))
    model.load_state_dict(torch.load(run / "tuned.pt", map_location="cpu"), strict=True)
    model.half().save_pretrained(out)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_max_length=MAX_TOKENS,
    )  # fmt: skip
    fast.save_pretrained(out)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["vectors", "pretrain", "tune", "export", "all"])
    parser.add_argument("--corpus", nargs=2, metavar=("KIND", "DIR"), default=("shared", str(data.data_root())))
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=32, help="rows a step in pretraining")
    parser.add_argument("--tokens", type=int, default=2_000, help="padded tokens a step in tuning")
    parser.add_argument("--rate", type=float, default=5e-4, help="peak learning rate of tuning")
    parser.add_argument("--optimiser", choices=sorted(OPTIMISERS), default="radam")
    parser.add_argument("--everyday", type=int, default=60, help="megabytes of everyday text to pretrain on")
    parser.add_argument("--written", type=int, default=20, help="megabytes of written text")
    parser.add_argument("--start", choices=["pretrained", "bag"], default="bag", help="what tuning begins with")
    parser.add_argument("--resume", action="store_true", help="tune on from tuned.pt")
    parser.add_argument("--report", type=float, default=120, help="seconds between measurements")
    parser.add_argument("--run", type=Path, default=Path("runs/emotion"))
    parser.add_argument("--out", type=Path, default=Path("checkpoints/emotion"))
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(0)
    args.row, args.rarest, sizes = ROW, RAREST, SIZES
    if args.tiny:
        args.steps, args.report, args.batch, args.row, vocabulary = min(args.steps, 8), 0.0, 2, 16, 200
        args.rarest = 1
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        train, others, held_out = made_up(), made_up()[:2], made_up()
        texts = [row.text for row in train] * 8
    else:
        vocabulary, root = VOCABULARY, Path(args.corpus[1])
        train, held_out = {"shared": shared_rows, "aihub": aihub_rows}[args.corpus[0]](root)
        others = unlabelled(data.data_root()) if args.what in ("tune", "all") else []
        texts = []
        if args.what in ("vectors", "pretrain", "all"):
            own = [normalise(row.text) for row in train]
            texts = text_corpus.lines(data.data_root(), args.everyday, args.written) + own
            random.Random(1).shuffle(texts)
    tokenizer = text_corpus.kept(args.run / "tokenizer.json", lambda: make_tokenizer(texts, vocabulary))
    if args.what in ("vectors", "all"):
        rows = text_corpus.packed(tokenizer, texts, SEP, args.row)
        np.save(args.run / "vectors.npy", vectors.token_vectors(rows, tokenizer.get_vocab_size(), sizes["hidden_size"]))
    if args.what in ("pretrain", "all"):
        pretrain(tokenizer, texts, sizes, args)
    if args.what in ("tune", "all"):
        tune(tokenizer, train, others, held_out, sizes, args)
    if args.what in ("export", "all"):
        export(tokenizer, sizes, args.run, args.out)


if __name__ == "__main__":
    main()
