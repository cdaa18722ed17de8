"""Intimate speech (해체) made polite (해요체), as far as a few rules carry.

People who talk to a counsellor say 해요; the corpora's speakers nearly all say 해. A model that never heard "헤어졌어요"
answers it worse than "헤어졌어", so it is taught both. Sentences that no rule fits stay as they are.
"""

from __future__ import annotations

import re

# What a sentence ends in → what it ends in politely; the first that fits counts. Endings of the 해체 mostly take a 요.
ENDINGS = [
    (re.compile(pattern + "$"), replacement)
    for pattern, replacement in (
        (r"(요|죠|니다|니까|시다|시오)", r"\1"),
        (r"(거|뭐|누구|어디|언제)야", r"\1예요"),
        (r"아니야", "아니에요"),
        (r"(?<=[가-힣])이야", "이에요"),
        (r"(?<![해가와어아여려워라])(?<=[가-힣])야", "예요"),
        (r"구나", "군요"),
        (r"(았|었|였|했|갔|왔|됐|겠|있|없|싶|렸|졌|켰|쳤|났|봤|줬|샀|잤)다", r"\1어요"),
        (r"같다", "같아요"),
        (r"하다", "해요"),
        (r"(힘들|싫|맞|늦|적|멀|늙)다", r"\1어요"),
        (r"(좋|많|괜찮|작|받|찾|남)다", r"\1아요"),
        (r"(?<=[가-힣])지", "죠"),
        (
            r"(거든|군|걸|[어아여해돼봐줘와가져쳐려켜펴워러라나네까래대데게고서내배매깨뻐퍼파녀껴셔겨쪄떠커써싸때])",
            r"\1요",
        ),
    )
]
KEPT = re.compile(r"(엄마|(?<!어)때|개|새해|노래|아래|미래|나라|더라|[가-힣]에서|(?<![가-힣])(네|내|게|아|배|그래서))$")
"""Ends that look like an ending and are none, or that take no 요 without more."""
PRONOUNS = [
    (re.compile(rf"(?<![가-힣]){plain}"), humble)
    for plain, humble in (
        (r"나(?=(?:는|를|도|만|랑|의|보다|처럼|한테|에게|에겐)(?![가-힣])|(?:한테|에게)[만는도])", "저"),
        (r"난(?![가-힣])", "전"),
        (r"내(?=가(?![가-힣])|게(?![가-힣])| )", "제"),
        (r"응(?=[.,!])", "네"),
    )
] + [(re.compile(r"(^|[.!?…]\s+)나(?= )"), r"\1저")]
SENTENCE = re.compile(r"([^.!?~…]+)([.!?~…]*\s*)")


def polite(text: str) -> str:
    """``text`` in 해요체, the speaker humble (저 for 나); unchanged where no rule fits."""

    def of(sentence: re.Match[str]) -> str:
        words, marks = sentence.groups()
        body = words.rstrip()
        if not KEPT.search(body):
            for ending, replacement in ENDINGS:
                if ending.search(body):
                    body = ending.sub(replacement, body)
                    break
        return body + words[len(words.rstrip()) :] + marks

    text = SENTENCE.sub(of, text)
    for plain, humble in PRONOUNS:
        text = plain.sub(humble, text)
    return text
