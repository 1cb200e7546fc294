"""Ways in which people write secrets down: (text, the parts of it that must go).

Keys with a known form are put together when they are needed, so that no scanner takes this file for leaking.
"""

import base64
import random
import string

_chance = random.Random(77)
_WORD = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits


def _some(count: int, alphabet: str = _WORD) -> str:
    return "".join(_chance.choices(alphabet, k=count))


def _base64(count: int) -> str:
    return base64.b64encode(_chance.randbytes(count)).decode()


_LINES = tuple(_base64(51)[:66] for _ in range(6))
_BODY = "\n".join(_LINES)
_BEGIN, _END = "---- BEGIN SSH2 {}PRIVATE KEY ----", "---- END SSH2 {}PRIVATE KEY ----"
_SSH2 = f'{_BEGIN}\nComment: "2048-bit rsa"\n{_BODY}\n{_END}'


def _begun(before: str, rest: str, after: str = "") -> tuple[str, tuple[str, ...]]:
    return f"{before}{rest}{after}", (rest,)


PRIVATE_KEYS = [
    (_SSH2.format("", ""), _LINES),
    (_SSH2.format("ENCRYPTED ", "ENCRYPTED "), _LINES),
    (f'KEY = """{_SSH2.format("", "")}"""', _LINES),
    ("\n".join(f"# {line}" for line in _SSH2.format("", "").split("\n")), _LINES),
    (f"{_BEGIN.format('ENCRYPTED ')}\nComment: cut off\n{_BODY}\n", _LINES),
    (
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 2\n\n{_BODY}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----",
        _LINES,
    ),
    ('"-----BEGIN RSA PRIVATE KEY-----\\n" +\n' + " +\n".join(f'"{line}\\n"' for line in _LINES), _LINES),
    (f"-----BEGIN EC PRIVATE KEY-----\r\n{_BODY}\r\n-----END EC PRIVATE KEY-----", _LINES),
    _begun("-----BEGIN OpenVPN Static key V1-----\n", _some(32, _HEX), "\n-----END OpenVPN Static key V1-----"),
    _begun("untrusted comment: minisign encrypted secret key\nRWRTY0Iy", _some(80), "=="),
    _begun("untrusted comment: signify secret key\nRWRC", _some(96)),
    _begun(f"<RSAKeyValue><Modulus>{_some(80)}</Modulus><D>", _base64(60), "</D></RSAKeyValue>"),
    _begun('"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', _some(60), '"'),
    (f"MIIEpAIBAAKCAQEA{_some(48)}\n{_BODY}", _LINES),
    _begun("MIGHAgEAMBMGByqGSM49AgEG", _some(100)),
    _begun("der: MC4CAQAwBQYDK2VwBCIEI", _some(43)),
    _begun("ns" + "ec1", _some(58, "023456789acdefghjklmnpqrstuvwxyz")),
    _begun("x" + "prv9s21", _some(100, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")),
]
_GITHUB, _SK, _STRIPE = _some(36), _some(48), _some(24)
_GH, _AWS, _GITLAB, _SLACK = "gh" + "p_", "AK" + "IA", "gl" + "pat-", "xo" + "xb-"
_ID, _HALF = _some(16, _UPPER), _some(12)
_LOGIN = "Gr4nite!Hollow77"

PIECES = [
    _begun('key = "sk-" + "', _SK, '"'),
    _begun(f"token = '{_GH}' + '", _GITHUB, "'"),
    (f'token = ("{_GH}{_GITHUB[:16]}"\n     "{_GITHUB[16:]}")', (_GITHUB[:16], _GITHUB[16:])),
    (f'token = "{_GH}{_GITHUB[:16]}" \\\n    "{_GITHUB[16:]}"', (_GITHUB[:16], _GITHUB[16:])),
    _begun(f'$id = "{_AWS}" . "', _ID, '";'),
    _begun(f'local token = "{_GH}" .. "', _GITHUB, '"'),
    _begun(f't = ["{_GH}", "', _GITHUB, '"].join("")'),
    _begun(f'"".join(("{_GH}", "', _GITHUB, '"))'),
    _begun(f't = "%s%s" % ("{_GH}", "', _GITHUB, '")'),
    _begun(f't = "{_GH}{{}}".format("', _GITHUB, '")'),
    _begun(f'new StringBuilder("{_GH}").append("', _GITHUB, '")'),
    _begun(f'concat("{_GH}", "', _GITHUB, '")'),
    _begun('const key = `${"sk-"}', _SK, "`"),
    _begun(f'a = "{_SLACK}"\nb = "', f"123456789012-{_STRIPE}", '"\nt = a + b'),
    _begun('key = "sk_live_" & "', _STRIPE, '"'),
    _begun("key = 'sk_live_' || '", _STRIPE, "'"),
    _begun(f'key := "{_GITLAB}" +\n\t"', _some(20), '"'),
    _begun('key = "sk-" <> "', _SK, '"'),
    _begun('key = "sk-" ++ "', _SK, '"'),
    _begun(f'char *key = "{_GH}{_GITHUB[:8]}" "', _GITHUB[8:], '";'),
    _begun(f"key = f'{_GH}' f'", _GITHUB, "'"),
    (f'key = "s" + "k-" + "{_SK[:17]}" + "{_SK[17:]}"', (_SK[:17], _SK[17:])),
    _begun('url = "postgres://ada:" + "', _LOGIN, '" + "@db/shop"'),
    ('password = "Gr4nite" + "!Hollow77"', ("Gr4nite", "Hollow77")),
    ('password = "Gr4n" "ite!" "Hollow77"', ("Gr4n", "ite!", "Hollow77")),
    ('password = ("Gr4nite"\n            "!Hollow77")', ("Gr4nite", "Hollow77")),
    (f'API_KEY = "{_HALF}" + "{_STRIPE[:12]}"', (_HALF, _STRIPE[:12])),
    (f'apiKey: "{_HALF}" +\n    "{_STRIPE[:12]}",', (_HALF, _STRIPE[:12])),
    (f'"source": ["key = \\"{_HALF}\\" + \\"{_STRIPE[:12]}\\"\\n"]'.replace("key", "api_key"), (_HALF, _STRIPE[:12])),
]
