"""The full-size models on the Hugging Face Hub that a stage may run with: one table, a row a stage and choice.

The Tacotron has no row: its checkpoint is always the bundled one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import WeightsMissing

# Safetensors first: the .bin is a pickle, which torch opens with weights_only, and only where nothing better is there.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TOKENIZER = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
# By stage: the files that are fetched where they exist, and those that a model cannot do without. Nothing else of a
# repository is touched: some carry GBs of optimiser state or the same weights once more for another library.
FILES = {
    "stt": ("config.json", "preprocessor_config.json", "vocab.json", *TOKENIZER, *WEIGHTS),
    "emotion": ("config.json", "vocab.txt", "tokenizer.json", *TOKENIZER, *WEIGHTS),
    "reply": ("config.json", "tokenizer.json", *TOKENIZER, *WEIGHTS),
}
NEEDED = {
    "stt": ("config.json", "vocab.json"),
    "emotion": ("config.json",),
    "reply": ("config.json", "tokenizer.json"),
}


@dataclass(frozen=True)
class HubModel:
    """A model on the Hub. ``revision``: what is asked for until `python -m pipeline lock` has pinned it."""

    stage: str
    name: str
    repository: str
    licence: str
    notes: str
    revision: str = "main"

    @property
    def files(self) -> tuple[str, ...]:
        return FILES[self.stage]

    def choose(self, present: Iterable[str]) -> tuple[str, ...]:
        """Which of the ``present`` files to use, one file of weights among them. Raises `WeightsMissing`."""
        there = set(present)
        weights = next((name for name in WEIGHTS if name in there), "")
        missing = [name for name in NEEDED[self.stage] if name not in there]
        if missing or not weights:
            lacks = ", ".join([*missing, *([] if weights else [" or ".join(WEIGHTS)])])
            raise WeightsMissing(f"{self.repository} lacks {lacks}", "허깅페이스의 모델에 필요한 파일이 없어요.")
        return tuple(name for name in self.files if name in there and (name not in WEIGHTS or name == weights))


CATALOGUE = (
    HubModel(
        "stt", "kresnik", "kresnik/wav2vec2-large-xlsr-korean", "Apache-2.0",
        "317M; syllables, blank [PAD] as named in tokenizer_config.json; read news (CER 1.78 % on Zeroth), far worse on talk",
    ),
    HubModel(
        "stt", "cheulyop", "cheulyop/wav2vec2-large-xlsr-ksponspeech_1-20", "not stated",
        "317M, .bin only; spontaneous speech (a twentieth of KsponSpeech); syllables or jamo: told by vocab.json",
        revision="2f64204289a384bd4d93827c1672e6c3524f4914",
    ),
    HubModel(
        "stt", "kkonjeong", "Kkonjeong/wav2vec2-base-korean", "Apache-2.0",
        "94M; 56 jamo symbols (U+31xx) to be composed, the last two in added_tokens.json; read news",
    ),
    HubModel(
        "emotion", "kluebert", "dlckdfuf141/korean-emotion-kluebert-v2", "not stated",
        "110M; seven labels by index as in turn.EMOTIONS, the names in its config are unusable",
    ),
    HubModel(
        "reply", "kogpt2", "skt/kogpt2-base-v2", "CC BY-NC-SA 4.0",
        "125M, .bin only, tokenizer.json only; a base model, not taught to chat: told a story (reply.PROMPTS)",
    ),
    HubModel(
        "reply", "emotion-chatbot", "withU/kogpt2-emotion-chatbot", "not stated",
        "125M; KoGPT2 taught to chat, without emotions (reply.PROMPTS); weights not seen, refused without tokenizer.json",
    ),
    HubModel(
        "reply", "wellness", "eunjin/kogpt2-finetuned-wellness", "not stated",
        "125M; KoGPT2 taught on wellness talks, its intents as emotions (reply.PROMPTS); files not seen, refused without tokenizer.json",
    ),
)  # fmt: skip
"""The first row of a stage is its default."""


def names(stage: str) -> tuple[str, ...]:
    return tuple(model.name for model in CATALOGUE if model.stage == stage)


def named(name: str, stage: str = "") -> HubModel:
    """The row called ``name``, of ``stage`` where that is given. Raises `WeightsMissing`."""
    for model in CATALOGUE:
        if model.name == name and stage in ("", model.stage):
            return model
    raise WeightsMissing(f"no model is called {name!r}; there are {', '.join(model.name for model in CATALOGUE)}")


def called(repository: str) -> str:
    """The name of the row with this repository; "" if none has it."""
    return next((model.name for model in CATALOGUE if model.repository == repository), "")


def default(stage: str) -> HubModel:
    return next(model for model in CATALOGUE if model.stage == stage)
