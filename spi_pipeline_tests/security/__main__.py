"""``python -m spi_pipeline_tests.security TARGET SECONDS``: fuzz a reader with Atheris, which must be installed.

It keeps inputs that reach new branches in ``.fuzz/TARGET``, and stops at the first defect with the input behind it.
Without arguments it lists the targets.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path


def main() -> None:
    """Fuzz until the time is up."""
    asked = len(sys.argv) == 3
    if asked:
        import atheris
    with atheris.instrument_imports(include=["spi_pipeline"]) if asked else nullcontext():
        from spi_pipeline_tests.security.fuzzing import survives, targets
    known = targets()
    if not asked or sys.argv[1] not in known:
        print("\n".join(known))
        sys.exit(2 if sys.argv[1:] else 0)
    target = known[sys.argv[1]]()
    corpus = Path(".fuzz") / sys.argv[1].replace("/", ".")
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "good").write_bytes(target.good)
    # An input that takes 20 s is a hang; no reader needs 4 GB.
    options = [f"-max_total_time={int(sys.argv[2])}", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1",
               f"-max_len={2 * len(target.good)}", f"-artifact_prefix={corpus}/"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda body: survives(target, body))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
