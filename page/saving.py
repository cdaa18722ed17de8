"""A file goes to the browser in the answer itself and is saved there: none lies on the server."""

from __future__ import annotations

import base64

SAVE = """(file) => {
  if (!file || !file.name) return;
  const bytes = Uint8Array.from(atob(file.data), (sign) => sign.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = file.name;
  link.click();
  URL.revokeObjectURL(link.href);
}"""


def file(name: str, data: bytes) -> dict[str, str]:
    """The file as `SAVE` takes it."""
    return {"name": name, "data": base64.b64encode(data).decode()}
