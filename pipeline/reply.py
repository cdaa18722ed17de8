"""GPT-2: what was said, its emotion and what went before → an answer, the best of several candidates that pass a guard."""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from pipeline.boundaries import BOUNDARIES, boundary
from pipeline.errors import WeightsMissing
from pipeline.korean import normalise
from pipeline.pretrained import load_strictly
from pipeline.reply_guard import GRIEFS, fault
from pipeline.turn import Emotion, Exchange, Reply

HISTORY = 3
CANDIDATES = 24
ROUNDS = 2
"""Times that candidates are drawn before a reviewed sentence is given; the second only where none of the first passes."""
MAX_NEW_TOKENS = 48
MAX_PROMPT_TOKENS = 192
ROWS = 32
"""Candidates scored at once."""
OWN_BLANDNESS = 0.15
"""How much the general likelihood of a candidate of the model's own counts against it. Far less than in `Gpt2Responder.score`:
what a model says and finds improbable in general is more often a slip than to the point (training/README.md)."""
NEUTRAL = "중립"

FALLBACKS = {
    "공포": (
        "많이 불안하고 무서우셨겠어요. 지금 가장 걱정되는 것이 무엇인지 조금 더 들려주시겠어요?",
        "마음을 놓기 어려우셨겠어요. 숨을 천천히 한번 고르고, 편한 만큼만 이야기해 주세요.",
        "두려운 마음이 드는 건 자연스러운 일이에요. 어떤 생각이 가장 크게 떠오르시나요?",
        "그런 마음으로 지내기가 쉽지 않으셨겠어요. 조금이라도 마음이 놓이는 때는 언제인가요?",
    ),
    "놀람": (
        "예상하지 못한 일이라 놀라셨겠어요. 어떤 일이 있었는지 천천히 이야기해 주세요.",
        "갑작스러워서 마음이 어수선하실 것 같아요. 지금은 어떤 기분이 드시나요?",
        "생각지 못한 일이었군요. 그 순간에 어떤 생각이 드셨는지 궁금해요.",
        "많이 당황스러우셨겠어요. 무엇이 가장 뜻밖이었는지 들려주시겠어요?",
    ),
    "분노": (
        "정말 화가 나셨을 것 같아요. 무엇이 가장 마음에 걸리셨는지 말씀해 주시겠어요?",
        "그렇게 느끼실 만한 이유가 있으셨을 거예요. 어떤 점이 가장 속상하셨나요?",
        "참느라 힘드셨겠어요. 하고 싶었던 말이 있다면 여기에서 편하게 해 보세요.",
        "마음이 많이 상하셨군요. 상대가 무엇을 알아주었으면 하셨나요?",
    ),
    "슬픔": (
        "마음이 많이 아프셨겠어요. 괜찮으시다면 그 이야기를 조금 더 들려주세요.",
        "많이 힘드셨겠어요. 요즘 그 마음을 어떻게 견디고 계신지 궁금해요.",
        "그 마음을 혼자 안고 계셨군요. 언제 가장 크게 느껴지시나요?",
        "슬픈 마음은 천천히 지나가도 괜찮아요. 지금 떠오르는 것부터 이야기해 주세요.",
    ),
    "중립": (
        "이야기해 주셔서 고마워요. 그때 어떤 마음이 드셨는지 조금 더 들려주시겠어요?",
        "네, 듣고 있어요. 지금 마음에 가장 크게 남아 있는 것은 무엇인가요?",
        "그렇군요. 오늘은 어떤 이야기를 나누고 싶으신지 편하게 말씀해 주세요.",
        "조금 더 알고 싶어요. 요즘 어떻게 지내고 계신지도 들려주시겠어요?",
    ),
    "행복": (
        "듣기만 해도 기분이 좋아지네요. 어떤 점이 가장 기뻤는지 더 들려주세요.",
        "좋은 일이 있으셨군요. 그 기쁨을 누구와 나누고 싶으세요?",
        "정말 반가운 이야기예요. 그때 기분이 어떠셨나요?",
        "즐거운 마음이 느껴져요. 그 일이 왜 특별하게 느껴지셨나요?",
    ),
    "혐오": (
        "많이 불편하고 싫으셨겠어요. 어떤 점이 특히 힘드셨는지 말씀해 주시겠어요?",
        "그런 마음이 드실 수 있어요. 무엇이 가장 견디기 어려우셨나요?",
        "마음이 많이 거북하셨겠어요. 어떤 일이 있었는지 편한 만큼 들려주세요.",
        "피하고 싶은 마음이 드셨겠어요. 어떻게 되면 조금 나아질 것 같으세요?",
    ),
}  # fmt: skip
"""Reviewed counselling sentences for when no candidate passes the guard. Those of 중립 fit whatever was said."""


@dataclass(frozen=True)
class Prompt:
    """How a model was taught to be asked: marks around what was said, its emotion and the answer.

    emotion: the mark before the emotion, "" where the model was taught none; words: the model's own word for each of our
    emotions where it has others; history: how many earlier exchanges it was taught to hear; end: what ends an answer
    beside the end token.
    """

    user: str
    emotion: str
    answer: str
    words: Mapping[str, str] = field(default_factory=dict)
    history: int = HISTORY
    end: str = ""

    def of(self, text: str, emotion: str, history: Sequence[Exchange]) -> str:
        """What the model is asked; no mark of an emotion where there is none."""
        heard = history[len(history) - min(self.history, len(history)) :]
        earlier = [f"{self.user}{e.user}{self.answer}{e.reply}" for e in heard]
        felt = f"{self.emotion}{self.words.get(emotion, emotion)}" if self.emotion and emotion else ""
        return "".join([*earlier, f"{self.user}{text}{felt}{self.answer}"])


# Songys' three kinds of talk, which KoGPT2 chat models know as 0 everyday, 1 sad, 2 glad.
KINDS_OF_TALK = dict.fromkeys(("공포", "분노", "슬픔", "혐오"), "1") | {"놀람": "0", "중립": "0", "행복": "2"}
# Intents of the wellness corpus without their first part ("감정/충격"), which that model was taught to write.
INTENTS = {
    "공포": "불안",
    "놀람": "충격",
    "분노": "분노",
    "슬픔": "슬픔",
    "중립": "일상",
    "행복": "즐거움",
    "혐오": "불쾌감",
}

_RANDOM = threading.Lock()
"""torch's random state is the process's: two answers made at once would draw from each other."""

PROMPTS = {
    # Our own; `training/train_reply.py` writes it.
    "jiwoo": Prompt("<usr>", "<emo>", "<sys>"),
    # A plain language model that was never taught to chat: it goes on with a story in which somebody answers.
    "kogpt2": Prompt('"', "", '" 이 말을 들은 상담사는 다정하게 대답했다. "', history=0, end='"'),
    # https://github.com/haven-jeon/KoGPT2-chatbot and what was made from it: one question, one answer.
    "kogpt2-chat": Prompt("<usr>", "<unused1>", "<sys>", KINDS_OF_TALK, history=0),
    # https://github.com/nawnoes/WellnessConversation-LanguageModel, by which its authors taught it.
    "emotion-chatbot": Prompt("<s>", "", "</s><s>", history=0),
    # https://github.com/eunjiinkim/WellnessChatbot
    "wellness": Prompt("<usr>", "<unused1>", "<sys>", INTENTS, history=0),
}
"""By ``prompt`` in the model's config.json, else by its name in `pipeline.catalogue`."""


class Gpt2Responder:
    """Answers with a Hugging Face folder. Same seed, text, emotion and history: same answer.

    prompt: a key of PROMPTS, for a folder whose config.json names none.
    """

    def __init__(self, folder: Path, threads: int = 2, seed: int = 0, prompt: str = "kogpt2-chat") -> None:
        torch.set_num_threads(threads)
        self.model = load_strictly(GPT2LMHeadModel, folder)
        self.seed = seed
        # AutoTokenizer gives no tokens at all for a folder that holds only tokenizer.json, without a word.
        try:
            self.prompt = PROMPTS[getattr(self.model.config, "prompt", prompt)]
            self.tokenizer = PreTrainedTokenizerFast(
                tokenizer_file=str(folder / "tokenizer.json"), bos_token="</s>", eos_token="</s>", unk_token="<unk>",
                pad_token="<pad>", mask_token="<mask>",
            )  # fmt: skip
        except Exception as error:  # a broken file raises one of several kinds
            raise WeightsMissing(f"no usable tokenizer or an unknown prompt in {folder}: {error}") from error
        if "안녕" not in self.tokenizer.decode(self.tokenizer.encode("안녕하세요")):
            raise WeightsMissing(f"the tokenizer in {folder} loses Korean")

    def reply(self, text: str, emotion: Emotion, history: Sequence[Exchange] = ()) -> Reply:
        """The candidate that fits best among those that pass `fault`; a reviewed sentence (source "fallback") where none
        does, or where the person asks for what is not talked about here."""
        if asked := boundary(text):
            return Reply(_one_of(BOUNDARIES[asked].answers, text, history), "fallback")
        prompt = self._prompt(text, emotion, history)
        mood, earlier = _mood(emotion), [exchange.reply for exchange in history[-HISTORY:]]
        for attempt in range(ROUNDS):
            drawn = dict.fromkeys(self._candidates(prompt, text, attempt))
            passed = [candidate for candidate in drawn if fault(candidate, text, mood, earlier) is None]
            if passed:
                scores = [(given - OWN_BLANDNESS * alone) / n for given, alone, n in self._likelihoods(prompt, passed)]
                return Reply(passed[max(range(len(passed)), key=scores.__getitem__)], "model")
        return Reply(_one_of(FALLBACKS[_word_for(emotion)], text, history), "fallback")

    def score(
        self, text: str, candidates: Sequence[str], emotion: Emotion | None = None, history: Sequence[Exchange] = ()
    ) -> list[float]:
        """How well each candidate answers ``text``; higher is better.

        How much likelier it is made by what was said (maximum mutual information, Li et al. 2016, arXiv 1510.03055), over the
        square root of its tokens: so grows what chance adds to the sum.
        """
        prompt = self._prompt(text, emotion or Emotion.unknown(), history)
        found = self._likelihoods(prompt, [normalise(candidate) for candidate in candidates])
        return [(given - alone) / math.sqrt(n) for given, alone, n in found]

    def surprise(self, text: str, answer: str, emotion: Emotion) -> float:
        """Negative log-likelihood (nats) of the whole ``answer``, its end included."""
        ids = [*self._ids(normalise(answer)), self.tokenizer.eos_token_id]
        return -self._likelihood(self._prompt(text, emotion), [ids])[0]

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
    def _candidates(self, prompt: list[int], text: str, attempt: int = 0) -> list[str]:
        """What the model says, only as far as it came to an end."""
        ids = torch.tensor([prompt], device=self.model.device)
        with _RANDOM, torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + zlib.crc32(text.encode(errors="replace")) + attempt)
            generated = self.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, top_p=0.9, temperature=0.7,
                num_return_sequences=CANDIDATES, max_new_tokens=MAX_NEW_TOKENS, no_repeat_ngram_size=4,
                pad_token_id=self.tokenizer.pad_token_id, eos_token_id=self.tokenizer.eos_token_id,
                suppress_tokens=self._marks(),
            )  # fmt: skip
        return [answer for row in generated[:, len(prompt) :].cpu() if (answer := self._finished(row)) is not None]

    def _marks(self) -> list[int]:
        """Tokens that no answer holds: an unknown word would vanish from it without a trace."""
        return [i for i in self.tokenizer.get_added_vocab().values() if i != self.tokenizer.eos_token_id]

    def _finished(self, row: torch.Tensor) -> str | None:
        said, mark, _ = self.tokenizer.decode(row, skip_special_tokens=True).partition(self.prompt.end or "\0")
        return normalise(said) if mark or self.tokenizer.eos_token_id in row else None

    def _likelihoods(self, prompt: list[int], candidates: Sequence[str]) -> list[tuple[float, float, int]]:
        """Of each candidate the log-likelihood (nats) given the prompt, that without what was said, and its tokens."""
        answers = [[*self._ids(candidate), self.tokenizer.eos_token_id] for candidate in candidates]
        given, alone = (self._likelihood(context, answers) for context in (prompt, self._ids(self.prompt.answer)))
        return [(g, a, len(answer)) for g, a, answer in zip(given, alone, answers, strict=True)]

    def _likelihood(self, prompt: list[int], answers: list[list[int]]) -> list[float]:
        """Log-likelihood (nats) of each answer after the prompt."""
        parts = (answers[start : start + ROWS] for start in range(0, len(answers), ROWS))
        return [one for part in parts for one in self._likelihood_of_few(prompt, part)]

    @torch.inference_mode()
    def _likelihood_of_few(self, prompt: list[int], answers: list[list[int]]) -> list[float]:
        places = self.model.config.n_positions
        answers = [answer[: places - 1] for answer in answers]
        prompt = prompt[-(places - max(map(len, answers))) :]
        rows = [torch.tensor(prompt + answer) for answer in answers]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.tokenizer.pad_token_id)
        ids = ids.to(self.model.device)
        mask = ids != self.tokenizer.pad_token_id
        logits = self.model(ids, attention_mask=mask).logits[:, len(prompt) - 1 : -1]
        losses = F.cross_entropy(logits.transpose(1, 2), ids[:, len(prompt) :], reduction="none")
        return [-losses[i, : len(answer)].sum().item() for i, answer in enumerate(answers)]


def _one_of(sentences: Sequence[str], text: str, history: Sequence[Exchange]) -> str:
    """One of the sentences, by what was said: one that this talk has not just heard, or heard longest ago."""
    heard = [exchange.reply for exchange in history[-HISTORY:]]
    fresh = [sentence for sentence in sentences if sentence not in heard]
    if not fresh:
        return min(sentences, key=lambda sentence: len(heard) - heard[::-1].index(sentence))
    return fresh[zlib.crc32(text.encode(errors="replace")) % len(fresh)]


def _word_for(emotion: Emotion) -> str:
    """The emotion as the answer goes by it: one that is not sure is no emotion to speak of."""
    return emotion.label if emotion.sure and emotion.label in FALLBACKS else NEUTRAL


def _mood(emotion: Emotion) -> str:
    """What an answer must not contradict: the emotion that is sure, or a grief where all griefs together are likely."""
    griefs = {label: emotion.scores.get(label, 0.0) for label in GRIEFS}
    if not emotion.sure and sum(griefs.values()) > 0.5:
        return max(griefs, key=griefs.__getitem__)
    return _word_for(emotion)
