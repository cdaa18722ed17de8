"""Standard Korean pronunciation: Hangul as written → Hangul as spoken ("같이" → "가치", "국물" → "궁물").

Source: 표준 발음법 (National Institute of Korean Language), articles 5, 8–20 and 23–28 as far as spelling alone decides.
Rules work inside a word; across a space only the tensing after the attributive ending -(으)ㄹ is applied ("할 수" → "할 쑤").
Not covered, because spelling does not decide them: ㄴ-insertion in compounds, 사이시옷, tensing in Sino-Korean words.
Vowels that today's standard speakers no longer tell apart (ㅐ/ㅔ, ㅙ/ㅚ/ㅞ) become one, which gives a voice model
trained on two hours of sound fewer symbols to learn.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
MEDIALS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")

TENSE = dict(zip("ㄱㄷㅂㅅㅈ", "ㄲㄸㅃㅆㅉ", strict=True))
ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
# What is left of a final before a consonant or a pause (articles 8–11).
NEUTRAL = (
    dict.fromkeys("ㄱㄲㅋㄳㄺ", "ㄱ")
    | dict.fromkeys("ㄴㄵㄶ", "ㄴ")
    | dict.fromkeys("ㄷㅅㅆㅈㅊㅌㅎ", "ㄷ")
    | dict.fromkeys("ㄹㄼㄽㄾㅀ", "ㄹ")
    | dict.fromkeys("ㅁㄻ", "ㅁ")
    | dict.fromkeys("ㅂㅍㅄㄿ", "ㅂ")
    | {"ㅇ": "ㅇ", "": ""}
)
# Cluster finals: what stays and what moves over to a following vowel (articles 13, 14).
CLUSTER = {
    "ㄳ": "ㄱㅆ", "ㄵ": "ㄴㅈ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅆ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅄ": "ㅂㅆ",
}  # fmt: skip
WITH_H = {"ㅎ": "", "ㄶ": "ㄴ", "ㅀ": "ㄹ"}
# Finals that make a following plain consonant tense (articles 23, 25).
TENSING = set("ㄱㄲㅋㄳㄺㄷㅅㅆㅈㅊㅌㅂㅍㅄㄿㄵㄼㄾ")
MERGED = {"ㅐ": "ㅔ", "ㅒ": "ㅖ", "ㅙ": "ㅞ", "ㅚ": "ㅞ"}
# Bound nouns with their particles as whole words, not any word that begins like one (서울 지하철, 도움을 줄 때).
ATTRIBUTIVE_NOUNS = re.compile(
    r"(?<=[가-힣]) (?=것|거(?:[고나는니다든라란래를면야에예였요지]|(?![가-힣]))|줄(?:은|을|도|로|만)? [아안알모몰]"
    r"|(?:(?:게|걸)요?|지(?:가|는|도)?|데(?:가|는|도|를|에|에서|에도|다)?|수(?:가|는|도|를|밖에|밖엔)?)(?![가-힣]))"
)


@dataclass
class Syllable:
    initial: str
    medial: str
    final: str

    @classmethod
    def of(cls, char: str) -> Syllable:
        index = ord(char) - 0xAC00
        return cls(INITIALS[index // 588], MEDIALS[index % 588 // 28], FINALS[index % 28])

    def __str__(self) -> str:
        code = (INITIALS.index(self.initial) * 21 + MEDIALS.index(self.medial)) * 28 + FINALS.index(self.final)
        return chr(0xAC00 + code)


def pronounce(text: str) -> str:
    """Return ``text`` with every Hangul word as it is spoken; all else passes unchanged. Never raises."""
    spoken = re.sub(r"[가-힣]+", lambda match: _word(match.group()), _tense_after_attributive(text))
    return spoken


def _tense_after_attributive(text: str) -> str:
    """할 수 → 할 쑤 (article 27): a word in final ㄹ before a bound noun."""
    chars = list(text)
    for match in ATTRIBUTIVE_NOUNS.finditer(text):
        before, after = Syllable.of(chars[match.start() - 1]), Syllable.of(chars[match.end()])
        if before.final == "ㄹ" and after.initial in TENSE:
            after.initial = TENSE[after.initial]
            chars[match.end()] = str(after)
    return "".join(chars)


def _word(word: str) -> str:
    syllables = [Syllable.of(char) for char in word]
    for first, second in itertools.pairwise(syllables):
        _join(first, second)
    syllables[-1].final = NEUTRAL[syllables[-1].final]
    for syllable in syllables:
        _vowel(syllable)
    return "".join(map(str, syllables))


def _join(first: Syllable, second: Syllable) -> None:
    """Apply, in place, what happens where two syllables of a word meet."""
    if first.final in WITH_H:
        _after_h(first, second)
    elif second.initial == "ㅎ" and first.final:
        _before_h(first, second)
    elif second.initial == "ㅇ":
        _liaison(first, second)
    else:
        _consonants(first, second)


def _after_h(first: Syllable, second: Syllable) -> None:
    rest = WITH_H[first.final]
    if second.initial in "ㄱㄷㅈ":  # 좋고 → 조코, 많다 → 만타
        first.final, second.initial = rest, ASPIRATED[second.initial]
    elif second.initial == "ㅅ":  # 좋소 → 조쏘
        first.final, second.initial = rest, "ㅆ"
    elif second.initial == "ㅇ":  # 좋아 → 조아, 많아 → 마나
        first.final = ""
        second.initial = rest or "ㅇ"
    else:  # 놓는 → 논는, 뚫는 → 뚤른
        first.final = rest or "ㄷ"
        _consonants(first, second)


def _before_h(first: Syllable, second: Syllable) -> None:
    stays, moves = CLUSTER.get(first.final, "")[:1], (CLUSTER.get(first.final) or first.final)[-1]
    moves = "ㅈ" if moves == "ㅈ" else NEUTRAL[moves]  # 맞히다 → 마치다, but 낮 한때 stays inside its words
    suffix = second.medial == "ㅣ" or (second.medial == "ㅕ" and second.final in ("", "ㅆ"))  # not 맏형 → 마텽
    if moves == "ㄷ" and suffix and first.final == "ㄷ":
        moves = "ㅈ"  # 닫히다 → 다치다, 갇혔다 → 가첟따
    if moves in ASPIRATED:
        first.final, second.initial = stays, ASPIRATED[moves]
    else:
        first.final = NEUTRAL[first.final]


def _liaison(first: Syllable, second: Syllable) -> None:
    if first.final in ("", "ㅇ"):
        return
    stays, moves = tuple(CLUSTER.get(first.final) or ("", first.final))
    if second.medial in "ㅣㅕ" and moves in "ㄷㅌ":  # 굳이 → 구지, 붙여 → 부쳐
        moves = {"ㄷ": "ㅈ", "ㅌ": "ㅊ"}[moves]
    first.final, second.initial = stays, moves


def _consonants(first: Syllable, second: Syllable) -> None:
    final, initial = first.final, second.initial
    if final == "ㄺ" and initial == "ㄱ":  # 읽고 → 일꼬
        first.final, second.initial = "ㄹ", "ㄲ"
        return
    if final in TENSING:
        initial = TENSE.get(initial, initial)
    trodden = final == "ㄼ" and first.medial == "ㅏ" and first.initial in "ㅂㅃ"  # 밟다 → 밥따, but 넓다 → 널따
    final = "ㅂ" if trodden else NEUTRAL[final]
    if initial == "ㄹ" and final in "ㄱㄷㅂㅁㅇ" and final:  # 심리 → 심니, 국립 → 궁닙
        initial = "ㄴ"
    if initial in "ㄴㅁ":  # 국물 → 궁물
        final = NASAL.get(final, final)
    if (final, initial) in (("ㄴ", "ㄹ"), ("ㄹ", "ㄴ")):  # 신라 → 실라, 칼날 → 칼랄
        final = initial = "ㄹ"
    first.final, second.initial = final, initial


def _vowel(syllable: Syllable) -> None:
    if syllable.medial == "ㅢ" and syllable.initial != "ㅇ":  # 희망 → 히망
        syllable.medial = "ㅣ"
    if syllable.medial == "ㅕ" and syllable.initial in "ㅈㅉㅊ":  # 가져 → 가저
        syllable.medial = "ㅓ"
    syllable.medial = MERGED.get(syllable.medial, syllable.medial)
    if syllable.medial == "ㅖ" and syllable.initial not in "ㅇㄹ":  # 시계 → 시게
        syllable.medial = "ㅔ"
