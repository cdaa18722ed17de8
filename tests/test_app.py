"""The page and its API, in a real server with fakes for the four stages; programs call it through `gradio_client`."""

from __future__ import annotations

import ast
import base64
import io
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pyrage
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

import app
from page import draw, look, talk, words
from page.notes import Notes
from pipeline import audio, errors, load, report
from pipeline.counsellor import FAILED, MAX_TEXT, Counsellor
from pipeline.errors import JiwooError
from pipeline.load import LoadedStages
from pipeline.record import UNDECIDED, Record
from pipeline.settings import ROOT, Settings
from pipeline.turn import EMOTIONS, Reply, StageName
from tests.fakes import FakeStages

ENDPOINTS = {"/turn", "/transcribe", "/emotion", "/reply", "/speak", "/evaluate", "/report", "/models"}
NOTES = Notes(Settings())
BEFORE = Record(id="1", at="", text="안녕", reply=Reply("반가워요"))
CRISIS = "이제 그만 죽고 싶어요"


class Site:
    """A running page; ``counsellor.stages`` is exchanged for each test."""

    def __init__(self, page: gr.Blocks, url: str, counsellor: Counsellor) -> None:
        self.page, self.url, self.counsellor = page, url.rstrip("/"), counsellor

    def ask(self, route: str, body: dict[str, Any] | None = None) -> urllib.request.Request:
        data = json.dumps(body).encode() if body is not None else None
        return urllib.request.Request(f"{self.url}/gradio_api/{route}", data, {"Content-Type": "application/json"})

    def visit(self, session: str, event: Callable[..., Any], data: list[Any]) -> list[Any]:
        """Do what the browser of ``session`` does at the page's ``event``: the outputs at its end."""
        number = next(fn._id for fn in self.page.fns.values() if getattr(fn.fn, "func", fn.fn) is event)
        with urllib.request.urlopen(
            self.ask("queue/join", {"data": data, "fn_index": number, "session_hash": session})
        ):
            pass
        with urllib.request.urlopen(self.ask(f"queue/data?session_hash={session}"), timeout=30) as lines:
            for line in lines:
                message = json.loads(line[6:]) if line.startswith(b"data: ") else {}
                if message.get("msg") == "process_completed":
                    assert message["success"], message
                    return message["output"]["data"]
        raise AssertionError("the page said nothing")


pytestmark = pytest.mark.usefixtures("no_loop_is_left_open")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    counsellor = Counsellor(FakeStages())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        page = app.build(counsellor, Settings())
        _, url, _ = page.launch(**app.LAUNCH, prevent_thread_lock=True, quiet=True)
        yield Site(page, url, counsellor)
        page.close()


@pytest.fixture
def stages(site: Site) -> FakeStages:
    site.counsellor.stages = fakes = FakeStages()
    return fakes


@pytest.fixture
def client(site: Site, stages: FakeStages, tmp_path: Path) -> Client:
    return Client(site.url, verbose=False, download_files=str(tmp_path / "downloads"), analytics_enabled=False)


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A file that says it is sound and is not."""
    path = tmp_path / "noise.wav"
    path.write_bytes(b"not a sound at all" * 50)
    return path


# --- the API -----------------------------------------------------------------------------------------------------------


def test_the_endpoints_are_public_with_a_description_and_nothing_else_is(client: Client):
    told = client.view_api(return_format="dict")
    assert set(told["named_endpoints"]) == ENDPOINTS and not told["unnamed_endpoints"]
    assert all(endpoint["description"] for endpoint in told["named_endpoints"].values())
    names = {name: [p["parameter_name"] for p in told["named_endpoints"][name]["parameters"]] for name in ENDPOINTS}
    assert names == {
        "/turn": ["audio", "text", "history"],
        "/transcribe": ["audio"],
        "/emotion": ["text"],
        "/reply": ["text", "emotion", "history"],
        "/speak": ["text"],
        "/evaluate": ["clips", "references"],
        "/report": ["turns", "kind", "reader"],
        "/models": [],
    }


def test_an_uploaded_recording_takes_a_whole_turn(client: Client, stages: FakeStages, tone_wav: Path):
    turn, history, voice = client.predict(audio=handle_file(tone_wav), text="", history=[], api_name="/turn")
    assert turn["text"] == stages.transcriber.text and turn["confidence"] == 0.9
    assert turn["risk"] == {"level": 0, "kind": ""} and turn["failures"] == []
    assert turn["emotion"]["label"] == "슬픔" and set(turn["emotion"]["scores"]) == set(EMOTIONS)
    assert turn["reply"] == {"text": stages.responder.text, "source": "model"}
    assert turn["total_seconds"] == pytest.approx(sum(turn["seconds"].values()))
    assert history == [{"user": stages.transcriber.text, "reply": stages.responder.text}]
    assert soundfile.info(voice).duration == pytest.approx(turn["audio_seconds"], abs=0.01)
    (heard,) = stages.transcriber.calls
    assert heard.rate == 16_000 and heard.seconds == pytest.approx(1.0, abs=0.01)


def test_the_spoken_answer_keeps_its_loudness(client: Client):
    voice = client.predict(text="안녕하세요.", api_name="/speak")
    samples, rate = soundfile.read(voice)
    assert rate == 22_050 and abs(samples).max() == pytest.approx(0.3, abs=0.01)


def test_typed_text_takes_a_turn_with_nothing_else_given(client: Client, stages: FakeStages):
    turn, history, voice = client.predict(text="오늘 정말 기뻐요", api_name="/turn")
    assert turn["text"] == "오늘 정말 기뻐요" and not stages.transcriber.calls
    assert len(history) == 1 and Path(voice).is_file()


def test_history_goes_in_and_out_and_keeps_two_people_apart(site: Site, client: Client, stages: FakeStages):
    other = Client(site.url, verbose=False, analytics_enabled=False)
    mine = client.predict(text="저는 고양이를 키워요", api_name="/turn")[1]
    theirs = other.predict(text="저는 강아지를 키워요", api_name="/turn")[1]
    mine = client.predict(text="이름은 나비예요", history=mine, api_name="/turn")[1]
    assert [entry["user"] for entry in mine] == ["저는 고양이를 키워요", "이름은 나비예요"]
    assert [entry["user"] for entry in theirs] == ["저는 강아지를 키워요"]
    _, _, last = stages.responder.calls
    assert [exchange.user for exchange in last[2]] == ["저는 고양이를 키워요"]


def test_what_was_not_heard_is_kept_in_the_history_but_not_given_to_the_responder(
    client: Client, stages: FakeStages, tone_wav: Path
):
    stages.transcriber.text = ""
    turn, history, _ = client.predict(audio=handle_file(tone_wav), api_name="/turn")
    assert turn["reply"]["source"] == "reprompt" and history[0]["user"] == ""
    client.predict(text="다시 말할게요", history=history, api_name="/turn")
    assert stages.responder.calls[-1][2] == ()


def test_the_single_stages_answer_alone(client: Client, stages: FakeStages, tone_wav: Path):
    heard = client.predict(audio=handle_file(tone_wav), api_name="/transcribe")
    assert set(heard) == {"text", "confidence", "seconds"} and heard["text"] == stages.transcriber.text
    felt = client.predict(text="속상해요", api_name="/emotion")
    assert felt["label"] == "슬픔" and felt["sure"] is True and sum(felt["scores"].values()) == pytest.approx(1)
    answer = client.predict(text="속상해요", api_name="/reply")
    assert answer == {"text": stages.responder.text, "source": "model", "emotion": "슬픔"}
    assert not stages.speaker.calls


def test_a_reply_can_be_asked_for_an_emotion_and_after_a_history(client: Client, stages: FakeStages):
    before = [{"user": "안녕하세요", "reply": "반가워요."}]
    answer = client.predict(text="시험에 붙었어요", emotion="행복", history=before, api_name="/reply")
    assert answer["emotion"] == "행복" and not stages.emotion_reader.calls
    ((_, label, history),) = stages.responder.calls
    assert label == "행복" and [exchange.reply for exchange in history] == ["반가워요."]


@pytest.mark.parametrize("endpoint", ["/turn", "/reply"])
def test_a_crisis_gets_the_fixed_answer_with_109_and_the_generator_is_not_asked(
    client: Client, stages: FakeStages, endpoint: str
):
    result = client.predict(text=CRISIS, api_name=endpoint)
    reply = result[0]["reply"] if endpoint == "/turn" else result
    assert reply["source"] == "crisis" and "109" in reply["text"]
    assert not stages.responder.calls


def test_many_clips_are_evaluated_and_a_bad_one_does_not_stop_the_rest(
    client: Client, stages: FakeStages, tone_wav: Path, noise: Path
):
    clips = [handle_file(tone_wav), handle_file(noise), handle_file(tone_wav)]
    references = ["오늘 친구랑 다퉈서 속상해요", "", stages.transcriber.text]
    told = client.predict(clips=clips, references=references, api_name="/evaluate")
    assert [row["cer"] for row in told["rows"]] == [pytest.approx(1 / 12), None, 0.0]
    assert told["cer"] == pytest.approx(1 / 24)
    first, bad, _ = told["rows"]
    assert first["clip"] == "tone.wav" and first["emotion"]["sure"] is True and first["reply"]["source"] == "model"
    assert "소리 파일이 아니거나" in bad["message"] and bad["text"] == ""
    assert client.predict(clips=[handle_file(tone_wav)], api_name="/evaluate")["cer"] is None
    assert not stages.speaker.calls


def test_a_crisis_in_an_evaluated_clip_does_not_reach_the_generator(client: Client, stages: FakeStages, tone_wav: Path):
    stages.transcriber.text = CRISIS
    told = client.predict(clips=[handle_file(tone_wav)], api_name="/evaluate")
    assert told["rows"][0]["reply"]["source"] == "crisis" and not stages.responder.calls


def test_a_report_is_made_of_turns_or_of_a_history_and_nothing_is_left_behind(client: Client, site: Site):
    first, history, _ = client.predict(text="제 번호는 010-1234-5678이에요", api_name="/turn")
    second, history, _ = client.predict(text="오늘은 좀 나아요", history=history, api_name="/turn")
    before = set(Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*"))
    made = {kind: client.predict(turns=[first, second], kind=kind, api_name="/report") for kind in report.RENDERINGS}
    files = {kind: base64.b64decode(file["data"]) for kind, file in made.items()}
    assert made["pdf"]["name"].endswith(".pdf") and files["pdf"].startswith(b"%PDF")
    sheet = report.load(files["json"])
    assert [turn.text for turn in sheet.turns] == ["제 번호는 [전화번호]이에요", "오늘은 좀 나아요"]
    assert sheet.turns[0].emotion.label == "슬픔" and sheet.turns[0].reply.source == "model"
    plain = client.predict(turns=history, kind="json", api_name="/report")
    told = report.load(base64.b64decode(plain["data"]))
    assert told.turns[1].reply.source == "unknown" and told.turns[1].emotion is None
    sealed = client.predict(
        turns=history, kind="pdf", reader=str(pyrage.x25519.Identity.generate().to_public()), api_name="/report"
    )
    assert sealed["name"].endswith(".pdf.age") and b"%PDF" not in base64.b64decode(sealed["data"])
    assert set(Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*")) == before


def test_the_models_are_told_with_licence_and_state(client: Client):
    told = client.predict(api_name="/models")
    assert [model["stage"] for model in told] == ["stt", "emotion", "reply", "tts"]
    assert all(model["licence"] and model["revision"] and model["state"] == load.NOT_LOADED for model in told)
    shipped = json.loads((ROOT / "checkpoints/stt/metrics.json").read_text("utf-8"))
    assert told[0]["metrics"] == shipped


def refusal(client: Client, **call: Any) -> str:
    """The message of a refused call: it has a Korean and an English sentence."""
    with pytest.raises(AppError) as caught:
        client.predict(**call)
    korean, english = str(caught.value).split("\n")
    assert any("가" <= char <= "힣" for char in korean) and english.isascii()
    return str(caught.value)


@pytest.mark.parametrize("endpoint", ["/turn", "/transcribe"])
def test_an_unusable_upload_is_told_kindly_and_no_model_runs(
    client: Client, stages: FakeStages, noise: Path, endpoint: str
):
    message = refusal(client, audio=handle_file(noise), api_name=endpoint)
    assert "소리 파일이 아니거나" in message and "could not be used" in message
    assert "ffmpeg" not in message and str(noise) not in message
    assert not stages.transcriber.calls


@pytest.mark.parametrize(
    "call",
    [
        {"api_name": "/turn", "text": " "},
        {"api_name": "/turn", "text": "가" * (MAX_TEXT + 1)},
        {"api_name": "/turn", "text": "안녕", "history": [["안녕", "반가워요"]]},
        {"api_name": "/turn", "text": "안녕", "history": {"user": "안녕", "reply": "반가워요"}},
        {"api_name": "/transcribe", "audio": None},
        {"api_name": "/emotion", "text": ""},
        {"api_name": "/emotion", "text": 3},
        {"api_name": "/reply", "text": "안녕", "emotion": "우울"},
        {"api_name": "/reply", "text": "안녕", "history": [{"user": "안녕"}]},
        {"api_name": "/speak", "text": ""},
        {"api_name": "/evaluate", "clips": None},
        {"api_name": "/report", "turns": "안녕"},
        {"api_name": "/report", "turns": [{"user": "안녕"}]},
        {"api_name": "/report", "turns": [{"user": "안녕", "reply": "네"}] * 101},
        {"api_name": "/report", "turns": [{"user": "가" * 200_000, "reply": "네"}]},
        {"api_name": "/report", "turns": [], "kind": "docx"},
        {"api_name": "/report", "turns": [], "reader": "age1nobody"},
    ],
)
def test_input_of_no_use_is_refused_in_korean_and_english(client: Client, stages: FakeStages, call: dict[str, Any]):
    refusal(client, **call)
    assert not stages.responder.calls and not stages.speaker.calls


@pytest.mark.parametrize(("count", "references"), [(51, []), (2, ["하나"]), (1, [3]), (1, "하나")])
def test_too_many_clips_and_texts_of_another_shape_are_refused(
    client: Client, stages: FakeStages, tone_wav: Path, count: int, references: Any
):
    refusal(client, clips=[handle_file(tone_wav)] * count, references=references, api_name="/evaluate")
    assert not stages.transcriber.calls


def test_a_stage_that_breaks_is_told_without_its_secrets(client: Client, stages: FakeStages, tone_wav: Path):
    stages.transcriber.fails = stages.emotion_reader.fails = True
    stages.speaker.fails_at = 0
    calls: list[dict[str, Any]] = [
        {"audio": handle_file(tone_wav), "api_name": "/transcribe"},
        {"text": "안녕", "api_name": "/emotion"},
        {"text": "안녕", "api_name": "/speak"},
    ]
    broken: list[StageName] = ["transcribe", "emotion", "speak"]
    for call, stage in zip(calls, broken, strict=True):
        message = refusal(client, **call)
        assert FAILED[stage] in message and "secret" not in message


def test_a_turn_whose_stages_break_still_ends_with_words(client: Client, stages: FakeStages):
    stages.emotion_reader.fails = stages.responder.fails = stages.speaker.silent = True
    turn, history, voice = client.predict(text="오늘 힘들었어요", api_name="/turn")
    assert [failure["stage"] for failure in turn["failures"]] == ["emotion", "reply", "speak"]
    assert turn["reply"]["source"] == "fallback" and history[0]["reply"] == turn["reply"]["text"]
    assert voice is None and "secret" not in json.dumps(turn, ensure_ascii=False)


@pytest.mark.parametrize("endpoint", ["transcribe", "evaluate"])
@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_a_file_of_the_server_that_nobody_uploaded_is_not_heard(
    site: Site, stages: FakeStages, meta: dict[str, Any], endpoint: str
):
    path = ROOT / "examples" / "sad.wav"
    file: Any = {"path": str(path), **meta}
    data = [file] if endpoint == "transcribe" else [[file], []]
    with urllib.request.urlopen(site.ask(f"call/{endpoint}", {"data": data})) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(site.ask(f"call/{endpoint}/{event}"), timeout=30) as lines:
        said = lines.read().decode()
    assert "event: error" in said and str(path) not in said
    assert not stages.transcriber.calls


# --- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_asks_nothing_of_others_and_keeps_nothing(site: Site):
    config = site.page.config
    assert config["analytics_enabled"] is False and config["enable_queue"]
    assert site.page.run_history is False and site.page.enable_monitoring is False and not site.page.ssr_mode
    assert site.page.delete_cache == (app.KEEP_SECONDS // 6, app.KEEP_SECONDS)
    assert not config["head"] and not config["js"]


def test_no_sound_is_decoded_by_gradio(site: Site):
    sounds = [block for block in site.page.blocks.values() if isinstance(block, gr.Audio)]
    assert len(sounds) == 3 and {sound.type for sound in sounds} == {"filepath"}


def test_the_page_says_what_it_is_and_whom_to_call(site: Site):
    shown = [str(c["props"].get("value")) for c in site.page.config["components"]]
    assert "AI 데모이며 치료가 아닙니다" in look.TITLE and str(words.label(look.TITLE)) in shown


def test_the_page_is_korean_and_says_all_in_english_too(site: Site):
    with urllib.request.urlopen(site.url) as answer:
        document = answer.read().decode("utf-8")
    assert re.search(r'<html[^>]*lang="ko"', document) and document.index(words.START) < document.index("<gradio-app")
    with urllib.request.urlopen(f"{site.url}/{words._core()}") as answer:
        assert "changeLocale" in answer.read().decode("utf-8")
    told = site.page.config["i18n_translations"] or {}
    assert told["ko"].keys() == told["en"].keys() and all(told["ko"][korean] == korean for korean in told["en"])
    korean = [english for english in told["en"].values() if re.search("[가-힣]", english.replace("지우", ""))]
    assert korean == ["한국어"], "the button that leads back"


def test_sentences_of_the_pipeline_have_their_english():
    kinds = [error.default_kind for error in errors.JiwooError.__subclasses__()]
    sounds = [
        getattr(audio, name) for name in ("MISSING", "NOT_SOUND", "TOO_LONG", "TOO_SHORT", "SILENT", "NO_DECODER")
    ]
    for korean in (*kinds, *FAILED.values(), *sounds, *EMOTIONS):
        assert words.say(korean).en != korean
    with pytest.raises(KeyError):
        words.label("영어가 없는 말")


def test_help_stands_in_the_page_before_any_script_runs(site: Site, stages: FakeStages):
    """No model, no queue, no consent, no JavaScript: the numbers are in the document that the server sends."""
    for name in ("transcriber", "emotion_reader", "responder", "speaker"):
        getattr(stages, name).fails = True
    with urllib.request.urlopen(site.url) as answer:
        length, page = int(answer.headers["content-length"]), answer.read()
    document = page.decode("utf-8")
    assert length == len(page)
    body = document[document.index("<body") :]
    without_scripts = re.sub(r"<script.*?</script>", "", body, flags=re.S)
    for number in ("109", "119", "112", "1577-0199", "1388", "1366"):
        assert f'href="tel:{number}"' in without_scripts
    assert "1393" not in without_scripts
    assert without_scripts.index("tel:109") < without_scripts.index("<gradio-app")
    for exercise in ("숨 고르기", "5-4-3-2-1", "나를 지키는 계획"):
        assert exercise in without_scripts
    assert "<details" in without_scripts and "<details open" not in without_scripts


def test_other_answers_of_the_server_stay_as_they_are(site: Site):
    for path in ("/config", "/theme.css"):
        with urllib.request.urlopen(site.url + path) as answer:
            assert "jiwoo-help" not in answer.read().decode("utf-8")


def test_every_input_has_a_label(site: Site):
    shown = [
        c["props"] for c in site.page.config["components"] if c["type"] in ("audio", "textbox", "label", "chatbot")
    ]
    assert all(props["label"] for props in shown)


def test_a_typed_turn_fills_the_page_and_the_session_remembers_it(site: Site, stages: FakeStages):
    mine, theirs = uuid.uuid4().hex, uuid.uuid4().hex
    site.visit(mine, talk.from_text, ["", None, "저는 고양이를 키워요"])
    site.visit(theirs, talk.from_text, ["", None, "저는 강아지를 키워요"])
    shown = talk.View(*site.visit(mine, talk.from_text, ["", None, "이름은 나비예요"]))
    assert (
        shown.chat.count('<li class="said">') == 2
        and "저는 고양이를 키워요" in shown.chat
        and "이름은 나비예요" in shown.chat
    )
    assert all(label in shown.emotion for label in EMOTIONS) and "슬픔" in heading(shown.emotion)
    name, first, second = shown.voice.split("\n")
    assert f'data-play="{name} voice"' in shown.chat
    assert first.startswith("voice ") and second.startswith("voice ")
    assert [exchange.user for exchange in stages.responder.calls[-1][2]] == ["저는 고양이를 키워요"]


def test_clearing_forgets_the_talk(site: Site, stages: FakeStages):
    session = uuid.uuid4().hex
    site.visit(session, talk.from_text, ["", None, "안녕하세요"])
    shown = talk.View(*site.visit(session, talk.cleared, []))
    assert shown.chat == draw.chat([]) and shown.voice == "" and shown.audio_input is None
    site.visit(session, talk.from_text, ["", None, "다시 왔어요"])
    assert stages.responder.calls[-1][2] == ()


def test_the_page_shows_each_thing_the_moment_it_exists(stages: FakeStages, tone_wav: Path):
    listening, *views, end = talk.from_recording(Counsellor(stages), NOTES, "", [], str(tone_wav))
    assert words.say(talk.LISTENING).ko in listening.status
    assert [view.chat.count("<li ") for view in views[:3]] == [1, 1, 2]
    assert ["슬픔" in view.emotion for view in views[:3]] == [False, True, True]
    for sign, view in zip((talk.FEELING, talk.THINKING, talk.SPEAKING), views, strict=False):
        assert sign in view.status
    assert [view.voice.count("voice ") for view in views] == [0, 0, 0, 1, 2], "each sentence, as it is made"
    assert all(later.voice.startswith(earlier.voice) for earlier, later in itertools.pairwise(views))
    said, *sentences = [sound_of(line) for line in end.voice.split("\n")[1:]]
    assert said == (16_000, 16_000) and sentences == [(22_050, 4_410)] * 2
    [taken] = end.history
    assert (taken.text, taken.reply.text) == (stages.transcriber.text, stages.responder.text)
    assert (
        taken.confidence == 0.9 and taken.pace.seconds == pytest.approx(1.0) and taken.models.keys() >= {"stt", "tts"}
    )
    assert views[0].audio_input is None and all(view.audio_input == gr.skip() for view in (*views[1:], end))
    assert end.stop.interactive is False and listening.stop.interactive is True


def sound_of(line: str) -> tuple[int, int]:
    """Rate and number of samples of a line for talk.js."""
    with wave.open(io.BytesIO(base64.b64decode(line.split()[1]))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), file.getnframes()


def heading(emotion: str) -> str:
    return re.findall("<h3.*?</h3>", emotion)[0]


def test_a_turn_that_is_stopped_keeps_what_was_said(stages: FakeStages):
    turn = talk.from_text(Counsellor(stages), NOTES, "", [BEFORE], "그만 들을래요")
    next(turn)
    heard = next(turn)
    turn.close()
    assert [record.text for record in heard.history] == ["안녕", "그만 들을래요"] and not heard.history[1].reply
    end = talk.stopped(NOTES, "", heard.history)
    assert talk.STOPPED in end.status and end.chat == end.history == gr.skip()
    *_, view = talk.from_text(Counsellor(stages), NOTES, "", heard.history, "다시 이야기해요")
    assert len(view.history) == 3, "and the talk goes on"


def test_the_last_words_put_right_take_the_place_of_the_old(stages: FakeStages, tone_wav: Path):
    *_, first = talk.from_recording(Counsellor(stages), NOTES, "", [BEFORE], str(tone_wav))
    *_, end = talk.again(Counsellor(stages), NOTES, "", first.history, "친구와 화해했어요")
    old, new = first.history[-1], end.history[-1]
    assert len(end.history) == 2 and new.text == "친구와 화해했어요" and new.id == old.id and new.edited
    assert new.confidence is None and stages.transcriber.text not in end.chat
    assert [exchange.user for exchange in stages.responder.calls[-1][2]] == ["안녕"], "the old words are forgotten"
    assert end.voice.split("\n")[1].startswith("voice "), "nor is the old recording kept"
    for history, text in (([], "없던 말"), (first.history, " ")):
        *_, refused = talk.again(Counsellor(stages), NOTES, "", history, text)
        assert refused.history == gr.skip() and "notice" in refused.status


def test_the_person_corrects_the_emotion(stages: FakeStages):
    *_, end = talk.from_text(Counsellor(stages), NOTES, "", [], "오늘은 좀 그래요")
    view = talk.corrected(NOTES, "", end.history, "분노")
    assert "분노" in heading(view.emotion) and "내가 고침" in view.chat and view.history[0].corrected == "분노"
    view = talk.corrected(NOTES, "", view.history, UNDECIDED)
    assert view.history[0].corrected == UNDECIDED and UNDECIDED in heading(view.emotion)
    assert view.history[0].emotion == end.history[0].emotion, "what the model read stays beside it"
    assert talk.corrected(NOTES, "", [], "분노").history == gr.skip()


def test_an_emotion_that_is_not_sure_is_told_so_with_its_figures(stages: FakeStages, monkeypatch: pytest.MonkeyPatch):
    read = stages.emotion_reader.read
    monkeypatch.setattr(stages.emotion_reader, "read", lambda text: replace(read(text), sure=False))
    *_, end = talk.from_text(Counsellor(stages), NOTES, "", [], "그냥 그래요")
    assert "불확실" in heading(end.emotion) and "슬픔" not in heading(end.emotion) and "70%" in end.emotion
    assert "불확실" in end.chat


def test_the_chart_has_a_column_a_line_and_is_a_table(stages: FakeStages):
    history: list[Record] = []
    for text in ("하나", "둘", "셋"):
        *_, end = talk.from_text(Counsellor(stages), NOTES, "", history, text)
        history = end.history
    assert end.chart.count('<th scope="col">') == 4 and end.chart.count('<th scope="row">') == len(EMOTIONS)
    assert end.chart.count("70%") == 3 and draw.chart([]) == ""


@pytest.mark.parametrize(("confidence", "words"), [(0.95, "또렷이"), (0.7, "대체로"), (0.55, "잘못 들었을")])
def test_how_sure_the_transcript_is_stands_in_words(stages: FakeStages, tone_wav: Path, confidence: float, words: str):
    stages.transcriber.confidence = confidence
    *_, end = talk.from_recording(Counsellor(stages), NOTES, "", [], str(tone_wav))
    assert words in end.chat and f"{confidence:.0%}" in end.chat
    assert "들었" not in draw.chat([BEFORE]), "typed words were not heard"


def test_what_people_say_is_no_html(stages: FakeStages):
    stages.responder.text = "<img src=x>"
    *_, end = talk.from_text(Counsellor(stages), NOTES, "", [], "<script>alert(1)</script>")
    for drawn in (end.chat, end.status, end.emotion, end.chart, end.details):
        assert "<script>" not in drawn and "<img" not in drawn


def test_the_timing_line_adds_up(stages: FakeStages, tone_wav: Path):
    *_, end = talk.from_recording(Counsellor(stages), NOTES, "", [], str(tone_wav))
    parts, total = re.sub("<details.*|<.*?>", "", end.details).split(" = ")
    seconds = [float(part.split()[-1]) for part in parts.split(" + ")]
    assert len(seconds) == 5 and sum(seconds) == pytest.approx(float(total), abs=1e-9)


@pytest.mark.parametrize(("text", "sign"), [("  ", "적어 주세요"), ("가" * (MAX_TEXT + 1), "너무 길어요")])
def test_text_of_no_use_leaves_the_talk_as_it_was(stages: FakeStages, text: str, sign: str):
    *_, end = talk.from_text(Counsellor(stages), NOTES, "", [BEFORE], text)
    assert sign in end.status
    assert end.chat == end.history == end.text_input == gr.skip()


def test_a_recording_of_no_use_leaves_the_talk_and_makes_room_for_the_next(stages: FakeStages, noise: Path):
    for recording in (str(noise), None):
        *_, end = talk.from_recording(Counsellor(stages), NOTES, "", [BEFORE], recording)
        assert "소리 파일" in end.status and end.chat == end.history == gr.skip() and end.audio_input is None


def test_a_turn_that_breaks_off_shows_no_secret(monkeypatch: pytest.MonkeyPatch, stages: FakeStages):
    monkeypatch.setattr(Counsellor, "take_turn", lambda *_: 1 / 0)
    *_, end = talk.from_text(Counsellor(stages), NOTES, "", [], "안녕")
    assert JiwooError.default_kind in end.status and "division" not in end.status


def test_a_failed_stage_is_a_gentle_line_below_the_answer(stages: FakeStages):
    stages.emotion_reader.fails = stages.speaker.silent = True
    *_, end = talk.from_text(Counsellor(stages), NOTES, "", [], "안녕하세요")
    assert FAILED["emotion"] in end.status and FAILED["speak"] in end.status
    assert end.chat.count("<li ") == 2 and "voice " not in end.voice and "불확실" in heading(end.emotion)


def test_the_status_line_shows_signs_as_they_are():
    assert "&lt;b&gt;" in draw.status("<b>")


def test_the_oldest_exchanges_are_forgotten(stages: FakeStages):
    long = [Record(id=str(i), at="", text=str(i), reply=Reply("네")) for i in range(talk.MAX_HISTORY)]
    *_, end = talk.from_text(Counsellor(stages), NOTES, "", long, "안녕")
    assert len(end.history) == talk.MAX_HISTORY and end.history[0].text == "1"
    assert len(long) == talk.MAX_HISTORY and long[0].text == "0"


def test_examples_come_from_the_manifest_and_those_without_a_clip_are_left_out(tmp_path: Path, tone_wav: Path):
    assert look.examples(tmp_path / "nowhere") == []
    rows = f"path,text,emotion,origin\n{tone_wav.name},소리예요,중립,시험\nlost.wav,없어요,슬픔,시험\n"
    (tone_wav.parent / "manifest.csv").write_text(rows, "utf-8")
    assert [example.text for example in look.examples(tone_wav.parent)] == ["소리예요"]


def test_an_example_is_one_click(tmp_path: Path, tone_wav: Path, stages: FakeStages):
    rows = f"path,text,emotion,origin\n{tone_wav.name},소리예요,중립,시험\n"
    (tone_wav.parent / "manifest.csv").write_text(rows, "utf-8")
    page = app.build(Counsellor(stages), Settings(), tone_wav.parent)
    (button,) = [b for b in page.blocks.values() if isinstance(b, gr.Button) and b.value == "중립 · 소리예요"]
    (event,) = [fn for fn in page.fns.values() if (button._id, "click") in fn.targets]
    *_, end = event.fn("", [])  # type: ignore[misc]
    assert end.history[0].text == stages.transcriber.text


# --- the start ---------------------------------------------------------------------------------------------------------


def test_an_old_python_can_read_the_file_and_gets_one_clear_sentence():
    source = (ROOT / "app.py").read_text("utf-8")
    ast.parse(source, feature_version=(3, 6))
    assert "from __future__" not in source  # annotations are known from 3.7 on
    pretend = "import sys, runpy; sys.version_info = (3, 10, 13); runpy.run_path('app.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", pretend], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "Python 3.11 이상이 필요해요" in done.stderr and "needs Python 3.11 or newer" in done.stderr


def test_main_opens_the_page_while_the_models_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "to be taken away again after the test")
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    opened, warm = threading.Event(), threading.Event()
    told: dict[str, Any] = {}

    def launch(page: gr.Blocks, **options: Any) -> None:
        told.update(options, folder=Path(os.environ["GRADIO_TEMP_DIR"]))
        assert told["folder"].is_dir()
        opened.set()

    def warm_up(_: LoadedStages) -> None:
        if opened.wait(10):
            warm.set()

    monkeypatch.setattr(LoadedStages, "warm_up", warm_up)
    monkeypatch.setattr(gr.Blocks, "launch", launch)
    app.main()
    assert warm.wait(10)
    assert told["ssr_mode"] is False and told["run_history"] is False and told["enable_monitoring"] is False
    assert "server_name" not in told and "server_port" not in told  # Gradio's own: 127.0.0.1:7860 or GRADIO_SERVER_*
    assert not told["folder"].exists()


def test_a_wrong_setting_stops_the_start_with_the_fix(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIWOO_WEIGHTS", "magic")
    with pytest.raises(SystemExit, match="set it to one of"):
        app.main()
