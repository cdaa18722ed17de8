"""Many clips, one by one, as who evaluates wants them: what was heard, felt and answered, and how wrong it was heard.

Every clip is a talk of its own through `Counsellor.answer`, so what holds for a talk holds here: signs of a crisis get
the fixed answer, and a stage that fails is told in the row. Nothing is spoken, nothing is kept.
"""

from __future__ import annotations

import csv
import io
import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import audio
from pipeline.counsellor import Counsellor
from pipeline.errors import BadText, JiwooError, TooMuch
from pipeline.korean import cer_counts
from pipeline.report import SOURCES, harmless
from pipeline.turn import EMOTIONS, Turn, turn_as_dict

log = logging.getLogger(__name__)

MOST_CLIPS = 50
MOST_BYTES = 1_000_000
"""Of a file with reference texts: fifty clips of a minute are spoken with a hundredth of it."""
MANY = f"한 번에 {MOST_CLIPS}개까지 살펴볼 수 있어요. 나누어 올려 주세요."
UNREADABLE = "참고 글 파일을 읽지 못했어요. 한 줄에 ‘파일 이름[탭]글’을 적은 글 파일(TSV, CSV)로 올려 주세요."
UNSURE = "불확실"
NAMES = {"path", "file", "filename", "file name", "clip", "name", "파일", "파일 이름", "소리", "소리 파일"}
TEXTS = {"text", "reference", "transcript", "sentence", "글", "참고 글", "문장", "받아쓰기"}


@dataclass(frozen=True)
class Row:
    """A clip and what came of it. reference: what was really said, "" where nobody told; turn: None where the clip
    could not be opened; message: Korean sentences about what could not be done."""

    path: Path
    reference: str = ""
    clip_seconds: float | None = None
    turn: Turn | None = None
    message: str = ""

    @property
    def clip(self) -> str:
        return self.path.name

    @property
    def cer(self) -> float | None:
        """Character error rate of the transcript, letters only; None without a reference or a transcript."""
        return error_rate([self])


def error_rate(rows: Iterable[Row]) -> float | None:
    """Of all rows together: the edits of all over the letters of all (micro-average). None where nothing can be compared."""
    counts = [cer_counts(row.reference, row.turn.text) for row in rows if row.turn]
    letters = sum(length for *_, length in counts if length)
    return sum(sum(edits) for *edits, length in counts if length) / letters if letters else None


def evaluate(counsellor: Counsellor, clips: Sequence[Path], references: Sequence[str] = ()) -> Iterator[Row]:
    """Yield a row a clip, in order, as it is done. references: a text a clip, "" for none, or nothing at all.

    A clip that cannot be used is told in its row. Raises `TooMuch` for more than `MOST_CLIPS`, `BadText` where texts and
    clips are not equally many.
    """
    if len(clips) > MOST_CLIPS:
        raise TooMuch(f"{len(clips)} clips", MANY)
    if references and len(references) != len(clips):
        raise BadText(f"{len(references)} references for {len(clips)} clips", "참고 글은 소리마다 하나씩 보내 주세요.")
    return (_row(counsellor, *pair) for pair in zip(clips, references or [""] * len(clips), strict=True))


def _row(counsellor: Counsellor, path: Path, reference: str) -> Row:
    try:
        sound = audio.decode(path)
        turn = counsellor.answer(sound)
    except JiwooError as error:
        log.info("a clip was refused: %s", error)
        return Row(path, reference, message=error.kind)
    except Exception:
        log.exception("a clip could not be evaluated")
        return Row(path, reference, message=JiwooError.default_kind)
    return Row(path, reference, sound.seconds, turn, " ".join(failure.message for failure in turn.failures))


# --- reference texts ---------------------------------------------------------------------------------------------------


def read_table(path: Path) -> str:
    """A text file as a spreadsheet or an editor writes it (UTF-8, UTF-16 or CP949). Raises `BadText`."""
    data = path.read_bytes()[: MOST_BYTES + 1]
    if len(data) > MOST_BYTES:
        raise BadText("a table of references that is too large", UNREADABLE)
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp949"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadText("a table of references in no known encoding", UNREADABLE)


def references_for(clips: Sequence[Path], table: str) -> tuple[list[str], list[str]]:
    """The text of each clip ("" for none), and the names in the table that no clip has.

    table: a line a clip, its file name (with or without folder and ending), a tab or comma, and its text; or with a
    first line that names the columns.
    """
    texts: dict[str, tuple[str, str]] = {}
    for name, text in _lines(table):
        texts[_key(name)] = (name, text)
    keys = [next((key for key in (_key(clip.name), _key(clip.stem)) if key in texts), "") for clip in clips]
    unknown = [name for key, (name, _) in texts.items() if key not in keys]
    return [texts[key][1] if key else "" for key in keys], unknown


def _lines(table: str) -> Iterator[tuple[str, str]]:
    """Name and text of each line. Without named columns the second is the text, and commas in it are its own."""
    delimiter = "\t" if "\t" in table else ","
    lines = [line for line in table.splitlines() if line.strip()]
    rows = [[cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))] for line in lines]
    heads = [head.casefold() for head in rows[0]] if rows else []
    name, text = (next((i for i, head in enumerate(heads) if head in known), None) for known in (NAMES, TEXTS))
    if name is not None and text is not None:
        yield from ((row[name], row[text]) for row in rows[1:] if len(row) > max(name, text))
    else:
        yield from ((row[0], ", ".join(row[1:] if delimiter == "," else row[1:2])) for row in rows)


def _key(name: str) -> str:
    """By what a file is known: an upload loses its folder and signs such as brackets, a Mac writes Hangul in pieces."""
    base = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    return "".join(char for char in base if char.isalnum() or char == ".").casefold()


# --- what is handed out ------------------------------------------------------------------------------------------------


def as_dict(row: Row) -> dict[str, Any]:
    """Plain JSON values: the row, and in it what `turn_as_dict` tells of its turn."""
    told = turn_as_dict(row.turn or Turn())
    kept = ("text", "confidence", "risk", "emotion", "reply", "seconds", "total_seconds")
    return {
        "clip": row.clip,
        "reference": row.reference,
        **{name: told[name] for name in kept},
        "clip_seconds": row.clip_seconds,
        "cer": row.cer,
        "message": row.message,
    }


COLUMNS = (
    *("소리", "길이(초)", "참고 글", "받아쓰기", "확신도", "CER", "감정", "감정 확실", *EMOTIONS),
    *("대답", "대답의 출처", "위험 단계", "걸린 시간(초)", "알림"),
)


def as_csv(rows: Sequence[Row]) -> bytes:
    """A row a clip, for a spreadsheet: UTF-8 with its mark, nothing that would be run as a formula."""
    out = io.StringIO(newline="")
    write = csv.writer(out)
    write.writerow(COLUMNS)
    for row in rows:
        write.writerow([harmless("" if cell is None else cell) for cell in _cells(row)])
    return out.getvalue().encode("utf-8-sig")


def _cells(row: Row) -> list[object]:
    turn = row.turn or Turn()
    felt, reply, risk = turn.emotion, turn.reply, turn.risk
    return [
        *(row.clip, _rounded(row.clip_seconds), row.reference, turn.text),
        *(_rounded(turn.transcript.confidence) if turn.transcript else None, _rounded(row.cer)),
        *((felt.label, "예" if felt.sure else UNSURE) if felt else (None, None)),
        *(_rounded(felt.scores.get(label)) if felt else None for label in EMOTIONS),
        *((reply.text, SOURCES.get(reply.source, reply.source)) if reply else (None, None)),
        *(risk.level if risk else None, _rounded(turn.total_seconds) if row.turn else None, row.message),
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
