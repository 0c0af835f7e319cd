"""The file store: content by its hash, and what arrives of it piece by piece."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs

from database.settings import FileSettings
from solar.errors import ConflictError, InvalidInputError, NotFoundError, StoreFullError

PIECE_BYTES = 4 * 2**20
_COPIED_BYTES = 2**20


class FileStore:
    """Files named by the SHA-256 of their content, on this machine's disk or in object storage.

    What arrives in pieces lies in `incoming` on this machine until it is whole. A file is in the
    store before any row names it.
    """

    def __init__(self, settings: FileSettings) -> None:
        self._address = settings.lab_store_address
        self._incoming = settings.lab_folder / "incoming"
        self._opened: tuple[Any, str] | None = None

    def _folder(self) -> tuple[Any, str]:
        # Opened when first used: an address that cannot be reached does not hold up the API.
        if self._opened is None:
            try:
                self._opened = pa.fs.FileSystem.from_uri(self._address)
            except (OSError, ValueError, pa.ArrowInvalid) as error:
                raise InvalidInputError(f"FLARE_LAB_STORE cannot be opened: {error}") from error
        return self._opened

    def _path(self, sha256: str) -> str:
        return f"{self._folder()[1]}/{sha256[:2]}/{sha256}"

    def has(self, sha256: str) -> bool:
        """Tell whether the content is there; a purge leaves it for a day, until it is named."""
        files, _ = self._folder()
        path = self._path(sha256)
        is_there = files.get_file_info(path).type == pa.fs.FileType.File
        if is_there and isinstance(files, pa.fs.LocalFileSystem):
            os.utime(path)
        return bool(is_there)

    def read(self, sha256: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Return bytes of a file, up to its end; raises NotFoundError."""
        files, _ = self._folder()
        try:
            with files.open_input_file(self._path(sha256)) as file:
                file.seek(start)
                content: bytes = file.read(length)
        except FileNotFoundError as error:
            raise NotFoundError("the file is no longer in the store") from error
        return content

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """Yield a file piece by piece."""
        start = 0
        while piece := self.read(sha256, start=start, length=_COPIED_BYTES):
            start += len(piece)
            yield piece

    def delete(self, sha256: str) -> None:
        """Delete a file, if it is there."""
        files, _ = self._folder()
        if self.has(sha256):
            files.delete_file(self._path(sha256))

    def incoming(self, key: str) -> Path:
        """Return where a file lies until it is whole; its folder is there."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        return self._incoming / key

    def arriving(self) -> list[str]:
        """Return the keys of the incoming files."""
        return [file.name for file in self._incoming.glob("*")]

    def free_bytes(self) -> int:
        """Return for how many bytes the disk of incoming files has space."""
        return shutil.disk_usage(self.incoming("")).free

    def received(self, key: str) -> int:
        """Return how many bytes of an incoming file are on the disk."""
        try:
            return (self._incoming / key).stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def claim(self, key: str) -> Iterator[None]:
        """Have an incoming file to oneself; raises ConflictError while another request has it."""
        with self.incoming(key).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError("another request brings this file at this moment") from error
            yield

    def cut(self, key: str, size: int) -> None:
        """Take back the bytes of an incoming file beyond a size."""
        if self.received(key) > size:
            os.truncate(self._incoming / key, size)

    def append(self, key: str, piece: bytes, *, offset: int) -> int:
        """Add a piece to an incoming file and return its new size; the bytes are on the disk then.

        Raises
        ------
        ConflictError
            When the file does not end at `offset`.
        StoreFullError
            When the disk is full.
        """
        self._incoming.mkdir(parents=True, exist_ok=True)
        try:
            with (self._incoming / key).open("ab") as file:
                end = file.tell()
                if end != offset:
                    raise ConflictError(f"{end} bytes are here; go on from there")
                file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreFullError(f"the file cannot be kept: {error.strerror}") from error
        return offset + len(piece)

    def discard(self, key: str) -> None:
        """Forget an incoming file."""
        (self._incoming / key).unlink(missing_ok=True)

    def keep(self, key: str, *, sha256: str | None = None) -> str:
        """Put a whole incoming file into the store under its hash, which is returned.

        Raises
        ------
        InvalidInputError
            When its hash is not the one it was said to have; the file is discarded.
        """
        digest = self.hash_of(key)
        try:
            _refuse_other(digest, sha256 or digest)
        except InvalidInputError:
            self.discard(key)
            raise
        self.bring(key, digest)
        return digest

    def hash_of(self, key: str) -> str:
        """Return the hash of an incoming file."""
        with (self._incoming / key).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def bring(self, key: str, digest: str) -> None:
        """Put a whole incoming file into the store under its hash, unless that has it."""
        if not self.has(digest):
            self._bring(self._incoming / key, digest)
        self.discard(key)

    def _bring(self, source: Path, digest: str) -> None:
        files, _ = self._folder()
        target = self._path(digest)
        files.create_dir(target.rpartition("/")[0], recursive=True)
        if isinstance(files, pa.fs.LocalFileSystem):
            try:
                source.replace(target)
                return
            except OSError:
                # On another disk: copied, as into object storage.
                pass
        with source.open("rb") as file:
            self.write(digest, iter(lambda: file.read(_COPIED_BYTES), b""))

    def write(self, sha256: str, content: Iterable[bytes]) -> int:
        """Put content, piece by piece, into the store under its hash, and return its size.

        Raises
        ------
        InvalidInputError
            When it has another hash; nothing of it is kept.
        StoreFullError
            When the disk takes no more.
        """
        files, _ = self._folder()
        target, digest, size = self._path(sha256), hashlib.sha256(), 0
        part = f"{target}.{os.getpid()}.part"
        try:
            files.create_dir(target.rpartition("/")[0], recursive=True)
            with files.open_output_stream(part) as copy:
                for piece in content:
                    digest.update(piece)
                    size += len(piece)
                    copy.write(piece)
            _refuse_other(digest.hexdigest(), sha256)
            files.move(part, target)
        except OSError as error:
            raise StoreFullError(f"the file cannot be kept: {error.strerror or error}") from error
        finally:
            # Gone already when all went well.
            with suppress(OSError):
                files.delete_file(part)
        return size

    def check(self, sha256: str) -> int:
        """Read a file to its end and return its size; raises InvalidInputError, NotFoundError."""
        digest, size = hashlib.sha256(), 0
        for piece in self.pieces(sha256):
            digest.update(piece)
            size += len(piece)
        _refuse_other(digest.hexdigest(), sha256)
        return size


def _refuse_other(digest: str, sha256: str) -> None:
    if digest != sha256:
        raise InvalidInputError(f"the content has the hash {digest[:12]}…, not {sha256[:12]}…")
