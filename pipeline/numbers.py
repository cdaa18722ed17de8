"""Numbers as a Korean says them: "3시 30분" → "세 시 삼십 분", "1577-0199" → "일오칠칠 공일구구".

Two ways of counting live side by side: Sino-Korean (일, 이, 삼) is the rule, native (한, 두, 세) goes with
`NATIVE_COUNTERS`. A counter stands apart from its number (세 번, 오 년, 삼십 분); whatever names rather than counts
stays as the writer joined it (일월 일일, 삼학년, 이층, 일등).

`PATTERNS` is the story: each rule turns one kind of number into Hangul, from the most particular (a hotline, a date)
to the most general (the digits that are left). All functions are pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

Match = re.Match[str]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


DIGITS = "영일이삼사오육칠팔구"
SPELT_DIGITS = "공일이삼사오육칠팔구"
LARGE = ("", "만", "억", "조", "경")
NATIVE_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
MONTHS = {"6": "유월", "10": "시월"}

# "2~3명" is said 두세 명, not 두 명에서 세 명.
NATIVE_NEIGHBOURS = ("", "한두", "두세", "서너", "네다섯", "대여섯", "예닐곱", "일고여덟", "여덟아홉")
SINO_NEIGHBOURS = ("", "일이", "이삼", "삼사", "사오", "오륙", "육칠", "칠팔", "팔구")

NATIVE_COUNTERS = _words(
    "시간 시 살 번째 번 명 사람 식구 개 마리 가지 종류 군데 곳 달 배 끼 잔 병 컵 캔 팩 통 그릇 접시 숟가락 스푼 "
    "모금 방울 알 장 권 줄 칸 편 곡 글자 단어 문장 마디 통화 대 채 척 벌 켤레 쌍 송이 그루 포기 다발 자루 상자 "
    "박스 봉지 묶음 조각 토막 덩어리 가닥 갈래 걸음 발자국 바퀴 차례 건 골 판 세트 팀 갑 개비"
)
SINO_COUNTERS = _words(
    "년 개월 주년 주 분 초 원 달러 유로 엔 위안 파운드 세 도 점 회 인분 개국 단계 페이지 퍼센트 프로 평 "
    "톤 칼로리 킬로미터 킬로그램 킬로 키로 센티미터 센티 밀리미터 밀리리터 밀리그램 미터 리터 그램"
)
# Words after a number that make it a plain number even when it looks like a hotline: 109층, 112동.
NAMED_BY_NUMBER = _words("층 등 위 호 동 쪽 월 일 학년 반 번지 번길 번가")
# Above this a native number sounds bookish, so people change to Sino-Korean: 오십 명, 이십사 시간, 십오 시.
NATIVE_LIMIT = 49
NATIVE_LIMITS = {"시": 12, "시간": 23, "살": 99}

# What may follow a counter. 3명이 is a count; 3명령 is not.
AFTER_COUNTER = _words(
    "가 간 같 경 고 과 까 나 남짓 내 넘 는 다 당 대로 도 동안 되 된 뒤 든 들 등 때 라 랑 로 를 마다 마저 만 며 면 "
    "미만 밖 반 배기 보다 부터 뿐 씩 아니 안 앞 야 어치 에 여 였 예 와 요 으 은 을 의 이 인 입 전 정 조차 죠 중 지나 "
    "지만 지요 짜 째 쯤 처럼 초과 치 하 후"
)

# Said digit by digit wherever they are not plainly a count: these must be heard right.
HOTLINES = ("109", "112", "117", "119", "129", "1366", "1388")
CURRENCIES = {"₩": "원", "$": "달러", "€": "유로", "¥": "엔", "£": "파운드"}
# 3번 출구 is the third exit, 3번 alone is three times.
NUMBER_NOT_TIMES = " ?(?:출구|버스|문제|문항|질문|항목|채널|방|선수|자리|좌석|창구)|을 ?(?:누르|누른|눌러|선택|고르)"
SPEEDS = {"km/h": ("시속", "킬로미터"), "m/s": ("초속", "미터")}
UNITS = {
    "%p": "퍼센트포인트", "%": "퍼센트", "°": "도", "kg": "킬로그램", "mg": "밀리그램",
    "μg": "마이크로그램", "g": "그램", "t": "톤", "km": "킬로미터", "cm": "센티미터", "mm": "밀리미터", "m": "미터",
    "m²": "제곱미터", "km²": "제곱킬로미터", "m³": "세제곱미터", "ml": "밀리리터", "l": "리터", "cc": "씨씨",
    "kcal": "킬로칼로리", "cal": "칼로리", "hz": "헤르츠", "khz": "킬로헤르츠", "db": "데시벨", "kw": "킬로와트",
    "w": "와트", "v": "볼트", "kb": "킬로바이트", "mb": "메가바이트", "gb": "기가바이트", "tb": "테라바이트",
}  # fmt: skip


def _any(words: Iterable[str]) -> str:
    """An alternation that tries the longest word first, so that 시간 is not read as 시 + 간."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")"


INTEGER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)"
DECIMAL = rf"{INTEGER}(?:\.[0-9]+)?"
MAGNITUDE = r"(?:[십백천]?[만억조경]|[십백천])"
AMOUNT = rf"(?:{DECIMAL}{MAGNITUDE} ?){{0,4}}{DECIMAL}{MAGNITUDE}?"  # 1,234 · 3.14 · 5천 · 1억 2천만
AMOUNT_PART = re.compile(rf"({INTEGER})(?:\.([0-9]+))?({MAGNITUDE})?")

START = r"(?<![0-9])"
ALONE = r"(?<![0-9.,:/-])"  # not the later part of a decimal, an hour, a date or a code
WORD_END = rf"(?=[^가-힣]|$|{_any(AFTER_COUNTER)})"
NATIVE = _any(NATIVE_COUNTERS)
COUNTER = _any(NATIVE_COUNTERS + SINO_COUNTERS)
HOTLINE = _any(HOTLINES)
# What shows a number to be no telephone: 109명, 112동. Not so 번, for 109번 is the line.
COUNTED = _any({*NATIVE_COUNTERS, *SINO_COUNTERS, *NAMED_BY_NUMBER} - {"번"}) + WORD_END
UNIT = rf"(?i:{_any(UNITS)}(?![a-z²³]))"


def numbers_aloud(text: str) -> str:
    """Return ``text`` with every number, and the signs that belong to it, in Hangul. Expects `normalise`d text.

    Number signs (½ ② Ⅲ) count as numbers. No ASCII digit is left; everything else passes. Linear time.
    """
    text = "".join(map(_plain_number_sign, text))
    for pattern, say in RULES:
        text = pattern.sub(say, text)
    return text


def sino(digits: str) -> str:
    """Return a whole number in Sino-Korean, spaced at 만, 억, 조, 경 as it is written ("12345" → "만 이천삼백사십오").

    Commas may stand in it. A leading zero, or more than 20 digits, makes it a code: it is spelt.
    """
    digits = digits.replace(",", "")
    if len(digits) > 20 or (len(digits) > 1 and digits[0] == "0"):
        return spell(digits)
    digits = digits.zfill(-(-len(digits) // 4) * 4)
    words: list[str] = []
    for start in range(0, len(digits), 4):
        word, large = _four_digits(digits[start : start + 4]), LARGE[(len(digits) - start) // 4 - 1]
        if word:  # 10,000 is 만, but 100,010,000 is 일억 일만
            words.append(large if (word, large) == ("일", "만") and not words else word + large)
    return " ".join(words) or DIGITS[0]


def _four_digits(digits: str) -> str:
    words = ""
    for digit, place in zip(digits, ("천", "백", "십", ""), strict=True):
        if digit != "0":
            words += place if digit == "1" and place else DIGITS[int(digit)] + place
    return words


def native(number: int) -> str:
    """Return 1..99 as it stands before a counter: 한, 두, 스무, 스물한."""
    if number == 20:
        return "스무"
    return NATIVE_TENS[number // 10] + NATIVE_ONES[number % 10]


def spell(digits: str) -> str:
    """Return digits one by one, zero as 공: a telephone number, a code."""
    return "".join(SPELT_DIGITS[int(digit)] for digit in digits)


def amount(text: str) -> str:
    """Return a whole `AMOUNT` in Sino-Korean: "3.14" → "삼 점 일사", "3만5천" → "삼만 오천"."""
    words = ""
    for integer, fraction, magnitude in AMOUNT_PART.findall(text):
        word = sino(integer)
        if fraction:
            word += " 점 " + "".join(DIGITS[int(digit)] for digit in fraction)
        elif word == "일" and magnitude and (magnitude[0] in "십백천" or (magnitude == "만" and not words)):
            word = ""  # 천 원, 만 원; but 일억 원
        words += (" " if words.endswith(LARGE[1:]) else "") + word + magnitude
    return words


def counted(number: str, counter: str) -> str:
    """Return an amount and its counter, in the way of counting that the counter asks for: ("3", "번") → "세 번"."""
    value = int(number) if re.fullmatch("[0-9]{1,2}", number) else 0
    if counter not in NATIVE_COUNTERS or not 0 < value <= NATIVE_LIMITS.get(counter, NATIVE_LIMIT):
        return f"{amount(number)} {counter}"
    return f"{'첫' if (value, counter) == (1, '번째') else native(value)} {counter}"


def _plain_number_sign(char: str) -> str:
    """½ → 1/2, ② → 2, Ⅲ → 3, set apart from its neighbours. Powers (m²) belong to their unit and stay."""
    if char < "\x80" or char in "²³" or unicodedata.category(char) not in ("No", "Nl"):
        return char
    value = unicodedata.numeric(char)
    return f" {int(value)} " if value == int(value) else f" {unicodedata.normalize('NFKC', char).replace('⁄', '/')} "


def _spelt(match: Match) -> str:
    return " ".join(spell(part) for part in match.groups())


def _hotlines(match: Match) -> str:
    return ", ".join(map(spell, re.findall("[0-9]+", match[0])))


def _month(number: str) -> str:
    number = number.lstrip("0")
    return MONTHS.get(number) or sino(number) + "월"


def _day(number: str) -> str:
    return sino(number.lstrip("0")) + "일"


def _date(match: Match) -> str:
    year, _, month, day = match.groups()
    return f"{sino(year)}년 {_month(month)} {_day(day)}"


def _historic_day(match: Match) -> str:
    """6·25 → 육이오, 5·18 → 오일팔, 12·12 → 십이십이."""
    month, day = match.groups()
    return sino(month) + (sino if day == month else spell)(day)


def _clock(match: Match) -> str:
    """9:05 → 아홉 시 오 분, 14:30 → 십사 시 삼십 분, 9:00 → 아홉 시."""
    hour, minute, second = (part.lstrip("0") for part in match.groups(default=""))
    words = counted(hour or "0", "시")
    words += f" {sino(minute)} 분" if minute else ""
    return words + (f" {sino(second)} 초" if second else "")


def _native_range(match: Match) -> str:
    """2~3명 → 두세 명, 3~5명 → 세 명에서 다섯 명, 5~6월 → 오월에서 유월; 20~30명, 20~40대 are left below."""
    low, sign, high, counter = match.groups()
    if sign == "," and int(high) != int(low) + 1:  # 2,3번 is 두세 번; 2,5번 are two numbers
        return match[0]
    if low[1:] == high[1:] == "0" and (counter == "대" or (low != "10" and int(high) == int(low) + 10)):
        return match[0]
    if counter == "월":
        return f"{_month(low)}에서 {_month(high)}"
    if int(high) == int(low) + 1 and 0 < int(low) < 9:
        return f"{NATIVE_NEIGHBOURS[int(low)]} {counter}"
    return f"{counted(low, counter)}에서 {counted(high, counter)}"


def _sino_neighbours(match: Match) -> str:
    """2~3일 → 이삼일, 20~30대 → 이삼십대, 2~3만 원 → 이삼만 원; 3~5일 is left to the general rule."""
    low, zero, high, magnitude, counter = match.groups(default="")
    if int(high) != int(low) + 1 or low + zero == "10":
        return match[0]
    space = " " if counter and not (zero and counter == "대") else ""
    return SINO_NEIGHBOURS[int(low)] + ("십" if zero else "") + magnitude + space + counter


def _slash(match: Match) -> str:
    """1/2 is a fraction, 12/25 a day, 120/80 two numbers."""
    first, second = match.groups()
    above, below = (int(part) if len(part) <= 4 else 0 for part in (first, second))
    if 0 < above < below and (below <= 10 or below % 100 == 0):
        return f"{sino(second)}분의 {sino(first)}"
    if 1 <= above <= 12 and 1 <= below <= 31:
        return f"{_month(first)} {_day(second)}"
    return f"{sino(first)} {sino(second)}"


def _hyphens(match: Match) -> str:
    """3-5 is a range, 123-4567 a code, 4-7-8 a row of numbers."""
    parts = match[0].split("-")
    if len(parts) == 2 and _is_range(*parts):
        return "에서 ".join(parts)
    is_code = any(len(part) > 2 or (len(part) > 1 and part[0] == "0") for part in parts)
    return " ".join((spell if is_code else sino)(part) for part in parts)


def _is_range(low: str, high: str) -> bool:
    years = all(len(year) == 4 and year.startswith(("19", "20")) for year in (low, high))
    rising = (len(low), low) < (len(high), high)
    return rising and (years or len(high) <= 3) and "0" not in (low[0], high[0])


def _speed(match: Match) -> str:
    prefix, unit = SPEEDS[match[2].lower()]
    return f"{prefix} {amount(match[1])} {unit}"


# One kind of number a line. What stands above may leave digits for what stands below.
PATTERNS: tuple[tuple[str, str | Callable[[Match], str]], ...] = (
    # Names made of digits.
    (r"(?<![0-9])(0[0-9]{1,2})[-. )]{1,2}([0-9]{3,4})[-. ]([0-9]{4})(?![0-9])", _spelt),  # 010-1234-5678
    (r"(?<![0-9])(01[0-9])([0-9]{3,4})([0-9]{4})(?![0-9])", _spelt),  # 01012345678
    (r"(?<![0-9])(1[568](?:00|11|22|33|44|55|66|77|88|99))[- ]?([0-9]{4})(?![0-9])", _spelt),  # 1577-0199
    (rf"{ALONE}1[0-9]{{3}}(?=번?(?:으?로|에)? ?(?:전화|연락|문자))", lambda match: spell(match[0])),  # 1345에 전화
    (
        rf"(?<![0-9제])(?<![0-9][.,~:/+-]){HOTLINE}(?:[,/] ?{HOTLINE})*"
        rf"(?![0-9a-zA-Z십백천억조경]|[.,:/~+-][0-9]|만 ?{COUNTER}{WORD_END}| ?(?:{COUNTED}|{UNIT}))",
        _hotlines,
    ),
    (r"(?<![0-9.])([0-9]{1,2})·([0-9]{1,2})(?![0-9])", _historic_day),
    (r"(?<![0-9.])([0-9]{1,2})\.([0-9]{1,2})(?= ?(?:절|운동|민주|혁명|전쟁|항쟁|참사|광복))", _historic_day),
    # Two numbers that belong together.
    (r"(?<![0-9])([0-9]+)대([0-9]+)", lambda m: f"{sino(m[1])} 대 {sino(m[2])}"),  # 2대1
    (r"(?<![0-9])([0-9]+)분의 ?([0-9]+)", lambda m: f"{sino(m[1])}분의 {sino(m[2])}"),
    (r"(?<=[가-힣])(?<![제고중초])(?=[0-9])", " "),  # 3시30분, 약3명; not 제3, 고3
    (r"(:[0-5][0-9]) ?- ?(?=[0-9]{1,2}:)", r"\1~"),
    (rf"{ALONE}([0-9]{{1,2}})( ?[~-] ?|,)([0-9]{{1,2}}) ?({NATIVE}{WORD_END}|월)", _native_range),
    (
        rf"{ALONE}([1-9])(0?)(?: ?[~-] ?|,)([1-9])\2({MAGNITUDE}?)(?: ?({COUNTER}){WORD_END}|(?=[가-힣%]))",
        _sino_neighbours,
    ),
    (rf"{ALONE}({DECIMAL}) ?- ?(?=(?!0){AMOUNT} ?(?:{COUNTED}|{UNIT}))", r"\1에서 "),
    (r"([0-9](?:[가-힣%.]{0,2}|[A-Za-z°]{1,4})) ?~ ?(?=[₩$€¥£]?[0-9])", r"\1에서 "),
    # Dates and hours.
    (
        r"(?<![0-9])([12][0-9]{3})([-./]) ?(0?[1-9]|1[0-2])\2 ?(0?[1-9]|[12][0-9]|3[01])(?![0-9])"
        r"(?:일|\.(?= ?[가-힣(]))?",
        _date,
    ),
    (r"(?<![0-9-])((?:19|20)[0-9]{2})[-/](0[1-9]|1[0-2])(?![0-9-])", lambda m: f"{sino(m[1])}년 {_month(m[2])}"),
    (r"(?<![0-9:])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?(?![0-9:])", _clock),
    (r"(?<![0-9.,])([12][0-9]{3}|[0-9]{2}(?=년 ?[0-9]{1,2}월)) ?년", lambda m: f"{sino(m[1])}년"),
    (r"(?<![0-9.,])(0?[1-9]|1[0-2]) ?월", lambda m: _month(m[1])),
    (r"(?<![0-9.,:-])0([0-9])(?= ?[일시분초])", r"\1"),
    # Signs around numbers.
    (r"(?<![0-9.:])[0-9]+(?: ?: ?[0-9]+)+", lambda m: " 대 ".join(map(sino, re.findall("[0-9]+", m[0])))),
    (r"(?<![0-9./])([0-9]+)/([0-9]+)(?![0-9/])", _slash),
    (rf"([₩$€¥£]) ?({AMOUNT})(?: ?원{WORD_END})?", lambda m: f"{amount(m[2])} {CURRENCIES[m[1]]}"),
    (rf"(?:영하 )?(?<![0-9a-zA-Z가-힣)%-])-(?={DECIMAL} ?(?:°|도))", "영하 "),
    (r"(?<![0-9a-zA-Z가-힣)%-])-(?=[0-9])", "마이너스 "),
    (r"(?<![0-9a-zA-Z가-힣)%+ ])\+(?=[0-9])", "플러스 "),
    (r"(?<=[0-9]) ?- ?(?=[0-9]+ ?=)", " 빼기 "),
    (r"(?<=[0-9]) ?[×x*] ?(?=[0-9])", " 곱하기 "),
    (r"(?<=[0-9]) ?÷ ?(?=[0-9])", " 나누기 "),
    (r"(?<![0-9.-])[0-9]+(?:-[0-9]+)+", _hyphens),
    # A number and what it counts.
    (rf"{START}({AMOUNT}) ?((?i:{_any(SPEEDS)}))(?![a-zA-Z])", _speed),
    (rf"{START}({AMOUNT}) ?({UNIT})", lambda m: f"{amount(m[1])} {UNITS[m[2].lower()]}"),
    (r"(?<![0-9.,])([1-9]0)대", lambda m: f"{sino(m[1])}대"),  # 20대: an age; 3대: three of them
    (rf"(?<![가-힣])제 ?({AMOUNT}) ?({COUNTER}){WORD_END}", lambda m: f"제{amount(m[1])} {m[2]}"),
    (rf"{START}({AMOUNT})(?=번[가길지](?!만))", lambda m: amount(m[1])),  # 11번가, 3번지
    (rf"{START}({AMOUNT}) ?번(?={NUMBER_NOT_TIMES})", lambda m: f"{amount(m[1])} 번"),
    (rf"{START}({AMOUNT}) ?({COUNTER}){WORD_END}", lambda m: counted(m[1], m[2])),
    # What is left.
    (r"(?<![0-9])[0-9]+(?:\.[0-9]+){2,}", lambda m: " 점 ".join(map(sino, m[0].split(".")))),  # 1.2.3
    (AMOUNT, lambda m: amount(m[0])),
)
RULES = tuple((re.compile(pattern), say) for pattern, say in PATTERNS)
