"""Why a published figure is what it is, as data: a score, a change, an interval, a gap. Nothing is computed anew."""
