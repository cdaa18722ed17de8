"""Count the jamo n-grams of Korean text and keep those that tell most → a file of `pipeline.ngram.JamoLanguageModel`.

    python -m training.train_lm --nodes 1100000 --out checkpoints/stt/lm.npz
    python -m training.train_lm --tiny --out FILE

Words with digits or Latin letters are left out: the recogniser writes neither. So are
rows of the emotion and dialogue tests, and every line that shares ten syllables with a text of a recognition test.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.ngram import COUNT_STEPS, DISCOUNT, SYMBOLS, JamoLanguageModel
from training import data

log = logging.getLogger(__name__)

TESTS = ("asr_dev", "asr_test_studio", "asr_test_tedx", "asr_test_deeply_texts")
ORDER = 10
"""68 ** 10 < 2 ** 63: an n-gram fits into one integer. Ten jamo are three to four syllables."""
UNREADABLE = re.compile(r"\S*[0-9A-Za-zㄱ-ㅎㅏ-ㅣ]\S*")
NOT_HANGUL = re.compile("[^가-힣]")
PIECE = 10
RARE = 3
"""N-grams of RARE_FROM and more symbols that were seen less often are not looked at."""
RARE_FROM = 4
Counts = tuple[np.ndarray, np.ndarray]  # codes, sorted; weighted counts


def unseen(texts: Iterable[str], tests: Iterable[str]) -> list[str]:
    """The texts that share no piece of PIECE syllables with a test's text, and are none: the Deeply speakers read lines that
    also stand in nsmc and emotion7, and with those in the model every test figure would be a tale."""
    secret = {piece for text in tests for piece in _pieces(text)}
    return [text for text in texts if not any(piece in secret for piece in _pieces(text))]


def _pieces(text: str) -> Iterator[str]:
    hangul = NOT_HANGUL.sub("", text)
    return (hangul[i : i + PIECE] for i in range(max(1, len(hangul) - PIECE + 1)))


def ids_of(texts: Iterable[str]) -> np.ndarray:
    """Texts → symbol ids, uint8: Hangul and word borders, a border between texts, nothing else."""
    joined = " ".join(" ".join(UNREADABLE.sub(" ", text).split()) for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le"), np.uint32).astype(np.int64)
    syllable = codes - 0xAC00
    hangul = (syllable >= 0) & (syllable < 11_172)
    parts = np.full((len(codes), 3), 255, np.uint8)
    parts[codes == 0x20, 0] = 0
    inside = syllable[hangul]
    final = inside % 28
    parts[hangul] = np.stack([1 + inside // 588, 20 + inside % 588 // 28, np.where(final, 40 + final, 255)], 1)
    flat = parts.ravel()
    flat = flat[flat != 255]
    return flat[~((flat == 0) & (np.roll(flat, 1) == 0))]  # a sign between two blanks leaves one of them


def counted(corpora: Sequence[tuple[np.ndarray, int]], order: int) -> list[Counts]:
    """Weighted counts of all n-grams up to ``order``; a longer one is kept only where the shorter one it begins with is."""
    levels: list[Counts] = []
    codes = [np.zeros(len(ids), np.int64) for ids, _ in corpora]
    for n in range(1, order + 1):
        found = []
        for i, (ids, weight) in enumerate(corpora):
            codes[i] = codes[i][: len(ids) - n + 1] * SYMBOLS + ids[n - 1 :]
            unique, times = np.unique(codes[i], return_counts=True)
            found.append((unique, times * weight))
        together = np.concatenate([unique for unique, _ in found])
        ordered = np.argsort(together, kind="stable")
        together, times = together[ordered], np.concatenate([times for _, times in found])[ordered]
        begins = np.flatnonzero(np.concatenate([[True], together[1:] != together[:-1]]))
        unique, times = together[begins], np.add.reduceat(times, begins)
        keep = times >= (RARE if n >= RARE_FROM else 1)
        if levels:
            keep &= _among(unique // SYMBOLS, levels[-1][0])
        levels.append((unique[keep], times[keep]))
        log.info("order %d: %d n-grams", n, keep.sum())
    return levels


def _among(codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return known[at] == codes


def probabilities(levels: Sequence[Counts]) -> list[np.ndarray]:
    """p(last symbol | the others) of each n-gram, as `JamoLanguageModel` will have it from the unpruned counts."""
    unigram = levels[0][1] / levels[0][1].sum()
    result = [unigram]
    for n in range(2, len(levels) + 1):
        codes, times = levels[n - 1]
        parents, parent_times = levels[n - 2]
        parent = np.searchsorted(parents, codes // SYMBOLS)
        kept = np.maximum(times - DISCOUNT, 0.0) / parent_times[parent]
        left = 1.0 - np.bincount(parent, kept, len(parents))
        result.append(kept + left[parent] * _looked_up(codes % SYMBOLS ** (n - 1), levels, result, n - 1))
    return result


def _looked_up(codes: np.ndarray, levels: Sequence[Counts], known: Sequence[np.ndarray], n: int) -> np.ndarray:
    """p of n-grams of ``n`` symbols; of one that was not kept, p of the next shorter one (its own share is not counted)."""
    at = np.minimum(np.searchsorted(levels[n - 1][0], codes), len(levels[n - 1][0]) - 1)
    hit = levels[n - 1][0][at] == codes
    values = known[n - 1][at]
    if n > 1 and not hit.all():
        values[~hit] = _looked_up(codes[~hit] % SYMBOLS ** (n - 1), levels, known, n - 1)
    return values


def pruned(levels: Sequence[Counts], nodes: int) -> list[Counts]:
    """The ``nodes`` n-grams whose loss would raise the entropy most (Stolcke 1998, without the change of what is left),
    with all that they begin with."""
    known = probabilities(levels)
    gains = [np.full(len(levels[0][0]), np.inf)]
    for n in range(2, len(levels) + 1):
        codes, times = levels[n - 1]
        shorter = _looked_up(codes % SYMBOLS ** (n - 1), levels, known, n - 1)
        gains.append(times * np.log(known[n - 1] / shorter))
    least = -np.sort(-np.concatenate(gains))[min(nodes, sum(map(len, gains))) - 1]
    keep = [gain >= least for gain in gains]
    for n in range(len(levels) - 1, 0, -1):
        keep[n - 1][np.searchsorted(levels[n - 1][0], np.unique(levels[n][0][keep[n]] // SYMBOLS))] = True
    return [(codes[k], times[k]) for (codes, times), k in zip(levels, keep, strict=True)]


def trie(levels: Sequence[Counts]) -> dict[str, Any]:
    """Level-order arrays as `JamoLanguageModel` takes them."""
    children = [np.array([len(levels[0][0])])]
    for (codes, _), (longer, _) in zip(levels, [*levels[1:], (np.zeros(0, np.int64), None)], strict=True):
        children.append(np.bincount(np.searchsorted(codes, longer // SYMBOLS), minlength=len(codes)))
    times = np.concatenate([times for _, times in levels])
    return {
        "symbols": np.concatenate([codes % SYMBOLS for codes, _ in levels]).astype(np.uint8),
        "counts": np.round(COUNT_STEPS * np.log2(np.maximum(times, 1))).clip(0, 255).astype(np.uint8),
        "children": np.concatenate(children).astype(np.uint8),
    }


def corpora(root: Path) -> list[tuple[np.ndarray, int]]:
    """(ids, weight) of each kind of text; the nearer to what people say to the page, the more it weighs."""
    spoken = [clip.text for clip in data.speech(root, "asr_train")]
    voice = [row.text for row in data.emotion_voice(root) if row.grouped_split == "train"]
    talk = [row.text for row in data.emotion7(root) if row.grouped_split == "train"]
    dialogues = [d for d in data.emodialog(root) if d.split == "train"]
    dialogues += [*data.songys(root), *data.wellness(root), *data.kmi(root)]
    talk += [text for dialogue in dialogues for _, text in dialogue.turns]
    everyday = list(data.lines(root, "nsmc.txt.xz"))
    written = list(data.lines(root, "kowiki_120MB.txt.xz"))[:200_000]
    kinds = [
        (sorted(set(spoken)), 20), (voice, 6), (talk, 4), (list(data.lines(root, "3i4k.txt.xz")), 4),
        (list(data.lines(root, "petitions.txt.xz")), 2), (everyday, 1), (written, 1),
    ]  # fmt: skip
    tests = [clip.text for name in TESTS for clip in data.speech(root, name)]
    return [(ids_of(unseen(texts, tests)), weight) for texts, weight in kinds]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1_000_000, help="n-grams to keep; about 2.5 bytes each")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/stt/lm.npz"))
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.tiny:
        texts = [(ids_of(["오늘은 날씨가 좋아요", "오늘도 고마워요", "".join(map(chr, range(0xAC00, 0xD7A4)))]), 5)]
        dev = ["오늘은 좋아요"]
    else:
        root = data.data_root()
        texts = corpora(root)
        dev = [clip.text for clip in data.speech(root, "asr_dev")]
    log.info("symbols of each kind: %s", [len(ids) for ids, _ in texts])
    kept = pruned(counted(texts, ORDER), args.nodes)
    log.info("kept of each order: %s", [len(codes) for codes, _ in kept])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **trie(kept))
    model = JamoLanguageModel.load(args.out)
    heard = [" ".join("".join(c if "가" <= c <= "힣" or c == " " else "" for c in text).split()) for text in dev]
    syllables = sum(len(text) for text in heard)
    nats = -sum(model.score(text) for text in heard)
    log.info("%d bytes; %.3f nats a syllable or border of asr_dev's texts", args.out.stat().st_size, nats / syllables)


if __name__ == "__main__":
    main()
