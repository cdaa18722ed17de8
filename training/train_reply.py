"""Train the compact GPT2LMHeadModel.

    python -m training.train_reply pretrain --minutes 60   # tokenizer; texts from hints of them
    python -m training.train_reply tune --minutes 30       # dialogues: the answers alone, and against other answers
    python -m training.train_reply average --states A B    # optional: the mean of two runs from the same start
    python -m training.train_reply export                  # → checkpoints/reply
    python -m training.train_reply all --tiny --run DIR --out DIR

A row is up to three earlier exchanges, what was said with its emotion, and the answer, as `pipeline.reply.PROMPTS` writes
it. The emotion of what was said is the dialogue's own where it carries one, else read by the BERT of ``checkpoints/emotion``.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from training.speech_level import polite

log = logging.getLogger(__name__)

SPECIAL = ["<pad>", "<unk>", "</s>", "<mask>", "<usr>", "<emo>", "<sys>"]
PAD, END, MARK = 0, 2, 6  # of SPECIAL; MARK begins an answer
SIZES = {"n_embd": 256, "n_layer": 4, "n_head": 4, "n_positions": 256}
VOCABULARY = 8_000
LONGEST_ANSWER = 64
"""Tokens of an answer, its end included."""
PROMPT = PROMPTS["jiwoo"]
UNLIKE_OURS = frozenset(("songys", "wellness"))
"""Corpora of short or general answers, which are learnt without an emotion."""
TIMES = {"plain_talks": 3}
"""Times an epoch that a corpus is read, where not once: our plain answers are few, and what an answer should be like."""


@dataclass(frozen=True)
class Row:
    """One answer to learn: ``history`` and ``said`` are its context; ``emotion``: one of our seven where the corpus tells it;
    corpus: where it is from."""

    history: tuple[Exchange, ...]
    said: str
    answer: str
    emotion: str = ""
    corpus: str = ""


def rows_of(dialogue: data.Dialogue) -> list[Row]:
    """Every bot turn of a dialogue as a row, but for those that the guard of the answers would not let through; at crisis
    talk and at unsafe answers the dialogue ends."""
    exchanges = [
        Exchange(normalise(user), normalise(bot))
        for (role, user), (other, bot) in itertools.pairwise(dialogue.turns)
        if (role, other) == ("user", "bot")
    ]
    rows = []
    for i, exchange in enumerate(exchanges):
        if safety.assess(exchange.user).level or reply_guard.unsafe(exchange.reply):
            break  # what follows would be the rest of a crisis talk
        if reply_guard.fault(exchange.reply, exchange.user):
            continue
        emotion = data.emotion_of(dialogue.emotion)
        rows.append(
            Row(tuple(exchanges[max(0, i - HISTORY) : i]), exchange.user, exchange.reply, emotion, dialogue.source)
        )
    return rows


def said_politely(row: Row) -> Row:
    """The row as somebody would say it who says 해요; the corpora's speakers mostly do not."""
    history = tuple(replace(exchange, user=polite(exchange.user)) for exchange in row.history)
    return replace(row, history=history, said=polite(row.said))


def config(vocabulary: int, sizes: dict) -> GPT2Config:
    return GPT2Config(
        vocab_size=vocabulary, bos_token_id=END, eos_token_id=END, pad_token_id=PAD, prompt="jiwoo",
        resid_pdrop=0.1, embd_pdrop=0.1, attn_pdrop=0.1, **sizes,
    )  # fmt: skip


def hint(text: str, other: str, rng: random.Random) -> str:
    """Some words of a text in any order, some without their endings, and a few of another text among them."""
    words = text.split()
    words = rng.sample(words, max(1, round(len(words) * rng.uniform(0.3, 0.8))))
    words += rng.sample(foreign := other.split(), min(len(foreign), round(len(words) * rng.uniform(0, 0.5))))
    rng.shuffle(words)
    return " ".join(word[: max(2, round(len(word) * rng.uniform(0.5, 1.2)))] for word in words)


Pair = tuple[list[int], list[int]]
"""Token ids of a prompt, which ends before the mark of the answer, and of the answer with its end."""


@dataclass(frozen=True)
class Encoded:
    """A row as token ids: the prompt with and without earlier exchanges, the same under another emotion, the answer with
    its end. Prompts end before the mark of the answer."""

    long: list[int]
    short: list[int]
    otherwise: list[int]
    answer: list[int]
    corpus: str = ""

    @property
    def pair(self) -> Pair:
        return self.long, self.answer


def encode(tokenizer: Tokenizer, row: Row, other: str) -> Encoded:
    """``other``: the emotion of ``otherwise``. The oldest tokens go where there are too many."""

    def prompt(emotion: str, history: tuple[Exchange, ...]) -> list[int]:
        text = PROMPT.of(row.said, emotion, history).removesuffix(PROMPT.answer)
        return tokenizer.encode(text, add_special_tokens=False).ids[-(SIZES["n_positions"] - LONGEST_ANSWER - 1) :]

    answer = tokenizer.encode(row.answer, add_special_tokens=False).ids[: LONGEST_ANSWER - 1]
    return Encoded(
        prompt(row.emotion, row.history), prompt(row.emotion, ()), prompt(other, ()), [*answer, END], row.corpus
    )


def broken(tokenizer: Tokenizer, texts: list[str], tokens: int, rng: random.Random) -> Iterator[list[Pair]]:
    """Endless batches of hints and the texts to rebuild from them, about ``tokens`` in all."""
    # Characters of the text are about the tokens of text and hint together.
    for picked in loop.grouped([len(text) for text in texts], tokens, rng):
        batch = []
        for text in (texts[i] for i in picked):
            ids = tokenizer.encode(text, add_special_tokens=False).ids[: LONGEST_ANSWER - 1]
            asked = PROMPT.user + hint(text, rng.choice(texts), rng)
            given = tokenizer.encode(asked, add_special_tokens=False).ids[: SIZES["n_positions"] - LONGEST_ANSWER - 1]
            batch.append((given, [*ids, END]))
        yield batch


def pretrain(tokenizer: Tokenizer, texts: list[str], sizes: dict, args) -> None:
    """Texts from hints of them: language, and the habit of taking up words, at once.

    A plain language model of this size does not begin to look back at what was said in the time that two cores have
    (training/README.md); rebuilding a broken text rewards it from the start (BART, Lewis et al. 2020, arXiv 1910.13461).
    """
    model = GPT2LMHeadModel(config(tokenizer.get_vocab_size(), sizes)).to(loop.device())
    path = args.run / "pretrained.pt"
    if path.exists():
        model.load_state_dict(torch.load(path), strict=True)
    optimiser = torch.optim.AdamW(model.parameters(), args.rate, weight_decay=0.01)
    batches = broken(tokenizer, texts, args.tokens, random.Random(0))
    model.train()
    loop.train(
        lambda: answer_loss(model, next(batches)),
        optimiser,
        "pretrain",
        minutes=args.minutes,
        steps=args.steps,
        report=args.report,
        save=lambda: torch.save(model.state_dict(), path),
        history=args.run / "history.jsonl",
    )


def felt(rows: list[Row], run: Path, checkpoint: Path | None) -> list[Row]:
    """The rows with the emotion that they are learnt under: their own, else that of ``said`` by the BERT of ``checkpoint``,
    kept in ``run``; 중립 without one.

    Of the rows that have one every second is given BERT's all the same, for that is what a talk will bring. UNLIKE_OURS gets
    none: chit-chat and answers that fit a whole intent teach the language, but a talk always names an emotion, and so they
    are not what it is answered with.
    """
    path = run / "emotions.txt"
    read = ["중립"] * len(rows)
    if checkpoint is not None:
        stale = not path.exists() or path.stat().st_mtime < (checkpoint / "model.safetensors").stat().st_mtime
        read = [] if stale else path.read_text("utf-8").split()
        if len(read) != len(rows):
            bert, read = BertEmotionReader(checkpoint, torch.get_num_threads()), []
            for start in range(0, len(rows), 64):
                scores = bert.probabilities([row.said for row in rows[start : start + 64]])
                read += [EMOTIONS[i] for i in scores.argmax(-1).tolist()]
            path.write_text("\n".join(read), "utf-8")
    return [
        replace(row, emotion="" if row.corpus in UNLIKE_OURS else row.emotion if row.emotion and i % 2 else read[i])
        for i, row in enumerate(rows)
    ]


def tune(tokenizer: Tokenizer, rows: list[Row], own: list[Row], texts: list[str], sizes: dict, args) -> None:
    """The corpora's answers and our ``own``, the same against each other, and still ``texts`` from hints of them.

    What is said is learnt as it is and politely.
    """
    model = GPT2LMHeadModel(config(tokenizer.get_vocab_size(), sizes)).to(loop.device())
    path = args.run / "tuned.pt"
    start = path if path.exists() and args.resume else args.run / "pretrained.pt"
    model.load_state_dict(torch.load(start), strict=True)
    rng = random.Random(0)

    def otherwise(row: Row) -> str:
        return rng.choice([other for other in EMOTIONS if other != (row.emotion or "중립")])

    lessons = [(row, otherwise(row)) for row in rows]
    rng.shuffle(lessons)
    held_out = [encode(tokenizer, *lesson) for lesson in lessons[: args.held_out]]
    lessons = lessons[args.held_out :] + [(row, otherwise(row)) for row in own for _ in range(TIMES.get(row.corpus, 1))]
    train = [
        encode(tokenizer, version, other)
        for row, other in lessons
        for version in dict.fromkeys((row, said_politely(row)))
    ]
    optimiser = torch.optim.AdamW(model.parameters(), args.rate, weight_decay=0.01)
    whole = loop.grouped([len(row.long) + len(row.answer) for row in train], args.tokens, rng)
    groups = rivals([row.corpus for row in train], [len(row.answer) for row in train], args.group, rng)
    rebuilt = broken(tokenizer, texts, args.tokens, rng)
    model.train()

    def step() -> torch.Tensor:
        loss = answer_loss(model, [train[i].pair for i in next(whole)])
        if rng.random() < args.rebuilt:
            loss = loss + answer_loss(model, next(rebuilt))
        if args.contrast:
            loss = loss + args.contrast * contrast(model, [train[i] for i in next(groups)])[0]
        return loss

    loop.train(
        step,
        optimiser,
        "tune",
        minutes=args.minutes,
        steps=args.steps,
        report=args.report,
        measure=lambda: _held_out(model, held_out),
        save=lambda: torch.save(model.state_dict(), path),
        history=args.run / "history.jsonl",
    )


def rivals(corpora: Sequence[str], lengths: Sequence[int], size: int, rng: random.Random) -> Iterator[list[int]]:
    """Endless groups of up to ``size`` answers that neither style nor length tells apart: of one corpus and of like length."""
    members = {corpus: [i for i, other in enumerate(corpora) if other == corpus] for corpus in sorted(set(corpora))}
    streams = {
        corpus: loop.grouped([lengths[i] for i in own], size * LONGEST_ANSWER, rng) for corpus, own in members.items()
    }
    while True:
        corpus = rng.choices(list(members), [len(own) for own in members.values()])[0]
        own = next(streams[corpus])
        start = rng.randrange(max(1, len(own) - size + 1))
        yield [members[corpus][i] for i in own[start : start + size]]


def answer_loss(model: GPT2LMHeadModel, batch: list[Pair]) -> torch.Tensor:
    """Cross-entropy a token of the answers alone; the prompts are only context, every tenth row has none."""
    prompts = [[] if i % 10 == 9 else prompt for i, (prompt, _) in enumerate(batch)]
    rows = [torch.tensor([*prompt, MARK, *answer]) for prompt, (_, answer) in zip(prompts, batch, strict=True)]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(model.device)
    labels = torch.full_like(ids, -100)
    for i, (prompt, row) in enumerate(zip(prompts, rows, strict=True)):
        labels[i, len(prompt) + 1 : len(row)] = ids[i, len(prompt) + 1 : len(row)]
    with torch.autocast(model.device.type, torch.bfloat16):
        hidden = model.transformer(ids, attention_mask=ids != PAD)[0][:, :-1]
        kept = labels[:, 1:] != -100
        return F.cross_entropy(model.lm_head(hidden[kept]).float(), labels[:, 1:][kept])


def contrast(model: GPT2LMHeadModel, batch: list[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss, and the share of answers whose own question makes them most probable.

    The answers of a batch are scored under each other's questions. Each answer has to be most probable under its own
    question, among the others and its own under a wrong emotion, and each question has to raise its own answer most over
    what that answer has without any: maximum mutual information (Li et al. 2016, arXiv 1510.03055) as a training loss.
    """
    n = len(batch)
    given = likelihoods(model, [row.short for row in batch], [row.answer for row in batch] * n).view(n, n)
    wrong = likelihoods(model, [row.otherwise for row in batch], [row.answer for row in batch])
    alone = likelihoods(model, [], [row.answer for row in batch])
    right = torch.arange(n, device=given.device)
    whose = F.cross_entropy(torch.cat([given, wrong[None]]).T, right)
    which = F.cross_entropy(given - alone, right)
    return whose + which, ((given - alone).argmax(1) == right).float().mean()


def likelihoods(model: GPT2LMHeadModel, prompts: list[list[int]], answers: list[list[int]]) -> torch.Tensor:
    """Log-likelihood (nats) of each answer: (answers,). The answers belong to the prompts in equal runs; no prompts: to none.

    Each prompt is read once and its keys and values are shared by its answers.
    """

    def padded(rows: list[list[int]]) -> torch.Tensor:
        return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True).to(model.device)

    ids, targets = padded([[MARK, *answer[:-1]] for answer in answers]), padded(answers)
    # The end of an answer and the padding are told apart by length alone.
    real = padded([[1] * len(answer) for answer in answers])
    places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    with torch.autocast(model.device.type, torch.bfloat16):
        past, seen = None, real
        if prompts:
            asked = padded(prompts)
            visible = (asked != PAD).long()
            past = model.transformer(asked, attention_mask=visible, use_cache=True).past_key_values
            past.batch_repeat_interleave(len(answers) // len(prompts))
            visible = visible.repeat_interleave(len(answers) // len(prompts), 0)
            seen, places = torch.cat([visible, real], 1), places + visible.sum(1, keepdim=True)
        hidden = model.transformer(ids, attention_mask=seen, position_ids=places, past_key_values=past)[0]
        kept = real.bool()
        losses = F.cross_entropy(model.lm_head(hidden[kept]).float(), targets[kept], reduction="none")
    return torch.zeros(real.shape, device=ids.device).masked_scatter(kept, -losses).sum(1)


@torch.no_grad()
def _held_out(model: GPT2LMHeadModel, rows: list[Encoded]) -> dict[str, float]:
    model.eval()
    rows = sorted(rows, key=lambda row: row.corpus)
    losses = [
        answer_loss(model, [row.pair for row in rows[start : start + 32]]).item() for start in range(0, len(rows), 32)
    ]
    found = [contrast(model, rows[start : start + 20])[1].item() for start in range(0, len(rows) // 20 * 20, 20)]
    model.train()
    return {"held_out": float(np.mean(losses)), "first_of_20": float(np.mean(found or [0.0]))}


def shared_rows(root: Path) -> list[Row]:
    """The training parts of the dialogue corpora; emodialog's test part is for `training.evaluate`."""
    dialogues = [d for d in data.emodialog(root) if d.split == "train"]
    dialogues += [*data.wellness(root), *data.songys(root), *data.kmi(root)]
    return [row for dialogue in dialogues for row in rows_of(dialogue)]


def own_rows() -> list[Row]:
    return [row for talk in data.talks() if talk.split == "train" for row in rows_of(talk)]


def gamsung_rows(folder: Path) -> list[Row]:
    """AI Hub 감성대화 as it is handed out (.json or .xlsx)."""
    return [row for dialogue in data.gamsung(folder) for row in rows_of(dialogue)]


def made_up() -> list[Row]:
    first = Exchange("안녕하세요 오늘 기분이 좋아요", "좋은 일이 있으셨군요.")
    return [Row((), first.user, first.reply), Row((first,), "친구를 만났어요", "친구와 즐거우셨겠어요.")] * 8


def average(run: Path, states: Sequence[Path]) -> None:
    """``tuned.pt`` becomes the mean of the weights of ``states``, runs that began at the same ones (Wortsman et al. 2022,
    "Model soups", arXiv 2203.05482)."""
    loaded = [torch.load(path, map_location="cpu") for path in states]
    mean = {name: torch.stack([state[name] for state in loaded]).mean(0) for name in loaded[0]}
    torch.save(mean, run / "tuned.pt")


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
    parser.add_argument("what", choices=["pretrain", "tune", "average", "export", "all"])
    parser.add_argument("--corpus", nargs=2, metavar=("KIND", "DIR"), default=("shared", str(data.data_root())))
    parser.add_argument(
        "--emotion", type=Path, default=Path("checkpoints/emotion"), help="the BERT that labels the rows"
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--tokens", type=int, default=2_000, help="padded tokens a step")
    parser.add_argument("--rate", type=float, default=5e-4, help="peak learning rate")
    parser.add_argument("--everyday", type=int, default=60, help="megabytes of everyday text to pretrain on")
    parser.add_argument("--written", type=int, default=10, help="megabytes of written text")
    parser.add_argument("--group", type=int, default=12, help="answers that are told apart in a step")
    parser.add_argument(
        "--rebuilt", type=float, default=0.3, help="share of the steps that also rebuild texts from hints"
    )
    parser.add_argument("--contrast", type=float, default=0.0, help="weight of answers told apart beside the dialogues")
    parser.add_argument("--held-out", type=int, default=1_000, help="rows to watch the tuning with")
    parser.add_argument("--states", type=Path, nargs="+", default=[], help="what `average` takes the mean of")
    parser.add_argument("--resume", action="store_true", help="tune on from tuned.pt")
    parser.add_argument("--report", type=float, default=120, help="seconds between measurements")
    parser.add_argument("--run", type=Path, default=Path("runs/reply"))
    parser.add_argument("--out", type=Path, default=Path("checkpoints/reply"))
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(argv)
    if args.what == "average" and not args.states:
        parser.error("average needs --states")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(0)
    sizes, vocabulary = SIZES, VOCABULARY
    labels: Path | None = args.emotion
    if args.tiny:
        args.steps, args.report, args.held_out = min(args.steps, 8), 0.0, 2
        sizes, vocabulary, labels = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 256}, 200, None
        rows, own = made_up(), made_up()
        texts = [part for row in rows for part in (row.said, row.answer)] * 8
    elif args.what in ("average", "export"):
        rows, own, texts = [], [], []
    else:
        rows = {"shared": shared_rows, "gamsung": gamsung_rows}[args.corpus[0]](Path(args.corpus[1]))
        own = own_rows()
        texts = text_corpus.lines(data.data_root(), args.everyday, args.written)
        if args.what in ("pretrain", "all"):
            texts += [part for row in rows + own for part in (row.said, row.answer)]
            random.Random(1).shuffle(texts)
    log.info("%d rows", len(rows))
    tokenizer = text_corpus.kept(args.run / "tokenizer.json", lambda: text_corpus.byte_pair(texts, vocabulary, SPECIAL))
    if args.what in ("pretrain", "all"):
        pretrain(tokenizer, texts, sizes, args)
    if args.what in ("tune", "all"):
        known = felt(rows + own, args.run, labels)
        tune(tokenizer, known[: len(rows)], known[len(rows) :], texts, sizes, args)
    if args.what == "average":
        average(args.run, args.states)
    if args.what in ("export", "all"):
        export(tokenizer, sizes, args.run, args.out)


if __name__ == "__main__":
    main()
