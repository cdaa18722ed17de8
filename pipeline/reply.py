"""GPT-2: what was said, its emotion and what went before → an answer, the best of several candidates that pass a guard."""

from __future__ import annotations

import itertools
import re
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from pipeline import safety
from pipeline.errors import WeightsMissing
from pipeline.korean import normalise
from pipeline.pretrained import load_strictly
from pipeline.turn import UNKNOWN_EMOTION, Emotion, Exchange, Reply

HISTORY = 3
CANDIDATES = 8
MAX_NEW_TOKENS = 48
MAX_PROMPT_TOKENS = 192
SHORTEST, LONGEST = 6, 120
# How much a candidate's general likelihood counts against it: bland answers fit everything (Li et al. 2016, MMI).
BLANDNESS = 0.5
POLITE = re.compile(r"(요|니다|니까|시다|세요|데요)[.!?~ ]*$")

FALLBACKS = {
    "공포": "많이 불안하고 무서우셨겠어요. 지금 가장 걱정되는 것이 무엇인지 조금 더 들려주시겠어요?",
    "놀람": "예상하지 못한 일이라 놀라셨겠어요. 어떤 일이 있었는지 천천히 이야기해 주세요.",
    "분노": "정말 화가 나셨을 것 같아요. 무엇이 가장 마음에 걸리셨는지 말씀해 주시겠어요?",
    "슬픔": "마음이 많이 아프셨겠어요. 괜찮으시다면 그 이야기를 조금 더 들려주세요.",
    "중립": "그러셨군요. 그때 어떤 마음이 드셨는지 조금 더 들려주시겠어요?",
    "행복": "듣기만 해도 기분이 좋아지네요. 어떤 점이 가장 기뻤는지 더 들려주세요.",
    "혐오": "많이 불편하고 싫으셨겠어요. 어떤 점이 특히 힘드셨는지 말씀해 주시겠어요?",
}
"""Counselling sentences for when no candidate passes the guard; one an emotion."""


@dataclass(frozen=True)
class Prompt:
    """How a model was taught to be asked: marks around what was said, its emotion and the answer."""

    user: str
    emotion: str
    answer: str
    end: str = "</s>"

    def of(self, text: str, emotion: str, history: Sequence[Exchange]) -> str:
        earlier = [f"{self.user}{e.user}{self.answer}{e.reply}" for e in history[-HISTORY:]]
        return "".join([*earlier, f"{self.user}{text}{self.emotion}{emotion}{self.answer}"])


_RANDOM = threading.Lock()
"""torch's random state is the process's: two answers made at once would draw from each other."""
PROMPTS = {
    "jiwoo": Prompt("<usr>", "<emo>", "<sys>"),
    "kogpt2": Prompt("<usr>", "<unused1>", "<sys>"),
}
"""By ``prompt`` in the model's config.json; a model that names none was made from KoGPT2."""


class Gpt2Responder:
    """Answers with a Hugging Face folder. Same seed, text, emotion and history: same answer."""

    def __init__(self, folder: Path, threads: int = 2, seed: int = 0) -> None:
        torch.set_num_threads(threads)
        self.model = load_strictly(GPT2LMHeadModel, folder)
        self.seed = seed
        # AutoTokenizer gives no tokens at all for a folder that holds only tokenizer.json, without a word.
        try:
            self.prompt = PROMPTS[getattr(self.model.config, "prompt", "kogpt2")]
            self.tokenizer = PreTrainedTokenizerFast(
                tokenizer_file=str(folder / "tokenizer.json"), bos_token="</s>", eos_token="</s>", unk_token="<unk>",
                pad_token="<pad>", mask_token="<mask>",
            )  # fmt: skip
        except Exception as error:  # a broken file raises one of several kinds
            raise WeightsMissing(f"no usable tokenizer or an unknown prompt in {folder}: {error}") from error
        if "안녕" not in self.tokenizer.decode(self.tokenizer.encode("안녕하세요")):
            raise WeightsMissing(f"the tokenizer in {folder} loses Korean")

    def reply(self, text: str, emotion: Emotion, history: Sequence[Exchange] = ()) -> Reply:
        """The candidate that fits best among those that pass `fault`; else a reviewed sentence (source "fallback")."""
        prompt = self._prompt(text, emotion, history)
        passed = [c for c in dict.fromkeys(self._candidates(prompt, text)) if fault(c, text) is None]
        if not passed:
            return Reply(FALLBACKS.get(emotion.label, FALLBACKS["중립"]), "fallback")
        scores = self._scores(prompt, passed)
        return Reply(passed[max(range(len(passed)), key=scores.__getitem__)], "model")

    def score(self, text: str, candidates: Sequence[str], emotion: Emotion | None = None) -> list[float]:
        """How well each candidate answers ``text``; higher is better."""
        prompt = self._prompt(text, emotion or Emotion.unknown())
        return self._scores(prompt, [normalise(candidate) for candidate in candidates])

    def surprise(self, text: str, answer: str, emotion: Emotion) -> float:
        """Negative log-likelihood (nats) of the whole ``answer``, its end included."""
        ids = [*self._ids(normalise(answer)), self.tokenizer.eos_token_id]
        return -self._likelihood(self._prompt(text, emotion), [ids])[0] * len(ids)

    def _prompt(self, text: str, emotion: Emotion, history: Sequence[Exchange] = ()) -> list[int]:
        """What the model is asked, in the clean form it was trained on; the oldest tokens go where there are too many."""
        earlier = [Exchange(self._words(e.user), self._words(e.reply)) for e in history]
        return self._ids(self.prompt.of(self._words(text), _word_for(emotion), earlier))[-MAX_PROMPT_TOKENS:]

    def _words(self, text: str) -> str:
        """Normalised, and without the model's own marks: who types "<sys>" must not speak in the model's name."""
        for mark in self.tokenizer.get_added_vocab():
            text = text.replace(mark, " ")
        return normalise(text)

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)

    @torch.inference_mode()
    def _candidates(self, prompt: list[int], text: str) -> list[str]:
        ids = torch.tensor([prompt], device=self.model.device)
        with _RANDOM, torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + zlib.crc32(text.encode()))
            generated = self.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, top_p=0.9, temperature=0.7,
                num_return_sequences=CANDIDATES, max_new_tokens=MAX_NEW_TOKENS, no_repeat_ngram_size=4,
                pad_token_id=self.tokenizer.pad_token_id, eos_token_id=self.tokenizer.eos_token_id,
            )  # fmt: skip
        answers = generated[:, len(prompt) :].cpu()
        return [normalise(self.tokenizer.decode(answer, skip_special_tokens=True)) for answer in answers]

    def _scores(self, prompt: list[int], candidates: Sequence[str]) -> list[float]:
        """Mean log-likelihood a token, given the prompt, less BLANDNESS times the same without what was said."""
        answers = [[*self._ids(candidate), self.tokenizer.eos_token_id] for candidate in candidates]
        bare = self._ids(self.prompt.answer)
        given, alone = self._likelihood(prompt, answers), self._likelihood(bare, answers)
        return [g - BLANDNESS * a for g, a in zip(given, alone, strict=True)]

    @torch.inference_mode()
    def _likelihood(self, prompt: list[int], answers: list[list[int]]) -> list[float]:
        if not answers:
            return []
        places = self.model.config.n_positions
        answers = [answer[: places - 1] for answer in answers]
        prompt = prompt[-(places - max(map(len, answers))) :]
        rows = [torch.tensor(prompt + answer) for answer in answers]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.tokenizer.pad_token_id)
        ids = ids.to(self.model.device)
        mask = ids != self.tokenizer.pad_token_id
        logits = self.model(ids, attention_mask=mask).logits[:, len(prompt) - 1 : -1]
        losses = F.cross_entropy(logits.transpose(1, 2), ids[:, len(prompt) :], reduction="none")
        return [-losses[i, : len(answer)].mean().item() for i, answer in enumerate(answers)]


def _word_for(emotion: Emotion) -> str:
    return "중립" if emotion.label == UNKNOWN_EMOTION else emotion.label


def fault(answer: str, text: str) -> str | None:
    """Why a generated answer must not be given, or None: length, speech level, loops, echo, `safety.check_reply`."""
    if not SHORTEST <= len(answer) <= LONGEST:
        return "length"
    if not POLITE.search(answer):
        return "not polite or not finished"
    if re.search(r"(.{2,}?)\1\1", answer) or _repeats_words(answer):
        return "loop"
    if answer.rstrip(".!?~ ") in text or text.rstrip(".!?~ ") == answer.rstrip(".!?~ "):
        return "echo"
    return safety.check_reply(answer)


def _repeats_words(answer: str) -> bool:
    words = [word.strip(".,!?~") for word in answer.split()]
    pairs = list(itertools.pairwise(words))
    return len(set(pairs)) < len(pairs)
