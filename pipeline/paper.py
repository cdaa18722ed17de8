"""The hand-over sheet on A4. What it tells comes from `pipeline.report`; here it is only set."""

from __future__ import annotations

import io
import logging
from datetime import datetime

import pylopdf_fonts_ko
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from pipeline import report

NAME_WIDTH = 48
"""Millimetres for the name of a fact."""
LINE = 5.5
"""Millimetres from line to line."""
# What the font holds is logged by the libraries sign by sign; what it lacks is replaced here before.
logging.getLogger("fontTools").setLevel(logging.WARNING)


class Paper(FPDF):
    """A4 with the notice and the page number at the foot of every page."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.add_font("ko", "", pylopdf_fonts_ko.sans_path())
        self.set_lang("ko")
        self.set_auto_page_break(True, margin=18)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("ko", size=8)
        self.set_text_color(90)
        self.cell(0, 6, f"{report.NOTICE} · {self.page_no()}쪽", align="C")

    def line_of(self, text: str, size: float, colour: int = 30) -> None:
        self.set_font("ko", size=size)
        self.set_text_color(colour)
        self.multi_cell(0, size * 0.55, self.known(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def rows(self, facts: report.Facts) -> None:
        """A name and its value, side by side. A row that would be torn for its first line begins on the next page."""
        for name, value in facts:
            if self.will_page_break(LINE * 2):
                self.add_page()
            self.set_font("ko", size=9.5)
            self.set_text_color(90)
            top, page = self.get_y(), self.page
            self.multi_cell(NAME_WIDTH, LINE, self.known(name), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            below = self.get_y()
            self.set_xy(self.l_margin + NAME_WIDTH, top)
            self.set_text_color(20)
            self.multi_cell(0, LINE, self.known(value), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            if self.page == page:
                self.set_y(max(below, self.get_y()))

    def known(self, text: str) -> str:
        """The text with □ for signs that the font lacks (emoji, some rare letters)."""
        signs = self.fonts["ko"].cmap  # type: ignore[union-attr]
        return "".join(char if char == "\n" or ord(char) in signs else "□" for char in text)


def pdf(made: report.Sheet) -> bytes:
    paper = Paper()
    paper.set_title(report.TITLE)
    paper.set_creator("지우")
    paper.set_creation_date(datetime.fromisoformat(made.made_at))
    paper.add_page()
    paper.line_of(report.TITLE, 18)
    paper.line_of(report.NOTICE, 11)
    paper.line_of(f"만든 때: {report.clock(made.made_at)}", 9.5, colour=90)
    _heading(paper, "한눈에")
    paper.rows(report.overview(made))
    if made.turns:
        _heading(paper, "감정의 흐름 (세로는 확률 0–1, ▲는 말한 사람이 고른 감정)")
        paper.image(io.BytesIO(report.curve(made.turns).encode()), w=paper.epw)
    _heading(paper, "주고받은 말")
    for number, turn in enumerate(made.turns, 1):
        if paper.will_page_break(LINE * 5):
            paper.add_page()
        paper.ln(2)
        paper.line_of(f"{number}. {report.clock(turn.at)}", 10.5)
        paper.rows(report.facts(turn))
    if not made.turns:
        paper.line_of("아직 주고받은 말이 없어요.", 9.5)
    _heading(paper, "어떻게 쟀나요")
    paper.rows(list(report.METHODS))
    return bytes(paper.output())


def _heading(paper: Paper, text: str) -> None:
    if paper.will_page_break(30):
        paper.add_page()
    paper.ln(3)
    paper.line_of(text, 13)
    paper.ln(1)
