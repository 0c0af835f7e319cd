"""`python -m bench [ingest] [pages] [training]`: ratios measured side by side in one run."""

from __future__ import annotations

import sys

from bench import ingest, pages, training

BENCHMARKS = {"ingest": ingest.main, "pages": pages.main, "training": training.main}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.stderr.write(f"no benchmark {unknown[0]!r}; choose from {', '.join(BENCHMARKS)}\n")
        return 2
    for name in names or list(BENCHMARKS):
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
