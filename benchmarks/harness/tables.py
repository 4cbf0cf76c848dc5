"""Tables from reports, for the terminal and for Markdown: no figure is written by hand.

A report is what ``run.py --json`` writes. What does not belong here: measuring.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from benchmarks.harness.figures import Row, geometric_mean, median, ratio_of

BASELINE, COMPILER = "pywasm", "wasmtime"
METERED, UNMETERED = "wasmpy_python_fuel", "wasmpy_python"
FUNCTIONS = ("label_agent", "label_resource", "label_response", "all")


class Table(NamedTuple):
    """A table: what it shows, the head, the lines (the first cell of each is its name)."""

    title: str
    head: List[str]
    lines: List[List[str]]
    note: str = ""


def shown(value: Optional[float]) -> str:
    """A figure with three significant digits or, from 100, none behind the point."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return format(round(value), ",")
    return "%.*f" % (1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4, value)


def seconds(value: Optional[float]) -> str:
    """A time, in the unit that suits it."""
    if value is None:
        return "-"
    if value >= 1:
        return "%.2f s" % value
    return "%.*f ms" % (0 if value >= 0.1 else 1 if value >= 0.001 else 3, value * 1e3)


def state(row: Optional[Row]) -> str:
    """What stands in place of a figure."""
    if row is None:
        return "-"
    if row.get("error"):
        return "missing" if row.get("missing") else "FAILED"
    return "-"


def _rate(row: Optional[Row]) -> str:
    return shown(row["rate"] / 1e6) if row and row.get("rate") else state(row)


class Column(NamedTuple):
    """A column of ratios: how many times as fast the first engine is as the second."""

    head: str
    mine: str
    base: str


def ratio_columns(labels: Sequence[str]) -> Dict[str, List[Column]]:
    """The ratios that a report of these engines shows, by the title of their table."""
    ours = [label for label in labels if label.startswith("wasmpy")]
    rest = [label for label in labels if label not in (BASELINE, COMPILER)]
    found: Dict[str, List[Column]] = {}
    if BASELINE in labels and ours:
        title = "Times as fast as %s, paired" % BASELINE
        found[title] = [Column(e, e, BASELINE) for e in ours]
    if COMPILER in labels and rest:
        title = "Time, that of %s being 1, paired" % COMPILER
        found[title] = [Column(e, COMPILER, e) for e in rest]
    fuel = []
    for label in ours:
        name, at, python = label.partition("@")
        plain = UNMETERED + at + python
        if name == METERED and plain in labels:
            fuel.append(Column(label, plain, label))
    if fuel:
        found["Time with fuel, that of the same engine without it being 1, paired"] = fuel
    return found


def _folded(values: Sequence[Sequence[Optional[float]]], heads: int) -> List[List[str]]:
    """The lines below a table: geometric mean, least and greatest of each column."""
    lines = []
    folds: Any = (("geometric mean", geometric_mean), ("least", min), ("greatest", max))
    for name, fold in folds:
        line = [name] + [""] * (heads - 1)
        for column in zip(*values):
            there = [v for v in column if v]
            line.append(shown(fold(there)) if there else "-")
        lines.append(line)
    return lines


def present(report: Row) -> List[str]:
    """The engines that are there."""
    rows = report["rows"].values()
    return [e for e in report["engines"] if not all((r.get(e) or {}).get("missing") for r in rows)]


def kernel_tables(report: Row) -> List[Table]:
    """Rates, and ratios."""
    rows, labels, apart = report["rows"], present(report), report.get("apart", ())
    about = report.get("about", {})
    lines, values = [], []
    for name, mine in rows.items():
        marked = name + ("*" if name in apart else "")
        lines.append([marked, about.get(name, ""), *(_rate(mine.get(e)) for e in labels)])
        if name not in apart:
            values.append([(mine.get(e) or {}).get("rate", 0) / 1e6 for e in labels])
    if values:
        lines += _folded(values, 2)
    note = "* counts bytes moved as instructions: in no mean of rates" if apart else ""
    found = [Table("Million instructions per second", ["kernel", "what", *labels], lines, note)]
    for title, columns in ratio_columns(labels).items():
        lines, values = [], []
        for name, mine in rows.items():
            ratios = [ratio_of(mine.get(c.mine), mine.get(c.base)) for c in columns]
            values.append([r.median if r else None for r in ratios])
            lines.append([name, *map(shown, values[-1])])
        lines += _folded(values, 1)
        found.append(Table(title, ["kernel", *(c.head for c in columns)], lines))
    return found


def _guard_line(name: str, figures: Dict[str, Row], labels: Sequence[str],
                facts: Dict[str, Row]) -> List[str]:
    count = next((r["instructions"] for r in figures.values() if r.get("instructions")), None)
    line = [name, format(round(median(count)), ",") if count else "-"]
    for label in labels:
        row = figures.get(label)
        if row and row.get("rate"):
            line += [seconds(row["median"]), shown(row["rate"] / 1e6)]
        else:
            line += [state(facts.get(label)), ""]
    return line


def guard_tables(report: Row) -> List[Table]:
    """First and sustained calls by payload, and what else is known of the engines."""
    facts = {k: f for k, f in report["facts"].items() if not f.get("missing")}
    labels = list(facts)
    tables = []
    for mode, title in (("first", "First calls of a process"), ("sustained", "Sustained calls")):
        lines = []
        for payload, functions in report["rows"][mode].items():
            size = format(report["payloads"][payload], ",")
            for function in FUNCTIONS:
                name = "%s (%s bytes), %s" % (payload, size, function)
                lines.append(_guard_line(name, functions.get(function, {}), labels, facts))
        lines.append(_total(report["rows"][mode], labels))
        head = ["payload, function", "instructions"]
        for label in labels:
            head += [label, "M instr/s"]
        tables.append(Table(title, head, lines))
    known = [
        [label, seconds(f.get("load")), seconds(f.get("instantiate")),
         "%.0f MB" % (f["memory"] / 1024) if f.get("memory") else state(f), str(f.get("warm_up", "-"))]
        for label, f in facts.items()
    ]
    head = ["engine", "load", "instantiate", "peak memory", "rounds of warm-up"]
    return [*tables, Table("The engines on the guard", head, known,
                           "peak memory: of the process of the first calls, largest payload run")]


def _total(rows: Dict[str, Any], labels: Sequence[str]) -> List[str]:
    """All payloads together, for the engines that did all of them."""
    line = ["all payloads", ""]
    for label in labels:
        mine = [functions["all"].get(label) for functions in rows.values()]
        if not mine or not all(row and row.get("rate") for row in mine):
            line += ["-", ""]
            continue
        spent = sum(row["median"] for row in mine)
        done = sum(median(row["instructions"]) for row in mine)
        line += [seconds(spent), shown(done / spent / 1e6)]
    return line


def load_tables(report: Row) -> List[Table]:
    """Loading."""
    lines = [
        [label, seconds(row.get("median")) if row.get("median") else state(row), _rate(row)]
        for label, row in report["rows"]["load"].items()
    ]
    return [Table("Decoding and validating the guard", ["engine", "time", "M instr/s"], lines)]


def cold_tables(report: Row) -> List[Table]:
    """First calls of modules."""
    labels = present(report)
    lines = [[name, *(seconds(mine[e]["median"]) if mine.get(e, {}).get("median") else state(mine.get(e))
                      for e in labels)] for name, mine in report["rows"].items()]
    return [Table("Modules that nobody has seen", ["module", *labels], lines)]


def start_tables(report: Row) -> List[Table]:
    """Whole processes."""
    lines = []
    for label, row in report["rows"].items():
        if row.get("error"):
            lines.append([label, state(row), "", "", ""])
            continue
        memory = "%.0f MB" % (row["memory"] / 1024) if row.get("memory") else ""
        above = seconds(row["above_empty"]) if "above_empty" in row else ""
        lines.append([label, seconds(row["median"]), seconds(row["least"]), above, memory])
    head = ["process", "median", "least", "above the empty one", "peak memory"]
    return [Table("From the start of a process to its end", head, lines)]


def pool_tables(report: Row) -> List[Table]:
    """Pools of guards."""
    loads = report["rows"]
    lines = []
    for name in next(iter(loads.values())):
        line = [name]
        for pools in loads.values():
            row = pools.get(name) or {}
            ratio = ratio_of(row, pools.get(row.get("base", "")))
            line += [shown(row["rate"]) if row.get("rate") else state(row), shown(ratio.median if ratio else None)]
        lines.append(line)
    head = ["pool"]
    for load in loads:
        head += ["%s, calls a second" % load, "times one thread, paired"]
    return [Table("Pools of guards, 8 callers", head, lines)]


def _worst(row: Optional[Row]) -> str:
    """The median and the worst of a row."""
    if row is None or "worst" not in row:
        return state(row)
    return "%s, %s" % (seconds(row["median"]), seconds(row["worst"]))


def limits_tables(report: Row) -> List[Table]:
    """How late calls are stopped, and what memory costs."""
    labels, late = present(report), report["late"]
    rows = {name: [_worst(mine.get(e)) for e in labels] for name, mine in report["rows"].items()}
    note = "median and worst; by the clock, from the moment it was told to end"
    lines = [[name, *rows[name]] for name in late]
    memory = [[name, *cells] for name, cells in rows.items() if name not in late]
    return [
        Table("How late a call ends that was told to", ["what runs, how it is told", *labels], lines, note),
        Table("Memory of the bundled guard", ["what", *labels], memory, "median and worst"),
    ]


_TABLES: Dict[str, Callable[[Row], List[Table]]] = {
    "kernels": kernel_tables, "cold": cold_tables, "guard": guard_tables, "limits": limits_tables, "load": load_tables,
    "start": start_tables, "pool": pool_tables,
}


def tables(report: Row) -> List[Table]:
    """All tables of a report."""
    return _TABLES[report["what"]](report)


def conditions(report: Row) -> str:
    """One line: interpreters, machine, versions, how it was run."""
    versions = ", ".join("%s %s" % (k, v) for k, v in sorted(report["versions"].items()))
    return "%s; %s; %s; %d rounds; %s" % (
        ", ".join(report["interpreters"]), report["machine"], versions or "no engine ran",
        report["rounds"], report["date"])


def as_text(table: Table) -> str:
    """The table for a terminal."""
    lines = [table.head, *table.lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.head))]
    text = [table.title]
    for line in lines:
        cells = [line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:])]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text + ([table.note] if table.note else []))


def as_markdown(table: Table) -> str:
    """The table for a page."""
    lines = ["**%s**" % table.title, "", "| %s |" % " | ".join(table.head),
             "| --- |%s" % (" ---: |" * (len(table.head) - 1))]
    lines += ["| %s |" % " | ".join(line) for line in table.lines]
    return "\n".join(lines + (["", table.note.replace("*", "\\*")] if table.note else []))
