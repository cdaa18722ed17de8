"""A transformers model from a local folder: strictly, or not at all."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from pipeline.errors import WeightsMissing

# Constants that transformers saved as if they were weights until 4.30; GPT-2 makes its own. skt/kogpt2-base-v2 has them.
OLD_CONSTANTS = re.compile(r"\.attn\.masked_bias$")


def load_strictly(kind, folder: Path):
    """A transformers model from a local folder in float32 and eval mode, every tensor in place or `WeightsMissing`."""
    try:
        model, info = kind.from_pretrained(folder, local_files_only=True, dtype=torch.float32, output_loading_info=True)
    except Exception as error:  # a broken folder raises one of a dozen kinds, from OSError to SafetensorError
        raise WeightsMissing(f"no usable {kind.__name__} in {folder}: {error}") from error
    listed = {name: sorted(map(str, info[name])) for name in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    listed["unexpected_keys"] = [key for key in listed["unexpected_keys"] if not OLD_CONSTANTS.search(key)]
    if wrong := {name: keys for name, keys in listed.items() if keys}:
        raise WeightsMissing(f"the weights in {folder} do not fit {kind.__name__}: {wrong}")
    return model.eval()
