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
    has_target = len(sys.argv) == 3
    if has_target:
        import atheris
    with atheris.instrument_imports(include=["spi_pipeline"]) if has_target else nullcontext():
        from spi_pipeline_tests.security.fuzzing import assert_survives, targets
    known = targets()
    if not has_target or sys.argv[1] not in known:
        print("\n".join(known))
        sys.exit(2 if sys.argv[1:] else 0)
    target = known[sys.argv[1]]()
    corpus = Path(".fuzz") / sys.argv[1].replace("/", ".")
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "good").write_bytes(target.good)
    # An input that takes 20 s is a hang; no reader needs 4 GB.
    options = [f"-max_total_time={int(sys.argv[2])}", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1",
               f"-max_len={2 * len(target.good)}", f"-artifact_prefix={corpus}/"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda body: assert_survives(target, body))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
