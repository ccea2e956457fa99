"""The command line: the same program as the `toolfront` binary."""

from __future__ import annotations

import os
import signal
import sys

from toolfront import _core

# What the process that starts commands for a gateway runs: nothing is imported but the extension module, by its path, so
# that the process is small and has one thread, for it forks.
_LAUNCHER = (
    "import sys;"
    "from importlib.machinery import ExtensionFileLoader as L, ModuleSpec as S;"
    "l=L('toolfront._core',sys.argv[1]);"
    "m=l.create_module(S('toolfront._core',l,origin=sys.argv[1]));"
    "l.exec_module(m);"
    "sys.exit(m.launcher_main())"
)


def main() -> int:
    """Runs the command line with the words of `sys.argv`, and yields its exit code."""
    # Python's own handler would print a traceback after the program has dealt with Ctrl-C itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    words = ["toolfront", *sys.argv[1:]]
    path = os.path.abspath(str(_core.__file__))
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, path]
    return _core.run_command_line(words, (launcher[0], launcher[1:]))
