"""Every reader of `training.data` on a tiny corpus of the same layout. All sentences are invented here."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from training import data
from training.data import Clip, Dialogue, EmotionRow

ROOT = Path(__file__).resolve().parents[1]


def write_tsv(path: Path, *rows: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join("\t".join(row) + "\n" for row in rows)
    path.write_bytes(lzma.compress(text.encode()) if path.suffix == ".xz" else text.encode())
    return path


def write_json_lines(path: Path, *items: Any) -> Path:
    return write_tsv(path, *([json.dumps(item, ensure_ascii=False)] for item in items))


def write_xlsx(path: Path, *rows: Sequence[Any]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    book.close()
    return path


# --- the prepared folder -------------------------------------------------------------------------------------------


def test_the_root_is_the_environment_or_the_shared_folder_beside_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIWOO_DATA", str(tmp_path))
    write_tsv(tmp_path / "text" / "nsmc.txt.xz", ["어제 본 공연이 오래 남아요"])
    assert list(data.lines(None, "nsmc")) == ["어제 본 공연이 오래 남아요"]

    monkeypatch.delenv("JIWOO_DATA")
    assert data.data_root() == ROOT.parent / "shared" / "data"


def test_a_missing_prepared_file_says_how_to_get_it(tmp_path: Path) -> None:
    readers: list[Callable[[Path], object]] = [
        data.emotion7,
        data.emotion_voice,
        data.emodialog,
        data.wellness,
        data.songys,
        data.kmi,
        lambda root: data.speech(root, "asr_train"),
        lambda root: data.lines(root, "nsmc"),
    ]
    for read in readers:
        with pytest.raises(FileNotFoundError, match="JIWOO_DATA"):
            read(tmp_path)


def test_speech_reads_a_manifest(tmp_path: Path) -> None:
    manifest = write_tsv(
        tmp_path / "speech" / "asr_dev.tsv",
        ["path", "speaker", "text", "seconds"],
        ["studio/a.flac", "kim", '창가에 "작은" 화분이 있어요.', "2.5"],
    )
    with pytest.raises(FileNotFoundError, match=r"a\.flac"):
        data.speech(tmp_path, "asr_dev")
    sound = tmp_path / "speech" / "studio" / "a.flac"
    sound.parent.mkdir()
    sound.touch()

    expected = [Clip(sound, "kim", '창가에 "작은" 화분이 있어요.', 2.5)]
    assert data.speech(tmp_path, "asr_dev") == data.speech(str(tmp_path), "asr_dev.tsv") == expected

    manifest.write_text(manifest.read_text("utf-8").replace("2.5", "길어요"), "utf-8")
    with pytest.raises(ValueError, match=r"asr_dev\.tsv, line 2: '길어요' is no number of seconds"):
        data.speech(tmp_path, "asr_dev")


EMOTION7_HEADER = ["source", "dialog_id", "text", "label", "random_split", "grouped_split"]


def test_emotion7_keeps_both_splits_and_names_its_sources(tmp_path: Path) -> None:
    write_tsv(
        tmp_path / "text" / "emotion7.tsv.xz",
        EMOTION7_HEADER,
        ["single", "-1", "합격 문자를 받았어요!", "행복", "train", "drop"],
        ["multi", "3", "우산을 두고 왔네.", "중립", "test", "train"],
    )
    assert data.emotion7(tmp_path) == [
        EmotionRow("합격 문자를 받았어요!", "행복", "single", (), "train", "drop"),
        EmotionRow("우산을 두고 왔네.", "중립", "dialog", (), "test", "train"),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (["single", "-1", "문이 잠겼어.", "기쁨", "train", "train"], "unknown emotion '기쁨'"),
        (["radio", "-1", "문이 잠겼어.", "놀람", "train", "train"], "unknown source 'radio'"),
        (["single", "-1", "문이 잠겼어.", "놀람"], "4 columns, expected 6"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: list[str], why: str) -> None:
    write_tsv(tmp_path / "text" / "emotion7.tsv.xz", EMOTION7_HEADER, row)
    with pytest.raises(ValueError, match=rf"emotion7\.tsv\.xz, line 2: {why}"):
        data.emotion7(tmp_path)


def test_another_header_is_an_error(tmp_path: Path) -> None:
    write_tsv(tmp_path / "text" / "emotion7.tsv.xz", ["text", "label"])
    with pytest.raises(ValueError, match="line 1: the header is"):
        data.emotion7(tmp_path)


def test_a_half_copied_archive_is_named(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "text" / "nsmc.txt.xz", *([f"빗소리를 들으며 쉬었다 {n}"] for n in range(20_000)))
    path.write_bytes(path.read_bytes()[:-2_000])
    with pytest.raises(ValueError, match=r"nsmc\.txt\.xz, line \d+:"):
        list(data.lines(tmp_path, "nsmc"))


def test_emotion_voice_leaves_out_dropped_rows_and_ties_and_tells_everyday_talk_from_stories(tmp_path: Path) -> None:
    write_tsv(
        tmp_path / "text" / "emotion_voice.tsv.xz",
        ["part", "text", "votes", "majority", "agree", "split"],
        ["1차", "버스를 또 놓쳤어.", "분노|분노|슬픔|분노|중립", "분노", "3", "train"],
        ["1차", "글쎄 그렇더라고.", "분노|분노|슬픔|슬픔|중립", "", "2", "train"],
        ["1차", "강아지가 아파.", "슬픔|슬픔|슬픔|슬픔|슬픔", "슬픔", "5", "drop"],
        [data.EVERYDAY_PART, "버스 왔다!", "행복|행복|행복|놀람|중립", "행복", "3", "test"],
    )
    votes = ("분노", "분노", "슬픔", "분노", "중립")
    happy = ("행복", "행복", "행복", "놀람", "중립")
    assert data.emotion_voice(tmp_path) == [
        EmotionRow("버스를 또 놓쳤어.", "분노", "story", votes, "train", "train"),
        EmotionRow("버스 왔다!", "행복", "voice", happy, "test", "test"),
    ]


def test_emodialog_keeps_emotion_and_split(tmp_path: Path) -> None:
    turns = [["user", "발표가 내일이라 떨려."], ["bot", "많이 긴장되시겠어요."]]
    write_json_lines(
        tmp_path / "text" / "emodialog.jsonl.xz", {"id": 0, "emotion": "불안", "turns": turns, "split": "test"}
    )
    assert data.emodialog(tmp_path) == [
        Dialogue((("user", "발표가 내일이라 떨려."), ("bot", "많이 긴장되시겠어요.")), "불안", "test", "emodialog")
    ]


@pytest.mark.parametrize(
    ("turns", "why"),
    [([["cat", "야옹"]], "not a dialogue"), ([["user"]], "not a dialogue"), ([["user", " "]], "an empty turn")],
)
def test_a_broken_dialogue_is_named(tmp_path: Path, turns: list[list[str]], why: str) -> None:
    write_json_lines(tmp_path / "text" / "emodialog.jsonl.xz", {"turns": turns})
    with pytest.raises(ValueError, match=rf"emodialog\.jsonl\.xz, line 1: {why}"):
        data.emodialog(tmp_path)


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    write_tsv(tmp_path / "text" / "emodialog.jsonl.xz", ["{turns"])
    with pytest.raises(ValueError, match=r"emodialog\.jsonl\.xz, line 1:"):
        data.emodialog(tmp_path)


def test_kmi_knows_both_names_of_its_roles(tmp_path: Path) -> None:
    write_json_lines(
        tmp_path / "text" / "kmi_dialogues.jsonl.xz",
        {"turns": [["Therapist", "어떻게 지내셨어요?", "Open Question"], ["Client", "바빴어요.", None]]},
        {"turns": [["counselee", "잠을 설쳐요.", None], ["counselor", "고단하시겠어요.", "Reflect"]]},
    )
    assert data.kmi(tmp_path) == [
        Dialogue((("bot", "어떻게 지내셨어요?"), ("user", "바빴어요.")), "", "", "kmi"),
        Dialogue((("user", "잠을 설쳐요."), ("bot", "고단하시겠어요.")), "", "", "kmi"),
    ]


def test_wellness_never_gives_a_reply_to_a_crisis(tmp_path: Path) -> None:
    write_tsv(
        tmp_path / "text" / "wellness_pairs.tsv.xz",
        ["intent", "user", "reply"],
        ["감정/외로움", "주말마다 혼자예요.", "쓸쓸하셨겠어요."],
        ["배경/이사", "낯선 동네로 왔어.", "적응하는 중이시군요."],
        ["감정/자살충동", "(위기)", "(위험한 답)"],
        ["증상/자해", "(위기)", "(위험한 답)"],
        ["증상/자살시도", "(위기)", "(위험한 답)"],
        ["증상/피해망상/감시", "(누가 본다)", "(맞장구)"],
        ["배경/남편/폭력", "(맞았다)", "(위로)"],
        ["배경/음주/애주가", "(술)", "(술이 좋다)"],
        ["비건기본정보", "(채식)", "(광고)"],
        ["감정/우울감", "(우울)", "우울할 때는 칭찬타임!"],
    )
    assert data.wellness(tmp_path) == [
        Dialogue((("user", "주말마다 혼자예요."), ("bot", "쓸쓸하셨겠어요.")), "감정/외로움", "", "wellness"),
        Dialogue((("user", "낯선 동네로 왔어."), ("bot", "적응하는 중이시군요.")), "", "", "wellness"),
    ]


@pytest.mark.parametrize(
    ("intent", "crisis"),
    [
        ("감정/자살충동", True),
        ("증상/자살시도", True),
        ("증상/자해", True),
        ("감정/우울감/자해", True),
        ("감정/살인욕구", True),
        ("감정/자괴감", False),
        ("증상/죽음공포", False),
        ("배경/성격/극단적", False),
        ("배경/자각/우울증", False),
    ],
)
def test_crisis_intents(intent: str, crisis: bool) -> None:
    assert data.is_crisis_intent(intent) is crisis


@pytest.mark.parametrize(
    ("intent", "untaught"),
    [
        ("감정/자살충동", True),
        ("증상/환청", True),
        ("증상/과대망상", True),
        ("배경/부모/아버지/폭력", True),
        ("치료이력/병원내원/복약", True),
        ("영양", True),
        ("감정/우울감", False),
        ("배경/직장/스트레스", False),
        ("증상/불면", False),
    ],
)
def test_intents_from_which_no_reply_is_learnt(intent: str, untaught: bool) -> None:
    assert data.is_untaught_intent(intent) is untaught


def test_songys_gives_two_turns_and_no_flippant_reply(tmp_path: Path) -> None:
    write_tsv(
        tmp_path / "text" / "songys_pairs.tsv.xz",
        ["label", "user", "reply"],
        ["1", "어제 이별했어", "마음이 많이 아프시겠어요."],
        ["0", "지갑을 잃어버렸어", "정신 차리고 다니세요."],
    )
    assert data.songys(tmp_path) == [
        Dialogue((("user", "어제 이별했어"), ("bot", "마음이 많이 아프시겠어요.")), "", "", "songys")
    ]


@pytest.mark.parametrize(
    "reply",
    [
        "음.",
        "ㅋㅋ 재밌네요.",
        "참 쪼잔하시네요.",
        "정신차려야죠.",
        "하나도 안 궁금해요.",
        "어쩌라고요.",
        "바보 같아요.",
        "그런 사람하고는 상종하지 마세요.",
        "이제 그만 잊으세요.",
        "그것도 병이죠.",
        "예민한가 봐요.",
        "실컷 욕해도 좋아요.",
        "나쁜 생각은 하지 마세요.",
    ],
)
def test_flippant_replies(reply: str) -> None:
    assert data.is_flippant(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "오래 버티느라 힘드셨겠어요.",
        "당신은 바보가 아니에요.",
        "그건 한심한 게 아니에요.",
        "닥쳐올 일이 걱정되시는군요.",
        "어쩔 수 없는 일이었을 거예요.",
        "그 뒤 이야기가 궁금해요.",
        "저도 그 노래 알아요.",
        "병원에 다녀오셨군요.",
        "너무 자책하지 마세요.",
        "혼자 계시면 많이 외로우시겠어요.",
    ],
)
def test_kind_replies_are_not_flippant(reply: str) -> None:
    assert not data.is_flippant(reply)


def test_lines_are_lazy_and_keep_document_borders(tmp_path: Path) -> None:
    write_tsv(tmp_path / "text" / "petitions.txt.xz", ["첫 글입니다."], [""], ["둘째 글입니다."])
    stream = data.lines(tmp_path, "petitions")
    assert next(stream) == "첫 글입니다."
    assert list(stream) == ["", "둘째 글입니다."]
    assert next(data.lines(tmp_path, "petitions.txt.xz")) == "첫 글입니다."


# --- KsponSpeech ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "spoken", "spelled"),
    [
        ("b/ 아/ 그+ 그게 (3개)/(세 개)야 n/", "아 그 그게 세 개야", "아 그 그게 3개야"),
        ("(1/2)/(이 분의 일)만 줘. l/", "이 분의 일만 줘.", "1/2만 줘."),
        ("o/ 어제* 본 (TV)/ (티비)에서 u/ 봤어?", "어제 본 티비에서 봤어?", "어제 본 TV에서 봤어?"),
        ("(5월)(오 월)에 (C++)/(씨+ 플러스 플러스)", "오 월에 씨 플러스 플러스", "5월에 C++"),
        ("n/", "", ""),
    ],
)
def test_kspon_text(raw: str, spoken: str, spelled: str) -> None:
    assert data.kspon_text(raw) == spoken
    assert data.kspon_text(raw, spelling=True) == spelled


def kspon_clip(folder: Path, number: int, script: bytes, samples: int = 8_000) -> Path:
    sound = folder / "KsponSpeech_01" / "KsponSpeech_0001" / f"KsponSpeech_{number:06d}.pcm"
    sound.parent.mkdir(parents=True, exist_ok=True)
    sound.write_bytes(bytes(2 * samples))
    sound.with_suffix(".txt").write_bytes(script)
    return sound


def test_ksponspeech_reads_both_encodings_and_skips_silence(tmp_path: Path) -> None:
    third = kspon_clip(tmp_path, 3, "크\n".encode("cp949"))  # these two bytes are also UTF-8, of a Latin letter
    first = kspon_clip(tmp_path, 1, "어/ (2시)/(두 시)에 보자 n/\n".encode("cp949"))
    second = kspon_clip(tmp_path, 2, "그래+ 그래 좋아.\n".encode(), samples=24_000)
    kspon_clip(tmp_path, 4, b"n/ \n")
    assert list(data.ksponspeech(tmp_path)) == [
        Clip(first, "", "어 두 시에 보자", 0.5),
        Clip(second, "", "그래 그래 좋아.", 1.5),
        Clip(third, "", "크", 0.5),
    ]
    assert next(data.ksponspeech(tmp_path, spelling=True)).text == "어 2시에 보자"


def test_ksponspeech_names_what_is_broken_or_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataSetSn=123"):
        data.ksponspeech(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no \.pcm file.*dataSetSn=123"):
        data.ksponspeech(tmp_path)
    sound = kspon_clip(tmp_path, 1, "괄호가 (하나".encode())
    with pytest.raises(ValueError, match=r"KsponSpeech_000001\.txt, line 1: a bracket"):
        list(data.ksponspeech(tmp_path))
    sound.with_suffix(".txt").write_bytes(b"\xff\xff\xff")
    with pytest.raises(ValueError, match=r"KsponSpeech_000001\.txt, line 1: neither UTF-8 nor CP949"):
        list(data.ksponspeech(tmp_path))
    sound.with_suffix(".txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"KsponSpeech_000001\.txt"):
        list(data.ksponspeech(tmp_path))


def test_read_pcm_is_little_endian_and_drops_half_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.pcm"
    path.write_bytes(b"\x00\x40" + b"\x00\x80" + b"\xff\x7f" + b"\x01")
    samples = data.read_pcm(path)
    assert samples.dtype == np.float32
    assert samples.tolist() == [0.5, -1.0, 32_767 / 32_768]
    with pytest.raises(FileNotFoundError, match="KsponSpeech"):
        data.read_pcm(tmp_path / "b.pcm")


# --- KSS -----------------------------------------------------------------------------------------------------------

KSS_LINE = "1/1_0000.wav|사과 3개 주세요.|사과 세 개 주세요.|사과 세 개 주세요.|2.1|Three apples, please."


@pytest.mark.parametrize("home", ["", "kss"])
def test_kss_reads_the_expanded_text(tmp_path: Path, home: str) -> None:
    (tmp_path / "transcript.v.1.4.txt").write_text(KSS_LINE + "\n\n", "utf-8")
    with pytest.raises(FileNotFoundError, match=r"1_0000\.wav"):
        data.kss(tmp_path)
    sound = tmp_path / home / "1" / "1_0000.wav"
    sound.parent.mkdir(parents=True)
    sound.touch()
    assert data.kss(tmp_path) == [Clip(sound, "kss", "사과 세 개 주세요.", 2.1)]


def test_kss_names_what_is_broken_or_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"kaggle\.com"):
        data.kss(tmp_path)
    (tmp_path / "transcript.v.1.4.txt").write_text("1/1_0000.wav|사과 주세요.\n", "utf-8")
    with pytest.raises(ValueError, match=r"transcript\.v\.1\.4\.txt, line 1: 2 fields"):
        data.kss(tmp_path)


# --- AI Hub emotion workbooks --------------------------------------------------------------------------------------


def test_aihub_single(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "single.xlsx",
        ["Sentence", "Emotion", None],
        ["골목이 너무 어두워요.", "공포", None],
        [None, None, "표"],
        [2024, "중립 "],
    )
    assert data.aihub_single(path) == [
        EmotionRow("골목이 너무 어두워요.", "공포", "single"),
        EmotionRow("2024", "중립", "single"),
    ]


def test_aihub_single_names_what_is_broken_or_missing(tmp_path: Path) -> None:
    path = tmp_path / "single.xlsx"
    with pytest.raises(FileNotFoundError, match=r"단발성.*dataSetSn=270"):
        data.aihub_single(path)
    write_xlsx(path, ["Sentence", "Emotion"], ["눈이 온다.", "설렘"])
    with pytest.raises(ValueError, match=r"single\.xlsx, line 2: unknown emotion '설렘'"):
        data.aihub_single(path)
    write_xlsx(path, ["문장", "감정"], ["눈이 온다.", "행복"])
    with pytest.raises(ValueError, match=r"single\.xlsx: no header row with the columns Sentence, Emotion"):
        data.aihub_single(path)
    path.write_text("이것은 표가 아니다", "utf-8")
    with pytest.raises(ValueError, match=r"single\.xlsx is not an Excel workbook"):
        data.aihub_single(path)


def test_aihub_continuous_mends_plain_slips_and_counts_the_rest(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "continuous.xlsx",
        [None, None, None, "합계"],
        ["dialog #", "발화", "감정"],
        ["S", "문 앞에 누가 왔어.", "놀람"],
        [None, "택배였네.", "ㅈ중립"],
        [None, "왜 던지고 가지?", "분"],
        ["S", "늦어서 미안.", "중립 "],
        [None, "난 차 마시고 있었어.", "ㅍ"],
        [None, "이제 슬슬 나가 볼까.", None],
        [None, None, "행복"],
        [None, None, None],
    )
    rows, dropped = data.aihub_continuous(path)
    assert rows == [
        EmotionRow("문 앞에 누가 왔어.", "놀람", "dialog"),
        EmotionRow("택배였네.", "중립", "dialog"),
        EmotionRow("왜 던지고 가지?", "분노", "dialog"),
        EmotionRow("늦어서 미안.", "중립", "dialog"),
    ]
    assert dropped == Counter({"ㅍ": 1, "": 1, "행복": 1})
    with pytest.raises(FileNotFoundError, match=r"연속적.*dataSetSn=271"):
        data.aihub_continuous(tmp_path / "nowhere.xlsx")


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("혐오", "혐오"),
        (" 슬픔\n", "슬픔"),
        ("ㄴ중립", "중립"),
        ("중림", "중립"),
        ("분ㄴ", "분노"),
        ("줄", None),
        ("ㅍ", None),
        ("감정", None),
        ("분노슬픔", None),
        ("", None),
    ],
)
def test_emotion_label(raw: str, label: str | None) -> None:
    assert data.emotion_label(raw) == label


# --- AI Hub 감성 대화 말뭉치 ----------------------------------------------------------------------------------------


def talk(code: str, **content: str) -> dict[str, Any]:
    return {"profile": {"emotion": {"type": code}}, "talk": {"content": content}}


TALKS = [
    talk("E18", HS01="짐을 나만 들었어.", SS01="억울하셨겠어요.", HS02="응. ", SS02="말해 보셨나요?", HS03="", SS03=""),
    talk("E60", HS01="딸이 걸었어!", SS01="기쁘시겠어요.", HS02="정말 그래."),
]
DIALOGUES = [
    (
        ("user", "짐을 나만 들었어."),
        ("bot", "억울하셨겠어요."),
        ("user", "응."),
        ("bot", "말해 보셨나요?"),
    ),
    (("user", "딸이 걸었어!"), ("bot", "기쁘시겠어요.")),
]


def test_gamsung_json_stops_at_the_first_half_exchange(tmp_path: Path) -> None:
    path = tmp_path / "감성대화말뭉치(최종데이터)_Training.json"
    path.write_text(json.dumps(TALKS, ensure_ascii=False), "utf-8")
    expected = [
        Dialogue(DIALOGUES[0], "분노", "train", "gamsung"),
        Dialogue(DIALOGUES[1], "기쁨", "train", "gamsung"),
    ]
    assert data.gamsung(path) == data.gamsung(tmp_path) == expected


@pytest.mark.parametrize("bot", ["시스템문장", "시스템응답"])
def test_gamsung_xlsx_knows_both_names_of_its_columns(tmp_path: Path, bot: str) -> None:
    write_xlsx(
        tmp_path / "감성대화말뭉치(최종데이터)_Validation.xlsx",
        [None, "연령", "감정_대분류", "감정_소분류", "사람문장1", f"{bot}1", "사람문장2", f"{bot}2", "사람문장3"],
        [0, "중년", "분노 ", "억울한", "짐을 나만 들었어.", "억울하셨겠어요.", "응.", "말해 보셨나요?", "음."],
        [1, "청년", "기쁨", "신이 난", "딸이 걸었어!", "기쁘시겠어요.", "정말 그래.", None, None],
    )
    assert data.gamsung(tmp_path) == [
        Dialogue(DIALOGUES[0], "분노", "test", "gamsung"),
        Dialogue(DIALOGUES[1], "기쁨", "test", "gamsung"),
    ]


@pytest.mark.parametrize(
    ("code", "group"),
    [("E10", "분노"), ("E29", "슬픔"), ("E35", "불안"), ("E40", "상처"), ("E59", "당황"), ("E69", "기쁨")],
)
def test_gamsung_groups_follow_the_first_digit(tmp_path: Path, code: str, group: str) -> None:
    path = tmp_path / "talks.json"
    path.write_text(json.dumps([talk(code, HS01="문 열고 왔어.", SS01="여기 앉으세요.")]), "utf-8")
    assert data.gamsung(path) == [
        Dialogue((("user", "문 열고 왔어."), ("bot", "여기 앉으세요.")), group, "", "gamsung")
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (json.dumps([TALKS[0], {"talk": {}}]), "item 2: not a dialogue"),
        (json.dumps([talk("E70", HS01="문 열고 왔어.", SS01="네.")]), "item 1: unknown emotion 'E70'"),
        (json.dumps([talk("E10", HS01="문 열고 왔어.")]), "item 1: no exchange"),
        ("[\n{", "line 2:"),
    ],
)
def test_a_broken_gamsung_item_is_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "talks.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=rf"talks\.json, {why}"):
        data.gamsung(path)


def test_a_missing_gamsung_says_how_to_get_it(tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(FileNotFoundError, match="dataSetSn=86"):
            data.gamsung(place)


# --- the module ----------------------------------------------------------------------------------------------------


def test_reading_corpora_loads_no_model_library() -> None:
    code = "import sys, training.data; print({'torch', 'tensorflow', 'gradio', 'openpyxl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("label", "ours"),
    [
        ("상처", "슬픔"),
        ("당황", "놀람"),
        ("감정/우울감/눈물", "슬픔"),
        ("감정/화", "분노"),
        ("혐오", "혐오"),
        ("감정/생각", ""),
        ("감정", ""),
        ("", ""),
    ],
)
def test_a_dialogues_label_is_one_of_our_classes_or_none(label: str, ours: str) -> None:
    assert data.emotion_of(label) == ours
