"""What points to a person goes before anything is written, and what does not stays: own lines, made and hand-written."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from pipeline import privacy
from pipeline.privacy import ACCOUNT, ADDRESS, CARD, MAIL, PHONE, RESIDENT, mask
from pipeline.safety import ANSWERS, HELP_LINES

dice = random.Random(20261122)
READ = "공일이삼사오육칠팔구"


def digits(count: int, first: str = "0123456789") -> str:
    return dice.choice(first) + "".join(dice.choices("0123456789", k=count - 1))


def spoken(number: str) -> str:
    return "".join(READ[int(char)] if char.isdecimal() else char for char in number)


# --- the personal things, made from their own rules (the check digits are written here a second time) --------------------


def resident(foreign: bool = False) -> str:
    day = f"{dice.randint(0, 99):02d}{dice.randint(1, 12):02d}{dice.randint(1, 28):02d}"
    head = day + dice.choice("5678" if foreign else "1234") + digits(5)
    total = sum(int(digit) * (2 + i % 8) for i, digit in enumerate(head))
    return head + str(((13 if foreign else 11) - total % 11) % 10)


def card() -> str:
    head = dice.choice(("4", "5", "9", "62", "3560")) + digits(11)
    head = (head + digits(6))[:15]
    total = sum(sum(divmod(int(digit) * (2 - i % 2), 10)) for i, digit in enumerate(head))
    return head + str(-total % 10)


def parts(number: str, *sizes: int, by: str = "-") -> str:
    cut, at = [], 0
    for size in sizes:
        cut.append(number[at : at + size])
        at += size
    return by.join(cut)


def residents() -> Iterator[str]:
    for foreign in (False, True):
        for _ in range(12):
            number = resident(foreign)
            yield dice.choice((parts(number, 6, 7), number, parts(number, 6, 7, by=" "), parts(number, 6, 7, by=" - ")))
    for _ in range(6):
        yield spoken(parts(resident(), 6, 7, by=" "))
        yield parts(resident(), 6, 7)[:8] + "******"


def mobiles() -> Iterator[str]:
    for by in ("-", "", " ", ".", " - "):
        for _ in range(8):
            yield parts("01" + dice.choice("016789") + digits(8, "23456789"), 3, 4, 4, by=by)
    for _ in range(6):
        yield "+82 10-" + parts(digits(8), 4, 4)
        yield "+8210" + digits(8)
        yield parts("0504" + digits(8), 4, 4, 4)


def landlines() -> Iterator[str]:
    for area in ("02", "031", "032", "033", "041", "042", "044", "051", "053", "055", "062", "064", "070"):
        yield f"{area}-{digits(3, '23456789')}-{digits(4)}"
        yield f"({area}) {digits(4, '23456789')}-{digits(4)}"
        yield f"{area}{digits(7 if area == '02' else 8, '23456789')}"


def spoken_phones() -> Iterator[str]:
    for _ in range(14):
        number = "010" + digits(8)
        yield spoken(parts(number, 3, 4, 4, by=" "))
        yield spoken(number)
        yield spoken(parts(number, 3, 4, 4, by="에 "))
        yield " ".join(spoken(number))
        yield "공하나공 " + spoken(parts(digits(8), 4, 4, by=" "))
        yield "공이 " + spoken(parts(digits(8, "23456789"), 4, 4, by=" 다시 "))
        yield "010 " + spoken(parts(digits(8), 4, 4, by=" "))


def cards() -> Iterator[str]:
    for by in ("-", " ", ""):
        for _ in range(14):
            yield parts(card(), 4, 4, 4, 4, by=by)
    yield from ("3782-822463-10005", "371449635398431", spoken(parts(card(), 4, 4, 4, 4, by=" ")))


def accounts() -> Iterator[str]:
    for bank, sizes in {
        "신한은행 ": (3, 3, 6),
        "국민은행 ": (6, 2, 6),
        "우리은행 ": (4, 3, 6),
        "기업은행 ": (3, 6, 2, 3),
        "카카오뱅크 ": (4, 2, 7),
        "농협 ": (3, 4, 4, 2),
        "하나은행 ": (3, 6, 5),
        "토스뱅크 ": (4, 4, 4),
        "새마을금고 ": (4, 4, 4, 1),
    }.items():
        for _ in range(3):
            number = digits(sum(sizes), "123456789")
            yield bank + parts(number, *sizes)
            yield bank + number
    for sizes in ((3, 3, 6), (6, 2, 6), (4, 2, 7)):
        yield parts(digits(sum(sizes), "123456789"), *sizes)


def mails() -> Iterator[str]:
    for host in ("naver.com", "gmail.com", "snu.ac.kr", "my-company.co.kr", "kakao.com"):
        for name in ("jiwoo", "kim.minsu", "happy_1004", "a+b", "lee-young"):
            yield f"{name}@{host}"
    yield from ("jiwoo @ naver.com", "jiwoo(at)naver.com", "JIWOO@NAVER.COM", "jiwoo＠naver.com")
    yield from (
        "지우공사 골뱅이 네이버 점 컴",
        "hello골뱅이naver.com",
        "민수 골뱅이 지메일 닷 컴",
        "kim 골뱅이 daum 점 net",
    )


def addresses() -> Iterator[str]:
    for number in ("7", "152", "152-3", "33번길 8"):
        yield f"서울특별시 강남구 테헤란로 {number}"
        yield f"서울 마포구 양화로 {number}, 101동 1203호"
        yield f"경기도 성남시 분당구 판교역로 {number}"
        yield f"부산광역시 해운대구 해운대해변로 {number} 2층"
        yield f"충남 천안시 동남구 만남로 {number}"
        yield f"전주시 완산구 효자로 {number}"
    yield from (
        "서울 관악구 신림동 123-45",
        "전남 순천시 서면 선평리 123-4",
        "제주시 애월읍 하귀로 12",
        "대전 서구 둔산동 1420",
    )
    yield from ("역삼동 123-45번지", "독서당로 12-3", "래미안아파트 101동 1203호", "101동 1203호", "푸른빌라 203호")
    yield from ("백일동 천이백삼호", "인천 부평구 부평대로 오십이", "세종대로 209번길 3", "강원도 춘천시 퇴계로 77")
    yield from ("서울 은평구 응암로34길 16-1", "도곡로 18길 34")


KINDS: dict[str, Callable[[], Iterator[str]]] = {
    RESIDENT: residents,
    PHONE: lambda: iter([*mobiles(), *landlines(), *spoken_phones()]),
    CARD: cards,
    ACCOUNT: accounts,
    MAIL: mails,
    ADDRESS: addresses,
}
CARRIERS = (
    "제 {what}은 {it} 입니다",
    "{it} 이거든요, 적어 두세요.",
    "어제 친구한테 {it} 라고 알려줬는데 괜찮을까요?",
    "너무 힘들어서 {what} {it} 를 남겨요",
    "{it}",
)
WHAT = {RESIDENT: "주민번호", PHONE: "전화번호", CARD: "카드 번호", ACCOUNT: "계좌", MAIL: "메일", ADDRESS: "주소"}
POSITIVE = [
    (label, carrier.format(it=it, what=WHAT[label]), carrier.format(it=label, what=WHAT[label]))
    for label, made in KINDS.items()
    for i, it in enumerate(made())
    for carrier in [CARRIERS[i % len(CARRIERS)]]
]
BANK = r"신한은행 |국민은행 |우리은행 |기업은행 |카카오뱅크 |농협 |하나은행 |토스뱅크 |새마을금고 "

HARMLESS = """
자살예방상담전화 109에 전화했어요
109, 119, 112에 먼저 연락해 주세요
1577-0199로 전화하면 되나요
1577-0199, 1388, 1366 모두 적어 두었어요
청소년 전화 1388에 문자를 보냈어요
여성긴급전화 1366번으로 걸었어요
일공구에 전화했어요
일오칠칠 공일구구에 전화해 봤어요
고객센터 1588-1234에 전화했는데 안 받아요
전화 1644-0000으로 문의하래요
2024년 1월 15일에 시작됐어요
2024-01-15에 만났어요
2024.01.15 14:30에 예약했어요
1990년 3월 5일생이에요
20240115에 다녀왔어요
오전 10시 30분부터 11시까지요
지난 10월 10일 10시 10분에요
월급이 2,500,000원이에요
빚이 12,345,678원 있어요
120,000,000원을 잃었어요
1,234,567,890원이 전부였대요
주문번호 2024-0115-123456이 안 와요
주문번호 20240115123456 조회해 주세요
송장번호 1234-5678-9012가 안 떠요
운송장 123456789012 배송이 멈췄어요
예약번호 1234567890이에요
사업자번호 123-45-67890이에요
책의 ISBN은 978-89-364-3412-0이에요
ISBN 9788936434120을 읽고 있어요
모델 번호 110-123-456789 제품이에요
버전 10.12.15로 올렸어요
IP 주소가 192.168.0.101이래요
아이피는 10.0.0.1이에요
사건번호 2023-12345를 받았어요
우편번호 06236이에요
3월 2일부터 5월 30일까지 쉬었어요
100일 동안 12시간씩 일했어요
키는 175이고 몸무게는 68이에요
혈압이 120에 80이래요
점수는 95점, 87점, 76점이에요
로또 번호 3 12 25 33 41 45를 샀어요
로또 1 2 3 4 5 6을 찍었어요
하나 둘 셋 넷 다섯 여섯 일곱 여덟
일이삼사오육칠 하고 세었어요
일 이 삼 사 오 하고 숨을 쉬었어요
이 일이 사실 오늘 일이에요
이 사람이 오일 육일 일이 있대요
사이다 이 병 사 오고 과자도 사
이번 일이 이리 오래 갈 일인가요
구일에 오고 십일에 가요
팔이 아파서 일을 못 해요
오이를 사고 팔이 긴 옷도 샀어요
이일저일 다 해 봤어요
공 이 개를 샀어요
구구단을 외웠어요
원주율은 3.14159265358979래요
파이는 3.141592653589793238이에요
전화번호를 바꿨어요
카드번호를 잊어버렸어요
주민등록번호가 뭔지 물어봤어요
계좌를 새로 만들었어요
이메일을 보냈는데 답이 없어요
주소를 알려 주기 싫어요
골뱅이 무침을 먹었어요
골뱅이가 네 개 남았어요
골뱅이 점심을 먹었어요
@친구 고마워
3@4는 뭐예요
a@b라고 적혀 있었어요
서울에 살아요
부산 해운대구에 살아요
강남구에서 일해요
경기도 성남시 분당구에서 왔어요
서울로 7시에 갔어요
서울로 2번 이사했어요
집으로 3번 갔어요
집으로 10분쯤 걸어가요
학교로 20분 걸려요
버스로 20분 걸려요
부산으로 3시간 걸려요
종로 3가에서 봤어요
종로 5가역에서 만났어요
을지로 4가요
한강로 3번 출구에서 봤어요
강남대로 3번 출구예요
이 길로 5분만 가면 돼요
그 길로 2시간을 걸었어요
가로 3 세로 4예요
가로 30cm 세로 40cm예요
새로 3개 샀어요
따로 2명이 왔어요
서로 10년을 알았어요
바로 5분 뒤에 울었어요
홀로 30년을 살았어요
스스로 3번 물었어요
실제로 100명이 왔대요
주로 12시에 자요
하루 3번 약을 먹어요
앞으로 3년 살 집이에요
평생 이대로 10년을 살았어요
우리 집으로 5명이 왔어요
집은 지하철로 40분 거리예요
집이 학교로 15분이에요
동생이 3명 있어요
운동 3개월 했어요
활동 5일째예요
우리 3호선을 타요
2호선 타고 왔어요
3동 앞에서 만나요
101동 앞이에요
203호 병실이에요
행동 2가지를 적었어요
감동 100배예요
이동 2시간이 힘들어요
우리 동 3층이에요
5층에서 넘어졌어요
3학년 2반이에요
2반 15번이에요
마음이 100퍼센트 무너졌어요
알람을 6시 30분으로 맞췄어요
비밀번호를 1234로 했더니 뚫렸어요
비밀번호가 12345678이었어요
번호표 1234번이에요
대기 번호 0102번이에요
수험번호 20241234예요
학번은 20191234예요
군번을 아직 외워요
차 번호가 12가 3456이에요
카드값이 1234 5678원 나왔어요
9시부터 18시까지 010 강의실이에요
010으로 시작하는 번호가 자꾸 와요
02로 시작하는 전화가 무서워요
내 번호 끝자리는 5678이에요
좌표는 37.5665, 126.9780이에요
우리 집에서 바로 112 신고를 했어요
우리 집은 제 나이로 100살이에요
위도 37.566535 경도 126.9779692래요
4111 1111 1111 1112는 없는 번호래요
바코드 8801234567893이 안 찍혀요
일련번호 9913451234567이에요
쿠폰 번호 1234567890123456이 안 돼요
시리얼 4539 1488 0343 6468 같은 거요
환율이 1,380.50원이에요
2019년부터 2023년까지 2번 입원했어요
1년 2개월 3일이 지났어요
하루에 3,000보에서 10,000보로 늘렸어요
체온이 36.5도에서 38.2도로 올랐어요
심박수가 120에서 80으로 내려갔어요
10-20-30 순서로 숨을 쉬었어요
4-7-8 호흡을 해 봤어요
5-4-3-2-1을 해 봤어요
오 사 삼 이 일 하고 세었어요
1-2-3-4-5-6-7-8을 셌어요
12-34로 졌어요
세트 스코어 25-23, 25-20, 25-18이에요
""".strip().splitlines()
SAID = ("{}", "음, {}", "그런데요 {}", "{} 그래서 속상해요")


def negatives() -> list[str]:
    made = [SAID[i % len(SAID)].format(line) for i, line in enumerate(HARMLESS)]
    made += [f"{line.name} {line.number}에 전화했어요" for line in HELP_LINES]
    for _ in range(15):
        made.append(f"{dice.randint(1950, 2026)}년 {dice.randint(1, 12)}월 {dice.randint(1, 28)}일이었어요")
        made.append(f"돈을 {dice.randint(1, 999)},{digits(3)},{digits(3)}원이나 썼어요")
        made.append(f"주문 번호는 {digits(13, '9')}이에요")
        made.append(f"{dice.randint(1, 23)}시 {dice.randint(0, 59)}분에 {dice.randint(2, 90)}분 동안 울었어요")
    return made


NEGATIVE = negatives()


def missed(label: str) -> list[str]:
    return [line for kind, line, _ in POSITIVE if kind == label and label not in mask(line)]


def test_there_are_five_hundred_own_lines_and_more():
    assert len(POSITIVE) + len(NEGATIVE) >= 500 and len(NEGATIVE) >= 200
    assert len({line for _, line, _ in POSITIVE} | set(NEGATIVE)) >= 500


def test_recall_is_99_percent_or_better_over_all_and_each_kind_is_found():
    lost = [line for label in KINDS for line in missed(label)]
    assert len(lost) <= 0.01 * len(POSITIVE), lost
    for label, count in Counter(label for label, _, _ in POSITIVE).items():
        assert len(missed(label)) <= 0.03 * count, missed(label)


def test_over_masking_is_2_percent_or_less():
    changed = [f"{line} → {mask(line)}" for line in NEGATIVE if mask(line) != line]
    assert len(changed) <= 0.02 * len(NEGATIVE), changed


def test_of_what_points_to_a_person_not_even_a_part_stays():
    left = [f"{line} → {mask(line)}" for _, line, _ in POSITIVE if any(char.isdecimal() for char in mask(line))]
    assert len(left) <= 0.01 * len(POSITIVE), left


def test_the_words_around_it_stay():
    """The bank's name is kept; a spoken number may take one sign of the particle that sounds like a digit with it."""
    import re

    harmed = []
    for _, line, expected in POSITIVE:
        if re.sub(BANK, "", mask(line)) != re.sub(BANK, "", expected):
            harmed.append(f"{line} → {mask(line)}")
    assert len(harmed) <= 0.01 * len(POSITIVE), harmed


def test_masking_twice_is_masking_once():
    for _, line, _ in POSITIVE:
        assert mask(mask(line)) == mask(line)


def test_the_help_lines_and_the_fixed_answers_stay_as_they_are():
    for answer in ANSWERS.values():
        for sentence in [answer] if isinstance(answer, str) else [str(part) for part in (answer,)]:
            assert mask(sentence) == sentence


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("공일공 일이삼사 오육칠팔이에요", "[전화번호]이에요"),
        ("엄마는 010-1234-5678, 저는 010-8765-4321이에요", "엄마는 [전화번호], 저는 [전화번호]이에요"),
        ("900101-1234568이고 메일은 a@b.kr", "[주민등록번호]이고 메일은 [이메일]"),
        ("９００１０１-１２３４５６８", "[주민등록번호]"),
        ("", ""),
    ],
)
def test_examples(text: str, clean: str):
    assert mask(text) == clean


def test_thirteen_digits_in_a_row_are_a_resident_only_with_the_check_digit_or_a_word():
    assert mask("9001011234568") == RESIDENT and mask("9001011234567") == "9001011234567"
    assert mask("주민번호 9001011234567") == f"주민번호 {RESIDENT}"


def test_a_text_of_the_longest_kind_is_masked_in_a_blink():
    import time

    for text in ("가" * 2000, "1" * 2000, "일" * 2000, "1-" * 1000, "가로 " * 700, "서울 강남구 " * 280, "a@" * 1000):
        began = time.perf_counter()
        mask(text)
        assert time.perf_counter() - began < 1.0, text[:10]


def test_spoken_digits_keep_every_place():
    text = "제 번호는 공하나공 다시 일이삼사 오육칠팔"
    assert len(privacy.as_digits(text)) == len(text)
