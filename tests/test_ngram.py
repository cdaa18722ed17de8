"""The jamo language model: what is counted, what is pruned, and that it stays a distribution."""

from __future__ import annotations

import functools
import itertools
import math
import random
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import WeightsMissing
from pipeline.ngram import BORDER, DISCOUNT, IDS, JAMO, SYMBOLS, JamoLanguageModel
from tests.fakes import DAMAGES, spoil
from training import train_lm

EVERY_SYLLABLE = "".join(map(chr, range(0xAC00, 0xD7A4)))
TEXTS = ["오늘은 날씨가 좋아요", "오늘도 고마워요", "내일은 비가 와요", "고마워요 정말 좋아요"] * 4
ORDER = 6


def counts() -> list[train_lm.Counts]:
    return train_lm.counted([(train_lm.ids_of([*TEXTS, EVERY_SYLLABLE]), 1)], ORDER)


def built(levels) -> JamoLanguageModel:
    return JamoLanguageModel(**train_lm.trie(levels))


@functools.cache
def small_model() -> JamoLanguageModel:
    return built(counts())


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lm") / "lm.npz"
    train_lm.main(["--tiny", "--out", str(path)])
    return path


def test_the_alphabet_is_the_border_and_every_positional_jamo() -> None:
    assert len(JAMO) == 67 and SYMBOLS == 68 and IDS[" "] == BORDER == 0
    ids = train_lm.ids_of([EVERY_SYLLABLE])
    assert set(ids.tolist()) == set(range(1, SYMBOLS))


def test_text_becomes_the_symbols_that_the_recogniser_writes() -> None:
    ids = train_lm.ids_of(["안녕, 값!", "3시에  ok 와"])
    back = ["|" if i == 0 else JAMO[i - 1] for i in ids]
    assert back == [*"ᄋ", "ᅡ", "ᆫ", "ᄂ", "ᅧ", "ᆼ", "|", "ᄀ", "ᅡ", "ᆹ", "|", "ᄋ", "ᅪ"]


@pytest.mark.parametrize("nodes", [100_000, 4_000, 300])
def test_after_any_context_the_next_symbols_sum_to_one(nodes: int) -> None:
    model, rng = built(train_lm.pruned(counts(), nodes)), random.Random(0)
    ids = train_lm.ids_of(TEXTS).tolist()
    for _ in range(200):
        at = rng.randrange(len(ids) - ORDER)
        seen = tuple(ids[at : at + rng.randrange(ORDER + 2)])
        unseen = tuple(rng.randrange(SYMBOLS) for _ in range(rng.randrange(ORDER)))
        for context in (seen, unseen):
            assert np.exp(model.log_probabilities(context)).sum() == pytest.approx(1.0, abs=1e-6)


def test_it_is_interpolated_absolute_discounting() -> None:
    """Against the formula on the true counts; the stored counts are within 4 %."""
    ids = train_lm.ids_of([*TEXTS, EVERY_SYLLABLE]).tolist()

    def count(gram: tuple[int, ...]) -> int:
        return sum(tuple(ids[i : i + len(gram)]) == gram for i in range(len(ids) - len(gram) + 1))

    def probability(context: tuple[int, ...], symbol: int) -> float:
        if not context:
            return ids.count(symbol) / len(ids)
        followers = {s: count((*context, s)) for s in range(SYMBOLS)}
        total = count(context)
        kept = {s: max(n - DISCOUNT, 0) / total for s, n in followers.items() if n}
        return kept.get(symbol, 0.0) + (1 - sum(kept.values())) * probability(context[1:], symbol)

    context = tuple(train_lm.ids_of(["고"]).tolist())
    for symbol in train_lm.ids_of(["마 각"]).tolist():
        truth = probability(context[-2:], symbol)
        assert small_model().log_probabilities(context[-2:])[symbol] == pytest.approx(math.log(truth), abs=0.12)


def test_only_the_last_symbols_matter() -> None:
    model = small_model()
    tail = tuple(train_lm.ids_of(["고마워"]).tolist())
    assert model.order == ORDER
    np.testing.assert_array_equal(model.log_probabilities((5, 9, *tail)), model.log_probabilities((7, *tail)))


def test_what_was_read_often_is_likelier_than_the_same_sounds_in_disorder() -> None:
    model = small_model()
    assert model.score("고마워요") > model.score("워마고요") + 2
    assert model.score(" 고마워요  정말 ") == model.score("고마워요 정말")


def test_pruning_keeps_what_tells_most() -> None:
    levels = counts()
    whole, small, tiny = (built(train_lm.pruned(levels, nodes)) for nodes in (100_000, 3_000, 500))
    scores = [sum(model.score(text) for text in set(TEXTS)) for model in (whole, small, tiny)]
    assert scores[0] >= scores[1] > scores[2]
    kept = train_lm.pruned(levels, 500)
    assert sum(len(codes) for codes, _ in kept) < 1_500
    for (codes, _), (longer, _) in itertools.pairwise(kept):
        assert np.isin(longer // SYMBOLS, codes).all(), "what an n-gram begins with is kept"


def test_weights_count_a_text_so_many_times() -> None:
    ids = train_lm.ids_of(["가나다"])
    once, thrice = (dict(zip(*train_lm.counted([(ids, weight)], 2)[1], strict=True)) for weight in (1, 3))
    assert thrice == {code: 3 * times for code, times in once.items()}


def test_lines_that_a_test_speaks_are_not_learnt() -> None:
    tests = ["저 같은 신입 사원도 큰돈을 마련할 수 있을까요?", "네."]
    learnt = ["네", "네 그래요", "그런데 신입사원도 큰 돈을 마련할 수 있대", "신입 사원은 바빠요"]
    assert train_lm.unseen(learnt, tests) == ["네 그래요", "신입 사원은 바빠요"]


def test_a_stored_model_comes_back(stored: Path) -> None:
    model = JamoLanguageModel.load(stored)
    assert model.score("오늘도 고마워요") > model.score("오늘도 고마워욕")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_refused(stored: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "lm.npz"
    path.write_bytes(stored.read_bytes())
    spoil(path, damage)
    with pytest.raises(WeightsMissing, match=r"lm\.npz"):
        JamoLanguageModel.load(path)


def test_arrays_that_make_no_trie_are_refused(tmp_path: Path) -> None:
    arrays = train_lm.trie(counts())
    np.savez(tmp_path / "lm.npz", **(arrays | {"children": arrays["children"][:-1]}))
    with pytest.raises(WeightsMissing):
        JamoLanguageModel.load(tmp_path / "lm.npz")
