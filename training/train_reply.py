"""Train the compact GPT2LMHeadModel.

    python -m training.train_reply pretrain --minutes 60   # tokenizer and language model
    python -m training.train_reply tune --minutes 30       # dialogues, loss on the answers only
    python -m training.train_reply export                  # → checkpoints/reply
    python -m training.train_reply all --tiny --run DIR --out DIR

A row is up to three earlier exchanges, what was said with its emotion, and the answer, as `pipeline.reply.PROMPTS` writes
it. The emotion of what was said is read by the BERT of ``checkpoints/emotion``: most dialogues carry none of our seven.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from pipeline import reply_guard, safety
from pipeline.emotion import BertEmotionReader
from pipeline.korean import normalise
from pipeline.reply import HISTORY, PROMPTS
from pipeline.turn import EMOTIONS, Exchange
from training import data, loop, text_corpus

log = logging.getLogger(__name__)

SPECIAL = ["<pad>", "<unk>", "</s>", "<mask>", "<usr>", "<emo>", "<sys>"]
PAD, END = 0, 2
SIZES = {"n_embd": 256, "n_layer": 4, "n_head": 4, "n_positions": 256}
VOCABULARY = 8_000
ROW = 128
PROMPT = PROMPTS["jiwoo"]


@dataclass(frozen=True)
class Row:
    """One answer to learn: ``history`` and ``said`` are its context."""

    history: tuple[Exchange, ...]
    said: str
    answer: str


def rows_of(dialogue: data.Dialogue) -> list[Row]:
    """Every bot turn of a dialogue as a row; crisis talk and answers that `safety` refuses are left out."""
    exchanges = [
        Exchange(normalise(user), normalise(bot))
        for (role, user), (other, bot) in itertools.pairwise(dialogue.turns)
        if (role, other) == ("user", "bot")
    ]
    rows = []
    for i, exchange in enumerate(exchanges):
        if safety.assess(exchange.user).level or reply_guard.unsafe(exchange.reply):
            break  # what follows would be the rest of a crisis talk
        rows.append(Row(tuple(exchanges[max(0, i - HISTORY) : i]), exchange.user, exchange.reply))
    return rows


def config(vocabulary: int, sizes: dict) -> GPT2Config:
    return GPT2Config(
        vocab_size=vocabulary, bos_token_id=END, eos_token_id=END, pad_token_id=PAD, prompt="jiwoo",
        resid_pdrop=0.1, embd_pdrop=0.1, attn_pdrop=0.1, **sizes,
    )  # fmt: skip


def pretrain(tokenizer: Tokenizer, texts: list[str], sizes: dict, args) -> None:
    model = GPT2LMHeadModel(config(tokenizer.get_vocab_size(), sizes)).to(loop.device())
    path = args.run / "pretrained.pt"
    if path.exists():
        model.load_state_dict(torch.load(path), strict=True)
    rows = torch.from_numpy(text_corpus.packed(tokenizer, texts, END, args.row).astype(np.int64))
    log.info("%d rows of %d tokens", *rows.shape)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    order = itertools.cycle(torch.randperm(len(rows)).split(args.batch))

    def step() -> torch.Tensor:
        ids = rows[next(order)].to(model.device)
        with torch.autocast(model.device.type, torch.bfloat16):
            return F.cross_entropy(model(ids).logits[:, :-1].transpose(1, 2).float(), ids[:, 1:])

    loop.train(
        step,
        optimiser,
        "pretrain",
        minutes=args.minutes,
        steps=args.steps,
        report=args.report,
        save=lambda: torch.save(model.state_dict(), path),
        history=args.run / "history.jsonl",
    )


def encode(tokenizer: Tokenizer, row: Row, emotion: str) -> tuple[list[int], int]:
    """Token ids of a row, and where its answer begins; the oldest tokens go where there are too many."""
    prompt = tokenizer.encode(PROMPT.of(row.said, emotion, row.history), add_special_tokens=False).ids
    answer = [*tokenizer.encode(row.answer, add_special_tokens=False).ids, END]
    prompt = prompt[-max(1, SIZES["n_positions"] - len(answer)) :]
    return (prompt + answer)[: SIZES["n_positions"]], len(prompt)


def emotions_of(rows: list[Row], run: Path, checkpoint: Path | None) -> list[str]:
    """The emotion of each row's ``said`` by the BERT of ``checkpoint``, kept in ``run``; 중립 without one."""
    path = run / "emotions.txt"
    if checkpoint is None:
        return ["중립"] * len(rows)
    weights = checkpoint / "model.safetensors"
    if not path.exists() or path.stat().st_mtime < weights.stat().st_mtime:
        bert, best = BertEmotionReader(checkpoint, torch.get_num_threads()), []
        for start in range(0, len(rows), 64):
            scores = bert.probabilities([row.said for row in rows[start : start + 64]])
            best += [EMOTIONS[i] for i in scores.argmax(-1).tolist()]
        path.write_text("\n".join(best), "utf-8")
    return path.read_text("utf-8").split()


def tune(tokenizer: Tokenizer, rows: list[Row], emotions: list[str], sizes: dict, args) -> None:
    model = GPT2LMHeadModel(config(tokenizer.get_vocab_size(), sizes)).to(loop.device())
    path = args.run / "tuned.pt"
    model.load_state_dict(
        torch.load(path if path.exists() and args.resume else args.run / "pretrained.pt"), strict=True
    )
    encoded = [encode(tokenizer, row, emotion) for row, emotion in zip(rows, emotions, strict=True)]
    random.Random(0).shuffle(encoded)
    held_out, train = encoded[: args.held_out], encoded[args.held_out :]
    optimiser = torch.optim.AdamW(model.parameters(), args.rate, weight_decay=0.01)
    stream = loop.grouped([len(ids) for ids, _ in train], args.tokens, random.Random(0))
    model.train()

    def step() -> torch.Tensor:
        return answer_loss(model, [train[i] for i in next(stream)])

    loop.train(
        step,
        optimiser,
        "tune",
        minutes=args.minutes,
        steps=args.steps,
        report=args.report,
        measure=lambda: {"held_out": _held_out(model, held_out)},
        save=lambda: torch.save(model.state_dict(), path),
        history=args.run / "history.jsonl",
    )


def answer_loss(model: GPT2LMHeadModel, batch: list[tuple[list[int], int]]) -> torch.Tensor:
    """Cross-entropy a token of the answers alone; the prompts are only context."""
    ids = nn.utils.rnn.pad_sequence([torch.tensor(row) for row, _ in batch], batch_first=True).to(model.device)
    labels = torch.full_like(ids, -100)
    for i, (row, begin) in enumerate(batch):
        labels[i, begin : len(row)] = ids[i, begin : len(row)]
    with torch.autocast(model.device.type, torch.bfloat16):
        hidden = model.transformer(ids, attention_mask=ids != PAD)[0][:, :-1]
        kept = labels[:, 1:] != -100
        return F.cross_entropy(model.lm_head(hidden[kept]).float(), labels[:, 1:][kept])


@torch.no_grad()
def _held_out(model: GPT2LMHeadModel, rows: list[tuple[list[int], int]]) -> float:
    model.eval()
    losses = [answer_loss(model, rows[start : start + 32]).item() for start in range(0, len(rows), 32)]
    model.train()
    return float(np.mean(losses))


def shared_rows(root: Path) -> list[Row]:
    """The training parts of the dialogue corpora; emodialog's test part is for `training.evaluate`."""
    dialogues = [d for d in data.emodialog(root) if d.split == "train"]
    dialogues += [*data.wellness(root), *data.songys(root), *data.kmi(root)]
    return [row for dialogue in dialogues for row in rows_of(dialogue)]


def gamsung_rows(folder: Path) -> list[Row]:
    """AI Hub 감성대화 as it is handed out (.json or .xlsx)."""
    return [row for dialogue in data.gamsung(folder) for row in rows_of(dialogue)]


def made_up() -> list[Row]:
    first = Exchange("안녕하세요 오늘 기분이 좋아요", "좋은 일이 있으셨군요.")
    return [Row((), first.user, first.reply), Row((first,), "친구를 만났어요", "친구와 즐거우셨겠어요.")] * 8


def export(tokenizer: Tokenizer, sizes: dict, run: Path, out: Path) -> None:
    """A stock Hugging Face folder, weights in float16."""
    model = GPT2LMHeadModel(config(tokenizer.get_vocab_size(), sizes))
    model.load_state_dict(torch.load(run / "tuned.pt", map_location="cpu"), strict=True)
    model.half().save_pretrained(out)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="</s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        mask_token="<mask>", model_max_length=SIZES["n_positions"],
    )  # fmt: skip
    fast.save_pretrained(out)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["pretrain", "tune", "export", "all"])
    parser.add_argument("--corpus", nargs=2, metavar=("KIND", "DIR"), default=("shared", str(data.data_root())))
    parser.add_argument(
        "--emotion", type=Path, default=Path("checkpoints/emotion"), help="the BERT that labels the rows"
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=16, help="rows a step in pretraining")
    parser.add_argument("--tokens", type=int, default=2_000, help="padded tokens a step in tuning")
    parser.add_argument("--rate", type=float, default=5e-4, help="peak learning rate of tuning")
    parser.add_argument("--everyday", type=int, default=60, help="megabytes of everyday text to pretrain on")
    parser.add_argument("--written", type=int, default=10, help="megabytes of written text")
    parser.add_argument("--held-out", type=int, default=1_000, help="rows to watch the tuning with")
    parser.add_argument("--resume", action="store_true", help="tune on from tuned.pt")
    parser.add_argument("--report", type=float, default=120, help="seconds between measurements")
    parser.add_argument("--run", type=Path, default=Path("runs/reply"))
    parser.add_argument("--out", type=Path, default=Path("checkpoints/reply"))
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(0)
    args.row, sizes, vocabulary = ROW, SIZES, VOCABULARY
    labels: Path | None = args.emotion
    if args.tiny:
        args.steps, args.report, args.batch, args.row, args.held_out = min(args.steps, 8), 0.0, 2, 16, 2
        sizes, vocabulary, labels = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 256}, 200, None
        rows = made_up()
        texts = [part for row in rows for part in (row.said, row.answer)] * 8
    else:
        rows = {"shared": shared_rows, "gamsung": gamsung_rows}[args.corpus[0]](Path(args.corpus[1]))
        texts = []
        if args.what in ("pretrain", "all"):
            texts = text_corpus.lines(data.data_root(), args.everyday, args.written)
            texts += [part for row in rows for part in (row.said, row.answer)]
            random.Random(1).shuffle(texts)
    log.info("%d rows", len(rows))
    tokenizer = text_corpus.kept(args.run / "tokenizer.json", lambda: text_corpus.byte_pair(texts, vocabulary, SPECIAL))
    if args.what in ("pretrain", "all"):
        pretrain(tokenizer, texts, sizes, args)
    if args.what in ("tune", "all"):
        tune(tokenizer, rows, emotions_of(rows, args.run, labels), sizes, args)
    if args.what in ("export", "all"):
        export(tokenizer, sizes, args.run, args.out)


if __name__ == "__main__":
    main()
