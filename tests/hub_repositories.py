"""Repositories of the Hub in the exact layouts of `pipeline.catalogue`, with two random layers in the place of many.

File names, tokenizer files, key names of the tensors and what should never be fetched are those of the repositories as
they were seen in November 2026; where a file could not be seen, the docstring says so.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Wav2Vec2Config,
    Wav2Vec2ForCTC,
)

Files = dict[str, bytes]
Tensors = dict[str, torch.Tensor]

SENTENCES = (
    "오늘 친구와 다퉈서 많이 속상했어요",
    "그러셨군요 많이 속상하셨겠어요",
    "안녕하세요 반가워요 어떤 하루를 보내셨나요",
    "이야기를 조금 더 들려주시겠어요",
)
SYLLABLES = sorted({char for sentence in SENTENCES for char in sentence if char != " "})
JAMO = [
    *"ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ",
    *"ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ",
    *"ㄳㄵㄶㄺㄻㄼㄾㅀㅄㄿㄽ",
]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "[UNK]", "pad_token": "[PAD]"}
JUNK = b"optimizer state" * 4000
LAYERS: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "hidden_size": 32}


def kresnik(**config: Any) -> Files:
    """Syllables, blank at the end; safetensors, and beside it the .bin, 2.5 GB of optimizer and trainer_state.json."""
    symbols = [*SYLLABLES, "|", "[UNK]", "[PAD]"]
    weights = _wav2vec2(len(symbols), stable=True, **config)
    return {
        "config.json": weights[0],
        "model.safetensors": save(_old_names(weights[1]), metadata={"format": "pt"}),
        "pytorch_model.bin": _pickled(_old_names(weights[1])),
        "vocab.json": _json({symbol: i for i, symbol in enumerate(symbols)}),
        "tokenizer_config.json": _json(
            {**SPECIAL, "do_lower_case": True, "word_delimiter_token": "|", "tokenizer_file": None}
        ),
        "special_tokens_map.config": _json(SPECIAL),
        **_leftovers(),
    }


def cheulyop(symbols: list[str]) -> Files:
    """.bin only. symbols: nobody could look into its vocab.json, so both kinds are tried."""
    symbols = ["|", *symbols, "[UNK]", "[PAD]"]
    config, tensors = _wav2vec2(len(symbols), stable=True)
    return {
        "config.json": config,
        "pytorch_model.bin": _pickled(_old_names(tensors)),
        "vocab.json": _json({symbol: i for i, symbol in enumerate(symbols)}),
        "tokenizer_config.json": _json({**SPECIAL, "do_lower_case": False, "word_delimiter_token": "|"}),
        "special_tokens_map.json": _json(SPECIAL),
        **_leftovers(),
    }


def kkonjeong() -> Files:
    """56 symbols: 54 in vocab.json (51 jamo and |, [UNK], [PAD]), <s> and </s> in added_tokens.json."""
    symbols = [*JAMO, "|", "[UNK]", "[PAD]"]
    config, tensors = _wav2vec2(len(symbols) + 2, stable=False, pad_token_id=symbols.index("[PAD]"))
    return {
        "config.json": config,
        "model.safetensors": save(tensors, metadata={"format": "pt"}),
        "vocab.json": _json({symbol: i for i, symbol in enumerate(symbols)}),
        "added_tokens.json": _json({"</s>": len(symbols) + 1, "<s>": len(symbols)}),
        "tokenizer_config.json": _json(
            {**SPECIAL, "tokenizer_class": "Wav2Vec2CTCTokenizer", "word_delimiter_token": "|"}
        ),
        "special_tokens_map.json": _json(SPECIAL),
        "preprocessor_config.json": _json({"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": True}),
        "README.md": b"# wav2vec2-base-korean",
    }


def kluebert() -> Files:
    """vocab.txt and a config whose label names say nothing."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SYLLABLES, *(f"##{char}" for char in SYLLABLES)]
    labels = {str(i): f"LABEL_{i}" for i in range(7)}
    config = BertConfig(**LAYERS, vocab_size=len(pieces), max_position_embeddings=300, num_labels=7)
    torch.manual_seed(0)
    tensors = BertForSequenceClassification(config).state_dict()
    told = {**config.to_dict(), "id2label": labels, "label2id": {name: int(i) for i, name in labels.items()}}
    return {
        "config.json": _json({**told, "architectures": ["BertForSequenceClassification"]}),
        "model.safetensors": save(tensors, metadata={"format": "pt"}),
        "vocab.txt": "\n".join(pieces).encode(),
        "tokenizer_config.json": _json({"tokenizer_class": "BertTokenizer", "do_lower_case": False}),
        "special_tokens_map.json": _json({"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}),
        "training_args.bin": JUNK,
    }


def kogpt2() -> Files:
    """No tokenizer file but tokenizer.json; the weights as .bin with the buffers of their time, and again for Flax."""
    config, tensors = _gpt2()
    return {
        "config.json": config,
        "pytorch_model.bin": _pickled(tensors),
        "tokenizer.json": _character_bpe(),
        "flax_model.msgpack": JUNK,
        "README.md": b"# KoGPT2",
    }


def fine_tune() -> Files:
    """As a fine-tune of KoGPT2 is uploaded: a .bin and the tokenizer written out. (The two repositories of the
    catalogue could not be seen themselves.)"""
    config, tensors = _gpt2()
    marks = {
        "bos_token": "</s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
    }
    return {
        "config.json": config,
        "pytorch_model.bin": _pickled({name: value for name, value in tensors.items() if "masked_bias" not in name}),
        "tokenizer.json": _character_bpe(),
        "tokenizer_config.json": _json({**marks, "tokenizer_class": "PreTrainedTokenizerFast"}),
        "special_tokens_map.json": _json(marks),
        "last.ckpt": JUNK,
    }


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _wav2vec2(symbols: int, stable: bool, **more: Any) -> tuple[bytes, Tensors]:
    """config.json and tensors; stable: as the large models (layer norm first), else as the base ones."""
    told: dict[str, Any] = {**LAYERS, "vocab_size": symbols, "pad_token_id": symbols - 1, "conv_dim": (16,) * 7}
    told |= {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2, "ctc_loss_reduction": "mean"}
    told |= {"do_stable_layer_norm": stable, "feat_extract_norm": "layer" if stable else "group", **more}
    torch.manual_seed(0)
    config = Wav2Vec2Config(**told)
    return _json({**config.to_dict(), "architectures": ["Wav2Vec2ForCTC"]}), Wav2Vec2ForCTC(config).state_dict()


def _old_names(tensors: Tensors) -> Tensors:
    """As torch named the halves of a weight norm until 2.0, when kresnik's and cheulyop's models were saved."""
    new = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    renamed = {}
    for name, value in tensors.items():
        for now, then in new.items():
            name = name.replace(now, then)
        renamed[name] = value
    return renamed


def _gpt2() -> tuple[bytes, Tensors]:
    size = Tokenizer.from_str(_character_bpe().decode()).get_vocab_size()
    config = GPT2Config(
        vocab_size=size, n_positions=256, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=1
    )
    torch.manual_seed(0)
    tensors = dict(GPT2LMHeadModel(config).state_dict())
    for layer in range(config.n_layer):  # buffers that transformers saved until 4.30
        tensors[f"transformer.h.{layer}.attn.bias"] = torch.ones(256, 256, dtype=torch.uint8).tril()[None, None]
        tensors[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    told = {**config.to_dict(), "pad_token_id": 3, "n_ctx": 256}
    told |= {"author": "Heewon Jeon(madjakarta@gmail.com)", "license": "CC-BY-NC-SA 4.0", "created_date": "2021-04-28"}
    return _json({**told, "architectures": ["GPT2LMHeadModel"]}), tensors


def _character_bpe() -> bytes:
    """A character BPE with KoGPT2's marks at their places: <s> 0, </s> 1, <usr> 2, <pad> 3, <sys> 4, <unk> 5, <mask> 6."""
    marks = ["<s>", "</s>", "<usr>", "<pad>", "<sys>", "<unk>", "<mask>", "<d>", "</d>", "<unused0>", "<unused1>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=marks, show_progress=False)
    tokenizer.train_from_iterator([*SENTENCES, "공포 놀람 분노 슬픔 중립 행복 혐오"], trainer)
    return tokenizer.to_str().encode()


def _leftovers() -> Files:
    """What a trainer leaves in a repository."""
    told = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": True, "sampling_rate": 16000}
    return {
        "preprocessor_config.json": _json(told),
        "optimizer.pt": JUNK,
        "scheduler.pt": JUNK[:600],
        "trainer_state.json": _json({"epoch": 20}),
        "training_args.bin": JUNK[:2000],
    }


def _pickled(tensors: Mapping[str, torch.Tensor]) -> bytes:
    out = io.BytesIO()
    torch.save(dict(tensors), out)
    return out.getvalue()


def _json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=True, default=list).encode()
