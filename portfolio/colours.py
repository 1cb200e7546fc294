"""Code in colours, in bounded time, whatever it is.

A lexer's time is not in proportion on every input, and of some it grows with its third power: whoever wrote the code
could keep the site busy with it. Only known lexers are taken, and none goes on for longer than SECONDS.
"""

import io
import time
from collections.abc import Iterator
from typing import Any

from django.utils.html import escape
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class_for_filename, get_lexer_by_name
from pygments.token import Token
from pygments.util import ClassNotFound

MAX_CHARACTERS = 10_000  # of one piece of code
SECONDS = 0.3  # of computing for one; what is left stays plain

# By Pygments' first name of each; tests/portfolio/test_colours.py tries hostile text with every one.
_NAMES = (
    "python pycon pytb python2 cython javascript typescript jsx tsx json yaml toml ini properties html xml css scss "
    "less sass sql postgresql mysql bash console batch powershell fish docker make cmake c cpp csharp java kotlin "
    "scala groovy go rust ruby erb php swift objective-c dart lua perl splus julia haskell ocaml fsharp elixir "
    "erlang clojure scheme racket common-lisp emacs-lisp zig nimrod d vim diff markdown restructuredtext "
    "html+django django terraform protobuf graphql nginx apacheconf http tex matlab fortran ada cobol delphi vb.net "
    "cr solidity nasm gas gherkin awk tcl vue text nixos coffeescript glsl verilog systemverilog vhdl prolog pug "
    "smalltalk thrift twig liquid handlebars haml slim meson purescript wgsl wast jsonnet json5 "
)
LEXERS = frozenset(_NAMES.split())


def html(code: str, language: str) -> str:
    """Escaped HTML of `code` with Pygments' class names and the same lines.

    `language` is a name that Pygments knows, or a file's path; code of an unknown one stays plain.
    """
    code = code.replace("\r\n", "\n").replace("\r", " ").removeprefix("\ufeff")
    lexer = _lexer(language) if len(code) <= MAX_CHARACTERS else None
    if lexer is None:
        return escape(code)
    coloured = io.StringIO()
    HtmlFormatter(nowrap=True).format(_tokens(lexer, code), coloured)
    return coloured.getvalue()


def _tokens(lexer: Lexer, code: str) -> Iterator[tuple[Any, str]]:
    started, read = time.thread_time(), 0
    for kind, text in lexer.get_tokens(code):
        yield kind, text
        read += len(text)
        if time.thread_time() - started > SECONDS:
            yield Token.Text, code[read:]
            return


def _lexer(language: str) -> Lexer | None:
    is_path = language not in LEXERS and ("." in language or "/" in language)
    try:
        found = find_lexer_class_for_filename(language) if is_path else type(get_lexer_by_name(language))
    except ClassNotFound:
        return None
    if found is None or not LEXERS.intersection(found.aliases[:1]):
        return None
    lexer: Lexer = found(stripnl=False, ensurenl=False)
    return lexer
