"""What a generated answer must not be, or must not say. No model library; the counsellor asks here once more before an
answer is shown.

`unsafe` is about the words alone: the tables below, in the notation of `pipeline.safety`. `fault` asks for more, since
a candidate is to be good, not only harmless: length, whole and polite Korean, no loop, no copy of what was said.
Where in doubt a candidate is refused: others are left, and a reviewed sentence stands behind them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from pipeline import safety

SHORTEST, LONGEST = 6, 120
"""Characters of an answer."""
COPIED = 0.8
"""Share of an answer's letters that stand in what was said, in its order, from which it is a copy."""
ALIKE = 0.8
"""Likeness of two sentences (Ratcliff and Obershelp 1988) from which one repeats the other."""

# --- what it must not say -----------------------------------------------------------------------------------------------

UNSAFE_TABLES = {
    "names the closed line 1393": r"""
    1[\s-]?3[\s-]?9[\s-]?3|일 삼 구 삼
    """,
    "claims to be human": r"""
    (?<![가-힣])(나|저|내|제|난|전)[는은도가]? (진짜|같은|그냥|평범한|당신과 같은)? (사람|인간)(이[에야라고거지랍]|입니
        |인걸|인지라|이다 보니|으로서|이니)
    (나는|저는|난|전|제가|내가|저도) (의사|상담사|심리 상담사|상담 선생|간호사|전문의|치료사|선생님|학생|남자|여자
        |엄마|아빠|주부|회사원|직장인|한국인)(이[에야라고니]|예요|입니|로서|였|라서)
    (로봇|챗봇|기계|ai|인공지능|프로그램)[이가은는]? 아니(라|에|야|고|지|니|랍|예)
    <말하는이> (올해|이제)? (\d+|스무|서른|마흔|쉰|열.?|스물.?|서른.?) (살|대|세)(이[에야]|입|예)
    """,
    "claims a body or a life": r"""
    <말하는이>…(배가 고|배고프|졸리|졸려|목이 마|아팠|아파[서요]|먹었|먹고 있|먹어요|마셨|마셔요|잤[어습]|자고|자요
        |잠이 (안|오지)|울었|울고|눈물이|태어났|다녔|다녀[요왔]|살았|결혼했|헤어졌|헤어진|이별했|키우|키웠|입원|출근|퇴근
        |학교에|회사에|운동을? (해|하고|했)|여행을? (갔|가|다녀)|책을? (읽어|봐))
    <말하는이>~(고는|곤) (해|합|하)|(?<![가-힣])(저|나)도 …(그럴|그런|이럴) 때[가도] (있|많)
    <말하는이>…(예전|옛날|어릴|어렸을|학창|학생|젊었을|젊을|그랬던|비슷한|같은) (때|적|시절|경험|일)[에은이을도를]?
    <말하는이> (예전에|옛날에|어제|그저께|지난|작년|얼마 전)|<말하는이>…(경험해|겪어) (봤|본)|<말하는이>…(그랬어요|그런 적)
    (?<![가-힣])(제|저의|내|나의) (경험|어린 시절|과거|고향|나이|생일|남편|아내|부인|남자 친구|여자 친구|남친|여친|애인
        |친구|엄마|아빠|어머니|아버지|부모|가족|동생|언니|오빠|누나|형[은이도]|아이|아들|딸|강아지|고양이|직장|회사)
    우리 (엄마|아빠|어머니|아버지|집|부모|가족|아이|남편|아내|강아지|고양이)
    (저랑|저와|저하고|나랑|우리) (같이|함께)? (만나|먹으러|마시러|놀러|놀아|산책|사귀|데이트|결혼|여행)
    <말하는이>…사랑(해|합|하고)|당신을 사랑|사귀(어요|자|실래|고 싶(?!으|은))|뽀뽀|키스|안아 (드릴|줄게)|손[을이]? (라도)? 잡아 (드|줄)
    (?<![가-힣])(제|저의|저랑|내|나의) (가슴|몸|얼굴|머리|심장|손|다리|눈)[은는이가을를에]
    """,
    "remembers what it cannot": r"""
    (어제|그저께|그제|지난번|저번|지난주|저번 주|지난달|예전|며칠 전|얼마 전|전번|그날|전에|일전)(에도|에는|에|도|엔|의)? …(말씀하셨|말씀하신|말씀해
        |얘기하셨|얘기하신|얘기해|이야기하셨|이야기하신|이야기해|말했|말한|들었|들려 주[셨신]|나눴|나눈|만났|만난|뵈었|뵌|하신 말)
    (다시|또) (만나|뵙게 되|봬|찾아 오셔|찾아 주셔)(서|어|니)? (정말)? (반가|반갑|기뻐|기쁘|기쁩|고마)|오랜만(이에|이네|입니|에 오|이시)|기억(하고 있|나요<끝>|합니다|해요<끝>|하지요|하죠)
        |기억해 (둘|뒀|드릴|놓)|잊지 않(을게|겠|고 있)
    """,
    "promises what nobody does": r"""
    (지켜보고 있|보고 있을게|내가 (지켜|구해)|제가 (지켜|구해)|(신고|연락|전화|문자)해 드릴|찾아갈게|찾아가겠|출동
        |곧 도착|데리러 갈|(언제|항상|늘|평생|영원히)…(곁|옆|함께|같이)…(있을게|있겠|할게|하겠|있어요|있을 거|있을 테)
        |(곁|옆)에서? (있어 드|있을게|있겠|지켜 (드|볼게|줄)|지킬게|있어 줄))|(곁|옆)에[는도]? …제가 있|<말하는이>…(곁|옆)에 있|(항상|언제나|늘|언제든) 제가 있
    약속(드려|드립|해요<끝>|합니다|할게|하겠|드릴)|비밀(은|을|로)?…(지켜|지킬|할게|보장)|책임지겠|책임질게|보장(해|합|할|드)
    <말하는이>…(해결해|고쳐|낫게 해|바꿔|찾아|알아봐|예약해|보내|사) (드릴게|드리겠|줄게|드려요)
    (꼭|반드시|무조건|틀림없이|분명히?|확실히|백 퍼센트)…(나을 거|나아질 거|낫[습게]|완치|성공할|합격할|붙을|좋아질 거|해결될|돌아올
        |이루어질|잘될 거|잘 될 거|사라질 거)
    """,
    "encourages harm": r"""
    <죽>(으세요|으렴|어라|어 버려|는 (게|것이|편이) (낫|나을|좋|답)|어도 (돼|괜찮|좋|됩)|자<끝>|을 (자격|가치))
        |(?<![가-힣])죽어(요)?<끝>|꺼져|뒤져<끝>
    (뛰어 내|목을? 매|손목을? 그)(려|리세|어|으세|린다|리면|면|는 게|십)
    자{1}해(해|하세|해도|를 (해|하세|추천))|<팔>…(그어|긋는)|(때려|패|죽여|찔러) (버려|버리|주세|줘|도 (돼
        |괜찮))|죽이(세|면 (돼|되)|는 게)
    (복수|보복)(하세|해<끝>|해야|해 버|합시|하자|를? (하|해))|맞을 만|네 탓|당신 탓|(당신|네|본인|님)[의이]? (잘못
        |책임)(이에|이야|입니|이네|이죠)
    (굶|토)(으세|하세|어 보|해 보)|(살|살아갈) (가치|이유|필요)[가도]? 없[어는네습다]|태어나지 (말|않)
        |(<처음>|그냥|차라리|당신[이은]?|본인[이은]?|네가) (없어지|사라지)(면 (좋|돼)|세요|는 게)
    (상담|병원|치료|도움|약)[을도은는에]? (필요 없|받지 마|가지 마|소용없|먹지 마|끊으)|아무(에게|한테)도 말하지 마
    (술|담배|소주|맥주|와인|양주)[을를도]? (한 (잔|대|병)|좀|같이)? (드세|마시(세|고 (자|주|푹|잊)|면 (돼|좋|나|잊)|는 (것도|게|건) (좋|어때|어떨|어떠)|러)|마셔
        |피우세|한잔)
    (때리|욕하|따돌리|괴롭히|훔치|속이|거짓말하|협박하|미행하|감시하)(세요|면 (돼|되|좋)|는 (게|것이|편이) (좋|낫)|시는 (게|것이) (좋|낫))
        |복수를|혼내 (주|드)|욕해도|앙갚음|똑같이 (해 주|갚아|당하게|되갚)
    (그냥|이제|차라리) (포기하|그만두|참|체념하|헤어지|이혼하|끊으)(세요|시는 게 (좋|낫)|면 (돼|되))|참으(세요|셔야|시면 (돼|됩))
    """,
    "tells a method": r"""
    번개탄|착화탄|농약|청산|질소|헬륨 가스|치사량|투신|음독|목을? 매|교살|손목을? 긋|동맥|급소|유서를? (쓰|써
        |작성)|약…(한꺼번에|많이|다|전부|모두) (드|먹|삼)
    (높은 곳|옥상|한강|난간)…(뛰어|올라가|가 보)|(고통 없이|안 아프게|편하게) (죽|갈 수)
    """,
    "names a medicine": r"""
    수면제|수면 유도제|항우울제|항불안제|항정신병|안정제|진통제|진정제|소화제|두통약|감기약|우황청심|청심환|졸피뎀|자낙스|알프라졸람|아티반|로라제팜
        |디아제팜|클로나제팜|멜라토닌|비타민|영양제|보약|한약
    프로작|플루옥세틴|렉사프로|에스시탈로프람|졸로프트|설트랄린|팍실|이펙사|웰부트린|리튬|쎄로켈|쿠에티아핀
        |아빌리파이|리스페리돈|이부프로펜|아세트아미노펜|게보린|펜잘|아스피린|트라조돈
    콘서타|메틸페니데이트|리탈린|타이레놀|벤조|마약|대마|프로포폴|인데놀|스틸녹스|(?<![가-힣예])약(을|도
        |이라도)? (잘|좀|꼭|더|꾸준히|계속|매일|한번)? (드|먹|복용|처방|늘리|줄이|바꾸|끊|바르)|약물|복용|처방|용량|투약|\d+ (mg|밀리|그램|알|정)(?![가-힣])
        |(하루|한 번|아침저녁)에? (한|두|세|네|\d+) (알|정|번|회|포)…(드|먹)
    """,
    "diagnoses": r"""
    (우울증|조울증|양극성|조현병|정신 분열|공황|불안 장애|강박증|강박 장애|성격 장애|경계선|adhd|ptsd|트라우마
        |외상 후|섭식 장애|거식증|폭식증|불면증|정신병|망상|환청|치매|자폐|해리|화병|번아웃|중독|대인 기피증?|편집증|조증|의존증|분노 조절 장애
        |수면 장애|갱년기|갑상선|암이|빈혈|고혈압|당뇨)…(이[에야네군시]|입니
        |예요|네요|같[아습네은]|의심|증상|진단|증세|일 (수|거|것|가능)|인 (것|듯|가)|환자|걸리|걸린|보[이여]|맞|때문|가능성|오신|왔|있으신|심하|초기|에 해당)
    (우울증|조울증|조현병|공황|불안 장애|강박증|불면증|정신병|치매|화병|번아웃|대인 기피)[으을를은는이가도인]?
    진단(하|됩|해|을 내|명)|(정신|마음)에? (이상|병)(이|입|에|인)|정신 질환|정신 이상|미쳤(어|네|군|나)|비정상|병적
    """,
    "insults": r"""
    병신|븅신|시발|씨발|ㅅㅂ|ㅄ|새끼|지랄|개소리|또라이|쓰레기|등신|닥쳐(?!\s?[올오온와])|입 다물|찌질|못난|바보(야|네|같(?!았)
        |구|군|인|예|이)|멍청(하|이|한|아)|한심(하네|하군|하다<끝>|한 (사람|인간|놈|년))|재수 없|역겹|한남|한녀
        |미친 (놈|년|사람|거|것)|나약(하|해|한)|엄살|핑계(일|네|예|입|대지|만)|관심 종자|관종|유난|좆|존나|씹|염병|꼴값|꼴좋|뚱뚱|못생|돼지 같|멍멍이 같
    (나쁜|그|망할|못된|이런) (놈|년)|정신 차[리려]|철[이 ]?(이|좀)? (없|들)|그것도 못|그 정도(도|는 누구나|로)…(힘들|못)
        |누구나 (다)? (힘들|그래|겪)|남들도 다|나쁜 (사람|분)이(네|에|군|시|예)|별것도 아닌|별거 아니|배부른 소리|예민하(시네|신 것|셔서 그)|속이 좁|이기적(이시|이네|인 것)
    """,
    "sends the person away": r"""
    (더는|더 이상|이제) (말하지 마|얘기하지 마|듣고 싶지|연락하지 마)|귀찮(아|네|게 하)|(그만|이제) (얘기
        |이야기|대화)(하자|해요|하고|를 (끝|마))|알아서 (하|해)|관심 없(어|다|네|습)|신경 안 써
    (안 )?궁금하지 않|어쩌라고|알 바 아니|저한테 왜|왜 저한테|제 알 바|그만 (하세|말씀)|말하지 마세
    """,
    "states figures it cannot know": r"""
    추{1}산|통{1}계(에|로|상)|(연구|조사|전문가|학자|논문)(에|들에|결과에)? (따르면|의하면)|연합|연맹|협회|퍼센트|%|\d+ (만|억|천) (명|원|개|건)
    """,
    "is obscene": r"""
    섹스|성관계|자위|야동|(?<![가-힣])야{1}한(?![가-힣])|성욕|가슴을 (만|주)|자지|보지[가를]|음란|변태|성인물|벗(으세|어 (보|주)|고 싶)|몸매|섹시
    """,
    "takes a side in politics": r"""
    대통령|국회의원|민주당|국민의힘|정의당|여{1}당|야{1}당|보{1}수 (정|세|진)|진{1}보 (정|세|진)|좌파|우파|빨갱이|탄핵|정{1}권|선{1}거|투표|트럼프
        |김정은|북한
    """,
}
UNSAFE = {reason: safety.patterns(table) for reason, table in UNSAFE_TABLES.items()}


def unsafe(text: str) -> str | None:
    """Why a generated text must not be shown (for the log), or None when it may be."""
    texts = (text, *safety.readings(text))
    for reason, patterns in UNSAFE.items():
        if any(pattern.search(reading) for pattern in patterns for reading in texts):
            return reason
    return "speaks of danger" if safety.by_rules(text).level >= safety.IMMINENT - 1 else None


# --- what it must be ----------------------------------------------------------------------------------------------------

WITH_FINAL_B = "".join(chr(code) for code in range(ord("가"), ord("힣") + 1) if (code - ord("가")) % 28 == 17)
POLITE = re.compile(rf"(?<!필)(?<!중)(?<!수)(?<!개)(?<!소)요$|죠$|[{WITH_FINAL_B}](니다|니까|시다|시오)$")
"""The ending of a sentence in 해요 or 합쇼 style. 아니다, 하니까 and 하시다 lack the ㅂ before it."""
INTERJECTION = re.compile(r"(아|네|예|헉|와|우와|음|저런|이런|그럼|정말|어머|세상에|아이고|안녕)$")
# Familiar endings and pronouns wherever they stand: speech recognition and the model leave out full stops.
FAMILIAR = re.compile(
    r"(?<![가-힣])(너|니|네|얘|자네|느그|너희|니들)(는|은|가|를|도|만|한테|에게|의|랑|들|희|야)(?![가-힣])|(?<![가-힣])(너|난|넌|널|나는|나도)(?![가-힣])"
    r"|([렇는았었했겠이하로프쁘들좋많있없]구나|거야|잖아|거든|[었았였했겠]어|[었았였했겠]네|[었았였했겠]지|을게|할게|을래|할래|을걸|단다|란다|느냐|더라|이야|렴|자꾸나|[^까지했었았]냐)(?=[,. !?~]|$)"
    r"|[었았였했겠]다(?=[,. !?~]+(?!(가|갈|갔|오|와|왔|올|치|하|해|싶|보|고|는|면|니|던)))|[었았였했겠]다$"
)
FOREIGN = re.compile(r"[^가-힣0-9A-Z .,!?~'\"‘’“”…·()%-]")
LATIN_WORD = re.compile(r"[A-Z]+")
KNOWN_LATIN = frozenset(("AI", "TV", "SNS", "PC", "PT", "MBTI"))
# Words that begin with their particle or carry two that never meet, and titles that the corpora put for a name.
BROKEN_WORD = re.compile(
    r"(^|[.!?…~] )(만|은|는|가|을|를|의|에|에서|으로|로|와|과|도|에게|한테) |((?<!군)가랑|를가|을를|를을|은는|는은|이가를|에게를|를에게|가에게|는에게)(?![가-힣])"
    r"|(내담자|사용자|상담자|이용자)님?|([가-힣])\4\4"
)
MASK = re.compile(r"(?<![0-9])00+(?![0-9])|○|□|◇|\*|_|(?<![가-힣])[가-힣]?땡땡|(이름|지명|기관|상호)\d|이름님|000")
ODD_MARKS = re.compile(r"[.,!?~] ?,|,[.!?~]|[!?]{2}|\.{4}|^[.,!?~)…]|\(\)|~{2}|(?<=[가-힣])[.!?](?=[가-힣])| [.,!?~]")
PAIRS = ("()", "“”", "‘’")
SENTENCE_END = re.compile(r"(?<=[.!?~…])['\"’”)]?\s+")
GREETING = re.compile(r"안녕|반가|반갑|고마|감사|어서 오|축하|미안|죄송")

GRIEFS = frozenset(("공포", "분노", "슬픔", "혐오"))
REJOICES = re.compile(
    r"축하|좋은 소식이[네에군시]|기쁘시|기쁘겠|기쁘네|즐거우시|즐거우셨|즐거웠겠|신나[시셨겠]|멋져|멋지[시네]|잘됐|잘되셨|부럽|부러|행복하시|행복하셨|행복했겠|다행이[네에군]|좋으시겠|좋으셨겠"
)
PITIES = re.compile(
    r"속상|슬프|슬퍼|슬픈|힘드시|힘드셨|힘들었|괴로|우울|억울|화가 나|무서우|불안하|안타까|힘든 일|위로"
)


def fault(answer: str, text: str, emotion: str = "", earlier: Sequence[str] = ()) -> str | None:
    """Why a generated ``answer`` to ``text`` must not be given, or None.

    emotion: what the person feels, where that is sure; earlier: the last replies of this talk.
    """
    if not SHORTEST <= len(answer) <= LONGEST:
        return "length"
    return (
        _broken(answer)
        or _not_polite(answer)
        or _loop(answer)
        or _copy(answer, text)
        or _said_before(answer, earlier)
        or _unfitting(answer, emotion)
        or unsafe(answer)
    )


def sentences(text: str) -> list[str]:
    """The sentences without their last marks."""
    return [part for piece in SENTENCE_END.split(text) if (part := piece.strip(" .!?~…'\"‘’“”"))]


def _broken(answer: str) -> str | None:
    """Lone jamo, foreign or masked words, marks without their partner: nothing that a person would write or can be read out."""
    if FOREIGN.search(answer) or any(word not in KNOWN_LATIN for word in LATIN_WORD.findall(answer)):
        return "broken: foreign or lone letters"
    if MASK.search(answer):
        return "broken: a masked word"
    if BROKEN_WORD.search(answer):
        return "broken: a word that is none"
    unpaired = any(answer.count(pair[0]) != answer.count(pair[1]) for pair in PAIRS)
    if unpaired or answer.count('"') % 2 or answer.count("'") % 2 or ODD_MARKS.search(answer):
        return "broken: marks"
    return None


def _not_polite(answer: str) -> str | None:
    said = sentences(answer)
    if not any(POLITE.search(sentence) for sentence in said[-1:]):
        return "not polite or not finished"
    if all(POLITE.search(sentence) or INTERJECTION.search(sentence) for sentence in said) and not FAMILIAR.search(
        answer
    ):
        return None
    return "mixed: not polite in every sentence"


def _loop(answer: str) -> str | None:
    letters = _letters(answer)
    if re.search(r"(.)\1{3,}|(.{2,}?)\2\2|(.{5,})\3", letters) or re.search(r"(.{2,}?)\1\1", answer):
        return "loop"
    words = [word.strip(".,!?~…") for word in answer.split()]
    pairs = list(itertools.pairwise(words))
    if (
        len(set(pairs)) < len(pairs)
        or any(len(one) > 1 and other.startswith(one) for one, other in pairs)
        or any(words.count(word) > 2 for word in words if len(word) > 1)
    ):
        return "loop"
    if any(_alike(*two) for two in itertools.combinations(sentences(answer), 2)):
        return "loop"
    return "stutter" if any(_stutters(sentence) for sentence in sentences(answer)) else None


def _stutters(sentence: str) -> bool:
    """Whether a word comes twice ("월급날인데 월급날이라니"), whatever its endings. So do 2 of 100 sentences that people
    wrote, and 20 of a small model's."""
    words = [_letters(word) for word in sentence.split()]
    begun = [word[:2] for word in words if len(word) > 1]
    broken_off = any(one and other.startswith(one) for one, other in itertools.pairwise(words))
    return broken_off or len(set(begun)) < len(begun)


def _copy(answer: str, text: str) -> str | None:
    """Whether it hands back what was said: as a whole, or in one of its sentences. A greeting may be answered with itself."""
    blocks = SequenceMatcher(None, _letters(answer), _letters(text), autojunk=False).get_matching_blocks()
    shared = sum(block.size for block in blocks if block.size > 1)
    if shared >= COPIED * len(_letters(answer)):
        return "echo"
    theirs = sentences(text)
    own = (sentence for sentence in sentences(answer) if len(_letters(sentence)) > 3 and not GREETING.match(sentence))
    return "echo" if any(_alike(sentence, other) for sentence in own for other in theirs) else None


def _unfitting(answer: str, emotion: str) -> str | None:
    """Joy at somebody's grief, or pity for somebody's joy."""
    wrong = {"행복": PITIES}.get(emotion, REJOICES if emotion in GRIEFS else None)
    return "unfitting" if wrong and wrong.search(answer) else None


def _said_before(answer: str, earlier: Sequence[str]) -> str | None:
    return "said before" if any(_alike(answer, reply) for reply in earlier) else None


def _alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, _letters(one), _letters(other), autojunk=False)
    return matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())
