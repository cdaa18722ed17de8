"""Korean text: one clean form, one spoken form, sentences, jamo, and the measure of a transcript's errors.

Pure functions on strings. `read_aloud` is what a person would say for a text: a table of rules before the numbers, the
numbers themselves (in `numbers`), and a table of rules after them, each applied from top to bottom.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable

from pipeline.numbers import numbers_aloud

Match = re.Match[str]
Rules = tuple[tuple[re.Pattern[str], str | Callable[[Match], str]], ...]
Edits = tuple[int, int, int, int]

# --- the alphabet -----------------------------------------------------------------------------------------------
# A letter (U+3131..) does not say where in its syllable it stands; a conjoining jamo (U+1100.., U+11A8..) does.
INITIAL = {letter: chr(0x1100 + i) for i, letter in enumerate("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ")}
MEDIAL = {letter: chr(0x1161 + i) for i, letter in enumerate("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ")}
FINAL = {letter: chr(0x11A8 + i) for i, letter in enumerate("ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")}
LETTER = {jamo: letter for table in (INITIAL, MEDIAL, FINAL) for letter, jamo in table.items()}
CLUSTERS = {
    "ㄱㅅ": "ㄳ", "ㄴㅈ": "ㄵ", "ㄴㅎ": "ㄶ", "ㄹㄱ": "ㄺ", "ㄹㅁ": "ㄻ", "ㄹㅂ": "ㄼ", "ㄹㅅ": "ㄽ", "ㄹㅌ": "ㄾ",
    "ㄹㅍ": "ㄿ", "ㄹㅎ": "ㅀ", "ㅂㅅ": "ㅄ",
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
    dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("〜∼˜", "~")
    | dict.fromkeys("ㆍ・•‧∙⋅", "·")
    | dict.fromkeys("“”„‟「」『』«»", '"')
    | dict.fromkeys("‘’‚‛`´", "'")
    | {"。": ".", "、": ",", "⋯": ".", "⁄": "/", "℃": "°C", "㎡": "m²", "㎢": "km²", "㎥": "m³"}
)
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u034f") | set(map(chr, range(0xFE00, 0xFE10)))  # seen by nobody, not "C*"
REPEATED_MARKS = re.compile("[.!?,~]{2,}")

# --- read_aloud -------------------------------------------------------------------------------------------------
ALPHABET = {
    "a": "에이", "b": "비", "c": "씨", "d": "디", "e": "이", "f": "에프", "g": "지", "h": "에이치", "i": "아이",
    "j": "제이", "k": "케이", "l": "엘", "m": "엠", "n": "엔", "o": "오", "p": "피", "q": "큐", "r": "알",
    "s": "에스", "t": "티", "u": "유", "v": "브이", "w": "더블유", "x": "엑스", "y": "와이", "z": "제트",
}  # fmt: skip
WORDS = {
    "ok": "오케이", "okay": "오케이", "hi": "하이", "hello": "헬로", "bye": "바이", "yes": "예스", "no": "노",
    "sorry": "쏘리", "please": "플리즈", "thank": "땡크", "thanks": "땡스", "you": "유", "love": "러브",
    "happy": "해피", "good": "굿", "bad": "배드", "day": "데이", "stress": "스트레스", "mental": "멘탈",
    "self": "셀프", "care": "케어", "healing": "힐링", "music": "뮤직", "app": "앱", "chatbot": "챗봇", "bot": "봇",
    "online": "온라인", "offline": "오프라인", "internet": "인터넷", "email": "이메일", "mail": "메일",
    "wifi": "와이파이", "game": "게임", "phone": "폰", "iphone": "아이폰", "google": "구글", "youtube": "유튜브",
    "instagram": "인스타그램", "facebook": "페이스북", "twitter": "트위터", "kakao": "카카오",
    "kakaotalk": "카카오톡", "naver": "네이버", "zoom": "줌", "netflix": "넷플릭스", "covid": "코비드",
    "cafe": "카페", "com": "컴", "vs": "대", "feat": "피처링", "chatgpt": "챗지피티", "windows": "윈도우", "tel": "전화",
    "dr": "닥터", "mr": "미스터", "etc": "등등", "test": "테스트", "team": "팀", "time": "타임", "coffee": "커피",
    "help": "헬프", "plan": "플랜", "blog": "블로그", "gmail": "지메일", "kpop": "케이팝",
}  # fmt: skip
# Read as one word although digits or signs stand in them.
WHOLE = {
    "Q&A": "큐앤에이", "R&D": "알앤디", "A/S": "에이에스", "Wi-Fi": "와이파이", "3D": "쓰리디", "2D": "투디",
    "4D": "포디", "3G": "쓰리지", "4G": "포지", "5G": "파이브지", "4K": "포케이", "A4": "에이포", "MP3": "엠피쓰리",
    "24/7": "이십사 칠",
}  # fmt: skip
# A sign between words stands apart on both sides; one that ends a word carries the particle (50 %를 → 오십 퍼센트를).
SIGNS = {
    "&": " 앤드 ", "@": " 골뱅이 ", "+": " 플러스 ", "±": " 플러스마이너스 ", "×": " 곱하기 ", "÷": " 나누기 ",
    "%": " 퍼센트", "₩": " 원", "$": " 달러", "€": " 유로", "¥": " 엔", "£": " 파운드", "°": " 도", "²": " 제곱",
    "³": " 세제곱", ":": ", ", ";": ", ", "·": ", ", " - ": ", ", "~": " ",
}  # fmt: skip
NOT_LATIN_BEFORE, NOT_LATIN_AFTER = "(?<![0-9A-Za-z])", "(?![0-9A-Za-z])"
PARTICLE = "[은는이가을를의에와과도로으만라입예]"

# --- sentences --------------------------------------------------------------------------------------------------
MARKS = ".,!?"  # all that `read_aloud` leaves besides Hangul and spaces
LONGEST_CLAUSE = 60  # syllables
# Endings that tie a clause to the next one: 힘들지만, 지쳐서 (not 방에서), 그러니까.
CONNECTIVE = re.compile("(?:[고며면데]|(?<!에)서|지만|니까|보니|도록|거나|든지|다가)$")
# How far from the middle a boundary of each kind is worth going, as a share of the sentence (of both halves together).
COMMA_COST, CONNECTIVE_COST, SPACE_COST = 0.0, 0.2, 0.6
# A dot inside 3.14, naver.com or 2024. 1. 5. ends nothing.
SENTENCE = re.compile(
    r"(?:[^.!?…。！？\n]|\.(?=[0-9A-Za-z])|(?<=[0-9])\.(?= [0-9]))*(?:[.!?…。！？]+[\"'”’」』)\]]*|\n|$)"
)


def normalise(text: str) -> str:
    """Return ``text`` in one clean form, for models and for the page. Idempotent.

    Composed syllables (letters typed one by one are joined where a whole run of them reads as syllables: ㅎㅏㄴ → 한,
    but ㅋㅋ stays), half-width forms, plain quotes and dashes, no control or invisible characters, single spaces (a
    line break is one), and repeated marks squeezed ("!!!!" → "!", "…" → ".", "?!?!" → "?!").
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


def _join_letters(run: Match) -> str:
    """ㅇㅏㄴㄴㅕㅇ → 안녕; a run that is not whole syllables (ㅋㅋ, ㅠㅠ, ㅇㅋ, ㅎㅏㅋㅋ) is a sign and stays."""
    jamo = _place(run[0])
    return unicodedata.normalize("NFC", jamo) if WHOLE_SYLLABLES.fullmatch(jamo) else run[0]


def _squeeze(run: Match) -> str:
    """Each mark once, in order; a dot or comma beside ! or ? says nothing more."""
    marks = "".join(dict.fromkeys(run[0]))
    return re.sub("[.,]", "", marks) if set(marks) & set("!?") else marks


def read_aloud(text: str) -> str:
    """Return what a person would say for ``text``: only Hangul syllables, single spaces and ``. , ! ?`` are left.

    Numbers, dates, money, telephone numbers, units, Latin letters and common signs are put into words; emoticons,
    lone letters (ㅋㅋ), emoji and all else are dropped. "" if there is nothing to say. Never raises; linear time.
    """
    text = numbers_aloud(_apply(RULES_BEFORE_NUMBERS, normalise(text)))
    return " ".join(_apply(RULES_AFTER_NUMBERS, text).lstrip(" .,!?").split())


def _apply(rules: Rules, text: str) -> str:
    for pattern, say in rules:
        text = pattern.sub(say, text)
    return text


def _latin(match: Match) -> str:
    word = match[0].lower()
    return WORDS.get(word) or "".join(ALPHABET[letter] for letter in word)


def _equals(match: Match) -> str:
    """1+1=2 → 일 더하기 일은 이: the particle goes by the final before it."""
    has_final = (ord(match[1]) - ord("가")) % 28 > 0
    return f"{match[1]}{'은' if has_final else '는'} "


def _half_of_day(match: Match) -> str:
    return {"a": "오전 ", "p": "오후 "}[match[1].lower()]


def _half_of_day_after(match: Match) -> str:
    hour, minutes, half = match.groups()
    return {"a": "오전 ", "p": "오후 "}[half.lower()] + hour + (minutes or "시")


def _strongest_mark(match: Match) -> str:
    return next(mark for mark in "?!.," if mark in match[0]) + " "


def _rules(*rules: tuple[str, str | Callable[[Match], str]]) -> Rules:
    return tuple((re.compile(pattern), say) for pattern, say in rules)


def _one_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in words)


RULES_BEFORE_NUMBERS = _rules(
    (r"(?:https?://|www\.)[!-~]*[0-9A-Za-z/]", "링크"),
    (rf"<3(?![0-9가-힣])|{NOT_LATIN_BEFORE}(?:[:;=]-?[()DPpOo]|[TYOo]_+[TYOo]|XD)(?![0-9A-Za-z가-힣])", " "),  # :D T_T
    (f"{NOT_LATIN_BEFORE}(?:{_one_of(WHOLE)}){NOT_LATIN_AFTER}", lambda match: WHOLE[match[0]]),
    ("°[CF]", "°"),
    (rf"{NOT_LATIN_BEFORE}([AaPp])\.?[Mm]\.? ?(?=[0-9])", _half_of_day),  # PM 3:00
    (r"(?<![0-9:])([0-9]{1,2})(:[0-9]{2})? ?([AaPp])\.?[Mm](?![0-9A-Za-z])\.?", _half_of_day_after),  # 3:30pm
    ("[À-ɏḀ-ỿ]", lambda match: unicodedata.normalize("NFD", match[0])[0]),  # café → cafe
)
RULES_AFTER_NUMBERS = _rules(
    (r"(?<![A-Za-z.])(?:[A-Za-z]\.){2,}", lambda match: match[0].replace(".", "")),  # U.S.A. is letters,
    (r"(?<=[A-Za-z])\.(?=[A-Za-z])", " 점 "),  # naver.com an address
    (r"[A-Za-z]+", _latin),
    (r"(?<![가-힣])([월화수목금토일]) ?~ ?(?=[월화수목금토일](?:요일|[^가-힣]|$))", r"\1에서 "),
    (r"([가-힣]) ?= ?(?=[가-힣])", _equals),
    (r"(?<=[가-힣]) ?\+ ?(?=[가-힣])", " 더하기 "),
    (rf"[)\]}}>](?={PARTICLE})", ""),  # 지우(상담봇)는 → 지우 상담봇는
    (_one_of(SIGNS), lambda match: SIGNS[match[0]]),
    (r"[\"'*_^#]", ""),  # quotes and markdown make no pause
    ("[^가-힣.,!?]+", " "),
    ("(?: ?[.,!?])+ ?", _strongest_mark),
)


def sentences(text: str) -> list[str]:
    """Split ``text`` after . ! ? and at line breaks, each sentence with its mark and without outer white space.

    Nothing is lost: without white space the joined sentences equal ``text``.
    """
    found = (match.group().strip() for match in SENTENCE.finditer(text))
    return [sentence for sentence in found if sentence]


def clauses(sentence: str, longest: int = LONGEST_CLAUSE) -> list[str]:
    """Split ``sentence``, as `read_aloud` gives it, until no part has more than ``longest`` (2 or more) syllables."""
    if _size(sentence) <= longest:
        return [sentence]
    return [clause for half in halves(sentence) for clause in clauses(half, longest)]


def halves(sentence: str) -> tuple[str, str]:
    """Cut ``sentence``, as `read_aloud` gives it, in two: at the comma or connective ending near its middle, else at the
    middle space; a single word (2 characters or more) inside."""
    words = sentence.split()
    if len(words) == 1:
        middle = len(sentence) // 2
        return sentence[:middle], sentence[middle:]
    before = list(itertools.accumulate(map(_size, words)))

    def cost(i: int) -> float:
        return abs(2 * before[i - 1] / before[-1] - 1) + _boundary_cost(words[i - 1])

    at = min(range(1, len(words)), key=cost)
    return " ".join(words[:at]), " ".join(words[at:])


def _boundary_cost(word: str) -> float:
    if word.endswith(","):
        return COMMA_COST
    return CONNECTIVE_COST if CONNECTIVE.search(word) else SPACE_COST


def _size(text: str) -> int:
    return sum(map(str.isalnum, text))


def split_jamo(text: str) -> list[str]:
    """Return ``text`` as symbols: a Hangul syllable as two or three conjoining jamo, any other character as it is."""
    return [
        symbol for char in text for symbol in (unicodedata.normalize("NFD", char) if "가" <= char <= "힣" else char)
    ]


def join_jamo(symbols: Iterable[str]) -> str:
    """Return the text of jamo symbols, also of the broken rows that a recogniser gives. Inverse of `split_jamo`.

    Conjoining jamo (U+1100..) and letters (U+3131..) may be mixed. A medial without an initial gets the silent ᄋ; an
    initial or final that belongs to no syllable is dropped; other characters pass.
    """
    return SYLLABLE_OR_JAMO.sub(_syllable, _place("".join(split_jamo("".join(symbols)))))


def _syllable(match: Match) -> str:
    initial, medial, final = match.groups(default="")
    return unicodedata.normalize("NFC", (initial or SILENT) + medial + final) if medial else ""


def _place(text: str) -> str:
    """Letters → conjoining jamo: a consonant is an initial before a vowel, else a final (of two: ㅂㅅ → ㅄ)."""
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
    # row[j]: the fewest (edits, substitutions, deletions, insertions) from `wanted` so far to heard[:j]
    row = [(j, 0, 0, j) for j in range(len(heard) + 1)]
    for i, char in enumerate(wanted, start=1):
        above, row = row, [(i, 0, i, 0)]
        for j, other in enumerate(heard, start=1):
            row.append(above[j - 1] if char == other else _cheapest_edit(above[j - 1], above[j], row[j - 1]))
    return (*row[-1][1:], len(wanted))


def _cheapest_edit(diagonal: Edits, above: Edits, left: Edits) -> Edits:
    edits, subs, dels, ins = min(diagonal, above, left, key=lambda cell: cell[0])
    if edits == diagonal[0]:
        return edits + 1, subs + 1, dels, ins
    return (edits + 1, subs, dels + 1, ins) if edits == above[0] else (edits + 1, subs, dels, ins + 1)
