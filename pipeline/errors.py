"""Every exception this project raises on purpose, as one tree::

    JiwooError                    .kind is the sentence a person may read (Korean)
    ├── UnusableSound             an upload that is not sound, silent, too short or broken
    ├── BadText                   a text input that cannot be worked on (empty, not text)
    ├── TooMuch                   more was sent at once than is taken
    ├── WeightsMissing            a stage's weights are absent, incomplete or of another shape
    ├── StageFailed               a stage ran and could not give a usable answer
    ├── StoringRefused            nothing may be stored: no consent, or the server has no secret to lock it with
    ├── WrongKey                  a key, or the file it should open, is not the right one
    ├── JournalFailed             the log could not be written or read now (disk, lock, damage, connection)
    └── BadSheet                  a file that should be a hand-over sheet is none, or a reader's public key is none

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


class TooMuch(JiwooError):
    """More was sent at once than is taken."""

    default_kind = "한꺼번에 너무 많이 보내셨어요. 나누어 보내 주세요."


class WeightsMissing(JiwooError):
    """A stage has no usable weights."""

    default_kind = "이 기능에 필요한 모델을 불러오지 못했어요."


class StageFailed(JiwooError):
    """A stage ran but gave nothing usable."""


class StoringRefused(JiwooError):
    """Nothing may be written: a consent is missing, or the server has no secret."""

    default_kind = "동의하신 다음에만 저장할 수 있어요. 지금은 아무것도 저장하지 않아요."


class WrongKey(JiwooError):
    """The key opens nothing: mistyped, of a deleted or expired record, or of another server."""

    default_kind = "이 열쇠로 열리는 기록이 없어요. 열쇠가 맞는지, 보관 기간이 지나지 않았는지 살펴봐 주세요."


class JournalFailed(JiwooError):
    """The log could not be written or read. The talk goes on."""

    default_kind = "저장 안 됨: 지금은 기록을 저장하지 못하고 있어요. 이야기는 계속할 수 있어요."


class BadSheet(JiwooError):
    """Not a hand-over sheet, or one that cannot be made so."""

    default_kind = "이 파일은 지우의 기록이 아니거나 손상되었어요."
