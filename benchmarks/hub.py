"""What the Hub's full-size models cost beside the bundled ones: seconds to load, memory, seconds a turn.

    python -m benchmarks.hub            # writes 2.2 GB to a temporary folder, needs about 6 GB of memory
    python -m benchmarks.hub --tiny     # two layers: does it run?

The models are random ones of the same shape, in a cache of the Hub's layout, so that nothing has to be reached; they
load through `pipeline.weights` and its lock as the real ones do. Each configuration has a process of its own, and both get
the same clip and the same sentence. The voice is left out: it is the bundled one in both. A random GPT-2 hardly ever ends
a sentence, so its seconds are those of the longest answers. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

from pipeline import audio, catalogue, lock
from pipeline.load import LoadedStages
from pipeline.settings import ROOT, Settings
from pipeline.turn import Emotion

CLIP = ROOT / "examples" / "sad.wav"
SENTENCE = "오늘 친구와 다퉈서 하루 종일 마음이 무거웠어요."
REVISION = "0" * 40
MARKS = ("<s>", "</s>", "<usr>", "<pad>", "<sys>", "<unk>", "<mask>", "<d>", "</d>", "<unused0>", "<unused1>")
SYLLABLES = [chr(code) for code in range(ord("가"), ord("힣") + 1)]

Wide = dict[str, Any]
# As in the repositories' config.json.
LARGE: dict[str, Wide] = {
    "stt": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    "emotion": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "reply": {"n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024},
}
TINY: dict[str, Wide] = {
    "stt": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    | {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2, "conv_dim": (16,) * 7},
    "emotion": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "reply": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 256},
}
SYMBOLS = {"stt": 2617, "emotion": 32_000, "reply": 51_200}
MADE_OF = {"stt": "kresnik", "emotion": "kluebert", "reply": "kogpt2"}
ATTRIBUTES = {"stt": "transcriber", "emotion": "emotion_reader", "reply": "responder"}


# --- the models ----------------------------------------------------------------------------------------------------


def make(shapes: dict[str, Wide], cache: Path, checkpoints: Path) -> None:
    """Write the three models into ``cache`` as the Hub's client would, and their lock into ``checkpoints``."""
    checkpoints.mkdir(parents=True)
    for stage, shape in shapes.items():
        model = catalogue.named(MADE_OF[stage])
        folder = cache / f"models--{model.repository.replace('/', '--')}" / "snapshots" / REVISION
        folder.mkdir(parents=True)
        {"stt": _make_stt, "emotion": _make_emotion, "reply": _make_reply}[stage](folder, shape)
        names = model.choose(path.name for path in folder.iterdir())
        files = {name: lock.File((folder / name).stat().st_size, lock.sha256(folder / name)) for name in names}
        lock.write(checkpoints, model.name, lock.Pin(model.repository, REVISION, files))


def _make_stt(folder: Path, shape: Wide) -> None:
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    symbols = [*SYLLABLES[: SYMBOLS["stt"] - 3], "|", "[UNK]", "[PAD]"]
    kind = {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
    config = Wav2Vec2Config(vocab_size=len(symbols), pad_token_id=len(symbols) - 1, **kind, **shape)
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    _write(folder / "vocab.json", {symbol: i for i, symbol in enumerate(symbols)})
    _write(folder / "tokenizer_config.json", {"pad_token": "[PAD]", "unk_token": "[UNK]", "word_delimiter_token": "|"})


def _make_emotion(folder: Path, shape: Wide) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SYLLABLES, *(f"##{syllable}" for syllable in SYLLABLES)]
    pieces += _pairs(SYMBOLS["emotion"] - len(pieces))
    BertForSequenceClassification(BertConfig(vocab_size=len(pieces), num_labels=7, **shape)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(pieces), "utf-8")
    _write(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": False})


def _make_reply(folder: Path, shape: Wide) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel

    pieces = [*MARKS, "▁", *SYLLABLES]
    pieces += _pairs(SYMBOLS["reply"] - len(pieces))
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer.add_special_tokens(list(MARKS))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = GPT2Config(vocab_size=len(pieces), bos_token_id=0, eos_token_id=1, pad_token_id=3, **shape)
    config.save_pretrained(folder)
    torch.save(GPT2LMHeadModel(config).state_dict(), folder / "pytorch_model.bin")  # skt's has no safetensors


def _pairs(count: int) -> Iterator[str]:
    return islice((one + other for one, other in product(SYLLABLES, SYLLABLES)), count)


def _write(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps(told), "utf-8")


# --- measuring -----------------------------------------------------------------------------------------------------


def measure(settings: Settings, turns: int) -> dict[str, Any]:
    """Seconds to import the libraries and load each stage, seconds of each stage in a turn (the median of ``turns``),
    memory in MB, and millions of parameters."""
    stages = LoadedStages(settings)
    before = time.perf_counter()
    import pipeline.emotion
    import pipeline.reply
    import pipeline.stt  # noqa: F401

    imported = time.perf_counter() - before
    loading = {stage: _seconds(lambda name=name: getattr(stages, name)) for stage, name in ATTRIBUTES.items()}  # type: ignore[misc]
    said = audio.decode(str(CLIP))
    work: dict[str, Callable[[], Any]] = {
        "stt": lambda: stages.transcriber.transcribe(said),
        "emotion": lambda: stages.emotion_reader.read(SENTENCE),
        "reply": lambda: stages.responder.reply(SENTENCE, Emotion("슬픔")),
    }
    spent = {stage: statistics.median(_seconds(once) for _ in range(turns)) for stage, once in work.items()}
    models = [getattr(stages, name).model for name in ATTRIBUTES.values()]  # type: ignore[attr-defined]
    return {
        "parameters": sum(parameter.numel() for model in models for parameter in model.parameters()) / 1e6,
        "imported": imported,
        "loading": loading,
        "turn": spent,
        "resident": _memory("VmRSS"),  # after the turns: weights are mapped, and read when they are first used
        "peak": _memory("VmHWM"),
    }


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _memory(name: str) -> float:
    """MB of this process, as Linux tells it: VmRSS now, VmHWM at its most."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 1e3


def measured_apart(settings: Settings, cache: Path, turns: int) -> dict[str, Any]:
    """`measure` in a process of its own, which knows nothing but this cache and no network."""
    asked = {"weights": settings.weights, "checkpoints": str(settings.checkpoints), "threads": settings.threads}
    command = [sys.executable, "-m", "benchmarks.hub", "--measure", json.dumps(asked), "--turns", str(turns)]
    environment = {**os.environ, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(bundled: dict[str, Any], first: dict[str, Any], again: dict[str, Any]) -> str:
    """first: the start at which every file is hashed; again: the starts after it."""
    columns = (bundled, first, again)
    rows = [("million parameters", *(f"{told['parameters']:.0f}" for told in columns))]
    rows.append(("s to import torch and transformers", *(f"{told['imported']:.1f}" for told in columns)))
    rows += [(f"s to load {stage}", *(f"{told['loading'][stage]:.1f}" for told in columns)) for stage in ATTRIBUTES]
    rows.append(("s to load all three", *(f"{sum(told['loading'].values()):.1f}" for told in columns)))
    rows += [(f"s a turn, {stage}", *(f"{told['turn'][stage]:.2f}" for told in columns)) for stage in ATTRIBUTES]
    rows.append(("s a turn, without the voice", *(f"{sum(told['turn'].values()):.2f}" for told in columns)))
    rows.append(("MB of memory, after the turns", *(f"{told['resident']:.0f}" for told in columns)))
    rows.append(("MB of memory, at most", *(f"{told['peak']:.0f}" for told in columns)))
    head = ["| | bundled | Hub, first start (files hashed) | Hub, later |", "|---|--:|--:|--:|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])


def main(argv: list[str] | None = None) -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--tiny", action="store_true", help="two layers in the place of many")
    asked.add_argument("--turns", type=int, default=5, help="turns of which the median counts")
    asked.add_argument("--threads", type=int, default=2, help="compute threads")
    asked.add_argument("--measure", help=argparse.SUPPRESS)
    args = asked.parse_args(argv)
    if args.measure:
        given = json.loads(args.measure)
        print(json.dumps(measure(Settings(**{**given, "checkpoints": Path(given["checkpoints"])}), args.turns)))
        return
    with tempfile.TemporaryDirectory(prefix="jiwoo-hub-") as folder:
        cache, checkpoints = Path(folder) / "cache", Path(folder) / "checkpoints"
        make(TINY if args.tiny else LARGE, cache, checkpoints)
        bundled = measured_apart(Settings(threads=args.threads), cache, args.turns)
        full = Settings(weights="hub", checkpoints=checkpoints, threads=args.threads)
        first, again = (measured_apart(full, cache, args.turns) for _ in range(2))
    print(table(bundled, first, again))


if __name__ == "__main__":
    main()
