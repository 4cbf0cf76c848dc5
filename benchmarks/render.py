"""Writes the tables of RESULTS.md, and the plot, from the files of ``run.py --json``.

    python3 benchmarks/render.py kernels.json guard.json start.json

Each report goes between the lines ``<!-- tables NAME -->`` and ``<!-- end NAME -->``, where
NAME is the report's own (``run.py --name``); a report without a place is put at the end.
The plot of a report called NAME is NAME.svg beside the page. The text around the tables is
left alone.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from benchmarks.harness.figures import Row  # noqa: E402
from benchmarks.harness.plot import plot  # noqa: E402
from benchmarks.harness.tables import as_markdown, conditions, tables  # noqa: E402

RESULTS = ROOT / "benchmarks" / "RESULTS.md"


def placed(page: str, name: str, text: str) -> str:
    """The page with the text between the marks of that name."""
    begin, end = "<!-- tables %s -->" % name, "<!-- end %s -->" % name
    block = "%s\n\n%s\n\n%s" % (begin, text, end)
    if begin in page:
        return re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: block, page, flags=re.DOTALL)
    return page.rstrip("\n") + "\n\n" + block + "\n"


def rendered(report: Row, *, drawn: bool) -> str:
    """The tables of a report and the conditions it was made under."""
    parts = ["Measured by `benchmarks/run.py`: %s." % conditions(report)]
    if drawn:
        parts.append("![Million instructions per second by kernel and engine](%s.svg)" % report["name"])
    return "\n\n".join([*parts, *map(as_markdown, tables(report))])


def main() -> int:
    """Renders every report given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the page")
    options = parser.parse_args()
    page = options.results.read_text(encoding="utf-8")
    for path in options.reports:
        report = json.loads(path.read_text(encoding="utf-8"))
        drawn = report["what"] == "kernels"
        if drawn:
            (options.results.parent / (report["name"] + ".svg")).write_text(plot(report), encoding="utf-8")
        page = placed(page, report["name"], rendered(report, drawn=drawn))
    options.results.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
