"""A mail server: the conversation of RFC 5321 as far as a letter needs it, remembered."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

REPLIES = {
    "EHLO": "250-mail.example.org\r\n250 AUTH PLAIN",
    "AUTH": "235 welcome",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 queued",
    "QUIT": "221 bye",
}
# Instead of a reply: the connection is closed without a word.
BREAK_OFF = "(break off)"


class MailServer(socketserver.ThreadingTCPServer):
    """`lines` are the commands that came, and where TLS began; `letters` what was handed over."""

    def __init__(
        self, replies: Mapping[str, str], *, tls: ssl.SSLContext | None, tls_at_once: bool
    ) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        # Commands count in any case, and Pythons differ in theirs.
        self.replies = REPLIES | {command.upper(): reply for command, reply in replies.items()}
        self.tls = tls
        self.tls_at_once = tls_at_once
        self.lines: list[str] = []
        self.letters: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def said(self, verb: str) -> list[str]:
        return [line for line in self.lines if line.upper().startswith(verb)]


class Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        if self.server.tls_at_once:
            self.encrypt()
        self.say("220 mail.example.org")
        while line := self.rfile.readline():
            text = line.decode("ascii", "replace").strip()
            self.server.lines.append(text)
            verb = text[:4].upper()
            replies = self.server.replies
            reply = replies.get(text.upper()) or replies.get(verb, "502 unknown")
            if reply == BREAK_OFF:
                return
            self.say(reply)
            self.answer_next(verb)

    def answer_next(self, verb: str) -> None:
        replies = self.server.replies
        if verb == "STAR" and self.server.tls is not None:
            self.encrypt()
        if verb == "DATA" and replies["DATA"].startswith("354"):
            letter = iter(self.rfile.readline, b".\r\n")
            self.server.letters.append(b"".join(line.removeprefix(b".") for line in letter))
            self.say(replies["."])

    def say(self, reply: str) -> None:
        self.wfile.write(f"{reply}\r\n".encode())

    def encrypt(self) -> None:
        assert self.server.tls is not None
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.setup()
        self.server.lines.append("(TLS)")

    def finish(self) -> None:
        super().finish()
        self.request.close()


@contextmanager
def mail_server(
    replies: Mapping[str, str] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    tls_at_once: bool = False,
) -> Iterator[MailServer]:
    """Serve on the loopback; `replies` replaces what is answered to a verb or a whole line."""
    with MailServer(replies or {}, tls=tls, tls_at_once=tls_at_once) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
