"""A transformers model from a local folder: strictly, or not at all."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.errors import WeightsMissing


def load_strictly(kind, folder: Path):
    """A transformers model from a local folder in float32 and eval mode, every tensor in place or `WeightsMissing`."""
    try:
        model, info = kind.from_pretrained(folder, local_files_only=True, dtype=torch.float32, output_loading_info=True)
    except Exception as error:  # a broken folder raises one of a dozen kinds, from OSError to SafetensorError
        raise WeightsMissing(f"no usable {kind.__name__} in {folder}: {error}") from error
    wrong = {
        name: sorted(map(str, info[name]))
        for name in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if info[name]
    }
    if wrong:
        raise WeightsMissing(f"the weights in {folder} do not fit {kind.__name__}: {wrong}")
    return model.eval()
