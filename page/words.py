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
EVALUATE = {
    "평가": "Evaluate",
    "### 여러 소리를 한꺼번에 살펴보기\n소리 파일을 50개까지 올리면 하나씩 받아쓰고, 감정을 읽고, 대답을 만들어 표로 보여 드려요. 참고 글을 함께 주면 글자 오류율(CER)도 재요.\n소리마다 처음 나누는 이야기로 보고, 대답은 소리로 만들지 않아요. 올린 파일은 한 시간 안에 서버에서 지워져요.": "### Many clips at once\nUpload up to 50 sound files: each is written down, its emotion read and an answer made, in a table. With reference texts the character error rate (CER) is measured, too.\nEach clip is a talk of its own, and answers are not spoken. Uploads are deleted from the server within the hour.",
    "소리 파일 (50개까지)": "Sound files (up to 50)",
    "참고 글 (선택)": "Reference texts (optional)",
    "참고 글 파일 (TSV, CSV, TXT)": "File of reference texts (TSV, CSV, TXT)",
    "또는 한 줄에 ‘파일 이름[탭]글’": "Or a line each: file name[tab]text",
    "살펴보기": "Evaluate",
    "멈추기": "Stop",
    "표 내려받기 (CSV)": "Download the table (CSV)",
    "결과": "Results",
    "그림으로 볼 소리": "Clip to see as pictures",
    "소리 파일을 먼저 올려 주세요.": "Please upload sound files first.",
    "{all}개 가운데 {done}개를 살펴봤어요…": "{done} of {all} are done…",
    "{count}개를 모두 살펴봤어요.": "All {count} are done.",
    "전체 글자 오류율(CER) {cer}.": "Character error rate (CER) of all: {cer}.",
    "{count}개는 살펴보지 못했어요. ‘알림’ 칸을 봐 주세요.": "{count} could not be evaluated; see the last column.",
    "맞는 소리가 없는 참고 글: {names}.": "Reference texts without a clip: {names}.",
    "이 소리는 이제 서버에 없어요. 다시 올려 주세요.": "This clip is no longer on the server. Please upload it again.",
    "먼저 소리를 살펴본 다음 내려받아 주세요.": "Please evaluate clips first, then download.",
    "파형: 시간(초)에 따른 소리의 크기": "Waveform: loudness over time (s)",
    "스펙트로그램: 시간에 따른 높낮이별 세기": "Spectrogram: power by pitch over time",
    "받아쓰기 정렬(CTC): 어느 때에 어느 자모를 들었는지": "Alignment (CTC): when which letter was heard",
    "목소리의 주의(Tacotron): 대답의 자모를 어느 때에 읽는지": "Attention (Tacotron): when which letter of the answer is read",
    "이 그림은 그리지 못했어요.": "This picture could not be drawn.",
}
ABOUT = {
    "안내": "About",
    "모델을 불러오고 있어요 ({ready}/{all}). 지금 말하거나 적어도 돼요. 준비되는 대로 답해 드려요.": "The models are being loaded ({ready}/{all}). You can speak or write already; the answer comes as soon as they are ready.",
    "준비됨": "ready",
    "불러오는 중": "loading",
    "아직 불러오지 않음": "not loaded",
    "받아쓰기 (Wav2Vec2)": "Recognition (Wav2Vec2)",
    "감정 (BERT)": "Emotion (BERT)",
    "대답 (GPT-2)": "Answer (GPT-2)",
    "목소리 (Tacotron)": "Voice (Tacotron)",
    "안전 확인 (규칙과 점수)": "Safety check (rules and score)",
    "고정됨": "locked",
    "고정되지 않음": "not locked",
    "함께 들어 있음": "bundled",
    "없음": "missing",
    "글자 오류율(CER)": "character error rate (CER)",
    "녹음된 목소리의 글자 오류율(CER)": "character error rate (CER) of the recorded voice",
    "정확도": "accuracy",
    "늘 중립이라고 할 때의 정확도": "accuracy of always saying neutral",
    "스무 답 가운데 맞는 답을 1위로": "right answer first of twenty",
    "음절당 perplexity": "perplexity a syllable",
    "소리 1초에 걸린 시간(초)": "seconds a second of sound",
    "2단계 이상의 신호를 찾음": "signs of level 2 and more found",
    "3단계의 신호를 찾음": "signs of level 3 found",
    "무해한 말에 울림": "harmless sentences alarmed",
    "단계": "Stage",
    "상태": "State",
    "가중치": "Weights",
    "판": "Revision",
    "출처": "Source",
    "라이선스": "Licence",
    "시험 자료": "Test set",
    "개수": "Size",
    "잰 것": "Measured",
    "값": "Value",
    "잰 값": "Measured figures",
    "훈련에 쓰지 않은 자료로 잰 값이에요. 각 모델의 metrics.json에서 그대로 읽어요. whisper_base는 같은 소리를 견주어 들은 다른 모델이에요.": "Measured on data that training never saw, read as they stand from each model's metrics.json. whisper_base is another model that heard the same clips.",
    "할 수 없는 것": "Limits",
    "지우는 사람이 아니라 AI 데모예요. 진단하거나 치료하지 않고, 대화를 실시간으로 지켜보는 사람도 없어요.": "Jiwoo is an AI demo, not a person. It neither diagnoses nor treats, and nobody watches the talk.",
    "위험 신호를 찾는 규칙은 사람들이 지어낸 문장으로 재었을 뿐 실제 위기의 대화로 재지 않았고, 임상가가 살펴보지 않았어요. 놓치는 신호가 있어요.": "The search for signs of a crisis was measured on sentences by writers, not on talk in distress, and no clinician has reviewed it. It misses signs.",
    "작은 모델이라 소리 나는 대로 잘못 받아쓰고, 감정을 자주 잘못 읽고, 대답이 엉뚱할 때가 많아요.": "The models are small: they misspell by ear, often misread the emotion, and many answers miss the point.",
    "감정은 글만 보고 읽어요. 목소리의 떨림이나 표정은 보지 않아요.": "The emotion is read from the text alone, not from the voice or the face.",
    "자료와 사생활": "Data and privacy",
    "동의하지 않으면 아무것도 저장하지 않아요. 대화는 이 화면의 기억에만 있다가 화면을 닫으면 사라져요.": "Nothing is stored unless you agree. The talk is only in this page's memory and goes when you close it.",
    "주고받은 소리와 올린 파일은 재생할 수 있도록 서버의 임시 폴더에 길어야 {minutes}분쯤 있다가 지워져요. 기록에는 소리가 들어가지 않아요.": "Sound and uploads lie in the server's temporary folder for up to about {minutes} minutes, so that they can be played. The record holds no sound.",
    "저장에 동의하면 글과 숫자만 말한 사람의 열쇠로 잠가 {days}일 가운데 고른 동안 두고, 그 뒤에는 저절로 지워요. 언제든 바로 지울 수 있어요.": "If you agree to storing, text and figures alone are kept, locked with your own key, for {days} days as you choose, and then deleted by themselves. You can delete them at any time.",
    "전화번호나 주소처럼 사람을 가리키는 것은 저장하기 전에 규칙으로 가려요. 규칙이 모르는 이름은 남을 수 있어요.": "What points to a person, such as telephone numbers and addresses, is masked by rules before it is stored. Names that no rule knows may stay.",
    "전달 열쇠는 {shared}일 동안 읽기만 할 수 있어요.": "A reader's key can only read, for {shared} days.",
    "대화는 이 서버 밖으로 나가지 않아요. 방문 통계나 광고도 없어요.": "The talk does not leave this server. There are no visit statistics and no advertisements.",
    "저장되는 곳: {place}": "Where it is stored: {place}",
    "데이터와 출처": "Data and attribution",
    "이 모델은 한국지능정보사회진흥원(NIA)의 AI 허브 데이터를 활용해 학습했습니다.": "These models were trained with AI Hub data of the National Information Society Agency of Korea (NIA).",
    "자료 때문에 전체를 비영리·동일조건변경허락(CC BY-NC-SA 4.0)으로 나눠요. 자료 자체는 이 저장소에 없어요.": "Because of the data the whole is shared non-commercially and alike (CC BY-NC-SA 4.0). The data themselves are not in this repository.",
    "이름": "Name",
    "쓴 곳": "Used for",
    "받아쓰기, 목소리": "recognition, voice",
    "받아쓰기": "recognition",
    "받아쓰기의 출발점": "start of the recogniser",
    "감정, 대답, 언어 모델": "emotion, answers, language model",
    "대답, 언어 모델": "answers, language model",
    "언어 모델": "language model",
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
    "한꺼번에 너무 많이 보내셨어요. 나누어 보내 주세요.": "Too much at once. Please send it in parts.",
    "한 번에 50개까지 살펴볼 수 있어요. 나누어 올려 주세요.": "Up to 50 clips at a time, please. Upload them in parts.",
    "참고 글 파일을 읽지 못했어요. 한 줄에 ‘파일 이름[탭]글’을 적은 글 파일(TSV, CSV)로 올려 주세요.": "The reference texts could not be read. Please upload a text file (TSV, CSV) with a line each: file name[tab]text.",
    "큰 모델은 아직 내려받지 않았어요. 함께 들어 있는 작은 모델을 써요.": "The large model is not downloaded yet; the small bundled one is used.",
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
ENGLISH = {**PAGE, **HELP, **TALK, **RECORD, **EVALUATE, **ABOUT, **PIPELINE, **EMOTIONS}
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
