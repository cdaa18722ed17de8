"""Measure the shipped checkpoints on data that training never saw → checkpoints/*/metrics.json.

    python -m training.evaluate stt | emotion | reply | tts | voice | safety [--limit N]

Every figure is of the pipeline's own stage objects, as a user meets them. `tts` needs the independent listener
(../shared/tools/judge.py, Whisper base) and stands beside the same listener's figure for the recorded voice. `voice` is the
same checkpoint on sentences of our own; its figures are written beside those of `tts`.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np

from pipeline import audio, load, safety
from pipeline.counsellor import UNSURE_BELOW
from pipeline.errors import StageFailed
from pipeline.korean import cer_counts
from pipeline.settings import ROOT, Settings
from pipeline.turn import Audio, Speech, Transcriber, Transcript
from training import data, evaluate_reply, measure_voice, nonspeech
from training.evaluate_emotion import emotion
from training.train_risk import Sentence

log = logging.getLogger(__name__)

STT_SETS = ("asr_dev", "asr_test_studio", "asr_test_tedx", "asr_test_deeply_texts")
NON_SPEECH = 100
RISK_SETS = ("crisis_open_ko", "crisis_unseen_a", "crisis_unseen_b", "crisis_unseen_c")
SPOKEN = "crisis_unseen_b"
"""The set that is also spoken and heard again."""
"""The rules were written with the first in view, the scorer's thresholds chosen on the second; the third was never used."""
Metrics = dict[str, Any]


def stt(stages: load.LoadedStages, root: Path, limit: int, other: Transcriber | None = None) -> Metrics:
    """CER (letters only, micro-averaged) with its parts, per set, source and speaker; how far the confidence can be
    believed; words heard where nobody speaks. And the same of an ``other`` recogniser on the same clips in the same run."""
    transcriber = stages.transcriber
    sets: Metrics = {}
    for name in STT_SETS:
        clips = [(clip, audio.decode(clip.path)) for clip in data.speech(root, name)[:limit]]
        heard = [_Timed.of(transcriber.transcribe, sound) for _, sound in clips]
        sets[name] = {
            **_recognition(clips, heard),
            "by_speaker": _by_speaker(clips, heard),
            "confidence": _believed(clips, [timed.transcript for timed in heard]),
        }
        if other:
            sets[name]["whisper_base"] = _recognition(clips, [_Timed.of(other.transcribe, sound) for _, sound in clips])
        log.info("%s %s", name, sets[name])
    silent = [(kind, transcriber.transcribe(sound).text) for kind, sound in nonspeech.clips(NON_SPEECH)]
    return {
        "sets": sets,
        "non_speech": {"clips": NON_SPEECH, "with_words": [kind for kind, text in silent if text]},
    }


@dataclass(frozen=True)
class _Timed:
    transcript: Transcript
    seconds: float

    @classmethod
    def of(cls, transcribe: Callable[[Audio], Transcript], sound: Audio) -> _Timed:
        began = time.perf_counter()
        transcript = transcribe(sound)
        return cls(transcript, time.perf_counter() - began)


Heard = Sequence[tuple[data.Clip, Audio]]


def _recognition(clips: Heard, heard: Sequence[_Timed]) -> Metrics:
    counts = np.sum(
        [cer_counts(clip.text, t.transcript.text) for (clip, _), t in zip(clips, heard, strict=True)], axis=0
    )
    wrong, missing, added, total = counts.tolist()
    return {
        "clips": len(clips), "cer": round((wrong + missing + added) / total, 4),
        "substitutions": wrong, "deletions": missing, "insertions": added, "letters": total,
        "seconds_a_second": round(sum(t.seconds for t in heard) / sum(sound.seconds for _, sound in clips), 4),
    }  # fmt: skip


def _by_speaker(clips: Heard, heard: Sequence[_Timed]) -> dict[str, Metrics]:
    """CER of each speaker of each source. Speakers are numbered: some corpora name them."""
    groups: dict[tuple[str, str], list[int]] = {}
    for i, (clip, _) in enumerate(clips):
        groups.setdefault((clip.path.parts[-3], clip.speaker), []).append(i)
    return {
        f"{source} {number}": {"clips": len(rows), "cer": _recognition([clips[i] for i in rows], [heard[i] for i in rows])["cer"]}
        for number, ((source, _), rows) in enumerate(sorted(groups.items()), 1)
    }  # fmt: skip


def _believed(clips: Heard, transcripts: Sequence[Transcript]) -> Metrics:
    """Confidence against the share of right syllables: both means, the expected calibration error over five bins (Naeini
    et al. 2015), and what asking again under the counsellor's threshold does."""
    shares, letters_said = [], []
    for (clip, _), transcript in zip(clips, transcripts, strict=True):
        wrong, missing, added, total = cer_counts(clip.text, transcript.text)
        shares.append(max(0.0, 1 - (wrong + missing + added) / max(1, total)))
        letters_said.append(total)
    right, weight = np.array(shares), np.array(letters_said) / sum(letters_said)
    said = np.array([transcript.confidence for transcript in transcripts])
    bins = np.minimum((said * 5).astype(int), 4)
    gaps = [abs(weight[bins == i] @ (said - right)[bins == i]) for i in range(5)]
    again = said < UNSURE_BELOW
    return {
        "mean": round(float(weight @ said), 4), "right": round(float(weight @ right), 4),
        "calibration_error": round(float(sum(gaps)), 4),
        "asked_again": int(again.sum()), "asked_again_under_half_right": int((again & (right < 0.5)).sum()),
        "under_half_right": int((right < 0.5).sum()),
    }  # fmt: skip


class WhisperTranscriber:
    """Whisper base, int8, greedy, as ``../shared/tools/judge.py setup`` leaves it in ``folder``."""

    def __init__(self, folder: Path, threads: int) -> None:
        from faster_whisper import WhisperModel

        self.model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)

    def transcribe(self, audio: Audio) -> Transcript:
        segments, _ = self.model.transcribe(
            audio.samples, language="ko", beam_size=1, temperature=0.0, condition_on_previous_text=False
        )
        return Transcript("".join(segment.text for segment in segments).strip())


def tts(stages: load.LoadedStages, root: Path, limit: int, listener: Path) -> Metrics:
    """Round trip over the held-out sentences: speak, let the listener write it down, compare; and how natural it sounds.
    Both also of the recorded voice."""
    speaker = stages.speaker
    steps = json.loads((stages.settings.checkpoints / "tts/config.json").read_text("utf-8"))["steps"]
    clips = data.speech(root, "tts_lmy_test")[:limit]
    spent = sounded = recorded = 0.0
    failed, lines, natural = 0, [], []
    with tempfile.TemporaryDirectory() as folder:
        for i, clip in enumerate(clips):
            began = time.perf_counter()
            try:
                spoken = Speech(tuple(speaker.speak(clip.text))).audio
            except Exception:
                log.exception("not spoken: sentence %d", i)
                failed += 1
                continue
            spent += time.perf_counter() - began
            sounded += spoken.seconds
            recorded += clip.seconds
            natural.append((dnsmos(spoken), dnsmos(audio.decode(clip.path))))
            path = Path(folder) / f"{i}.wav"
            audio.write_wav(path, spoken)
            lines.append((path, clip.text))
        heard = _listen(listener, lines, Path(folder))
        floor = _listen(listener, [(clip.path, clip.text) for clip in clips], Path(folder))
    return {
        "test": "tts_lmy_test", "sentences": len(clips), "not_spoken": failed,
        "cer": heard["cer"], "too_long": heard["long"], "too_short": heard["short"],
        "recorded_voice_cer": floor["cer"],
        "dnsmos": round(float(np.mean([ours for ours, _ in natural])), 3),
        "recorded_voice_dnsmos": round(float(np.mean([theirs for _, theirs in natural])), 3),
        "length_to_recorded": round(sounded / recorded, 3),
        "seconds_a_second": round(spent / sounded, 3), "listener": "Whisper base (../shared/tools/judge.py)",
        "training": _training_record(steps),
    }  # fmt: skip


def dnsmos(sound: Audio) -> float:
    """Overall quality from 1 to 5 as listeners would rate it (Reddy et al. 2022, DNSMOS P.835), of the whole clip."""
    from speechmos import dnsmos as rater

    samples = librosa.resample(sound.samples, orig_sr=sound.rate, target_sr=rater.SR)
    return float(rater.run(np.clip(samples, -1, 1), sr=rater.SR)["ovrl_mos"])


def voice(stages: load.LoadedStages, root: Path, limit: int, listener: Transcriber) -> Metrics:
    """Length and round trip of our own sentences, and the guard over readings of every second of them."""
    speaker: Any = stages.speaker  # more than a turn needs: it decodes without its guard
    steps = json.loads((stages.settings.checkpoints / "tts/config.json").read_text("utf-8"))["steps"]
    pace = measure_voice.Pace.of(data.speech(root, "tts_lmy_train"))
    texts = measure_voice.own_sentences()[:limit]
    guarded = measure_voice.guard_figures(measure_voice.trials(speaker, pace, listener, texts[::2]))
    return {
        "own_sentences": {"steps": steps, **measure_voice.sentences(speaker, pace, listener, texts)},
        "guard": {"steps": steps, **guarded},
    }


def _listen(listener: Path, lines: Iterable[tuple[Path, str]], folder: Path) -> Metrics:
    manifest = folder / "manifest.tsv"
    manifest.write_text("".join(f"{path}\t{text}\n" for path, text in lines), "utf-8")
    done = subprocess.run([sys.executable, listener, "score", manifest], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the listener failed; is it set up ({listener} setup)?\n{done.stderr[-2000:]}")
    *heard, summary = done.stdout.strip().splitlines()
    for line in heard:
        log.info("%s", line)
    return json.loads(summary)


def _training_record(steps: dict[str, int]) -> Metrics:
    """The last measurement that the training (runs/) wrote down at or before the steps of the shipped weights."""
    record = {}
    for part, step in steps.items():
        path = Path("runs/vocoder/history.jsonl" if part == "vocoder" else f"runs/tts/{part}.jsonl")
        if path.exists():
            rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            record[part] = max((row for row in rows if row["step"] <= step), key=lambda row: row["step"], default=None)
    return record


def risk(stages: load.LoadedStages, root: Path, limit: int) -> Metrics:
    """The crisis layer on the sets of tests/data, by rules alone and with the scorer; and again on what the project's own
    voice makes of the dangerous sentences and its recogniser hears of that."""
    sets: Metrics = {name: _risk_set(_risk_rows(name)[:limit]) for name in RISK_SETS}
    spoken = [row for row in _risk_rows(SPOKEN)[:limit] if row.level >= 2]
    heard, silent = [], 0
    for row in spoken:
        try:
            sound = Speech(tuple(stages.speaker.speak(row.text))).audio
        except StageFailed:
            silent += 1
            continue
        samples = librosa.resample(sound.samples, orig_sr=sound.rate, target_sr=audio.RATE)
        transcript = stages.transcriber.transcribe(Audio(samples, audio.RATE))
        heard.append((row, safety.assess(transcript.text, transcript.alternatives).level))
    found = {
        "sentences": len(heard), "not_spoken": silent,
        "grave": round(float(np.mean([level >= 2 for _, level in heard])), 4) if heard else None,
        "imminent": round(float(np.mean([level == 3 for row, level in heard if row.level == 3])), 4) if heard else None,
    }  # fmt: skip
    log.info("through voice and recogniser: %s", found)
    return {"sets": sets, "everyday": _everyday(limit), "through_voice_and_recogniser": {"of": SPOKEN, **found}}


def _everyday(limit: int) -> Metrics:
    """How often ordinary talk is taken for danger: what is said in our own held-out talks, and the prompts of `evaluate_reply`."""
    talks = [talk for talk in data.talks() if talk.split == "test"]
    texts = {
        "own_talks": [text for talk in talks for role, text in talk.turns if role == "user"],
        "prompts": [prompt.text for prompt in evaluate_reply.read_prompts(evaluate_reply.PROMPTS)],
    }
    result: Metrics = {}
    for name, said in texts.items():
        levels = [(safety.assess(text).level, text) for text in dict.fromkeys(said[:limit])]
        alarmed = {text: level for level, text in levels if level}
        result[name] = {
            "sentences": len(levels), "alarms": round(len(alarmed) / len(levels), 4),
            "grave_alarms": round(sum(level >= 2 for level in alarmed.values()) / len(levels), 4), "alarmed": list(alarmed),
        }  # fmt: skip
    return result


def _risk_rows(name: str) -> list[Sentence]:
    """level, kind and text of a set of tests/data; the open set calls the kind its class."""
    with (ROOT / f"tests/data/{name}.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Sentence(int(row["level"]), row.get("kind", row.get("class", "")), row["text"]) for row in rows]


def _risk_set(rows: Sequence[Sentence]) -> Metrics:
    """Shares found; what was missed or raised for nothing by name."""
    both = [(row, safety.assess(row.text).level) for row in rows]
    ruled = [(row, safety.by_rules(row.text).level) for row in rows]

    def share(found: Sequence[tuple[Sentence, int]], least: int, got: int) -> float:
        return round(float(np.mean([level >= got for row, level in found if row.level >= least])), 4)

    def alarms(found: Sequence[tuple[Sentence, int]]) -> float:
        return round(float(np.mean([level > 0 for row, level in found if row.level == 0])), 4)

    result = {
        "sentences": len(rows), "grave": share(both, 2, 2), "grave_by_rules_alone": share(ruled, 2, 2),
        "imminent": share(both, 3, 3), "imminent_by_rules_alone": share(ruled, 3, 3),
        "any_sign": share(both, 1, 1), "alarms": alarms(both), "alarms_by_rules_alone": alarms(ruled),
        "grave_by_kind": {
            kind: [sum(level >= 2 for _, level in of_kind), len(of_kind)]
            for kind in sorted({row.kind for row in rows if row.level >= 2})
            if (of_kind := [(row, level) for row, level in both if row.kind == kind and row.level >= 2])
        },
        "missed": [row.text for row, level in both if row.level >= 2 > level],
        "alarmed": [row.text for row, level in both if row.level == 0 < level],
    }  # fmt: skip
    log.info("%s", {name: value for name, value in result.items() if isinstance(value, float | int)})
    return result


MEASURES: dict[str, Callable[..., Metrics]] = {
    "stt": stt, "emotion": emotion, "reply": evaluate_reply.reply, "tts": tts, "voice": voice, "safety": risk,
}  # fmt: skip
SAME_CHECKPOINT = ("tts", "voice")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=MEASURES)
    parser.add_argument("--root", type=Path, default=data.data_root())
    parser.add_argument("--limit", type=int, default=10**9, help="rows a test set; fewer than all are not written down")
    parser.add_argument("--listener", type=Path, default=data.data_root().parent / "tools/judge.py")
    parser.add_argument("--whisper", type=Path, default=Path.home() / ".cache/jiwoo-judge", help="the listener's model")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = Settings.from_env()
    stages = load.LoadedStages(settings)
    for what in args.what:
        extra: list[Any] = []
        if what == "tts":
            extra = [args.listener]
        elif what in ("stt", "voice"):
            extra = [WhisperTranscriber(args.whisper, settings.threads)]
        metrics = MEASURES[what](stages, args.root, args.limit, *extra)
        print(_as_json(metrics))
        if args.limit == 10**9:
            _write_down(settings.checkpoints, what, metrics)


def _write_down(checkpoints: Path, what: str, metrics: Metrics) -> None:
    """Into the metrics.json of the checkpoint, where the figures of the other measurement of the voice stay."""
    path = checkpoints / ("tts" if what in SAME_CHECKPOINT else what) / "metrics.json"
    before = json.loads(path.read_text("utf-8")) if what in SAME_CHECKPOINT and path.exists() else {}
    path.write_text(_as_json({**before, **metrics}) + "\n", "utf-8")


def _as_json(metrics: Metrics) -> str:
    return json.dumps(metrics, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    main()
