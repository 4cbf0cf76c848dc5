"""The whole process of a cold start: import, prepare a guard, ask it one thing.

    python3 benchmarks/harness/first_label.py ENGINE GUARD INPUT

Imports as little as it can, since all of it is measured. With ``WASMPY_CACHE_DIR`` set,
wasmpy loads the guard by way of its disk cache. Prints one JSON line: the length of the
answer and the peak memory. What does not belong here: measuring; see ``start``.
"""

import os
import sys

OUT_SIZE = 65536


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _imports(wasm):
    """Host functions that know nothing and store nothing but zeros."""
    from benchmarks import wasmfile

    def zeros(guest, ptr, length=4):
        guest.write(ptr & 0xFFFFFFFF, bytes(length))
        return 0

    own = {
        "random_get": zeros,
        "environ_sizes_get": lambda guest, count, size: zeros(guest, count) or zeros(guest, size),
        "call_backend": lambda guest, *args: -1,
        "host_log": lambda guest, *args: None,
        "proc_exit": lambda guest, *args: None,
    }
    return {item: own.get(item[1], lambda guest, *args: 0) for item in wasmfile.imports(wasm)}


def _prepared(engine, name, path):
    """The guard, ready to be instantiated; through the cache if there is one."""
    cache = os.environ.get("WASMPY_CACHE_DIR")
    if cache and name.startswith("wasmpy"):
        import wasmpy

        return wasmpy.Module.from_file(path, cache=cache)
    return engine.prepare(_read(path))


def _peak_memory():
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), None)
    except OSError:
        return None


def main():
    """One label."""
    name, guard, question = sys.argv[1], sys.argv[2], _read(sys.argv[3])
    from benchmarks import engines

    engine = engines.engine(name)
    module = _prepared(engine, name, guard)
    instance = engine.instantiate(module, _imports(_read(guard)))
    if instance.has("_initialize"):
        instance.call("_initialize")
    in_ptr = instance.call("alloc", len(question)) & 0xFFFFFFFF
    out_ptr = instance.call("alloc", OUT_SIZE) & 0xFFFFFFFF
    instance.write(in_ptr, question)
    length = instance.call("label_agent", in_ptr, len(question), out_ptr, OUT_SIZE)
    print('{"length": %d, "memory": %s}' % (length, _peak_memory() or "null"))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
