"""Korean text: what is said for what is written, one clean form, sentences, jamo and the counting of errors."""

from __future__ import annotations

import random
import re
import time
import unicodedata

import pytest

from pipeline.korean import (
    cer_counts,
    clauses,
    halves,
    join_jamo,
    letters,
    normalise,
    read_aloud,
    sentences,
    split_jamo,
)
from pipeline.numbers import amount, counted, native, numbers_aloud, sino, spell

# written → said
SPOKEN = """
# whole numbers
0 → 영
7 → 칠
10 → 십
11 → 십일
20 → 이십
100 → 백
101 → 백일
110 → 백십
111 → 백십일
1000 → 천
1,234 → 천이백삼십사
5,060 → 오천육십
10000 → 만
10,001 → 만 일
11,111 → 만 천백십일
12345 → 만 이천삼백사십오
100,000 → 십만
1,000,000 → 백만
12,345,678 → 천이백삼십사만 오천육백칠십팔
100,000,000 → 일억
100010000 → 일억 일만
1,000,000,000,000 → 일조
10,000,000,000,000,000 → 일경
12345678901234567 → 일경 이천삼백사십오조 육천칠백팔십구억 백이십삼만 사천오백육십칠
007 → 공공칠
123456789012345678901 → 일이삼사오육칠팔구공일이삼사오육칠팔구공일
1,2,3 → 일, 이, 삼
숫자는 42예요. → 숫자는 사십이예요.

# decimals, signs, percentages
3.14 → 삼 점 일사
0.5 → 영 점 오
1.05 → 일 점 영오
1,234.5 → 천이백삼십사 점 오
1.2.3 → 일 점 이 점 삼
-5 → 마이너스 오
-3.5 → 마이너스 삼 점 오
+10 → 플러스 십
50% → 오십 퍼센트
100%는 아니에요 → 백 퍼센트는 아니에요
99.9%가 → 구십구 점 구 퍼센트가
0.01% → 영 점 영일 퍼센트
50 %를 → 오십 퍼센트를
3%p → 삼 퍼센트포인트

# native counters
3번 → 세 번
1번 → 한 번
20살 → 스무 살
21살 → 스물한 살
35살이고 → 서른다섯 살이고
99살 → 아흔아홉 살
100살 → 백 살
3살배기 → 세 살배기
2명 → 두 명
2 명 → 두 명
20명이 → 스무 명이
49개 → 마흔아홉 개
50명 → 오십 명
120명 → 백이십 명
0명 → 영 명
1개 → 한 개
한 개 → 한 개
11개 → 열한 개
5마리 → 다섯 마리
4잔 → 네 잔
7권을 → 일곱 권을
6시간 → 여섯 시간
24시간 → 이십사 시간
1달 전 → 한 달 전
2가지만 → 두 가지만
3끼를 → 세 끼를
30알 → 서른 알
2배로 → 두 배로
1.5배 → 일 점 오 배
8사람 → 여덟 사람
1조각 → 한 조각
약3명 → 약 세 명
총5개예요 → 총 다섯 개예요
1번째 → 첫 번째
2번째 → 두 번째
3번째 → 세 번째
20번째 → 스무 번째

# Sino-Korean counters, ranks and names
1등 → 일등
3학년 → 삼학년
2층 → 이층
10분 → 십 분
5년 → 오 년
1초 → 일 초
3개월 → 삼 개월
2주 뒤 → 이 주 뒤
1주일에 → 일주일에
72세 → 칠십이 세
90점 → 구십 점
3인분 → 삼 인분
4인 가족 → 사인 가족
3개국 → 삼 개국
10여 명 → 십여 명
2차 → 이차
제3자 → 제삼자
제2회 → 제이 회
제3번 → 제삼 번
101호 → 백일호
112동 → 백십이동
129번지 → 백이십구번지
2호선 3번 출구 → 이호선 삼 번 출구
1번을 누르세요 → 일 번을 누르세요
11번가 → 십일번가
20대 → 이십대
3대 → 세 대
90년대 → 구십년대
1박 2일 → 일박 이일
고3이라 → 고삼이라
3명령 → 삼명령
코로나19 → 코로나 십구

# dates
6월 → 유월
10월 → 시월
11월 → 십일월
06월 05일 → 유월 오일
3일 → 삼일
2024년 → 이천이십사년
2024년 1월 1일 → 이천이십사년 일월 일일
24년 10월 3일 → 이십사년 시월 삼일
2024-01-01 → 이천이십사년 일월 일일
2024/3/9 → 이천이십사년 삼월 구일
2024.6.10 → 이천이십사년 유월 십일
2024. 10. 3. 시행 → 이천이십사년 시월 삼일 시행
2024-06 → 이천이십사년 유월
12/25 → 십이월 이십오일
3·1절 → 삼일절
5·18 민주화운동 → 오일팔 민주화운동
6.25 전쟁 → 육이오 전쟁

# hours
3시 30분 → 세 시 삼십 분
3시30분에 → 세 시 삼십 분에
12시 → 열두 시
15시 → 십오 시
0시 → 영 시
오전 08시 → 오전 여덟 시
14:30 → 십사 시 삼십 분
9:05 → 아홉 시 오 분
09:00 → 아홉 시
00:30 → 영 시 삼십 분
오후 3:30 → 오후 세 시 삼십 분
11:59:59 → 열한 시 오십구 분 오십구 초
PM 3:00에 → 오후 세 시에
AM 9시 → 오전 아홉 시
3pm → 오후 세 시
3:30 p.m. 약속 → 오후 세 시 삼십 분 약속
3 PMs → 삼 피엠에스

# money
₩5,000 → 오천 원
5천원 → 오천 원
1천 원 → 천 원
3만 원 → 삼만 원
10,000원 → 만 원
1만원 → 만 원
3만5천원 → 삼만 오천 원
1억 2천만 원 → 일억 이천만 원
1000만원 → 천만 원
500원짜리 3개 → 오백 원짜리 세 개
$20 → 이십 달러
$1.5 → 일 점 오 달러
€1,200 → 천이백 유로
¥500 → 오백 엔
£30 → 삼십 파운드

# telephones: these must be heard right
109 → 일공구
119 → 일일구
112 → 일일이
1388 → 일삼팔팔
1366 → 일삼육육
1577-0199 → 일오칠칠 공일구구
1577 0199 → 일오칠칠 공일구구
1588-9191 → 일오팔팔 구일구일
010-1234-5678 → 공일공 일이삼사 오육칠팔
010 1234 5678 → 공일공 일이삼사 오육칠팔
01012345678 → 공일공 일이삼사 오육칠팔
02-123-4567 → 공이 일이삼 사오육칠
031)123-4567 → 공삼일 일이삼 사오육칠
123-4567 → 일이삼 사오육칠
110-123-456789 → 일일공 일이삼 사오육칠팔구
109로 전화하세요. → 일공구로 전화하세요.
109번 → 일공구번
109만 기억하세요 → 일공구만 기억하세요
109만 원 → 백구만 원
1345에 전화하세요 → 일삼사오에 전화하세요
1393번으로 연락 → 일삼구삼번으로 연락
1393에 달해요 → 천삼백구십삼에 달해요
109명 → 백구 명
109kg → 백구 킬로그램
119와 112 → 일일구와 일일이
109/112 → 일공구, 일일이
109·119 → 일공구, 일일구
상담전화 109(24시간), 1577-0199 → 상담전화 일공구 이십사 시간, 일오칠칠 공일구구

# ranges, rows and ratios
3~5일 → 삼에서 오일
3-5일 → 삼에서 오일
2~3일 → 이삼일
5~6개월 → 오륙 개월
2~3명 → 두세 명
1-2번 → 한두 번
2,3번 → 두세 번
2,5번 → 이, 다섯 번
3,4일 → 삼사일
3~4시간 → 서너 시간
3~5명 → 세 명에서 다섯 명
20~30대 → 이삼십대
20~40대 → 이십에서 사십대
20~30명 → 이삼십 명
10~20살 → 열 살에서 스무 살
2~3만 원 → 이삼만 원
10~20% → 십에서 이십 퍼센트
5kg~10kg → 오 킬로그램에서 십 킬로그램
1.5~2배 → 일 점 오에서 두 배
9시~10시 → 아홉 시에서 열 시
9:00~18:00 → 아홉 시에서 십팔 시
9:00 - 18:00 → 아홉 시에서 십팔 시
3~5월 → 삼월에서 오월
6월~8월 → 유월에서 팔월
2020-2024년 → 이천이십에서 이천이십사년
1000-2000원 → 천에서 이천 원
월~금 → 월에서 금
4-7-8 호흡법 → 사 칠 팔 호흡법
5-4-3-2-1 → 오 사 삼 이 일
1:1 상담 → 일 대 일 상담
2대1 → 이 대 일
3:2 → 삼 대 이

# fractions and number signs
1/2 → 이분의 일
3/4 → 사분의 삼
1/100 → 백분의 일
3분의 1 → 삼분의 일
½ → 이분의 일
120/80 → 백이십 팔십
② → 이
Ⅲ단계 → 삼 단계
1️⃣ 물 마시기 → 일 물 마시기
３명 → 세 명

# units
5kg → 오 킬로그램
5KG을 → 오 킬로그램을
170cm → 백칠십 센티미터
100m 달리기 → 백 미터 달리기
10km → 십 킬로미터
2.5km를 → 이 점 오 킬로미터를
60km/h → 시속 육십 킬로미터
36.5℃ → 삼십육 점 오 도
36.5°C → 삼십육 점 오 도
-5℃예요 → 영하 오 도예요
영하 5도 → 영하 오 도
-3.2℃ → 영하 삼 점 이 도
500ml → 오백 밀리리터
20㎎ → 이십 밀리그램
2L → 이 리터
10㎡ → 십 제곱미터
80dB → 팔십 데시벨
16GB → 십육 기가바이트
10min → 십엠아이엔

# Latin letters
AI → 에이아이
SNS를 → 에스엔에스를
PTSD → 피티에스디
ADHD 진단 → 에이디에이치디 진단
MBTI는 INFP → 엠비티아이는 아이엔에프피
OK → 오케이
ok! → 오케이!
stress → 스트레스
zqx → 제트큐엑스
I'm OK → 아이엠 오케이
café → 카페
U.S.A. → 유에스에이
naver.com → 네이버 점 컴
a@b.com → 에이 골뱅이 비 점 컴
https://example.org/a?b=1 참고 → 링크 참고
Wi-Fi → 와이파이
Q&A → 큐앤에이
3D 영화 → 쓰리디 영화
5G → 파이브지

# symbols
A & B → 에이 앤드 비
C++ → 씨 플러스 플러스
ChatGPT와 → 챗지피티와
test@gmail.com → 테스트 골뱅이 지메일 점 컴
1+1=2 → 일 더하기 일은 이
5-3=2 → 오 빼기 삼은 이
2×3=6 → 이 곱하기 삼은 육
8÷2=4 → 팔 나누기 이는 사
a=b → 에이는 비
가·나·다 → 가, 나, 다
주의: 조심하세요 → 주의, 조심하세요
지우(상담봇)는 "힘들다"고 → 지우 상담봇는 힘들다고
**중요**해요 → 중요해요
- 첫째 → 첫째
#힐링 → 힐링

# marks, emoticons and what is not said
정말요?! → 정말요?
와!!!! → 와!
글쎄요… → 글쎄요.
음... 네 → 음. 네
좋아요~ → 좋아요
안녕~ 3시에 봐 → 안녕 세 시에 봐
안녕 , 지우야 ! → 안녕, 지우야!
안녕。 → 안녕.
좋아요ㅋㅋㅋ 😀 → 좋아요
ㅠㅠ 힘들어요 → 힘들어요
ㅎㅏㄴㄱㅡㄹ → 한글
가ㅏ → 가
안녕:D → 안녕
T_T 슬퍼요 → 슬퍼요
사랑해 <3 → 사랑해
漢字와 かな → 와
... →
😀👍🏽 →

# whole sentences
긴급할 때는 112나 119로 바로 전화해 주세요. → 긴급할 때는 일일이나 일일구로 바로 전화해 주세요.
하루에 10분씩, 1주일에 5번만 걸어 볼까요? → 하루에 십 분씩, 일주일에 다섯 번만 걸어 볼까요?
2024년 3월 5일(화) 오후 2:30에 만나요. → 이천이십사년 삼월 오일 화 오후 두 시 삼십 분에 만나요.
상담은 월~금 09:00~18:00, 1회 50분입니다. → 상담은 월에서 금 아홉 시에서 십팔 시, 일 회 오십 분입니다.
4초 들이쉬고 7초 멈추고 8초 내쉬어요! → 사 초 들이쉬고 칠 초 멈추고 팔 초 내쉬어요!
"""
CASES = [
    tuple(part.strip() for part in line.split("→"))
    for line in SPOKEN.splitlines()
    if line and not line.startswith("# ")
]
ALPHABET_OUT = re.compile("(?:[가-힣]+[.,!?]?(?: |$))*")


@pytest.mark.parametrize(("written", "said"), CASES, ids=[written for written, _ in CASES])
def test_read_aloud(written: str, said: str) -> None:
    assert read_aloud(written) == said


def test_the_table_is_large_and_has_no_double() -> None:
    assert len(CASES) >= 200
    assert len({written for written, _ in CASES}) == len(CASES)


@pytest.mark.parametrize("said", sorted({said for _, said in CASES}))
def test_what_is_already_spoken_form_is_left_alone(said: str) -> None:
    assert read_aloud(said) == said


def _noise(seed: int, count: int) -> list[str]:
    """Strings of any Unicode (lone surrogates too), and of the signs that the rules look at."""
    dice = random.Random(seed)
    signs = (
        "0123456789.,:/~-+%°$₩= 시분초월일년번명개살대만억천제여이가kgmCAaXx()<ㅋㅎㅏㅠㄱ각½②Ⅲ²…!?\n\t\"'각\u200b\ufe0f"
    )
    anything = ["".join(chr(dice.randrange(0x110000)) for _ in range(dice.randrange(60))) for _ in range(count)]
    return anything + ["".join(dice.choices(signs, k=dice.randrange(25))) for _ in range(4 * count)]


def test_whatever_is_written_can_be_said() -> None:
    for text in _noise(seed=1, count=500):
        said = read_aloud(text)
        assert ALPHABET_OUT.fullmatch(said), (text, said)
        assert said == said.strip()
        assert read_aloud(said) == said, text
        assert read_aloud(normalise(text)) == said, text


def test_every_single_character_can_be_said() -> None:
    for code in [*range(0x3400), *range(0xA000, 0x11000), *range(0x1F000, 0x1FB00)]:
        assert ALPHABET_OUT.fullmatch(read_aloud(f"3{chr(code)}5 {chr(code)}가")), hex(code)


@pytest.mark.parametrize(
    "unit", ["1", "109", "1만", "1-", "1.", "1,234", "3~", "1:", "½", "a.", "ㄱㅏ", "ㅋ", " .", "가=", "("]
)
def test_long_rows_do_not_make_it_slow(unit: str) -> None:
    text = (unit * 2000)[:2000]
    started = time.process_time()
    for work in (read_aloud, normalise, sentences, join_jamo):
        work(text)
    assert time.process_time() - started < 2.0  # about 0.03 s on an idle core; a rule gone quadratic takes many


# --- numbers by themselves


def test_sino_reads_every_power_of_ten() -> None:
    powers = "일 십 백 천 만 십만 백만 천만 일억 십억 백억 천억 일조 십조 백조 천조 일경"
    assert [sino(str(10**n)) for n in range(17)] == powers.split()


def test_native_and_spelt() -> None:
    assert [native(n) for n in (1, 4, 10, 20, 22, 99)] == ["한", "네", "열", "스무", "스물두", "아흔아홉"]
    assert spell("0109") == "공일공구"


def test_amount_and_counted() -> None:
    assert amount("2억5천만") == "이억 오천만"
    assert (counted("3", "번"), counted("3", "년"), counted("1,000", "번")) == ("세 번", "삼 년", "천 번")


def test_numbers_aloud_leaves_the_rest_to_others() -> None:
    assert numbers_aloud("AI 3개 ㅋㅋ (A&B)") == "AI 세 개 ㅋㅋ (A&B)"


# --- one clean form


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("", ""),
        ("  안녕\t\n 하세요\u3000 ", "안녕 하세요"),
        (unicodedata.normalize("NFD", "안녕 값"), "안녕 값"),
        ("ㅇㅏㄴㄴㅕㅇ", "안녕"),
        ("ㄱㅏㅂㅅ없어", "값없어"),
        ("사랑ㅎㅐ", "사랑해"),
        ("ㅋㅋㅋ ㅠㅠ ㅇㅋ ㄱㅅ", "ㅋㅋㅋ ㅠㅠ ㅇㅋ ㄱㅅ"),
        ("ㅎㅏㅋㅋ", "ㅎㅏㅋㅋ"),
        ("ㅎㅠㅠ", "ㅎㅠㅠ"),
        ("\u110f\u110f", "ㅋㅋ"),
        ("ﾡﾢ", "ㄱㄲ"),
        ("ＡＢＣ　１２３！", "ABC 123!"),
        ("㎏ ℃ ㎡", "kg °C m²"),
        ("3½컵 m² ② Ⅲ", "3½컵 m² ② Ⅲ"),
        ("가\u200b나\ufeff다\u00ad라\x00마\x07", "가나다라마"),
        ("\ud800가", "가"),
        ("와!!!! 뭐??", "와! 뭐?"),
        ("음…… 글쎄...", "음. 글쎄."),
        ("진짜?!?!", "진짜?!"),
        ("뭐...?", "뭐?"),
        ("네~~~", "네~"),
        ("“안녕” ‘지우’ 3–5 가ㆍ나", "\"안녕\" '지우' 3-5 가·나"),
        ("안녕。", "안녕."),
        ("😀 좋아요", "😀 좋아요"),
    ],
)
def test_normalise(text: str, clean: str) -> None:
    assert normalise(text) == clean


def test_normalise_is_idempotent() -> None:
    for text in [*_noise(seed=2, count=1000), *(written for written, _ in CASES)]:
        assert normalise(normalise(text)) == normalise(text)


# --- sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("안녕하세요", ["안녕하세요"]),
        ("안녕하세요. 지우예요! 어때요?", ["안녕하세요.", "지우예요!", "어때요?"]),
        ("그래요.정말요?네", ["그래요.", "정말요?", "네"]),
        ("첫 줄\n둘째 줄\r\n\n셋째", ["첫 줄", "둘째 줄", "셋째"]),
        ("정말?! 음... 네", ["정말?!", "음...", "네"]),
        ('"힘들어요." 라고 했어요.', ['"힘들어요."', "라고 했어요."]),
        ("체온은 36.5도예요. naver.com도 봐요.", ["체온은 36.5도예요.", "naver.com도 봐요."]),
        ("2024. 1. 5. 금요일", ["2024. 1. 5.", "금요일"]),
        ("...", ["..."]),
        (". 네", [".", "네"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_no_sentence_loses_anything() -> None:
    for text in [*_noise(seed=3, count=500), "네, " * 300, "아이고 " * 200 + "12,345 " * 50]:
        found = sentences(text)
        assert "".join("".join(found).split()) == "".join(text.split())
        assert all(sentence == sentence.strip() != "" for sentence in found)


@pytest.mark.parametrize(
    ("sentence", "cut"),
    [
        ("괜찮아요, 천천히 이야기해요.", ("괜찮아요,", "천천히 이야기해요.")),
        ("비가 오는데 우산이 없어서 그냥 뛰었어요.", ("비가 오는데 우산이 없어서", "그냥 뛰었어요.")),
        ("많이 힘들었지만 잘 견뎌 냈어요.", ("많이 힘들었지만", "잘 견뎌 냈어요.")),
        ("우리 집에서 공원까지 걸었어요.", ("우리 집에서", "공원까지 걸었어요.")),
        ("네, 오늘은 그 사람 이야기를 조금 더 해요.", ("네, 오늘은 그 사람", "이야기를 조금 더 해요.")),
        ("가나다라마바", ("가나다", "라마바")),
        ("하나 둘", ("하나", "둘")),
    ],
)
def test_halves_are_cut_where_a_speaker_would_breathe(sentence: str, cut: tuple[str, str]) -> None:
    assert halves(sentence) == cut


def test_clauses_are_short_and_nothing_is_lost() -> None:
    texts = [
        "가" * 130,
        "가나다라 " * 30,
        "네, " * 300,
        "가" * 1990 + " 나 다",
        "12,345 " * 200,
        *_noise(seed=3, count=200),
    ]
    for said in map(read_aloud, texts):
        for longest in (2, 9, 60):
            found = clauses(said, longest)
            assert "".join("".join(found).split()) == "".join(said.split())
            assert all(sum(map(str.isalnum, clause)) <= longest for clause in found)
            assert all(clause == clause.strip() != "" for clause in found) or not said
    assert clauses("가" * 60 + "!") == ["가" * 60 + "!"]


# --- jamo


def test_split_jamo_gives_positional_jamo() -> None:
    assert split_jamo("값이 A1") == ["ᄀ", "ᅡ", "ᆹ", "ᄋ", "ᅵ", " ", "A", "1"]


def test_every_syllable_survives_split_and_join() -> None:
    syllables = "".join(map(chr, range(ord("가"), ord("힣") + 1)))
    assert join_jamo(split_jamo(syllables)) == syllables


def test_text_survives_split_and_join() -> None:
    dice = random.Random(4)
    for _ in range(300):
        text = "".join(
            chr(dice.randrange(0xAC00, 0xD7A4)) if dice.random() < 0.8 else dice.choice(" .,!?7a") for _ in range(30)
        )
        assert join_jamo(split_jamo(text)) == text


@pytest.mark.parametrize(
    ("symbols", "text"),
    [
        ([], ""),
        (["ᅡ", "ᆫ"], "안"),
        (["ᄀ", "ᅩ", "ᅡ"], "고아"),
        (["ᄀ"], ""),
        (["ᄀ", " ", "ᄂ", "ᅡ"], " 나"),
        (["ᄀ", "ᄂ", "ᅡ"], "나"),
        (["ᆫ", "ᄀ", "ᅡ"], "가"),
        (["ᄀ", "ᅡ", "ᆫ", "ᆼ"], "간"),
        (["ᄀ", "ᅡ", "ᆫ", "ᅡ"], "간아"),
        (["ㅇ", "ㅏ", "ㄴ", "ㄴ", "ㅕ", "ㅇ"], "안녕"),
        (["ㄱ", "ㅏ", "ㄴ", "ㅏ"], "가나"),
        (["ㄱ", "ㅏ", "ㅂ", "ㅅ", "ㄷ", "ㅗ"], "값도"),
        (["ㄱ", "ㅏ", "ㅄ", "ㅣ"], "값이"),
        (["ㄷ", "ㅏ", "ㄸ", "ㅏ"], "다따"),
        (["ㄱ", "ㅏ", "ㄸ"], "가"),
        (["ㅏ"], "아"),
        (["ㄱ", "ᅡ", "ᆨ"], "각"),
        (["가", "ᆨ"], "각"),
        (["ᄀ", "ᅡ", "|", "ᄂ", "ᅡ"], "가|나"),
        (["ᄀ", "ᆞ"], ""),
    ],
)
def test_join_jamo_mends_what_a_recogniser_breaks(symbols: list[str], text: str) -> None:
    assert join_jamo(symbols) == text


def test_join_jamo_takes_any_row_of_symbols() -> None:
    dice = random.Random(5)
    symbols = [*map(chr, range(0x1100, 0x1200)), *map(chr, range(0x3131, 0x3164)), " ", "가", "각", "x"]
    for _ in range(2000):
        text = join_jamo(dice.choices(symbols, k=dice.randrange(20)))
        assert re.fullmatch("[가-힣 x]*", text)


# --- errors of a transcript


def test_letters_keeps_what_is_compared() -> None:
    assert letters(" 안녕, AI 3번! ㅋㅋ Ａ。😀") == "안녕ai3번a"


@pytest.mark.parametrize(
    ("reference", "hypothesis", "counts"),
    [
        ("", "", (0, 0, 0, 0)),
        ("안녕하세요", "안녕 하세요!", (0, 0, 0, 5)),
        ("안녕하세요", "", (0, 5, 0, 5)),
        ("", "안녕", (0, 0, 2, 0)),
        ("안녕하세요", "안뇽하세요", (1, 0, 0, 5)),
        ("안녕하세요", "안하세요", (0, 1, 0, 5)),
        ("안녕하세요", "안녕하시세요", (0, 0, 1, 5)),
        ("오늘 목요일", "오늘은 모교일", (2, 0, 1, 5)),
        ("가나다라", "나다라마", (0, 1, 1, 4)),
    ],
)
def test_cer_counts(reference: str, hypothesis: str, counts: tuple[int, int, int, int]) -> None:
    assert cer_counts(reference, hypothesis) == counts


def test_cer_counts_hold_together_and_mirror() -> None:
    dice = random.Random(6)
    for _ in range(300):
        one, other = ("".join(dice.choices("가나다a", k=dice.randrange(9))) for _ in range(2))
        subs, dels, ins, length = cer_counts(one, other)
        mirrored = cer_counts(other, one)
        assert (length, length - dels + ins) == (len(one), len(other))
        assert abs(len(one) - len(other)) <= subs + dels + ins == sum(mirrored[:3]) <= max(len(one), len(other))
