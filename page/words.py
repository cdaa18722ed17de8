"""The page in two languages. Korean stands in the code, as people read it; its English stands here, and only here.

Two ways, and neither needs the server to know which language a visitor reads, so the switch keeps the talk:

    label(…)   labels, placeholders, buttons, tab names: `gr.I18n`, drawn anew by Gradio when its locale changes
    both(…)    HTML that the server writes: both languages stand in it, and a rule of CSS shows the one of <html lang>

Gradio takes its locale from the browser, so `START` says Korean before Gradio begins (``?lang=en``: English), and `SWITCH`
calls Gradio's own function to change it; where a Gradio has none, the page is loaded anew.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

PAGE = {
    "이야기": "Talk",
    "기록": "Record",
    "지금 쓰는 모델": "Models in use",
    "살펴보고 있어요…": "Looking…",
    "English": "한국어",
    "# 지우\n이야기를 듣고 마음을 함께 살펴보는 한국어 음성 상담 데모예요. **AI 데모이며 치료가 아닙니다.**": "# Jiwoo 지우\nA Korean voice counselling demo that listens and looks at feelings with you. **An AI demo, not a treatment.**",
}
HELP = {
    "많이 힘들거나 위험할 때는 사람과 이야기해 주세요.": "When it is very hard or dangerous, please talk to a person (in Korea).",
    "도움받을 수 있는 곳 모두": "All places that help",
    "지금 마음이 급할 때 해 볼 수 있는 것": "What to do in a bad moment",
}
TALK = {
    "대화": "The talk",
    "나": "I",
    "지우": "Jiwoo",
    "오늘 마음이 어떠셨나요?": "How are you feeling today?",
    "아래 단추를 누르고 말하거나, 글로 적어 주세요. 녹음을 멈추면 바로 지우에게 전해져요.": "Press the button below and speak Korean, or write. When you stop the recording, it goes to Jiwoo.",
    "(알아듣지 못한 소리)": "(a sound that was not understood)",
    "내 목소리": "my voice",
    "다시 듣기": "hear again",
    "들어 보기": "listen",
    "멈추기": "pause",
    "이어 듣기": "go on",
    "빠르기": "Speed",
    "소리 끄기": "Mute",
    "지우의 목소리": "Jiwoo's voice",
    "말로 이야기하기": "Speak",
    "글로 이야기하기": "Write",
    "한국어로 적은 뒤 Enter": "In Korean, then Enter",
    "보내기": "Send",
    "답 멈추기": "Stop the answer",
    "대화 지우기": "Clear the talk",
    "방금 한 말 고쳐서 다시 보내기": "Correct what I just said and send it again",
    "방금 한 말": "What I just said",
    "고쳐서 보내기": "Send the correction",
    "지금 읽은 감정": "The emotion read",
    "실제로 느낀 감정": "What I really felt",
    "다르면 골라 주세요. 기록에 함께 남아요.": "Choose it if it is another one. It stands in the record, too.",
    "모르겠어요": "I don't know",
    "불확실": "not sure",
    "{label} (내가 고침)": "{label} (my own choice)",
    "감정의 흐름": "Emotions over the talk",
    "말마다 읽은 감정. 점이 클수록 그 감정일 확률이 높고, 테두리는 내가 고친 감정이에요.": "The emotion read in each line. The larger the dot, the more probable; a ring is my own choice.",
    "내가 고침": "my own choice",
    "말": "Line",
    "감정": "emotion",
    "또렷이 들었어요": "heard clearly",
    "대체로 들었어요": "heard mostly",
    "잘못 들었을 수 있어요": "perhaps misheard",
    "걸린 시간(초)": "Time taken (s)",
    "받아쓰기": "transcript",
    "안전 확인": "safety check",
    "대답": "answer",
    "목소리": "voice",
    "어떤 모델이 답했나요?": "Which models answered?",
    "### 예시 목소리로 해 보기\n지우의 목소리로 합성한 소리예요.": "### Try an example voice\nSynthesised in Jiwoo's own voice.",
    "대화를 지웠어요.": "The talk is cleared.",
    "멈췄어요. 하신 말은 그대로 있어요.": "Stopped. What you said is still here.",
    "알려 주신 감정으로 고쳤어요.": "Corrected to the emotion that you told.",
    "아직 하신 말이 없어요.": "Nothing was said yet.",
    "듣고 있어요…": "Listening…",
    "마음을 살피고 있어요…": "Reading the feeling…",
    "대답을 생각하고 있어요…": "Thinking of an answer…",
    "목소리를 준비하고 있어요…": "Preparing the voice…",
    "지금 이야기하는 분이 많아서 조금 기다려야 해요. 잠시 뒤에 다시 눌러 주세요. 급하고 힘들면 기다리지 말고 109에 전화해 주세요.": "Many people are talking right now. Please press again in a little while. If it is urgent and hard, do not wait: call 109.",
}
RECORD = {
    "### 내 기록\n이 대화의 기록은 **말한 사람의 것**이에요. 살펴보고, 고치고, 가린 다음, 원할 때만 담당 선생님께 전할 수 있어요.\n저장에 동의하지 않으면 이 화면을 닫을 때 사라져요. 소리는 어느 때에도 저장하지 않아요.": "### My record\nThe record of this talk **belongs to the person who spoke**. Look at it, correct it, take things out, and hand it to your clinician only if you want to.\nUnless you agree to store it, it is gone when you close this page. Sound is never stored.",
    "저장하기 (선택)": "Store it (optional)",
    "내가 한 말처럼 민감할 수 있는 글과 숫자를 잠가서 저장하는 데 동의해요. (소리는 저장하지 않아요)": "I agree that text and figures that may be sensitive, such as what I said, are stored under lock. (Sound is not stored.)",
    "저장되는 곳을 확인했어요.": "I have seen where it is stored.",
    "7일 뒤에 지우기": "Delete after 7 days",
    "30일 뒤에 지우기": "Delete after 30 days",
    "90일 뒤에 지우기": "Delete after 90 days",
    "보관 기간": "How long",
    "저장 시작": "Begin storing",
    "내 기록 열쇠": "The key to my record",
    "저장한 기록은 이 열쇠로만 열려요. 화면을 닫으면 다시 보여 드릴 수 없으니 안전한 곳에 적어 두세요.": "Only this key opens what is stored. It cannot be shown again once the page is closed, so write it down in a safe place.",
    "열쇠로 열기": "Open with the key",
    "파일 모양": "File type",
    "PDF": "PDF",
    "JSON": "JSON",
    "인쇄용 화면 (HTML)": "Page to print (HTML)",
    "표 (CSV)": "Table (CSV)",
    "받는 사람의 공개 열쇠 (선택)": "The reader's public key (optional)",
    "내 기록 받기": "Download my record",
    "전달 열쇠 만들기": "Make a reader's key",
    "지금 삭제": "Delete now",
    "만든 전달 열쇠": "The reader's key",
    "한 줄씩 고치기": "Correct line by line",
    "고칠 말": "The line",
    "내가 한 말": "What I said",
    "지우의 대답": "Jiwoo's answer",
    "고치지 않음": "as it was read",
    "내가 느낀 감정": "What I felt",
    "고친 내용 담기": "Save the correction",
    "이 말 가리기": "Take this line out",
    "전달받은 기록 열기 (상담하는 분)": "Open a record you were given (clinicians)",
    "받은 전달 열쇠": "The key you were given",
    "받은 열쇠를 적은 뒤 Enter": "Give the key, then Enter",
    "또는 받은 JSON 파일": "Or the JSON file you were given",
    "파일": "File",
    "이 대화는 저장하지 않고 있어요.": "This talk is not being stored.",
    "저장 중이에요. {day}에 저절로 지워져요.": "Being stored. It is deleted by itself on {day}.",
    "저장 안 됨: {why}": "Not stored: {why}",
    "아직 지우지 못했어요. 조금 뒤에 다시 눌러 주세요.": "It could not be deleted yet. Please press again in a little while.",
    "지금부터 하는 이야기를 저장해요. 열쇠를 꼭 적어 두세요.": "The talk is stored from now on. Do write down the key.",
    "이미 열쇠가 있어요. 새로 시작하려면 이 열쇠를 적어 두고 칸을 비운 다음 눌러 주세요.": "There is a key already. To begin anew, write it down, empty the box and press again.",
    "고칠 말을 먼저 골라 주세요.": "Please choose the line first.",
    "고쳤어요.": "Corrected.",
    "이 말을 가렸어요.": "The line is taken out.",
    "모두 지웠어요. 저장된 글도, 이 화면에 있던 글도 남아 있지 않아요. 보낸 소리는 한 시간 안에 서버에서 지워져요.": "All is deleted: what was stored, and what stood on this page. Recordings are deleted from the server within the hour.",
    "기록을 열었어요. 말 {count}개가 있어요.": "The record is open. It has {count} lines.",
    "기록을 내려받았어요.": "The record is downloaded.",
    "이 열쇠를 받은 사람은 {days}일 동안 이 기록을 읽을 수만 있어요.": "Whoever has this key can read this record, and only read it, for {days} days.",
    "저장한 기록이 있어야 전달 열쇠를 만들 수 있어요. 파일로 내려받아 전할 수도 있어요.": "A reader's key needs a stored record. You can also download a file and hand that over.",
}
PIPELINE = {  # sentences that the pipeline has for the person
    "잠시 문제가 생겼어요. 조금 뒤에 다시 시도해 주세요.": "Something went wrong. Please try again in a little while.",
    "소리를 읽지 못했어요. 다른 파일로 다시 시도해 주세요.": "The sound could not be read. Please try another file.",
    "하고 싶은 말을 적어 주세요.": "Please write what you would like to say.",
    "이 기능에 필요한 모델을 불러오지 못했어요.": "A model that this needs could not be loaded.",
    "동의하신 다음에만 저장할 수 있어요. 지금은 아무것도 저장하지 않아요.": "Only what you agree to can be stored. Nothing is being stored now.",
    "이 열쇠로 열리는 기록이 없어요. 열쇠가 맞는지, 보관 기간이 지나지 않았는지 살펴봐 주세요.": "This key opens no record. Please check the key, and whether the time is over.",
    "저장 안 됨: 지금은 기록을 저장하지 못하고 있어요. 이야기는 계속할 수 있어요.": "Not stored: the record cannot be stored now. The talk can go on.",
    "이 파일은 지우의 기록이 아니거나 손상되었어요.": "This file is no record of Jiwoo's, or it is damaged.",
    "글이 너무 길어요. 2000자까지 적을 수 있어요.": "The text is too long. Up to 2000 characters are possible.",
    "소리 파일을 찾지 못했어요. 다시 녹음하거나 올려 주세요.": "There is no recording. Please record or upload again.",
    "소리 파일이 아니거나 열 수 없는 파일이에요. 다시 녹음하거나 다른 파일을 올려 주세요.": "This is no sound file, or it cannot be opened. Please record again or upload another file.",
    "파일을 여는 데 너무 오래 걸려서 멈췄어요. 짧게 다시 녹음해 주세요.": "Opening the file took too long. Please make a shorter recording.",
    "한 번에 60초까지 들을 수 있어요. 조금씩 나누어 들려주시면 차근차근 들을게요.": "Up to 60 seconds at a time, please. Say it bit by bit.",
    "소리가 너무 짧아서 듣지 못했어요. 조금 더 길게 말해 주세요.": "The sound is too short. Please speak a little longer.",
    "아무 소리도 들리지 않았어요. 마이크가 켜져 있는지 살펴보고 다시 말해 주세요.": "Nothing could be heard. Please check the microphone and speak again.",
    "지금은 소리를 들을 수 없어요. 글로 적어 주시면 이야기를 이어 갈 수 있어요.": "Sound cannot be heard now. Please write, and the talk goes on.",
    "말씀을 글로 옮기지 못했어요. 다시 말씀하시거나 글로 적어 주세요.": "The words could not be written down. Please say them again or write.",
    "안전 확인에 문제가 생겨 도움을 받을 수 있는 곳부터 알려 드려요.": "The safety check had trouble, so here is first where to find help.",
    "이번에는 감정을 읽지 못했어요.": "The emotion could not be read this time.",
    "답을 만들지 못해 미리 준비한 말로 대신했어요.": "No answer could be made; a prepared sentence stands in its place.",
    "소리로 들려 드리지 못해 글로만 답해요.": "The answer could not be spoken; it stands as text only.",
    "이 서버에는 기록을 잠글 비밀 열쇠가 준비되어 있지 않아서 저장하지 않아요. 이야기는 그대로 할 수 있어요.": "This server has no secret to lock a record with, so nothing is stored. The talk can go on.",
    "저장 안 됨: 기록 파일이 손상되어 따로 옮겨 두었어요. 계속 저장하려면 기록 탭에서 저장을 다시 시작해 주세요.": "Not stored: the file of records was damaged and is set aside. To go on storing, begin again in the Record tab.",
    "공개 열쇠를 읽지 못했어요. age1로 시작하는 줄 전체를 넣어 주세요.": "The public key could not be read. Please give the whole line that begins with age1.",
    "더 새로운 프로그램이 만든 기록이라 열 수 없어요.": "This record was made by a newer program.",
}
EMOTIONS = {
    "공포": "fear",
    "놀람": "surprise",
    "분노": "anger",
    "슬픔": "sadness",
    "중립": "neutral",
    "행복": "happiness",
    "혐오": "disgust",
    "알 수 없음": "unknown",
}
ENGLISH = {**PAGE, **HELP, **TALK, **RECORD, **PIPELINE, **EMOTIONS}
"""Korean → English."""

I18N = gr.I18n(ko={korean: korean for korean in ENGLISH}, en=ENGLISH)


class Text(NamedTuple):
    """A sentence in both languages."""

    ko: str
    en: str


def label(korean: str) -> Any:
    """For a property of a component. Raises KeyError for what has no English."""
    ENGLISH[korean]
    return I18N(korean)


def say(korean: str, **values: object) -> Text:
    """The sentence with its {values} (a `Text` in its language), in both languages; what has no English stays Korean."""
    return Text(*(_filled(text, values, i) for i, text in enumerate((korean, ENGLISH.get(korean, korean)))))


def _filled(text: str, values: dict[str, object], language: int) -> str:
    chosen = {name: value[language] if isinstance(value, Text) else value for name, value in values.items()}
    return text.format(**chosen) if chosen else text


def together(sentences: Sequence[str]) -> Text:
    """Sentences one after another."""
    return Text(*map(" ".join, zip(*map(say, sentences), strict=True)))


def both(text: Text | str) -> str:
    """HTML that shows the sentence in the visitor's language; signs that HTML would take for its own stand as they are."""
    ko, en = say(text) if isinstance(text, str) else text
    if ko == en:
        return html.escape(ko)
    return f'<span class="ko" lang="ko">{html.escape(ko)}</span><span class="en" lang="en">{html.escape(en)}</span>'


# --- in the browser ----------------------------------------------------------------------------------------------------

START = """<style>html[lang="ko"] .en, html[lang="en"] .ko { display: none; }</style>
<script>
  document.documentElement.lang = new URLSearchParams(location.search).get("lang") === "en" ? "en" : "ko";
  Object.defineProperty(navigator, "language", { get: () => document.documentElement.lang, configurable: true });
</script>"""
"""Stands at the beginning of the document, since Gradio reads its locale from ``navigator.language`` as it begins."""


@cache
def _core() -> str:
    """The file of Gradio's front end that exports ``changeLocale``, as the browser asks for it; "" where there is none."""
    assets = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    found = (file.name for file in sorted(assets.glob("core-*.js")) if " as changeLocale" in file.read_text("utf-8"))
    return next((f"assets/{name}" for name in found), "")


def switch() -> str:
    """JavaScript for the button that changes the language: at once, or by loading the page anew."""
    return f"""async () => {{
  const lang = document.documentElement.lang === "en" ? "ko" : "en";
  const address = new URL(location.href);
  address.searchParams.set("lang", lang);
  history.replaceState(null, "", address);
  document.documentElement.lang = lang;
  try {{
    (await import(new URL({json.dumps(_core())}, document.baseURI))).changeLocale(lang);
  }} catch {{
    location.reload();
  }}
}}"""


def draw_anew(switched: Any, components: list[gr.Audio], tabs: list[gr.Tab]) -> None:
    """What Gradio itself does not change: its own words on a component that is shown, which is hidden and shown again,
    and the name of a tab that nobody has opened yet."""
    hidden = [{"__type__": "update", "visible": False} for _ in components]
    shown = [{"__type__": "update", "visible": True} for _ in components]
    shown += [{"__type__": "update", "label": str(tab.label)} for tab in tabs]
    for targets, updates in ((components, hidden), ([*components, *tabs], shown)):
        js = f"() => ({json.dumps(updates, ensure_ascii=False)})"
        switched = switched.then(None, None, targets, js=js, api_visibility="private")
