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
