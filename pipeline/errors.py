"""Every exception this project raises on purpose, as one tree::

    JiwooError                    .kind is the sentence a person may read (Korean)
    ├── UnusableSound             an upload that is not sound, silent, too short or broken
    ├── BadText                   a text input that cannot be worked on (empty, not text)
    ├── WeightsMissing            a stage's weights are absent, incomplete or of another shape
    └── StageFailed               a stage ran and could not give a usable answer

The message (``str(error)``) is English and for the log; ``kind`` is Korean and for the person. Neither gets the other's.
"""


class JiwooError(Exception):
    """Base of the tree; ``kind`` is the Korean sentence to show."""

    default_kind = "잠시 문제가 생겼어요. 조금 뒤에 다시 시도해 주세요."

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind or self.default_kind


class UnusableSound(JiwooError):
    """The upload holds no speech that could be worked on."""

    default_kind = "소리를 읽지 못했어요. 다른 파일로 다시 시도해 주세요."


class BadText(JiwooError):
    """The text input is empty or not text."""

    default_kind = "하고 싶은 말을 적어 주세요."


class WeightsMissing(JiwooError):
    """A stage has no usable weights."""

    default_kind = "이 기능에 필요한 모델을 불러오지 못했어요."


class StageFailed(JiwooError):
    """A stage ran but gave nothing usable."""
