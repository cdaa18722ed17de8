"""Training: every script's --tiny leaves a folder the pipeline loads, can go on from its state, and learns something."""

from __future__ import annotations

import json
import os
import random
import shutil
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from pipeline import spectrogram
from pipeline.counsellor import Counsellor
from pipeline.load import LoadedStages, models
from pipeline.pronounce import pronounce
from pipeline.settings import Settings
from pipeline.symbols import encode as to_ids
from pipeline.turn import EMOTIONS, Exchange
from tests.fakes import tone
from training import (
    data,
    loop,
    teacher,
    text_corpus,
    train_emotion,
    train_lm,
    train_reply,
    train_stt,
    train_tts,
    tts_corpus,
    tune_decoder,
    whisper_encoder,
)

STAGES = ("stt", "emotion", "reply", "tts")
Shelf = dict[str, Path]


@pytest.fixture(scope="module")
def tiny(tiny_stt: Path, tiny_emotion: Path, tiny_reply: Path, tiny_tts: Path) -> Shelf:
    return dict(zip(STAGES, (tiny_stt, tiny_emotion, tiny_reply, tiny_tts), strict=True))


@pytest.fixture
def shelf(tiny: Shelf, tmp_path: Path) -> Path:
    """A checkpoints folder of all four."""
    for stage, folder in tiny.items():
        shutil.copytree(folder / "out", tmp_path / stage)
    train_lm.main(["--tiny", "--out", str(tmp_path / "stt/lm.npz")])
    tune_decoder.write(tmp_path / "stt", weight=0.5, bonus=0.5, intercept=0.0, weights=[1.0, 0.0, 0.0])
    return tmp_path


def history(path: Path, stage: str = "") -> list[dict]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [row for row in rows if row.get("stage", "").startswith(stage)]


# --- what --tiny leaves --------------------------------------------------------------------------------------------


def test_tiny_ends_soon_and_leaves_little(tiny: Shelf) -> None:
    for stage, folder in tiny.items():
        seconds = float((folder / "seconds").read_text())
        assert seconds < 150, f"{stage} took {seconds:.0f} s"  # 3 to 30 s on a free core
        assert sum(path.stat().st_size for path in (folder / "out").rglob("*")) < 15_000_000


def test_the_pipeline_loads_what_training_wrote(shelf: Path) -> None:
    settings = Settings(checkpoints=shelf, threads=1)
    assert [info.source for info in models(settings)] == ["bundled"] * 4
    stages = LoadedStages(settings)
    assert [type(stage).__name__ for stage in (stages.transcriber, stages.emotion_reader, stages.responder, stages.speaker)] == [
        "Wav2Vec2Transcriber", "BertEmotionReader", "Gpt2Responder", "TacotronSpeaker",
    ]  # fmt: skip


@pytest.mark.parametrize("said", ["친구와 다퉜어요", tone(1.0)], ids=["typed", "spoken"])
def test_a_whole_turn_runs_through_four_random_models(shelf: Path, said) -> None:
    *_, turn = Counsellor(LoadedStages(Settings(checkpoints=shelf, threads=1))).take_turn(said)
    assert turn.complete and turn.reply and any("가" <= char <= "힣" for char in turn.reply.text)
    assert {failure.stage for failure in turn.failures} <= {"speak"}, "random weights babble; the guard may refuse that"


@pytest.mark.parametrize("stage", STAGES)
def test_losses_of_the_run_were_written_down(tiny: Shelf, stage: str) -> None:
    names = ["seq2seq.jsonl", "postnet.jsonl"] if stage == "tts" else ["history.jsonl"]
    rows = [row for name in names for row in history(tiny[stage] / "run" / name)]
    assert rows and all(np.isfinite(row["loss"]) and row["step"] > 0 and row["seconds_a_step"] > 0 for row in rows)


# --- going on ------------------------------------------------------------------------------------------------------


@pytest.fixture
def resumed(tiny: Shelf, tmp_path: Path) -> Callable[..., Path]:
    """Run a script again on a copy of what its first run left; returns the copy's run folder."""

    def again(stage: str, what: str, *arguments: object, change: Callable[[Path], None] = lambda run: None) -> Path:
        run = tmp_path / "run"
        if not run.exists():
            shutil.copytree(tiny[stage] / "run", run)
        change(run)
        script = {"stt": train_stt, "emotion": train_emotion, "reply": train_reply, "tts": train_tts}[stage]
        script.main([what, "--tiny", "--run", str(run), "--out", str(tmp_path / "out"), *map(str, arguments)])
        return run

    return again


def marked(name: str, key: str) -> Callable[[Path], None]:
    """Put a value that no training from the start would find into one weight of a stored state."""

    def change(run: Path) -> None:
        state = torch.load(run / name)
        state[key].view(-1)[0] = 7.0
        torch.save(state, run / name)

    return change


def mark(path: Path, key: str) -> float:
    return float(torch.load(path)[key].view(-1)[0])


def test_the_voice_goes_on_at_the_step_where_it_stopped(resumed, tiny: Shelf, tmp_path: Path) -> None:
    before = np.load(tiny["tts"] / "run/seq2seq.npz")
    run = resumed("tts", "seq2seq", "--steps", 1, "--rate", 0)
    after = np.load(run / "seq2seq.npz")
    assert (int(before["step"]), int(after["step"])) == (20, 21)
    weights = [f"v{i}" for i in range(sum(name.startswith("a") for name in before.files))]  # then the optimiser's
    kernels = [name for name in weights if before[name].ndim >= 2]
    assert len(kernels) > 30
    assert all(np.array_equal(before[name], after[name]) for name in kernels), "at rate 0 nothing is learnt or lost"
    assert [row["step"] for row in history(run / "seq2seq.jsonl")] == [10, 20, 21]
    resumed("tts", "export")
    assert json.loads((tmp_path / "out/config.json").read_text("utf-8"))["steps"] == {"seq2seq": 21, "postnet": 20}


@pytest.mark.parametrize(
    ("stage", "what", "name", "key", "options"),
    [
        ("emotion", "pretrain", "pretrained.pt", "bert.embeddings.word_embeddings.weight", []),
        ("emotion", "tune", "tuned.pt", "bert.embeddings.word_embeddings.weight", ["--resume"]),
        ("reply", "pretrain", "pretrained.pt", "transformer.wte.weight", []),
        ("reply", "tune", "tuned.pt", "transformer.wte.weight", ["--resume"]),
        ("stt", "top", "model.pt", "wav2vec2.feature_projection.projection.weight", []),
        ("stt", "full", "model.pt", "wav2vec2.feature_projection.projection.weight", []),
    ],
)
def test_training_goes_on_from_the_stored_weights(resumed, stage, what, name, key, options) -> None:
    run = resumed(stage, what, "--steps", 1, *options, change=marked(name, key))
    assert mark(run / name, key) == pytest.approx(7.0, abs=0.05)


@pytest.mark.parametrize(("stage", "key"), [("emotion", "bert.embeddings.word_embeddings.weight"), ("reply", "transformer.wte.weight")])  # fmt: skip
def test_tuning_begins_at_the_pretrained_weights_unless_told_to_go_on(resumed, stage: str, key: str) -> None:
    start = ("--start", "pretrained") if stage == "emotion" else ()
    run = resumed(stage, "tune", "--steps", 1, *start, change=marked("pretrained.pt", key))
    assert mark(run / "tuned.pt", key) == pytest.approx(7.0, abs=0.05)


@pytest.mark.parametrize("stage", ["emotion", "reply"])
def test_going_on_keeps_the_tokenizer(resumed, tiny: Shelf, stage: str) -> None:
    run = resumed(stage, "pretrain", "--steps", 1)
    assert (run / "tokenizer.json").read_bytes() == (tiny[stage] / "run/tokenizer.json").read_bytes()


@pytest.mark.parametrize("stage", ["emotion", "reply"])
def test_export_alone_writes_the_same_folder_again(resumed, tiny: Shelf, tmp_path: Path, stage: str) -> None:
    resumed(stage, "export")
    for path in (tiny[stage] / "out").iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes(), path.name


# --- learning ------------------------------------------------------------------------------------------------------


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What `loop.train` returns from now on, of all its calls."""
    collected: list[float] = []
    train = loop.train

    def watched(*args, **kwargs):
        collected.extend(train(*args, **kwargs))
        return collected

    monkeypatch.setattr(loop, "train", watched)
    return collected


def options(run: Path, **more) -> Namespace:
    torch.manual_seed(0)
    common = {
        "run": run,
        "minutes": 5,
        "steps": 300,
        "report": 1e9,
        "tokens": 2_000,
        "resume": False,
        "rate": 1e-2,
        "rarest": 1,
    }
    return Namespace(**(common | more))


def falls(losses: list[float], to: float) -> bool:
    return np.mean(losses[-5:]) < to * np.mean(losses[:5])


@pytest.fixture
def copied(tiny: Shelf, tmp_path: Path) -> Callable[[str], Path]:
    return lambda stage: Path(shutil.copytree(tiny[stage] / "run", tmp_path / "run"))


BERT_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
GPT_SIZES = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 256}


def test_each_row_is_taught_what_was_thought_of_it_from_each_source() -> None:
    rows = [data.EmotionRow("가", "슬픔", "single"), data.EmotionRow("나", "행복", "voice", votes=("행복", "중립"))]
    taught = np.random.default_rng(0).dirichlet(np.ones(7), (2, len(teacher.SOURCES)))
    learnt, goals = train_emotion.lessons(rows, taught)
    assert {(row.text, row.source) for row in learnt} == {
        (row.text, source) for row in rows for source in teacher.SOURCES
    }
    for row, found in zip(learnt, goals.numpy(), strict=True):
        i, share = "가나".index(row.text), 0.0
        if row.source == rows[i].source:
            share = 1 - train_emotion.TAUGHT
        opinion = taught[i, teacher.SOURCES.index(row.source)]
        assert found == pytest.approx((1 - share) * opinion + share * train_emotion.goal(rows[i]).numpy(), abs=1e-6)


@pytest.mark.parametrize("start", ["pretrained", "bag"])
def test_emotion_learns_to_tell_four_sentences_apart(copied, losses: list[float], start: str) -> None:
    run, rows = copied("emotion"), train_emotion.made_up()
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    train_emotion.tune(tokenizer, rows, [], rows, BERT_SIZES, options(run, optimiser="adamw", start=start))
    assert falls(losses, to=0.5)
    assert history(run / "history.jsonl", "tune")[-1]["accuracy_voice"] > 0.5  # guessing: 0.25


def test_reply_learns_two_answers(copied, losses: list[float]) -> None:
    run, rows = copied("reply"), train_reply.made_up()
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    texts = [row.said for row in rows]
    rows = [replace(row, emotion="중립") for row in rows]
    more = {"held_out": 2, "group": 2, "rebuilt": 0.5, "contrast": 0.1}
    train_reply.tune(tokenizer, rows, rows, texts, GPT_SIZES, options(run, **more))
    assert falls(losses, to=0.5)


@pytest.mark.parametrize("part", ["seq2seq", "postnet"])
def test_the_voice_begins_to_learn(tiny: Shelf, part: str) -> None:
    """`test_tacotron.test_the_loss_falls` goes further."""
    first, *_, last = history(tiny["tts"] / f"run/{part}.jsonl")
    assert last["loss"] < first["loss"]


# --- the loop ------------------------------------------------------------------------------------------------------


def test_the_loop_warms_up_falls_off_and_stops_at_its_steps(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.tensor(3.0))
    optimiser = torch.optim.SGD([weight], lr=0.1)
    rates: list[float] = []
    saved: list[int] = []

    def step() -> torch.Tensor:
        rates.append(optimiser.param_groups[0]["lr"])
        return weight**2

    losses = loop.train(
        step, optimiser, "x", minutes=10, steps=300, measure=lambda: {"also": 1.5}, save=lambda: saved.append(len(rates)),
        history=tmp_path / "history.jsonl",
    )  # fmt: skip
    assert len(losses) == 300 and losses[-1] < 0.01 * losses[0]
    top = int(np.argmax(rates))
    assert 50 < top <= loop.WARM_UP_STEPS and rates[0] < 0.02 * 0.1 and rates[-1] < 0.05 * 0.1
    assert rates[:top] == sorted(rates[:top]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert saved == [300]
    [row] = history(tmp_path / "history.jsonl")
    assert (row["stage"], row["step"], row["also"]) == ("x", 300, 1.5)


def test_the_loop_stops_at_its_minutes() -> None:
    weight = torch.nn.Parameter(torch.tensor(3.0))
    losses = loop.train(lambda: weight**2, torch.optim.SGD([weight], 0.0), "x", minutes=0.001, steps=10**9)
    assert 0 < len(losses) < 10**6


def test_batches_of_like_length_take_everything_once_an_epoch_and_fit() -> None:
    lengths = random.Random(0).choices(range(1, 60), k=200)
    stream = loop.grouped(lengths, 120, random.Random(1))
    for _ in range(2):
        seen: Counter[int] = Counter()
        while sum(seen.values()) < len(lengths):
            picked = next(stream)
            assert len(picked) == 1 or max(lengths[i] for i in picked) * len(picked) <= 120
            seen.update(picked)
        assert set(seen.values()) == {1} and len(seen) == len(lengths)


# --- text ----------------------------------------------------------------------------------------------------------

TEXTS = ["오늘은 기분이 좋아요.", "친구를 만나서 반가웠어요!", "너무 힘든 하루였어요."] * 4


@pytest.mark.parametrize("kind", [text_corpus.word_piece, text_corpus.byte_pair])
def test_a_tokenizer_gives_back_korean(kind) -> None:
    special = ["[PAD]", "[UNK]", "<usr>"] if kind is text_corpus.word_piece else ["<pad>", "<unk>", "<usr>"]
    tokenizer = kind(TEXTS, 200, special)
    assert [tokenizer.token_to_id(token) for token in special] == [0, 1, 2]
    for text in TEXTS:
        back = tokenizer.decode(tokenizer.encode(text).ids)
        assert back.replace(" ", "") == text.replace(" ", "")
    assert tokenizer.encode("<usr>오늘").ids[0] == 2, "a mark stays whole"


def test_packed_rows_hold_all_tokens_in_order_each_text_with_its_end() -> None:
    tokenizer = text_corpus.byte_pair(TEXTS, 200, ["<pad>", "<unk>", "</s>"])
    rows = text_corpus.packed(tokenizer, TEXTS, 2, 7)
    flat = [i for text in TEXTS for i in [*tokenizer.encode(text).ids, 2]]
    assert rows.shape[1] == 7 and rows.ravel().tolist() == flat[: len(flat) // 7 * 7]


def test_votes_are_the_goal_where_there_are_some_and_the_label_elsewhere() -> None:
    voted = data.EmotionRow("x", "행복", "voice", votes=("행복", "행복", "슬픔", "nonsense"))
    assert train_emotion.goal(voted).tolist() == pytest.approx([0, 0, 0, 1 / 3, 0, 2 / 3, 0])
    assert train_emotion.goal(data.EmotionRow("x", "분노", "single")).argmax() == EMOTIONS.index("분노")


def test_masking_hides_some_of_the_words_and_none_of_the_marks() -> None:
    torch.manual_seed(0)
    special = len(train_emotion.SPECIAL)
    rows = torch.randint(0, 100, (200, 50))
    corrupted, labels = train_emotion.masked(rows, 100)
    hidden = labels != -100
    assert (labels[hidden] == rows[hidden]).all() and (rows[hidden] >= special).all()
    assert (corrupted[~hidden] == rows[~hidden]).all()
    assert hidden.float().mean() == pytest.approx(train_emotion.MASKED * (1 - special / 100), abs=0.02)
    assert (corrupted[hidden] == train_emotion.MASK).float().mean() == pytest.approx(0.8, abs=0.03)


def dialogue(*turns: str) -> data.Dialogue:
    return data.Dialogue(tuple(("bot" if i % 2 else "user", text) for i, text in enumerate(turns)), "", "train", "x")


def test_every_answer_of_a_dialogue_is_a_row_with_what_went_before() -> None:
    turns = [text for i in range(6) for text in (f"말이에요 {i}", f"{i}번이나 그러셨군요.")]
    rows = train_reply.rows_of(dialogue(*turns))
    assert [row.said for row in rows] == turns[::2] and [row.answer for row in rows] == turns[1::2]
    assert [len(row.history) for row in rows] == [0, 1, 2, 3, 3, 3]
    assert rows[5].history[0] == Exchange(turns[4], turns[5])


@pytest.mark.parametrize(
    "bad", [("죽고 싶어요", "그러셨군요."), ("힘들어요", "1393으로 전화하세요.")], ids=["crisis", "unsafe"]
)
def test_from_a_crisis_or_an_unsafe_answer_on_nothing_is_learnt(bad: tuple[str, str]) -> None:
    rows = train_reply.rows_of(dialogue("안녕하세요", "만나서 반가워요.", *bad, "그래요", "네, 그렇군요."))
    assert [row.said for row in rows] == ["안녕하세요"]


def test_what_the_guard_would_refuse_is_context_but_no_answer_to_learn() -> None:
    rows = train_reply.rows_of(dialogue("안녕하세요", "응 그래", "친구를 만났어요", "친구와 즐거우셨겠어요."))
    assert [row.said for row in rows] == ["친구를 만났어요"] and rows[0].history[0].reply == "응 그래"


def test_a_row_is_said_politely_throughout_and_answered_the_same() -> None:
    row = train_reply.Row((Exchange("나 힘들어.", "그러시군요."),), "친구와 싸웠어.", "속상하시겠어요.", "슬픔", "x")
    assert train_reply.said_politely(row) == replace(
        row, history=(Exchange("저 힘들어요.", "그러시군요."),), said="친구와 싸웠어요."
    )


def test_what_has_no_emotion_is_asked_without_its_mark(tiny: Shelf) -> None:
    tokenizer = Tokenizer.from_file(str(tiny["reply"] / "run/tokenizer.json"))
    mark = train_reply.SPECIAL.index("<emo>")
    felt, plain = (train_reply.encode(tokenizer, train_reply.Row((), "말", "답", e), "슬픔") for e in ("행복", ""))
    assert mark in felt.long and mark in felt.short and mark not in [*plain.long, *plain.short]


def test_dialogues_tell_their_feeling_once_and_joy_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(emotion: str, split: str, source: str) -> data.Dialogue:
        said = [f"{source} {emotion} {split} {i}" for i in (1, 2)]
        return data.Dialogue(
            (("user", said[0]), ("bot", "네."), ("user", said[1]), ("bot", "네.")), emotion, split, source
        )

    monkeypatch.setattr(data, "talks", lambda: [talk("분노", "train", "own"), talk("분노", "test", "own")])
    monkeypatch.setattr(data, "emodialog", lambda root: [talk("기쁨", "train", "emo"), talk("상처", "test", "emo")])
    monkeypatch.setattr(data, "wellness", lambda root: [talk("감정/걱정", "", "well"), talk("", "", "well")])
    told = {(row.text, row.label, row.source) for row in train_emotion.told_rows(Path())}
    assert told == {
        ("own 분노 train 1", "분노", "voice"),
        ("emo 기쁨 train 1", "행복", "story"),
        ("emo 기쁨 train 2", "행복", "story"),
        ("well 감정/걱정  1", "공포", "story"),
    }


def test_a_row_too_long_for_the_model_keeps_its_answer(tiny: Shelf) -> None:
    tokenizer = Tokenizer.from_file(str(tiny["reply"] / "run/tokenizer.json"))
    row = train_reply.Row(
        (Exchange("오늘 기분이 좋아요 " * 99, "네."),), "친구를 만났어요", "친구와 즐거우셨겠어요.", "행복"
    )
    encoded = train_reply.encode(tokenizer, row, "슬픔")
    assert encoded.answer == [*tokenizer.encode(row.answer).ids, train_reply.END]
    assert len(encoded.long) + 1 + train_reply.LONGEST_ANSWER == train_reply.SIZES["n_positions"]
    assert encoded.long[-len(encoded.short) :] == encoded.short, "the oldest tokens go"


def test_prompts_are_context_and_not_learnt(small_gpt, tiny: Shelf) -> None:
    tokenizer = Tokenizer.from_file(str(tiny["reply"] / "run/tokenizer.json"))
    row = replace(train_reply.encode(tokenizer, train_reply.made_up()[0], "슬픔"), answer=[9, 10])
    alone = train_reply.answer_loss(small_gpt, [row.pair]).item()
    ids = torch.tensor([[*row.long, MARK, 9, 10]])
    losses = torch.nn.functional.cross_entropy(small_gpt(ids).logits[0, :-1], ids[0, 1:], reduction="none")
    assert alone == pytest.approx(losses[-2:].mean().item(), rel=0.02)  # bfloat16 inside


MARK = train_reply.MARK


def test_an_average_lies_in_the_middle(tmp_path: Path) -> None:
    states = [tmp_path / "a.pt", tmp_path / "b.pt"]
    for path, value in zip(states, (1.0, 4.0), strict=True):
        torch.save({"weight": torch.full((2,), value)}, path)
    train_reply.average(tmp_path, states)
    assert torch.load(tmp_path / "tuned.pt")["weight"].tolist() == [2.5, 2.5]


def test_a_hint_is_made_of_the_texts_words_and_a_few_of_anothers() -> None:
    rng, text = random.Random(0), "하나 둘이서 셋째로 넷이면 다섯명이 여섯시에"
    hints = [train_reply.hint(text, "가나다 라마바", rng).split() for _ in range(50)]
    for words in hints:
        foreign = [word for word in words if not any(own.startswith(word) for own in text.split())]
        assert 2 <= len(words) - len(foreign) <= 5 and len(foreign) <= (len(words) - len(foreign)) / 2 + 0.5
        assert all("가나다".startswith(word) or "라마바".startswith(word) for word in foreign)
    assert len({tuple(words) for words in hints}) > 40, "another one each time"


def test_answers_compete_with_others_of_their_corpus_and_length() -> None:
    corpora, lengths = ["a"] * 40 + ["b"] * 40, [i % 20 + 1 for i in range(80)]
    groups = list(islice(train_reply.rivals(corpora, lengths, 4, random.Random(0)), 60))
    for group in groups:
        assert len({corpora[i] for i in group}) == 1 and len(set(group)) == len(group) <= 4
    assert {corpora[group[0]] for group in groups} == {"a", "b"}
    assert np.mean([np.ptp([lengths[i] for i in group]) for group in groups]) < 5


@pytest.fixture
def small_gpt() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(train_reply.config(200, GPT_SIZES)).eval()
    model.transformer.wte.weight.data.mul_(20)  # far from uniform
    return model


def test_the_likelihood_of_an_answer_is_that_of_reading_it_after_its_prompt(small_gpt) -> None:
    prompts, answers = [[10, 11, 12], [13, 14, 15, 16, 17], [19]], [[20, 21, 2], [22, 2], [23, 24, 25, 26, 2]]
    found = train_reply.likelihoods(small_gpt, prompts, answers * 3).view(3, 3)
    for i, prompt in enumerate(prompts):
        for j, answer in enumerate(answers):
            logs = small_gpt(torch.tensor([[*prompt, MARK, *answer]])).logits[0].log_softmax(-1)
            straight = sum(logs[len(prompt) + k, token].item() for k, token in enumerate(answer))
            assert found[i, j].item() == pytest.approx(straight, rel=0.02)
    alone = train_reply.likelihoods(small_gpt, [], answers)
    logs = small_gpt(torch.tensor([[MARK, *answers[0]]])).logits[0].log_softmax(-1)
    assert alone[0].item() == pytest.approx(sum(logs[k, token].item() for k, token in enumerate(answers[0])), rel=0.02)


def test_contrast_teaches_which_answer_belongs_to_which_question(small_gpt) -> None:
    """Four questions, whose first word comes back in the answer."""
    batch = [train_reply.Encoded([i], [i], [i, 99], [i + 50, 2]) for i in (10, 20, 30, 40)]
    optimiser = torch.optim.AdamW(small_gpt.parameters(), 3e-3)
    first, before = train_reply.contrast(small_gpt, batch)
    for _ in range(60):
        loss, _ = train_reply.contrast(small_gpt, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    loss, found = train_reply.contrast(small_gpt, batch)
    assert before < 1 and found == 1 and loss < first / 2


def test_a_dialogues_own_emotion_is_told_to_every_second_of_its_rows(tmp_path: Path) -> None:
    rows = [train_reply.Row((), "말", "답", "슬픔")] * 4 + [
        train_reply.Row((), "말", "답", corpus=c) for c in ("", "songys")
    ]
    (tmp_path / "emotions.txt").write_text("\n".join(["중립"] * 6), "utf-8")
    weights = tmp_path / "model.safetensors"
    weights.touch()
    os.utime(weights, (0, 0))  # older than what was read with it
    known = [row.emotion for row in train_reply.felt(rows, tmp_path, tmp_path)]
    assert known == ["중립", "슬픔", "중립", "슬픔", "중립", ""], "chit-chat has none"


# --- sound ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelt", ["jamo", "syllables"])
def test_labels_of_a_transcript_come_back_as_its_text(spelt: str) -> None:
    text = "안녕하세요 값이 없어요"
    targets = train_stt.Targets([text, "가나"] if spelt == "syllables" else ())
    labels = targets.labels(f" {text}, abc!  ")
    assert targets.text([i for label in labels for i in (label, label, 0)]) == text
    assert targets.ids[train_stt.UNKNOWN] not in labels


def test_a_syllable_that_was_never_written_is_unknown() -> None:
    targets = train_stt.Targets(["가나"])
    assert targets.symbols[3:] == ["가", "나"] and targets.labels("가뷁") == [3, targets.ids[train_stt.UNKNOWN]]


def test_no_speaker_fills_more_than_their_share() -> None:
    clips = [data.Clip(Path(f"{i}.wav"), "a" if i % 3 else "b", "x", 60.0) for i in range(150)]
    kept = train_stt.capped(clips)
    minutes = Counter(clip.speaker for clip in kept)
    assert minutes == {"a": train_stt.MAX_MINUTES_A_SPEAKER, "b": train_stt.MAX_MINUTES_A_SPEAKER}
    assert kept == train_stt.capped(clips) and kept != sorted(kept, key=lambda clip: int(clip.path.stem))


def test_augmented_sound_stays_sound_of_unit_variance() -> None:
    rng, wave = random.Random(0), torch.randn(8_000)
    for _ in range(30):
        other = train_stt.augment(wave.clone(), rng)
        assert other.isfinite().all() and other.std() == pytest.approx(1, abs=0.01) and abs(other.mean()) < 0.01
        assert 0.8 < len(other) / len(wave) < 1.25


def test_a_room_rings_after_the_sound_and_not_before() -> None:
    click = torch.zeros(16_000)
    click[4_000] = 1.0
    ringing = train_stt._in_room(click, seconds=0.3, reverberant=1.0)
    assert ringing[:3_999].abs().max() < 1e-5 and ringing[4_000] == pytest.approx(1.0, abs=1e-3)
    tail = ringing[4_001:] ** 2
    assert tail.sum() == pytest.approx(1.0, rel=0.05), "as much energy as asked for"
    assert tail[4_500:].sum() < 1e-3 * tail.sum(), "60 dB down after 0.3 s"


def test_a_band_keeps_what_lies_in_it() -> None:
    t = torch.arange(16_000) / 16_000
    low, middle, high = (torch.sin(2 * torch.pi * hertz * t) for hertz in (100.0, 1_000.0, 6_000.0))
    torch.testing.assert_close(train_stt._band(low + middle + high, 300, 3_400), middle, atol=5e-3, rtol=0)


def test_mu_law_keeps_a_wave_within_its_steps() -> None:
    wave = torch.linspace(-1, 1, 999)
    coded = train_stt._mu_law(wave)
    assert (coded - wave).abs().max() < 0.025 and len(coded.unique()) <= 255
    quiet = wave.abs() < 0.01
    assert (coded - wave)[quiet].abs().max() < 5e-4, "finer where it is quiet"


@pytest.fixture(scope="module")
def whisper() -> tuple:
    """A random Whisper encoder and a Wav2Vec2 of its sizes that took over its layers and positions."""
    torch.manual_seed(0)
    encoder = train_stt.tiny_teacher()
    model = train_stt.Wav2Vec2ForCTC(
        whisper_encoder.wav2vec2_config(9, num_hidden_layers=1, intermediate_size=64)
    ).eval()
    whisper_encoder.copy_layers(encoder, model)
    plain = model.wav2vec2.feature_projection.projection.bias.detach().clone()
    whisper_encoder.copy_positions(encoder, model)
    return encoder, model, plain


@torch.no_grad()
def test_the_position_kernel_holds_whispers_sinusoids(whisper) -> None:
    encoder, model, _ = whisper
    x = torch.randn(1, 60, 512) * 0.1
    shifted = x - whisper_encoder.SHIFT
    out = shifted + model.wav2vec2.encoder.pos_conv_embed(shifted)
    positions = encoder.embed_positions.weight[:60]
    torch.testing.assert_close(out[0], x[0] + positions, atol=5e-3, rtol=0)


@torch.no_grad()
def test_training_adds_the_positions_that_the_kernel_gives(whisper) -> None:
    _, model, _ = whisper
    x = torch.randn(1, 60, 512) * 0.1 - whisper_encoder.SHIFT
    table = train_stt.positions(model)
    assert table.shape == (whisper_encoder.POSITIONS, 512)
    torch.testing.assert_close(model.wav2vec2.encoder.pos_conv_embed(x)[0], table[:60], atol=5e-3, rtol=0)


@torch.no_grad()
def test_fewer_positions_are_the_same_network_for_shorter_sound(whisper) -> None:
    _, model, _ = whisper
    shorter = whisper_encoder.with_shorter_positions(model, 60)
    wave = torch.randn(1, 16_000)
    assert shorter.config.num_conv_pos_embeddings == 120
    torch.testing.assert_close(shorter(wave).logits, model(wave).logits, atol=1e-4, rtol=0)


@torch.no_grad()
def test_whispers_layers_do_in_their_new_place_what_they_did(whisper) -> None:
    encoder, model, plain = whisper
    hidden = torch.randn(2, 20, 512)
    ours = train_stt._run(model.wav2vec2.encoder.layers[0], hidden, None)
    theirs = train_stt._run(encoder.layers[0], hidden, None)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)
    shift = plain - model.wav2vec2.feature_projection.projection.bias
    torch.testing.assert_close(shift, torch.full_like(shift, whisper_encoder.SHIFT))


def test_calibration_finds_the_shares_behind_noisy_figures() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4_000, 2))
    truth = 1 / (1 + np.exp(-(0.5 + 1.5 * features[:, 0])))
    shares = rng.binomial(20, truth) / 20
    intercept, weights = tune_decoder.calibrate(features, shares, np.full(4_000, 20.0))
    assert intercept == pytest.approx(0.5, abs=0.05) and weights == pytest.approx([1.5, 0.0], abs=0.05)


def test_the_weight_of_the_language_model_is_where_the_errors_are_fewest(monkeypatch) -> None:
    best = {"weight": 0.6, "bonus": 1.2}
    monkeypatch.setattr(
        tune_decoder, "cer",
        lambda transcriber, clips, fusion: abs(fusion.weight - best["weight"]) + abs(fusion.bonus - best["bonus"]),
    )  # fmt: skip
    nothing: Any = SimpleNamespace(symbols=["|"])
    chosen = tune_decoder.choose_fusion(nothing, [], nothing)
    assert (chosen.weight, chosen.bonus) == (0.6, 1.2)


@torch.no_grad()
def test_lower_and_upper_layers_together_are_the_model(whisper) -> None:
    _, model, _ = whisper
    wave = torch.randn(16_000)
    stored = train_stt.lower(model, wave, 1).float()
    logits = train_stt.upper(model, stored[None], torch.tensor([len(stored)]), 1)
    torch.testing.assert_close(logits, model(wave[None]).logits, atol=2e-2, rtol=0)  # float16 in between


def test_a_batch_for_the_voice_shows_each_frame_its_symbol() -> None:
    utterances, r = train_tts.made_up(4), 3
    x, y = train_tts.seq2seq_batch(utterances, ["tiny"], r, 0, np.random.default_rng(0))
    np.testing.assert_allclose(x["alignment"].sum(-1), 1, atol=1e-5)
    assert x["alignment"].shape[1] % 16 == x["symbols"].shape[1] % 16 == 0, "few shapes, few traces"
    mel = y["mel"].reshape(len(utterances), -1, spectrogram.N_MELS)
    for i, utterance in enumerate(utterances):
        frames, n = len(utterance.mel), len(utterance.symbols)
        np.testing.assert_array_equal(mel[i, :frames], utterance.mel.astype(np.float32))
        assert (mel[i, frames:] == np.float32(spectrogram.SILENCE)).all()
        assert not x["symbols"][i, n:].any() and not x["alignment"][i, :, n:].any()
        held = x["alignment"][i, : frames // r].sum(0) * r
        np.testing.assert_allclose(held[: n - 1], utterance.durations[: n - 1], atol=r)
        steps = -(-frames // r)
        assert y["stop"][i].argmax() == steps - 1 and y["steps_kept"][i].sum() == steps
        shown = x["frames"][i, :steps]
        given = shown.any(-1)
        np.testing.assert_array_equal(shown[given], mel[i, r - 1 : steps * r : r][given])
        assert 0 < given.mean() < 1, "part of the frames is blanked"
    assert not x["own"].any()
    later, _ = train_tts.seq2seq_batch(utterances, ["tiny"], r, train_tts.OWN_ATTENTION_FROM, np.random.default_rng(0))
    assert 0 < later["own"].sum() <= len(utterances)


def test_the_main_speaker_comes_twice_an_epoch() -> None:
    first = train_tts.made_up(8)
    others = [tts_corpus.Utterance("other", u.text, u.symbols, u.mel, u.durations) for u in first]
    groups = islice(train_tts.batches(first + others, 4, np.random.default_rng(0), "tiny"), 6)
    assert Counter(u.speaker for group in groups for u in group) == {"tiny": 16, "other": 8}


@pytest.fixture
def clips(tmp_path: Path) -> list[data.Clip]:
    """Noise between two silences, at another rate and in stereo."""
    rng, made = np.random.default_rng(0), []
    for i, text in enumerate(["안녕하세요.", "오늘은 어때요?", "괜찮아요."]):
        samples = np.pad(rng.normal(0, 0.02, 24_000 + 8_000 * i), 16_000)
        soundfile.write(tmp_path / f"{i}.wav", np.stack([samples, samples], 1), 32_000)
        made.append(data.Clip(tmp_path / f"{i}.wav", "a", text, len(samples) / 32_000))
    return made


def test_sound_to_learn_from_is_trimmed_and_of_one_loudness(clips: list[data.Clip]) -> None:
    for clip in clips:
        sound = tts_corpus.read_sound(clip.path)
        assert len(sound) / spectrogram.RATE == pytest.approx(clip.seconds - 1 + 2 * tts_corpus.MARGIN_SECONDS, abs=0.1)
        assert sound.std() == pytest.approx(tts_corpus.TARGET_RMS, rel=0.02) and np.abs(sound).max() <= 1


def test_a_prepared_corpus_comes_back_from_its_cache(clips: list[data.Clip], tmp_path: Path, monkeypatch) -> None:
    cache = tmp_path / "deeper/corpus.npz"
    first = tts_corpus.prepare(clips, cache)
    monkeypatch.setattr(tts_corpus, "align", lambda *_: pytest.fail("it was aligned already"))
    again = tts_corpus.prepare(clips, cache)
    assert [u.text for u in again] == [clip.text for clip in clips]
    for one, other, clip in zip(first, again, clips, strict=True):
        assert (one.speaker, one.text) == (other.speaker, other.text)
        np.testing.assert_array_equal(one.mel, other.mel)
        np.testing.assert_array_equal(other.symbols, to_ids(clip.text))
        assert other.durations.sum() == len(other.mel) and len(other.durations) == len(other.symbols)
        assert pronounce(clip.text)


def test_a_clip_that_is_too_long_is_left_out(clips: list[data.Clip], tmp_path: Path) -> None:
    kept = tts_corpus.prepare(clips, tmp_path / "corpus.npz", max_seconds=1.25)
    assert [u.text for u in kept] == [clips[0].text, clips[1].text]
