"""The command line: one JSON object a line on standard output, in the order of the inputs; all else on standard error.

    python -m pipeline transcribe clip.wav other.mp3
    python -m pipeline emotion "오늘 정말 기뻐요"
    python -m pipeline risk --stdin < lines.txt
    python -m pipeline reply "친구와 다퉜어요"
    python -m pipeline rank --stdin        # lines of {"text": …, "candidates": […]}, if you like "emotion", "history"
    python -m pipeline speak -o hello.wav "안녕하세요"
    python -m pipeline speak -d sounds --stdin
    python -m pipeline turn clip.wav       # or --text "…"; -o answer.wav keeps the sound
    python -m pipeline models
    python -m pipeline lock                # or: lock kresnik kogpt2; pins the Hub's models in checkpoints/hub.lock.json
    python -m pipeline report sheet.json -o sheet.pdf   # or .html, .csv, .json; --to age1… encrypts it

A line that cannot be worked on gives {"error": …} in its place and the rest go on; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from pipeline import audio, catalogue, hub, load, safety
from pipeline import lock as locks
from pipeline import report as sheets
from pipeline.counsellor import Counsellor
from pipeline.errors import BadText, JiwooError
from pipeline.settings import Settings
from pipeline.turn import EMOTIONS, Audio, Emotion, Exchange, Speech, turn_as_dict

log = logging.getLogger(__name__)

Row = dict[str, Any]


def transcribe(talk: Counsellor, path: str, _: argparse.Namespace) -> Row:
    began = time.perf_counter()
    heard = talk.stages.transcriber.transcribe(audio.decode(path))
    spent = time.perf_counter() - began
    return {"path": path, "text": heard.text, "confidence": heard.confidence, "seconds": spent}


def emotion(talk: Counsellor, text: str, _: argparse.Namespace) -> Row:
    read = talk.stages.emotion_reader.read(_words(text))
    return {"text": text, "label": read.label, "scores": dict(read.scores), "sure": read.sure}


def risk(_: Counsellor, text: str, __: argparse.Namespace) -> Row:
    found = safety.assess(text)
    return {"text": text, "level": found.level, "kind": found.kind}


def reply(talk: Counsellor, text: str, _: argparse.Namespace) -> Row:
    turn = talk.answer(_words(text))
    assert turn.reply is not None and turn.emotion is not None
    return {"text": turn.reply.text, "source": turn.reply.source, "emotion": turn.emotion.label}


def rank(talk: Counsellor, line: str, _: argparse.Namespace) -> Row:
    """By the emotion that the line names; by the one read from the text, as in a turn, where it names none."""
    asked = _ranking(line)
    felt = Emotion(asked["emotion"]) if "emotion" in asked else talk.stages.emotion_reader.read(asked["text"])
    history = [Exchange(*(exchange[part] for part in EXCHANGE)) for exchange in asked.get("history", [])]
    return {"scores": talk.stages.responder.score(asked["text"], asked["candidates"], felt, history)}


def speak(talk: Counsellor, text: str, args: argparse.Namespace) -> Row:
    began = time.perf_counter()
    spoken = Speech(tuple(talk.stages.speaker.speak(_words(text)))).audio
    path = _write(spoken, args)
    return {"text": text, "path": path, "audio_seconds": spoken.seconds, "seconds": time.perf_counter() - began}


def turn(talk: Counsellor, said: str, args: argparse.Namespace) -> Row:
    *_, whole = talk.take_turn(_words(said) if args.text else audio.decode(said))
    path = _write(whole.speech.audio, args) if whole.speech and (args.output or args.directory) else None
    return {**turn_as_dict(whole), "path": path}


def models(_: Counsellor, __: str, ___: argparse.Namespace) -> Row:
    return {"models": [asdict(model) for model in load.models(Settings.from_env())]}


def lock(_: Counsellor, name: str, __: argparse.Namespace) -> Row:
    settings = Settings.from_env()
    pin = hub.resolve(catalogue.named(name), settings.endpoint)
    locks.write(settings.checkpoints, name, pin)
    megabytes = round(sum(file.size for file in pin.files.values()) / 1e6, 1)
    return {"name": name, "repository": pin.repository, "revision": pin.revision, "megabytes": megabytes}


def report(_: Counsellor, path: str, args: argparse.Namespace) -> Row:
    output = Path(args.output)
    made = sheets.load(Path(path).read_bytes())
    data = sheets.export(made, output.suffix.removeprefix("."), args.to)[1]
    if args.to:
        output = output.with_name(output.name + ".age")
    output.write_bytes(data)
    return {"path": path, "output": str(output), "turns": len(made.turns), "bytes": len(data)}


VERBS: dict[str, Callable[[Counsellor, str, argparse.Namespace], Row]] = {
    verb.__name__: verb for verb in (transcribe, emotion, risk, reply, rank, speak, turn, models, lock, report)
}


INPUTS = {"transcribe": "sound files", "turn": "sound files", "report": "a hand-over sheet, or turns, as JSON"}


EXCHANGE = ("user", "reply")
NO_RANKING = (
    '{"text": "하신 말", "candidates": ["답", …]} 모양으로 적어 주세요. "emotion"(일곱 감정 중 하나)과 '
    '"history"([{"user": "…", "reply": "…"}, …])는 없어도 돼요.'
)


def _ranking(line: str) -> Row:
    """What a line asks to be ranked. Raises `BadText`."""
    try:
        asked = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadText(f"not JSON: {error}", NO_RANKING) from error

    def is_text(value: object) -> bool:
        return isinstance(value, str) and bool(value.strip())

    def are(value: object, kind: Callable[[Any], bool]) -> bool:
        return isinstance(value, list) and all(map(kind, value))

    good = (
        isinstance(asked, dict)
        and is_text(asked.get("text"))
        and are(asked.get("candidates"), lambda candidate: isinstance(candidate, str))
        and asked.get("emotion", EMOTIONS[0]) in EMOTIONS
        and are(
            asked.get("history", []), lambda e: isinstance(e, dict) and all(is_text(e.get(part)) for part in EXCHANGE)
        )
    )
    if not good:
        raise BadText("not a ranking", NO_RANKING)
    return asked


def _words(text: str) -> str:
    if not text.strip():
        raise BadText("the line is empty")
    return text


def _write(spoken: Audio, args: argparse.Namespace) -> str:
    """Write to -o, or to the next free number in -d; return the path."""
    if args.output:
        path = Path(args.output)
    else:
        folder = Path(args.directory)
        folder.mkdir(parents=True, exist_ok=True)
        args.written = getattr(args, "written", 0) + 1
        path = folder / f"{args.written:04d}.wav"
    audio.write_wav(path, spoken)
    return str(path)


def run(verb: str, inputs: Iterable[str], args: argparse.Namespace, out: TextIO, talk: Counsellor) -> int:
    """Work off ``inputs``; returns the number of lines that could not be worked on."""
    failed = 0
    for line in inputs:
        try:
            row = VERBS[verb](talk, line, args)
        except JiwooError as error:
            log.warning("%r: %s", line[:80], error)
            row = {"error": error.kind}
        except Exception as error:  # one bad line must not cost the others
            log.exception("%r", line[:80])
            row = {"error": f"{type(error).__name__}: {error}"}
        failed += "error" in row
        print(json.dumps(row, ensure_ascii=False), file=out, flush=True)
    return failed


@contextmanager
def only_rows_on_stdout() -> Iterator[TextIO]:
    """Yield a stream to the real standard output, while everything else that is printed, also by C++, goes to stderr."""
    sys.stdout.flush()
    # What is no UTF-8 (a file name) is told as \udcXX, which JSON knows too.
    rows = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield rows
    finally:
        sys.stdout.flush()
        rows.flush()
        rows.close()
        os.dup2(kept, 1)
        os.close(kept)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        "python -m pipeline", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = made.add_subparsers(dest="verb", required=True)
    for name in VERBS:
        verb = verbs.add_parser(name)
        if name == "models":
            continue
        if name == "lock":
            verb.add_argument("inputs", nargs="*", help="models of pipeline/catalogue.py; all without any")
            continue
        verb.add_argument("inputs", nargs="*", help=INPUTS.get(name, "texts"))
        verb.add_argument("--stdin", action="store_true", help="one input a line from standard input")
        if name in ("speak", "turn"):
            where = verb.add_mutually_exclusive_group(required=name == "speak")
            where.add_argument("-o", "--output", help="the WAV file to write (one input)")
            where.add_argument("-d", "--directory", help="the folder to write 0001.wav, 0002.wav … into")
        if name == "report":
            verb.add_argument("-o", "--output", required=True, help="the .pdf, .html, .csv or .json file to write")
            verb.add_argument("--to", default="", help="the reader's age public key (age1…): only they can open it")
        if name == "turn":
            verb.add_argument("--text", action="store_true", help="inputs are what was said, not sound files")
    return made


def main(argv: list[str] | None = None) -> int:
    made = parser()
    args = made.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger(load.__name__).setLevel(logging.INFO)  # how far a download is
    inputs: Iterable[str] = [""]
    if args.verb == "lock":
        inputs = args.inputs or [model.name for model in catalogue.CATALOGUE]
    elif args.verb != "models":
        inputs = args.inputs
        if args.stdin:
            sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
            inputs = (line.rstrip("\r\n") for line in sys.stdin)
        elif not inputs:
            made.error("name at least one input, or --stdin")
        if getattr(args, "output", None) and (args.stdin or len(args.inputs) > 1):
            made.error("-o takes one input; use -d for several")
    try:
        talk = load.counsellor()
    except ValueError as error:  # a wrong setting; the message says the fix
        sys.exit(str(error))
    with only_rows_on_stdout() as out:
        return min(1, run(args.verb, inputs, args, out, talk))


if __name__ == "__main__":
    sys.exit(main())
