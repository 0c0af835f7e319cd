"""Uploads as the README of tus shows them, with curl."""

from __future__ import annotations

import subprocess

from tus_client import UPLOADS


class Curl:
    """Sends a file as a person would with curl, from where the server says."""

    def __init__(self, address: str, content: bytes) -> None:
        self._content = content
        begun = self._curl(
            "-X",
            "POST",
            "-H",
            f"Upload-Length: {len(content)}",
            "-H",
            "Upload-Metadata: filename cm93cy5jc3Y=",
            "-D",
            "-",
            f"{address}{UPLOADS}",
        )
        self.address = address
        self._path = self._header(begun, "location")

    @property
    def _place(self) -> str:
        return self.address + self._path

    def _curl(self, *options: str, piece: bytes = b"") -> str:
        command = ["curl", "-sS", "--max-time", "20", "-H", "Tus-Resumable: 1.0.0", *options]
        done = subprocess.run(command, input=piece, capture_output=True, check=True)
        return done.stdout.decode()

    def _header(self, told: str, name: str) -> str:
        (line,) = (line for line in told.splitlines() if line.lower().startswith(f"{name}: "))
        return line.split()[1]

    def offset(self) -> int:
        return int(self._header(self._curl("-I", self._place), "upload-offset"))

    def bring_next(self) -> str:
        begins = self.offset()
        return self._curl(
            "-X",
            "PATCH",
            "-H",
            "Content-Type: application/offset+octet-stream",
            "-H",
            f"Upload-Offset: {begins}",
            "--data-binary",
            "@-",
            "-w",
            "%{http_code}",
            self._place,
            piece=self._content[begins : begins + (4 << 20)],
        )

    def bring_all(self) -> None:
        while self.offset() < len(self._content):
            assert self.bring_next() == "204"
