# SPDX-License-Identifier: MIT
"""A terminal for what the tests start: a program that thinks somebody is watching."""
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import tempfile
import termios
import unicodedata

PATIENCE = 120  # seconds that a program may say nothing, or take to end


class Terminal:
    """A command in a terminal of its own, which is its standard input, output and error.

    Args:
        stderr: where standard error goes instead, as subprocess has it.
        ignore: a signal that it is started to ignore, as by nohup.
        environment: over os.environ; TERM is xterm.
    """

    def __init__(self, command, columns=80, *, cwd=None, stderr=None, ignore=None, **environment):
        self._master, slave = pty.openpty()
        self.resize(columns)

        def begin():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if ignore:
                signal.signal(ignore, signal.SIG_IGN)

        self.process = subprocess.Popen(list(map(str, command)), cwd=cwd, stdin=slave, stdout=slave,
                                        stderr=slave if stderr is None else stderr, preexec_fn=begin,
                                        env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment})
        os.close(slave)

    def resize(self, columns):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, keys):
        """As somebody at the keyboard: "\\x03" is Ctrl-C, of which the terminal makes a signal."""
        os.write(self._master, keys.encode())

    def waiting(self):
        """What it has said and nobody has read."""
        text = b""
        while select.select([self._master], [], [], 0)[0] and (chunk := self._chunk()):
            text += chunk
        return text.decode(errors="replace")  # a character may be there by half

    def read_until(self, words):
        """What it says, until these words have come."""
        text = b""
        while words.encode() not in text:
            chunk = self._chunk()
            assert chunk, f"ended before it said {words!r}: {text.decode()!r}"
            text += chunk
        return text.decode(errors="replace")

    def read(self):
        """What it says until its end."""
        text = b"".join(iter(self._chunk, b""))
        self.process.wait(timeout=PATIENCE)
        self.close()
        return text.decode()

    def close(self):
        """The window is closed."""
        os.close(self._master)

    def _chunk(self):
        """The next of what it says; nothing at its end."""
        assert select.select([self._master], [], [], PATIENCE)[0], "says nothing and does not end"
        try:
            return os.read(self._master, 65536)
        except OSError as error:
            assert error.errno == errno.EIO  # nobody has the other side any more
            return b""


def answer_in_terminal(*command, columns=80, cwd=None):
    """The lines of a command's answer: standard output is a terminal, standard error is not."""
    with tempfile.TemporaryFile("w+") as errors:
        terminal = Terminal(command, columns, cwd=cwd, stderr=errors)
        text = terminal.read()
        errors.seek(0)
        assert terminal.process.returncode == 0, errors.read()
    return text.splitlines()


def columns_of(text):
    """Columns that a terminal gives to it."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
