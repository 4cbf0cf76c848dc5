"""A pool of guards in processes of their own, for guests that compute.

What belongs here: starting and ending workers, asking them, and doing for them
what only this process can: backends, logs, streams.  What does not: what runs
in a worker (``worker``), turns, policies and closing (``pooling``).

A worker has the bounds of any guard and keeps to them itself.  One that does
not (stopped, killed, out of memory) is noticed here, ended and replaced; so is
one that does not take what it is asked.
"""

from __future__ import annotations

import dataclasses
import itertools
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from hostabi import abi
from hostabi.backend import HOST, Backend, BackendError
from hostabi.caches import GLOBAL, Choice, chosen
from hostabi.context import CallContext, called_for
from hostabi.errors import (
    GuardCallError,
    GuardCancelled,
    GuardError,
    GuardTimeout,
    GuardWorkerLost,
    HostFunctionError,
    PayloadError,
    WorkersUnavailable,
)
from hostabi.guard import Health, State
from hostabi.labels import AgentLabels, ResourceLabels, ResponseLabels
from hostabi.load import Source, code_of
from hostabi.messages import (
    Answer,
    Ask,
    Cancel,
    Channel,
    Close,
    Failure,
    Load,
    Loaded,
    Mailbox,
    Renew,
    Reply,
    Request,
    Status,
)
from hostabi.payload import decode, encode
from hostabi.pooling import Instance, Pool
from hostabi.questions import Given, Question
from hostabi.recovery import DEFAULT_RECOVERY, Recovery
from hostabi.trace import CallReport, LogLine
from wasmpy.api import store
from wasmpy.api.module import Module
from wasmpy.config import DEFAULT_LIMITS, Features, Limits

GRACE = 2.0
"""Seconds that a worker may take longer than its guard, before it is ended."""
START = 60.0
"""Seconds that a worker may take to start and load its guard."""

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from hostabi.worker import main; main()"
_NOWHERE = ("emscripten", "wasi")


class ProcessPool(Pool):
    """``size`` guards in processes of their own; the interface of ``GuardPool``.

    ``options`` are those of ``Guard``; ``log``, ``stdout``, ``stderr`` and
    backends are called here, in the threads of the callers.  Each worker
    decodes the module once, from the cache on disk if there is one.  A worker
    that ends or has to be ended is one ``GuardWorkerLost`` (or the timeout, or
    the cancellation) and is replaced.

    Raises: WorkersUnavailable where no process can be started;
    GuardLoadError.
    """

    def __init__(
        self, source: Source, *, size: int = 2, name: str = "",
        backend: Optional[Backend] = None, wait: Optional[float] = None,
        limits: Optional[Limits] = None, max_memory_pages: int = abi.MAX_MEMORY_PAGES,
        timeout: Optional[float] = None, tier: Optional[str] = None,
        features: Features = Features.WASM2, recovery: Recovery = DEFAULT_RECOVERY,
        cache: Choice = GLOBAL, log: Any = None, stdout: Any = None, stderr: Any = None,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, size, wait, backend)
        kept = chosen(cache)
        allowed = dataclasses.replace(limits or DEFAULT_LIMITS, memory_pages=max_memory_pages)
        is_module = isinstance(source, Module)
        self._host = {
            kind: target
            for kind, target in (("log", log), ("stdout", stdout), ("stderr", stderr))
            if target is not None
        }
        self._timeout = timeout
        self._load = Load(
            source.binary if isinstance(source, Module) else code_of(source),
            None if kept is None else kept.directory,
            dict(
                options, name=name, limits=allowed, max_memory_pages=max_memory_pages,
                timeout=timeout, tier=tier or store.DEFAULT_TIER, recovery=recovery,
                # What made a module has looked at its features.
                features=Features.ALL if is_module else features,
            ),
            tuple(self._host), backend is not None,
        )  # fmt: skip
        self._recovery = recovery
        self._begin()

    def _successor(self, instance: Instance) -> Optional[Instance]:
        """The same worker with another guard, where it is only the guard that has failed."""
        if isinstance(instance, RemoteGuard) and instance.renewed():
            return instance
        return super()._successor(instance)

    def _make(self) -> RemoteGuard:
        return RemoteGuard(
            self._load, self._host, self.backend, self.name, self._timeout, self._recovery
        )


class RemoteGuard:
    """A guard in a process of its own, for one caller at a time.

    Raises: WorkersUnavailable, GuardLoadError.
    """

    def __init__(
        self, load: Load, host: Dict[str, Any], backend: Optional[Backend], name: str,
        timeout: Optional[float], recovery: Recovery,
    ) -> None:  # fmt: skip
        self.name = name
        self._host = host
        self._timeout = timeout
        self._recovery = recovery
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._number: Optional[int] = None
        self._function = "load"
        self._until: Optional[float] = None
        self._end: Optional[float] = None
        """When the call under way is over, whatever the worker does."""
        self._stopped = False
        self._failure: Optional[BaseException] = None
        self._recovered: Optional[BaseException] = None
        self._status: Optional[Status] = None
        self._lost = False
        self._closed = False
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._child = _started()
        assert self._child.stdout is not None
        assert self._child.stdin is not None
        self._channel = Mailbox(self._child.stdout, self._child.stdin)
        # It does not have the guard, which can so be let go of while the thread runs.
        self._reader = threading.Thread(
            target=_read, args=(self._channel, self._inbox), name="guard worker", daemon=True
        )
        self._reader.start()
        self._backend = backend
        try:
            self._loaded(load)
        except BaseException:
            self._kill()
            raise

    def _loaded(self, order: Any) -> None:
        """Have a guard made.  Raises: WorkersUnavailable, GuardLoadError."""
        self._end = time.monotonic() + START
        raised: List[BaseException] = []
        message = self._conversation(order, self._backend, raised)
        if isinstance(message, Failure):
            raise raised[-1] if message.error is None else message.error
        if not isinstance(message, Loaded):
            how = "has not started in time" if message is self else "ended while it started"
            raise WorkersUnavailable(f"a worker {how}", "start")
        self.gateway, self.manner, self._status = message
        self._end = None

    # -- what it is -----------------------------------------------------------

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance."""
        if self._lost or self._status is None or not self._status.healthy:
            return False
        return self._child.poll() is None

    @property
    def given(self) -> Optional[Given]:
        """The policy it has, None where that is not certain."""
        return None if self._status is None else self._status.given

    @property
    def time_left(self) -> Optional[float]:
        """Seconds left of the call under way; None for any number."""
        return None if self._until is None else self._until - time.monotonic()

    @property
    def cancelled(self) -> bool:
        """Whether the call under way was cancelled."""
        return self._stopped

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._child.pid

    def health(self) -> Health:
        """How it was after its last call."""
        status = self._status
        assert status is not None
        state = status.state
        if self._lost:
            state = State.CLOSED if self._closed else State.POISONED
        return Health(
            self.healthy, state, status.calls, status.resets, status.pages, self._failure,
            self._recovered, self._recovery.to_json(gateway=self.gateway),
        )  # fmt: skip

    # -- a call ---------------------------------------------------------------

    def answer(
        self, question: Question, *, backend: Optional[Backend] = None,
        under: Optional[Given] = None, cancelled: Optional[Callable[[], bool]] = None,
    ) -> Any:  # fmt: skip
        """The answer to a question, read; as ``Guard.answer``.

        Raises: GuardCallError; GuardWorkerLost.
        """
        raised: List[BaseException] = []
        number = next(self._numbers)
        now = time.monotonic()
        self._function = question.function
        with self._lock:
            self._number, self._stopped = number, False
            self._until = None if self._timeout is None else now + self._timeout
            self._end = None if self._until is None else self._until + GRACE
        try:
            if cancelled is not None and cancelled():
                raise GuardCancelled(question.function)
            ask = Ask(number, question.as_sent(), under, backend is not None)
            message = self._conversation(ask, backend, raised)
            return self._outcome(question, message, raised)
        except GuardCallError as error:
            if not self.healthy:
                self._failure = error
            raise
        finally:
            with self._lock:
                self._number = self._until = self._end = None

    def _outcome(self, question: Question, message: Any, raised: List[BaseException]) -> Any:
        """What a worker's last message means.  Raises: GuardCallError; what a backend raised."""
        if message is self:
            self._kill()
            if self._stopped:
                raise self._reported(GuardCancelled(question.function))
            raise self._reported(GuardTimeout(question.function, self._timeout or 0.0))
        if message is None:
            self._kill()
            error = GuardWorkerLost(self.name, question.function, self._child.returncode)
            raise self._reported(error)
        assert isinstance(message, (Answer, Failure))
        self._take(message)
        if isinstance(message, Failure):
            if message.error is None:
                raise raised[-1]
            raise self._own(message.error, raised)
        return self._read_answer(question, message)

    def _take(self, message: Any) -> None:
        """Note how the guard is after a call."""
        before, status = self._status, message.status
        assert before is not None
        if status.resets > before.resets:
            self._recovered, self._failure = self._failure, None
        if status.state is not State.READY:
            self._failure = message.error if isinstance(message, Failure) else self._failure
        self._status = status

    def _read_answer(self, question: Question, message: Answer) -> Any:
        """The labels in an answer.  Raises: ResponseError."""
        report = message.report

        def notice(text: str) -> None:
            report.notices.append(text)
            if "log" in self._host:
                self._host["log"](LogLine(2, text.encode("utf-8"), HOST))

        try:
            result = question.read(message.raw, notice)
        except GuardCallError as error:
            error.function = error.function or question.function
            error.report = report
            raise
        if isinstance(result, (AgentLabels, ResourceLabels, ResponseLabels)):
            result = dataclasses.replace(result, report=report)
        return result

    @staticmethod
    def _reported(error: GuardCallError) -> GuardCallError:
        """With the report of a call of which nothing more is known."""
        error.report = CallReport(function=error.function)
        return error

    @staticmethod
    def _own(error: BaseException, raised: List[BaseException]) -> BaseException:
        """The worker's error, with what was raised here as its cause instead of its picture."""
        if isinstance(error, HostFunctionError) and raised:
            own = HostFunctionError(error.function, error.import_name, raised[-1])
            own.report = error.report
            return own
        return error

    def _do(
        self, request: Request, backend: Optional[Backend], raised: List[BaseException]
    ) -> Reply:
        """Do what the guest wants of the host."""
        try:
            if request.kind == "backend":
                assert backend is not None
                name, args = request.args
                context = CallContext(self.name or abi.DEFAULT_MODULE_NAME, self._function, self)
                value = called_for(context, lambda: backend(name, decode(args)))
                return Reply("value", encode(value))
            target = self._host[request.kind]
            if request.kind == "log":
                target(*request.args)
                return Reply("value")
            written = target.write(*request.args)
            return Reply("value", written if isinstance(written, int) else None)
        except BackendError as error:
            return Reply("refused", str(error))
        except PayloadError:
            return Reply("no-json")
        except Exception as error:  # noqa: BLE001 - it is raised in the guest's call
            if isinstance(error, OSError) and request.kind in ("stdout", "stderr"):
                return Reply("os", (error.errno, error.strerror))
            raised.append(error)
            return Reply("failed", (type(error).__name__, str(error)))
        except BaseException as error:  # noqa: BLE001 - it is raised where the guard is called
            raised.append(error)
            return Reply("stopped")

    # -- the pipe -------------------------------------------------------------

    def _conversation(
        self, message: Any, backend: Optional[Backend], raised: List[BaseException]
    ) -> Any:
        """Send a message and do what the guest wants until there is an end: what ``_next`` says."""
        self._channel.send(message)
        while True:
            answer = self._next()
            if not isinstance(answer, Request):
                return answer
            self._channel.send(self._do(answer, backend, raised))

    def _next(self) -> Any:
        """The worker's next message; None if it has ended, itself if the time is over."""
        while True:
            end = self._end
            left = None if end is None else end - time.monotonic()
            try:
                if left is not None and left <= 0:
                    return self
                message = self._inbox.get(timeout=left)
            except queue.Empty:
                return self
            except BaseException:
                # Who called has gone, and the worker is in the midst of something.
                self._kill()
                raise
            if message is not self:  # or it was to look at the clock again
                return message

    # -- life -----------------------------------------------------------------

    def cancel(self) -> None:
        """Stop the call under way; a worker that does not stop is ended.

        Waits for nothing: pools call it while they hold what every call needs.
        """
        with self._lock:
            number = self._number
            if number is None or self._stopped:
                return
            self._stopped = True
            end = time.monotonic() + GRACE
            self._end = end if self._end is None else min(end, self._end)
        self._channel.send(Cancel(number))
        self._inbox.put(self)

    def renewed(self) -> bool:
        """Have the worker put a new guard in the place of one that has failed; whether it did."""
        if self._lost:
            return False
        try:
            self._loaded(Renew())
        except GuardError:
            return False
        self._failure = self._recovered = None
        return True

    def _kill(self) -> None:
        """End the worker now."""
        self._lost = True
        self._child.kill()
        self._ended()

    def close(self) -> None:
        """Have the worker end, and wait for it; twice is harmless."""
        self._closed = True
        if self._lost:
            return
        self._lost = True
        self._channel.send(Close())
        try:
            self._child.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._ended()

    def _ended(self) -> None:
        """The worker has ended, or is about to: wait, and let go of its pipes."""
        self._child.wait()
        self._reader.join()
        self._channel.close()

    def __del__(self) -> None:
        # A pool that nobody closed.
        child = getattr(self, "_child", None)
        if child is not None and not self._lost:
            child.kill()
            self._ended()


def _read(channel: Channel, inbox: queue.SimpleQueue[Any]) -> None:
    """What comes in from a worker, to who waits for it; None when nothing more comes."""
    try:
        while True:
            inbox.put(channel.receive())
    except Exception:  # noqa: BLE001 - whatever it is
        inbox.put(None)


def _started() -> subprocess.Popen[bytes]:
    """A worker's process.  Raises: WorkersUnavailable."""
    if sys.platform in _NOWHERE:
        raise WorkersUnavailable(
            f"no processes can be started on {sys.platform}: use GuardPool", "platform"
        )
    if not sys.executable:
        raise WorkersUnavailable("it is not known where this interpreter is", "interpreter")
    flags = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    if sys.dont_write_bytecode:
        flags.append("-B")
    root = str(Path(__file__).resolve().parent.parent)
    try:
        return subprocess.Popen(  # noqa: S603 - this interpreter, with a text of ours
            [sys.executable, "-I", *flags, "-c", _BOOT, root],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise WorkersUnavailable(f"a worker cannot be started: {error}", "start") from error
