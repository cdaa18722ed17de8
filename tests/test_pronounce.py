"""Standard pronunciation as `pipeline.pronounce` means it: exact cases, and what holds for any text."""

from __future__ import annotations

import random

import pytest

from pipeline.pronounce import FINALS, INITIALS, MEDIALS, Syllable, pronounce

# written → spoken; ㅐ is told as ㅔ, ㅒ as ㅖ, ㅙ and ㅚ as ㅞ
SPOKEN = """
# nothing to do
안녕하세요 → 안녕하세요
나무 → 나무
강아지 → 강아지

# vowels (article 5, and the merged ones)
애기 → 에기
얘기 → 예기
걔 → 게
왜 → 웨
외국 → 웨국
최고 → 췌고
돼요 → 뒈요
되고 → 뒈고
의사 → 의사
주의 → 주의
희망 → 히망
무늬 → 무니
띄어 → 띠어
가져 → 가저
다쳐 → 다처
쪄요 → 쩌요
시계 → 시게
지혜 → 지헤
차례 → 차례
예의 → 예의

# finals at the end of a word (articles 8 to 11)
밖 → 박
부엌 → 부억
옷 → 옫
낮 → 낟
꽃 → 꼳
솥 → 솓
앞 → 압
넋 → 넉
값 → 갑
닭 → 닥
삶 → 삼
여덟 → 여덜
외곬 → 웨골
히읗 → 히읃

# before a consonant, which grows tense (articles 9 to 11, 23, 25)
닦다 → 닥따
있다 → 읻따
웃다 → 욷따
꽃도 → 꼳또
낮잠 → 낟짬
옆집 → 엽찝
국밥 → 국빱
학교 → 학꾜
책상 → 첵쌍
잡지 → 잡찌
숙제 → 숙쩨
앉고 → 안꼬
얹다 → 언따
넓다 → 널따
밟다 → 밥따
핥다 → 할따
없다 → 업따
맑다 → 막따
읽고 → 일꼬
읽지 → 익찌
읊고 → 읍꼬
넋두리 → 넉뚜리

# ㅎ (article 12)
좋고 → 조코
좋던 → 조턴
좋지 → 조치
많다 → 만타
않던 → 안턴
닳지 → 달치
좋소 → 조쏘
좋습니다 → 조씀니다
많소 → 만쏘
놓는 → 논는
쌓네 → 싼네
않네 → 안네
뚫네 → 뚤레
좋아 → 조아
쌓이다 → 싸이다
많아 → 마나
싫어 → 시러
입학 → 이팍
축하 → 추카
맏형 → 마텽
앉히다 → 안치다
꽂히다 → 꼬치다
넓히다 → 널피다
밝히다 → 발키다
못하다 → 모타다
이렇게 → 이러케
어떻게 → 어떠케

# before a vowel (articles 13, 14)
옷이 → 오시
꽃이 → 꼬치
밖에 → 바께
부엌에서 → 부어케서
있어요 → 이써요
넋이 → 넉씨
앉아 → 안자
닭을 → 달글
삶이 → 살미
넓어 → 널버
밟아 → 발바
핥아 → 할타
읊어 → 을퍼
값을 → 갑쓸
없어요 → 업써요
강아지와 → 강아지와
괜찮아요 → 궨차나요

# ㄷ, ㅌ before 이 (article 17)
굳이 → 구지
같이 → 가치
밭이 → 바치
해돋이 → 헤도지
붙여 → 부처
벼훑이 → 벼훌치
굳히다 → 구치다
닫히다 → 다치다
갇혔다 → 가첟따
묻히다 → 무치다

# nasals and ㄹ (articles 18 to 20)
국물 → 궁물
먹는 → 멍는
밥물 → 밤물
앞마당 → 암마당
꽃망울 → 꼰망울
있는 → 인는
붙는 → 분는
없는 → 엄는
읽는 → 잉는
앉는 → 안는
읊는 → 음는
밟는 → 밤는
흙만 → 흥만
감사합니다 → 감사함니다
했습니다 → 헫씀니다
담력 → 담녁
강릉 → 강능
협력 → 혐녁
독립 → 동닙
십리 → 심니
법률 → 범뉼
대통령 → 데통녕
신라 → 실라
연락 → 열락
칼날 → 칼랄
설날 → 설랄
물난리 → 물랄리
훑는 → 훌른
뚫는 → 뚤른

# across a space only after -(으)ㄹ (article 27)
할 수 있어요 → 할 쑤 이써요
갈 데가 → 갈 떼가
할 거예요 → 할 꺼예요
만날 줄은 몰랐어요 → 만날 쭈른 몰라써요
빠를 거야 → 빠를 꺼야
먹을 것 같아요 → 머글 껃 가타요
그럴 수밖에 → 그럴 쑤바께
꽃 한 송이 → 꼳 한 송이
물 고기 → 물 고기
"""
CASES = [tuple(line.split(" → ")) for line in SPOKEN.strip().splitlines() if line and not line.startswith("#")]
ANY_SYLLABLE = [chr(code) for code in range(ord("가"), ord("힣") + 1)]


@pytest.mark.parametrize(("written", "spoken"), CASES)
def test_standard_pronunciation(written: str, spoken: str) -> None:
    assert pronounce(written) == spoken


@pytest.mark.parametrize(
    "text", ["서울 지하철", "나를 지켜 주세요", "오늘 수업", "오늘 거기", "서울 수도권", "오늘 데리고", "도움을 줄 때"]
)
def test_a_word_that_only_begins_like_a_bound_noun_is_not_tense(text: str) -> None:
    before, after = text.split(" ", 1)
    assert pronounce(text) == f"{pronounce(before)} {pronounce(after)}"


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= 80 and len(set(CASES)) == len(CASES)


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "Hello, 3.14!", "ㅋㅋㅋ ㅠㅠ ㄱ", "ᄒ\u1161ᆫ", "\ud800", "😀\u200d\x00"]
)
def test_what_is_not_a_syllable_passes_unchanged(text: str) -> None:
    assert pronounce(text) == text


def test_marks_between_words_stay_in_their_places() -> None:
    assert pronounce("있다, 없다! (같이) a값b") == "읻따, 업따! (가치) a갑b"


def test_every_meeting_of_two_syllables_gives_two_syllables_with_plain_finals() -> None:
    """All finals × all initials × all medials: one syllable for one, and only the seven finals that can be spoken."""
    plain = set("ㄱㄴㄷㄹㅁㅂㅇ") | {""}
    merged = set("ㅐㅒㅙㅚ")
    for final in FINALS:
        first = str(Syllable("ㄱ", "ㅏ", final))
        for initial in INITIALS:
            for medial in MEDIALS:
                spoken = pronounce(first + str(Syllable(initial, medial, "")))
                assert len(spoken) == 2
                parts = [Syllable.of(char) for char in spoken]
                assert {part.final for part in parts} <= plain, spoken
                assert not {part.medial for part in parts} & merged, spoken


def test_any_text_keeps_its_length_and_all_that_is_not_hangul() -> None:
    rng = random.Random(0)
    others = [" ", ".", "?", "a", "7", "ㅎ", "ᆫ", "\n", "漢", "\udc80", "🙂"]
    for _ in range(2_000):
        text = "".join(rng.choice(ANY_SYLLABLE if rng.random() < 0.8 else others) for _ in range(rng.randrange(12)))
        spoken = pronounce(text)
        assert len(spoken) == len(text)
        assert all(a == b for a, b in zip(text, spoken, strict=True) if not "가" <= a <= "힣")
        assert all("가" <= b <= "힣" for a, b in zip(text, spoken, strict=True) if "가" <= a <= "힣")


def test_a_word_is_spoken_alike_wherever_it_stands() -> None:
    """Apart from the rule after -(으)ㄹ, words do not touch each other."""
    words = ["같이", "밥을", "먹는", "꽃", "한", "송이", "없어요"]
    assert pronounce(" ".join(words)) == " ".join(map(pronounce, words))


def test_syllables_come_apart_and_together() -> None:
    assert all(str(Syllable.of(char)) == char for char in ANY_SYLLABLE)
