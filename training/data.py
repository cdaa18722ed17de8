"""Corpora to rows, nothing else: no features, no tokenizers, no model library.

Three nouns (`Clip`, `EmotionRow`, `Dialogue`) and one reader per corpus. Two families of readers:

* the prepared folder (``speech/`` and ``text/`` below `data_root`): `speech`, `emotion7`, `emotion_voice`, `emodialog`,
  `wellness`, `songys`, `kmi`, `lines`;
* the corpora as their publishers hand them out: `ksponspeech`, `kss`, `aihub_single`, `aihub_continuous`, `gamsung`;

and `talks`, which were written for this project and lie in it.

A missing file raises `FileNotFoundError` that says how to get the corpus; a broken line raises `ValueError` that names
file and line. No row of any corpus may be copied into this repository: read the licence in each docstring.
"""

from __future__ import annotations

import io
import json
import lzma
import os
import re
import unicodedata
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.turn import EMOTIONS

EmotionSource = Literal["single", "dialog", "story", "voice"]
Root = Path | str | None
"""A folder; None stands for `data_root`."""

PCM_RATE = 16_000
"""Samples a second of a KsponSpeech ``.pcm``: it has no header that could say so."""

EVERYDAY_PART = "5차년도_2차"
"""The part of emotion_voice whose talk is everyday talk."""

TALKS = Path(__file__).with_name("talks")

CLASSES = {
    "공포": "불안 불안감 걱정 긴장 무서움 두려움 초조함",
    "놀람": "당황 충격",
    "분노": "짜증 화 억울함 불만 배신감",
    "슬픔": "상처 힘듦 우울감 눈물 괴로움 절망감 기분저하 속상함 외로움 허무함 고독감 좌절 공허감 서운함 의기소침 자괴감 자존감저하 자신감저하 무력감 후회 "
    "의욕상실 죄책감 미안함 비관적",
    "중립": "",
    "행복": "기쁨 즐거움",
    "혐오": "불쾌감 미움 불편감",
}
"""By class of ours, which it also names itself, what the dialogue corpora call it."""
_CLASS_OF = {word: label for label, words in CLASSES.items() for word in (label, *words.split())}

_PREPARED = "set JIWOO_DATA to the prepared folder that holds speech/ and text/, or pass it as root"
_AIHUB = "free for research after registration: https://aihub.or.kr/aihubdata/data/view.do?dataSetSn="
_KSPON = f"KsponSpeech, {_AIHUB}123 ; unpack KsponSpeech_01.zip ... and pass the folder above KsponSpeech_01"
_KSS = (
    "KSS: https://www.kaggle.com/datasets/bryanpark/korean-single-speaker-speech-dataset ;"
    " pass the folder that holds transcript.v.1.4.txt"
)
_SINGLE = f"한국어_단발성_대화_데이터셋.xlsx, {_AIHUB}270"
_CONTINUOUS = f"한국어_연속적_대화_데이터셋.xlsx, {_AIHUB}271"
_GAMSUNG = f"감성대화말뭉치(최종데이터)_Training.json, {_AIHUB}86"


# --- the nouns -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clip:
    """A recording and what is said in it. ``speaker`` is "" where the corpus does not tell."""

    path: Path
    speaker: str
    text: str
    seconds: float


@dataclass(frozen=True)
class EmotionRow:
    """A sentence and its class, one of `pipeline.turn.EMOTIONS`.

    votes: the labels of the single judges where they are known; the splits are "train", "test", "drop" (of no use under
    that split: its text stands on the other side) or "" where the corpus has none.
    """

    text: str
    label: str
    source: EmotionSource
    votes: tuple[str, ...] = ()
    random_split: str = ""
    grouped_split: str = ""


@dataclass(frozen=True)
class Dialogue:
    """Turns as (role, text) with role "user" or "bot"; ``emotion`` is the raw label of the corpus or ""."""

    turns: tuple[tuple[str, str], ...]
    emotion: str
    split: str
    source: str


def emotion_of(label: str) -> str:
    """Our class for a dialogue's raw label ("상처", "감정/우울감/눈물"), or "" where none fits."""
    parts = label.split("/")
    return _CLASS_OF.get(parts[1] if parts[0] == "감정" and len(parts) > 1 else label, "")


# --- the border to the files ---------------------------------------------------------------------------------------


def data_root() -> Path:
    """The prepared folder: ``JIWOO_DATA``, or ``../shared/data`` next to this repository. Read nowhere else."""
    return Path(os.environ.get("JIWOO_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def _prepared(root: Root, *parts: str) -> Path:
    return _existing(data_root().joinpath(*parts) if root is None else Path(root, *parts), _PREPARED)


def _existing(path: Path, how: str) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing. How to get it: {how}")
    return path


def _broken(path: Path, where: int | str, why: str) -> ValueError:
    """where: the line (the row of a sheet) from 1, or the place in words."""
    return ValueError(f"{path}, {where if isinstance(where, str) else f'line {where}'}: {why}")


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a UTF-8 text (plain or .xz) with their number from 1, without the line end."""
    number = 0
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as raw:
        file = io.TextIOWrapper(raw, encoding="utf-8-sig")
        try:
            for number, line in enumerate(file, 1):
                yield number, line.rstrip("\n")
        except (UnicodeDecodeError, lzma.LZMAError, EOFError) as error:
            raise _broken(path, number + 1, str(error)) from error


def _tsv(path: Path, header: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows of a tab-separated file below ``header``, each with its line number. Quotes are text."""
    for number, line in _numbered(path):
        cells = line.split("\t")
        if number == 1 and cells != list(header):
            raise _broken(path, number, f"the header is {cells}, expected {list(header)}")
        if len(cells) != len(header):
            raise _broken(path, number, f"{len(cells)} columns, expected {len(header)}")
        if number > 1:
            yield number, cells


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in _numbered(path):
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise _broken(path, number, str(error)) from error


def _sheet(path: Path) -> list[list[str]]:
    """All rows of the first sheet of a workbook, cells as stripped text, every row equally wide."""
    import openpyxl  # only the workbooks of AI Hub need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl on styles and extensions that it skips
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"{path} is not an Excel workbook: {error}") from error
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # some writers state a size that is too small
            rows = [["" if cell is None else str(cell).strip() for cell in row] for row in sheet.values]
        finally:
            book.close()
    width = max(map(len, rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]


def _header(rows: Sequence[Sequence[str]], names: Sequence[str], path: Path) -> tuple[int, list[int]]:
    """Index of the header row (one of the first five) and the column of each name."""
    for index, row in enumerate(rows[:5]):
        if set(names) <= set(row):
            return index, [row.index(name) for name in names]
    raise ValueError(f"{path}: no header row with the columns {', '.join(names)}")


def _emotion(label: str, path: Path, line: int) -> str:
    if label not in EMOTIONS:
        raise _broken(path, line, f"unknown emotion {label!r}")
    return label


def _seconds(cell: str, path: Path, line: int) -> float:
    try:
        return float(cell)
    except ValueError:
        raise _broken(path, line, f"{cell!r} is no number of seconds") from None


# --- the prepared folder -------------------------------------------------------------------------------------------


def speech(root: Root, manifest_name: str) -> list[Clip]:
    """Clips of one manifest of ``speech/``, as "asr_train": ``path<TAB>speaker<TAB>text<TAB>seconds``, header row.

    Sources, all non-commercial: EmotionTTS Open DB (KAIST, Selvas AI; CC BY-NC-SA 4.0, research use), Pansori-TEDxKR
    (CC BY-NC-ND 4.0), Deeply Korean Read Speech sample (CC BY-NC-ND 4.0).
    """
    folder = _prepared(root, "speech")
    manifest = _existing(folder / f"{manifest_name.removesuffix('.tsv')}.tsv", _PREPARED)
    return [
        Clip(_existing(folder / path, _PREPARED), speaker, text, _seconds(seconds, manifest, line))
        for line, (path, speaker, text, seconds) in _tsv(manifest, ("path", "speaker", "text", "seconds"))
    ]


def emotion7(root: Root = None) -> list[EmotionRow]:
    """``text/emotion7.tsv.xz``: single sentences and dialogue sentences of AI Hub with one of seven classes.

    Columns: source (single or multi), dialog_id, text, label, random_split (80/20), grouped_split (dialogue- and
    text-disjoint; "drop" rows are kept here, for random_split needs them). AI Hub (NIA): for training models only.
    """
    path = _prepared(root, "text", "emotion7.tsv.xz")
    sources: dict[str, EmotionSource] = {"single": "single", "multi": "dialog"}
    rows = []
    header = ("source", "dialog_id", "text", "label", "random_split", "grouped_split")
    for line, (source, _, text, label, random_split, grouped_split) in _tsv(path, header):
        if source not in sources:
            raise _broken(path, line, f"unknown source {source!r}")
        label = _emotion(label, path, line)
        rows.append(EmotionRow(text, label, sources[source], random_split=random_split, grouped_split=grouped_split))
    return rows


def emotion_voice(root: Root = None) -> list[EmotionRow]:
    """``text/emotion_voice.tsv.xz``: transcribed spoken utterances with the votes of five judges, joined by "|".

    The first two years are stories of grief and anger (슬픔 half of them, 중립 and 행복 hardly any), source "story"; the
    last part is everyday talk, source "voice".
    Columns: part, text, votes, majority, agree, split. Rows of split "drop" are left out, and so are rows without a
    majority (a tie has no class). AI Hub (NIA): for training models only.
    """
    path = _prepared(root, "text", "emotion_voice.tsv.xz")
    rows = []
    header = ("part", "text", "votes", "majority", "agree", "split")
    for line, (part, text, joined, majority, _, split) in _tsv(path, header):
        votes = tuple(_emotion(vote, path, line) for vote in joined.split("|"))
        if split != "drop" and majority:
            source: EmotionSource = "voice" if part == EVERYDAY_PART else "story"
            rows.append(EmotionRow(text, _emotion(majority, path, line), source, votes, split, split))
    return rows


def talks(folder: Path = TALKS) -> list[Dialogue]:
    """``training/talks/*.tsv``: what people say to a counsellor, what they feel, and what it answers; one or two exchanges.

    Columns: emotion (of `EMOTIONS`), user, reply, user2, reply2; the last two may be missing. Of ``*_plain.tsv`` (source
    "plain_talks") the answers are in the simplest words. Written for this project, so no licence but its own. Every tenth, by
    the checksum of what is said first, is of split "test".
    """
    found = []
    for path in sorted(folder.glob("*.tsv")):
        source = "plain_talks" if path.stem.endswith("_plain") else "talks"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            emotion, *turns = line.split("\t")
            if len(turns) not in (2, 4) or emotion not in EMOTIONS:
                raise ValueError(f"{path}:{number}: not a talk: {line!r}")
            split = "train" if zlib.crc32(turns[0].encode()) % 10 else "test"
            roles = ("user", "bot") * (len(turns) // 2)
            found.append(Dialogue(tuple(zip(roles, turns, strict=True)), emotion, split, source))
    return found


def emodialog(root: Root = None) -> list[Dialogue]:
    """``text/emodialog.jsonl.xz``: empathetic dialogues with one of six emotions (분노 슬픔 불안 상처 당황 기쁨).

    Keys used: turns ([["user", text], ["bot", text], ...]), emotion, split. AI Hub (NIA): for training models only.
    """
    path = _prepared(root, "text", "emodialog.jsonl.xz")
    return [
        _dialogue(item, {"user": "user", "bot": "bot"}, "emodialog", path, line) for line, item in _json_lines(path)
    ]


def kmi(root: Root = None) -> list[Dialogue]:
    """``text/kmi_dialogues.jsonl.xz``: machine-written motivational interviewing (Apache-2.0).

    Keys used: turns ([[role, text, technique], ...]); the roles are Client/Therapist, in one part of it
    counselee/counselor. Most begin with the greeting of the therapist. It has neither emotions nor splits.
    """
    path = _prepared(root, "text", "kmi_dialogues.jsonl.xz")
    roles = {"Client": "user", "counselee": "user", "Therapist": "bot", "counselor": "bot"}
    return [_dialogue(item, roles, "kmi", path, line) for line, item in _json_lines(path)]


def _dialogue(item: Any, roles: dict[str, str], source: str, path: Path, line: int) -> Dialogue:
    try:
        turns = tuple((roles[turn[0]], turn[1].strip()) for turn in item["turns"])
        dialogue = Dialogue(turns, item.get("emotion", ""), item.get("split", ""), source)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _broken(path, line, f"not a dialogue of this corpus: {error!r}") from error
    if not turns or not all(text for _, text in turns):
        raise _broken(path, line, "an empty turn")
    return dialogue


def is_crisis_intent(intent: str) -> bool:
    """Whether a wellness intent speaks of suicide, self-harm or killing. The corpus' replies to these are unsafe."""
    return any(word in intent for word in ("자살", "자해", "살인"))


UNTAUGHT_INTENTS = (
    *("망상", "환청", "환각"),  # the replies play along, or argue
    *("폭력", "폭행", "공격"),  # comfort where help is needed
    *("음주", "알코올", "복약", "성욕"),  # advice on drink, medicine and sex
    *("비건", "영양"),  # an advertisement for vegan food
)


def is_untaught_intent(intent: str) -> bool:
    """Whether no reply is learnt from a wellness intent: it is a crisis, or what the corpus answers to it is unfit."""
    return is_crisis_intent(intent) or any(word in intent for word in UNTAUGHT_INTENTS)


def wellness(root: Root = None) -> list[Dialogue]:
    """``text/wellness_pairs.tsv.xz``: counselling questions and replies by intent, as two-turn dialogues.

    Columns: intent, user, reply. Pairs of `is_untaught_intent` are left out, and flippant replies; a few other intents
    still hold single utterances that name suicide, so a training of replies also asks `pipeline.safety`.
    ``emotion`` is the intent where it names a feeling ("감정/우울감"). AI Hub (NIA): for training models only.
    """
    path = _prepared(root, "text", "wellness_pairs.tsv.xz")
    return [
        _pair(user, reply, intent if intent.startswith("감정/") else "", "wellness")
        for _, (intent, user, reply) in _tsv(path, ("intent", "user", "reply"))
        if not is_untaught_intent(intent) and not is_flippant(reply)
    ]


_FLIPPANT = re.compile(
    r"X{2,}|ㅋㅋ|ㅎㅎ|놈|제길|젠장|꺼져|닥쳐(?!\s?[오올온와])|쪼잔"  # rude
    r"|(바보|멍청|찌질|한심)(?!.{0,6}(아니|않))"  # rude, unless it says that it is not so
    r"|정신 ?차[려리]|행실|주제[를 ]|생각하고 말|했어야죠|욕 ?먹을 짓|나약한|철 ?들고"  # blaming
    r"|상종|똥차|웬수|병이[죠에네]|예민한가 ?봐|그만 잊|집착하지|낭비하지|별로(네|죠|예)|나쁜 생각.{0,4}(멈추|하지)"  # belittling
    r"|미련을? ?버|차단하세요|욕해도|술 마실|칭찬 ?타임"
    r"|안 궁금|관심 ?없어요|어쩌라고|알 ?바 아니|어쩔 ?수 ?없[죠어네]"  # shrugging
)


def is_flippant(reply: str) -> bool:
    """Whether a reply is rude, blaming, belittling, shrugging or next to empty: not a thing to say to someone hurt."""
    return len(re.findall(r"\w", reply)) < 3 or _FLIPPANT.search(reply) is not None


def songys(root: Root = None) -> list[Dialogue]:
    """``text/songys_pairs.tsv.xz``: chit-chat, break-up and love, as two-turn dialogues without flippant replies.

    Columns: label (0 daily, 1 break-up, 2 love: a topic, not an emotion), user, reply. Chatbot_data by songys (MIT).
    """
    path = _prepared(root, "text", "songys_pairs.tsv.xz")
    return [
        _pair(user, reply, "", "songys")
        for _, (_, user, reply) in _tsv(path, ("label", "user", "reply"))
        if not is_flippant(reply)
    ]


def _pair(user: str, reply: str, emotion: str, source: str) -> Dialogue:
    return Dialogue((("user", user), ("bot", reply)), emotion, "", source)


def lines(root: Root, name: str) -> Iterator[str]:
    """Lines of a pretraining text ("nsmc", "petitions", "3i4k", "kowiki_120MB"), one at a time.

    An empty line parts two documents. nsmc: CC0 as stated; petitions: public, masked; 3i4k: CC BY-SA 4.0; kowiki:
    Korean Wikipedia, CC BY-SA 3.0.
    """
    path = _prepared(root, "text", f"{name.removesuffix('.xz').removesuffix('.txt')}.txt.xz")
    return (line for _, line in _numbered(path))


# --- KsponSpeech ---------------------------------------------------------------------------------------------------

_KSPON_MARK = re.compile(r"\(([^()]*)\)\s*/?\s*\(([^()]*)\)|(?<![A-Za-z])[blonu]/|[*+/]")


def kspon_text(raw: str, spelling: bool = False) -> str:
    """A KsponSpeech transcription without its marks: "b/ 아/ 그+ 그게 (3개)/(세 개)야 n/" -> "아 그 그게 세 개야".

    (spelling)/(pronunciation) is written twice where they differ: the pronunciation stands unless ``spelling``.
    Left out: b/ breath, l/ laughter, o/ other voices, n/ noise, u/ unheard; "/" after fillers, "+" after stutters, "*"
    after unclear words.
    """

    def chosen(match: re.Match[str]) -> str:
        if match[1] is None:
            return ""
        return match[1] if spelling else kspon_text(match[2])

    text = " ".join(_KSPON_MARK.sub(chosen, raw).split())
    if re.search(r"[()]", text):
        raise ValueError(f"a bracket without its pair in {raw!r}")
    return text


def ksponspeech(folder: Path | str, spelling: bool = False) -> Iterator[Clip]:
    """KsponSpeech, 1,000 h of spontaneous Korean (AI Hub "한국어 음성"; NIA terms: no redistribution).

    Layout: ``KsponSpeech_01/KsponSpeech_0001/KsponSpeech_000001.pcm`` (see `read_pcm`) and a ``.txt`` of the same name
    with one line in CP949 (or UTF-8), see `kspon_text`. Clips in which nothing is said are left out. The corpus does
    not tell its speakers.
    """
    sounds = sorted(_existing(Path(folder), _KSPON).rglob("*.pcm"))
    if not sounds:
        raise FileNotFoundError(f"{folder} holds no .pcm file. How to get them: {_KSPON}")
    return _kspon_clips(sounds, spelling)


def _kspon_clips(sounds: Iterable[Path], spelling: bool) -> Iterator[Clip]:
    for sound in sounds:
        script = _existing(sound.with_suffix(".txt"), _KSPON)
        try:
            text = kspon_text(_korean(script.read_bytes()), spelling)
        except ValueError as error:
            raise _broken(script, 1, str(error)) from error
        if text:
            yield Clip(sound, "", text, sound.stat().st_size // 2 / PCM_RATE)


def _korean(raw: bytes) -> str:
    """Text of unknown encoding: UTF-8 if that gives Hangul (some CP949 is UTF-8 of another script), else CP949."""
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.isascii() or re.search("[가-힣ㄱ-ㅣ]", text):
            return text
    raise ValueError("neither UTF-8 nor CP949 text")


def read_pcm(path: Path | str) -> np.ndarray:
    """A headerless 16 kHz 16-bit little-endian mono file -> float32, shape (n,), in -1..1.

    Some files of the corpus end in half a sample, which is dropped.
    """
    raw = _existing(Path(path), _KSPON).read_bytes()
    samples = np.frombuffer(raw, dtype="<i2", count=len(raw) // 2)  # (n,)
    return samples.astype(np.float32) / 32_768


# --- KSS -----------------------------------------------------------------------------------------------------------


def kss(folder: Path | str) -> list[Clip]:
    """KSS, 12 h of one professional female voice, 44.1 kHz (Kyubyong Park; CC BY-NC-SA 4.0).

    Layout: ``transcript.v.1.4.txt`` with ``1/1_0000.wav|original|expanded|decomposed|seconds|English``, and the wavs
    next to it or below ``kss/``. The text is the expanded one (numbers spelled out).
    """
    script = _existing(Path(folder) / "transcript.v.1.4.txt", _KSS)
    home = script.parent / "kss" if (script.parent / "kss").is_dir() else script.parent
    clips = []
    for number, line in _numbered(script):
        if not line.strip():
            continue
        cells = line.strip().split("|")
        if len(cells) != 6:
            raise _broken(script, number, f"{len(cells)} fields between '|', expected 6")
        text = unicodedata.normalize("NFC", cells[2])
        clips.append(Clip(_existing(home / cells[0], _KSS), "kss", text, _seconds(cells[4], script, number)))
    return clips


# --- AI Hub emotion workbooks --------------------------------------------------------------------------------------


def aihub_single(xlsx: Path | str) -> list[EmotionRow]:
    """한국어_단발성_대화_데이터셋.xlsx: 38,594 sentences, columns Sentence and Emotion (AI Hub; NIA terms).

    The labels are the seven of `pipeline.turn.EMOTIONS`; any other one is an error. It comes without splits.
    """
    path = _existing(Path(xlsx), _SINGLE)
    rows = _sheet(path)
    start, (text, label) = _header(rows, ("Sentence", "Emotion"), path)
    return [
        EmotionRow(row[text], _emotion(row[label], path, line), "single")
        for line, row in enumerate(rows[start + 1 :], start + 2)
        if row[text] or row[label]
    ]


def emotion_label(raw: str) -> str | None:
    """The class that a mistyped label means, or None where that would be a guess.

    Stray jamo and spaces go ("ㅈ중립"); what is left must be a class, its beginning ("분"), or the known slip "중림".
    """
    word = re.sub(r"[^가-힣]", "", raw)
    if word == "중림":
        return "중립"
    meant = [emotion for emotion in EMOTIONS if word and emotion.startswith(word)]
    return meant[0] if len(meant) == 1 else None


def aihub_continuous(xlsx: Path | str) -> tuple[list[EmotionRow], Counter[str]]:
    """한국어_연속적_대화_데이터셋.xlsx: 55,628 utterances of some 10,000 dialogues (AI Hub; NIA terms).

    Columns: a marker ("S" begins a dialogue), 발화, 감정; the header may be the second row. Gives the rows, mistyped
    labels put right by `emotion_label`, and how often each label that says nothing (or has no text) was dropped.
    """
    path = _existing(Path(xlsx), _CONTINUOUS)
    sheet = _sheet(path)
    start, (text, label) = _header(sheet, ("발화", "감정"), path)
    rows, dropped = [], Counter[str]()
    for row in sheet[start + 1 :]:
        emotion = emotion_label(row[label])
        if row[text] and emotion:
            rows.append(EmotionRow(row[text], emotion, "dialog"))
        elif row[text] or row[label]:
            dropped[row[label]] += 1
    return rows, dropped


# --- AI Hub 감성 대화 말뭉치 ----------------------------------------------------------------------------------------

GAMSUNG_GROUPS = {"1": "분노", "2": "슬픔", "3": "불안", "4": "상처", "5": "당황", "6": "기쁨"}
"""First digit of an emotion code E10..E69 -> the corpus' six groups."""


def gamsung(path: Path | str) -> list[Dialogue]:
    """감성 대화 말뭉치: empathetic dialogues of two to four exchanges with an emotion (AI Hub; NIA terms).

    ``path`` is one .json, one .xlsx, or a folder that is searched for .json and, failing these, .xlsx.
    json: ``[{"profile": {"emotion": {"type": "E18"}}, "talk": {"content": {"HS01": user, "SS01": bot, ...}}}, ...]``;
    xlsx: columns 감정_대분류, 사람문장1, 시스템문장1 (or 시스템응답1), 사람문장2 ...
    The split is told by the file name: Training -> "train", Validation -> "test".
    """
    place = _existing(Path(path), _GAMSUNG)
    files = [place]
    if place.is_dir():
        files = sorted(place.rglob("*.json")) or sorted(place.rglob("*.xlsx"))
    if not files:
        raise FileNotFoundError(f"{place} holds neither .json nor .xlsx. How to get them: {_GAMSUNG}")
    return [dialogue for file in files for dialogue in _gamsung_file(file)]


def _gamsung_file(path: Path) -> Iterator[Dialogue]:
    split = "train" if "Training" in path.name else "test" if "Validation" in path.name else ""
    talks = _gamsung_xlsx(path) if path.suffix == ".xlsx" else _gamsung_json(path)
    for where, group, sentences in talks:
        turns = _whole_exchanges(sentences)
        if not turns:
            raise _broken(path, where, "no exchange of a user's and a bot's sentence")
        if group not in GAMSUNG_GROUPS.values():
            raise _broken(path, where, f"unknown emotion {group!r}")
        yield Dialogue(turns, group, split, "gamsung")


def _whole_exchanges(sentences: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """User, bot, user, bot ... up to the first exchange of which a half is missing."""
    turns: list[tuple[str, str]] = []
    for user, bot in zip(sentences[0::2], sentences[1::2], strict=True):
        if not (user and bot):
            break
        turns += [("user", user), ("bot", bot)]
    return tuple(turns)


def _gamsung_json(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """(place of the item, emotion group, [HS01, SS01, HS02, ...])"""
    try:
        items = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise _broken(path, error.lineno, str(error)) from error
    for number, item in enumerate(items, 1):
        try:
            code, content = item["profile"]["emotion"]["type"], item["talk"]["content"]
            group = GAMSUNG_GROUPS[code[1]] if re.fullmatch(r"E[1-6]\d", code) else code
            sentences = [content.get(f"{who}0{turn}", "").strip() for turn in (1, 2, 3, 4) for who in ("HS", "SS")]
        except (KeyError, TypeError, AttributeError) as error:
            raise _broken(path, f"item {number}", f"not a dialogue of this corpus: {error!r}") from error
        yield f"item {number}", group, sentences


def _gamsung_xlsx(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """(row, emotion group, [사람문장1, 시스템문장1, 사람문장2, ...])"""
    rows = _sheet(path)
    bot = "시스템응답" if any("시스템응답1" in row for row in rows[:5]) else "시스템문장"
    start, (group, _, _) = _header(rows, ("감정_대분류", "사람문장1", f"{bot}1"), path)
    exchanges = [(f"사람문장{turn}", f"{bot}{turn}") for turn in (1, 2, 3, 4)]
    names = [name for exchange in exchanges if set(exchange) <= set(rows[start]) for name in exchange]
    columns = [rows[start].index(name) for name in names]
    for line, row in enumerate(rows[start + 1 :], start + 2):
        if any(row):
            yield line, row[group], [row[column] for column in columns]
