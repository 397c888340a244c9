"""Whether there can be memory enough, asked before anything is imported that would wait for it for ever."""

import resource

from spi_pipeline.contracts.errors import SpiError

# Bytes of addresses that a run on two cores was seen to take, most of it for threads and libraries. With less, some
# library ends the process in its own way, and OpenBLAS, of which numpy and scipy each have one, tries for ever to load.
ADDRESS_SPACE = 3.4e9


def refuse_little_memory() -> None:
    """Return where this process may have the memory that a run takes.

    Raises:
        SpiError: where a limit forbids it.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < ADDRESS_SPACE:
        raise SpiError(
            f"this process may have {allowed / 1e6:,.0f} MB of addresses (ulimit -v), and a run takes "
            f"{ADDRESS_SPACE / 1e6:,.0f} MB: allow it more; to bound what it really uses, bound the memory of its "
            "service or container instead"
        )
