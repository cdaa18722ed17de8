"""Put this repository on the Hugging Face Hub as a Space.

    make deploy SPACE=user/name           # needs `hf auth login` (or HF_TOKEN) once
    make deploy SPACE=user/name DRY=1     # lists what would go, and asks nobody

What git tracks goes, as it is committed, without what only developers need; what was put on the Space in those folders
before and is no longer here is deleted there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import validate_repo_id

ROOT = Path(__file__).resolve().parent
DEVELOPERS = ("tests", "training", "benchmarks", ".ci")
"""Folders that a Space does not need."""
OURS = ("page", "pipeline", "checkpoints", "examples")
"""Folders that belong to this repository alone: what lies in them on the Space and not here is old."""


def files(root: Path = ROOT) -> dict[str, int]:
    """Path → bytes of each file that goes, in order."""
    tracked = _git(root, "ls-files", "-z").split("\0")
    wanted = sorted(name for name in tracked if name and name.split("/")[0] not in DEVELOPERS)
    return {name: (root / name).stat().st_size for name in wanted}


def deploy(space: str, root: Path = ROOT) -> str:
    """Make the Space if there is none, and upload in one commit; its address."""
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        raise ValueError("there are changes that are not committed: commit them first, so that the Space is a commit")
    api = HfApi()
    api.create_repo(space, repo_type="space", space_sdk="gradio", exist_ok=True)
    commit = _git(root, "rev-parse", "--short", "HEAD").strip()
    api.upload_folder(
        repo_id=space,
        repo_type="space",
        folder_path=root,
        allow_patterns=[_literally(name) for name in files(root)],
        delete_patterns=[f"{folder}/*" for folder in OURS],
        commit_message=f"Deploy {commit}",
    )
    return f"https://huggingface.co/spaces/{space}"


def _literally(name: str) -> str:
    """A pattern that matches this name alone."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space", help="user/name")
    parser.add_argument("--dry", action="store_true", help="only list what would go")
    args = parser.parse_args(argv)
    try:
        validate_repo_id(args.space)
        if "/" not in args.space:
            raise ValueError(f"{args.space!r} names no user: make deploy SPACE=user/name")
        if not args.dry:
            print(deploy(args.space))
            return
    except (HFValidationError, ValueError) as error:
        sys.exit(str(error))
    except (HfHubHTTPError, LocalTokenNotFoundError, OSError) as error:
        sys.exit(f"the Hub did not take it (is `hf auth login` done?): {error}")
    going = files()
    for name, size in going.items():
        print(f"{size:>12,} {name}")
    print(
        f"{sum(going.values()):>12,} bytes in {len(going)} files would go to https://huggingface.co/spaces/{args.space}"
    )


if __name__ == "__main__":
    main()
