"""Random requests, signed by the official Python signer: writes random-vectors.json beside this file.

Run it with huaweicloudsdkcore 3.1.219 installed: python3 random_vectors.py [count] [seed] [output]

It makes only requests of which that signer makes sense: no line end inside a header, no two headers of one
name, no empty path, no query in the path.
"""

import json
import pathlib
import random
import sys

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

PIECES = [
    "/", "/", "//", ".", "..", "%", "%%", "%2", "%zz", "%2F", "%2f", "%25", "%20", "%00", "%0A", "%7e", "%41",
    "%E4%BD%9C", "%e4%bd", "%BD%9C", "%F0%9F%98%80", "%F0%9F%98", "%F4%90%80%80", "%ED%A0%80", "%C0%AF", "%E0%80%80",
    "%FF", "%80", "%C3", "%u4F5C", "+", " ", "&", "=", ";", ":", "@", "~", "_", "-", "*", "'", "\"", "(", ")", "\\",
    "é", "作业", "ß", "İ", "😀", "\u00a0", "\u2028", "\ufffd", "\uffff", "\U0010ffff", "a", "B", "z9", "x-y",
]
BLANKS = ["", "", " ", "\t", "\n", "\r\n", "\v", "\f", "\x1c", "\x1f", "\u0085", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff"]
CONTENT_TYPES = [
    "application/json", "application/json;charset=utf-8", "application/bson", "application/jsonp", "text/plain",
    "Application/json", " application/json", "application/octet-stream", "",
]
NAMES = [
    "workspace", "Accept", "User-Agent", "X-Project-Id", "X-A", "x-b", "X-AA", "x_c", "X-D_e", "X~f", "x.g", "0h", "X-Note",
]


def text(rng, pieces, most):
    return "".join(rng.choice(pieces) for _ in range(rng.randint(0, most)))


def recase(rng, name):
    return rng.choice([name, name, name.lower(), name.upper()])


def request(rng):
    headers = [(recase(rng, name), rng.choice(BLANKS) + text(rng, PIECES, 4) + rng.choice(BLANKS))
               for name in rng.sample(NAMES, rng.randint(0, 4))]
    spelled = rng.choice(["Content-Type", "Content-Type", "content-type"])
    if rng.random() < 0.6:
        headers.append((spelled, rng.choice(CONTENT_TYPES)))
    if rng.random() < 0.2:
        # Only this spelling: in another one the signer may send the header twice.
        value = rng.choice(["UNSIGNED-PAYLOAD", "abc ", "", "e3b0c442"])
        headers.append(("X-Sdk-Content-Sha256", value))
    if rng.random() < 0.2:
        headers.append((recase(rng, "Host"), "example.com:8443 "))
    headers.append((recase(rng, "X-Sdk-Date"), "%04d%02d%02dT%02d%02d%02dZ" % (
        rng.randint(1000, 9999), rng.randint(1, 12), rng.randint(1, 28),
        rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59))))
    rng.shuffle(headers)
    return {
        "method": rng.choice(["GET", "post", "Put", "DELETE", "m-search"]),
        "host": rng.choice(["dayu.cn-north-4.myhuaweicloud.com", "127.0.0.1:8080", "[::1]"]),
        "path": "/" + text(rng, PIECES, 8) if rng.random() < 0.9 else text(rng, PIECES, 3) or "/",
        "query": [(text(rng, PIECES, 2), text(rng, PIECES, 3)) for _ in range(rng.randint(0, 4))],
        "headers": headers,
        "body": rng.choice(["", "{}", "作业\r\n", text(rng, PIECES, 9)]),
    }


class Key:
    def __init__(self, rng):
        self.ak = "AK%d" % rng.randint(0, 999)
        # Some are longer than a block of the hash.
        self.sk = "fake-" + "".join(rng.choice(["a", "Z", "9", "/", "+", "钥", " "]) for _ in range(rng.choice([1, 40, 59, 60, 90])))


class SpyingSigner(Signer):
    def _process_canonical_request(self, request, signed_headers):
        self.seen = super()._process_canonical_request(request, signed_headers)
        return self.seen


def vector(rng):
    given, key = request(rng), Key(rng)
    signer = SpyingSigner(key)
    signed = signer.sign(SdkRequest(
        method=given["method"], schema="https", host=given["host"], resource_path=given["path"],
        query_params=list(given["query"]), header_params=dict(given["headers"]), body=given["body"]))
    # The signer leaves header values as Latin-1 readings of their UTF-8 bytes.
    sent = [(name, value if name == "Authorization" else value.encode("latin-1").decode("utf-8"))
            for name, value in signed.header_params.items()]
    return dict(given, ak=key.ak, sk=key.sk, expected={
        "canonical_request": signer.seen, "uri": signed.uri, "headers_sent": sent})


def main(count=100, seed=20240429, output=pathlib.Path(__file__).with_name("random-vectors.json")):
    rng = random.Random(int(seed))
    lines = ",\n".join(json.dumps(vector(rng), ensure_ascii=True) for _ in range(int(count)))
    pathlib.Path(output).write_text(
        '{\n"source": "huaweicloudsdkcore 3.1.219 (PyPI), run by random_vectors.py",\n"vectors": [\n%s\n]\n}\n' % lines, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
