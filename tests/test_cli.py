"""The command line: one JSON object a line on standard output, in order, and nothing else there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile

from pipeline import __main__ as cli
from pipeline import load
from pipeline.counsellor import Counsellor
from pipeline.settings import ROOT
from pipeline.turn import EMOTIONS, Exchange
from tests.fakes import FakeStages

RISK_KEYS = ["text", "level", "kind"]
SPEAK_KEYS = ["text", "path", "audio_seconds", "seconds"]
TURN_KEYS = [
    *("text", "confidence", "risk", "emotion", "reply", "audio_seconds", "seconds", "total_seconds", "failures", "path")
]


@dataclass
class Result:
    status: int
    rows: list[dict[str, Any]]
    errors: str


Cli = Callable[..., Result]


@pytest.fixture
def run(stages: FakeStages, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Cli:
    """Run the command line with fake stages; every line on the real standard output must be JSON."""
    monkeypatch.setattr(load, "counsellor", lambda: Counsellor(stages))

    def run_it(*arguments: object, stdin: bytes | str | None = None) -> Result:
        if stdin is not None:
            raw = stdin.encode() if isinstance(stdin, str) else stdin
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), "ascii"))
        status = cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Result(status, [json.loads(line) for line in out.splitlines()], err)

    return run_it


# --- each verb -----------------------------------------------------------------------------------------------------


def test_transcribe(run: Cli, stages: FakeStages, tone_wav: Path) -> None:
    result = run("transcribe", tone_wav)
    [row] = result.rows
    assert list(row) == ["path", "text", "confidence", "seconds"]
    assert (row["path"], row["text"], row["confidence"]) == (str(tone_wav), stages.transcriber.text, 0.9)
    assert 0 < row["seconds"] < 5 and result.status == 0


def test_emotion(run: Cli) -> None:
    [row] = run("emotion", "눈물이 나요").rows
    assert list(row) == ["text", "label", "scores", "sure"] and row["sure"] is True
    assert row["text"] == "눈물이 나요" and row["label"] == "슬픔" and tuple(row["scores"]) == EMOTIONS


def test_risk_asks_no_model(run: Cli, stages: FakeStages) -> None:
    rows = run("risk", "죽고 싶어요", "오늘 날씨가 좋네요").rows
    assert [list(row) for row in rows] == [RISK_KEYS] * 2
    assert rows[0]["level"] >= 2 and rows[0]["kind"] == "자살"
    assert (rows[1]["level"], rows[1]["kind"]) == (0, "")
    assert not stages.emotion_reader.calls and not stages.responder.calls


def test_reply(run: Cli, stages: FakeStages) -> None:
    rows = run("reply", "친구와 다퉜어요", "죽고 싶어요").rows
    assert [list(row) for row in rows] == [["text", "source", "emotion"]] * 2
    assert rows[0] == {"text": stages.responder.text, "source": "model", "emotion": "슬픔"}
    assert rows[1]["source"] == "crisis" and "109" in rows[1]["text"]
    assert not stages.speaker.calls, "a reply in writing is not spoken"


def test_rank(run: Cli) -> None:
    line = json.dumps({"text": "안녕", "candidates": ["네.", "반가워요."]})
    assert run("rank", line).rows == [{"scores": [-2.0, -5.0]}]


def test_rank_goes_by_the_emotion_and_the_talk_that_the_line_names_else_by_the_one_read(run: Cli, stages) -> None:
    asked = {"text": "안녕", "candidates": ["네."]}
    named = asked | {"emotion": "행복", "history": [{"user": "응", "reply": "네."}]}
    result = run("rank", "--stdin", stdin="\n".join(json.dumps(line) for line in (asked, named)))
    assert result.status == 0 and [len(row["scores"]) for row in result.rows] == [1, 1]
    assert stages.responder.calls == [("안녕", "슬픔", ()), ("안녕", "행복", (Exchange("응", "네."),))]
    assert stages.emotion_reader.calls == ["안녕"]


def test_nothing_to_rank_has_no_scores(run: Cli) -> None:
    assert run("rank", '{"text": "안녕", "candidates": []}').rows == [{"scores": []}]


def test_speak_into_a_file(run: Cli, tmp_path: Path) -> None:
    [row] = run("speak", "-o", tmp_path / "한 마디.wav", "안녕하세요. 반가워요.").rows
    assert list(row) == SPEAK_KEYS
    assert row["path"] == str(tmp_path / "한 마디.wav")
    assert row["audio_seconds"] == pytest.approx(0.4) == pytest.approx(soundfile.info(row["path"]).duration)


def test_speak_into_a_folder_that_is_not_there_yet(run: Cli, tmp_path: Path) -> None:
    result = run("speak", "-d", tmp_path / "a/b", "하나.", " ", "셋. 넷.")
    assert [Path(row["path"]).name for row in result.rows if "path" in row] == ["0001.wav", "0002.wav"]
    assert [soundfile.info(row["path"]).duration for row in result.rows if "path" in row] == pytest.approx([0.2, 0.4])
    assert list(result.rows[1]) == ["error"] and result.status == 1


def test_turn_from_a_recording(run: Cli, stages: FakeStages, tone_wav: Path, tmp_path: Path) -> None:
    [row] = run("turn", "-o", tmp_path / "answer.wav", tone_wav).rows
    assert list(row) == TURN_KEYS
    assert row["text"] == stages.transcriber.text
    assert row["reply"] == {"text": stages.responder.text, "source": "model"}
    assert row["emotion"]["label"] == "슬픔" and set(row["emotion"]["scores"]) == set(EMOTIONS)
    assert row["risk"] == {"level": 0, "kind": ""} and row["failures"] == []
    assert row["audio_seconds"] == pytest.approx(soundfile.info(row["path"]).duration)
    assert sum(row["seconds"].values()) == pytest.approx(row["total_seconds"])


def test_turn_from_text(run: Cli, stages: FakeStages) -> None:
    rows = run("turn", "--text", "친구와 다퉜어요", "죽고 싶어요").rows
    assert [list(row) for row in rows] == [TURN_KEYS] * 2
    assert [row["text"] for row in rows] == ["친구와 다퉜어요", "죽고 싶어요"]
    assert [row["reply"]["source"] for row in rows] == ["model", "crisis"]
    assert [row["path"] for row in rows] == [None, None] and not stages.transcriber.calls


def test_turns_into_a_folder(run: Cli, tmp_path: Path) -> None:
    rows = run("turn", "--text", "-d", tmp_path, "하나", "둘").rows
    assert [row["path"] for row in rows] == [str(tmp_path / "0001.wav"), str(tmp_path / "0002.wav")]
    assert all(Path(row["path"]).is_file() for row in rows)


def test_a_turn_whose_voice_fails_is_a_turn_without_a_path(run: Cli, stages: FakeStages, tmp_path: Path) -> None:
    stages.speaker.fails_at = 0
    result = run("turn", "--text", "-o", tmp_path / "answer.wav", "친구와 다퉜어요")
    [row] = result.rows
    assert row["path"] is None and row["audio_seconds"] is None
    assert [failure["stage"] for failure in row["failures"]] == ["speak"]
    assert not (tmp_path / "answer.wav").exists()


def test_models(run: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JIWOO_CHECKPOINTS", str(tmp_path))
    [row] = run("models").rows
    assert [model["stage"] for model in row["models"]] == ["stt", "emotion", "reply", "tts"]
    assert {tuple(model) for model in row["models"]} == {
        ("stage", "source", "name", "megabytes", "notice", "revision", "lock", "metrics", "licence", "state")
    }


# --- many lines ----------------------------------------------------------------------------------------------------


def test_rows_come_in_the_order_of_the_arguments(run: Cli) -> None:
    texts = [f"문장 {i}" for i in range(30)]
    assert [row["text"] for row in run("risk", *texts).rows] == texts


def test_rows_come_in_the_order_of_standard_input_whatever_ends_its_lines(run: Cli) -> None:
    rows = run("emotion", "--stdin", stdin="하나\n둘\r\n셋").rows
    assert [row["text"] for row in rows] == ["하나", "둘", "셋"]


def test_lines_are_read_as_utf8_whatever_the_locale_says(run: Cli) -> None:
    result = run("risk", "--stdin", stdin="안녕\n".encode() + b"\xff\xfe broken\n" + "끝\n".encode())
    assert [row["text"] for row in result.rows] == ["안녕", "\ufffd\ufffd broken", "끝"]


@pytest.mark.parametrize("verb", ["emotion", "reply"])
@pytest.mark.parametrize("bad", ["", "   "])
def test_an_empty_line_is_an_error_in_its_place_and_the_others_go_on(run: Cli, verb: str, bad: str) -> None:
    result = run(verb, "--stdin", stdin=f"하나\n{bad}\n셋\n")
    assert [sorted(row)[:1] == ["error"] for row in result.rows] == [False, True, False]
    assert list(result.rows[1]) == ["error"] and any("가" <= char <= "힣" for char in result.rows[1]["error"])
    assert result.status == 1


def test_a_recording_that_cannot_be_used_is_an_error_in_its_place(run: Cli, tone_wav: Path, tmp_path: Path) -> None:
    (tmp_path / "not sound.wav").write_text("안녕")
    result = run("transcribe", tone_wav, tmp_path / "not sound.wav", tmp_path / "gone.wav", tone_wav)
    assert ["error" in row for row in result.rows] == [False, True, True, False]
    assert result.rows[1] != result.rows[2] and result.status == 1


@pytest.mark.parametrize(
    "bad",
    [
        "not JSON",
        "",
        '{"text": "안녕"}',
        "[]",
        "3",
        '{"text": 3, "candidates": ["네"]}',
        '{"text": " ", "candidates": ["네"]}',
        '{"text": "안녕", "candidates": "네"}',
        '{"text": "안녕", "candidates": [1]}',
        '{"text": "안녕", "candidates": ["네"], "emotion": "질투"}',
        '{"text": "안녕", "candidates": ["네"], "emotion": []}',
        '{"text": "안녕", "candidates": ["네"], "history": [{"user": "응"}]}',
        '{"text": "안녕", "candidates": ["네"], "history": {"user": "응", "reply": "네"}}',
    ],
)
def test_a_ranking_that_was_not_asked_properly_is_an_error_in_its_place(run: Cli, stages, bad: str) -> None:
    good = '{"text": "안녕", "candidates": ["네"]}'
    result = run("rank", "--stdin", stdin="\n".join((good, bad, good)))
    assert [list(row) for row in result.rows] == [["scores"], ["error"], ["scores"]]
    assert "candidates" in result.rows[1]["error"] and result.status == 1


def test_a_stage_that_raises_is_an_error_in_its_place_with_the_traceback_in_the_log(run: Cli, stages, caplog) -> None:
    stages.emotion_reader.fails = True
    result = run("emotion", "하나", "둘")
    assert ["error" in row for row in result.rows] == [True, True] and result.status == 1
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    "arguments",
    [
        ["emotion"],
        ["nonsense", "네"],
        [],
        ["speak", "네"],
        ["speak", "-o", "a.wav", "-d", "b", "네"],
        ["speak", "-o", "a.wav", "네", "아니요"],
        ["turn", "-o", "a.wav", "--stdin"],
    ],
    ids=" ".join,
)
def test_a_command_that_makes_no_sense_is_refused_before_any_work(run: Cli, stages, capfd, arguments) -> None:
    with pytest.raises(SystemExit) as refused:
        run(*arguments, stdin="")
    out, err = capfd.readouterr()
    assert refused.value.code == 2 and not out and "usage" in err
    assert not stages.emotion_reader.calls and not stages.speaker.calls


# --- as a program --------------------------------------------------------------------------------------------------


def program(*arguments: str | bytes, stdin: bytes = b"", code: str = "") -> tuple[int, list[dict[str, Any]], str]:
    """`python -m pipeline …` (or ``code``) in a locale that knows no Korean; its standard output must be JSON lines."""
    command: Sequence[str | bytes] = [sys.executable, "-c", code] if code else [sys.executable, "-m", "pipeline"]
    environment = os.environ | {"LC_ALL": "C", "PYTHONUNBUFFERED": ""}
    done = subprocess.run([*command, *arguments], input=stdin, cwd=ROOT, capture_output=True, env=environment)
    rows = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    return done.returncode, rows, done.stderr.decode("utf-8", "replace")


def test_risk_line_by_line_as_a_program() -> None:
    lines = ["오늘은 좋았어요".encode(), b"", b"\xff\xfe", "죽고 싶어요".encode(), b"   "]
    status, rows, _ = program("risk", "--stdin", stdin=b"\n".join(lines) + b"\n")
    assert len(rows) == len(lines), "one row a line, whatever the line is"
    assert all(list(row) in (RISK_KEYS, ["error"]) for row in rows)
    assert [row.get("level") for row in (rows[0], rows[3])] == [0, rows[3]["level"]] and rows[3]["level"] >= 2
    assert status == int(any("error" in row for row in rows))


def test_an_argument_that_is_no_utf8_does_not_cost_the_others() -> None:
    status, rows, _ = program("risk", "하나".encode(), b"\xff", "둘".encode())
    assert [row.get("text") for row in rows][::2] == ["하나", "둘"] and len(rows) == 3
    assert status == int("error" in rows[1])


NOISY = """
    import os, sys
    from pipeline import load
    from pipeline.counsellor import Counsellor
    from pipeline.__main__ import main
    from tests.fakes import FakeStages

    class Noisy(FakeStages):
        def __getattribute__(self, name):
            if name == "emotion_reader":
                print("a library says hello")
                os.write(1, b"and one in C too")
                os.system("echo and a child")
            return super().__getattribute__(name)

    load.counsellor = lambda: Counsellor(Noisy())
    sys.exit(main(sys.argv[1:]))
"""


def test_what_libraries_print_goes_to_standard_error() -> None:
    status, rows, errors = program("emotion", "네".encode(), code=textwrap.dedent(NOISY))
    assert status == 0 and [row["label"] for row in rows] == ["슬픔"]
    for noise in ("a library says hello", "and one in C too", "and a child"):
        assert noise in errors


def test_without_weights_every_line_says_so_in_korean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIWOO_CHECKPOINTS", str(tmp_path))
    status, rows, errors = program("emotion", "하나".encode(), "둘".encode())
    assert status == 1 and len(rows) == 2
    assert all(list(row) == ["error"] and "모델" in row["error"] for row in rows)
    assert "clone" in errors


def test_a_wrong_setting_is_told_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIWOO_WEIGHTS", "big")
    status, rows, errors = program("models")
    assert status != 0 and not rows
    assert "bundled, hub, auto" in errors and "Traceback" not in errors
