"""Words that point to a person are taken out of a text: `mask`. Pure functions, no model.

Numbers are also found when they were spoken ("공일공 일이삼사 오육칠팔") and written by the recogniser as they sound:
long rows of spoken digits are read as digits first, sign by sign, so that every place keeps its index in the text.
Helplines (109, 119, 112, 1388, 1366, 1577-0199) have none of the shapes below and stay.

Where a shape alone says too little (an account number, a road with a number), the words around it must agree. In doubt
about an order number it stays; in doubt about a resident's number it goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple

RESIDENT, PHONE, CARD = "[주민등록번호]", "[전화번호]", "[카드번호]"
ACCOUNT, MAIL, ADDRESS = "[계좌번호]", "[이메일]", "[주소]"


class Span(NamedTuple):
    """A place in the text, to be replaced by ``label``."""

    start: int
    end: int
    label: str


def mask(text: str) -> str:
    """The text with a label in the place of each personal number or address. Doing it twice changes nothing more."""
    numbers = as_digits(text)
    for find in FINDERS:
        for span in reversed(_apart(find(text, numbers))):
            text = text[: span.start] + span.label + text[span.end :]
            numbers = numbers[: span.start] + span.label + numbers[span.end :]
    return text


def _apart(spans: Iterable[Span]) -> list[Span]:
    """In order, without those that begin inside an earlier one."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


# --- spoken digits -----------------------------------------------------------------------------------------------------

SPOKEN = {"공": "0", "영": "0", "빵": "0", "일": "1", "이": "2", "삼": "3", "사": "4", "오": "5"}
SPOKEN |= {"육": "6", "륙": "6", "칠": "7", "팔": "8", "구": "9"}
FILL = "\u2060"
"""Takes the place of a sign that is read together with its neighbour; counts as a separator."""
WORDS = {
    "하나": "1" + FILL,
    "둘": "2",
    "다시": "-" + FILL,
    "대시": "-" + FILL,
    "국에": "-" + FILL,
    "에": "-",
    "의": "-",
    ",": "-",
}
DIGIT = rf"(?:[0-9０-９]|하나|[둘{''.join(SPOKEN)}])"
BETWEEN = r"(?:\s|[-‐–—.,·~()]|다시|대시|국에|에|의)"
# "010-1234-5678 이에요": one spoken sign after written digits is a word.
LAST_WORD = re.compile(rf"(?<=[0-9]){BETWEEN}{{0,3}}[{''.join(SPOKEN)}]$")
LONG_ROW = re.compile(rf"{DIGIT}(?:{BETWEEN}{{0,3}}{DIGIT}){{7,}}")
WIDE = {ord("０") + i: str(i) for i in range(10)}


def as_digits(text: str) -> str:
    """The text, as long as it was, with long rows of spoken or wide digits written 0–9."""
    return LONG_ROW.sub(lambda row: _digits(row[0]), text.translate(WIDE))


def _digits(row: str) -> str:
    if row.isascii():
        return row
    word = LAST_WORD.search(row)
    row, rest = (row[: word.start()], word[0]) if word else (row, "")
    for spoken, sign in WORDS.items():
        row = row.replace(spoken, sign)
    return "".join(SPOKEN.get(char, char) for char in row) + rest


# --- numbers -----------------------------------------------------------------------------------------------------------

GAP = rf"[\s\-‐–—.·~{FILL}]{{0,4}}"
CODE = r"(?:(?:\+\s?82[\s\-)]{0,2}|82(?:[\s\-)]{1,2}|(?=10)))\(?0?\)?|\(?0)"
AREA = rf"(?:2|3{GAP}[1-3]|4{GAP}[1-4]|5{GAP}[1-5]|6{GAP}[1-4])"


def _row(least: int, most: int) -> str:
    """A pattern for that many digits with or without gaps."""
    return rf"\d(?:{GAP}\d){{{least - 1},{most - 1}}}"


PREFIX = "|".join([rf"1{GAP}[016789]", AREA, rf"7{GAP}0", rf"5{GAP}0{GAP}\d"])
PHONE_SHAPE = re.compile(rf"{CODE}{GAP}(?:{PREFIX})\)?{GAP}{_row(3, 4)}{GAP}{_row(4, 4)}")
LOCAL_PHONE = re.compile(r"\d{3,4}[\s\-]\d{4}")
SERVICE_LINE = re.compile(r"1[568]\d\d")
ABOUT_PHONE = re.compile(
    r"(?:전화|연락처|휴대폰|핸드폰|휴대 전화|폰|내선)(?:\s?번호)?[는은가이도 :]{0,3}(?:제 |저는 )?$"
)
RESIDENT_SHAPE = re.compile(rf"(\d{GAP}\d{GAP}\d{GAP}\d{GAP}\d{GAP}\d)({GAP})([1-8*](?:{GAP}[\d*●x]){{6}})")
ABOUT_RESIDENT = re.compile(r"주민|등록\s?번호|외국인|거소")
CARD_SHAPE = re.compile(rf"[2-69](?:{GAP}\d){{13,15}}")
CARD_GROUPS = re.compile(r"\d{4}([ \-])\d{4}\1\d{4}\1\d{4}")
ABOUT_CARD = re.compile(r"카드|체크|비자|마스터|결제")
RESIDENT_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


def residents(text: str, numbers: str) -> Iterator[Span]:
    """Resident registration numbers, also foreigners'. The two halves apart: a real date of birth is enough, since the
    numbers given out from October 2020 on carry no check digit; in one row: the check digit or a word must say so."""
    for found in _bounded(RESIDENT_SHAPE, text, numbers):
        birth, tail = _only_digits(found[1]), re.sub(GAP, "", found[3])
        certain = found[2].strip(FILL) or "*" in tail or _checks_resident(birth + tail)
        if _is_day(birth) and (certain or _near(ABOUT_RESIDENT, text, found)):
            yield Span(*found.span(), RESIDENT)


def cards(text: str, numbers: str) -> Iterator[Span]:
    for found in _bounded(CARD_SHAPE, text, numbers):
        for end in _ends(found, (16, 15, 14)):
            if _checks_card(_only_digits(numbers[found.start() : end])):
                yield Span(found.start(), end, CARD)
                break
        else:
            grouped = CARD_GROUPS.match(numbers, found.start())
            if grouped and _near(ABOUT_CARD, text, grouped):
                yield Span(*grouped.span(), CARD)


def phones(text: str, numbers: str) -> Iterator[Span]:
    for found in _bounded(PHONE_SHAPE, text, numbers):
        yield Span(*found.span(), PHONE)
    for found in _bounded(LOCAL_PHONE, text, numbers):
        if not SERVICE_LINE.match(found[0]) and ABOUT_PHONE.search(text[max(0, found.start() - 20) : found.start()]):
            yield Span(*found.span(), PHONE)


GOES_BEFORE = re.compile(r"[0-9][-.,]?$")


def _bounded(shape: re.Pattern[str], text: str, numbers: str) -> Iterator[re.Match[str]]:
    """The matches in ``numbers`` that are not part of a longer written number; they do not overlap.

    The bounds look at the text as it was written: in "…오육칠팔이에요" the last 이 is no digit of the number."""
    at = 0
    while found := shape.search(numbers, at):
        before, after = text[: found.start()], text[found.end() :][:1]
        inside = bool(GOES_BEFORE.search(before)) or (after.isdecimal() and text[found.end() - 1].isdecimal())
        at = found.start() + 1 if inside else found.end()
        if not inside:
            yield found


def _ends(found: re.Match[str], lengths: tuple[int, ...]) -> Iterator[int]:
    """Where the match would end with that many digits, for the lengths it has."""
    places = [found.start() + i + 1 for i, char in enumerate(found[0]) if char.isdecimal()]
    yield from (places[length - 1] for length in lengths if length <= len(places))


def _only_digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _near(words: re.Pattern[str], text: str, found: re.Match[str], before: int = 20, after: int = 12) -> bool:
    around = text[max(0, found.start() - before) : found.start()] + " " + text[found.end() : found.end() + after]
    return bool(words.search(around))


def _is_day(birth: str) -> bool:
    """Six digits YYMMDD that are a day of some year."""
    try:
        date(2000, int(birth[2:4]), int(birth[4:6]))
    except ValueError:
        return False
    return True


def _checks_resident(digits: str) -> bool:
    """The check digit of 13 digits: 11 − (weighted sum mod 11), for foreigners 13 − that, of which the last digit."""
    if not digits.isdecimal() or len(digits) != 13:
        return False
    weighted = sum(weight * int(digit) for weight, digit in zip(RESIDENT_WEIGHTS, digits, strict=False))
    base = 13 if digits[6] in "5678" else 11
    return (base - weighted % 11) % 10 == int(digits[12])


def _checks_card(digits: str) -> bool:
    """Luhn, and a first digit that its length may have."""
    if len(digits) != 16 and digits[:2] not in ("34", "37", "36", "38", "30"):
        return False
    doubled = [int(digit) * (1 + i % 2) for i, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0 and len(set(digits)) > 1


# --- accounts ----------------------------------------------------------------------------------------------------------

GROUPS = r"\d{2,6}(?:[\-‐–]\d{1,7}){1,4}"
ACCOUNT_SHAPE = re.compile(rf"{GROUPS}|\d{{10,16}}|\d{{2,6}}(?: \d{{2,7}}){{2,3}}")
# Digits in each group, as Korean banks write them.
BANKS = {"3-3-6", "3-2-6", "6-2-6", "4-3-6", "3-6-2-3", "4-2-7", "3-4-4-2", "3-6-5", "4-4-4-1", "6-2-5", "3-2-6-1"}
BANKS |= {"3-6-3-2", "3-3-5-1", "2-2-6", "3-4-4"}
ABOUT_ACCOUNT = re.compile(
    "계좌|통장|입금|송금|이체|예금|은행|농협|신협|수협|새마을|우체국|카카오뱅크|케이뱅크|토스|국민|신한|하나|기업|카뱅|케뱅"
)
OTHER_NUMBER = re.compile(
    "주문|송장|운송장|택배|예약|사업자|접수|일련|모델|버전|ISBN|책|바코드|시리얼|우편|사건|등기|티켓|쿠폰|IP|아이피",
    re.I,
)


def accounts(text: str, numbers: str) -> Iterator[Span]:
    for found in _bounded(ACCOUNT_SHAPE, text, numbers):
        groups = [len(group) for group in re.findall(r"\d+", found[0])]
        told = _near(ABOUT_ACCOUNT, text, found, before=25)
        other = _near(OTHER_NUMBER, text, found) or _looks_like_a_day(found[0])
        shaped = "-".join(map(str, groups)) in BANKS and " " not in found[0]
        if 10 <= sum(groups) <= 16 and (told or shaped) and not (other and not _near(NAMED_ACCOUNT, text, found)):
            yield Span(*found.span(), ACCOUNT)


NAMED_ACCOUNT = re.compile("계좌|통장")


def _looks_like_a_day(digits: str) -> bool:
    return bool(re.match(r"(19|20)\d\d[-.]?(0[1-9]|1[0-2])[-.]?([0-2]\d|3[01])(?!\d)", digits))


# --- e-mail ------------------------------------------------------------------------------------------------------------

AT = r"\s?(?:@|＠|\(at\)|\[at\]|\s골뱅이\s?|골뱅이)\s?"
HOSTS = r"네이버|지메일|쥐메일|구글|다음|한메일|카카오|네이트|핫메일|아웃룩|야후|daum|naver|gmail|kakao|nate|hanmail|hotmail|outlook|yahoo"
DOT = r"\s?(?:\.|점|닷|쩜)\s?"
TAIL = r"(?:[A-Za-z]{2,}|컴|넷|씨오\s?점?\s?케이알|케이알|오알지|에이씨|시오)"
MAIL_SHAPES = [
    re.compile(
        r"[A-Za-z0-9._%+\-]+\s?(?:@|＠|\(at\)|\[at\])\s?[A-Za-z0-9\-]+(?:\s?\.\s?[A-Za-z0-9\-]+)*\s?\.\s?[A-Za-z]{2,}",
        re.I,
    ),
    re.compile(rf"[\w.\-]+{AT}(?:{HOSTS}|[A-Za-z0-9\-]+)(?:{DOT}{TAIL})+", re.I),
]


def mails(text: str, _: str) -> Iterator[Span]:
    yield from (Span(*found.span(), MAIL) for shape in MAIL_SHAPES for found in shape.finditer(text))


# --- addresses ---------------------------------------------------------------------------------------------------------

PROVINCE = (
    r"(?:(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주|충청북|충청남|전라북|전라남|경상북|경상남)"
    r"(?:특별자치시|특별자치도|특별시|광역시|도|시)?)"
)
DISTRICT = r"(?:[가-힣]{1,5}(?:시|군|구))"
TOWN = r"(?:[가-힣]{1,6}(?:읍|면|동|리|가))"
ROAD = r"(?:[가-힣][가-힣0-9·]{0,9}?(?:대로|로|길))"
SPOKEN_NUMBER = r"(?:[일이삼사오육칠팔구]?[천백십][일이삼사오육칠팔구십백]+|[이삼사오육칠팔구][백십])(?![가-힣]{2,}년)"
HOUSE = rf"(?:(?:지하 ?)?(?:\d{{1,5}}(?:-\d{{1,4}})?|{SPOKEN_NUMBER})(?:번?길 ?\d{{1,4}}(?:-\d{{1,4}})?)?(?:번지)?)"
COUNTED = r"(?!\d|\s?(?:번째|번(?!길|지)|시간|시|분|초|개|명|일|월|년|회|킬로|km|m|미터|층|살|원|만|도|차|호선|주|배|%|퍼센트|가지|병|잔|위|대|등|점|세트|박|인분|마리|쪽|장|권|곡|학년|반 |건|달|세|:))"
FLAT = r"(?:,?\s?(?:\([가-힣0-9, ]{1,20}\)\s?)?(?:[가-힣A-Za-z0-9]{1,15}(?:아파트|빌라|오피스텔|맨션|타운|빌딩|하이츠|자이|힐스테이트|푸르지오|래미안)\s?)?(?:\d{1,4}동\s?)?(?:\d{1,2}층\s?)?(?:\d{1,4}호)?)"
SPOKEN_FLAT = rf"{SPOKEN_NUMBER}동 ?{SPOKEN_NUMBER}호"
WHOLE = rf"(?:(?:{PROVINCE}\s)?(?:{DISTRICT}\s){{1,2}}|{PROVINCE}\s)(?:{TOWN}\s){{0,2}}"
ADDRESS_SHAPES = [
    # 서울특별시 강남구 테헤란로 152, 101동 1203호
    rf"{WHOLE}{ROAD}\s?{HOUSE}{COUNTED}{FLAT}",
    # 전남 순천시 서면 선평리 123-4
    rf"(?:(?:{PROVINCE}\s)?(?:{DISTRICT}\s){{1,2}}|{PROVINCE}\s)(?:{TOWN}\s){{0,2}}{TOWN}\s(?:산 ?)?{HOUSE}{COUNTED}{FLAT}",
    # 테헤란로 152번길 3-1, 독서당로 12-3, 세종대로 110, 3층
    rf"{ROAD}\s?\d{{1,5}}(?:번?길\s?\d{{1,4}}|-\d{{1,4}})(?:-\d{{1,4}})?{COUNTED}{FLAT}",
    rf"{ROAD}\s\d{{1,5}},?\s?(?:[가-힣]{{1,12}}\s)?\d{{1,4}}(?:동\s?\d{{1,4}})?호",
    rf"[가-힣]{{1,6}}(?:동|리)\s\d{{1,4}}-\d{{1,4}}(?:번지)?(?!\d){FLAT}",
    rf"[가-힣]{{1,6}}(?:동|리)\s\d{{1,4}}번지{FLAT}",
    r"(?:[가-힣A-Za-z0-9]{1,15}(?:아파트|빌라|오피스텔|맨션|타운)?\s)?(?<!\d)\d{1,4}동\s?\d{1,4}호(?!선)",
    r"[가-힣A-Za-z0-9]{1,15}(?:아파트|빌라|오피스텔|맨션)\s?\d{1,4}호",
    SPOKEN_FLAT,
]
ADDRESS_SHAPE = re.compile("|".join(ADDRESS_SHAPES))
# A road and a house number alone are also "서울로 7" or "집으로 3": the words around must speak of living somewhere.
URGENT = r"(?:109|112|119|1388|1366)(?!\d)"
BARE_ROAD = re.compile(rf"(?<![가-힣])[가-힣]{{1,6}}(?:대로|(?<!으)로|길)\s?(?!{URGENT})\d{{1,4}}{COUNTED}")
LIVING = re.compile(
    r"주소|사는 곳|집은|집이|우리 ?집|저희 ?집|자택|거주|살아요|살고|삽니다|산다|살거든|살았|배송지|찾아오|와 주세요|보내 ?주"
)


def addresses(text: str, _: str) -> Iterator[Span]:
    for found in ADDRESS_SHAPE.finditer(text):
        yield Span(found.start(), found.start() + len(found[0].rstrip(" ,")), ADDRESS)
    for found in BARE_ROAD.finditer(text):
        if _near(LIVING, text, found, before=15):
            yield Span(*found.span(), ADDRESS)


FINDERS: tuple[Callable[[str, str], Iterator[Span]], ...] = (mails, residents, cards, phones, accounts, addresses)
"""In this order: a resident's number and a card would else be read as an account."""
