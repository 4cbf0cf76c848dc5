"""What is fuzzed of the guard host: the bytes of answers, policies, JSON and path labels.

What belongs here: the targets as plain functions, what counts as a finding,
and the texts to begin with.  What does not: the engine (``run``), and the
targets of the runtime (``targets``).

Findings are: an exception that is not the one typed error of its kind; a
strict reader that accepts what the lenient one refuses, or reads it otherwise.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from hostabi.errors import POLICY_REASONS, PayloadError, PolicyError, ResponseError
from hostabi.labels import Labels
from hostabi.paths import item_index, segments, unwrap, walk
from hostabi.payload import decode, encode
from hostabi.policy import OFF, POLICY_CHECKS, agent_policy, parse_policy
from hostabi.responses import parse_agent, parse_resource, parse_response
from tests.fuzz.finding import Finding

AGENT = b'{"agent":{"secrecy":["private:a/b"],"integrity":["none:a/b"]},"difc_mode":"filter","normalized_policy":{"x":1}}'
RESOURCE = b'{"resource":{"description":"ticket:7","secrecy":["private:a"],"integrity":["none:a"]},"operation":"read"}'
PATHS = b'{"labeled_paths":[{"path":"/hits/1","labels":{"description":"d","secrecy":["private:a/b"],"integrity":["none:a/b"]}}],"default_labels":{"secrecy":[],"integrity":["none"]},"items_path":"/hits"}'
ITEMS = b'{"items":[{"data":{"n":1},"labels":{"description":"d","secrecy":["s"],"integrity":["i"]}},{"data":2}]}'
POLICY = b'{"allow-only":{"repos":["acme/web","acme/api-*"],"min-integrity":"approved","blocked-users":["a"],"refusal-labels":"x,y","tool-call-limits":{"t":1},"disapproval-integrity":"none"},"trusted-bots":["ci[bot]"]}'
SINK = b'{"WriteSink":{"accept":["private:acme/web","acme"],"sink-visibility":"public"}}'
WRAPPED = b'{"content":[{"type":"text","text":"{\\"hits\\":[1,{\\"a\\":[2]}]}"},{"type":"image","data":"x"}]}'

WORDS = [
    b'"secrecy"', b'"Secrecy"', b'"integrity"', b'"labels"', b'"items"', b'"labeled_paths"', b'"items_path"',
    b'"path"', b'"default_labels"', b'"agent"', b'"difc_mode"', b'"success"', b'"error"', b'"resource"',
    b'"operation"', b'"allow-only"', b'"allowonly"', b'"write-sink"', b'"policy"', b'"repos"', b'"integrity"',
    b'"all"', b'"*"', b"null", b"true", b"false", b"[]", b"{}", b"-0", b"1e400", b"1e-400", b"9" * 30, b"9" * 5000,
    b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b"\xff", b"\xed\xa0\x80", b"[" * 40, b"[" * 600, b'{"a":' * 40,
    b"NaN", b"Infinity", b"\xe2\x80\xa8", b"/0", b"~1", b"/hits/0", b",", b":", b'"', b"\\", b" ", b"{", b"}", b"[", b"]",
]  # fmt: skip
"""What JSON of guards is made of, and what breaks readers of it."""

RESULTS: List[Any] = [None, [1, {"a": 2}, 3], {"hits": [1, 2]}, decode(WRAPPED), "text"]
"""Results of tools that answers are applied to."""


def _read(read: Callable[[], Any], kind: type) -> Tuple[bool, Any]:
    """Whether it can be read, and what it says."""
    try:
        return True, read()
    except kind:
        return False, None


def _within(strict: Tuple[bool, Any], lenient: Tuple[bool, Any]) -> None:
    """Raises: Finding where strict is not within lenient."""
    if strict[0] and not lenient[0]:
        raise Finding("strict takes what lenient refuses")
    if strict[0] and strict[1] != lenient[1]:
        raise Finding("strict and lenient read different things")


def answers(data: bytes) -> None:
    """Read ``data`` as each of the three answers, strictly and leniently.

    Raises: Finding; whatever a reader raises that is no ResponseError.
    """
    resource: Optional[Labels] = Labels(("r",), ("i",))
    for parse in (parse_agent, parse_resource):
        _within(
            _read(lambda: parse(data, lenient=False), ResponseError),  # noqa: B023
            _read(lambda: parse(data, lenient=True), ResponseError),  # noqa: B023
        )
    for result in RESULTS:
        ways = [
            _read(lambda: parse_response(data, result, resource, lenient=lenient), ResponseError)  # noqa: B023
            for lenient in (False, True)
        ]
        _within(ways[0], ways[1])
        if ways[0][1] is not None:
            for item in ways[0][1].items:
                item.to_json()


def policies(data: bytes) -> None:
    """Read ``data`` as a policy, in every way there is.

    Raises: Finding; whatever is raised that is no PolicyError.
    """

    def reasoned(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except PolicyError as error:
            if error.reason not in POLICY_REASONS or not error.expected:
                raise Finding(f"{error.reason!r} with {error.expected!r} expected") from error
            return None

    for check in POLICY_CHECKS:
        for gateway in (False, True):
            sent = reasoned(lambda: agent_policy(data, check=check, gateway=gateway))  # noqa: B023
            if sent is not None:
                encode(sent)
            if sent is not None and check != OFF and not gateway and agent_policy(sent, check=check) != sent:
                raise Finding("what is sent would be sent otherwise")
    read = reasoned(lambda: parse_policy(data))
    if read is not None and parse_policy(read.to_json()) != read:
        raise Finding("what was read reads otherwise")


def payloads(data: bytes) -> None:
    """Read ``data`` as JSON, and what is written for it again.

    Raises: Finding; whatever is raised that is no PayloadError.
    """
    strict, lenient = (_read(lambda: decode(data, strict=way), PayloadError) for way in (True, False))  # noqa: B023
    _within(strict, lenient)
    if lenient[0]:
        # A float of whole value is written as an integer, and reads as one.
        written = encode(lenient[1])
        if encode(decode(written, strict=True)) != written:
            raise Finding("what was written reads otherwise")
        _read(lambda: encode(lenient[1], float64=True), PayloadError)


def paths(data: bytes) -> None:
    """Walk with ``data``, split at its first line end, as pointer and document.

    Raises: Finding; whatever is raised that is no ResponseError.
    """
    head, _, rest = data.partition(b"\n")
    pointer = head.decode("utf-8", "replace")
    readable, document = _read(lambda: decode(rest), PayloadError)
    for result in [*RESULTS, *([document] if readable else [])]:
        found, elements = _read(lambda: walk(unwrap(result), pointer), ResponseError)  # noqa: B023
        if found and not isinstance(elements, list):
            raise Finding("a walk ends at what is no array")
    segments(pointer)
    index = item_index(pointer, "/hits")
    if index is not None and not pointer.lstrip("/").startswith("hits/"):
        raise Finding("a path that leads elsewhere labels an item")


TARGETS: Dict[str, Callable[[bytes], None]] = {
    "answers": answers,
    "policies": policies,
    "payloads": payloads,
    "paths": paths,
}

SEEDS: Dict[str, List[bytes]] = {
    "answers": [AGENT, RESOURCE, PATHS, ITEMS],
    "policies": [POLICY, SINK],
    "payloads": [AGENT, PATHS, WRAPPED, b'[1.5e-7,-0,1e21,"\\u2028<>",12345678901234567890]'],
    "paths": [b"/hits\n" + WRAPPED, b"hits/1/a\n[]", b"/a~1b/~0\n" + ITEMS],
}
