"""Korean text: one clean form, one spoken form, sentences, jamo, and the measure of a transcript's errors.

Pure functions on strings. `read_aloud` is what a person would say for a text: its `RULES` are applied from top to
bottom, and the numbers among them are told in `numbers`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from pipeline.numbers import numbers_aloud

# --- the alphabet -----------------------------------------------------------------------------------------------
# A letter (U+3131..) does not say where in its syllable it stands; a conjoining jamo (U+1100.., U+11A8..) does.
INITIAL = dict(zip("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", map(chr, range(0x1100, 0x1113)), strict=True))
MEDIAL = dict(zip("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ", map(chr, range(0x1161, 0x1176)), strict=True))
FINAL = dict(zip("ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ", map(chr, range(0x11A8, 0x11C3)), strict=True))
LETTER = {jamo: letter for table in (INITIAL, MEDIAL, FINAL) for letter, jamo in table.items()}
CLUSTERS = {
    "ㄱㅅ": "ㄳ", "ㄴㅈ": "ㄵ", "ㄴㅎ": "ㄶ", "ㄹㄱ": "ㄺ", "ㄹㅁ": "ㄻ", "ㄹㅂ": "ㄼ", "ㄹㅅ": "ㄽ", "ㄹㅌ": "ㄾ", "ㄹㅍ": "ㄿ",
    "ㄹㅎ": "ㅀ", "ㅂㅅ": "ㅄ",
}  # fmt: skip
SILENT = INITIAL["ㅇ"]
VOWEL = "[ㅏ-ㅣᅡ-ᅵ]"
CLUSTER = re.compile(rf"(?<={VOWEL})({'|'.join(CLUSTERS)})(?!{VOWEL})")
CONSONANT_BEFORE_VOWEL = re.compile(rf"[ㄱ-ㅎ](?={VOWEL})")
SYLLABLE_OR_JAMO = re.compile("([ᄀ-ᄒ])?([ᅡ-ᅵ])([ᆨ-ᇂ])?|[ᄀ-ᇿ]")
WHOLE_SYLLABLES = re.compile("(?:[ᄀ-ᄒ][ᅡ-ᅵ][ᆨ-ᇂ]?)+")
LETTERS = re.compile("[ㄱ-ㅎㅏ-ㅣ]{2,}")

# --- normalise --------------------------------------------------------------------------------------------------
SAME = str.maketrans(
    {dash: "-" for dash in "‐‑‒–—―−"}
    | {tilde: "~" for tilde in "〜∼˜"}
    | {dot: "·" for dot in "ㆍ・•‧∙⋅"}
    | {quote: '"' for quote in "“”„‟「」『』«»"}
    | {quote: "'" for quote in "‘’‚‛`´"}
    | {"。": ".", "、": ",", "⋯": ".", "⁄": "/", "℃": "°C", "㎡": "m²", "㎢": "km²", "㎥": "m³"}
)
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u034f") | set(map(chr, range(0xFE00, 0xFE10)))  # seen by nobody, not "C*"
REPEATED_MARKS = re.compile("[.!?,~]{2,}")

# --- read_aloud -------------------------------------------------------------------------------------------------
ALPHABET = {
    "a": "에이", "b": "비", "c": "씨", "d": "디", "e": "이", "f": "에프", "g": "지", "h": "에이치", "i": "아이", "j": "제이",
    "k": "케이", "l": "엘", "m": "엠", "n": "엔", "o": "오", "p": "피", "q": "큐", "r": "알", "s": "에스", "t": "티", "u": "유",
    "v": "브이", "w": "더블유", "x": "엑스", "y": "와이", "z": "제트",
}  # fmt: skip
WORDS = {
    "ok": "오케이", "okay": "오케이", "hi": "하이", "hello": "헬로", "bye": "바이", "yes": "예스", "no": "노", "sorry": "쏘리",
    "please": "플리즈", "thank": "땡큐", "thanks": "땡스", "you": "유", "love": "러브", "happy": "해피", "good": "굿", "bad": "배드",
    "day": "데이", "stress": "스트레스", "mental": "멘탈", "self": "셀프", "care": "케어", "healing": "힐링", "music": "뮤직",
    "app": "앱", "chatbot": "챗봇", "bot": "봇", "online": "온라인", "offline": "오프라인", "internet": "인터넷", "email": "이메일",
    "mail": "메일", "wifi": "와이파이", "game": "게임", "phone": "폰", "iphone": "아이폰", "google": "구글", "youtube": "유튜브",
    "instagram": "인스타그램", "facebook": "페이스북", "twitter": "트위터", "kakao": "카카오", "kakaotalk": "카카오톡",
    "naver": "네이버", "zoom": "줌", "netflix": "넷플릭스", "covid": "코비드", "com": "컴", "vs": "대", "feat": "피처링",
}  # fmt: skip
# Read as one word although digits or signs stand in them.
WHOLE = {
    "Q&A": "큐앤에이", "R&D": "알앤디", "A/S": "에이에스", "Wi-Fi": "와이파이", "3D": "쓰리디", "2D": "투디", "4D": "포디",
    "3G": "쓰리지", "4G": "포지", "5G": "파이브지", "4K": "포케이", "A4": "에이포", "MP3": "엠피쓰리", "24/7": "이십사 칠",
}  # fmt: skip
SYMBOLS = {
    "&": "앤드", "%": "퍼센트", "@": "골뱅이", "₩": "원", "$": "달러", "€": "유로", "¥": "엔", "£": "파운드", "°C": "도", "°F": "도",
    "°": "도", "²": "제곱", "³": "세제곱", "±": "플러스마이너스", "×": "곱하기", "÷": "나누기",
}  # fmt: skip
JOINED_AFTER_BRACKET = "[은는이가을를의에와과도로으만라입예]"  # 지우(상담봇)는 → 지우 상담봇는, not 상담봇 는

# --- sentences --------------------------------------------------------------------------------------------------
LONGEST_SENTENCE = 60  # syllables; the voice loses its way in longer ones
COMMA_IS_WELCOME = 30  # in a sentence that must be cut, a comma from here on is the place
# A dot inside 3.14, naver.com or 2024. 1. 5. ends nothing.
SENTENCE = re.compile(
    r"(?:[^.!?…。！？\n]|\.(?=[0-9A-Za-z])|(?<=[0-9])\.(?= [0-9]))*(?:[.!?…。！？]+[\"'”’」』)\]]*|\n|$)"
)


def normalise(text: str) -> str:
    """Return ``text`` in one clean form, for models and for the page. Idempotent.

    Composed syllables (letters typed one by one are joined where a whole run of them reads as syllables: ㅎㅏㄴ → 한, but
    ㅋㅋ stays), half-width forms, plain quotes and dashes, no control or invisible characters, single spaces (a line
    break is one), and repeated marks squeezed ("!!!!" → "!", "…" → ".", "?!?!" → "?!").
    """
    text = "".join(_visible(char) for char in text.translate(SAME))
    text = unicodedata.normalize("NFC", "".join(_half_width(char) for char in text)).translate(SAME)
    text = "".join(LETTER.get(char, char) for char in text)
    text = LETTERS.sub(_join_letters, text)
    return " ".join(REPEATED_MARKS.sub(_squeeze, text).split())


def _visible(char: str) -> str:
    """A space for any white space, nothing for what cannot be seen: controls, zero-width, private, lone surrogates."""
    if char.isspace():
        return " "
    return "" if unicodedata.category(char)[0] == "C" or char in BLANK else char


def _half_width(char: str) -> str:
    """NFKC where it is safe: ½ would run into the digit before it, ㅋ would become half a syllable, ¨ a lone accent."""
    if unicodedata.category(char) in ("No", "Nl") or "ㄱ" <= char <= "ㆎ":
        return char
    plain = unicodedata.normalize("NFKC", char)
    return char if plain[0] == " " != char else plain


def _join_letters(run: re.Match[str]) -> str:
    """ㅇㅏㄴㄴㅕㅇ → 안녕; a run that does not read as whole syllables (ㅋㅋ, ㅠㅠ, ㅇㅋ, ㅎㅏㅋㅋ) is a sign and stays."""
    jamo = _place(run[0])
    return unicodedata.normalize("NFC", jamo) if WHOLE_SYLLABLES.fullmatch(jamo) else run[0]


def _squeeze(run: re.Match[str]) -> str:
    """Each mark once, in order; a dot or comma beside ! or ? says nothing more."""
    marks = "".join(dict.fromkeys(run[0]))
    return re.sub("[.,]", "", marks) if set(marks) & set("!?") else marks


def read_aloud(text: str) -> str:
    """Return what a person would say for ``text``: only Hangul syllables, single spaces and ``. , ! ?`` are left.

    Numbers, dates, money, telephone numbers, units, Latin letters and common signs are put into words; emoticons,
    lone letters (ㅋㅋ), emoji and all else are dropped. "" if there is nothing to say. Never raises; linear time.
    """
    text = normalise(text)
    for pattern, say in RULES:
        text = pattern.sub(say, text) if isinstance(pattern, re.Pattern) else say(text)
    return text


def sentences(text: str) -> list[str]:
    """Split ``text`` after . ! ? and at line breaks, each sentence with its mark and without outer white space.

    A sentence of more than `LONGEST_SENTENCE` syllables (characters that are not spaces) is cut at commas or spaces, a
    word longer than that inside. Nothing is lost: without white space the joined sentences equal ``text``.
    """
    found = (match.group().strip() for match in SENTENCE.finditer(text))
    return [piece for sentence in found if sentence for piece in _cut(sentence)]


def _cut(sentence: str) -> list[str]:
    if _size(sentence) <= LONGEST_SENTENCE:
        return [sentence]
    pieces, size = [""], 0
    for word in re.findall(rf"\S{{1,{LONGEST_SENTENCE}}}\s*", sentence):
        full = size + _size(word) > LONGEST_SENTENCE
        if size and (full or (size >= COMMA_IS_WELCOME and pieces[-1].rstrip().endswith(","))):
            pieces, size = [*pieces, ""], 0
        pieces[-1], size = pieces[-1] + word, size + _size(word)
    return [piece.strip() for piece in pieces]


def _size(text: str) -> int:
    return sum(not char.isspace() for char in text)


def split_jamo(text: str) -> list[str]:
    """Return ``text`` as symbols: a Hangul syllable as two or three conjoining jamo, any other character as it is."""
    return [
        symbol
        for char in text
        for symbol in (unicodedata.normalize("NFD", char) if "가" <= char <= "힣" else char)
    ]


def join_jamo(symbols: Iterable[str]) -> str:
    """Return the text of jamo symbols, also of the broken rows that a recogniser gives. Inverse of `split_jamo`.

    Conjoining jamo (U+1100..) and letters (U+3131..) may be mixed. A medial without an initial gets the silent ᄋ; an
    initial or final that belongs to no syllable is dropped; other characters pass.
    """
    return SYLLABLE_OR_JAMO.sub(_syllable, _place("".join(split_jamo("".join(symbols)))))


def _syllable(match: re.Match[str]) -> str:
    initial, medial, final = match.groups(default="")
    return unicodedata.normalize("NFC", (initial or SILENT) + medial + final) if medial else ""


def _place(text: str) -> str:
    """Letters → conjoining jamo: a consonant is an initial before a vowel, else a final (two may share one: ㅂㅅ → ㅄ)."""
    text = CLUSTER.sub(lambda match: CLUSTERS[match[0]], text)
    text = CONSONANT_BEFORE_VOWEL.sub(lambda match: INITIAL.get(match[0], match[0]), text)
    return "".join(MEDIAL.get(char) or FINAL.get(char) or INITIAL.get(char) or char for char in text)


def letters(text: str) -> str:
    """Return only what counts in a comparison of transcripts: Hangul syllables, digits, Latin in lower case."""
    return re.sub("[^가-힣0-9a-z]", "", normalise(text).lower())


def cer_counts(reference: str, hypothesis: str) -> tuple[int, int, int, int]:
    """Return (substitutions, deletions, insertions, length of the reference) over `letters`, by least edits.

    Their sum over a whole test set, not the mean of each sentence's rate, is the character error rate.
    """
    wanted, heard = letters(reference), letters(hypothesis)
    # row[j]: the cheapest (edits, substitutions, deletions, insertions) from the letters of `wanted` so far to heard[:j]
    row = [(j, 0, 0, j) for j in range(len(heard) + 1)]
    for i, char in enumerate(wanted, start=1):
        above, row = row, [(i, 0, i, 0)]
        for j, other in enumerate(heard, start=1):
            row.append(above[j - 1] if char == other else _cheapest_edit(above[j - 1], above[j], row[j - 1]))
    return (*row[-1][1:], len(wanted))


Edits = tuple[int, int, int, int]


def _cheapest_edit(diagonal: Edits, above: Edits, left: Edits) -> Edits:
    edits, subs, dels, ins = min(diagonal, above, left, key=lambda cell: cell[0])
    if edits == diagonal[0]:
        return edits + 1, subs + 1, dels, ins
    return (edits + 1, subs, dels + 1, ins) if edits == above[0] else (edits + 1, subs, dels, ins + 1)
