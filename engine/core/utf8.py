"""The text in the bytes of a file that somebody saved, or where it is not the text it should be."""

import codecs

from engine.core.findings import Finding

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HOW = "in the editor: Save As, Encoding: UTF-8"


def decoded(source: bytes, file: str) -> str | Finding:
    r"""The text without the mark that some editors put before it; a finding when it is not in UTF-8.

    >>> decoded(b"\xef\xbb\xbfHello", "x.sms.txt")
    'Hello'
    >>> found = decoded("Se\u00f1ora".encode("latin-1"), "x.sms.txt")
    >>> found.line, found.column, found.problem
    (1, 3, 'This letter is not saved as UTF-8.')
    """
    if source.startswith(_UTF_16):
        problem = "The file is saved as UTF-16 (“Unicode”)."
        return Finding(file, 0, 0, "", problem, f"Save it as UTF-8 ({_HOW}).")
    source = source.removeprefix(codecs.BOM_UTF8)
    try:
        return source.decode()
    except UnicodeDecodeError as error:
        before = source[: error.start].decode().replace("\r\n", "\n").replace("\r", "\n")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        remedy = f"Save the whole file as UTF-8 ({_HOW})."
        return Finding(file, line, column, "", "This letter is not saved as UTF-8.", remedy)
